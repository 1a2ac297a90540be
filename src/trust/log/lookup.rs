//! What a log answers when it is asked for a release, and what of it is proven.
//!
//! - the answer is at most 64 KiB: the record's number in decimal, the record, a blank line, and a signed tree head;
//! - the number is below the tree's size; the record is plain text of at least one line, none of them empty;
//! - the record is read only after its own text was proven: the tile of its leaf has its hash, and the audit path out
//!   of the tiles leads from it to the root that the log has signed. Nothing outside the proven text is ever used;
//! - the proven text is the record of the release that was asked for and of nothing else.
//!
//! Three holes of the reference client in 2026 were one of these rules each: it took an answer without the line that
//! was asked for (CVE-2026-42501), lines outside of the proven record (CVE-2026-56864), and tiles that no signed root
//! authenticated (CVE-2026-56865).

use super::key::LogKey;
use super::merkle::inclusion_ranges;
use super::note::plain_text;
use super::proof::TlogProof;
use super::record::ToolchainModule;
use super::tiles::{Tile, TileHeight, Tiles, tile_of_leaf, tiles_of};
use super::tree_head::{SignedTreeHead, decimal};
use super::{LogError, MerkleFault};
use crate::trust::H1;

/// Longest answer in bytes; those for releases have about 500.
pub const LOOKUP_SIZE_LIMIT_BYTES: usize = 64 << 10;

/// How an answer is not one of the log about the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupFault {
    /// Longer than any answer.
    #[error("longer than 64 KiB")]
    TooLong,
    /// The record's number, in its one spelling.
    #[error("missing or malformed record number")]
    Number,
    /// The record's text.
    #[error("missing or malformed record")]
    Record,
    /// Proven to be in the log, but not the record of the release.
    #[error("the record is not that of the release")]
    OtherRecord,
}

/// An answer of a log, of which nothing is proven but who signed its tree head.
#[derive(Clone, Debug)]
pub struct Lookup {
    module: ToolchainModule,
    index: u64,
    text: String,
    head: SignedTreeHead,
}

impl Lookup {
    /// Parses an answer about `module` by the rules of this module, and opens its tree head under `key`.
    ///
    /// # Errors
    /// [`LogError`] with the code `transparency-bad-proof`.
    pub fn parse(bytes: &[u8], module: &ToolchainModule, key: &LogKey) -> Result<Self, LogError> {
        if bytes.len() > LOOKUP_SIZE_LIMIT_BYTES {
            return Err(LookupFault::TooLong.into());
        }
        let at = bytes.iter().position(|&b| b == b'\n').ok_or(LookupFault::Number)?;
        let (number, rest) = bytes.split_at_checked(at).ok_or(LookupFault::Number)?;
        let index = str::from_utf8(number).ok().and_then(decimal).ok_or(LookupFault::Number)?;
        let rest = rest.strip_prefix(b"\n").filter(|rest| !rest.starts_with(b"\n")).ok_or(LookupFault::Record)?;
        let end = rest.windows(2).position(|two| two == b"\n\n").ok_or(LookupFault::Record)?;
        let (text, rest) = rest.split_at_checked(end + 1).ok_or(LookupFault::Record)?;
        let text = plain_text(text).ok_or(LookupFault::Record)?.to_owned();
        let head = SignedTreeHead::open(rest.strip_prefix(b"\n").ok_or(LookupFault::Record)?, key)?;
        if index >= head.size() {
            return Err(LogError::NotIncluded { index, fault: MerkleFault::Index { index, size: head.size() } });
        }
        Ok(Self { module: module.clone(), index, text, head })
    }

    /// The tree head of the answer.
    #[must_use]
    pub fn head(&self) -> &SignedTreeHead {
        &self.head
    }

    /// The same answer under another tree head of the log, which is yet to be proven to hold the record; `None` where
    /// that tree is too small to.
    #[must_use]
    pub fn under(&self, head: &SignedTreeHead) -> Option<Self> {
        (self.index < head.size()).then(|| Self { head: head.clone(), ..self.clone() })
    }

    /// The answer as a log writes it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}", self.index, self.text, self.head.note())
    }

    /// The tiles that [`Lookup::prove`] needs.
    #[must_use]
    pub fn tiles(&self) -> Vec<Tile> {
        self.tiles_of_height(TileHeight::GO)
    }

    /// The tiles of another height that [`Lookup::prove`] needs.
    #[must_use]
    pub fn tiles_of_height(&self, height: TileHeight) -> Vec<Tile> {
        let size = self.head.size();
        let ranges = inclusion_ranges(self.index, size).unwrap_or_default();
        let mut tiles = tiles_of(&ranges, height, size);
        // That of the leaf comes up in the path, unless it is the only one in its tile.
        tiles.extend(tile_of_leaf(self.index, height, size));
        tiles.sort_unstable();
        tiles.dedup();
        tiles
    }

    /// Proves from tiles that the log has signed the record, and reads it.
    ///
    /// # Errors
    /// [`LogError`] with the code `transparency-bad-proof`.
    pub fn prove(&self, tiles: &Tiles) -> Result<LogAnswer, LogError> {
        let (index, size, record) = (self.index, self.head.size(), self.text.as_bytes());
        tiles.check_leaf(index, size, record)?;
        tiles.check_parents(&self.tiles_of_height(tiles.height()), size)?;
        let ranges = inclusion_ranges(index, size).map_err(|fault| LogError::NotIncluded { index, fault })?;
        let path = ranges.into_iter().map(|range| tiles.hash(range, size)).collect::<Result<_, _>>()?;
        let proof = TlogProof::new(index, path, self.head.clone());
        proof.verify(record)?;
        let h1 = self.module.h1_in(&self.text).ok_or(LookupFault::OtherRecord)?;
        Ok(LogAnswer { module: self.module.clone(), proof, h1 })
    }
}

/// What a log has been proven to hold for a release; only [`Lookup::prove`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAnswer {
    module: ToolchainModule,
    proof: TlogProof,
    h1: H1,
}

impl LogAnswer {
    /// The release.
    #[must_use]
    pub fn module(&self) -> &ToolchainModule {
        &self.module
    }

    /// The proof.
    #[must_use]
    pub fn proof(&self) -> &TlogProof {
        &self.proof
    }

    /// The `h1` that the log has.
    #[must_use]
    pub fn h1(&self) -> &H1 {
        &self.h1
    }
}
