//! Zip archives of any layout, for two readers: one that begins in front, which is ours, and the `zip` crate, which
//! begins at the end. Whatever is accepted, both find the same files with the same contents.
//!
//! The first octet says whether what is said of the entries elsewhere is repaired (`repair.rs`).

use std::io::{Cursor, Read};

use goverify::archive::fuzzing;
use sha2::{Digest, Sha256};

use crate::archives::{files_of, piece_bytes};
use crate::support::zip_entry::{End, ZipEntry, zip, zip_with};
use crate::{Seed, repair};

pub fn seeds() -> Vec<Seed> {
    let entry = ZipEntry::file("go/a", "content");
    let two = [entry.clone(), ZipEntry::file("go/b/\u{de}foo", [7; 300]).mode(0o755)];
    let program = ZipEntry::file("go/bin/go.exe", "MZ").mode(0o755);
    let quoting = ZipEntry::file("go/a", zip(&two));
    let whole = [
        Seed::rejected("none", zip(&[])),
        Seed::accepted("one", zip(&two[..1])),
        Seed::accepted("two", zip(&two)),
        Seed::accepted("empty", zip(&[ZipEntry::file("go/empty", ""), program])),
        Seed::accepted("quoting", zip(&[quoting])),
        Seed::rejected("comment", zip_with(&two, |end: &mut End| end.after = b"x".to_vec())),
        Seed::rejected("unlisted", zip(&[entry.clone().edit(|entry| entry.listed = 0), two[1].clone()])),
        Seed::rejected("moved", zip(&[entry.clone().edit(|entry| entry.central.offset = Some(9))])),
        Seed::rejected("renamed", zip(&[entry.edit(|entry| entry.central.name = b"go/b".to_vec())])),
    ];
    let repaired = [
        Seed::accepted("moved", zip(&[two[0].clone().edit(|entry| entry.central.offset = Some(9))])),
        Seed::accepted("wrong-crc", zip(&[two[1].clone().edit(|entry| entry.descriptor = vec![1; 16])])),
    ];
    let whole = whole.into_iter().map(|seed| seed.in_form(0));
    whole.chain(repaired.into_iter().map(|seed| seed.in_form(1))).collect()
}

pub fn check(input: &[u8]) -> bool {
    let archive = &*repair::zip(input);
    let result = fuzzing::zip(archive, piece_bytes(archive).max(64));
    assert_eq!(result, fuzzing::zip(archive, 4096), "in pieces");
    let Ok((manifest, stream)) = result else { return false };
    let mut expected = files_of(&manifest);
    for file in manifest.file_entries() {
        let start = usize::try_from(file.position).unwrap();
        let content = &stream[start..start + usize::try_from(file.size_bytes).unwrap()];
        assert_eq!(*file.sha256, <[u8; 32]>::from(Sha256::digest(content)), "{} is elsewhere", file.path);
    }
    assert_eq!(stream.len() as u64, manifest.unpacked_bytes());

    let mut theirs = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    for index in 0..theirs.len() {
        let mut file = theirs.by_index(index).unwrap();
        let path = file.name().unwrap().into_owned();
        let (sha256, size, _) = expected.remove(&path).unwrap_or_else(|| panic!("{path} is not ours"));
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!((file.is_file(), content.len() as u64), (true, size), "{path}");
        assert_eq!(sha256, <[u8; 32]>::from(Sha256::digest(&content)), "{path}");
    }
    assert!(expected.is_empty(), "{expected:?}");
    true
}
