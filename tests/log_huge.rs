//! A log as large as the real one, of which all records but one are the same, so that no hash has to be kept.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "support/log.rs"]
mod log;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use goverify::error::{Code, Coded};
use goverify::trust::{H1, LogKey, Lookup, Tile, Tiles, ToolchainModule};
use log::{Hash, TestKey, TestLog, filler, leaf, node, toolchain};

const SIZE: u64 = 50_000_001;
const H1_TEXT: &str = "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M=";

struct HugeLog {
    at: u64,
    record: String,
    /// The roots of whole subtrees of 2^level records without record `at`.
    same: Vec<Hash>,
}

impl HugeLog {
    fn new(at: u64, record: String) -> Self {
        let mut same = vec![leaf(filler(0).as_bytes())];
        for level in 0..40 {
            same.push(node(&same[level], &same[level]));
        }
        Self { at, record, same }
    }

    /// The root of the whole subtree `index` of 2^level records.
    fn subtree(&self, level: u32, index: u64) -> Hash {
        if self.at >> level != index {
            return self.same[level as usize];
        }
        match level.checked_sub(1) {
            None => leaf(self.record.as_bytes()),
            Some(below) => node(&self.subtree(below, 2 * index), &self.subtree(below, 2 * index + 1)),
        }
    }

    fn root_of(&self, start: u64, end: u64) -> Hash {
        let length = end - start;
        if length.is_power_of_two() {
            return self.subtree(length.ilog2(), start / length);
        }
        let middle = start + length.next_power_of_two() / 2;
        node(&self.root_of(start, middle), &self.root_of(middle, end))
    }

    fn tile(&self, level: u32, index: u64, width: u64) -> Vec<u8> {
        (0..width).flat_map(|position| self.subtree(8 * level, index * 256 + position)).collect()
    }
}

#[test]
fn l03_cve_2026_56865_every_hash_of_every_tile_of_fifty_million_records_counts() {
    let version = "v0.0.1-go1.27.1.linux-amd64";
    let module = ToolchainModule::new("go1.27.1".parse().unwrap(), &"linux/amd64".parse().unwrap());
    let signer = TestKey::new(TestLog::NAME, 7);
    let key: LogKey = signer.text().parse().unwrap();
    // In the first half, at the right edge, and the last, which is alone in its tile's tail.
    for (at, expected) in [
        (
            24_929_362,
            &[(0, 97_380, 256), (0, 195_312, 129), (1, 380, 256), (1, 762, 240), (2, 1, 256), (2, 2, 250), (3, 0, 2)][..],
        ),
        (49_999_999, &[(0, 195_312, 129), (1, 762, 240), (2, 2, 250), (3, 0, 2)]),
        (50_000_000, &[(0, 195_312, 129), (1, 762, 240), (2, 2, 250), (3, 0, 2)]),
    ] {
        let log = HugeLog::new(at, toolchain(version, H1_TEXT));
        let root = STANDARD.encode(log.root_of(0, SIZE));
        let head = signer.note(&format!("go.sum database tree\n{SIZE}\n{root}\n"));
        let answer = format!("{at}\n{}\n{head}", log.record);
        let lookup = Lookup::parse(answer.as_bytes(), &module, &key).unwrap();
        let needed = lookup.tiles();
        let mut given = Tiles::default();
        let mut bytes: Vec<(Tile, Vec<u8>)> = Vec::new();
        assert_eq!(needed.len(), expected.len(), "{needed:?}");
        for (tile, (level, index, width)) in needed.into_iter().zip(expected) {
            let name = if *index < 1_000 {
                format!("{index:03}")
            } else {
                format!("x{:03}/{:03}", index / 1_000, index % 1_000)
            };
            let part = if *width < 256 { format!(".p/{width}") } else { String::new() };
            assert_eq!(tile.path(), format!("tile/8/{level}/{name}{part}"));
            bytes.push((tile, log.tile(*level, *index, *width)));
            given.insert(tile, &bytes[bytes.len() - 1].1).unwrap();
        }
        assert_eq!(lookup.prove(&given).unwrap().h1(), &H1_TEXT.parse::<H1>().unwrap());
        for (tile, bytes) in bytes {
            let mut changed = bytes.clone();
            for hash in 0..tile.width() {
                changed[32 * hash + hash % 32] ^= 1;
                given.insert(tile, &changed).unwrap();
                let error = lookup.prove(&given).unwrap_err();
                assert_eq!(error.code(), Code::TransparencyBadProof, "{tile}, hash {hash}");
                changed[32 * hash + hash % 32] ^= 1;
            }
            given.insert(tile, &bytes).unwrap();
        }
        assert!(lookup.prove(&given).is_ok());
    }
}
