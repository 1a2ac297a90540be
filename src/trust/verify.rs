//! The one place where an archive becomes verified.
//!
//! All checks run on what was received, and all that was expected must hold: every expected digest and size, the
//! signature with its time, the formats and the layout, and the log's record. All evidence at hand must agree, whether
//! it was required or not. The report has all checks; the error is the most telling:
//!
//! 1. the size, and input that ends too early;
//! 2. the digest: the bytes are not those that were promised;
//! 3. the signature;
//! 4. evidence of the log that is wrong in itself;
//! 5. the formats and the layout: the right bytes by their makers, but not the release that was asked for;
//! 6. the log's record, which follows from the files that were then found.

use super::digest::{self, DigestProof, ExpectedDigest};
use super::log::{LogError, LogEvidence, LogKey, LogProof, TlogProof, ToolchainModule, judge};
use super::release_time::{self, TimeFault};
use super::signature::{self, DetachedSignature, SignatureError, SignatureProof};
use super::verdict::{Check, CheckKind, CheckStatus, Evidence, Trust, Verdict};
use super::{H1Fault, Keyring, TreeForm, h1, is_covered};
use crate::archive::{ArchiveError, GzipFault, LayoutProof, Manifest, Spool, UnverifiedArchive, ZipFault};
use crate::error::{Code, Coded};
use crate::release::{ArchiveName, Target};

/// What an archive must agree with, beside being what it claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Digests that it must have.
    pub digests: Vec<ExpectedDigest>,
    /// Its size in bytes, where the index says one.
    pub size_bytes: Option<u64>,
}

/// What an archive's authenticity has to rest on.
#[derive(Clone, Copy, Debug)]
pub enum Authenticator<'a> {
    /// A signature by a key of the keyring.
    Signature {
        /// The signature at hand.
        signature: &'a DetachedSignature,
        /// Whose signatures count.
        keyring: &'a Keyring,
    },
    /// The log's record: for archives that have no signature.
    Transparency,
    /// A signature and the log's record.
    SignatureAndTransparency {
        /// The signature at hand.
        signature: &'a DetachedSignature,
        /// Whose signatures count.
        keyring: &'a Keyring,
    },
    /// Nothing but agreement with an expected digest: the one weaker mode, for archives that were never signed.
    /// Without an expected digest nothing is ever verified this way.
    DigestOnly,
}

/// What there is of the transparency log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transparency {
    /// Evidence that has to hold.
    Evidence(LogEvidence),
    /// The log, or who answered in its name, has contradicted itself or what was seen of it before.
    Failed(LogError),
    /// None.
    Absent(Absence),
}

impl Transparency {
    /// What a `.tlog-proof` says, which counts whether it can be read or not: it is there, so it has to hold.
    #[must_use]
    pub fn stored(text: &[u8], key: &LogKey) -> Self {
        match TlogProof::parse(text, key) {
            Ok(proof) => Self::Evidence(LogEvidence::Stored(proof)),
            Err(error) => Self::Failed(error),
        }
    }
}

/// Why there is no evidence of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// The log does not know the release; source archives are in none.
    #[error("the transparency log does not hold it")]
    NotLogged,
    /// The log could not be asked.
    #[error("the transparency log cannot be reached")]
    Unavailable,
    /// Nobody wanted it asked, and nothing of it was at hand.
    #[error("there is no evidence of the transparency log")]
    NotRequested,
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
    /// The log's evidence.
    #[error("transparency: {0}")]
    Log(#[from] LogError),
    /// Files that the log cannot have recorded.
    #[error("transparency: {0}")]
    H1(#[from] H1Fault),
    /// Evidence of the log for what no log records.
    #[error("transparency: source archives are in no log, and this is said to prove one")]
    SourceInLog,
    /// The log's evidence is required and not there.
    #[error("{0}")]
    NoLog(Absence),
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
            Self::Log(error) => error.code(),
            Self::H1(_) | Self::SourceInLog => Code::TransparencyBadProof,
            Self::NoLog(Absence::NotLogged) => Code::TransparencyNotLogged,
            Self::NoLog(Absence::Unavailable) => Code::Network,
            Self::NoLog(Absence::NotRequested) => Code::SignatureNotPublished,
            Self::Archive(error) => error.code(),
        }
    }
}

#[derive(Clone, Debug)]
enum Authenticity {
    Signature(Signed),
    Transparency(LogProof),
    SignatureAndTransparency(Signed, LogProof),
    DigestOnly(DigestProof),
}

#[derive(Clone, Debug)]
struct Signed {
    proof: SignatureProof,
    armored: String,
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
            Authenticity::Signature(_) => Trust::Signature,
            Authenticity::Transparency(_) => Trust::Transparency,
            Authenticity::SignatureAndTransparency(..) => Trust::SignatureAndTransparency,
            Authenticity::DigestOnly(_) => Trust::DigestOnly,
        }
    }

    /// How many of its files nothing but its own digest vouches for: those that the log leaves out, where the log alone
    /// vouches for the rest.
    #[must_use]
    pub fn unauthenticated_files(&self) -> Option<u64> {
        (self.trust() == Trust::Transparency).then(|| unauthenticated_files(&self.manifest, TreeForm::Sdk))
    }

    /// The signature that was found good, with its file's text.
    #[must_use]
    pub fn signature(&self) -> Option<(&SignatureProof, &str)> {
        match &self.authenticity {
            Authenticity::Signature(signed) | Authenticity::SignatureAndTransparency(signed, _) => {
                Some((&signed.proof, &signed.armored))
            }
            Authenticity::Transparency(_) | Authenticity::DigestOnly(_) => None,
        }
    }

    /// The log's record that was found to be its own.
    #[must_use]
    pub fn transparency(&self) -> Option<&LogProof> {
        match &self.authenticity {
            Authenticity::Transparency(proof) | Authenticity::SignatureAndTransparency(_, proof) => Some(proof),
            Authenticity::Signature(_) | Authenticity::DigestOnly(_) => None,
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
pub fn verify<K>(
    archive: UnverifiedArchive<K>,
    expectation: &Expectation,
    by: Authenticator<'_>,
    transparency: &Transparency,
) -> Verdict<K> {
    let sha256 = archive.sha256();
    let size = check_size(&archive, expectation);
    let digest =
        digest::check(sha256, &expectation.digests).map_err(|expected| TrustError::Digest { expected, actual: sha256 });
    let signature = check_signature(&archive, by);
    let scan = archive.scan().map_err(|error| TrustError::Archive(error.clone()));
    let time = match (&signature, &scan) {
        (Ok(Some(signed)), Ok(scan)) => {
            release_time::check(*archive.name().version(), signed.proof.created(), scan.layout.released())
        }
        _ => Ok(()),
    };
    let log = match (transparency, &scan) {
        (Transparency::Failed(error), _) => Some(Err(error.clone().into())),
        (Transparency::Evidence(evidence), Ok(scan)) => Some(judge_files(archive.name(), &scan.manifest, evidence)),
        // Without files there is nothing that a record could be about.
        (Transparency::Evidence(_), Err(error)) => Some(Err(error.clone())),
        (Transparency::Absent(_), _) => None,
    };

    let passed = |ok: bool| if ok { CheckStatus::Passed } else { CheckStatus::Failed };
    let digest_status = match &digest {
        Ok(None) if size.is_ok() => CheckStatus::NotRequested,
        result => passed(result.is_ok() && size.is_ok()),
    };
    let signature_status = match &signature {
        Ok(None) => CheckStatus::NotPublished,
        result => passed(result.is_ok() && time.is_ok()),
    };
    let signature_evidence = match &signature {
        Ok(Some(signed)) => Evidence::Signature(signed.proof.clone()),
        _ => Evidence::None,
    };
    let layout_evidence = scan.as_ref().map_or(Evidence::None, |scan| Evidence::Layout {
        entries: scan.entries,
        files: scan.manifest.files(),
        unpacked_bytes: scan.manifest.unpacked_bytes(),
    });
    let digest_evidence = Evidence::Digest { expected: expectation.digests.clone(), actual: sha256 };
    let checks = vec![
        Check { kind: CheckKind::Digest, status: digest_status, evidence: digest_evidence },
        Check { kind: CheckKind::Signature, status: signature_status, evidence: signature_evidence },
        Check { kind: CheckKind::Layout, status: passed(scan.is_ok()), evidence: layout_evidence },
        transparency_check(transparency, log.as_ref()),
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
        let digest = digest?;
        let signed = signature?;
        if let Transparency::Failed(error) = transparency {
            return Err(error.clone().into());
        }
        let scan = scan?.clone();
        time?;
        let log = log.transpose()?;
        Ok((authenticate(by, signed, log, transparency, digest)?, scan))
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

/// Whether the log vouches for the files of a tree, of which nothing else is known than which release they should be.
///
/// # Errors
/// [`TrustError`] when the evidence is not about these very files.
pub fn judge_tree(
    module: &ToolchainModule,
    manifest: &Manifest,
    form: TreeForm,
    evidence: &LogEvidence,
) -> Result<LogProof, TrustError> {
    let h1 = h1(manifest, &module.to_string(), form)?;
    Ok(judge(evidence, &module.record(h1))?)
}

/// How many of a tree's files the log leaves out.
#[must_use]
pub fn unauthenticated_files(manifest: &Manifest, form: TreeForm) -> u64 {
    manifest.file_entries().filter(|file| !is_covered(file.path.as_str(), form)).count() as u64
}

fn judge_files(name: &ArchiveName, manifest: &Manifest, evidence: &LogEvidence) -> Result<LogProof, TrustError> {
    match name.target() {
        Target::Platform(platform) => {
            judge_tree(&ToolchainModule::new(*name.version(), platform), manifest, TreeForm::Sdk, evidence)
        }
        Target::Source => Err(TrustError::SourceInLog),
    }
}

/// The check of evidence that was judged, as the report has it.
#[must_use]
pub fn proof_check(judged: &Result<LogProof, TrustError>) -> Check {
    let (status, evidence) = match judged {
        Ok(proof) => (CheckStatus::Passed, Evidence::Transparency(proof.clone())),
        Err(TrustError::Log(LogError::Mismatch { module, expected, actual })) => {
            let (module, expected, actual) = (module.clone(), *expected, *actual);
            (CheckStatus::Failed, Evidence::LogMismatch { module, expected, actual })
        }
        // Where no files could be read, there was nothing to judge by it.
        Err(TrustError::Archive(_)) => (CheckStatus::Unavailable, Evidence::None),
        Err(_) => (CheckStatus::Failed, Evidence::None),
    };
    Check { kind: CheckKind::Transparency, status, evidence }
}

/// The check of what there is of the log, as the report has it; evidence must have been judged.
#[must_use]
pub fn transparency_check(transparency: &Transparency, judged: Option<&Result<LogProof, TrustError>>) -> Check {
    let status = match (transparency, judged) {
        (Transparency::Absent(Absence::NotLogged), _) => CheckStatus::NotPublished,
        (Transparency::Absent(Absence::Unavailable), _) => CheckStatus::Unavailable,
        (Transparency::Absent(Absence::NotRequested), _) => CheckStatus::NotRequested,
        (Transparency::Evidence(_) | Transparency::Failed(_), Some(judged)) => return proof_check(judged),
        (Transparency::Evidence(_) | Transparency::Failed(_), None) => CheckStatus::Failed,
    };
    Check { kind: CheckKind::Transparency, status, evidence: Evidence::None }
}

fn check_size<K>(archive: &UnverifiedArchive<K>, expectation: &Expectation) -> Result<(), TrustError> {
    let actual = archive.size_bytes();
    match expectation.size_bytes {
        Some(expected) if expected != actual => Err(TrustError::Size { expected, actual }),
        _ => Ok(()),
    }
}

/// `None` where there is no signature to be checked.
fn check_signature<K>(archive: &UnverifiedArchive<K>, by: Authenticator<'_>) -> Result<Option<Signed>, TrustError> {
    match by {
        Authenticator::Signature { signature, keyring }
        | Authenticator::SignatureAndTransparency { signature, keyring } => {
            let proof = signature::check(archive, signature, keyring)?;
            Ok(Some(Signed { proof, armored: signature.armored().to_owned() }))
        }
        Authenticator::Transparency | Authenticator::DigestOnly => Ok(None),
    }
}

/// Puts the proofs together that are there, if they are those that are required.
fn authenticate(
    by: Authenticator<'_>,
    signed: Option<Signed>,
    log: Option<LogProof>,
    transparency: &Transparency,
    digest: Option<DigestProof>,
) -> Result<Authenticity, TrustError> {
    let no_log = || match transparency {
        Transparency::Absent(absence) => TrustError::NoLog(*absence),
        Transparency::Evidence(_) | Transparency::Failed(_) => TrustError::NoLog(Absence::NotRequested),
    };
    match (signed, log) {
        (Some(signed), Some(log)) => Ok(Authenticity::SignatureAndTransparency(signed, log)),
        (None, Some(log)) => Ok(Authenticity::Transparency(log)),
        (Some(signed), None) => match by {
            Authenticator::Signature { .. } => Ok(Authenticity::Signature(signed)),
            _ => Err(no_log()),
        },
        (None, None) => match by {
            Authenticator::DigestOnly => digest.map(Authenticity::DigestOnly).ok_or(TrustError::NoDigest),
            _ => Err(no_log()),
        },
    }
}
