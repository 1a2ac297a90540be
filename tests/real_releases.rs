//! The main job on real releases, with Google's real signature where there is one.
//!
//! `GOVERIFY_REAL_RELEASES` names a folder with the archives of go1.27.1 (source and linux/amd64), their signatures,
//! an index and certificates. Without it every test here says that it was skipped.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use goverify::release::{ReleaseIndex, Selector};
use support::binary::{Home, RECEIPT, check, serve_mirror, snapshot, tree};
use support::sdk::Files;

const SOURCE: &str = "go1.27.1.src.tar.gz";
const LINUX: &str = "go1.27.1.linux-amd64.tar.gz";
/// What sum.golang.org holds of it, and a log for tests does.
const H1: &str = "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M=";
const GOOGLE: &str = "EB4C1BFD4F042F6DDDCCEC917721F63BD38B4796";
const SUBKEY_OF_2025: &str = "0E225917414670F4442C250DFD533C07C264648F";
const TEST_KEY: &str = "B2A15BF4A88DF5A3BA0FAB0B641920D9F9050409";

/// The folder of real releases, or `None` and a word about it.
fn real() -> Option<PathBuf> {
    let folder = std::env::var_os("GOVERIFY_REAL_RELEASES").map(PathBuf::from);
    if folder.is_none() {
        // Past the test harness, which would swallow what a passing test prints.
        std::io::stderr().write_all(b"skipped: GOVERIFY_REAL_RELEASES is not set\n").unwrap();
    }
    folder.map(|folder| folder.canonicalize().unwrap())
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// What an independent reader finds in an archive: content and mode of each file, relative to `go/`.
fn files_of(archive: &Path) -> Files {
    let mut reader = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(archive).unwrap()));
    let mut files = Files::new();
    for entry in reader.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let mode = entry.header().mode().unwrap();
            assert!(files.insert(path.strip_prefix("go/").unwrap().to_owned(), (content, mode)).is_none());
        }
    }
    files
}

#[track_caller]
fn assert_equal_to_archive(tree_at: &Path, archive: &Path, count: usize) {
    let (mut found, expected) = (tree(tree_at), files_of(archive));
    found.remove(RECEIPT).unwrap();
    assert_eq!((found.len(), expected.len()), (count, count));
    for (path, file) in expected {
        assert!(found.remove(&path).unwrap() == file, "{path}");
    }
}

#[test]
fn the_source_release_is_verified_by_googles_embedded_certificate() {
    let Some(real) = real() else { return };
    let home = Home::new();
    let to = home.work().join("src");
    let run = home.run(["fetch", "1.27.1", "src", "--mirror", &path(&real, ""), "--to", "src", "--json"]).exits(0);
    let result = run.result();
    let signature = check(&result, "signature");
    assert_eq!((&signature["status"], &signature["hash"]), (&"passed".into(), &"SHA256".into()));
    assert_eq!((&signature["certificate"], &signature["signing_key"]), (&GOOGLE.into(), &SUBKEY_OF_2025.into()));
    assert_eq!(signature["sha1_back_signature"], false);
    assert_eq!((&result["trust"], &result["installed"]["already"]), (&"signature".into(), &false.into()));
    assert_equal_to_archive(&to, &real.join(SOURCE), 15_618);
}

#[test]
fn the_source_release_is_verified_over_http() {
    let Some(real) = real() else { return };
    let read = |name: &str| (name.to_owned(), fs::read(real.join(name)).unwrap());
    let signature = format!("{SOURCE}.asc");
    let server = serve_mirror(&BTreeMap::from([read(SOURCE), read(&signature), read("index.json")]));
    let home = Home::new();
    let run = home.run(["fetch", "1.27.1", "src", "--mirror", &server.url(), "--to", "src", "--json"]).exits(0);
    assert_eq!(check(&run.result(), "signature")["signing_key"], SUBKEY_OF_2025);
    assert_equal_to_archive(&home.work().join("src"), &real.join(SOURCE), 15_618);
    assert_eq!(home.cached(), []);
}

#[test]
fn the_linux_release_is_installed_and_recognised() {
    let Some(real) = real() else { return };
    let home = Home::new();
    let keyring = path(&real, "keys/test-mirror.asc");
    let mirror = path(&real, "");
    let log_key = fs::read_to_string(real.join("sumdb/local/verifier-key.txt")).unwrap();
    let log = format!("{} {}", log_key.trim_end(), path(&real, "sumdb/local"));
    let common = ["fetch", "1.27.1", "linux/amd64", "--mirror", &mirror, "--keyring", &keyring, "--to", "go", "--json"];
    let fetch = [&common[..], &["--sumdb", &log]].concat();
    let result = home.run(&fetch).exits(0).result();
    assert_eq!(result["trust"], "signature+transparency");
    assert_eq!(check(&result, "transparency")["h1"], H1);
    assert_eq!(check(&result, "transparency")["record"], 23_333);
    assert_eq!(check(&result, "signature")["signing_key"], TEST_KEY);
    let layout = check(&result, "layout");
    let counts = [&layout["entries"], &layout["files"], &layout["unpacked_bytes"]].map(|n| n.as_u64().unwrap());
    assert_eq!(counts, [17_353, 15_639, 243_910_739]);
    let go = home.work().join("go");
    assert_equal_to_archive(&go, &real.join(LINUX), 15_639);
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    {
        let version = std::process::Command::new(go.join("bin/go")).arg("version").output().unwrap();
        assert_eq!(String::from_utf8(version.stdout).unwrap(), "go version go1.27.1 linux/amd64\n");
    }
    let again = home.run(&fetch).exits(0).result();
    assert_eq!((&again["installed"]["already"], &again["installed"]["files"]), (&true.into(), &15_639.into()));
    let cached: Vec<String> = home.cached().into_iter().map(|(name, _)| name).collect();
    let memory = "goverify/sumdb/localhost.localdev_sumdb+9eacdbae/";
    assert_eq!(cached, [format!("{memory}latest"), format!("{memory}lock")]);
}

#[test]
fn real_archives_are_verified_offline_and_their_damaged_copies_are_not() {
    let Some(real) = real() else { return };
    let home = Home::new();
    let (archive, signature) = (path(&real, SOURCE), path(&real, &format!("{SOURCE}.asc")));
    let run = home.run(["verify", &archive]).exits(0);
    assert_eq!(run.stdout, format!("OK {archive}\n"));

    // The same bytes are no other version and no SDK, and the binary archive's signature is not Google's.
    for (arguments, code) in [
        (&["--version", "1.27.2"][..], "layout-invalid"),
        (&["--platform", "linux/amd64"], "layout-invalid"),
        (&["--sha256", &"0".repeat(64)], "digest-mismatch"),
        (&["--keyring", &path(&real, "keys/test-mirror.asc")], "signature-untrusted-key"),
    ] {
        let run = home.run(["verify", &archive, "--json"].iter().chain(arguments)).exits(1);
        assert_eq!(run.error_code(), code);
    }
    let linux = home.run(["verify", &path(&real, LINUX), "--json"]).exits(1);
    assert_eq!(linux.error_code(), "signature-untrusted-key");

    let bytes = fs::read(&archive).unwrap();
    let damaged = home.work().join(SOURCE);
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    for (content, code) in [(&flipped[..], "signature-bad"), (&bytes[..bytes.len() - 1], "archive-malformed")] {
        fs::write(&damaged, content).unwrap();
        let run = home.run(["verify", damaged.to_str().unwrap(), "--signature", &signature, "--json"]).exits(1);
        assert_eq!(run.error_code(), code);
    }
    assert_eq!(snapshot(&home.work()), [SOURCE]);
}

#[test]
fn the_embedded_certificate_is_the_one_that_debian_ships() {
    let Some(real) = real() else { return };
    let embedded = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys/google-linux-packages.asc");
    assert!(fs::read(embedded).unwrap() == fs::read(real.join("keys/google-linux-packages.asc")).unwrap());
}

#[test]
fn the_whole_index_of_2021_is_understood() {
    let Some(real) = real() else { return };
    let index = ReleaseIndex::parse(&fs::read(real.join("go-dl-include-all-2021-11-08.json")).unwrap()).unwrap();
    // All but `go1`, which holds the bootstrap archives and is no version.
    assert_eq!(index.releases().len(), 202 - 1);
    for (selector, version) in [
        ("stable", "go1.17.3"),
        ("latest", "go1.17.3"),
        ("oldstable", "go1.16.10"),
        ("1.15", "go1.15"),
        ("1.15.15", "go1.15.15"),
        ("1.17rc2", "go1.17rc2"),
    ] {
        let selected = index.select(&selector.parse::<Selector>().unwrap()).unwrap();
        assert_eq!(selected.version().to_string(), version, "{selector}");
    }
    // Empty digests and sizes of zero are refused for the chosen file alone.
    let (mut good, mut refused) = (0, BTreeSet::new());
    for release in index.releases() {
        for target in release.targets() {
            match release.file(&target) {
                Ok(_) => good += 1,
                Err(_) => _ = refused.insert(release.version().to_string()),
            }
        }
    }
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    assert_eq!(good, 2_098);
    assert_eq!(
        refused,
        [
            "go1.2.2",
            "go1.3",
            "go1.3.1",
            "go1.3.2",
            "go1.3.3",
            "go1.3rc1",
            "go1.3rc2",
            "go1.4",
            "go1.4.1",
            "go1.4.2",
            "go1.4.3",
            "go1.4beta1",
            "go1.4rc1",
            "go1.4rc2",
            "go1.5",
            "go1.5.1",
            "go1.5.2",
            "go1.5beta1",
            "go1.5beta2",
            "go1.5beta3",
            "go1.5rc1",
            "go1.6beta1",
        ]
    );
}
