//! The log's checks on what others have made: the vectors of transparency-dev, the real log's signatures, and a
//! complete proof out of a log that golang.org/x/mod's own server runs.
//!
//! `GOVERIFY_CORPORA` and `GOVERIFY_REAL_RELEASES` name the folders. Without them every test here says that it was
//! skipped.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use goverify::error::{Code, Coded};
use goverify::trust::{
    LogError, LogEvidence, LogKey, Lookup, SignedTreeHead, Tile, TileFault, Tiles, ToolchainModule, check_growth,
    judge, merkle,
};
use serde_json::Value;

/// The folder that a variable names, or `None` and a word about it.
fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        // Past the test harness, which would swallow what a passing test prints.
        std::io::stderr().write_all(format!("skipped: {variable} is not set\n").as_bytes()).unwrap();
    }
    folder
}

/// All vectors below a folder, with their paths.
fn vectors(folder: &Path) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(vectors(&path));
        } else {
            found.push((path.display().to_string(), serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()));
        }
    }
    found
}

/// A hash, if it is one: some vectors have other lengths, which our types cannot express.
fn hash(value: &Value) -> Option<merkle::Hash> {
    STANDARD.decode(value.as_str().unwrap()).unwrap().try_into().ok()
}

fn proof(vector: &Value) -> Option<Vec<merkle::Hash>> {
    vector["proof"].as_array().map_or(Some(Vec::new()), |hashes| hashes.iter().map(hash).collect())
}

fn included(vector: &Value, index: u64, size: u64) -> bool {
    let (Some(leaf), Some(root), Some(path)) = (hash(&vector["leafHash"]), hash(&vector["root"]), proof(vector)) else {
        return false;
    };
    merkle::root_from_path(index, size, &leaf, &path) == Ok(root)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn l13_inclusion_proofs_of_transparency_dev() {
    let Some(corpora) = folder("GOVERIFY_CORPORA") else { return };
    let vectors = vectors(&corpora.join("merkle/inclusion"));
    for (path, vector) in &vectors {
        let good = included(vector, number(&vector["leafIdx"]), number(&vector["treeSize"]));
        assert_eq!(good, vector["wantErr"] == false, "{path}");
    }
    assert_eq!(vectors.len(), 98);
    assert_eq!(vectors.iter().filter(|(_, vector)| vector["wantErr"] == false).count(), 6);
}

/// Inclusion in a subtree that begins at a multiple of its size, rounded up to a power of two, is inclusion in a tree
/// of the records from there on. Which subtrees may be is the vectors' own rule; a log's lookups name none.
#[test]
fn l13_subtree_inclusion_proofs_of_transparency_dev() {
    let Some(corpora) = folder("GOVERIFY_CORPORA") else { return };
    let vectors = vectors(&corpora.join("merkle/subtreeinclusion"));
    for (path, vector) in &vectors {
        let [index, start, end] = ["leafIdx", "start", "end"].map(|name| number(&vector[name]));
        let size = end.saturating_sub(start);
        let is_subtree = size.checked_next_power_of_two().is_some_and(|whole| start.is_multiple_of(whole));
        let good = is_subtree && index >= start && included(vector, index - start, size);
        assert_eq!(good, vector["wantErr"] == false, "{path}");
    }
    assert_eq!(vectors.len(), 204);
    assert_eq!(vectors.iter().filter(|(_, vector)| vector["wantErr"] == false).count(), 12);
}

/// `subtreeconsistency` beside it is another operation: it proves a subtree that need not begin with the first record,
/// which a log's growth never is.
#[test]
fn l06_consistency_proofs_of_transparency_dev() {
    let Some(corpora) = folder("GOVERIFY_CORPORA") else { return };
    let vectors = vectors(&corpora.join("merkle/consistency"));
    let mut unlike = Vec::new();
    for (path, vector) in &vectors {
        let [old, new] = ["size1", "size2"].map(|name| number(&vector[name]));
        let good = match (hash(&vector["root1"]), hash(&vector["root2"]), proof(vector)) {
            (Some(one), Some(two), Some(proof)) => merkle::check_consistency((old, &one), (new, &two), &proof).is_ok(),
            _ => false,
        };
        if good != (vector["wantErr"] == false) {
            unlike.push(Path::new(path).file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    assert_eq!(vectors.len(), 98);
    // Its roots are of 12 bytes, which is no hash of ours.
    assert_eq!(unlike, ["sizes-are-equal-one-and-proof-is-empty.json"]);
}

#[test]
fn the_real_logs_signatures_are_good_under_the_key_that_is_built_in() {
    let Some(real) = folder("GOVERIFY_REAL_RELEASES") else { return };
    let real = real.join("sumdb/sum.golang.org");
    let key = LogKey::sum_golang_org().unwrap();
    let latest = SignedTreeHead::open(&fs::read(real.join("latest")).unwrap(), &key).unwrap();
    assert_eq!((latest.log(), latest.size()), ("sum.golang.org", 66_746_896));
    let module = ToolchainModule::new("go1.21.9".parse().unwrap(), &"linux/amd64".parse().unwrap());
    let mut heads = vec![latest];
    for (path, tiles) in [
        (
            module.lookup_path(),
            &[
                "tile/8/0/x097/380",
                "tile/8/0/x112/911.p/237",
                "tile/8/1/380",
                "tile/8/1/441.p/15",
                "tile/8/2/001.p/185",
                "tile/8/3/000.p/1",
            ][..],
        ),
        (
            "lookup/golang.org/x/mod@v0.17.0".to_owned(),
            &[
                "tile/8/0/x097/482",
                "tile/8/0/x260/730.p/101",
                "tile/8/1/380",
                "tile/8/1/x001/018.p/122",
                "tile/8/2/001",
                "tile/8/2/003.p/250",
                "tile/8/3/000.p/3",
            ],
        ),
    ] {
        let answer = fs::read(real.join(path)).unwrap();
        let lookup = Lookup::parse(&answer, &module, &key).unwrap();
        let paths: Vec<String> = lookup.tiles().iter().map(Tile::path).collect();
        assert_eq!(paths, tiles);
        // There are none of these tiles here, and nothing is proven without.
        let missing = lookup.prove(&Tiles::default()).unwrap_err();
        assert_eq!(missing, LogError::Tile(TileFault::Missing(lookup.tiles()[0])));
        heads.push(lookup.head().clone());
        for at in 0..answer.len() {
            let mut changed = answer.clone();
            changed[at] ^= 1;
            // The number and the record are not signed; tiles must prove them.
            let judged = Lookup::parse(&changed, &module, &key).and_then(|lookup| lookup.prove(&Tiles::default()));
            assert_eq!(judged.unwrap_err().code(), Code::TransparencyBadProof, "byte {at}");
        }
    }
    for pair in heads.windows(2) {
        assert!(!check_growth(&pair[0], &pair[1]).unwrap().tiles().is_empty());
    }
}

/// A real lookup of go1.27.1 for linux/amd64 with the bytes of all tiles that it needs.
struct Real {
    key: LogKey,
    module: ToolchainModule,
    answer: Vec<u8>,
    tiles: Vec<(Tile, Vec<u8>)>,
}

impl Real {
    fn read() -> Option<Self> {
        let local = folder("GOVERIFY_REAL_RELEASES")?.join("sumdb/local");
        let key: LogKey = fs::read_to_string(local.join("verifier-key.txt")).unwrap().trim_end().parse().unwrap();
        let module = ToolchainModule::new("go1.27.1".parse().unwrap(), &"linux/amd64".parse().unwrap());
        let answer = fs::read(local.join(module.lookup_path())).unwrap();
        let needed = Lookup::parse(&answer, &module, &key).unwrap().tiles();
        let tiles = needed.into_iter().map(|tile| (tile, fs::read(local.join(tile.path())).unwrap())).collect();
        Some(Self { key, module, answer, tiles })
    }

    fn given(&self) -> Tiles {
        let mut given = Tiles::default();
        self.tiles.iter().for_each(|(tile, bytes)| given.insert(*tile, bytes).unwrap());
        given
    }
}

const H1: &str = "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M=";

#[test]
fn gos_own_server_proves_the_real_release() {
    let Some(real) = Real::read() else { return };
    let lookup = Lookup::parse(&real.answer, &real.module, &real.key).unwrap();
    let answer = lookup.prove(&real.given()).unwrap();
    assert_eq!(answer.h1().to_string(), H1);
    let proof = judge(&LogEvidence::Answer(answer), &real.module.record(H1.parse().unwrap())).unwrap();
    assert_eq!((proof.log(), proof.record_number(), proof.tree_size()), ("localhost.localdev/sumdb", 23_333, 70_001));
    assert_eq!(proof.root_base64(), "MQDnNCWBumh/qsZ/Hm3y2JqEH5zMnYmY1AErOZe1Vxw=");
}

#[test]
fn l03_every_byte_of_every_real_tile_counts() {
    let Some(real) = Real::read() else { return };
    let lookup = Lookup::parse(&real.answer, &real.module, &real.key).unwrap();
    let given = real.given();
    assert!(lookup.prove(&given).is_ok());
    let change_each = |(tile, bytes): &(Tile, Vec<u8>)| {
        let (mut given, mut changed) = (given.clone(), bytes.clone());
        for at in 0..bytes.len() {
            changed[at] ^= 1 << (at % 8);
            given.insert(*tile, &changed).unwrap();
            let error = lookup.prove(&given).unwrap_err();
            assert_eq!(error.code(), Code::TransparencyBadProof, "{tile}, byte {at}");
            changed[at] = bytes[at];
        }
        bytes.len()
    };
    let changes: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = real.tiles.iter().map(|tile| scope.spawn(|| change_each(tile))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // Two full tiles and two partial ones; `tile/8/2/000.p/1` is never asked for.
    assert_eq!(changes, 2 * 8_192 + 32 * 113 + 32 * 17);
}

#[test]
fn every_byte_of_the_real_answer_counts() {
    let Some(real) = Real::read() else { return };
    let given = real.given();
    for at in 0..real.answer.len() {
        for bit in 0..8 {
            let mut changed = real.answer.clone();
            changed[at] ^= 1 << bit;
            let judged = Lookup::parse(&changed, &real.module, &real.key).and_then(|lookup| lookup.prove(&given));
            assert_eq!(judged.unwrap_err().code(), Code::TransparencyBadProof, "byte {at}, bit {bit}");
        }
        let cut = Lookup::parse(&real.answer[..at], &real.module, &real.key);
        assert_eq!(cut.unwrap_err().code(), Code::TransparencyBadProof, "cut at {at}");
    }
}
