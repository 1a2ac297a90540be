//! `goverify inspect` as its users run it, on binaries that are built in code.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::binary::{Home, Run};
use support::executable::{Executable, LITTLE_64, file_table, framed, inline_info};

const MODULES: &str = "path\texample.com/x\nmod\texample.com/x\tv1.0.0\th1:x=\ndep\tb\tv2.0.0\n=>\t../b\t(devel)\t\nbuild\t-compiler=gc\n";

/// A binary of this version, whose table of files names these.
fn binary(version: &str, files: &[&str]) -> Executable {
    let info = inline_info(version, &framed(MODULES));
    Executable::default().with(".go.buildinfo", info).with(".gopclntab", file_table(files, 20, LITTLE_64))
}

fn clean() -> Vec<u8> {
    binary("go1.22.5", &["runtime/proc.go"]).elf(LITTLE_64)
}

fn leaky() -> Vec<u8> {
    binary("go1.22.5", &["/home/me/sdk/src/runtime/proc.go", "/home/me/x/main.go"]).elf(LITTLE_64)
}

fn broken() -> Vec<u8> {
    let info = inline_info("go1.22.5", MODULES.as_bytes());
    Executable::default().with(".go.buildinfo", info).elf(LITTLE_64)
}

/// A home where these files are.
fn with(files: &[(&str, Vec<u8>)]) -> Home {
    let home = Home::new();
    for (name, content) in files {
        let path = home.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    home
}

fn labels(run: &Run) -> Vec<String> {
    let first = |line: &&str| !line.starts_with(['\t', ' ']);
    run.stdout.lines().filter(first).map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn a_binary_is_told_as_go_tells_it_and_then_its_leaks_by_their_roots() {
    let home = with(&[("x", leaky())]);
    let run = home.run(["inspect", "x"]).exits(0);
    assert_eq!(
        run.stdout,
        "x: go1.22.5\n\tpath\texample.com/x\n\tmod\texample.com/x\tv1.0.0\th1:x=\n\tdep\tb\tv2.0.0\n\t=>\t../b\t(devel)\t\n\t\n\
         \tbuild\t-compiler=gc\n  toolchain: release; built without -trimpath\n  \
         goroot /home/me/sdk: 1 path (file-table)\n  home /home/me: 1 path (file-table)\n"
    );
    assert_eq!(run.stderr, "");
    let offset = leaky().windows(14).position(|window| window == b"/home/me/x/mai").unwrap();
    let verbose = home.run(["inspect", "-v", "x"]).exits(0).stdout;
    assert!(verbose.contains(&format!("    /home/me/x/main.go\n      file-table at {offset:#x}\n")), "{verbose}");

    let result = home.run(["inspect", "--json", "x"]).exits(0).result();
    assert_eq!((&result["verdict"], &result["error"]), (&json!("ok"), &Value::Null));
    let binary = &result["binary"];
    assert_eq!(
        binary["go"],
        json!({"version": "go1.22.5", "kind": "release", "release": "go1.22.5", "experiments": [], "standing": null})
    );
    assert_eq!(
        (&binary["path"], &binary["format"], &binary["main"]),
        (&json!("x"), &json!("ELF"), &json!("example.com/x"))
    );
    assert_eq!(binary["dependencies"][0]["replacement"]["path"], "../b");
    assert_eq!(binary["settings"], json!([{"key": "-compiler", "value": "gc"}]));
    assert_eq!((&binary["trimpath"], &binary["unread"]), (&json!(false), &json!([])));
    let home_group = json!({
        "kind": "home", "root": "/home/me",
        "paths": [{"path": "/home/me/x/main.go", "found": [{"source": "file-table", "offset": offset, "times": 1}]}],
    });
    assert_eq!(binary["leaks"][1], home_group);
}

#[test]
fn a_leak_is_a_failure_where_that_was_asked_for() {
    let unread = Executable::default().with(".go.buildinfo", inline_info("go1.22.5", &framed(MODULES))).elf(LITTLE_64);
    let home = with(&[("clean", clean()), ("leaky", leaky()), ("unread", unread)]);
    let ask = |name: &str, further: &[&str]| home.run([&["inspect", name, "--json"], further].concat());
    for name in ["clean", "leaky", "unread"] {
        ask(name, &[]).exits(0);
    }
    ask("clean", &["--fail-on", "leak"]).exits(0);
    let run = ask("leaky", &["--fail-on", "leak"]).exits(1);
    assert_eq!((run.error_code().as_str(), &run.result()["verdict"]), ("leak-found", &json!("rejected")));
    assert_eq!(run.result()["binary"]["leaks"].as_array().unwrap().len(), 2);
    assert_eq!(ask("unread", &["--fail-on", "leak"]).exits(1).error_code(), "binary-unread");
    let human = home.run(["inspect", "leaky", "--fail-on", "leak"]).exits(1);
    assert!(human.stdout.starts_with("leaky: go1.22.5\n"), "{human:#?}");
    let expected = "error: leaky: 2 paths of the machine that built it, in /home/me/sdk, /home/me\nhint: ";
    assert!(human.stderr.starts_with(expected), "{human:#?}");
    ask("leaky", &["--fail-on", "smell"]).exits(2);
}

#[test]
fn each_failure_has_its_code() {
    let home =
        with(&[("broken", broken()), ("text", b"a text".to_vec()), ("clean", clean()), ("empty/text", b"x".to_vec())]);
    for (name, exit, code) in [
        ("broken", 1, "binary-malformed"),
        ("text", 3, "not-a-go-binary"),
        ("missing", 5, "io"),
        ("empty", 3, "not-a-go-binary"),
    ] {
        let run = home.run(["inspect", name, "--json"]).exits(exit);
        assert_eq!(run.error_code(), code);
        let message = run.result()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(&format!("{name}: ")) && message.matches(name).count() == 1, "{message}");
    }
    home.run(["inspect"]).exits(2);
    // The worst one, and every result.
    let run = home.run(["inspect", "--json", "text", "clean", "broken"]).exits(1);
    let results = run.json()["results"].clone();
    let verdicts: Vec<_> = results.as_array().unwrap().iter().map(|result| result["verdict"].clone()).collect();
    assert_eq!(verdicts, ["error", "ok", "rejected"]);
}

#[test]
fn a_folder_means_every_go_binary_in_it() {
    let cut = clean()[..100].to_vec();
    let home = with(&[
        ("bin/b", clean()),
        ("bin/a", leaky()),
        ("bin/deep/er/c", clean()),
        ("bin/text", b"a text".to_vec()),
        ("bin/cut", cut),
        ("other", clean()),
    ]);
    let run = home.run(["inspect", "bin", "other"]).exits(0);
    assert_eq!(
        (labels(&run), run.stderr.as_str()),
        (vec!["bin/a".into(), "bin/b".into(), "bin/deep/er/c".into(), "other".into()], "")
    );
    let run = home.run(["inspect", "-v", "bin"]).exits(0);
    for passed in ["bin/text: passed over: not a Go binary", "bin/cut: passed over: ELF headers"] {
        assert!(run.stderr.contains(passed), "{run:#?}");
    }
    home.run(["inspect", "bin/cut"]).exits(1);
    fs::write(home.work().join("bin/broken"), broken()).unwrap();
    let run = home.run(["inspect", "bin"]).exits(1);
    assert_eq!(labels(&run).len(), 3, "{run:#?}");
    assert!(run.stderr.contains("error: bin/broken: build info: the modules do not stand"), "{run:#?}");
}

#[cfg(unix)]
#[test]
fn links_to_files_are_followed_and_links_to_folders_and_fifos_are_not() {
    let home = with(&[("bin/a", clean()), ("else/where/b", clean())]);
    let bin = home.work().join("bin");
    std::os::unix::fs::symlink("../else/where/b", bin.join("link")).unwrap();
    std::os::unix::fs::symlink("..", bin.join("up")).unwrap();
    std::os::unix::fs::symlink("nowhere", bin.join("broken")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(bin.join("fifo")).status().unwrap();
    assert!(made.success());
    let run = home.run(["inspect", "bin"]).exits(0);
    assert_eq!((labels(&run), run.stderr.as_str()), (vec!["bin/a".into(), "bin/link".into()], ""));
    home.run(["inspect", "bin/fifo"]).exits(5);
}

#[test]
fn an_index_says_whether_a_release_is_listed_and_supported() {
    let home = with(&[
        ("old", binary("go1.21.1", &["x.go"]).elf(LITTLE_64)),
        ("new", binary("go1.22.5 X:nodwarf5", &["x.go"]).elf(LITTLE_64)),
        ("unknown", binary("go1.22.99", &["x.go"]).elf(LITTLE_64)),
        ("custom", binary("go1.22.5-custom", &["x.go"]).elf(LITTLE_64)),
    ]);
    let release = |version: &str| json!({"version": version, "stable": true, "files": []});
    let index = json!([release("go1.23.1"), release("go1.22.5"), release("go1.21.1")]);
    fs::write(home.work().join("index.json"), index.to_string()).unwrap();
    for place in ["index.json", "."] {
        for (name, standing, kind) in [
            ("old", json!("unsupported"), "release"),
            ("new", json!("supported"), "release"),
            ("unknown", json!("unlisted"), "release"),
            ("custom", Value::Null, "other"),
        ] {
            let result = home.run(["inspect", name, "--json", "--index", place]).exits(0).result();
            assert_eq!(
                (&result["binary"]["go"]["standing"], &result["binary"]["go"]["kind"]),
                (&standing, &json!(kind))
            );
        }
    }
    let human = home.run(["inspect", "old", "--index", "index.json"]).exits(0).stdout;
    assert!(human.contains("  toolchain: release, unsupported; built without -trimpath\n"), "{human}");
    fs::write(home.work().join("index.json"), "<html>").unwrap();
    assert_eq!(
        home.run(["inspect", "old", "--json", "--index", "index.json"]).exits(4).error_code(),
        "index-malformed"
    );
}

#[test]
fn what_a_binary_says_is_never_printed_raw() {
    let modules = "path\tx\u{1b}[2J\nbuild\ta=b\u{202e}\n";
    let info = inline_info("go1\u{7}\n", &framed(modules));
    let table = file_table(&["/home/\u{1b}[2J/x\u{202e}"], 20, LITTLE_64);
    let evil =
        Executable::default().with(".go.buildinfo", info).with(".gopclntab", table).with_packed(".debug_str", 9, "x");
    let home = with(&[("evil", evil.elf(LITTLE_64))]);
    for further in [&[][..], &["-v"], &["--json"], &["--fail-on", "leak"]] {
        let run = home.run([&["inspect", "evil"], further].concat());
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains(['\u{1b}', '\u{7}']), "{run:#?}");
            assert!(!text.contains('\u{202e}') || further == ["--json"], "{run:#?}");
        }
    }
}
