//! `goverify audit`, run as its users do, on trees whose receipts are forged, of something else, or without proof: a
//! receipt proves nothing by itself.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::audited::{Audited, change_a_byte, change_both, drift, line, put, replace_by_link, set_mode};
use support::binary::{RECEIPT, check};
use support::desk::{genuine, sha256};
use support::log::{TestKey, TestLog};
use support::logged::{FIRST_RECORD, Logged, RECORDS, log_of};
use support::sdk::Sdk;

const SOURCE: &str = "src/greet/greet.go";

fn proof(receipt: &mut Value) -> &mut Value {
    &mut receipt["evidence"]["transparency"]["tlog_proof"]
}

/// The proof in the receipt, edited as a text.
fn edit_proof(receipt: &mut Value, edit: impl FnOnce(&str) -> String) {
    let edited = edit(proof(receipt).as_str().unwrap());
    assert_ne!(edited, *proof(receipt));
    *proof(receipt) = edited.into();
}

/// The proof of the genuine release out of a log with this key, which is not the one that is trusted.
fn strangers_proof(key: &TestKey) -> String {
    let log = log_of(&[genuine()]);
    let path = log.tlog_proof(FIRST_RECORD, RECORDS);
    let (path, _) = path.split_once("\n\n").unwrap();
    format!("{path}\n\n{}", key.note(&log.head_text(RECORDS)))
}

#[test]
fn f18_a_forged_receipt_is_no_evidence() {
    type Case = (&'static str, fn(&Path, &mut Value), i32, &'static str);
    let cases: &[Case] = &[
        ("another file", |root, receipt| change_both(root, receipt, SOURCE), 1, "transparency-bad-proof"),
        (
            "a file more",
            |root, receipt| {
                put(&root.join("src/evil.go"), "");
                let line = json!({"path": "src/evil.go", "size": 0, "mode": "0644", "sha256": sha256(b"")});
                receipt["files"].as_array_mut().unwrap().push(line);
            },
            1,
            "transparency-bad-proof",
        ),
        (
            "a file less",
            |root, receipt| {
                fs::remove_file(root.join(SOURCE)).unwrap();
                receipt["files"].as_array_mut().unwrap().retain(|file| file["path"] != SOURCE);
            },
            1,
            "transparency-bad-proof",
        ),
        (
            "a file twice",
            |root, receipt| {
                let genuine = line(receipt, SOURCE).clone();
                change_both(root, receipt, SOURCE);
                receipt["files"].as_array_mut().unwrap().insert(0, genuine);
            },
            1,
            "transparency-bad-proof",
        ),
        (
            "a cut proof",
            |_, receipt| edit_proof(receipt, |proof| proof[..proof.len() - 8].to_owned()),
            1,
            "transparency-bad-proof",
        ),
        ("an empty proof", |_, receipt| *proof(receipt) = "".into(), 1, "transparency-bad-proof"),
        (
            "another hash",
            |_, receipt| {
                edit_proof(receipt, |proof| {
                    let mut lines: Vec<&str> = proof.lines().collect();
                    lines.swap(2, 3);
                    lines.join("\n") + "\n"
                });
            },
            1,
            "transparency-bad-proof",
        ),
        (
            "another record's number",
            |_, receipt| edit_proof(receipt, |proof| proof.replace("index 300", "index 301")),
            1,
            "transparency-bad-proof",
        ),
        (
            "another record's proof",
            |_, receipt| *proof(receipt) = log_of(&[genuine()]).tlog_proof(FIRST_RECORD + 1, RECORDS).into(),
            1,
            "transparency-bad-proof",
        ),
        (
            "a stranger's key of the log's name",
            |_, receipt| *proof(receipt) = strangers_proof(&TestKey::new(TestLog::NAME, 66)).into(),
            1,
            "transparency-bad-proof",
        ),
        (
            "a stranger's log under the log's name",
            |_, receipt| *proof(receipt) = strangers_proof(&TestKey::new("stranger.example", 66)).into(),
            1,
            "transparency-bad-proof",
        ),
        (
            "a stranger's log",
            |_, receipt| {
                *proof(receipt) = strangers_proof(&TestKey::new("stranger.example", 66)).into();
                receipt["evidence"]["transparency"]["log"] = "stranger.example".into();
            },
            3,
            "no-evidence",
        ),
        ("no proof", |_, receipt| receipt["evidence"]["transparency"] = Value::Null, 3, "no-evidence"),
        ("another schema", |_, receipt| receipt["schema"] = "goverify.receipt/2".into(), 3, "no-evidence"),
        ("no receipt at all", |_, receipt| *receipt = json!("trust me"), 3, "no-evidence"),
    ];
    let audited = Audited::of(&genuine());
    for (what, forge, exit, code) in cases {
        audited.reinstall(&[]);
        let mut receipt = audited.receipt();
        // What is written back as it was is as good as it was.
        audited.put_receipt(&receipt);
        audited.offline(0, None);
        forge(&audited.root(), &mut receipt);
        audited.put_receipt(&receipt);
        let result = audited.offline(*exit, Some(code));
        assert_eq!((&result["trust"], result["drift"].as_array()), (&Value::Null, None), "{what}: {result:#}");
    }
}

#[test]
fn f18_a_receipt_of_another_release_tells_that_this_is_not_it() {
    let (older, wanted) = (Sdk::linux_amd64("go1.22.4"), genuine());
    let logged = Logged::of(&[wanted, older]);
    let (mirror, sumdb) = (logged.depot.write(), logged.sumdb());
    let audited = Audited { logged };
    let depot = &audited.logged.depot;
    let older = depot.home.home().join("older");
    let fetch = ["1.22.4", "linux/amd64", "--sumdb", &sumdb, "--to", older.to_str().unwrap()];
    depot.run(&mirror, &fetch).exits(0);
    depot.fetch(&mirror, &["--sumdb", &sumdb]).exits(0);
    fs::copy(older.join(RECEIPT), audited.root().join(RECEIPT)).unwrap();
    let result = audited.offline(1, Some("tree-modified"));
    assert_eq!(result["archive"]["version"], "go1.22.4");
    assert_eq!(drift(&result), ["modified VERSION", "modified bin/go"]);
}

#[test]
fn f18_what_the_log_does_not_cover_is_counted_since_a_forger_may_have_changed_it() {
    let audited = Audited::of(&genuine());
    let mut receipt = audited.receipt();
    change_both(&audited.root(), &mut receipt, "doc/README");
    set_mode(&audited.root().join("LICENSE"), 0o755);
    line(&mut receipt, "LICENSE")["mode"] = "0755".into();
    audited.put_receipt(&receipt);
    let result = audited.offline(0, None);
    assert_eq!((&result["trust"], &result["unauthenticated_files"]), (&"transparency".into(), &4.into()));
}

#[test]
fn a_receipt_without_proof_is_proven_by_the_log() {
    let audited = Audited::of(&genuine());
    audited.reinstall(&["--sumdb", "off"]);
    assert_eq!(audited.receipt()["evidence"]["transparency"], Value::Null);
    audited.offline(3, Some("no-evidence"));
    let result = audited.online(0, None);
    assert_eq!((drift(&result), &check(&result, "transparency")["status"]), (vec![], &"passed".into()));
    // The list is the release's, says the log; so every file can be named.
    change_a_byte(&audited.root().join(SOURCE));
    change_a_byte(&audited.root().join("doc/README"));
    set_mode(&audited.root().join("LICENSE"), 0o755);
    let told = ["mode LICENSE", "modified doc/README", "modified src/greet/greet.go"];
    assert_eq!(drift(&audited.online(1, Some("tree-modified"))), told);
}

#[test]
fn a_receipt_that_the_log_does_not_know_leaves_the_tree_to_speak_for_itself() {
    let audited = Audited::of(&genuine());
    for receipt in ["{}", "", "no JSON"] {
        fs::write(audited.root().join(RECEIPT), receipt).unwrap();
        let result = audited.online(0, None);
        assert_eq!((drift(&result), &result["unauthenticated_files"]), (vec![], &4.into()), "{receipt}");
    }
    // A link is no receipt, wherever it leads, and no release has one.
    audited.reinstall(&[]);
    let elsewhere = audited.root().with_file_name("receipt");
    fs::copy(audited.root().join(RECEIPT), &elsewhere).unwrap();
    replace_by_link(&audited.root().join(RECEIPT), elsewhere);
    audited.offline(3, Some("no-evidence"));
    assert_eq!(drift(&audited.online(1, Some("tree-modified"))), ["added .goverify.json"]);

    audited.reinstall(&["--sumdb", "off"]);
    let genuine_list = audited.receipt();
    let mut forged = genuine_list.clone();
    line(&mut forged, SOURCE)["sha256"] = sha256(b"evil").into();
    // The list alone is forged: the tree is as it was.
    audited.put_receipt(&forged);
    assert_eq!(drift(&audited.online(0, None)), [""; 0]);
    // The tree as well.
    let mut forged = genuine_list;
    change_both(&audited.root(), &mut forged, SOURCE);
    audited.put_receipt(&forged);
    audited.assert_tells_both_hashes(&genuine(), &audited.online(1, Some("tree-modified")));
}
