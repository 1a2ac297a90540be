//! The hash by which the transparency log knows a tree of files: `h1:` and a base64 SHA-256.
//!
//! - the text is `h1:` and the standard base64 of exactly 32 bytes, with padding and no unused bits set
//!   (golang.org/x/mod `sumdb/dirhash`, `Hash1`);
//! - so there is one text for a hash and one hash for a text.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::escaped;

/// The `h1` of a tree of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct H1([u8; 32]);

/// A text that is no `h1`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\" is not an h1 hash", escaped(.0))]
pub struct H1Fault(pub String);

impl H1 {
    /// The `h1` whose SHA-256 this is: that of the lines that list the files.
    #[must_use]
    pub fn new(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }

    /// The SHA-256 alone.
    #[must_use]
    pub fn sha256(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for H1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "h1:{}", STANDARD.encode(self.0))
    }
}

impl FromStr for H1 {
    type Err = H1Fault;

    fn from_str(text: &str) -> Result<Self, H1Fault> {
        let bytes = text.strip_prefix("h1:").and_then(|base64| STANDARD.decode(base64).ok());
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| H1Fault(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=";

    #[test]
    fn there_is_one_text_for_a_hash() {
        let h1: H1 = TEXT.parse().unwrap();
        assert_eq!(h1.to_string(), TEXT);
        assert_eq!(H1::new(*h1.sha256()), h1);
        for text in [
            "",
            "h1:",
            "h2:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=",
            "H1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=",
            "8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=",
            "h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0",
            "h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS1=",
            "h1:8wlg68NqwW7eMnI1aABk_C2pDYXj8mrMY4TyRfiLeS0=",
            "h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiL",
            "h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=\n",
            " h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=",
        ] {
            assert_eq!(text.parse::<H1>(), Err(H1Fault(text.to_owned())));
        }
    }
}
