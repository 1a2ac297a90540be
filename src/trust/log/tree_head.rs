//! Signed tree heads: how many records a log says that it has, and their root (c2sp.org/tlog-checkpoint).
//!
//! - a signed note whose text has at least three lines, none of them empty;
//! - the first is `go.sum database tree`, whatever the log's name is;
//! - the second is the number of records in decimal, without leading zeros and below 2^62;
//! - the third is the base64 of the root; that of a log without records is SHA-256 of nothing;
//! - further lines are extensions, which mean nothing here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::LogError;
use super::key::LogKey;
use super::merkle::{Hash, SIZE_LIMIT, empty_root};

/// The first line of the tree heads of every log of Go modules (golang.org/x/mod `sumdb/tlog`).
const ORIGIN: &str = "go.sum database tree";

/// How a signed text is not a tree head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeHeadFault {
    /// Signed by the key, but about something else.
    #[error("not the tree head of a Go checksum database")]
    Origin,
    /// The number of records.
    #[error("malformed tree size")]
    Size,
    /// The root.
    #[error("malformed root hash")]
    Root,
    /// Too few lines, or an empty one.
    #[error("missing or empty line")]
    Line,
}

/// A tree head under a log's signature; only opening a note under a key makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTreeHead {
    log: String,
    note: String,
    size: u64,
    root: Hash,
}

impl SignedTreeHead {
    /// Opens a note that must be a tree head under `key`.
    ///
    /// # Errors
    /// [`LogError::Note`] or [`LogError::TreeHead`], with the code `transparency-bad-proof`.
    pub fn open(note: &[u8], key: &LogKey) -> Result<Self, LogError> {
        let (text, line) = key.open_signed(note)?;
        let (size, root) = parse(text)?;
        // Other keys' lines are whatever somebody put there, and would be kept in files that have a limit.
        let note = format!("{text}\n{line}\n");
        Ok(Self { log: key.name().to_owned(), note, size, root })
    }

    /// The name of the log's key.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }

    /// The note as the log's key has signed it, without the signatures of others.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// How many records there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The root as the note has it.
    #[must_use]
    pub fn root_base64(&self) -> String {
        STANDARD.encode(self.root)
    }
}

fn parse(text: &str) -> Result<(u64, Hash), TreeHeadFault> {
    let mut lines = text.strip_suffix('\n').ok_or(TreeHeadFault::Line)?.split('\n');
    if lines.next() != Some(ORIGIN) {
        return Err(TreeHeadFault::Origin);
    }
    let size = lines.next().ok_or(TreeHeadFault::Line)?;
    let size = decimal(size).filter(|size| *size < SIZE_LIMIT).ok_or(TreeHeadFault::Size)?;
    let root = hash(lines.next().ok_or(TreeHeadFault::Line)?).ok_or(TreeHeadFault::Root)?;
    if size == 0 && root != empty_root() {
        return Err(TreeHeadFault::Root);
    }
    if lines.any(str::is_empty) { Err(TreeHeadFault::Line) } else { Ok((size, root)) }
}

/// A decimal number in its one spelling.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    canonical.then(|| text.parse().ok()).flatten()
}

/// A hash in its one base64 spelling.
pub(super) fn hash(base64: &str) -> Option<Hash> {
    STANDARD.decode(base64).ok()?.try_into().ok()
}
