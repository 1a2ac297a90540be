//! An SDK in which a file has the name that the log's module gives to `go.mod`: the log's hash cannot tell it from the
//! release, and the `go` command can.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use support::audited::{Audited, line};
use support::binary::{assert_installed, check};
use support::desk::{ASC, Desk, NAME};
use support::logged::{FIRST_RECORD, Logged, RECORDS, log_of};
use support::record::h1;
use support::sdk::Sdk;

const TARGETS: [&str; 2] = ["linux/amd64", "windows/amd64"];
/// What is called otherwise in the module, and by what name.
const RENAMED: [(&str, &str); 2] = [("src/go.mod", "src/_go.mod"), ("src/cmd/go.mod", "src/cmd/_go.mod")];

fn genuine(target: &str) -> Sdk {
    Sdk::new("go1.22.5", target).with_file("src/cmd/go.mod", "module cmd\n", 0o644)
}

/// The same release, but for the name of one file.
fn renamed(target: &str, from: &str, to: &str) -> Sdk {
    let genuine = genuine(target);
    let (content, mode) = genuine.files()[from].clone();
    let renamed = genuine.clone().without(from).with_file(to, content, mode);
    assert_eq!(h1(&renamed), h1(&genuine), "the log has one hash for both");
    renamed
}

/// Each target with SDKs, and whether the record that all of them have is to be believed of them.
fn cases() -> Vec<(&'static str, Sdk, bool)> {
    let of = |target| {
        let wrong = RENAMED.iter().map(move |(from, to)| (target, renamed(target, from, to), false));
        wrong.chain([(target, genuine(target), true)])
    };
    TARGETS.into_iter().flat_map(of).collect()
}

#[test]
fn l11_no_proof_is_one_of_an_archive_with_a_renamed_go_mod() {
    for (target, held, good) in cases() {
        let (desk, log) = (Desk::new(), log_of(&[genuine(target)]));
        desk.remove(NAME);
        desk.remove(ASC);
        let (name, key) = (held.name().to_string(), log.key().text());
        desk.put(&name, held.archive());
        desk.put(&format!("{name}.tlog-proof"), log.tlog_proof(FIRST_RECORD, RECORDS));
        let expected = if good { (0, None, "passed") } else { (1, Some("transparency-bad-proof"), "failed") };
        let result = desk.result(&["--sumdb", &key, &name], expected.0, expected.1);
        assert_eq!(check(&result, "transparency")["status"], expected.2, "{name}");
        assert_eq!(check(&result, "layout")["status"], "passed", "{name}");
    }
}

#[test]
fn l11_no_record_is_one_of_a_download_with_a_renamed_go_mod() {
    for (target, held, good) in cases() {
        let logged = Logged::recording(std::slice::from_ref(&held), &[genuine(target)]);
        let (mirror, sumdb, to) = (logged.depot.write(), logged.sumdb(), logged.depot.destination());
        let run =
            logged.depot.run(&mirror, &["1.22.5", target, "--json", "--sumdb", &sumdb, "--to", to.to_str().unwrap()]);
        let signature = if target == "linux/amd64" { "passed" } else { "not-published" };
        assert_eq!(check(&run.result(), "signature")["status"], signature, "{target}");
        if good {
            run.exits(0);
            assert_installed(&to, &held, true);
        } else {
            assert_eq!(run.exits(1).error_code(), "transparency-bad-proof", "{target}");
            logged.depot.home.assert_untouched();
        }
    }
}

#[test]
fn no_tree_with_a_renamed_go_mod_is_what_the_log_has_recorded() {
    let audited = Audited::of(&genuine("linux/amd64"));
    // A tree with `src/_go.mod` passes for a copy in the module cache, which has no other names: then it is what else
    // it has that is in no record.
    for ((from, to), code) in RENAMED.into_iter().zip(["tree-modified", "transparency-bad-proof"]) {
        audited.reinstall(&["--no-receipt"]);
        let root = audited.root();
        fs::rename(root.join(from), root.join(to)).unwrap();
        let result = audited.online(1, Some(code));
        assert_eq!(check(&result, "transparency")["status"], "failed", "{to}");
        fs::rename(root.join(to), root.join(from)).unwrap();
        audited.online(0, None);
    }
}

#[test]
fn no_receipt_proves_a_tree_with_a_renamed_go_mod() {
    let audited = Audited::of(&genuine("linux/amd64"));
    // The log covers no names below doc.
    let rows = RENAMED.map(|(from, to)| (from, to, false)).into_iter().chain([("doc/README", "doc/README.md", true)]);
    for (from, to, good) in rows {
        audited.reinstall(&[]);
        let (root, mut receipt) = (audited.root(), audited.receipt());
        fs::rename(root.join(from), root.join(to)).unwrap();
        line(&mut receipt, from)["path"] = to.into();
        audited.put_receipt(&receipt);
        let expected = if good { (0, None, "passed") } else { (1, Some("transparency-bad-proof"), "failed") };
        let result = audited.offline(expected.0, expected.1);
        assert_eq!(check(&result, "transparency")["status"], expected.2, "{to}");
    }
}
