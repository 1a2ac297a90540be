//! What came of the checks, for reports.

use super::H1;
use super::digest::ExpectedDigest;
use super::log::{LogProof, ToolchainModule};
use super::signature::SignatureProof;
use super::verify::{TrustError, VerifiedArchive};

/// The name of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// Agreement with expected digests and sizes.
    Digest,
    /// The OpenPGP signature.
    Signature,
    /// Formats, layout, version and platform.
    Layout,
    /// The transparency log's record.
    Transparency,
}

impl CheckKind {
    /// The word in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Signature => "signature",
            Self::Layout => "layout",
            Self::Transparency => "transparency",
        }
    }
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
    /// What it needs could not be had now.
    Unavailable,
    /// Nobody asked for it, or there was nothing to compare with.
    NotRequested,
}

impl CheckStatus {
    /// The word in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotPublished => "not-published",
            Self::Unavailable => "unavailable",
            Self::NotRequested => "not-requested",
        }
    }
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
    /// The record that the log holds.
    Transparency(LogProof),
    /// The log holds another record.
    LogMismatch {
        /// The release, as the log names it.
        module: ToolchainModule,
        /// What the log has.
        expected: H1,
        /// What the files hash to.
        actual: H1,
    },
}

/// What an archive's authenticity was found to rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A trusted key's signature.
    Signature,
    /// The transparency log's record.
    Transparency,
    /// Both.
    SignatureAndTransparency,
    /// Agreement with an expected digest, and nothing else.
    DigestOnly,
}

impl Trust {
    /// The word in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Transparency => "transparency",
            Self::SignatureAndTransparency => "signature+transparency",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_report_are_those_of_its_schema() {
        let kinds = [CheckKind::Digest, CheckKind::Signature, CheckKind::Layout, CheckKind::Transparency];
        assert_eq!(kinds.map(CheckKind::as_str), ["digest", "signature", "layout", "transparency"]);
        let statuses = [
            (CheckStatus::Passed, "passed"),
            (CheckStatus::Failed, "failed"),
            (CheckStatus::NotPublished, "not-published"),
            (CheckStatus::Unavailable, "unavailable"),
            (CheckStatus::NotRequested, "not-requested"),
        ];
        for (status, word) in statuses {
            assert_eq!(status.as_str(), word);
        }
        let trusts = [Trust::Signature, Trust::Transparency, Trust::SignatureAndTransparency, Trust::DigestOnly];
        let words = ["signature", "transparency", "signature+transparency", "digest-only"];
        assert_eq!(trusts.map(Trust::as_str), words);
    }
}
