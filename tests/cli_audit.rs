//! `goverify audit`, run as its users do, on a tree whose receipt has the log's proof: what is clean, what is told of
//! a tree that is not, and which tree is meant.
//!
//! Forged receipts are in `cli_audit_receipt.rs`; what else an audit can rest on is in `cli_audit_evidence.rs`.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::Write;
#[cfg(target_os = "linux")]
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use support::audited::{Audited, change_a_byte, drift, put, replace_by_link, set_mode};
use support::binary::{RECEIPT, Run, check};
use support::logged::{FIRST_RECORD, RECORDS};
use support::record::h1;
use support::sdk::{NON_ASCII_PATH, Sdk};

/// With a file for every change that is made to one.
fn sdk() -> Sdk {
    let paths = [
        "src/runtime/proc.go",
        "src/linked/a.go",
        "src/net/dial.go",
        "src/case/Name.go",
        "src/modes/private.go",
        "src/modes/writable.go",
        "src/open/a.go",
        "lib/time/zones",
    ];
    paths.iter().fold(Sdk::linux_amd64("go1.22.5"), |sdk, path| sdk.with_file(path, format!("// {path}\n"), 0o644))
}

/// What is done to a tree, and what must be told of it and nothing else.
type Case = (&'static str, fn(&Path), &'static [&'static str]);

/// No two of them touch the same path.
const CASES: &[Case] = &[
    ("a byte", |root| change_a_byte(&root.join("src/runtime/proc.go")), &["modified src/runtime/proc.go"]),
    ("a script", |root| put(&root.join("bin/gofmt"), "#!/bin/sh\nexec /bin/true\n"), &["modified bin/gofmt"]),
    (
        "an empty file grows",
        |root| put(&root.join("src/greet/testdata/empty"), "x"),
        &["modified src/greet/testdata/empty"],
    ),
    ("settings", |root| put(&root.join("go.env"), "GOPROXY=http://evil.example\n"), &["modified go.env"]),
    ("the version", |root| put(&root.join("VERSION"), "go1.22.6\n"), &["modified VERSION"]),
    // The log does not hold these; the receipt does.
    ("api", |root| change_a_byte(&root.join("api/README")), &["modified api/README"]),
    ("doc", |root| change_a_byte(&root.join("doc/README")), &["modified doc/README"]),
    ("misc", |root| change_a_byte(&root.join("misc/README")), &["modified misc/README"]),
    ("test", |root| change_a_byte(&root.join(NON_ASCII_PATH)), &["modified test/fixedbugs/issue27836.dir/Þfoo.go"]),
    ("an added source", |root| put(&root.join("src/runtime/evil.go"), ""), &["added src/runtime/evil.go"]),
    (
        "a compiled script",
        |root| put(&root.join("src/runtime/__pycache__/x.pyc"), "x"),
        &["added src/runtime/__pycache__/x.pyc"],
    ),
    (
        "a module cache",
        |root| put(&root.join("pkg/mod/example.com/m@v1.0.0/m.go"), "package m\n"),
        &["added pkg/mod/example.com/m@v1.0.0/m.go"],
    ),
    ("a removed file", |root| fs::remove_file(root.join("lib/time/zones")).unwrap(), &["missing lib/time/zones"]),
    ("executable", |root| set_mode(&root.join("LICENSE"), 0o755), &["mode LICENSE"]),
    ("private", |root| set_mode(&root.join("src/modes/private.go"), 0o600), &["mode src/modes/private.go"]),
    ("writable", |root| set_mode(&root.join("src/modes/writable.go"), 0o666), &["mode src/modes/writable.go"]),
    ("setuid", |root| set_mode(&root.join("pkg/tool/linux_amd64/link"), 0o4755), &["mode pkg/tool/linux_amd64/link"]),
    ("a folder for everybody", |root| set_mode(&root.join("src/open"), 0o777), &["mode src/open"]),
    ("a link to itself", |root| replace_by_link(&root.join("src/make.bash"), "make.bash"), &["modified src/make.bash"]),
    (
        "a link to the same content elsewhere",
        |root| {
            let file = root.join("pkg/include/textflag.h");
            fs::copy(&file, root.with_file_name("elsewhere.h")).unwrap();
            replace_by_link(&file, root.with_file_name("elsewhere.h"));
        },
        &["modified pkg/include/textflag.h"],
    ),
    (
        "a link for a folder",
        |root| {
            fs::rename(root.join("src/linked"), root.with_file_name("linked")).unwrap();
            symlink(root.with_file_name("linked"), root.join("src/linked")).unwrap();
        },
        &["added src/linked", "missing src/linked/a.go"],
    ),
    (
        "a second name elsewhere",
        |root| fs::hard_link(root.join("bin/go"), root.with_file_name("go-too")).unwrap(),
        &["modified bin/go"],
    ),
    (
        "a second name in the tree",
        |root| fs::hard_link(root.join("src/net/dial.go"), root.join("src/net/dial_too.go")).unwrap(),
        &["modified src/net/dial.go", "added src/net/dial_too.go"],
    ),
    (
        "another case",
        |root| fs::rename(root.join("src/case/Name.go"), root.join("src/case/name.go")).unwrap(),
        &["missing src/case/Name.go", "added src/case/name.go"],
    ),
    (
        "a folder for a file",
        |root| {
            fs::remove_file(root.join("pkg/tool/linux_amd64/asm")).unwrap();
            fs::create_dir(root.join("pkg/tool/linux_amd64/asm")).unwrap();
        },
        &["modified pkg/tool/linux_amd64/asm"],
    ),
    (
        "a pipe",
        |root| assert!(Command::new("mkfifo").arg(root.join("src/pipe")).status().unwrap().success()),
        &["added src/pipe"],
    ),
    ("a name that no release has", |root| put(&root.join("src/a:b"), ""), &["added src/a:b"]),
    #[cfg(target_os = "linux")]
    (
        "a name that is no text",
        |root| put(&root.join("src/text").join(std::ffi::OsStr::from_bytes(b"\xff.go")), ""),
        &["added src/text/\u{fffd}.go"],
    ),
];

#[test]
fn a_fresh_tree_is_clean_and_an_audit_leaves_nothing_behind() {
    let audited = Audited::of(&sdk());
    let cached = audited.logged.depot.home.cached();
    let result = audited.offline(0, None);
    assert_eq!(drift(&result), [""; 0]);
    assert_eq!([&result["verdict"], &result["trust"]], ["verified", "transparency"]);
    assert_eq!([&result["archive"]["version"], &result["archive"]["os"]], ["go1.22.5", "linux"]);
    // One in each of api, doc, misc and test.
    assert_eq!(result["unauthenticated_files"], 4);
    let log = &audited.logged.log;
    let root_hash = log.head_text(log.size()).lines().nth(2).unwrap().to_owned();
    let expected = json!({
        "check": "transparency", "status": "passed", "h1": h1(&sdk()), "log": "log.example/sumdb",
        "module": "golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64", "record": FIRST_RECORD, "tree_size": RECORDS,
        "root_hash": root_hash,
    });
    assert_eq!(result["checks"], json!([expected]));

    let (root, key) = (audited.root(), audited.logged.key());
    let run = audited.audit(&["--offline", "--sumdb", &key, root.to_str().unwrap()]).exits(0);
    assert_eq!(run.stdout, format!("OK {}\n", root.display()));
    assert!(
        run.stderr.contains("✓ transparency") && run.stderr.contains("4 files are not in the log's record"),
        "{run:#?}"
    );
    let run = audited.audit(&["--quiet", "--offline", "--sumdb", &key, root.to_str().unwrap()]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    // Not even what the log said is remembered: it was not asked.
    assert_eq!(audited.logged.depot.home.cached(), cached);
}

#[test]
fn f17_every_change_is_told_and_nothing_else() {
    let audited = Audited::of(&sdk());
    for (what, change, expected) in CASES {
        audited.reinstall(&[]);
        assert_eq!(drift(&audited.offline(0, None)), [""; 0], "before {what}");
        change(&audited.root());
        let result = audited.offline(1, Some("tree-modified"));
        assert_eq!(drift(&result), *expected, "{what}");
        // The proof is the receipt's, and holds all the same.
        assert_eq!([&result["verdict"], &check(&result, "transparency")["status"]], ["rejected", "passed"], "{what}");
    }
}

#[test]
fn f17_all_changes_at_once_are_told_in_order() {
    let audited = Audited::of(&sdk());
    let mut expected: Vec<&str> = Vec::new();
    for (_, change, told) in CASES {
        change(&audited.root());
        expected.extend(*told);
    }
    expected.sort_by_key(|told| told.split_once(' ').unwrap().1);
    assert_eq!(drift(&audited.offline(1, Some("tree-modified"))), expected);
    let (root, key) = (audited.root(), audited.logged.key());
    let run = audited.audit(&["--offline", "--sumdb", &key, root.to_str().unwrap()]).exits(1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let count = expected.len();
    let first = format!("REJECTED {}: {count} paths are not as go1.22.5.linux-amd64.tar.gz has them", root.display());
    assert_eq!((lines[0], lines.len()), (first.as_str(), 1 + count));
    for details in ["  modified  bin/go (the file has a second name (hard link))", "  mode      src/open (0777)"] {
        assert!(lines.contains(&details), "{run:#?}");
    }
}

#[test]
fn f17_what_changes_nothing_that_go_does_is_no_drift() {
    let audited = Audited::of(&sdk());
    fs::create_dir_all(audited.root().join("src/empty/folder")).unwrap();
    fs::File::open(audited.root().join("bin/go")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    set_mode(&audited.root().join(RECEIPT), 0o600);
    assert_eq!(drift(&audited.offline(0, None)), [""; 0]);
}

#[test]
fn a_tree_of_other_programs_was_built_by_somebody_else() {
    let audited = Audited::of(&sdk());
    let programs = ["bin/go", "bin/gofmt", "pkg/tool/linux_amd64/asm", "pkg/tool/linux_amd64/compile"];
    let message = |audited: &Audited| {
        let result = audited.offline(1, Some("tree-modified"));
        result["error"]["message"].as_str().unwrap().to_owned()
    };
    for path in programs {
        change_a_byte(&audited.root().join(path));
    }
    assert!(
        message(&audited).ends_with("4 paths are not as go1.22.5.linux-amd64.tar.gz has them"),
        "{}",
        message(&audited)
    );
    change_a_byte(&audited.root().join("pkg/tool/linux_amd64/link"));
    assert!(message(&audited).contains("somebody else built it"), "{}", message(&audited));
}

#[test]
fn a_tree_may_be_named_by_a_link_the_variable_or_path() {
    let audited = Audited::of(&sdk());
    let home = &audited.logged.depot.home;
    let (root, work) = (audited.root().canonicalize().unwrap(), home.work());
    let bin = work.join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(&root, work.join("current")).unwrap();
    symlink(work.join("current/bin/go"), bin.join("go")).unwrap();
    // What a shell would not run is not the `go` that is meant.
    for other in ["folder/go/x", "nowhere/x", "unset/bin/go"] {
        put(&work.join(other), "");
    }
    set_mode(&work.join("unset/bin/go"), 0o644);
    symlink("gone", work.join("nowhere/go")).unwrap();
    let path = |folders: &[&str]| std::env::join_paths(folders.iter().map(|folder| work.join(folder))).unwrap();
    let run = |arguments: &[&str], variables: &[(&str, &std::ffi::OsStr)]| {
        let mut command = home.command(["audit", "--offline", "--sumdb", &audited.logged.key()]);
        command.args(arguments).env_remove("GOROOT").env("PATH", "").envs(variables.iter().copied());
        Run::of(command.output().unwrap())
    };
    let (link, nothing) = (work.join("current"), std::ffi::OsStr::new(""));
    let by_link = format!("OK {}\n", link.display());
    let by_root = format!("OK {}\n", root.display());
    let wrong = work.join("wrong");
    for (arguments, variables, expected) in [
        (&[link.to_str().unwrap()][..], &[("GOROOT", wrong.as_os_str())][..], &by_link),
        (&["current"], &[], &"OK current\n".to_owned()),
        (&[], &[("GOROOT", link.as_os_str()), ("PATH", &path(&["wrong"]))], &by_link),
        (&[], &[("PATH", &path(&["bin"]))], &by_root),
        (&[], &[("PATH", &path(&["folder", "nowhere", "unset/bin", "bin"])), ("GOROOT", nothing)], &by_root),
    ] {
        let run = run(arguments, variables).exits(0);
        assert_eq!(run.stdout, *expected, "{arguments:?} {variables:?}");
    }
    for path in [path(&[]), path(&["wrong"]), path(&["folder", "nowhere", "unset/bin"])] {
        let run = run(&["--json"], &[("PATH", &path)]).exits(2);
        assert_eq!(run.error_code(), "usage", "{path:?}");
    }
}

#[test]
fn f17_what_cannot_be_read_is_never_called_clean() {
    let audited = Audited::of(&sdk());
    let key = audited.logged.key();
    put(&audited.logged.depot.home.work().join("file"), "");
    for root in ["file", "nowhere", "file/nowhere"] {
        let run = audited.audit(&["--offline", "--sumdb", &key, "--json", root]).exits(5);
        assert_eq!((run.error_code().as_str(), run.result()["drift"].as_array()), ("io", None), "{root}");
    }
    for path in ["src/runtime/proc.go", "src/runtime", RECEIPT] {
        let (path, mode) = (audited.root().join(path), if path == "src/runtime" { 0o755 } else { 0o644 });
        set_mode(&path, 0);
        let readable = fs::File::open(&path).is_ok();
        if readable {
            // Past the test harness, which would swallow what a passing test prints.
            std::io::stderr().write_all(b"skipped: this user may read everything\n").unwrap();
        } else {
            audited.offline(5, Some("permission-denied"));
        }
        set_mode(&path, mode);
    }
    audited.offline(0, None);
}
