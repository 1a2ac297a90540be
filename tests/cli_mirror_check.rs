//! `goverify mirror check`: whatever is changed or taken away in a mirror is told by its name.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use support::binary::serve_mirror;
use support::pulled::{Pulled, TARGETS, result_of};
use support::sdk::Sdk;

const LINUX: &str = "go1.22.5.linux-amd64.tar.gz";
const WINDOWS: &str = "go1.22.5.windows-amd64.zip";

fn pulled() -> Pulled {
    let pulled = Pulled::of_one_release();
    pulled.pull_all(&["--goproxy"]).exits(0);
    pulled
}

/// What a file's fault may be told of: itself, or the archives that it proves.
fn is_named(stdout: &str, path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap();
    let release = file.trim_start_matches("v0.0.1-").trim_start_matches("toolchain@v0.0.1-");
    let endings = [".asc", ".sha256", ".tlog-proof", ".info", ".mod", ".zip"];
    let release = endings.iter().find_map(|ending| release.strip_suffix(ending)).unwrap_or(release);
    let shared = path.contains("/tile/");
    stdout
        .lines()
        .filter(|line| !line.starts_with("OK "))
        .any(|line| line.contains(path) || line.contains(release) || (shared && line.contains("go1.22.5.")))
}

#[test]
fn one_changed_byte_in_any_file_is_refused_by_name() {
    let pulled = pulled();
    for name in pulled.names().into_iter().filter(|name| !name.ends_with("/supported")) {
        let content = pulled.read(&name);
        for at in [0, content.len() / 2] {
            let mut changed = content.clone();
            changed[at] ^= 1;
            pulled.put(&name, &changed);
            let run = pulled.check(&[]);
            assert!(run.code != Some(0) && !run.stderr.contains("panicked"), "{name} at {at}: {run:#?}");
            // An index that cannot be read is the one thing that is told of the whole.
            assert!(name == "index.json" || is_named(&run.stdout, &name), "{name} at {at}: {run:#?}");
        }
        pulled.put(&name, &content);
        pulled.check(&[]).exits(0);
    }
}

#[test]
fn no_byte_of_the_index_can_be_changed_unseen() {
    let pulled = pulled();
    let index = pulled.read("index.json");
    let (location, next) = (pulled.folder(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for worker in 0..2 {
            let (pulled, index, location, next) = (&pulled, &index, &location, &next);
            scope.spawn(move || {
                // A mirror of its own for each: only the index is another one.
                let folder = location.with_file_name(format!("copy-{worker}"));
                copy(location, &folder);
                while let at @ 0.. = next.fetch_add(1, Ordering::Relaxed)
                    && at < index.len()
                {
                    let mut changed = index.clone();
                    changed[at] ^= 1;
                    fs::write(folder.join("index.json"), &changed).unwrap();
                    let run = pulled.check_at(folder.to_str().unwrap(), &["--offline"]);
                    let shown = String::from_utf8_lossy(&changed);
                    assert!(run.code != Some(0) && !run.stderr.contains("panicked"), "{at}: {shown} {run:#?}");
                }
            });
        }
    });
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { _ = fs::copy(entry.path(), target).unwrap() }
    }
}

#[test]
fn what_is_missing_is_told_and_what_nobody_needs_is_not() {
    let pulled = pulled();
    // Certificates are there as information.
    for name in pulled.names() {
        let content = pulled.read(&name);
        fs::remove_file(pulled.folder().join(&name)).unwrap();
        let run = pulled.check(&[]);
        if name.starts_with("keys/") {
            assert_eq!(run.code, Some(0), "{name}: {run:#?}");
        } else if name == "index.json" {
            assert_eq!(run.code, Some(5), "{name}: {run:#?}");
        } else {
            assert_eq!(run.code, Some(3), "{name}: {run:#?}");
            assert!(is_named(&run.stdout, &name), "{name}: {run:#?}");
        }
        pulled.put(&name, &content);
    }
    pulled.check(&[]).exits(0);
}

#[test]
fn an_archive_that_the_index_does_not_name_is_told() {
    let pulled = pulled();
    let stray = "go1.22.4.linux-amd64.tar.gz";
    pulled.put(stray, Sdk::linux_amd64("go1.22.4").tar_gz());
    let run = pulled.check(&[]).exits(3);
    assert!(run.stdout.contains(&format!("ERROR {stray}: index.json does not name it")), "{run:#?}");
    fs::remove_file(pulled.folder().join(stray)).unwrap();
    pulled.put("README.txt", "a word from whoever carries this");
    pulled.check(&[]).exits(0);
}

#[test]
fn what_is_as_it_was_is_not_read_again_and_what_was_written_is() {
    let pulled = pulled();
    let read_again = |further: &[&str]| -> Vec<String> {
        let document = pulled.check(&[&["--json"], further].concat()).exits(0).json();
        let is_read = |name: &&str| !result_of(&document, name)["checks"].as_array().unwrap().is_empty();
        [LINUX, WINDOWS].iter().filter(|name| is_read(name)).map(|name| (*name).to_owned()).collect()
    };
    // The pull itself has verified all of it.
    assert_eq!(read_again(&[]), [""; 0]);
    assert_eq!(read_again(&["--fresh"]), [LINUX, WINDOWS]);
    assert_eq!(read_again(&[]), [""; 0]);
    for part in ["", ".asc", ".sha256", ".tlog-proof"] {
        let name = format!("{LINUX}{part}");
        let content = pulled.read(&name);
        pulled.put(&name, content);
        assert_eq!((part, read_again(&[])), (part, vec![LINUX.to_owned()]));
        assert_eq!((part, read_again(&[])), (part, vec![]));
    }
    // Another machine has seen nothing of it, and neither has who trusts someone else.
    fs::remove_dir_all(pulled.logged.depot.home.cache().join("goverify/mirrors")).unwrap();
    assert_eq!(read_again(&[]), [LINUX, WINDOWS]);
    let stranger = support::keys::Signer::new("stranger", support::desk::KEY_CREATED);
    let keyring = pulled.logged.depot.home.work().join("keyring.pgp");
    fs::write(&keyring, stranger.certificate()).unwrap();
    pulled.check(&[]).exits(1);
    fs::write(&keyring, pulled.logged.depot.signer.certificate()).unwrap();
    assert_eq!(read_again(&[]), [LINUX, WINDOWS], "one memory a mirror");
    // So does the log's word count anew where the log's copy is another one.
    let lookup = "sumdb/log.example/sumdb/lookup/golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64";
    let other = pulled.read(lookup);
    pulled.put(lookup, pulled.read(&lookup.replace("linux", "windows")));
    pulled.check(&[]).exits(1);
    pulled.put(lookup, other);
    pulled.check(&[]).exits(0);
}

#[test]
fn a_mirror_on_the_web_is_checked_as_a_whole_each_time() {
    let pulled = pulled();
    let files = || pulled.names().into_iter().map(|name| (name.clone(), pulled.read(&name))).collect();
    let server = serve_mirror(&files());
    let document = pulled.check_at(&server.url(), &["--json"]).exits(0).json();
    for target in TARGETS {
        let name = Sdk::new("go1.22.5", target).name().to_string();
        assert!(!result_of(&document, &name)["checks"].as_array().unwrap().is_empty());
    }
    let mut archive = pulled.read(LINUX);
    let last = archive.len() - 1;
    archive[last] ^= 1;
    pulled.put(LINUX, archive);
    let server = serve_mirror(&files());
    let run = pulled.check_at(&server.url(), &[]).exits(1);
    assert!(run.stdout.contains(&format!("REJECTED {LINUX}: ")), "{run:#?}");
    pulled.check_at("http://127.0.0.1:1/", &["--offline"]).exits(4);
    pulled.check_at(pulled.folder().with_file_name("nowhere").to_str().unwrap(), &[]).exits(5);
}
