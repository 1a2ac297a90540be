//! Merkle trees as RFC 6962 §2.1 defines them, over SHA-256.
//!
//! - the hash of a leaf is SHA-256(0x00 ‖ record), that of a node SHA-256(0x01 ‖ left ‖ right), that of the empty
//!   tree SHA-256 of nothing;
//! - a tree of `n > 1` records is split after the largest power of two below `n`;
//! - an inclusion proof for record `i` of `n` has exactly the siblings of RFC 6962 §2.1.1, a consistency proof from
//!   `m` to `n` records exactly the hashes of §2.1.2: one more or one fewer is a fault;
//! - trees have fewer than 2^62 records.
//!
//! Both kinds of proof are lists of ranges of records, and the ranges say which side a hash is on; so there is one
//! definition of what a proof holds, for whoever checks one and for whoever makes one from tiles.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// Largest number of records plus one; leaves room for all sums of positions in 64 bits.
pub(super) const SIZE_LIMIT: u64 = 1 << 62;

/// Why hashes prove nothing about a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MerkleFault {
    /// A tree that cannot be.
    #[error("a tree of {0} records proves nothing")]
    Size(u64),
    /// A record beyond the tree.
    #[error("record {index} in a tree of {size} records")]
    Index {
        /// The record's number, from zero.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// A smaller tree said to be the larger one.
    #[error("{old} records cannot grow to {new}")]
    Order {
        /// The size that should be the smaller one.
        old: u64,
        /// The size that should be the larger one.
        new: u64,
    },
    /// Too many hashes, or too few.
    #[error("expected {expected} hashes in the proof, got {actual}")]
    Length {
        /// How many the proof must have.
        expected: usize,
        /// How many it has.
        actual: usize,
    },
    /// The proof does not lead to the root of the tree.
    #[error("the proof does not lead to the tree's root")]
    BadProof,
    /// The proof leads to the root of the larger tree, and the smaller one is not its beginning.
    #[error("the smaller tree is not the beginning of the larger one")]
    Fork,
}

/// The records from `start` to before `end`, whose hash is an element of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Range {
    pub(super) fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The two parts that a range of two or more is split into.
    fn split(self) -> Option<(Self, Self)> {
        let last = self.len().checked_sub(1).filter(|last| *last > 0)?;
        let middle = self.start + (1 << last.ilog2());
        Some((Self { start: self.start, end: middle }, Self { start: middle, end: self.end }))
    }
}

/// The hash of a record.
#[must_use]
pub fn leaf_hash(record: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

/// The hash of an inner node.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // One call over one block pair: a tile needs 255 of these.
    let mut node = [1; 1 + 2 * size_of::<Hash>()];
    let (_, hashes) = node.split_at_mut(1);
    let (first, second) = hashes.split_at_mut(size_of::<Hash>());
    first.copy_from_slice(left);
    second.copy_from_slice(right);
    Sha256::digest(node).into()
}

/// The root of the tree without records.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The siblings on the way from record `index` to the root.
pub(super) fn inclusion_ranges(index: u64, size: u64) -> Result<Vec<Range>, MerkleFault> {
    if size == 0 || size >= SIZE_LIMIT {
        return Err(MerkleFault::Size(size));
    }
    if index >= size {
        return Err(MerkleFault::Index { index, size });
    }
    let mut here = Range { start: 0, end: size };
    let mut siblings = Vec::new();
    while let Some((left, right)) = here.split() {
        let (inside, sibling) = if index < right.start { (left, right) } else { (right, left) };
        siblings.push(sibling);
        here = inside;
    }
    siblings.reverse();
    Ok(siblings)
}

/// The root of a tree of `size` records, computed from the hash of record `index` and its inclusion proof.
///
/// # Errors
/// [`MerkleFault`] when there is no such record, or the proof has another length than such a proof.
pub fn root_from_path(index: u64, size: u64, leaf: &Hash, path: &[Hash]) -> Result<Hash, MerkleFault> {
    let ranges = inclusion_ranges(index, size)?;
    if ranges.len() != path.len() {
        return Err(MerkleFault::Length { expected: ranges.len(), actual: path.len() });
    }
    let join = |here: Hash, (range, sibling): (&Range, &Hash)| {
        if range.end <= index { node_hash(sibling, &here) } else { node_hash(&here, sibling) }
    };
    Ok(ranges.iter().zip(path).fold(*leaf, join))
}

/// What shows that a tree of `old` records is the beginning of one of `new` records.
///
/// The first range, the seed, ends where the old tree does. A proof of RFC 6962 leaves it out where it is the old
/// tree itself.
pub(super) fn consistency_ranges(old: u64, new: u64) -> Result<(Range, Vec<Range>), MerkleFault> {
    if old == 0 || new >= SIZE_LIMIT {
        return Err(MerkleFault::Size(if old == 0 { old } else { new }));
    }
    if old > new {
        return Err(MerkleFault::Order { old, new });
    }
    let mut here = Range { start: 0, end: new };
    let mut ranges = Vec::new();
    while here.end != old {
        // A single record that the old tree does not reach cannot come up: `old` is within `here`.
        let Some((left, right)) = here.split() else { break };
        let (inside, other) = if old <= right.start { (left, right) } else { (right, left) };
        ranges.push(other);
        here = inside;
    }
    ranges.reverse();
    Ok((here, ranges))
}

/// Judges two trees by the hash of the seed and those of the other ranges.
pub(super) fn check_prefix(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    seed: &Hash,
    path: &[Hash],
) -> Result<(), MerkleFault> {
    let (_, ranges) = consistency_ranges(old, new)?;
    if ranges.len() != path.len() {
        return Err(MerkleFault::Length { expected: ranges.len(), actual: path.len() });
    }
    let (mut old_tree, mut new_tree) = (*seed, *seed);
    for (range, hash) in ranges.iter().zip(path) {
        if range.start >= old {
            new_tree = node_hash(&new_tree, hash);
        } else {
            old_tree = node_hash(hash, &old_tree);
            new_tree = node_hash(hash, &new_tree);
        }
    }
    if new_tree != *new_root {
        return Err(MerkleFault::BadProof);
    }
    if old_tree == *old_root { Ok(()) } else { Err(MerkleFault::Fork) }
}

/// Checks a consistency proof of RFC 6962 §2.1.2 between two sizes with their roots.
///
/// Where the old tree is a whole subtree of the new one (its size is a power of two, or the sizes are equal), the
/// proof starts from the old root itself, and another history cannot be told from a proof that is wrong.
///
/// # Errors
/// [`MerkleFault::Fork`] when the proof leads to the new root but not to the old one; others when it leads nowhere.
pub fn check_consistency(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> Result<(), MerkleFault> {
    let (seed, ranges) = consistency_ranges(old.0, new.0)?;
    if seed.start == 0 {
        return check_prefix(old, new, old.1, proof);
    }
    let length = MerkleFault::Length { expected: ranges.len() + 1, actual: proof.len() };
    let (seed, path) = proof.split_first().filter(|(_, path)| path.len() == ranges.len()).ok_or(length)?;
    check_prefix(old, new, seed, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_rfc_6962() {
        // RFC 6962 §2.1 with the values that every implementation's tests name.
        let hex = |hash: Hash| hex::encode(hash);
        assert_eq!(hex(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        let both = node_hash(&leaf_hash(b""), &leaf_hash(&[0]));
        assert_eq!(hex(both), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    }

    #[test]
    fn l13_sizes_that_no_tree_has() {
        let leaf = leaf_hash(b"record");
        assert_eq!(root_from_path(0, 0, &leaf, &[]), Err(MerkleFault::Size(0)));
        assert_eq!(root_from_path(0, 1, &leaf, &[]), Ok(leaf));
        assert_eq!(root_from_path(1, 1, &leaf, &[]), Err(MerkleFault::Index { index: 1, size: 1 }));
        for size in [SIZE_LIMIT, u64::MAX] {
            assert_eq!(root_from_path(0, size, &leaf, &[leaf; 62]), Err(MerkleFault::Size(size)));
            assert_eq!(check_consistency((1, &leaf), (size, &leaf), &[]), Err(MerkleFault::Size(size)));
        }
        let largest = SIZE_LIMIT - 1;
        assert!(root_from_path(0, largest, &leaf, &[leaf; 62]).is_ok());
        for length in [0, 61, 63, 64] {
            let fault = MerkleFault::Length { expected: 62, actual: length };
            assert_eq!(root_from_path(0, largest, &leaf, &vec![leaf; length]), Err(fault));
        }
    }

    #[test]
    fn a_power_of_two_has_one_sibling_a_level() {
        let leaf = leaf_hash(b"record");
        for level in 0..62 {
            let (size, siblings) = (1 << level, usize::try_from(level).unwrap());
            for index in [0, size / 2, size - 1] {
                assert!(root_from_path(index, size, &leaf, &vec![leaf; siblings]).is_ok());
                let fault = MerkleFault::Length { expected: siblings, actual: siblings + 1 };
                assert_eq!(root_from_path(index, size, &leaf, &vec![leaf; siblings + 1]), Err(fault));
            }
        }
    }

    #[test]
    fn a_tree_grows_and_a_proof_of_it_has_one_length() {
        let [a, b, c] = [&b"a"[..], b"b", b"c"].map(leaf_hash);
        let two = node_hash(&a, &b);
        let three = node_hash(&two, &c);
        assert_eq!(check_consistency((3, &three), (3, &three), &[]), Ok(()));
        assert_eq!(check_consistency((2, &two), (3, &three), &[c]), Ok(()));
        assert_eq!(check_consistency((1, &a), (3, &three), &[b, c]), Ok(()));
        assert_eq!(check_consistency((3, &three), (2, &two), &[c]), Err(MerkleFault::Order { old: 3, new: 2 }));
        // Three records are no whole subtree of four, so their proof begins with one.
        let four = node_hash(&two, &node_hash(&c, &a));
        assert_eq!(check_consistency((3, &three), (4, &four), &[c, a, two]), Ok(()));
        for proof in [&[][..], &[c, a], &[c, a, two, two]] {
            let fault = MerkleFault::Length { expected: 3, actual: proof.len() };
            assert_eq!(check_consistency((3, &three), (4, &four), proof), Err(fault));
        }
    }
}
