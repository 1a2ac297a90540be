//! Merkle proofs of any sizes: the same verdict as the iterative algorithms of RFC 9162, which are written here from
//! its text and have nothing in common with the recursive ones of RFC 6962 that goverify's are.
//!
//! Octets, all numbers little-endian: record or older size (8), size (8), how much the claimed hashes are of the
//! proof (1: the lowest bit asks for the root that the algorithm finds), then hashes, of which a rest is cut off.

use goverify::trust::merkle::{Hash, check_consistency, node_hash, root_from_path};

use crate::Seed;
use crate::logged::{LOG, RECORDS};

/// From here on a tree is no tree to goverify.
const SIZE_LIMIT: u64 = 1 << 62;

pub fn seeds() -> Vec<Seed> {
    let input = |first: u64, size: u64, form: u8, hashes: &[Hash]| {
        [&first.to_le_bytes()[..], &size.to_le_bytes(), &[form], &hashes.concat()].concat()
    };
    let inclusion = |index, size| {
        let hashes = [vec![LOG.root_of(index, index + 1)], LOG.path(index, size)].concat();
        Seed::accepted(format!("inclusion-{index}-{size}"), input(index, size, 0, &hashes))
    };
    let consistency = |old, new| {
        let hashes = [vec![LOG.root_of(0, old), LOG.root_of(0, new)], LOG.consistency(old, new)].concat();
        Seed::accepted(format!("consistency-{old}-{new}"), input(old, new, 1, &hashes))
    };
    vec![
        inclusion(300, RECORDS),
        inclusion(0, 1),
        inclusion(6, 7),
        consistency(300, RECORDS),
        consistency(4, 7),
        consistency(7, 7),
        consistency(512, RECORDS),
        Seed::accepted("largest", input(SIZE_LIMIT - 2, SIZE_LIMIT - 1, 0, &[[7; 32]; 62])),
        Seed::rejected("too-large", input(1, u64::MAX, 0, &[[7; 32]; 63])),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Some((first, rest)) = input.split_first_chunk::<8>() else { return false };
    let Some((size, rest)) = rest.split_first_chunk::<8>() else { return false };
    let Some((&form, hashes)) = rest.split_first() else { return false };
    let (first, size) = (u64::from_le_bytes(*first), u64::from_le_bytes(*size));
    let hashes = hashes.as_chunks::<32>().0;
    if form & 1 == 0 {
        let Some((leaf, path)) = hashes.split_first() else { return false };
        let ours = root_from_path(first, size, leaf, path).ok();
        assert_eq!(ours, if size < SIZE_LIMIT { inclusion(first, size, leaf, path) } else { None });
        return ours.is_some();
    }
    let [old_root, new_root, proof @ ..] = hashes else { return false };
    let ours = check_consistency((first, old_root), (size, new_root), proof).is_ok();
    assert_eq!(ours, size < SIZE_LIMIT && consistency((first, old_root), (size, new_root), proof));
    ours
}

/// RFC 9162 §2.1.3.2.
fn inclusion(index: u64, size: u64, leaf: &Hash, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut node, mut last, mut root) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node % 2 == 1 || node == last {
            root = node_hash(sibling, &root);
            while node % 2 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            root = node_hash(&root, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

/// RFC 9162 §2.1.4.2, for sizes that need not differ.
fn consistency((old, old_root): (u64, &Hash), (new, new_root): (u64, &Hash), proof: &[Hash]) -> bool {
    if old == 0 || old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    let whole = old.is_power_of_two();
    let mut rest = proof.iter();
    let Some(seed) = (if whole { Some(old_root) } else { rest.next() }) else { return false };
    let (mut node, mut last) = (old - 1, new - 1);
    while node % 2 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut of_old, mut of_new) = (*seed, *seed);
    for hash in rest {
        if last == 0 {
            return false;
        }
        if node % 2 == 1 || node == last {
            of_old = node_hash(hash, &of_old);
            of_new = node_hash(hash, &of_new);
            while node % 2 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            of_new = node_hash(&of_new, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && of_old == *old_root && of_new == *new_root
}
