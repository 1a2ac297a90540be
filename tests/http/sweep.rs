//! Every fault that a transfer can have at some place, at many places of the archive, through the whole of a fetch:
//! it ends in time, with a tree as released or with a typed error and everything as it was, and the next one succeeds.

use std::fs;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use goverify::archive::Spool;
use goverify::error::{Code, Coded};
use goverify::fetch::{Access, Mirror};
use goverify::release::{ReleaseFile, ReleaseIndex};
use goverify::trust::{DigestSource, ExpectedDigest};
use goverify::{
    Authenticator, Destination, DetachedSignature, Durability, Expectation, Keyring, Occupied, ReceiptChoice, Watch,
    receive, verify,
};

use super::support::NO_LOG;
use super::support::binary::{assert_installed, snapshot};
use super::support::desk::KEY_CREATED;
use super::support::figures;
use super::support::keys::Signer;
use super::support::mirror::{SIGNED, index};
use super::support::sdk::Sdk;
use super::support::server::{Fault, Response, Server};
use super::support::world::{access, file_of, run};

/// Places of the archive, its first and last byte among them.
const PLACES: usize = 256;
/// In the quick form 16 of them, and again both ends.
const QUICK_STRIDE: usize = 17;
/// After which everything must have ended, whatever the server does.
const OVERALL: Duration = Duration::from_secs(60);
/// How long a silence is borne where one is certain to come.
const IDLE: Duration = Duration::from_millis(300);
/// Workers mostly wait for silences to end.
const WORKERS: usize = 8;

/// What a faulty transfer may leave of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    Nothing,
    /// All that was sent.
    All,
    /// As much as had arrived when it broke.
    Some,
}

/// A fault at a place of an archive, with which codes it may end, and what stays to be continued.
type Kind = (&'static str, fn(&[u8], usize) -> Fault, &'static [Code], Leaves);

const KINDS: [Kind; 9] = [
    ("cut", |_, at| Fault::TruncateAt(at), &[Code::TruncatedDownload], Leaves::All),
    ("reset", |_, at| Fault::ResetAt(at), &[Code::Network, Code::TruncatedDownload], Leaves::Some),
    ("stall", |_, at| Fault::StallAt(at), &[Code::Network], Leaves::All),
    ("cut_without_length", |all, at| raw("", &all[..at], b""), &[Code::TruncatedDownload], Leaves::All),
    (
        "cut_in_a_chunk",
        |all, at| raw(CHUNKED, format!("{:x}\r\n", all.len()).as_bytes(), &all[..at]),
        &[Code::Network, Code::TruncatedDownload],
        Leaves::Some,
    ),
    ("no_chunk", |all, at| raw(CHUNKED, &chunk(&all[..at]), b"no chunk\r\n"), &[Code::Network], Leaves::Some),
    ("announced_short", |_, at| Fault::ContentLength(at as u64), &[Code::TruncatedDownload], Leaves::Nothing),
    ("too_long", |_, at| Fault::Surplus(at + 1), &[Code::TruncatedDownload], Leaves::Nothing),
    ("changed_byte", changed_byte, &[Code::DigestMismatch, Code::ArchiveMalformed], Leaves::Nothing),
];

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

fn raw(field: &str, first: &[u8], second: &[u8]) -> Fault {
    let head = format!("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\n{field}\r\n");
    Fault::Raw([head.as_bytes(), first, second].concat())
}

/// One chunk, or none: an empty one would be the end.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() { Vec::new() } else { [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat() }
}

fn changed_byte(all: &[u8], at: usize) -> Fault {
    let mut all = all.to_vec();
    all[at] ^= 0x20;
    raw(&format!("Content-Length: {}\r\n", all.len()), &all, b"")
}

/// A release, and a server for it.
struct Stage {
    sdk: Sdk,
    archive: Vec<u8>,
    file: ReleaseFile,
    signature: DetachedSignature,
    keyring: Keyring,
    server: Server,
}

impl Stage {
    fn new() -> Self {
        // Nothing that gzip could shrink: the archive is to span many reads.
        let noise: Vec<u8> =
            (0..200_000_u32).map(|i| (i.wrapping_mul(i).wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        let sdk = Sdk::minimal("go1.22.5", "linux/amd64").with_file("src/noise.txt", noise, 0o644);
        let (archive, signer) = (sdk.archive(), Signer::new("tester", KEY_CREATED));
        let signature = DetachedSignature::parse(&signer.sign(&archive, SIGNED)).unwrap();
        let keyring = Keyring::from_files([&signer.certificate()[..]]).unwrap();
        let file = file_of(&ReleaseIndex::parse(&index(std::slice::from_ref(&sdk))).unwrap());
        Self { sdk, archive, file, signature, keyring, server: Server::start() }
    }

    /// All that a fetch is.
    fn fetch(&self, place: &Place, access: &Access) -> Result<(), Code> {
        let mirror = Mirror::at(&format!("{}{}/", self.server.url(), place.name), access).unwrap();
        let destination = Destination::prepare(&place.destination(), OVERALL, &Watch::silent()).map_err(code)?;
        let (parent, hashes) = (destination.parent_path().to_owned(), self.signature.hashes());
        let name = self.file.name().clone();
        let consume = move |mut input: &mut dyn BufRead| {
            receive(&mut input, &name, &hashes, Spool::new_in(&parent).unwrap(), &Watch::silent())
        };
        let (partials, watch) = (place.partials(), Watch::silent());
        let download = mirror.download(&self.file, Some(&partials), &watch, consume);
        let received = run(download).map_err(code)?.map_err(code)?;
        let digests = vec![ExpectedDigest { sha256: *self.file.sha256(), source: DigestSource::Index }];
        let expectation = Expectation { digests, size_bytes: Some(self.file.size_bytes()) };
        let by = Authenticator::Signature { signature: &self.signature, keyring: &self.keyring };
        let verified = verify(received, &expectation, by, &NO_LOG).outcome.map_err(code)?;
        let staged = destination.unpack(verified, ReceiptChoice::Omit).map_err(code)?;
        staged.commit(Occupied::Replace, Durability::Unsynced).map(|_| ()).map_err(code)
    }

    /// One fault met by one fetch, and the fetch after it. Returns how long the longer one took.
    fn meet(&self, (kind, fault, codes, leaves): Kind, at: usize, persistent: bool, place: &Place) -> Duration {
        let case = format!("{kind} at {at} of {}, persistent: {persistent}", self.archive.len());
        let before = place.clear(at % 2 == 1);
        let path = format!("/{}/{}", place.name, self.file.name());
        self.server.serve(&path, Response::file(self.archive.clone()), [fault(&self.archive, at)]);
        let mut access = access();
        access.limits.overall = OVERALL;
        access.limits.retries = if persistent { 20 } else { 0 };
        if kind == "stall" {
            access.limits.idle = IDLE;
        }
        let began = Instant::now();
        let first = self.fetch(place, &access);
        let mut longest = began.elapsed();
        // What contradicts the index or was found to be wrong is no matter of patience.
        if persistent && leaves != Leaves::Nothing {
            assert_eq!(first, Ok(()), "{case}");
        } else {
            let code = first.unwrap_err();
            assert!(codes.contains(&code), "{case}: {code:?}");
            assert!(code.exit_code() == 4 || kind == "changed_byte", "{case}: {code:?}");
            assert_eq!(snapshot(&place.home()), before, "{case}: as it was");
            self.assert_kept(place, leaves, at, &case);
            access.limits.idle = OVERALL;
            let began = Instant::now();
            assert_eq!(self.fetch(place, &access), Ok(()), "{case}: the next one");
            longest = longest.max(began.elapsed());
        }
        assert_installed(&place.destination(), &self.sdk, false);
        assert_eq!(snapshot(&place.home()).iter().filter(|name| !name.starts_with("made/")).count(), 0, "{case}");
        self.assert_kept(place, Leaves::Nothing, at, &case);
        longest
    }

    /// Nothing is kept but the archive's first bytes, with what identifies them.
    fn assert_kept(&self, place: &Place, leaves: Leaves, at: usize, case: &str) {
        let stem = hex::encode(self.file.sha256());
        let kept = fs::read(place.partials().join(format!("{stem}.partial"))).unwrap_or_default();
        let fits = match leaves {
            Leaves::Nothing => kept.is_empty(),
            Leaves::All => kept.len() == at,
            Leaves::Some => kept.len() <= at,
        };
        assert!(fits && self.archive.starts_with(&kept), "{case}: {} bytes are kept", kept.len());
        let names = if kept.is_empty() { vec![] } else { vec![format!("{stem}.etag"), format!("{stem}.partial")] };
        assert_eq!(snapshot(&place.partials()), names, "{case}");
    }
}

fn code(error: impl Coded) -> Code {
    error.code()
}

/// A worker's folders.
struct Place {
    name: String,
    folder: PathBuf,
}

impl Place {
    fn new(name: String, above: &Path) -> Self {
        Self { folder: above.join(&name), name }
    }

    fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    fn partials(&self) -> PathBuf {
        self.folder.join("partials")
    }

    fn destination(&self) -> PathBuf {
        self.home().join("made").join("go")
    }

    /// Makes it new, with another tree at the destination or without. Returns what is there.
    fn clear(&self, occupied: bool) -> Vec<String> {
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(self.home()).unwrap();
        fs::create_dir(self.partials()).unwrap();
        if occupied {
            fs::create_dir_all(self.destination()).unwrap();
            fs::write(self.destination().join("mine"), "old").unwrap();
        }
        snapshot(&self.home())
    }
}

#[test]
fn h05_every_fault_at_many_places() {
    let (stage, folder) = (Stage::new(), tempfile::tempdir().unwrap());
    let last = stage.archive.len() - 1;
    let places = (0..PLACES).step_by(figures::stride(QUICK_STRIDE)).map(|i| i * last / (PLACES - 1));
    let places: Vec<usize> = places.collect();
    assert_eq!((places[0], *places.last().unwrap()), (0, last));
    let cases: Vec<(Kind, usize, bool)> = KINDS
        .into_iter()
        .flat_map(|kind| places.iter().flat_map(move |&at| [false, true].map(|persistent| (kind, at, persistent))))
        .collect();
    let (next, hangs) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (stage, cases, next, hangs) = (&stage, &cases, &next, &hangs);
            let place = Place::new(format!("worker{worker}"), folder.path());
            scope.spawn(move || {
                while let Some(&(kind, at, persistent)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let took = stage.meet(kind, at, persistent, &place);
                    hangs.fetch_add(usize::from(took > OVERALL), Ordering::Relaxed);
                }
            });
        }
    });
    figures::count("network-faults", cases.len());
    figures::count("network-hangs", hangs.load(Ordering::Relaxed));
    assert_eq!(hangs.into_inner(), 0);
}
