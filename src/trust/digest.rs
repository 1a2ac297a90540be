//! Agreement with an expected SHA-256. Agreement is not authenticity: whoever serves the archive may serve the digest.

use std::fmt;

/// Who says what the digest should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestSource {
    /// The release index.
    Index,
    /// The user.
    User,
}

impl fmt::Display for DigestSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Index => "index",
            Self::User => "--sha256",
        })
    }
}

/// A SHA-256 that an archive must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedDigest {
    /// The digest.
    pub sha256: [u8; 32],
    /// Who says so.
    pub source: DigestSource,
}

/// Proof that an archive has every digest that was expected of it, and that there was at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestProof(());

/// The first expectation that `actual` does not meet, or a proof where there was any to meet.
pub(super) fn check(actual: [u8; 32], expected: &[ExpectedDigest]) -> Result<Option<DigestProof>, ExpectedDigest> {
    match expected.iter().find(|e| e.sha256 != actual) {
        Some(contradiction) => Err(*contradiction),
        None => Ok((!expected.is_empty()).then_some(DigestProof(()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expectation_must_be_met_and_none_is_no_proof() {
        let from = |byte, source| ExpectedDigest { sha256: [byte; 32], source };
        let (index, user) = (from(1, DigestSource::Index), from(2, DigestSource::User));
        assert_eq!(check([1; 32], &[index]), Ok(Some(DigestProof(()))));
        assert_eq!(check([1; 32], &[]), Ok(None));
        assert_eq!(check([1; 32], &[index, user]), Err(user));
        assert_eq!(check([2; 32], &[index, user]), Err(index));
    }

    #[test]
    fn whoever_said_it_is_named_as_the_user_knows_it() {
        assert_eq!([DigestSource::Index, DigestSource::User].map(|source| source.to_string()), ["index", "--sha256"]);
    }
}
