//! Two tree heads of one log, of which one must be the beginning of the other.
//!
//! - of the same size, they have the same root;
//! - of different sizes, the tiles of the larger one must lead to both roots;
//! - tiles that do not lead to the larger root are wrong and say nothing about the log. If they do lead there, the log
//!   has signed all that they say; if the smaller root is then not in it, the log has signed two histories: a fork.
//!
//! Both notes of a fork are kept in the error, since together they convict the log.

use super::merkle::{MerkleFault, Range, check_prefix, consistency_ranges};
use super::tiles::{Tile, TileHeight, Tiles, tiles_of};
use super::{LogError, SignedTreeHead};

/// A comparison of two tree heads that needs tiles of the larger one.
#[derive(Clone, Debug)]
pub struct Growth {
    smaller: SignedTreeHead,
    larger: SignedTreeHead,
    /// The end of the smaller tree and what joins it to the rest; `None` where the sizes alone decide.
    ranges: Option<(Range, Vec<Range>)>,
}

/// Begins to compare two tree heads, in whatever order.
///
/// # Errors
/// [`LogError::Fork`] when the sizes are equal and the roots are not, [`LogError::OtherLog`] when the heads are not of
/// one log.
pub fn check_growth(one: &SignedTreeHead, other: &SignedTreeHead) -> Result<Growth, LogError> {
    if one.log() != other.log() {
        return Err(LogError::OtherLog { expected: one.log().to_owned(), actual: other.log().to_owned() });
    }
    let (smaller, larger) = if other.size() < one.size() { (other, one) } else { (one, other) };
    // Every tree begins with the empty one, whose root was checked when its head was opened.
    let ranges = if smaller.size() == 0 || smaller.size() == larger.size() {
        None
    } else {
        Some(consistency_ranges(smaller.size(), larger.size()).map_err(LogError::Inconsistent)?)
    };
    let growth = Growth { smaller: smaller.clone(), larger: larger.clone(), ranges };
    let forked = smaller.size() == larger.size() && smaller.root() != larger.root();
    if forked { Err(growth.fork()) } else { Ok(growth) }
}

impl Growth {
    /// The tiles that [`Growth::prove`] needs: none where the sizes alone decide.
    #[must_use]
    pub fn tiles(&self) -> Vec<Tile> {
        self.tiles_of_height(TileHeight::GO)
    }

    /// The tiles of another height that [`Growth::prove`] needs.
    #[must_use]
    pub fn tiles_of_height(&self, height: TileHeight) -> Vec<Tile> {
        let Some((seed, path)) = &self.ranges else { return Vec::new() };
        tiles_of(&[std::slice::from_ref(seed), path].concat(), height, self.larger.size())
    }

    /// Proves from tiles that the larger tree begins with the smaller one.
    ///
    /// # Errors
    /// [`LogError::Fork`] when it does not, others when the tiles are not those of the larger tree.
    pub fn prove(&self, tiles: &Tiles) -> Result<GrowthProof, LogError> {
        let proof = GrowthProof { latest: self.larger.clone() };
        let Some((seed, path)) = &self.ranges else { return Ok(proof) };
        let (old, new) = (&self.smaller, &self.larger);
        tiles.check_parents(&self.tiles_of_height(tiles.height()), new.size())?;
        // The hash of the seed comes from the tiles even where it is the old root: the tiles are judged by the new
        // root alone, and then the old root by the tiles.
        let seed = tiles.hash(*seed, new.size())?;
        let path = path.iter().map(|range| tiles.hash(*range, new.size())).collect::<Result<Vec<_>, _>>()?;
        match check_prefix((old.size(), old.root()), (new.size(), new.root()), &seed, &path) {
            Ok(()) => Ok(proof),
            Err(MerkleFault::Fork) => Err(self.fork()),
            Err(fault) => Err(LogError::Inconsistent(fault)),
        }
    }

    fn fork(&self) -> LogError {
        LogError::Fork { smaller: Box::new(self.smaller.clone()), larger: Box::new(self.larger.clone()) }
    }
}

/// Proof that two tree heads are of one history; only [`Growth::prove`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrowthProof {
    latest: SignedTreeHead,
}

impl GrowthProof {
    /// The larger of the two, which may be remembered.
    #[must_use]
    pub fn latest(&self) -> &SignedTreeHead {
        &self.latest
    }
}
