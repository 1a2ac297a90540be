//! Tar streams of any layout, for two readers: whatever is accepted, the `tar` crate finds the same paths, kinds, modes,
//! positions, sizes and contents in it, and nothing else.
//!
//! The first octet says whether the headers' checksums are repaired (`repair.rs`).

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::LazyLock;

use goverify::archive::{EntryKind, fuzzing};
use goverify::release::ArchiveName;
use sha2::{Digest, Sha256};

use crate::archives::{files_of, piece_bytes};
use crate::support::sdk::Sdk;
use crate::support::tar_entry::{TarEntry, pax_record, tar};
use crate::{Seed, repair};

static NAME: LazyLock<ArchiveName> = LazyLock::new(|| "go1.22.5.src.tar.gz".parse().unwrap());

pub fn seeds() -> Vec<Seed> {
    let file = TarEntry::file("go/a", "content");
    let directory = TarEntry::directory("go/b/");
    let long = format!("go/{}/x", "d".repeat(120));
    let extension = |data: Vec<u8>| TarEntry::file("go/short", "1").after(TarEntry::extension(b'x', data));
    let seeds = [
        Seed::accepted("none", tar(&[])),
        Seed::accepted("file", tar(&[file.clone()])),
        Seed::accepted("directory", tar(&[directory.clone(), TarEntry::file("go/b/c", "").mode(0o755)])),
        Seed::accepted("prefix", tar(&[TarEntry::file(&long, "x")])),
        Seed::accepted("pax", tar(&[TarEntry::file("go/\u{de}foo", "x")])),
        Seed::accepted("pax-path", tar(&[extension(pax_record("path", b"go/long"))])),
        Seed::accepted("sdk", Sdk::minimal("go1.22.5", "src").tar()),
        Seed::rejected("pax-size", tar(&[extension(pax_record("size", b"513"))])),
        Seed::rejected("pax-twice", tar(&[extension(pax_record("path", b"go/a").repeat(2))])),
        Seed::rejected("gnu-long", tar(&[file.clone().after(TarEntry::extension(b'L', *b"go/other\0"))])),
        Seed::rejected("link", tar(&[TarEntry::link("go/a", "b")])),
        Seed::rejected("twice", tar(&[file.clone(), file, directory])),
    ];
    seeds.into_iter().enumerate().map(|(n, seed)| seed.in_form(u8::from(n % 2 == 1))).collect()
}

pub fn check(input: &[u8]) -> bool {
    let stream = &*repair::tar(input);
    let result = fuzzing::tar(stream, &NAME, piece_bytes(stream));
    assert_eq!(result, fuzzing::tar(stream, &NAME, usize::MAX), "in pieces");
    let Ok(manifest) = result else { return false };
    let mut expected = files_of(&manifest);
    let mut positions: BTreeSet<u64> = manifest.file_entries().map(|file| file.position).collect();
    let mut directories: BTreeSet<String> = manifest
        .entries()
        .iter()
        .filter(|entry| entry.kind == EntryKind::Directory)
        .map(|entry| format!("go/{}", entry.path))
        .collect();
    for entry in tar::Archive::new(stream).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mode = entry.header().mode().unwrap();
        let bare = path.strip_suffix('/').unwrap_or(&path);
        if entry.header().entry_type().is_dir() {
            assert!(bare == "go" || directories.remove(bare), "{path} is no directory of ours");
            assert_eq!((entry.size(), mode), (0, 0o755));
            continue;
        }
        assert!(entry.header().entry_type().is_file(), "{path} is no file");
        let (sha256, size, executable) = expected.remove(&path).unwrap_or_else(|| panic!("{path} is not ours"));
        assert!(positions.remove(&entry.raw_file_position()), "{path} is elsewhere");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert_eq!((entry.size(), content.len() as u64), (size, size), "{path}");
        assert_eq!(sha256, <[u8; 32]>::from(Sha256::digest(&content)), "{path}");
        assert_eq!(mode, if executable { 0o755 } else { 0o644 }, "{path}");
    }
    assert!(expected.is_empty() && directories.is_empty(), "{expected:?} {directories:?}");
    true
}
