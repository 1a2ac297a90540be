//! One archive with what must become of it.

use std::io;

use goverify::archive::{Keep, Manifest, ReceiveError, receive};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::release::ArchiveName;
use goverify::trust::{Authenticator, DigestSource, Expectation, ExpectedDigest, TrustError, verify};
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
        Self { what: what.into(), name, archive, rejected: Some(code) }
    }

    /// An archive for linux/amd64 that must be accepted.
    pub(crate) fn accepted(what: impl Into<String>, archive: Vec<u8>) -> Self {
        Self { rejected: None, ..Self::rejected(what, archive, Code::ArchiveMalformed) }
    }

    /// The same archive as one of this name.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: name.parse().unwrap(), ..self }
    }

    /// The verdict of the library on an archive that has the digest it should have, so that nothing but its contents
    /// can be wrong.
    pub(crate) fn judge(&self) -> Result<Accepted, Code> {
        let mut input = &self.archive[..];
        let received = match receive(&mut input, &self.name, &[], Collected::default(), &Watch::silent()) {
            Ok(received) => received,
            Err(ReceiveError::Archive(error)) => return Err(error.code()),
            Err(other) => panic!("{}: {other}", self.what),
        };
        let digests = vec![ExpectedDigest { sha256: Sha256::digest(&self.archive).into(), source: DigestSource::User }];
        let expectation = Expectation { digests, size_bytes: Some(self.archive.len() as u64) };
        match verify(received, &expectation, Authenticator::DigestOnly, &NO_LOG).outcome {
            Ok(verified) => Ok(Accepted { manifest: verified.manifest().clone(), stream: verified.kept().0.clone() }),
            Err(TrustError::Archive(error)) => Err(error.code()),
            Err(other) => panic!("{}: {other}", self.what),
        }
    }
}

/// Asserts the verdict on every case of a row, of which some must be rejected and some accepted, and hands the accepted
/// ones on to whoever reads them too.
#[track_caller]
pub(crate) fn check(cases: &[Case], agree: impl Fn(&Case, &Accepted)) {
    let mut accepted = 0;
    for case in cases {
        let judged = case.judge();
        assert_eq!(judged.as_ref().err().copied(), case.rejected, "{}", case.what);
        if let Ok(found) = judged {
            agree(case, &found);
            accepted += 1;
        }
    }
    assert!(accepted > 0 && accepted < cases.len(), "{accepted} of {} cases are accepted", cases.len());
    figures::count("hostile-archives-tried", cases.len() - accepted);
    figures::count("hostile-archives-rejected", cases.len() - accepted);
}
