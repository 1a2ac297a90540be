//! What `goverify fetch` believes of an earlier installation, and what it believes no more.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use serde_json::Value;
use support::binary::{RECEIPT, Run, tree};
use support::desk::KEY_CREATED;
use support::keys::Signer;
use support::log::TestKey;
use support::logged::{FIRST_RECORD, Logged, RECORDS};
use support::sdk::Sdk;

#[track_caller]
fn fetch(logged: &Logged, target: &str, sumdb: &str, further: &[&str]) -> Run {
    let to = logged.depot.destination();
    let fixed = ["1.22.5", target, "--json", "--sumdb", sumdb, "--to", to.to_str().unwrap()];
    logged.depot.run(&logged.depot.write(), &[&fixed[..], further].concat())
}

#[track_caller]
fn assert_already(run: Run, case: &str) {
    assert_eq!(run.exits(0).result()["installed"]["already"], true, "{case}");
}

/// The proof in the receipt with its hashes, and another note.
fn noted(logged: &Logged, note: &str) -> Value {
    let proof = logged.tlog_proof(0);
    format!("{}\n\n{note}", proof.split_once("\n\n").unwrap().0).into()
}

/// A receipt's evidence of the log, changed so that it proves nothing.
type Forgery = (&'static str, fn(&Logged, &mut Value));

const FORGERIES: [Forgery; 6] = [
    ("index", |logged, evidence| {
        evidence["tlog_proof"] = logged.tlog_proof(0).replace("index 300\n", "index 301\n").into();
    }),
    ("another_records_proof", |logged, evidence| {
        evidence["tlog_proof"] = logged.log.tlog_proof(FIRST_RECORD + 1, RECORDS).into();
    }),
    ("record", |logged, evidence| evidence["record"] = logged.log.record(FIRST_RECORD + 1).into()),
    ("signature_of_another_log", |logged, evidence| {
        let other = TestKey::new("log.example", 7);
        evidence["tlog_proof"] = noted(logged, &other.note(&logged.log.head_text(RECORDS)));
    }),
    ("signature_of_another_key", |logged, evidence| {
        let other = TestKey::new(support::log::TestLog::NAME, 8);
        evidence["tlog_proof"] = noted(logged, &other.note(&logged.log.head_text(RECORDS)));
    }),
    ("no_proof_at_all", |_, evidence| evidence["tlog_proof"] = "".into()),
];

#[test]
fn f18_a_stored_proof_that_does_not_hold_is_not_made_good_by_a_signature() {
    for target in ["linux/amd64", "windows/amd64"] {
        let logged = Logged::of(&[Sdk::new("go1.22.5", target)]);
        let (sumdb, path) = (logged.sumdb(), logged.depot.destination().join(RECEIPT));
        fetch(&logged, target, &sumdb, &[]).exits(0);
        let receipt: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (case, forge) in FORGERIES {
            let mut forged = receipt.clone();
            forge(&logged, &mut forged["evidence"]["transparency"]);
            assert_ne!(forged, receipt, "{case}");
            fs::write(&path, forged.to_string()).unwrap();
            let before = tree(&logged.depot.destination());
            for flags in [&[][..], &["--offline"], &["--unsigned"], &["--require", "transparency"]] {
                let run = fetch(&logged, target, &sumdb, flags).exits(1);
                assert_eq!(run.error_code(), "transparency-bad-proof", "{target} {case} {flags:?}");
            }
            assert!(tree(&logged.depot.destination()) == before, "{target} {case}: the tree was touched");
            // Whoever wants no log has the signature.
            if target == "linux/amd64" {
                assert_already(fetch(&logged, target, "off", &[]), case);
            }
            fs::write(&path, receipt.to_string()).unwrap();
            assert_already(fetch(&logged, target, &sumdb, &[]), case);
        }
    }
}

#[test]
fn f18_a_certificate_that_is_not_trusted_now_is_not_made_good_by_anything() {
    let target = "linux/amd64";
    let logged = Logged::of(&[Sdk::new("go1.22.5", target)]);
    let (sumdb, keyring) = (logged.sumdb(), logged.depot.home.work().join("keyring.pgp"));
    fetch(&logged, target, &sumdb, &[]).exits(0);
    let before = tree(&logged.depot.destination());
    fs::write(&keyring, Signer::new("another", KEY_CREATED).certificate()).unwrap();
    for sumdb in [&sumdb, "off"] {
        for flags in [&[][..], &["--unsigned"], &["--unsigned", "--offline"]] {
            let run = fetch(&logged, target, sumdb, flags).exits(5);
            assert_eq!(run.error_code(), "destination-exists", "{sumdb} {flags:?}");
        }
    }
    assert!(tree(&logged.depot.destination()) == before, "the tree was touched");
    fs::write(&keyring, logged.depot.signer.certificate()).unwrap();
    for flags in [&[][..], &["--unsigned"]] {
        assert_already(fetch(&logged, target, &sumdb, flags), "trusted again");
    }
}
