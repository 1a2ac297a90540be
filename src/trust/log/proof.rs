//! The proof that a log holds a record, as a text (c2sp.org/tlog-proof@v1).
//!
//! - at most 16 KiB: the line `c2sp.org/tlog-proof@v1`, at most one line `extra BASE64`, the line `index N`, the hashes
//!   of the inclusion proof from the leaf's sibling on, at most 63 of them and one a line, a blank line, and the signed
//!   tree head to the end;
//! - numbers and base64 have one spelling; all lines end in a newline;
//! - the tree head is opened under the log's key as the text is read;
//! - `extra` is authenticated by nothing: it is read over, and never written.
//!
//! It does not hold the record. Whoever checks one brings the record, and that is the point: the record of a release
//! can be computed from its archive or its installed tree alone.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::LogError;
use super::key::LogKey;
use super::merkle::{Hash, MerkleFault, leaf_hash, root_from_path};
use super::tree_head::{SignedTreeHead, decimal, hash};

/// Largest proof file that is read, in bytes; one of Go's log has about 1.5 KB.
pub const TLOG_PROOF_SIZE_LIMIT_BYTES: usize = 16 << 10;
/// Most hashes, since no tree has more than 2^63 records.
const HASHES_LIMIT: usize = 63;
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1\n";

/// How a text is not a tlog-proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlogProofFault {
    /// Longer than any proof.
    #[error("longer than 16 KiB")]
    TooLong,
    /// Another first line.
    #[error("does not begin with c2sp.org/tlog-proof@v1")]
    Begin,
    /// A line `extra` that is not one.
    #[error("malformed extra line")]
    Extra,
    /// No record number, or one in another spelling.
    #[error("missing or malformed index line")]
    Index,
    /// A line that is no hash.
    #[error("malformed hash")]
    Hash,
    /// More than any tree needs.
    #[error("more than 63 hashes")]
    TooMany,
    /// No blank line before the tree head.
    #[error("no tree head after a blank line")]
    End,
}

/// An inclusion proof with the tree head that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    index: u64,
    path: Vec<Hash>,
    head: SignedTreeHead,
}

impl TlogProof {
    pub(super) fn new(index: u64, path: Vec<Hash>, head: SignedTreeHead) -> Self {
        Self { index, path, head }
    }

    /// Parses a `.tlog-proof` file by the rules of this module, and opens its tree head under `key`.
    ///
    /// # Errors
    /// [`LogError`] with the code `transparency-bad-proof`.
    pub fn parse(bytes: &[u8], key: &LogKey) -> Result<Self, LogError> {
        if bytes.len() > TLOG_PROOF_SIZE_LIMIT_BYTES {
            return Err(TlogProofFault::TooLong.into());
        }
        let rest = bytes.strip_prefix(FIRST_LINE.as_bytes()).ok_or(TlogProofFault::Begin)?;
        let end = rest.windows(2).position(|two| two == b"\n\n").ok_or(TlogProofFault::End)?;
        let (head, rest) = rest.split_at_checked(end).ok_or(TlogProofFault::End)?;
        let (index, path) = parse_head(head)?;
        let note = rest.strip_prefix(b"\n\n").ok_or(TlogProofFault::End)?;
        Ok(Self { index, path, head: SignedTreeHead::open(note, key)? })
    }

    /// The record's number in the log, from zero.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The tree head that the proof leads to.
    #[must_use]
    pub fn head(&self) -> &SignedTreeHead {
        &self.head
    }

    /// Whether the proof leads from this very record to the signed root.
    ///
    /// # Errors
    /// [`LogError::NotIncluded`], with the code `transparency-bad-proof`.
    pub fn verify(&self, record: &[u8]) -> Result<(), LogError> {
        let root = root_from_path(self.index, self.head.size(), &leaf_hash(record), &self.path);
        let fault = match root {
            Ok(root) if root == *self.head.root() => return Ok(()),
            Ok(_) => MerkleFault::BadProof,
            Err(fault) => fault,
        };
        Err(LogError::NotIncluded { index: self.index, fault })
    }
}

fn parse_head(head: &[u8]) -> Result<(u64, Vec<Hash>), TlogProofFault> {
    let mut lines = str::from_utf8(head).map_err(|_| TlogProofFault::Index)?.split('\n');
    let mut line = lines.next().unwrap_or_default();
    if let Some(extra) = line.strip_prefix("extra ") {
        if extra.is_empty() || STANDARD.decode(extra).is_err() {
            return Err(TlogProofFault::Extra);
        }
        line = lines.next().unwrap_or_default();
    }
    let index = line.strip_prefix("index ").and_then(decimal).ok_or(TlogProofFault::Index)?;
    let path: Vec<Hash> = lines.map(hash).collect::<Option<_>>().ok_or(TlogProofFault::Hash)?;
    if path.len() > HASHES_LIMIT { Err(TlogProofFault::TooMany) } else { Ok((index, path)) }
}

impl fmt::Display for TlogProof {
    /// The text that [`TlogProof::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}index {}", FIRST_LINE, self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.head.note())
    }
}
