//! The transparency log: what Go's checksum database has to say about a release, and what of it is proven.
//!
//! The log is an append-only list of records under a Merkle tree whose head it signs. It is not trusted to answer
//! well, only not to sign two histories unseen:
//!
//! 1. a signed note is opened under the one key that is trusted (`note`, `key`);
//! 2. it is a tree head: a number of records and their root (`tree_head`);
//! 3. hashes out of tiles lead from a record to that root (`tiles`, `merkle`), or from an older root to it (`growth`);
//! 4. the record that is proven is the one that follows from the files at hand (`record`, `lookup`, `judge`).
//!
//! Nothing in here touches a network or a disk: whoever has the tiles that [`Lookup::tiles`] and [`Growth::tiles`]
//! name brings them.

mod ed25519;
mod growth;
mod judge;
mod key;
mod lookup;
pub mod merkle;
mod note;
mod proof;
mod record;
mod tiles;
mod tree_head;

pub use growth::{Growth, GrowthProof, check_growth};
pub use judge::{LogEvidence, LogProof, judge};
pub use key::{LogKey, LogKeyError, LogKeyFault, LogSource, Sumdb};
pub use lookup::{LOOKUP_SIZE_LIMIT_BYTES, LogAnswer, Lookup, LookupFault};
pub use merkle::MerkleFault;
pub use note::{NOTE_SIZE_LIMIT_BYTES, NoteFault};
pub use proof::{TLOG_PROOF_SIZE_LIMIT_BYTES, TlogProof, TlogProofFault};
pub use record::{ToolchainModule, ToolchainRecord};
pub use tiles::{Tile, TileFault, TileHeight, Tiles};
pub use tree_head::{SignedTreeHead, TreeHeadFault};

use super::H1;
use crate::error::{Code, Coded};

/// Why the log does not vouch for a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The log has another hash.
    #[error("{module}: the log has {expected}, the files have {actual}")]
    Mismatch {
        /// The release.
        module: ToolchainModule,
        /// What the log has been proven to hold.
        expected: H1,
        /// What the files at hand hash to.
        actual: H1,
    },
    /// The log has signed two histories.
    #[error("{} has signed two histories, of {} and of {} records", .smaller.log(), .smaller.size(), .larger.size())]
    Fork {
        /// The tree head of fewer records, or the one seen first.
        smaller: Box<SignedTreeHead>,
        /// The other.
        larger: Box<SignedTreeHead>,
    },
    /// Not a note that the log has signed.
    #[error("signed note: {0}")]
    Note(#[from] NoteFault),
    /// A signed note that is no tree head.
    #[error("signed tree head: {0}")]
    TreeHead(#[from] TreeHeadFault),
    /// Not an answer about the release.
    #[error("the log's answer: {0}")]
    Lookup(#[from] LookupFault),
    /// Tiles that are wrong.
    #[error(transparent)]
    Tile(#[from] TileFault),
    /// Not a proof.
    #[error("tlog-proof: {0}")]
    TlogProof(#[from] TlogProofFault),
    /// A proof that does not lead from the record to the signed root.
    #[error("record {index} of the log: {fault}")]
    NotIncluded {
        /// The record's number.
        index: u64,
        /// What does not hold.
        fault: MerkleFault,
    },
    /// Tiles that do not lead to the larger of two roots.
    #[error("growth of the log: {0}")]
    Inconsistent(MerkleFault),
    /// Tree heads of two logs, which have nothing to do with each other.
    #[error("expected a tree head of {expected}, got one of {actual}")]
    OtherLog {
        /// The log.
        expected: String,
        /// Another.
        actual: String,
    },
}

impl Coded for LogError {
    fn code(&self) -> Code {
        match self {
            Self::Mismatch { .. } => Code::TransparencyMismatch,
            Self::Fork { .. } => Code::TransparencyFork,
            Self::Note(_)
            | Self::TreeHead(_)
            | Self::Lookup(_)
            | Self::Tile(_)
            | Self::TlogProof(_)
            | Self::NotIncluded { .. }
            | Self::Inconsistent(_)
            | Self::OtherLog { .. } => Code::TransparencyBadProof,
        }
    }
}
