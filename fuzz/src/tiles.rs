//! Tiles of the log, some octets of which are others than they were, and two tree heads that they should join. The
//! input says which record, which sizes, which height, and what is changed. What is proven is the truth; what was not
//! changed is proven; and of another history nothing is.
//!
//! Octets, all numbers little-endian: record (2), size (2), older size (2), height (1), then changes of 4 each: which
//! of the needed tiles, where in it (2), and what is added with exclusive or.

use std::sync::LazyLock;

use goverify::trust::{LogError, Lookup, SignedTreeHead, Tile, TileHeight, Tiles, ToolchainModule, check_growth};

use crate::Seed;
use crate::logged::{H1, KEY, MODULE, RECORDS};
use crate::support::log::{TestLog, toolchain};

/// A log that holds nothing but the release, again and again, so that any record can be asked for.
static LOG: LazyLock<TestLog> = LazyLock::new(|| {
    let record = |n| toolchain(MODULE.module_version(), if n % 2 == 0 { H1 } else { OTHER_H1 });
    TestLog::new((0..RECORDS).map(record).collect())
});
/// Another history of it from this record on.
const FORKED_AT: u64 = 100;
/// The tree heads of both, by their sizes: most of what signatures would cost each time.
static HEADS: LazyLock<Vec<SignedTreeHead>> = LazyLock::new(|| heads(&LOG));
static FORKED_HEADS: LazyLock<Vec<SignedTreeHead>> = LazyLock::new(|| heads(&LOG.fork(FORKED_AT)));
const OTHER_H1: &str = "h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=";

pub fn seeds() -> Vec<Seed> {
    let input = |numbers: [u16; 3], height: u8, changes: &[u8]| {
        [&numbers.map(u16::to_le_bytes).concat()[..], &[height], changes].concat()
    };
    vec![
        Seed::accepted("go", input([300, 700, 512], 8, &[])),
        Seed::accepted("low", input([299, 699, 101], 1, &[])),
        Seed::accepted("one", input([0, 1, 0], 2, &[])),
        Seed::accepted("equal", input([5, 100, 100], 3, &[])),
        Seed::rejected("changed", input([300, 700, 512], 8, &[0, 0, 0, 1])),
        Seed::rejected("changed-low", input([299, 699, 101], 2, &[3, 9, 0, 0x80, 1, 1, 0, 7])),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Some((numbers, changes)) = input.split_first_chunk::<7>() else { return false };
    let [a, b, c, d, e, f, height] = *numbers;
    let number = |low, high, limit| u64::from(u16::from_le_bytes([low, high])) % limit;
    let size = number(c, d, RECORDS) + 1;
    let (index, old) = (number(a, b, size), number(e, f, size + 1));
    let height = TileHeight::new(height % 8 + 1).unwrap();
    let module: &ToolchainModule = &MODULE;

    let head_of = |heads: &'static [SignedTreeHead], size| &heads[usize::try_from(size).unwrap()];
    let (older, newer) = (head_of(&HEADS, old), head_of(&HEADS, size));

    let answer = format!("{index}\n{}\n{}", LOG.record(index), newer.note());
    let lookup = Lookup::parse(answer.as_bytes(), module, &KEY).unwrap();
    let (tiles, changed) = served(&lookup.tiles_of_height(height), height, changes);
    let answer = lookup.prove(&tiles);
    assert!(changed || answer.is_ok(), "{answer:?}");
    if let Ok(answer) = &answer {
        let h1 = if index % 2 == 0 { H1 } else { OTHER_H1 };
        assert_eq!((answer.h1().to_string().as_str(), answer.proof().index()), (h1, index));
        assert_eq!(answer.proof().to_string(), LOG.tlog_proof(index, size));
        assert_eq!(answer.proof().verify(LOG.record(index).as_bytes()), Ok(()));
    }

    let growth = check_growth(older, newer).unwrap();
    assert_eq!(check_growth(newer, older).unwrap().tiles_of_height(height), growth.tiles_of_height(height));
    let (tiles, also_changed) = served(&growth.tiles_of_height(height), height, changes);
    let grown = growth.prove(&tiles);
    assert!(also_changed || grown.is_ok(), "{grown:?}");
    assert!(!matches!(grown, Err(LogError::Fork { .. })), "a fork where there is none");
    if let Ok(proof) = &grown {
        assert_eq!(proof.latest(), newer);
    }

    if old > FORKED_AT {
        let refused = check_growth(head_of(&FORKED_HEADS, old), newer).and_then(|growth| growth.prove(&tiles));
        assert!(refused.is_err(), "two histories");
        assert!(also_changed || matches!(refused, Err(LogError::Fork { .. })), "{refused:?}");
    }
    answer.is_ok() && grown.is_ok()
}

fn heads(log: &TestLog) -> Vec<SignedTreeHead> {
    (0..=RECORDS).map(|size| SignedTreeHead::open(log.head(size).as_bytes(), &KEY).unwrap()).collect()
}

/// The tiles as the log would serve them, with the changes, and whether one of these changed something.
fn served(needed: &[Tile], height: TileHeight, changes: &[u8]) -> (Tiles, bool) {
    let mut served: Vec<Vec<u8>> = needed.iter().map(|tile| LOG.tile(&tile.path()).unwrap()).collect();
    let truth = served.clone();
    for &[tile, low, high, mask] in changes.as_chunks::<4>().0 {
        let count = served.len().max(1);
        let Some(tile) = served.get_mut(usize::from(tile) % count) else { break };
        let at = usize::from(u16::from_le_bytes([low, high])) % tile.len();
        tile[at] ^= mask;
    }
    let changed = served != truth;
    let mut tiles = Tiles::new(height);
    for (tile, bytes) in needed.iter().zip(served) {
        assert_eq!(bytes.len(), tile.size_bytes());
        tiles.insert(*tile, &bytes).unwrap();
    }
    (tiles, changed)
}
