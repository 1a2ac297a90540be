//! One archive with what must become of it.

use std::io::{self, Read};

use goverify::archive::{
    ArchiveError, Discard, GzipFault, Keep, LayoutFault, Manifest, ReceiveError, TarFault, ZipFault, receive,
};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::release::ArchiveName;
use goverify::trust::{Authenticator, DigestSource, Expectation, ExpectedDigest, TrustError, VerifiedArchive, verify};

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
    verified_from(name, archive, keep)
}

/// The same for an archive that need not be in memory.
pub(crate) fn verified_from<K: Keep>(
    name: &ArchiveName,
    mut archive: impl Read,
    keep: K,
) -> Result<VerifiedArchive<K>, ArchiveError> {
    let received = match receive(&mut archive, name, &[], keep, &Watch::silent()) {
        Ok(received) => received,
        Err(ReceiveError::Archive(error)) => return Err(error),
        Err(other) => panic!("{other}"),
    };
    let digests = vec![ExpectedDigest { sha256: received.sha256(), source: DigestSource::User }];
    let expectation = Expectation { digests, size_bytes: None };
    match verify(received, &expectation, Authenticator::DigestOnly, &NO_LOG).outcome {
        Ok(verified) => Ok(verified),
        Err(TrustError::Archive(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

/// The verdict when only the contents' digests are of interest.
pub(crate) fn manifest(name: &ArchiveName, archive: &[u8]) -> Result<Manifest, ArchiveError> {
    verified(name, archive, Discard).map(|verified| verified.manifest().clone())
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
