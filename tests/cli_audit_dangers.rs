//! `goverify audit`, run as its users do, on what endangers a tree, or the audit itself, whatever is known of the
//! release.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs::{self, File};
use std::path::Path;

use serde_json::{Value, json};
use support::audited::{Audited, drift, set_mode};
use support::binary::check;
use support::desk::{ASC, NAME, genuine};
use support::started::Started;

/// What an audit can rest on.
const EVIDENCE: [&str; 3] = ["receipt", "log", "archive"];

/// The arguments of an audit that rests on this evidence, of a tree that has a receipt with the first alone.
fn resting_on(audited: &Audited, evidence: &str) -> Vec<String> {
    let work = audited.logged.depot.home.work();
    for name in [NAME, ASC] {
        fs::write(work.join(name), &audited.logged.depot.files[name]).unwrap();
    }
    let arguments: &[&str] = match evidence {
        "receipt" => &["--offline", "--sumdb", &audited.logged.key()],
        "log" => &["--sumdb", &audited.logged.sumdb()],
        _ => &["--keyring", "keyring.pgp", "--sumdb", "off", "--offline", "--archive", NAME],
    };
    audited.reinstall(if evidence == "receipt" { &[] } else { &["--no-receipt"] });
    arguments.iter().map(|&argument| argument.to_owned()).collect()
}

/// The only result of an audit that must end like this, and soon.
#[track_caller]
fn audit(audited: &Audited, arguments: &[String], exit: i32) -> Value {
    let mut command = audited.logged.depot.home.command(["audit", "--json"]);
    command.args(arguments).arg(audited.root());
    Started::new(command).end().exits(exit).result()
}

/// Makes a file larger than anything could be read in the time of a test, where the file system allows it.
fn make_huge(path: &Path) {
    let file = File::options().write(true).create(true).truncate(true).open(path).unwrap();
    let made = (30..=41).rev().find(|bits| file.set_len(1 << bits).is_ok());
    assert!(made.is_some(), "no file of 1 GiB can be made");
}

#[test]
fn f17_a_file_that_nobody_could_read_is_told_at_once() {
    let audited = Audited::of(&genuine());
    let cases: [(&str, &[&str], &str); 3] = [
        ("doc/huge", &EVIDENCE, "added"),
        ("doc/README", &["receipt", "archive"], "modified"),
        ("src/greet/greet.go", &["receipt", "archive"], "modified"),
    ];
    for (path, evidence, change) in cases {
        for evidence in evidence {
            let arguments = resting_on(&audited, evidence);
            assert_eq!(drift(&audit(&audited, &arguments, 0)), [""; 0]);
            make_huge(&audited.root().join(path));
            let result = audit(&audited, &arguments, 1);
            let expected = json!([{"path": path, "change": change, "detail": "larger than any file of a release"}]);
            assert_eq!(
                (&result["error"]["code"], &result["drift"]),
                (&json!("tree-modified"), &expected),
                "{evidence}"
            );
        }
    }
    // The log names no file, but one that is gone from what it covers is gone.
    let arguments = resting_on(&audited, "log");
    make_huge(&audited.root().join("src/greet/greet.go"));
    let result = audit(&audited, &arguments, 1);
    assert_eq!((check(&result, "transparency")["status"].as_str(), &result["trust"]), (Some("failed"), &Value::Null));
}

#[test]
fn f17_what_lets_others_change_a_tree_is_told_whatever_it_rests_on() {
    let audited = Audited::of(&genuine());
    for evidence in EVIDENCE {
        for (path, mode, told) in [
            ("", 0o777, "."),
            ("", 0o1777, "."),
            ("", 0o775, "."),
            ("src", 0o777, "src"),
            ("bin/go", 0o4755, "bin/go"),
            ("bin/go", 0o2755, "bin/go"),
            ("src/greet/greet.go", 0o666, "src/greet/greet.go"),
        ] {
            let arguments = resting_on(&audited, evidence);
            set_mode(&audited.root().join(path), mode);
            let result = audit(&audited, &arguments, 1);
            let expected = json!([{"path": told, "change": "mode", "detail": format!("{mode:04o}")}]);
            assert_eq!(result["drift"], expected, "{evidence}: {path} {mode:o}");
            assert_eq!(result["error"]["code"], "tree-modified");
        }
        // Nobody else gains by these.
        for mode in [0o755, 0o700, 0o555] {
            let arguments = resting_on(&audited, evidence);
            set_mode(&audited.root(), mode);
            let result = audit(&audited, &arguments, 0);
            assert_eq!(drift(&result), [""; 0], "{evidence}: {mode:o}");
            set_mode(&audited.root(), 0o755);
        }
    }
}

#[test]
fn there_are_warnings_in_the_document_where_there_is_something_to_warn_of() {
    let audited = Audited::of(&genuine());
    let arguments = resting_on(&audited, "log");
    let cache = audited.logged.depot.home.cache().join("goverify");
    assert_eq!(audit(&audited, &arguments, 0).get("warnings"), None);
    fs::remove_dir_all(&cache).unwrap();
    fs::write(&cache, "in the way").unwrap();
    let result = audit(&audited, &arguments, 0);
    let warnings = result["warnings"].as_array().unwrap();
    let words = warnings[0].as_str().unwrap();
    assert!(warnings.len() == 1 && words.starts_with("the log's tree head is not remembered: "), "{warnings:?}");
    fs::remove_file(&cache).unwrap();
    assert_eq!(audit(&audited, &arguments, 0).get("warnings"), None);
}
