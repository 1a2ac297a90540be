//! `goverify audit`, run as its users do: what a verdict may rest on but for a receipt, and what becomes of evidence that
//! is wrong, of something else, or not there.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;
use support::audited::{Audited, change_a_byte, change_both, drift, put, set_mode};
use support::binary::{check, snapshot};
use support::desk::{ASC, NAME, changed, changed_signature, genuine, strangers};
use support::logged::{FIRST_RECORD, Logged, RECORDS};
use support::mirror::SIGNED;
use support::record::{h1, module_files, module_version};
use support::sdk::Sdk;
use support::server::{Fault, Response, Server};

const SOURCE: &str = "src/greet/greet.go";

#[test]
fn without_a_receipt_the_log_judges_the_tree() {
    let audited = Audited::of(&genuine());
    audited.reinstall(&["--no-receipt"]);
    let result = audited.online(0, None);
    assert_eq!((drift(&result), &result["trust"]), (vec![], &"transparency".into()));
    assert_eq!(
        (&result["unauthenticated_files"], &check(&result, "transparency")["h1"]),
        (&4.into(), &h1(&genuine()).into())
    );
    audited.offline(3, Some("no-evidence"));
    audited.result(&["--sumdb", "off"], 3, Some("no-evidence"));

    let changes: [fn(&Path); 4] = [
        |root| change_a_byte(&root.join("bin/gofmt")),
        |root| fs::remove_file(root.join(SOURCE)).unwrap(),
        |root| put(&root.join("src/runtime/__pycache__/x.pyc"), "x"),
        |root| put(&root.join(".goverify.json.old"), "x"),
    ];
    for change in changes {
        audited.reinstall(&["--no-receipt"]);
        change(&audited.root());
        audited.assert_tells_both_hashes(&genuine(), &audited.online(1, Some("tree-modified")));
    }
}

#[test]
fn what_no_release_has_is_found_though_the_logs_hash_does_not_cover_it() {
    let audited = Audited::of(&genuine());
    let cases: &[(fn(&Path), &[&str])] = &[
        (|root| symlink("/etc/passwd", root.join("src/link.go")).unwrap(), &["added src/link.go"]),
        (|root| symlink("/etc", root.join("test/etc")).unwrap(), &["added test/etc"]),
        (|root| put(&root.join("src/a:b"), ""), &["added src/a:b"]),
        (|root| fs::hard_link(root.join("bin/go"), root.with_file_name("go-too")).unwrap(), &["modified bin/go"]),
    ];
    for (change, expected) in cases {
        audited.reinstall(&["--no-receipt"]);
        change(&audited.root());
        let result = audited.online(1, Some("tree-modified"));
        assert_eq!(drift(&result), *expected);
        assert_eq!(check(&result, "transparency")["status"], "passed");
    }
}

#[test]
fn a_log_that_does_not_vouch_says_so_in_its_own_way() {
    let older = Sdk::linux_amd64("go1.22.4");
    let audited = Audited { logged: Logged::recording(&[genuine()], &[older]) };
    audited.logged.depot.write();
    audited.reinstall(&["--no-receipt", "--sumdb", "off"]);
    let status = |result: &Value| check(result, "transparency")["status"].as_str().unwrap().to_owned();
    let result = audited.online(3, Some("transparency-not-logged"));
    assert_eq!((&result["trust"], result["drift"].as_array()), (&Value::Null, None));
    assert_eq!(status(&result), "not-published");

    let server = Server::start();
    let log = audited.logged.log_folder();
    for name in snapshot(&log).into_iter().filter(|name| !name.ends_with('/')) {
        server.serve(&format!("/{name}"), Response::file(fs::read(log.join(&name)).unwrap()), []);
    }
    let lookup = format!("/lookup/golang.org/toolchain@{}", module_version(&genuine()));
    let answer = |text: &str| Response::document("text/plain", text);
    let (of_another, head) = (audited.logged.log.lookup(FIRST_RECORD, RECORDS), audited.logged.log.head(RECORDS));
    let unsigned = of_another.rsplit_once("\n\n").unwrap().0;
    for (response, fault, exit, code, said) in [
        (answer(&of_another), Fault::Html, 4, "network", "unavailable"),
        // Nobody asked to stay offline.
        (answer(&of_another), Fault::Encoding("gzip"), 4, "transport-refused", "unavailable"),
        (answer(&of_another), Fault::Redirect("ftp://log.example/".to_owned()), 4, "transport-refused", "unavailable"),
        (answer(&of_another), Fault::None, 1, "transparency-bad-proof", "failed"),
        (answer(&head), Fault::None, 1, "transparency-bad-proof", "failed"),
        (answer(unsigned), Fault::None, 1, "transparency-bad-proof", "failed"),
    ] {
        server.serve(&lookup, response, [fault.clone()]);
        let result = audited.result(&["--sumdb", &audited.logged.sumdb_at(&server.url())], exit, Some(code));
        assert_eq!((&result["trust"], status(&result).as_str()), (&Value::Null, said), "{fault:?}");
    }
    let url = server.url();
    let sumdb = audited.logged.sumdb_at(&url);
    let asked = server.requests().len();
    assert_eq!(status(&audited.result(&["--offline", "--sumdb", &sumdb], 3, Some("no-evidence"))), "unavailable");
    assert_eq!(server.requests().len(), asked);
    drop(server);
    assert_eq!(status(&audited.result(&["--sumdb", &sumdb], 4, Some("network"))), "unavailable");
}

#[test]
fn two_histories_of_the_log_are_never_clean() {
    let mut audited = Audited::of(&genuine());
    audited.reinstall(&["--no-receipt"]);
    audited.online(0, None);
    audited.logged.log = audited.logged.log.fork(5);
    audited.logged.write_log();
    audited.online(1, Some("transparency-fork"));
}

#[test]
fn a_verified_archive_tells_every_change() {
    let audited = Audited::of(&genuine());
    let depot = &audited.logged.depot;
    let work = depot.home.work();
    for name in [NAME, ASC] {
        fs::write(work.join(name), &depot.files[name]).unwrap();
    }
    let by_archive = ["--keyring", "keyring.pgp", "--sumdb", "off", "--offline", "--archive", NAME];
    let result = audited.result(&by_archive, 0, None);
    assert_eq!((drift(&result), &result["trust"]), (vec![], &"signature".into()));
    assert_eq!(check(&result, "signature")["certificate"], depot.signer.fingerprint());
    // Whatever the receipt says.
    let mut receipt = audited.receipt();
    change_both(&audited.root(), &mut receipt, "doc/README");
    audited.put_receipt(&receipt);
    fs::remove_file(audited.root().join("bin/gofmt")).unwrap();
    set_mode(&audited.root().join("LICENSE"), 0o755);
    let told = ["mode LICENSE", "missing bin/gofmt", "modified doc/README"];
    assert_eq!(drift(&audited.result(&by_archive, 1, Some("tree-modified"))), told);
    // A tree that says nothing of itself has drifted, too.
    fs::remove_file(audited.root().join("VERSION")).unwrap();
    let told = ["mode LICENSE", "missing VERSION", "missing bin/gofmt", "modified doc/README"];
    assert_eq!(drift(&audited.result(&by_archive, 1, Some("tree-modified"))), told);

    // What is wrong with the archive comes first, and nothing is said of the tree.
    let asc = &depot.files[ASC];
    for (name, content, exit, code) in [
        (ASC, changed_signature(asc.clone()).into_bytes(), 1, "signature-bad"),
        (ASC, b"no signature".to_vec(), 1, "signature-malformed"),
        (ASC, strangers(&depot.files[NAME]), 1, "signature-untrusted-key"),
        (NAME, changed(), 1, "signature-bad"),
        (NAME, genuine().with_file("src/evil.go", "", 0o644).tar_gz(), 1, "signature-bad"),
    ] {
        fs::write(work.join(name), content).unwrap();
        let result = audited.result(&by_archive, exit, Some(code));
        assert_eq!((&result["trust"], result["drift"].as_array()), (&Value::Null, None), "{code}");
        fs::write(work.join(name), &depot.files[name]).unwrap();
    }
    let other = Sdk::linux_amd64("go1.22.4").tar_gz();
    fs::write(work.join(NAME), &other).unwrap();
    fs::write(work.join(ASC), depot.signer.sign(&other, SIGNED)).unwrap();
    assert_eq!(audited.result(&by_archive, 1, Some("layout-invalid"))["drift"].as_array(), None);
    for (name, exit, code) in [(ASC, 3, "signature-not-published"), (NAME, 5, "io")] {
        fs::remove_file(work.join(name)).unwrap();
        let result = audited.result(&by_archive, exit, Some(code));
        assert_eq!(result["drift"].as_array(), None, "{code}");
    }
    audited.result(&[&by_archive[..], &["--proof", "x"]].concat(), 2, Some("usage"));
}

#[test]
fn a_source_tree_is_in_no_log_but_may_have_an_archive() {
    let source = Sdk::source("go1.22.5");
    let audited = Audited { logged: Logged::recording(std::slice::from_ref(&source), &[]) };
    let depot = &audited.logged.depot;
    let (mirror, root) = (depot.write(), audited.root());
    depot.run(&mirror, &["1.22.5", "src", "--to", root.to_str().unwrap()]).exits(0);
    audited.online(3, Some("no-evidence"));
    let archive = format!("{mirror}/{}", source.name());
    let by_archive = ["--keyring", "keyring.pgp", "--sumdb", "off", "--archive", &archive];
    assert_eq!(drift(&audited.result(&by_archive, 0, None)), [""; 0]);
    change_a_byte(&root.join("src/make.bash"));
    assert_eq!(drift(&audited.result(&by_archive, 1, Some("tree-modified"))), ["modified src/make.bash"]);
}

#[test]
fn a_proof_that_was_named_stands_in_for_the_log() {
    let older = Sdk::linux_amd64("go1.22.4");
    let audited = Audited { logged: Logged::recording(&[genuine()], &[genuine(), older]) };
    audited.logged.depot.write();
    audited.reinstall(&["--no-receipt"]);
    let work = audited.logged.depot.home.work();
    let files = [("fits", audited.logged.tlog_proof(0)), ("older", audited.logged.tlog_proof(1)), ("text", "x".into())];
    files.iter().for_each(|(name, content)| fs::write(work.join(name), content).unwrap());
    let key = audited.logged.key();
    let by_proof =
        |name: &str, exit, code| audited.result(&["--offline", "--sumdb", &key, "--proof", name], exit, code);
    let result = by_proof("fits", 0, None);
    assert_eq!((drift(&result), &result["trust"]), (vec![], &"transparency".into()));
    assert_eq!(check(&result, "transparency")["record"], FIRST_RECORD);
    for name in ["older", "text"] {
        by_proof(name, 1, Some("transparency-bad-proof"));
    }
    by_proof("nowhere", 5, Some("io"));
    audited.result(&["--sumdb", "off", "--proof", "fits"], 2, Some("usage"));
    // A proof tells the tree as a whole, and with a receipt every file of it; whose proof it has does not matter.
    change_a_byte(&audited.root().join(SOURCE));
    by_proof("fits", 1, Some("transparency-bad-proof"));
    for further in [&["--sumdb", "off"][..], &[]] {
        audited.reinstall(further);
        assert_eq!(drift(&by_proof("fits", 0, None)), [""; 0]);
        change_a_byte(&audited.root().join(SOURCE));
        assert_eq!(drift(&by_proof("fits", 1, Some("tree-modified"))), [format!("modified {SOURCE}")]);
    }
}

#[test]
fn the_module_caches_copy_is_the_release_too() {
    let audited = Audited::of(&genuine());
    let (root, work) = (audited.root(), audited.logged.depot.home.work());
    fs::remove_dir_all(&root).unwrap();
    for (path, (content, mode)) in module_files(genuine().files()) {
        put(&root.join(&path), content);
        set_mode(&root.join(&path), if mode == 0o755 { 0o555 } else { 0o444 });
    }
    fs::copy(root.join("src/_go.mod"), root.join("src/go.mod")).unwrap();
    let set_modes_of_folders = |mode: u32| {
        let folders = snapshot(&root).into_iter().filter(|name| name.ends_with('/'));
        folders.chain(["".to_owned()]).for_each(|name| set_mode(&root.join(name), mode));
    };
    for name in [NAME, ASC] {
        fs::write(work.join(name), &audited.logged.depot.files[name]).unwrap();
    }
    let by_archive = ["--keyring", "keyring.pgp", "--sumdb", "off", "--archive", NAME];
    set_modes_of_folders(0o555);
    let result = audited.online(0, None);
    assert_eq!((drift(&result), &result["unauthenticated_files"]), (vec![], &0.into()));
    assert_eq!(check(&result, "transparency")["h1"], h1(&genuine()));
    assert_eq!(drift(&audited.result(&by_archive, 0, None)), [""; 0]);
    set_modes_of_folders(0o755);

    fs::remove_file(root.join("src/go.mod")).unwrap();
    put(&root.join("src/go.mod"), "module evil\n");
    let result = audited.online(1, Some("tree-modified"));
    assert_eq!(check(&result, "transparency")["expected"], h1(&genuine()));
    assert_eq!(drift(&audited.result(&by_archive, 1, Some("tree-modified"))), ["added src/go.mod"]);
}

#[test]
fn a_tree_that_was_never_released_is_no_release() {
    let audited = Audited::of(&genuine());
    audited.reinstall(&["--no-receipt"]);
    let version = audited.root().join("VERSION");
    for (text, said) in [
        (None, "it has no VERSION file"),
        (Some(""), "it has no VERSION file"),
        (Some("devel go1.28-0123456789 Mon Nov 23 05:13:32 2026\n"), "which is no release"),
        (Some("go1.22.5 X:boringcrypto\n"), "which is no release; the nearest is go1.22.5"),
        (Some("go1.22.5-1~deb12u1\n"), "which is no release; the nearest is go1.22.5"),
        (Some("\u{1b}[2Jgo1.22.5\n"), "\\u{1b}[2Jgo1.22.5"),
    ] {
        let _ = fs::remove_file(&version);
        text.iter().for_each(|text| fs::write(&version, text).unwrap());
        let result = audited.online(3, Some("release-not-found"));
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains("not a released tree") && message.contains(said), "{text:?}: {message}");
        assert_eq!((&result["trust"], result["drift"].as_array()), (&Value::Null, None), "{text:?}");
    }
    fs::write(&version, "go1.22.5\n").unwrap();
    fs::remove_dir_all(audited.root().join("pkg/tool")).unwrap();
    audited.online(3, Some("release-not-found"));
    fs::remove_dir_all(audited.root()).unwrap();
    fs::create_dir(audited.root()).unwrap();
    audited.online(3, Some("release-not-found"));
}
