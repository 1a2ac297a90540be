//! One archive with what must become of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::num::NonZero;
use std::thread;

use goverify::archive::{
    ArchiveError, Discard, GzipFault, Keep, LayoutFault, Manifest, ReceiveError, TarFault, UnverifiedArchive, ZipFault,
    receive,
};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::release::ArchiveName;
use goverify::trust::{Authenticator, DigestSource, Expectation, ExpectedDigest, TrustError, VerifiedArchive, verify};
use sha2::{Digest, Sha256};

use super::support::{NO_LOG, figures};

/// An archive and the verdict on it.
pub(crate) struct Case {
    /// Its fault, or what is odd and right about it.
    pub(crate) what: String,
    /// What it is called, which says what it must be.
    pub(crate) name: ArchiveName,
    /// The file.
    pub(crate) archive: Vec<u8>,
    /// The code of its rejection; `None` for a twin that must be accepted.
    pub(crate) rejected: Option<Code>,
    /// What exactly must be found wrong, where that is said.
    pub(crate) fault: Option<Fault>,
}

/// Rows of attacks on a format by their names, which are those of tests.
pub(crate) type Rows = &'static [(&'static str, fn() -> Vec<Case>)];

/// What is wrong with an archive, wherever in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Gzip(GzipFault),
    Tar(TarFault),
    Zip(ZipFault),
    TooLarge { limit: u64, unit: &'static str },
    Layout(LayoutFault),
}

impl From<&ArchiveError> for Fault {
    fn from(error: &ArchiveError) -> Self {
        match error.clone() {
            ArchiveError::Gzip { fault, .. } => Self::Gzip(fault),
            ArchiveError::Tar { fault, .. } => Self::Tar(fault),
            ArchiveError::Zip { fault, .. } => Self::Zip(fault),
            ArchiveError::TooLarge { limit, unit } => Self::TooLarge { limit, unit },
            ArchiveError::Layout(fault) => Self::Layout(fault),
            other => panic!("{other}"),
        }
    }
}

/// An accepted archive: what is known of it, and its decompressed stream.
pub(crate) struct Accepted {
    pub(crate) manifest: Manifest,
    pub(crate) stream: Vec<u8>,
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

impl Case {
    /// An archive for linux/amd64 that must be rejected.
    pub(crate) fn rejected(what: impl Into<String>, archive: Vec<u8>, code: Code) -> Self {
        let name = "go1.22.5.linux-amd64.tar.gz".parse().unwrap();
        Self { what: what.into(), name, archive, rejected: Some(code), fault: None }
    }

    /// An archive for linux/amd64 that must be accepted.
    pub(crate) fn accepted(what: impl Into<String>, archive: Vec<u8>) -> Self {
        Self { rejected: None, ..Self::rejected(what, archive, Code::ArchiveMalformed) }
    }

    /// The same archive as one of this name.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: name.parse().unwrap(), ..self }
    }

    /// The same with what exactly must be found wrong.
    pub(crate) fn because(self, fault: Fault) -> Self {
        Self { fault: Some(fault), ..self }
    }

    /// The verdict of the library.
    pub(crate) fn judge(&self) -> Result<Accepted, ArchiveError> {
        let verified = verified(&self.name, &self.archive, Collected::default())?;
        Ok(Accepted { manifest: verified.manifest().clone(), stream: verified.kept().0.clone() })
    }
}

/// The verdict of the library on an archive that has the digest it should have, so that nothing but its contents can
/// be wrong.
pub(crate) fn verified<K: Keep>(
    name: &ArchiveName,
    archive: &[u8],
    keep: K,
) -> Result<VerifiedArchive<K>, ArchiveError> {
    let received = received(name, archive, keep)?;
    let digests = vec![ExpectedDigest { sha256: Sha256::digest(archive).into(), source: DigestSource::User }];
    judged(received, &Expectation { digests, size_bytes: Some(archive.len() as u64) })
}

/// The same for an archive that is not in memory, and has whatever digest it is received with.
pub(crate) fn verified_from<K: Keep>(
    name: &ArchiveName,
    archive: impl Read,
    keep: K,
) -> Result<VerifiedArchive<K>, ArchiveError> {
    let received = received(name, archive, keep)?;
    let digests = vec![ExpectedDigest { sha256: received.sha256(), source: DigestSource::User }];
    judged(received, &Expectation { digests, size_bytes: None })
}

fn received<K: Keep>(
    name: &ArchiveName,
    mut archive: impl Read,
    keep: K,
) -> Result<UnverifiedArchive<K>, ArchiveError> {
    receive(&mut archive, name, &[], keep, &Watch::silent()).map_err(|error| match error {
        ReceiveError::Archive(error) => error,
        other => panic!("{other}"),
    })
}

fn judged<K: Keep>(
    received: UnverifiedArchive<K>,
    expectation: &Expectation,
) -> Result<VerifiedArchive<K>, ArchiveError> {
    verify(received, expectation, Authenticator::DigestOnly, &NO_LOG).outcome.map_err(|error| match error {
        TrustError::Archive(error) => error,
        other => panic!("{other}"),
    })
}

/// The verdict when only the contents' digests are of interest.
pub(crate) fn manifest(name: &ArchiveName, archive: &[u8]) -> Result<Manifest, ArchiveError> {
    verified(name, archive, Discard).map(|verified| verified.manifest().clone())
}

/// `judge` for each of these numbers, on all cores.
pub(crate) fn each<T: Send>(
    numbers: impl Iterator<Item = usize> + Clone + Send + Sync,
    judge: impl Fn(usize) -> T + Sync,
) -> BTreeMap<usize, T> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let worker = |first| {
            let (mine, judge) = (numbers.clone().skip(first).step_by(threads), &judge);
            scope.spawn(move || mine.map(|n| (n, judge(n))).collect::<Vec<_>>())
        };
        let workers: Vec<_> = (0..threads).map(worker).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

/// Asserts that no two cases of a row have one name, that no two rejected archives of all rows are the same, and that
/// there are more than `least` of these.
#[track_caller]
pub(crate) fn assert_told_once(rows: Rows, least: usize) {
    let (mut archives, mut twice) = (BTreeMap::new(), Vec::new());
    for (row, cases) in rows {
        let mut names = BTreeSet::new();
        for case in cases() {
            let digest: [u8; 32] = Sha256::digest(&case.archive).into();
            let told = format!("{row}: {}", case.what);
            if !names.insert(case.what) {
                twice.push(told.clone());
            }
            if case.rejected.is_some()
                && let Some(first) = archives.insert((digest, case.name.to_string()), told.clone())
            {
                twice.push(format!("{first}; {told}"));
            }
        }
    }
    assert!(twice.is_empty(), "{twice:#?}");
    assert!(archives.len() > least, "{}", archives.len());
}

/// Asserts the verdict on every case of a row, of which some must be rejected and some accepted, and hands the accepted
/// ones on to whoever reads them too.
#[track_caller]
pub(crate) fn check<'a>(cases: &'a [Case], mut agree: impl FnMut(&'a Case, &Accepted)) {
    let (mut accepted, mut slipped, mut wrong) = (0, 0, Vec::new());
    for case in cases {
        let judged = case.judge();
        let error = judged.as_ref().err();
        let fault = error.map(Fault::from);
        if error.map(Coded::code) != case.rejected || case.fault.is_some() && fault != case.fault {
            slipped += usize::from(judged.is_ok());
            wrong.push(format!("{}: {error:?}", case.what));
        } else if let Ok(found) = judged {
            agree(case, &found);
            accepted += 1;
        }
    }
    figures::count("hostile-archives-tried", cases.len() - accepted);
    figures::count("hostile-archives-rejected", cases.len() - accepted - slipped);
    figures::count("hostile-archives-accepted", slipped);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(accepted > 0 && accepted < cases.len(), "{accepted} of {} cases are accepted", cases.len());
}
