//! However a stream arrives, the verdict is the same.
//!
//! Networks, pipes and disks cut a stream wherever they like, and a signal may interrupt any read. An archive whose
//! verdict depended on that could be one thing when it is verified and another when it is unpacked.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{self, Read};
use std::sync::LazyLock;

use goverify::archive::{Discard, Keep, Manifest, receive};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::release::{ArchiveFormat, ArchiveName};
use goverify::trust::{
    Authenticator, Check, DetachedSignature, DigestSource, Expectation, ExpectedDigest, Keyring, Trust, verify,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sha2::{Digest, Sha256};
use support::NO_LOG;
use support::keys::Signer;
use support::mirror::SIGNED;
use support::sdk::Sdk;
use support::tar_entry::{END, TarEntry, gzip, tar};
use support::zip_entry::{ZipEntry, zip};

const VERSION: &str = "go1.22.5";
/// Some times more than the buffers between threads hold, however they are filled.
const LARGE_FILE_BYTES: usize = 900 << 10;
/// Where a piece is longer than any buffer.
const LONGEST_PIECE_BYTES: usize = 300 << 10;

/// What one call of `read` does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Piece(usize),
    Interrupted,
}

/// A reader that goes through its steps again and again.
struct Pieces<'a> {
    rest: &'a [u8],
    steps: std::iter::Cycle<std::slice::Iter<'a, Step>>,
}

impl<'a> Pieces<'a> {
    fn new(bytes: &'a [u8], steps: &'a [Step]) -> Self {
        assert!(steps.iter().any(|step| matches!(step, Step::Piece(1..))), "this would never end");
        Self { rest: bytes, steps: steps.iter().cycle() }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match *self.steps.next().unwrap() {
            Step::Interrupted => Err(io::ErrorKind::Interrupted.into()),
            Step::Piece(length) => {
                let (piece, rest) = self.rest.split_at(length.min(buffer.len()).min(self.rest.len()));
                buffer.get_mut(..piece.len()).unwrap().copy_from_slice(piece);
                self.rest = rest;
                Ok(piece.len())
            }
        }
    }
}

/// Keeps the decompressed stream where a test can see it.
#[derive(Debug, Default)]
struct Collected(Vec<u8>);

impl Keep for Collected {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Everything that a caller can learn of an archive.
#[derive(Debug, PartialEq)]
struct Learned {
    size_bytes: u64,
    sha256: [u8; 32],
    checks: Vec<Check>,
    /// The verified archive with a digest of what was kept, or the error's text and code.
    outcome: Result<(Manifest, Trust, [u8; 32]), (String, Code)>,
}

struct Case {
    what: &'static str,
    name: ArchiveName,
    archive: Vec<u8>,
    signature: DetachedSignature,
    keyring: Keyring,
    expected: Option<Code>,
}

impl Case {
    fn new(what: &'static str, name: &ArchiveName, archive: Vec<u8>, expected: Option<Code>) -> Self {
        static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new("test", "2024-01-01T00:00:00Z"));
        let keyring = Keyring::from_files([&SIGNER.certificate()[..]]).unwrap();
        let signature = DetachedSignature::parse(&SIGNER.sign(&archive, SIGNED)).unwrap();
        Self { what, name: name.clone(), archive, signature, keyring, expected }
    }

    /// By signature and by digest, so that nothing but the formats and the layout can be at fault.
    fn learn(&self, input: &mut dyn Read) -> Result<Learned, (String, Code)> {
        let received = receive(input, &self.name, &self.signature.hashes(), Collected::default(), &Watch::silent())
            .map_err(|error| (error.to_string(), error.code()))?;
        let (size_bytes, sha256) = (received.size_bytes(), received.sha256());
        let digest = ExpectedDigest { sha256: Sha256::digest(&self.archive).into(), source: DigestSource::Index };
        let expectation = Expectation { digests: vec![digest], size_bytes: Some(self.archive.len() as u64) };
        let by = Authenticator::Signature { signature: &self.signature, keyring: &self.keyring };
        let verdict = verify(received, &expectation, by, &NO_LOG);
        let outcome = verdict
            .outcome
            .map(|v| (v.manifest().clone(), v.trust(), Sha256::digest(&v.kept().0).into()))
            .map_err(|error| (error.to_string(), error.code()));
        Ok(Learned { size_bytes, sha256, checks: verdict.checks, outcome })
    }

    fn code(learned: &Result<Learned, (String, Code)>) -> Option<Code> {
        match learned {
            Ok(Learned { outcome: Ok(_), .. }) => None,
            Ok(Learned { outcome: Err((_, code)), .. }) | Err((_, code)) => Some(*code),
        }
    }
}

/// Bytes that no compressor makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

fn small() -> Sdk {
    Sdk::minimal(VERSION, "linux/amd64")
}

fn large() -> Sdk {
    small().with_file("src/noise", noise(LARGE_FILE_BYTES), 0o644)
}

fn small_zip() -> Sdk {
    Sdk::minimal(VERSION, "windows/amd64")
}

fn large_zip() -> Sdk {
    small_zip().with_file("src/noise", noise(LARGE_FILE_BYTES), 0o644)
}

/// `bytes` with another value at `at`, counted from the end.
fn with_flip_before_end(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    let index = bytes.len() - at;
    *bytes.get_mut(index).unwrap() ^= 1;
    bytes
}

fn malformed_cases() -> Vec<(&'static str, Vec<u8>, Code)> {
    let malformed = Code::ArchiveMalformed;
    let archive = small().tar_gz();
    let (link, big) = (TarEntry::link("go/src/link", "/etc/passwd"), large());
    let cut = |bytes: &[u8], lost: usize| bytes.get(..bytes.len() - lost).unwrap().to_vec();
    let early_link: Vec<_> = std::iter::once(link.clone()).chain(big.entries()).collect();
    let broken_padding = with_flip_before_end(small().tar(), END.len() + 1);
    let stream = small().tar();
    let (first, second) = stream.split_at(1024);
    vec![
        ("trailing_garbage", [&archive[..], b"x"].concat(), malformed),
        ("zero_padding", [&archive[..], &[0; 512]].concat(), malformed),
        ("empty_second_member", [&archive[..], &gzip(b"")].concat(), malformed),
        ("second_gzip_member", [&archive[..], &archive].concat(), malformed),
        ("tar_in_two_members", [gzip(first), gzip(second)].concat(), malformed),
        ("wrong_crc", with_flip_before_end(archive.clone(), 8), malformed),
        ("wrong_length", with_flip_before_end(archive.clone(), 1), malformed),
        ("truncated_trailer", cut(&archive, 1), malformed),
        ("truncated_content", cut(&archive, 100), malformed),
        ("truncated_large", cut(&big.tar_gz(), 300_000), malformed),
        ("no_zero_blocks", gzip(&cut(&small().tar(), END.len())), malformed),
        ("one_zero_block", gzip(&cut(&small().tar(), END.len() / 2)), malformed),
        ("tar_after_the_end", gzip(&small().tar().repeat(2)), malformed),
        ("padding_not_zero", gzip(&broken_padding), malformed),
        ("link", small().with_entries([link.clone()]).tar_gz(), Code::ArchiveForbiddenEntry),
        ("link_behind_much_content", big.clone().with_entries([link]).tar_gz(), Code::ArchiveForbiddenEntry),
        ("link_before_much_content", gzip(&tar(&early_link)), Code::ArchiveForbiddenEntry),
        ("no_version", small().without("VERSION").tar_gz(), Code::LayoutInvalid),
        ("web_page", b"<!DOCTYPE html><title>Log in</title>".to_vec(), malformed),
        ("nothing", Vec::new(), malformed),
    ]
}

fn malformed_zips() -> Vec<(&'static str, Vec<u8>, Code)> {
    let malformed = Code::ArchiveMalformed;
    let (archive, big) = (small_zip().archive(), large_zip());
    let cut = |bytes: &[u8], lost: usize| bytes.get(..bytes.len() - lost).unwrap().to_vec();
    let link = ZipEntry::file("go/src/link", "/etc/passwd").edit(|e| e.central.external = 0o120_777 << 16);
    let stored = ZipEntry::file("go/src/stored", "").both(|h| h.method = 0);
    let with = |sdk: &Sdk, entry: &ZipEntry, at: usize| {
        let mut entries = sdk.zip_entries();
        entries.insert(at, entry.clone());
        zip(&entries)
    };
    let last = big.zip_entries().len();
    let unlisted = ZipEntry::file("go/src/unlisted", "").edit(|e| e.listed = 0);
    vec![
        ("zip_trailing_garbage", [&archive[..], b"x"].concat(), malformed),
        ("zip_twice", archive.repeat(2), malformed),
        ("zip_truncated_end", cut(&archive, 1), malformed),
        ("zip_truncated_directory", cut(&archive, 100), malformed),
        ("zip_truncated_large", cut(&big.archive(), 300_000), malformed),
        ("zip_wrong_end", with_flip_before_end(archive.clone(), 6), malformed),
        ("zip_unlisted_behind_much_content", with(&big, &unlisted, last), malformed),
        ("zip_link_listed_behind_much_content", with(&big, &link, 0), Code::ArchiveForbiddenEntry),
        ("zip_stored_before_much_content", with(&big, &stored, 0), Code::ArchiveForbiddenEntry),
        ("zip_stored_behind_much_content", with(&big, &stored, last), Code::ArchiveForbiddenEntry),
        ("zip_no_version", small_zip().without("VERSION").archive(), Code::LayoutInvalid),
        ("zip_web_page", b"<!DOCTYPE html><title>Log in</title>".to_vec(), malformed),
        ("zip_nothing", Vec::new(), malformed),
    ]
}

fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let good = [
            ("small", small()),
            ("large", large()),
            ("source", Sdk::source(VERSION)),
            ("small_zip", small_zip()),
            ("large_zip", large_zip()),
        ];
        let good = good.into_iter().map(|(what, sdk)| Case::new(what, sdk.name(), sdk.archive(), None));
        let malformed = [(small(), malformed_cases()), (small_zip(), malformed_zips())];
        let malformed = malformed.into_iter().flat_map(|(sdk, cases)| {
            cases.into_iter().map(move |(what, archive, code)| Case::new(what, sdk.name(), archive, Some(code)))
        });
        good.chain(malformed).collect()
    });
    &CASES
}

fn learn_in_pieces(case: &Case, steps: &[Step]) -> Result<(), TestCaseError> {
    let whole = case.learn(&mut &case.archive[..]);
    let pieces = case.learn(&mut Pieces::new(&case.archive, steps));
    prop_assert_eq!(&pieces, &whole, "{}", case.what);
    prop_assert_eq!(Case::code(&pieces), case.expected, "{}", case.what);
    Ok(())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => Just(Step::Interrupted),
        2 => Just(Step::Piece(1)),
        4 => (1..600_usize).prop_map(Step::Piece),
        3 => (1..LONGEST_PIECE_BYTES).prop_map(Step::Piece),
    ];
    let last = (1..LONGEST_PIECE_BYTES).prop_map(Step::Piece);
    (prop::collection::vec(step, 0..24), last).prop_map(|(mut steps, last)| {
        steps.push(last);
        steps
    })
}

/// Failures are shrunk and shown, and written nowhere.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn any_split_of_any_stream_leads_to_the_same_verdict(steps in steps(), case in 0..cases().len()) {
        learn_in_pieces(&cases()[case], &steps)?;
    }
}

#[test]
fn the_plain_splits_lead_to_the_same_verdict_for_every_case() {
    let interrupted = [Step::Interrupted, Step::Interrupted, Step::Piece(7)];
    for case in cases() {
        let byte_by_byte = [Step::Piece(1)];
        for steps in [&byte_by_byte[..], &[Step::Piece(512)], &[Step::Piece(64 << 10)], &interrupted] {
            learn_in_pieces(case, steps).unwrap_or_else(|error| panic!("{steps:?}: {error}"));
        }
    }
}

/// The decompressed archive, by another reader.
fn decompressed(case: &Case) -> Vec<u8> {
    let mut stream = Vec::new();
    if case.name.format() == ArchiveFormat::TarGz {
        flate2::read::GzDecoder::new(&case.archive[..]).read_to_end(&mut stream).unwrap();
        return stream;
    }
    let mut reader = zip::ZipArchive::new(io::Cursor::new(&case.archive)).unwrap();
    for index in 0..reader.len() {
        reader.by_index(index).unwrap().read_to_end(&mut stream).unwrap();
    }
    stream
}

#[test]
fn what_is_learnt_of_a_good_archive_is_what_is_in_it() {
    for case in cases().iter().filter(|case| case.expected.is_none()) {
        let learned = case.learn(&mut Pieces::new(&case.archive, &[Step::Interrupted, Step::Piece(1000)])).unwrap();
        let (manifest, trust, kept) = learned.outcome.unwrap();
        let stream = decompressed(case);
        assert_eq!(kept[..], Sha256::digest(&stream)[..], "{}", case.what);
        assert_eq!((learned.size_bytes, trust), (case.archive.len() as u64, Trust::Signature));
        assert_eq!(learned.sha256[..], Sha256::digest(&case.archive)[..]);
        assert!(manifest.files() > 3 && !learned.checks.is_empty());
    }
}

#[test]
fn any_other_failure_of_the_input_is_no_verdict() {
    struct Failing<'a>(&'a [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() { Err(io::ErrorKind::ConnectionReset.into()) } else { self.0.read(buffer) }
        }
    }
    let archive = &cases()[0].archive;
    for length in [0, 1, archive.len() / 2, archive.len()] {
        let (_, code) = cases()[0].learn(&mut Failing(&archive[..length])).unwrap_err();
        assert_eq!(code, Code::Io, "{length}");
    }
}

/// Two faults far apart: which of them is told must not depend on how the threads between them were scheduled.
#[test]
fn of_two_faults_the_same_one_is_always_told() {
    let early_link: Vec<_> = std::iter::once(TarEntry::link("go/src/link", "x")).chain(large().entries()).collect();
    let archive = [&gzip(&tar(&early_link))[..], b"trailing garbage"].concat();
    let case = Case::new("link_and_trailing_garbage", large().name(), archive, None);
    let first = case.learn(&mut &case.archive[..]);
    for round in 0..50 {
        let steps = if round % 2 == 0 { Step::Piece(LONGEST_PIECE_BYTES) } else { Step::Piece(round + 1) };
        assert_eq!(case.learn(&mut Pieces::new(&case.archive, &[steps])), first, "round {round}");
    }
}

#[test]
fn what_cannot_be_kept_or_copied_is_this_machines_fault() {
    /// Fails to keep, and as a reader to copy.
    #[derive(Debug)]
    struct Broken(io::ErrorKind);
    impl Keep for Broken {
        fn keep(&mut self, _: &[u8]) -> io::Result<()> {
            Err(self.0.into())
        }
    }
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
    }
    let watch = Watch::silent();
    for (kind, code) in [
        (io::ErrorKind::StorageFull, Code::NoSpace),
        (io::ErrorKind::QuotaExceeded, Code::NoSpace),
        (io::ErrorKind::Other, Code::Io),
    ] {
        for sdk in [Sdk::minimal("go1.22.5", "src"), small_zip(), large_zip()] {
            let archive = sdk.archive();
            let unkept = receive(&mut &archive[..], sdk.name(), &[], Broken(kind), &watch).unwrap_err();
            assert_eq!(unkept.code(), code);
            let unread = receive(&mut Broken(kind), sdk.name(), &[], Discard, &watch).unwrap_err();
            assert_eq!(unread.code(), code);
            receive(&mut &archive[..], sdk.name(), &[], Discard, &watch).unwrap();
        }
    }
}
