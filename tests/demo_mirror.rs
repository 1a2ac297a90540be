//! The demo mirror of `testdata/mirror`, and the builders that make it.
//!
//! With `GOVERIFY_WRITE_DEMO_MIRROR=1` in the environment the mirror is written anew before it is compared, signed
//! by the key in `testdata/demo-key.secret.asc`, which is made where it is missing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use goverify::archive::{ArchiveError, Discard, HeaderFault, LayoutFault, PaxFault, TarFault, receive};
use goverify::events::Watch;
use goverify::release::{ArchiveFormat, ReleaseIndex};
use goverify::trust::{Authenticator, DigestSource, Expectation, ExpectedDigest, TrustError, verify};
use sequoia_openpgp::Cert;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::parse::stream::{DetachedVerifierBuilder, MessageLayer, MessageStructure, VerificationHelper};
use sequoia_openpgp::policy::StandardPolicy;
use sha2::{Digest, Sha256};
use support::NO_LOG;
use support::keys::{HashAlgorithm, SignatureType, Signer};
use support::log::TestLog;
use support::mirror::{SIGNED, index, mirror_files};
use support::record::record;
use support::sdk::{Files, NON_ASCII_PATH, Sdk};
use support::tar_entry::TarEntry;

const VERSION: &str = "go1.22.5";
const USER_ID: &str = "goverify demo mirror (protects nothing) <demo@goverify.invalid>";
/// Records of the demo log.
const LOG_SIZE: u64 = 300;
const KEY_CREATED: &str = "2024-01-01T00:00:00Z";
/// The demo mirror is part of the repository and of the published crate.
const DEMO_ARCHIVE_LIMIT_BYTES: usize = 20_000;

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

fn demo_sdks() -> [Sdk; 4] {
    [Sdk::source(VERSION), Sdk::darwin_arm64(VERSION), Sdk::linux_amd64(VERSION), Sdk::windows_amd64(VERSION)]
}

/// The mirror with a log of its own, in which its releases are among others.
fn demo_files() -> BTreeMap<String, Vec<u8>> {
    let [_, logged @ ..] = demo_sdks();
    let records: Vec<(u64, String)> = (2..).step_by(3).zip(logged.iter().map(record)).collect();
    let given: Vec<(u64, &str)> = records.iter().map(|(at, record)| (*at, record.as_str())).collect();
    let log = TestLog::with(LOG_SIZE, &given);
    let mut files = mirror_files(&demo_sdks(), &demo_signer());
    for (sdk, (at, _)) in logged.iter().zip(&records) {
        files.insert(format!("{}.tlog-proof", sdk.name()), log.tlog_proof(*at, LOG_SIZE).into_bytes());
    }
    files.insert("keys/demo-log.txt".to_owned(), format!("{}\n", log.key().text()).into_bytes());
    let folder = tempfile::tempdir().unwrap();
    log.write(folder.path(), LOG_SIZE);
    read_folder(folder.path(), &format!("sumdb/{}/", TestLog::NAME), &mut files);
    files
}

fn demo_signer() -> Signer {
    Signer::from_secret(&fs::read(testdata("demo-key.secret.asc")).unwrap())
}

fn write_demo_mirror() {
    let secret = testdata("demo-key.secret.asc");
    if !secret.exists() {
        fs::write(&secret, Signer::new(USER_ID, KEY_CREATED).secret()).unwrap();
    }
    let mirror = testdata("mirror");
    if mirror.exists() {
        fs::remove_dir_all(&mirror).unwrap();
    }
    for (path, content) in demo_files() {
        let path = mirror.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn read_folder(dir: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, fs::read(entry.path()).unwrap());
        }
    }
}

/// Whether Sequoia, asked without any of our code, finds `signature` good.
fn is_signed_by(bytes: &[u8], signature: &[u8], certificate: &[u8]) -> bool {
    struct Helper(Cert);
    impl VerificationHelper for Helper {
        fn get_certs(&mut self, _: &[sequoia_openpgp::KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
            Ok(vec![self.0.clone()])
        }
        fn check(&mut self, structure: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
            let mut good = 0;
            for layer in structure {
                let MessageLayer::SignatureGroup { results } = layer else { panic!("no signature") };
                for result in results {
                    result.map_err(|error| sequoia_openpgp::Error::BadSignature(error.to_string()))?;
                    good += 1;
                }
            }
            assert_eq!(good, 1);
            Ok(())
        }
    }
    let policy = StandardPolicy::new();
    let helper = Helper(Cert::from_bytes(certificate).unwrap());
    let verifier = DetachedVerifierBuilder::from_bytes(signature).unwrap().with_policy(&policy, None, helper);
    verifier.and_then(|mut verifier| verifier.verify_bytes(bytes)).is_ok()
}

#[test]
fn the_demo_mirror_is_what_its_builder_makes() {
    if std::env::var_os("GOVERIFY_WRITE_DEMO_MIRROR").is_some_and(|value| value == "1") {
        write_demo_mirror();
    }
    let mut expected = demo_files();
    let mut actual = BTreeMap::new();
    read_folder(&testdata("mirror"), "", &mut actual);
    assert_eq!(actual.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for sdk in demo_sdks() {
        let archive = &actual[&sdk.name().to_string()];
        assert!(archive.len() < DEMO_ARCHIVE_LIMIT_BYTES, "{}: {} bytes", sdk.name(), archive.len());
        if sdk.name().format() == ArchiveFormat::Zip {
            continue;
        }
        // Sequoia salts every signature, so that no two are alike.
        let asc = format!("{}.asc", sdk.name());
        let signature = actual.remove(&asc).unwrap();
        expected.remove(&asc).unwrap();
        let archive = &actual[&sdk.name().to_string()];
        assert!(is_signed_by(archive, &signature, &actual["keys/demo.asc"]), "{asc}");
    }
    for (path, content) in &expected {
        assert!(actual[path] == *content, "testdata/mirror/{path} differs; see testdata/README.md");
    }
}

#[test]
fn a_built_index_describes_its_archives() {
    let older = Sdk::linux_amd64("go1.21.0");
    let candidate = Sdk::linux_amd64("go1.23rc1");
    let sdks = demo_sdks().into_iter().chain([older, candidate]).collect::<Vec<_>>();
    let index = ReleaseIndex::parse(&index(&sdks)).unwrap();
    let listed = index.releases().iter().map(|release| (release.version().to_string(), release.is_stable()));
    let expected = [(VERSION, true), ("go1.21.0", true), ("go1.23rc1", false)];
    assert!(listed.eq(expected.map(|(version, stable)| (version.to_owned(), stable))));
    for sdk in &sdks {
        let release = index.releases().iter().find(|release| release.version() == sdk.name().version()).unwrap();
        let file = release.file(sdk.name().target()).unwrap();
        let archive = sdk.archive();
        assert_eq!(file.size_bytes(), archive.len() as u64);
        assert_eq!(file.sha256()[..], Sha256::digest(&archive)[..]);
    }
}

#[test]
fn every_built_archive_is_received_as_a_release() {
    for (version, target) in [
        (VERSION, "linux/amd64"),
        (VERSION, "linux/arm"),
        (VERSION, "linux/arm64"),
        (VERSION, "linux/386"),
        (VERSION, "freebsd/amd64"),
        (VERSION, "darwin/amd64"),
        (VERSION, "darwin/arm64"),
        (VERSION, "windows/amd64"),
        (VERSION, "src"),
        ("go1.20", "linux/amd64"),
        ("go1.21.0", "src"),
        ("go1.23rc1", "linux/amd64"),
    ] {
        let sdk = Sdk::new(version, target);
        let archive = sdk.archive();
        let received = receive(&mut &archive[..], sdk.name(), &[], Discard, &Watch::silent()).unwrap();
        assert_eq!(received.size_bytes(), archive.len() as u64);
        assert_eq!(received.sha256()[..], Sha256::digest(&archive)[..]);
        assert_eq!(fault(&sdk), None, "{}", sdk.name());
    }
    let missing = LayoutFault::Missing("VERSION".to_owned());
    assert_eq!(fault(&Sdk::linux_amd64(VERSION).without("VERSION")), Some(ArchiveError::Layout(missing)));
}

/// What its formats and layout break, if anything: the archive's own digest is all that is asked of it besides.
fn fault(sdk: &Sdk) -> Option<ArchiveError> {
    let received = receive(&mut &sdk.archive()[..], sdk.name(), &[], Discard, &Watch::silent()).unwrap();
    let own = ExpectedDigest { sha256: received.sha256(), source: DigestSource::User };
    let expectation = Expectation { digests: vec![own], ..Expectation::default() };
    match verify(received, &expectation, Authenticator::DigestOnly, &NO_LOG).outcome {
        Ok(_) => None,
        Err(TrustError::Archive(error)) => Some(error),
        Err(other) => panic!("{other}"),
    }
}

fn header_fault(sdk: &Sdk) -> Option<HeaderFault> {
    match fault(sdk)? {
        ArchiveError::Tar { fault: TarFault::Header(fault), .. } => Some(fault),
        other => panic!("{other}"),
    }
}

#[test]
fn an_edited_header_has_a_valid_checksum_unless_it_shall_not() {
    let entry = || TarEntry::file("go/src/added", "content");
    let sdk = |entry: TarEntry| Sdk::linux_amd64(VERSION).with_entries([entry]);
    assert_eq!(fault(&sdk(entry())), None);
    assert_eq!(fault(&sdk(entry().header(|h| h.set_mtime(0)))), None);
    for (edited, expected) in [
        (entry().header(|h| h.set_mtime(0)).raw_checksum(), HeaderFault::Checksum),
        (entry().mode(0o777), HeaderFault::Mode(0o777)),
        (TarEntry::link("go/src/added", "/etc/passwd"), HeaderFault::ForbiddenType(b'2')),
    ] {
        assert_eq!(header_fault(&sdk(edited)), Some(expected));
    }
    let size_in_pax = fault(&sdk(entry().after(TarEntry::extension(b'x', "9 size=1\n"))));
    let is_pax =
        |error: &ArchiveError| matches!(error, ArchiveError::Tar { fault: TarFault::Pax(PaxFault::Record), .. });
    assert!(size_in_pax.as_ref().is_some_and(is_pax), "{size_in_pax:?}");
}

#[test]
fn a_built_archive_holds_its_files_as_another_tar_reader_sees_them() {
    let long = |length: usize| format!("src/{}", ["x".repeat(49), "y".repeat(length - 54)].join("/"));
    let long_paths =
        Sdk::source(VERSION).with_file(&long(150), "in a prefix", 0o644).with_file(&long(250), "in pax", 0o644);
    for sdk in demo_sdks().into_iter().filter(|sdk| sdk.name().format() == ArchiveFormat::TarGz).chain([long_paths]) {
        let archive = sdk.tar_gz();
        assert_eq!(archive[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff]);
        let mut reader = tar::Archive::new(flate2::read::GzDecoder::new(&archive[..]));
        let mut files = Files::new();
        for entry in reader.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            if entry.header().entry_type().is_dir() {
                continue;
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let mode = entry.header().mode().unwrap();
            files.insert(path.strip_prefix("go/").unwrap().to_owned(), (content, mode));
        }
        assert_eq!(&files, sdk.files());
        assert!(files.contains_key(NON_ASCII_PATH));
    }
}

#[test]
fn test_signatures_are_good_over_what_they_sign_and_nothing_else() {
    let (data, other) = (&b"one\ntwo\r\n"[..], &b"one\ntwo"[..]);
    for signer in [Signer::new("a", KEY_CREATED), Signer::primary_only("b", KEY_CREATED)] {
        let certificate = signer.certificate();
        for hash in [HashAlgorithm::SHA256, HashAlgorithm::SHA512] {
            for kind in [SignatureType::Binary, SignatureType::Text] {
                let signature = signer.sign_as(data, SIGNED, hash, kind);
                assert!(is_signed_by(data, &signature, &certificate), "{hash} {kind}");
                assert!(!is_signed_by(other, &signature, &certificate), "{hash} {kind}");
            }
        }
        let reread = Signer::from_secret(&signer.secret());
        assert_eq!(reread.signing_fingerprint(), signer.signing_fingerprint());
        assert_eq!(reread.certificate(), certificate);
        assert!(!is_signed_by(data, &signer.sign(data, SIGNED), &Signer::new("a", KEY_CREATED).certificate()));
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn the_linux_amd64_demo_go_runs_and_tells_its_version() {
    use std::os::unix::fs::PermissionsExt;

    let sdk = Sdk::linux_amd64(VERSION);
    let (program, mode) = &sdk.files()["bin/go"];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("go");
    fs::write(&path, program).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
    let output = std::process::Command::new(&path).arg("version").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "go version go1.22.5 linux/amd64\n");
    assert!(output.status.success());
}
