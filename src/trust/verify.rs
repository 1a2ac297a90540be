//! The one place where an archive becomes verified.
//!
//! All checks run on what was received, and all that was expected must hold: every expected digest and size, the
//! signature with its time, the formats and the layout. The report has them all; the error is the most telling:
//!
//! 1. the size, and input that ends too early;
//! 2. the digest: the bytes are not those that were promised;
//! 3. the signature;
//! 4. the formats and the layout: the right bytes by their makers, but not the release that was asked for.

use super::Keyring;
use super::digest::{self, DigestProof, ExpectedDigest};
use super::release_time::{self, TimeFault};
use super::signature::{self, DetachedSignature, SignatureError, SignatureProof};
use crate::archive::{ArchiveError, GzipFault, LayoutProof, Manifest, Spool, UnverifiedArchive, ZipFault};
use crate::error::{Code, Coded};
use crate::release::ArchiveName;

/// What an archive must agree with, beside being what it claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Digests that it must have.
    pub digests: Vec<ExpectedDigest>,
    /// Its size in bytes, where the index says one.
    pub size_bytes: Option<u64>,
}

/// What an archive's authenticity rests on.
#[derive(Clone, Copy, Debug)]
pub enum Authenticator<'a> {
    /// A signature by a key of the keyring.
    Signature {
        /// The signature at hand.
        signature: &'a DetachedSignature,
        /// Whose signatures count.
        keyring: &'a Keyring,
    },
    /// Nothing but agreement with an expected digest: the one weaker mode, for archives that were never signed.
    /// Without an expected digest nothing is ever verified this way.
    DigestOnly,
}

/// Why an archive is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Another size.
    #[error("expected {expected} bytes, got {actual}")]
    Size {
        /// What the index says.
        expected: u64,
        /// What was read.
        actual: u64,
    },
    /// Another digest.
    #[error("expected SHA-256 {} ({}), got {}", hex::encode(.expected.sha256), .expected.source, hex::encode(.actual))]
    Digest {
        /// The expectation that was not met.
        expected: ExpectedDigest,
        /// What the bytes hash to.
        actual: [u8; 32],
    },
    /// There is no digest that the archive could agree with.
    #[error("no expected digest: without a signature one is needed")]
    NoDigest,
    /// The signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The signature's time.
    #[error("signature: {0}")]
    Time(#[from] TimeFault),
    /// The formats or the layout.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl Coded for TrustError {
    fn code(&self) -> Code {
        match self {
            Self::Size { .. } => Code::SizeMismatch,
            Self::Digest { .. } => Code::DigestMismatch,
            Self::NoDigest => Code::Usage,
            Self::Signature(error) => error.code(),
            Self::Time(_) => Code::SignatureTime,
            Self::Archive(error) => error.code(),
        }
    }
}

/// The name of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// Agreement with expected digests and sizes.
    Digest,
    /// The OpenPGP signature.
    Signature,
    /// Formats, layout, version and platform.
    Layout,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckStatus {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// What it needs never existed.
    NotPublished,
    /// Nobody asked for it, or there was nothing to compare with.
    NotRequested,
}

/// One check of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which.
    pub kind: CheckKind,
    /// How it ended.
    pub status: CheckStatus,
    /// What it rests on.
    pub evidence: Evidence,
}

/// What a check rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing to show.
    None,
    /// The digests that were compared.
    Digest {
        /// What was expected.
        expected: Vec<ExpectedDigest>,
        /// What the bytes hash to.
        actual: [u8; 32],
    },
    /// The signature that holds.
    Signature(SignatureProof),
    /// The contents that were found in order.
    Layout {
        /// Entries of any kind.
        entries: u64,
        /// Regular files of the SDK.
        files: u64,
        /// The sum of their sizes.
        unpacked_bytes: u64,
    },
}

/// What an archive's authenticity was found to rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A trusted key's signature.
    Signature,
    /// Agreement with an expected digest, and nothing else.
    DigestOnly,
}

impl Trust {
    /// The word in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::DigestOnly => "digest-only",
        }
    }
}

/// The result of all checks.
#[derive(Debug)]
pub struct Verdict<K> {
    /// Each check, whether it passed or not.
    pub checks: Vec<Check>,
    /// The verified archive, or the most telling reason why it is none.
    pub outcome: Result<VerifiedArchive<K>, TrustError>,
}

#[derive(Clone, Debug)]
enum Authenticity {
    Signature { proof: SignatureProof, armored: String },
    DigestOnly(DigestProof),
}

/// An archive that passed every required check, with its proofs; [`verify()`] alone can make one.
///
/// Its fields are private, so nobody else can put one together:
///
/// ```compile_fail,E0451
/// fn forge(honest: goverify::VerifiedArchive<()>) -> goverify::VerifiedArchive<()> {
///     goverify::VerifiedArchive { kept: (), ..honest }
/// }
/// ```
///
/// Nor can a proof be made, or an archive that was merely received be unpacked:
///
/// ```compile_fail,E0423
/// let proof = goverify::trust::DigestProof(());
/// ```
///
/// ```compile_fail,E0308
/// use goverify::*;
/// fn unpack(received: UnverifiedArchive<Spool>, destination: Destination) {
///     let _ = destination.unpack(received, ReceiptChoice::Omit);
/// }
/// ```
///
/// What [`verify()`] returned can be:
///
/// ```
/// use goverify::*;
/// fn unpack(verified: VerifiedArchive<Spool>, destination: Destination) {
///     let _ = destination.unpack(verified, ReceiptChoice::Omit);
/// }
/// ```
#[derive(Debug)]
pub struct VerifiedArchive<K> {
    name: ArchiveName,
    size_bytes: u64,
    sha256: [u8; 32],
    manifest: Manifest,
    authenticity: Authenticity,
    _layout: LayoutProof,
    kept: K,
}

impl<K> VerifiedArchive<K> {
    /// Which release it is.
    #[must_use]
    pub fn name(&self) -> &ArchiveName {
        &self.name
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Its SHA-256.
    #[must_use]
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// What it holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What its authenticity rests on.
    #[must_use]
    pub fn trust(&self) -> Trust {
        match self.authenticity {
            Authenticity::Signature { .. } => Trust::Signature,
            Authenticity::DigestOnly(_) => Trust::DigestOnly,
        }
    }

    /// The signature that was found good, with its file's text.
    #[must_use]
    pub fn signature(&self) -> Option<(&SignatureProof, &str)> {
        match &self.authenticity {
            Authenticity::Signature { proof, armored } => Some((proof, armored)),
            Authenticity::DigestOnly(_) => None,
        }
    }

    /// What was kept of its contents.
    #[must_use]
    pub fn kept(&self) -> &K {
        &self.kept
    }
}

impl VerifiedArchive<Spool> {
    /// The contents, which are let go when this is dropped.
    pub(crate) fn into_parts(self) -> (Manifest, Spool) {
        (self.manifest, self.kept)
    }
}

/// Judges a received archive by all evidence at hand.
#[must_use]
pub fn verify<K>(archive: UnverifiedArchive<K>, expectation: &Expectation, by: Authenticator<'_>) -> Verdict<K> {
    let sha256 = archive.sha256();
    let size = check_size(&archive, expectation);
    let digest =
        digest::check(sha256, &expectation.digests).map_err(|expected| TrustError::Digest { expected, actual: sha256 });
    let authenticity = authenticate(&archive, by, digest.clone());
    let scan = archive.scan().map_err(|error| TrustError::Archive(error.clone()));
    let time = match (&authenticity, &scan) {
        (Ok(Authenticity::Signature { proof, .. }), Ok(scan)) => {
            release_time::check(*archive.name().version(), proof.created(), scan.layout.released())
        }
        _ => Ok(()),
    };

    let digest_evidence = Evidence::Digest { expected: expectation.digests.clone(), actual: sha256 };
    let signature_evidence = match &authenticity {
        Ok(Authenticity::Signature { proof, .. }) => Evidence::Signature(proof.clone()),
        _ => Evidence::None,
    };
    let layout_evidence = scan.as_ref().map_or(Evidence::None, |scan| Evidence::Layout {
        entries: scan.entries,
        files: scan.manifest.files(),
        unpacked_bytes: scan.manifest.unpacked_bytes(),
    });
    let passed = |ok: bool| if ok { CheckStatus::Passed } else { CheckStatus::Failed };
    let digest_status = match &digest {
        Ok(None) if size.is_ok() => CheckStatus::NotRequested,
        result => passed(result.is_ok() && size.is_ok()),
    };
    let signature_status = match by {
        Authenticator::Signature { .. } => passed(authenticity.is_ok() && time.is_ok()),
        Authenticator::DigestOnly => CheckStatus::NotPublished,
    };
    let checks = vec![
        Check { kind: CheckKind::Digest, status: digest_status, evidence: digest_evidence },
        Check { kind: CheckKind::Signature, status: signature_status, evidence: signature_evidence },
        Check { kind: CheckKind::Layout, status: passed(scan.is_ok()), evidence: layout_evidence },
    ];
    let truncated = match &scan {
        Err(TrustError::Archive(
            error @ (ArchiveError::Gzip { fault: GzipFault::Truncated, .. }
            | ArchiveError::Zip { fault: ZipFault::Truncated, .. }),
        )) => Err(TrustError::Archive(error.clone())),
        _ => Ok(()),
    };
    let outcome = (|| {
        size?;
        truncated?;
        digest?;
        let authenticity = authenticity?;
        let scan = scan?.clone();
        time?;
        Ok((authenticity, scan))
    })();
    let outcome = outcome.map(|(authenticity, scan)| VerifiedArchive {
        name: archive.name().clone(),
        size_bytes: archive.size_bytes(),
        sha256,
        manifest: scan.manifest,
        authenticity,
        _layout: scan.layout,
        kept: archive.into_kept(),
    });
    Verdict { checks, outcome }
}

fn check_size<K>(archive: &UnverifiedArchive<K>, expectation: &Expectation) -> Result<(), TrustError> {
    let actual = archive.size_bytes();
    match expectation.size_bytes {
        Some(expected) if expected != actual => Err(TrustError::Size { expected, actual }),
        _ => Ok(()),
    }
}

fn authenticate<K>(
    archive: &UnverifiedArchive<K>,
    by: Authenticator<'_>,
    digest: Result<Option<DigestProof>, TrustError>,
) -> Result<Authenticity, TrustError> {
    match by {
        Authenticator::Signature { signature, keyring } => {
            let proof = signature::check(archive, signature, keyring)?;
            Ok(Authenticity::Signature { proof, armored: signature.armored().to_owned() })
        }
        Authenticator::DigestOnly => digest?.map(Authenticity::DigestOnly).ok_or(TrustError::NoDigest),
    }
}
