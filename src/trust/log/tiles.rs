//! Tiles: the hashes of a log in files that never change (c2sp.org/tlog-tiles, golang.org/x/mod `sumdb/tlog`).
//!
//! - a tile of height `H` holds up to 2^H hashes of 32 bytes; those of level `L` are the roots of whole subtrees of
//!   2^(H·L) records;
//! - the last tile of a level may be partial; its width follows from the number of records;
//! - its path is `tile/H/L/N[.p/W]`, with N in elements of three digits and `x` before all but the last;
//! - which tiles a proof needs follows from the sizes alone. The needed hash of any range is computed from the highest
//!   whole subtrees in it, so that a proof needs as few tiles as there can be;
//! - no tile is trusted. Where a tile is used beside the one above it, the hash up there must be its root; and what
//!   is computed from all of them must be a root that the log has signed. So every byte of every needed tile counts.

use std::collections::BTreeMap;
use std::fmt;

use super::merkle::{Hash, Range, leaf_hash, node_hash};

/// How many levels of the tree a tile spans: tiles have 2 to the power of it hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileHeight(u8);

impl TileHeight {
    /// That of Go's checksum database: 256 hashes a tile.
    pub const GO: Self = Self(8);
    /// Highest; golang.org/x/mod allows 30, and no log has more than 8.
    const LIMIT: u8 = 8;

    /// A height from 1 to 8.
    #[must_use]
    pub fn new(height: u8) -> Option<Self> {
        (1..=Self::LIMIT).contains(&height).then_some(Self(height))
    }

    fn bits(self) -> u32 {
        self.0.into()
    }

    /// The bits of a position that are within a tile.
    fn mask(self) -> u64 {
        (1 << self.bits()) - 1
    }
}

/// How tiles are wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileFault {
    /// A length that is neither the tile's nor that of the full tile in its place.
    #[error("{tile}: expected {expected} bytes, got {actual}")]
    Length {
        /// The tile.
        tile: Tile,
        /// Its length in bytes.
        expected: usize,
        /// What was given.
        actual: usize,
    },
    /// A needed tile is not there.
    #[error("{0}: missing")]
    Missing(Tile),
    /// The tile above has another hash for this one.
    #[error("{0}: contradicts the tile above it")]
    Parent(Tile),
    /// The leaf is not the record's hash.
    #[error("the tile of record {0} has another hash for it")]
    Leaf(u64),
}

/// The coordinates of a tile; only computed, never parsed, so that its path is made of numbers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    height: TileHeight,
    level: u8,
    index: u64,
    width: u16,
}

impl Tile {
    /// The tile at `index` of `level` in a log of `size` records; `None` where the log has none.
    fn of(height: TileHeight, level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes = size.checked_shr(height.bits() * u32::from(level))?;
        let before = index << height.bits();
        let width = hashes.checked_sub(before)?.min(1 << height.bits());
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self { height, level, index, width })
    }

    /// How many hashes it holds.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width.into()
    }

    /// Its length in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.width() * size_of::<Hash>()
    }

    /// Whether it is not full in this log.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        *self != self.full()
    }

    /// The tile above, which has the root of this one where this one is full, in a log of `size` records.
    fn above(&self, size: u64) -> Option<Self> {
        Self::of(self.height, self.level.checked_add(1)?, self.index >> self.height.bits(), size)
    }

    /// The full tile in the same place, which replaces this one once the log has grown.
    #[must_use]
    pub fn full(&self) -> Self {
        Self { width: 1 << self.height.bits(), ..*self }
    }

    /// Where the log serves it, relative to the log's URL: `tile/8/0/x001/x234/067.p/5`.
    #[must_use]
    pub fn path(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut elements = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            elements.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        elements.reverse();
        write!(f, "tile/{}/{}/{}", self.height.0, self.level, elements.join("/"))?;
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// A whole subtree as hashes of one tile: `count` of them, a power of two, from `position` on.
struct Subtree {
    tile: Tile,
    position: usize,
    count: usize,
}

/// The whole subtrees of `range`, from the left, in a log of `size` records.
///
/// The range is one that a proof names: its beginning is a multiple of the largest power of two in it.
fn subtrees(range: Range, height: TileHeight, size: u64) -> Vec<Subtree> {
    let mut start = range.start;
    let mut found = Vec::new();
    while let Some(log2) = range.end.checked_sub(start).and_then(u64::checked_ilog2) {
        let level = log2 / height.bits();
        let below = log2 % height.bits();
        let first_hash = start >> (level * height.bits());
        let index = first_hash >> height.bits();
        let position = first_hash & height.mask();
        // All three conversions hold for sizes below 2^62 and heights up to 8.
        let tile = u8::try_from(level).ok().and_then(|level| Tile::of(height, level, index, size));
        if let (Some(tile), Ok(position)) = (tile, usize::try_from(position)) {
            found.push(Subtree { tile, position, count: 1 << below });
        }
        start += 1 << log2;
    }
    found
}

/// The tiles that hold the hashes of `ranges`, each once, in order.
pub(super) fn tiles_of(ranges: &[Range], height: TileHeight, size: u64) -> Vec<Tile> {
    let mut tiles: Vec<Tile> =
        ranges.iter().flat_map(|range| subtrees(*range, height, size)).map(|subtree| subtree.tile).collect();
    tiles.sort_unstable();
    tiles.dedup();
    tiles
}

/// The tile that holds the hash of a record.
pub(super) fn tile_of_leaf(index: u64, height: TileHeight, size: u64) -> Option<Tile> {
    Tile::of(height, 0, index >> height.bits(), size)
}

/// Tiles as they came from a stranger.
#[derive(Clone, Debug)]
pub struct Tiles {
    height: TileHeight,
    hashes: BTreeMap<Tile, Vec<Hash>>,
}

impl Default for Tiles {
    fn default() -> Self {
        Self::new(TileHeight::GO)
    }
}

impl Tiles {
    /// None yet.
    #[must_use]
    pub fn new(height: TileHeight) -> Self {
        Self { height, hashes: BTreeMap::new() }
    }

    /// Their height.
    #[must_use]
    pub fn height(&self) -> TileHeight {
        self.height
    }

    /// Whether this tile was taken.
    #[must_use]
    pub fn contains(&self, tile: &Tile) -> bool {
        self.hashes.contains_key(tile)
    }

    /// Takes the bytes of a tile, or of the full tile in its place, of which the rest is cut off.
    ///
    /// # Errors
    /// [`TileFault::Length`].
    pub fn insert(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), TileFault> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let whole = rest.is_empty() && (bytes.len() == tile.size_bytes() || bytes.len() == tile.full().size_bytes());
        match hashes.get(..tile.width()).filter(|_| whole) {
            Some(hashes) => {
                self.hashes.insert(tile, hashes.to_vec());
                Ok(())
            }
            None => Err(TileFault::Length { tile, expected: tile.size_bytes(), actual: bytes.len() }),
        }
    }

    /// The tiles that were taken, with their bytes.
    pub fn files(&self) -> impl Iterator<Item = (Tile, Vec<u8>)> {
        self.hashes.iter().map(|(tile, hashes)| (*tile, hashes.concat()))
    }

    /// The tiles above those that were taken, up to the highest, that are not among them. Clients that read a log tile by
    /// tile, as golang.org/x/mod does, want them too.
    #[must_use]
    pub fn missing_above(&self, size: u64) -> Vec<Tile> {
        let mut missing: Vec<Tile> = self
            .hashes
            .keys()
            .flat_map(|tile| std::iter::successors(tile.above(size), |above| above.above(size)))
            .filter(|above| !self.contains(above))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Whether each full tile is what the tile above it says, where that was taken too.
    ///
    /// # Errors
    /// [`TileFault::Parent`].
    pub fn check(&self, size: u64) -> Result<(), TileFault> {
        self.check_parents(&self.hashes.keys().copied().collect::<Vec<_>>(), size)
    }

    fn tile(&self, tile: Tile) -> Result<&[Hash], TileFault> {
        self.hashes.get(&tile).map(Vec::as_slice).ok_or(TileFault::Missing(tile))
    }

    /// The hash of a range of records, computed from tiles.
    pub(super) fn hash(&self, range: Range, size: u64) -> Result<Hash, TileFault> {
        let mut roots = Vec::new();
        for Subtree { tile, position, count } in subtrees(range, self.height, size) {
            let hashes = self.tile(tile)?.get(position..position + count);
            roots.push(root_of(hashes.unwrap_or_default()).ok_or(TileFault::Missing(tile))?);
        }
        // A proof's ranges are never empty, so neither is `roots`.
        let last = roots.pop().unwrap_or_default();
        Ok(roots.iter().rev().fold(last, |right, left| node_hash(left, &right)))
    }

    /// Whether the tile of record `index` holds the hash of `record`.
    pub(super) fn check_leaf(&self, index: u64, size: u64, record: &[u8]) -> Result<(), TileFault> {
        let tile = tile_of_leaf(index, self.height, size).ok_or(TileFault::Leaf(index))?;
        let position = usize::try_from(index & self.height.mask()).unwrap_or(usize::MAX);
        let is_the_records = self.tile(tile)?.get(position) == Some(&leaf_hash(record));
        if is_the_records { Ok(()) } else { Err(TileFault::Leaf(index)) }
    }

    /// Whether each full tile among `needed` is what the tile above it says, where that is among them too.
    pub(super) fn check_parents(&self, needed: &[Tile], size: u64) -> Result<(), TileFault> {
        for &tile in needed {
            let above = tile.above(size).filter(|above| !tile.is_partial() && needed.contains(above));
            let Some(above) = above else { continue };
            let position = usize::try_from(tile.index & self.height.mask()).unwrap_or(usize::MAX);
            if self.tile(above)?.get(position) != root_of(self.tile(tile)?).as_ref() {
                return Err(TileFault::Parent(tile));
            }
        }
        Ok(())
    }
}

/// The root of a whole subtree over `hashes`, whose number is a power of two.
fn root_of(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [one] => Some(*one),
        several => {
            let (left, right) = several.split_at_checked(several.len() / 2)?;
            Some(node_hash(&root_of(left)?, &root_of(right)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_without_hashes_is_none() {
        let of = |level, index, size| Tile::of(TileHeight::GO, level, index, size).map(|tile| tile.width());
        assert_eq!((of(0, 0, 0), of(0, 0, 1), of(0, 0, 256)), (None, Some(1), Some(256)));
        assert_eq!((of(0, 1, 255), of(0, 1, 256), of(0, 1, 257)), (None, None, Some(1)));
        assert_eq!((of(1, 0, 255), of(1, 0, 256), of(8, 0, u64::MAX)), (None, Some(1), None));
    }

    #[test]
    fn a_tile_is_there_once_it_was_put_in_whole() {
        let tile = Tile::of(TileHeight::GO, 0, 0, 2).unwrap();
        let mut tiles = Tiles::default();
        assert!(tiles.insert(tile, &[7; 63]).is_err() && !tiles.contains(&tile));
        assert!(tiles.insert(tile, &[7; 64]).is_ok() && tiles.contains(&tile));
    }
}
