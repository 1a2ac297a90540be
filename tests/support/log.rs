//! A transparency log in memory: any records, any size of its trees, tiles of any height, and forks.
//!
//! Its hashes are computed here from RFC 6962 and not by the library, which is judged by them.
#![allow(dead_code, unreachable_pub, reason = "every test crate compiles all of this and uses a part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a builder that cannot build is a failed test")]

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// A key that signs notes.
#[derive(Clone)]
pub struct TestKey {
    name: String,
    key: SigningKey,
}

impl TestKey {
    pub fn new(name: &str, seed: u8) -> Self {
        Self { name: name.to_owned(), key: SigningKey::from_bytes(&[seed; 32]) }
    }

    fn typed(&self) -> Vec<u8> {
        [&[1], &self.key.verifying_key().to_bytes()[..]].concat()
    }

    pub fn id(&self) -> [u8; 4] {
        Sha256::digest([self.name.as_bytes(), b"\n", &self.typed()].concat())[..4].try_into().unwrap()
    }

    /// The text of the public key.
    pub fn text(&self) -> String {
        format!("{}+{}+{}", self.name, hex::encode(self.id()), STANDARD.encode(self.typed()))
    }

    /// The signature line under `text`.
    pub fn line(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        format!("— {} {}\n", self.name, STANDARD.encode([&self.id()[..], &signature].concat()))
    }

    /// `text` as a signed note.
    pub fn note(&self, text: &str) -> String {
        format!("{text}\n{}", self.line(text))
    }
}

/// A log whose records stay as they are; each of its first `n` records makes a tree that it would sign.
#[derive(Clone)]
pub struct TestLog {
    key: TestKey,
    records: Vec<String>,
    /// The roots of all whole subtrees: `levels[l][i]` is over 2^l records.
    levels: Vec<Vec<Hash>>,
}

pub fn leaf(record: &[u8]) -> Hash {
    Sha256::digest([&[0], record].concat()).into()
}

pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut both = [1; 65];
    both[1..33].copy_from_slice(left);
    both[33..].copy_from_slice(right);
    Sha256::digest(both).into()
}

/// A record of some other module.
pub fn filler(index: u64) -> String {
    let h1 = format!("h1:{}", STANDARD.encode(Sha256::digest(index.to_be_bytes())));
    format!("example.com/m{index} v1.0.0 {h1}\nexample.com/m{index} v1.0.0/go.mod {h1}\n")
}

/// The record of a release, by its module version and `h1`.
pub fn toolchain(version: &str, h1: &str) -> String {
    let module = "golang.org/toolchain";
    let go_mod = "h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=";
    format!("{module} {version} {h1}\n{module} {version}/go.mod {go_mod}\n")
}

impl TestLog {
    pub const NAME: &'static str = "log.example/sumdb";

    pub fn new(records: Vec<String>) -> Self {
        let mut levels = vec![records.iter().map(|record| leaf(record.as_bytes())).collect::<Vec<_>>()];
        while levels[levels.len() - 1].len() > 1 {
            let pairs = levels[levels.len() - 1].as_chunks::<2>().0;
            levels.push(pairs.iter().map(|[left, right]| node(left, right)).collect());
        }
        Self { key: TestKey::new(Self::NAME, 7), records, levels }
    }

    /// A log of `size` records, of which these are given, by their numbers.
    pub fn with(size: u64, given: &[(u64, &str)]) -> Self {
        let record = |index| given.iter().find(|(at, _)| *at == index).map(|(_, record)| (*record).to_owned());
        Self::new((0..size).map(|index| record(index).unwrap_or_else(|| filler(index))).collect())
    }

    /// Another history under the same key: record `at` is another one.
    pub fn fork(&self, at: u64) -> Self {
        let mut records = self.records.clone();
        records[usize::try_from(at).unwrap()].push_str("fork\n");
        Self::new(records)
    }

    pub fn size(&self) -> u64 {
        self.records.len() as u64
    }

    pub fn key(&self) -> &TestKey {
        &self.key
    }

    pub fn record(&self, index: u64) -> &str {
        &self.records[usize::try_from(index).unwrap()]
    }

    /// The root over the records from `start` to before `end`.
    pub fn root_of(&self, start: u64, end: u64) -> Hash {
        let length = end - start;
        if length == 0 {
            return Sha256::digest([]).into();
        }
        if length.is_power_of_two() && start.is_multiple_of(length) {
            let level = length.ilog2();
            return self.levels[level as usize][usize::try_from(start >> level).unwrap()];
        }
        let middle = start + length.next_power_of_two() / 2;
        node(&self.root_of(start, middle), &self.root_of(middle, end))
    }

    /// The audit path of RFC 6962 §2.1.1, word for word.
    pub fn path(&self, index: u64, size: u64) -> Vec<Hash> {
        self.path_in(index, 0, size)
    }

    fn path_in(&self, index: u64, start: u64, end: u64) -> Vec<Hash> {
        if end - start == 1 {
            return Vec::new();
        }
        let middle = start + (end - start).next_power_of_two() / 2;
        let (mut path, sibling) = if index < middle {
            (self.path_in(index, start, middle), self.root_of(middle, end))
        } else {
            (self.path_in(index, middle, end), self.root_of(start, middle))
        };
        path.push(sibling);
        path
    }

    /// The consistency proof of RFC 6962 §2.1.2, word for word.
    pub fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        self.subproof(old, 0, new, true)
    }

    fn subproof(&self, old: u64, start: u64, end: u64, whole: bool) -> Vec<Hash> {
        if old == end {
            return if whole { Vec::new() } else { vec![self.root_of(start, end)] };
        }
        let middle = start + (end - start).next_power_of_two() / 2;
        let (mut proof, other) = if old <= middle {
            (self.subproof(old, start, middle, whole), self.root_of(middle, end))
        } else {
            (self.subproof(old, middle, end, false), self.root_of(start, middle))
        };
        proof.push(other);
        proof
    }

    /// The text of the tree head of the first `size` records.
    pub fn head_text(&self, size: u64) -> String {
        format!("go.sum database tree\n{size}\n{}\n", STANDARD.encode(self.root_of(0, size)))
    }

    /// The signed tree head of the first `size` records.
    pub fn head(&self, size: u64) -> String {
        self.key.note(&self.head_text(size))
    }

    /// The answer to the question for record `index`.
    pub fn lookup(&self, index: u64, size: u64) -> String {
        format!("{index}\n{}\n{}", self.record(index), self.head(size))
    }

    /// The proof of record `index` as a text, put together here.
    pub fn tlog_proof(&self, index: u64, size: u64) -> String {
        let path: String = self.path(index, size).iter().map(|hash| STANDARD.encode(hash) + "\n").collect();
        format!("c2sp.org/tlog-proof@v1\nindex {index}\n{path}\n{}", self.head(size))
    }

    /// What is served at `tile/H/L/N[.p/W]`.
    pub fn tile(&self, path: &str) -> Option<Vec<u8>> {
        let (path, width) = path.split_once(".p/").map_or((path, None), |(path, width)| (path, Some(width)));
        let mut parts = path.strip_prefix("tile/")?.splitn(3, '/');
        let (height, level): (u32, u32) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let index = parts.next()?.split('/').map(|part| part.trim_start_matches('x'));
        let index = index.fold(0, |index: usize, part| index * 1000 + part.parse::<usize>().unwrap());
        let width = width.map_or(1 << height, |width| width.parse().unwrap());
        let hashes = self.levels.get((height * level) as usize)?;
        Some(hashes.get(index << height..(index << height) + width)?.concat())
    }

    /// Writes what a server of the first `size` records would serve: the latest tree head, all tiles of height 8, and
    /// the answers for toolchains.
    pub fn write(&self, folder: &Path, size: u64) {
        let put = |path: &str, content: &[u8]| {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        put("latest", self.head(size).as_bytes());
        for index in 0..size {
            if let Some(rest) = self.record(index).strip_prefix("golang.org/toolchain ") {
                let version = rest.split(' ').next().unwrap();
                put(&format!("lookup/golang.org/toolchain@{version}"), self.lookup(index, size).as_bytes());
            }
        }
        for level in 0..8 {
            let hashes = size >> (8 * level);
            for index in 0..hashes.div_ceil(256) {
                let (width, thousands) = ((hashes - index * 256).min(256), index / 1000);
                assert!(thousands < 1000, "a test log has fewer tiles");
                let name = if thousands > 0 { format!("x{thousands:03}/") } else { String::new() };
                let part = if width < 256 { format!(".p/{width}") } else { String::new() };
                let path = format!("tile/8/{level}/{name}{:03}{part}", index % 1000);
                put(&path, &self.tile(&path).unwrap());
            }
        }
    }
}
