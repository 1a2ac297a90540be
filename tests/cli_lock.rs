//! `--lock` and `--locked`: what a lock file says, and that nothing else is accepted.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::PathBuf;

use support::binary::{INDEX_QUERY, Run, assert_installed, snapshot};
use support::depot::{Depot, requests_for};
use support::desk::{ASC, KEY_CREATED, sha256};
use support::keys::Signer;
use support::logged::Logged;
use support::mirror::{SIGNED, mirror_files};
use support::record::h1;
use support::sdk::Sdk;
use support::server::Fault;
use support::world::{NAME, PATH};

const HEAD: &str = "# The Go archives that are used here. `goverify fetch --lock FILE` adds to it, `goverify fetch --locked` accepts \
                    nothing else.\nschema = \"goverify.lock/1\"\n";

fn sdks() -> Vec<Sdk> {
    let targets = ["linux/amd64", "windows/amd64", "src"];
    targets
        .iter()
        .map(|target| Sdk::minimal("go1.22.5", target))
        .chain([Sdk::minimal("go1.21.13", "linux/amd64")])
        .collect()
}

/// What a lock file must say of an archive.
fn entry(sdk: &Sdk, signer: Option<&Signer>) -> String {
    let (name, archive) = (sdk.name(), sdk.archive());
    let (sha256, size) = (sha256(&archive), archive.len());
    let (version, target) = (name.version(), name.target());
    let mut entry = format!(
        "\n[[archive]]\nversion = \"{version}\"\nplatform = \"{target}\"\nsha256 = \"{sha256}\"\nsize = {size}\n"
    );
    if target.to_string() != "src" {
        entry += &format!("h1 = \"{}\"\n", h1(sdk));
    }
    if let Some(signer) = signer {
        entry += &format!("signer = \"{}\"\n", signer.signing_fingerprint());
    }
    entry
}

fn lock_file(depot: &Depot) -> PathBuf {
    depot.home.work().join("goverify.lock")
}

/// A mirror of one release, and a lock file that names it.
fn locked() -> (Depot, String) {
    let depot = Depot::of(&[Sdk::minimal("go1.22.5", "linux/amd64")]);
    let mirror = depot.write();
    let lock = format!("{HEAD}{}", entry(&Sdk::minimal("go1.22.5", "linux/amd64"), Some(&depot.signer)));
    fs::write(lock_file(&depot), lock).unwrap();
    (depot, mirror)
}

#[test]
fn a_lock_file_says_what_was_fetched_and_keeps_what_it_said() {
    let sdks = sdks();
    // Source is in no log.
    let logged = Logged::recording(&sdks, &[&sdks[..2], &sdks[3..]].concat());
    let depot = &logged.depot;
    let (mirror, sumdb) = (depot.write(), logged.sumdb());
    let run =
        |arguments: &[&str]| depot.run(&mirror, &[arguments, &["--sumdb", &sumdb, "--lock", "goverify.lock"]].concat());
    let (linux, windows) = (entry(&sdks[0], Some(&depot.signer)), entry(&sdks[1], None));
    let (source, old) = (entry(&sdks[2], Some(&depot.signer)), entry(&sdks[3], Some(&depot.signer)));
    let text = || fs::read_to_string(lock_file(depot)).unwrap();
    run(&["1.22.5", "windows/amd64"]).exits(0);
    assert_eq!(text(), format!("{HEAD}{windows}"));
    run(&["1.22.5", "src", "linux/amd64"]).exits(0);
    assert_eq!(text(), format!("{HEAD}{linux}{windows}{source}"));
    // Whether it was installed now or before.
    fs::remove_file(lock_file(depot)).unwrap();
    run(&["1.22.5", "src", "linux/amd64", "windows/amd64"]).exits(0);
    assert_eq!(text(), format!("{HEAD}{linux}{windows}{source}"));
    run(&["1.21", "linux/amd64", "--download-only"]).exits(0);
    let all = format!("{HEAD}{old}{linux}{windows}{source}");
    assert_eq!(text(), all);
    // What could not be fetched is not locked, and what could be is.
    fs::remove_file(lock_file(depot)).unwrap();
    run(&["1.22.5", "linux/amd64", "linux/riscv64"]).exits(3);
    assert_eq!(text(), format!("{HEAD}{linux}"));
    // Nothing new is no reason to write.
    let commented = format!("# ours\n{}", text());
    fs::write(lock_file(depot), &commented).unwrap();
    run(&["1.22.5", "linux/amd64"]).exits(0);
    assert_eq!(text(), commented);
    assert!(snapshot(&depot.home.work()).iter().all(|name| !name.contains(".goverify-lock")));
}

#[cfg(unix)]
#[test]
fn a_lock_file_is_as_readable_as_the_umask_lets_it_be_and_stays_a_link() {
    use std::os::unix::fs::PermissionsExt;
    let (depot, mirror) = locked();
    let path = lock_file(&depot);
    fs::rename(&path, depot.home.work().join("there.lock")).unwrap();
    std::os::unix::fs::symlink("there.lock", &path).unwrap();
    fs::write(depot.home.work().join("there.lock"), HEAD).unwrap();
    let to = depot.destination();
    let fetch =
        depot.command(&mirror, &["1.22.5", "linux/amd64", "--lock", "goverify.lock", "--to", to.to_str().unwrap()]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "umask 022; exec \"$0\" \"$@\""]).arg(fetch.get_program()).args(fetch.get_args());
    Run::of(depot.home.surround(shell).output().unwrap()).exits(0);
    assert!(path.is_symlink());
    let there = fs::metadata(&path).unwrap();
    assert_eq!(there.permissions().mode() & 0o777, 0o644);
    assert!(fs::read_to_string(&path).unwrap().contains("go1.22.5"));
}

#[test]
fn what_is_locked_is_accepted() {
    let (depot, mirror) = locked();
    let before = fs::read(lock_file(&depot)).unwrap();
    for already in [false, true] {
        let result = depot.fetch(&mirror, &["--locked", "--json"]).exits(0).result();
        assert_eq!(result["installed"]["already"], already);
    }
    assert_installed(&depot.destination(), &Sdk::minimal("go1.22.5", "linux/amd64"), true);
    depot.run(&mirror, &["1.22.5", "linux/amd64", "--download-only", "--locked"]).exits(0);
    fs::rename(lock_file(&depot), depot.home.work().join("other.lock")).unwrap();
    depot.fetch(&mirror, &["--locked", "--lock", "other.lock", "--force"]).exits(0);
    assert_eq!(fs::read(depot.home.work().join("other.lock")).unwrap(), before, "it is not written");
    // Less may be known than there is.
    let less: String = String::from_utf8(before)
        .unwrap()
        .lines()
        .filter(|l| !l.starts_with("h1") && !l.starts_with("signer"))
        .map(|l| format!("{l}\n"))
        .collect();
    fs::write(lock_file(&depot), less).unwrap();
    depot.fetch(&mirror, &["--locked", "--force"]).exits(0);
}

#[test]
fn what_is_not_locked_is_refused_before_it_is_asked_for() {
    let (mut depot, _) = locked();
    let newer = ["go1.22.5", "go1.22.6"].map(|version| Sdk::minimal(version, "linux/amd64"));
    depot.files = mirror_files(&[&newer[..], &[Sdk::minimal("go1.22.5", "src")]].concat(), &depot.signer);
    let server = depot.serve();
    for arguments in
        [["1.22.6", "linux/amd64"], ["1.22.5", "src"], ["1.23", "linux/amd64"], ["oldstable", "linux/amd64"]]
    {
        let run = depot.run(&server.url(), &[&arguments[..], &["--locked", "--json"]].concat()).exits(3);
        assert_eq!(run.error_code(), "not-locked", "{arguments:?}");
    }
    let asked: Vec<_> = server.requests().into_iter().map(|request| request.path).collect();
    assert!(!asked.is_empty() && !asked.iter().any(|path| path.contains(".tar.gz")), "{asked:?}");
    depot.home.assert_untouched();
    // A series and a word choose among what is locked, whatever has come out since.
    fs::write(depot.home.work().join(".go-version"), "1.22\n").unwrap();
    for (number, word) in ["1.22", "stable", "auto", "1.22.5"].into_iter().enumerate() {
        let to = depot.home.home().join(number.to_string());
        let flags = [word, "linux/amd64", "--locked", "--json", "--to", to.to_str().unwrap()];
        assert_eq!(depot.run(&server.url(), &flags).exits(0).result()["archive"]["version"], "go1.22.5", "{word}");
        // Where nothing is locked, that is the newest.
        if word != "1.22.5" {
            let flags = [word, "linux/amd64", "--force", "--json", "--to", to.to_str().unwrap()];
            assert_eq!(depot.run(&server.url(), &flags).exits(0).result()["archive"]["version"], "go1.22.6", "{word}");
        }
    }
}

#[test]
fn a_lock_file_that_is_none_is_refused() {
    let (depot, mirror) = locked();
    let good = fs::read_to_string(lock_file(&depot)).unwrap();
    for bad in ["", "{}", &good.replace("lock/1", "lock/9"), &good.replace("size", "length"), &format!("{good}{good}")]
    {
        fs::write(lock_file(&depot), bad).unwrap();
        for flags in [&["--locked"][..], &["--lock", "goverify.lock"]] {
            let run = depot.fetch(&mirror, &[flags, &["--json"]].concat()).exits(2);
            assert_eq!(run.error_code(), "usage", "{bad}");
        }
        assert_eq!(fs::read_to_string(lock_file(&depot)).unwrap(), bad);
    }
    fs::remove_file(lock_file(&depot)).unwrap();
    let result = depot.fetch(&mirror, &["--locked", "--json"]).exits(5).result();
    assert_eq!(result["error"]["code"], "io");
    fs::create_dir(lock_file(&depot)).unwrap();
    depot.fetch(&mirror, &["--locked"]).exits(5);
    depot.fetch(&mirror, &["--lock", "goverify.lock"]).exits(5);
    fs::remove_dir(lock_file(&depot)).unwrap();
    depot.home.assert_untouched();
    // One that cannot be written is no success, even if the tree is there by then.
    let run = depot.fetch(&mirror, &["--lock", "missing/goverify.lock", "--json"]).exits(5);
    assert_eq!(run.error_code(), "io");
    fs::write(lock_file(&depot), good).unwrap();
    depot.fetch(&mirror, &["--locked"]).exits(0);
}

#[test]
fn each_thing_that_is_locked_has_to_hold_of_a_download_and_of_a_tree() {
    let (depot, mirror) = locked();
    let good = fs::read_to_string(lock_file(&depot)).unwrap();
    let (digest, size) = (sha256(&depot.files[NAME]), depot.files[NAME].len());
    let other_h1 = h1(&Sdk::minimal("go1.22.5", "windows/amd64"));
    let changes = [
        (digest.clone(), sha256(b"other"), "SHA-256"),
        (format!("size = {size}"), format!("size = {}", size + 1), "size"),
        (h1(&Sdk::minimal("go1.22.5", "linux/amd64")), other_h1, "h1"),
        (depot.signer.signing_fingerprint(), depot.signer.fingerprint(), "signing key"),
    ];
    for installed in [false, true] {
        for (from, to, what) in &changes {
            let changed = good.replace(from, to);
            assert_ne!(changed, good, "{what}");
            fs::write(lock_file(&depot), &changed).unwrap();
            for flags in [&["--locked"][..], &["--lock", "goverify.lock"], &["--locked", "--unsigned"]] {
                let run = depot.fetch(&mirror, &[flags, &["--json"]].concat()).exits(1);
                assert_eq!(run.error_code(), "lock-mismatch", "{what} {flags:?}");
                let message = run.result()["error"]["message"].as_str().unwrap().to_owned();
                assert!(message.starts_with(&format!("{NAME}: expected {what} ")), "{message}");
                assert_eq!(fs::read_to_string(lock_file(&depot)).unwrap(), changed);
                if !installed {
                    depot.home.assert_untouched();
                }
            }
            let flags = ["1.22.5", "linux/amd64", "--download-only", "--locked", "--json"];
            assert_eq!(depot.run(&mirror, &flags).exits(1).error_code(), "lock-mismatch", "{what}");
            assert!(!depot.home.work().join(NAME).exists());
        }
        fs::write(lock_file(&depot), &good).unwrap();
        depot.fetch(&mirror, &["--locked"]).exits(0);
    }
}

#[test]
fn a_lock_is_compared_with_what_was_verified_and_not_with_the_index_alone() {
    let (mut depot, _) = locked();
    let locked_index = depot.files["index.json"].clone();
    let other = mirror_files(
        &[Sdk::minimal("go1.22.5", "linux/amd64").with_file("src/new.go", "package x\n", 0o644)],
        &depot.signer,
    );
    // The index is the locked one once, and then of the other archive, which is genuinely signed.
    depot.files = other;
    let server = depot.serve();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", locked_index.len());
    depot.break_path(&server, INDEX_QUERY, [Fault::Raw([head.as_bytes(), &locked_index].concat())]);
    let run = depot.fetch(&server.url(), &["--locked", "--json"]).exits(1);
    assert_eq!(run.error_code(), "lock-mismatch");
    assert_eq!(requests_for(&server, PATH), 2, "the archive came, and was judged");
    depot.home.assert_untouched();
    // An index that does not even claim to be of what is locked costs no download.
    let run = depot.fetch(&server.url(), &["--locked", "--json"]).exits(1);
    assert_eq!(run.error_code(), "lock-mismatch");
    assert_eq!(requests_for(&server, PATH), 2);
    depot.fetch(&server.url(), &[]).exits(0);
}

#[test]
fn another_trusted_signer_is_not_the_locked_one() {
    let (mut depot, _) = locked();
    let other = Signer::new("another", KEY_CREATED);
    let both = [depot.signer.certificate(), other.certificate()].concat();
    fs::write(depot.home.work().join("keyring.pgp"), both).unwrap();
    let genuine = depot.files.insert(ASC.to_owned(), other.sign(&depot.files[NAME], SIGNED)).unwrap();
    let run = depot.fetch(&depot.write(), &["--locked", "--json"]).exits(1);
    assert_eq!(run.error_code(), "lock-mismatch");
    depot.home.assert_untouched();
    depot.fetch(&depot.write(), &[]).exits(0);
    let run = depot.fetch(&depot.write(), &["--locked", "--json"]).exits(1);
    assert_eq!(run.error_code(), "lock-mismatch", "nor is a tree that it signed");
    depot.files.insert(ASC.to_owned(), genuine);
    depot.fetch(&depot.write(), &["--locked", "--force"]).exits(0);
}

#[test]
fn what_was_accepted_on_less_is_locked_without_a_signer() {
    let (mut depot, _) = locked();
    depot.files.remove(ASC).unwrap();
    let mirror = depot.write();
    let run = depot.fetch(&mirror, &["--unsigned", "--locked", "--json"]).exits(1);
    assert_eq!(run.error_code(), "lock-mismatch", "a signer is locked, and nobody signed");
    fs::remove_file(lock_file(&depot)).unwrap();
    depot.fetch(&mirror, &["--unsigned", "--lock", "goverify.lock"]).exits(0);
    let expected = format!("{HEAD}{}", entry(&Sdk::minimal("go1.22.5", "linux/amd64"), None));
    assert_eq!(fs::read_to_string(lock_file(&depot)).unwrap(), expected);
    depot.fetch(&mirror, &["--unsigned", "--locked"]).exits(0);
    // A lock takes no check's place.
    let run = depot.fetch(&mirror, &["--locked", "--force", "--json"]).exits(3);
    assert_eq!(run.error_code(), "signature-not-published");
}
