//! Which of an archive, its signature and what the index says of it do not belong together.

use std::fmt;

use goverify::fetch::FetchError;
use goverify::trust::{Check, CheckKind, CheckStatus, DigestSource, SignatureError, TrustError};

use super::failure::Failure;

/// What contradicts what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disagreement {
    /// What was signed is what came, and the index is of other bytes.
    IndexAlone,
    /// What the index says is what came, and the signature is of other bytes.
    SignatureAlone,
    /// Neither is of the bytes that came.
    ArchiveAlone,
    /// The index is of other bytes, and nothing else was there to side with one of the two.
    IndexAndArchive,
}

impl Disagreement {
    /// What a rejected archive's checks say of it; `None` where that is not in question.
    pub(crate) fn of(error: &TrustError, checks: &[Check]) -> Option<Self> {
        let by_index = match error {
            TrustError::Size { .. } => false,
            TrustError::Digest { expected, .. } if expected.source == DigestSource::Index => false,
            TrustError::Signature(SignatureError::Bad { .. }) => true,
            _ => return None,
        };
        let signature = checks.iter().find(|check| check.kind == CheckKind::Signature).map(|check| check.status);
        Some(match (by_index, signature) {
            (true, _) => Self::SignatureAlone,
            (false, Some(CheckStatus::Passed)) => Self::IndexAlone,
            (false, Some(CheckStatus::Failed)) => Self::ArchiveAlone,
            (false, _) => Self::IndexAndArchive,
        })
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IndexAlone => "the archive and its signature agree, the index disagrees with both",
            Self::SignatureAlone => "the archive and the index agree, the signature disagrees with both",
            Self::ArchiveAlone => "the archive disagrees with both the index and the signature",
            Self::IndexAndArchive => "the archive and the index disagree",
        })
    }
}

/// Why a round of fetching and judging brought nothing.
pub(crate) struct Setback {
    pub(crate) failure: Failure,
    /// Set where files of two moments would look the same.
    pub(crate) disagreement: Option<Disagreement>,
    /// Whether the archive was here and was judged: then the checks in the report are this round's.
    pub(crate) judged: bool,
    /// Whether another round could change nothing.
    pub(crate) is_final: bool,
}

impl Setback {
    /// A failure that has ended the whole job.
    pub(crate) fn last(failure: Failure) -> Self {
        Self { is_final: true, ..failure.into() }
    }

    /// The failure, which says what contradicts what.
    pub(crate) fn named(self) -> Failure {
        let Some(disagreement) = self.disagreement else { return self.failure };
        let message = format!("{}; {disagreement}", self.failure.message);
        Failure { message, ..self.failure }
    }
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        Self { failure, disagreement: None, judged: false, is_final: false }
    }
}

impl From<FetchError> for Setback {
    fn from(error: FetchError) -> Self {
        let sizes = matches!(error, FetchError::AnnouncedSize { .. } | FetchError::Overlong { .. });
        Self { disagreement: sizes.then_some(Disagreement::IndexAndArchive), ..Failure::from(error).into() }
    }
}
