//! A real release for Windows: its zip by the strict profile, and the main job with a log that holds its record.
//!
//! `GOVERIFY_REAL_BUILDS` names a folder with the archive of go1.27.1 for windows/amd64, which anyone can build
//! (`make.bash -distpack`). Without it, or without that archive, each test says that it was skipped.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use goverify::archive::{Discard, EntryKind, receive};
use goverify::events::Watch;
use goverify::trust::{Authenticator, DigestSource, Expectation, ExpectedDigest, verify};
use sha2::{Digest, Sha256};
use support::NO_LOG;

const WINDOWS: &str = "go1.27.1.windows-amd64.zip";

/// The real archive, or `None` and a word about it.
fn real() -> Option<PathBuf> {
    let skipped = |why: String| {
        // Past the test harness, which would swallow what a passing test prints.
        std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes()).unwrap();
        None
    };
    let Some(folder) = std::env::var_os("GOVERIFY_REAL_BUILDS") else {
        return skipped("GOVERIFY_REAL_BUILDS is not set".to_owned());
    };
    let archive = PathBuf::from(folder).join(WINDOWS);
    if archive.is_file() { Some(archive) } else { skipped(format!("there is no {}", archive.display())) }
}

#[test]
fn l12_real_zip_is_read_as_others_read_it_and_its_modes_are_those_of_the_rule() {
    let Some(archive) = real() else { return };
    let name = WINDOWS.parse().unwrap();
    let start = Instant::now();
    let received = receive(&mut File::open(&archive).unwrap(), &name, &[], Discard, &Watch::silent()).unwrap();
    std::io::stderr().write_all(format!("received {WINDOWS} in {:?}\n", start.elapsed()).as_bytes()).unwrap();
    let digest = Sha256::digest(fs::read(&archive).unwrap());
    let digests = vec![ExpectedDigest { sha256: digest.into(), source: DigestSource::User }];
    let verdict = verify(received, &Expectation { digests, size_bytes: None }, Authenticator::DigestOnly, &NO_LOG);
    let verified = verdict.outcome.unwrap();
    assert_eq!(verified.manifest().files(), 15_639);

    let mut reader = zip::ZipArchive::new(BufReader::new(File::open(&archive).unwrap())).unwrap();
    let mut expected = BTreeMap::new();
    for index in 0..reader.len() {
        let mut file = reader.by_index(index).unwrap();
        let (mut content, executable) = (Vec::new(), file.unix_mode().unwrap() == 0o100_755);
        file.read_to_end(&mut content).unwrap();
        let path = file.name().unwrap().strip_prefix("go/").unwrap().to_owned();
        let digest: [u8; 32] = Sha256::digest(&content).into();
        assert!(expected.insert(path, (content.len() as u64, digest, executable)).is_none());
    }
    let found = verified.manifest().entries().iter().map(|entry| match entry.kind {
        // What it says of modes is what the rule says.
        EntryKind::File { size_bytes, sha256, executable, .. } => {
            (entry.path.to_string(), (size_bytes, sha256, executable))
        }
        EntryKind::Directory => panic!("{entry:?}"),
    });
    let found: BTreeMap<_, _> = found.collect();
    assert_eq!(found.len(), 15_639);
    assert!(found == expected);
}

/// What sum.golang.org holds of it.
#[cfg(feature = "net")]
const H1: &str = "h1:uvUPiZUFKn246/ZPbYpTzP8aUKAjcMH5rgIl9vsjoyQ=";

#[cfg(feature = "net")]
#[test]
fn l12_real_zip_is_fetched_by_the_log_alone_and_audited() {
    use support::binary::{Home, check};
    use support::log::{TestLog, toolchain};

    let Some(archive) = real() else { return };
    let home = Home::new();
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    let (mirror, log_at, to) = (home.mirror(), home.work().join("log"), home.home().join("go"));
    fs::create_dir(&mirror).unwrap();
    fs::copy(&archive, mirror.join(WINDOWS)).unwrap();
    let (digest, size) =
        (hex::encode(Sha256::digest(fs::read(&archive).unwrap())), fs::metadata(&archive).unwrap().len());
    let file = serde_json::json!({"filename": WINDOWS, "os": "windows", "arch": "amd64", "version": "go1.27.1",
        "sha256": digest, "size": size, "kind": "archive"});
    let index = serde_json::json!([{"version": "go1.27.1", "stable": true, "files": [file]}]);
    fs::write(mirror.join("index.json"), index.to_string()).unwrap();
    let log = TestLog::with(1_000, &[(700, &toolchain("v0.0.1-go1.27.1.windows-amd64", H1))]);
    log.write(&log_at, 1_000);
    let (mirror, to) = (text(mirror), text(to));
    let fetch = |sumdb: &str, further: &[&str]| {
        let common = ["fetch", "1.27.1", "windows/amd64", "--mirror", &mirror, "--to", &to, "--json", "--sumdb", sumdb];
        home.run([&common[..], further].concat())
    };
    assert_eq!(fetch("off", &[]).exits(3).error_code(), "signature-not-published");
    assert!(!home.home().join("go").exists());
    let result = fetch(&format!("{} {}", log.key().text(), text(log_at)), &[]).exits(0).result();
    assert_eq!(result["trust"], "transparency");
    assert_eq!(result["unauthenticated_files"], 3_581);
    assert_eq!(check(&result, "transparency")["h1"], H1);
    assert_eq!(check(&result, "layout")["files"], 15_639);
    let audit = ["audit", &to, "--offline", "--json", "--sumdb", &log.key().text()];
    assert_eq!(home.run(audit).exits(0).result()["drift"], serde_json::json!([]));
    fs::write(home.home().join("go/src/runtime/proc.go"), "package runtime\n").unwrap();
    let drift = home.run(audit).exits(1).result()["drift"].clone();
    assert_eq!(drift, serde_json::json!([{"path": "src/runtime/proc.go", "change": "modified"}]));
}
