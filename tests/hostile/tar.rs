//! Tar archives: each rule of the strict profile broken in the smallest way, and its neighbour kept.
//!
//! A tar has several generations of headers, and extensions that say again what a header says. Readers differ in which
//! of them they believe (`oracles.rs` shows it). So every field of every kind of header is made wrong, with a checksum
//! that fits.

pub(crate) mod amounts;
mod collisions;
mod ends;
mod extensions;
mod fields;
mod headers;
mod kinds;
mod oracles;
mod owners;
mod paths;
mod releases;
mod sizes;

use std::sync::LazyLock;

use goverify::archive::{EntryKind, TarFault};
use goverify::error::Code;
use sha2::{Digest, Sha256};

use crate::case::{Accepted, Case, Fault, Rows, assert_told_once};
use crate::readers::{Files, seen};
use crate::support::sdk::{NON_ASCII_PATH, Sdk};
use crate::support::tar_entry::{END, TarEntry, gzip, pax_record, tar};

/// Every row of attacks on tar archives, by its name.
pub(crate) const ROWS: Rows = &[
    ("t01", paths::t01),
    ("t02", paths::t02),
    ("t03", paths::t03),
    ("t04", paths::t04),
    ("t05", kinds::t05),
    ("t06", kinds::t06),
    ("t07", kinds::t07),
    ("t08", kinds::t08),
    ("t09", kinds::t09),
    ("t10", headers::t10),
    ("t11", extensions::t11),
    ("t12", extensions::t12),
    ("t13", extensions::t13),
    ("t14", extensions::t14),
    ("t15", extensions::t15),
    ("t16", extensions::t16),
    ("t17", sizes::t17),
    ("t18", headers::t18),
    ("t19", headers::t19),
    ("t20", headers::t20),
    ("t21", sizes::t21),
    ("t22", collisions::t22),
    ("t23", collisions::t23),
    ("t24", collisions::t24),
    ("t25", paths::t25),
    ("t26", collisions::t26),
    ("t27", ends::t27),
    ("t28", ends::t28),
    ("t29", owners::t29),
    ("t30", amounts::t30),
    ("t31", releases::t31),
    ("t32", releases::t32),
];

const VERSION: &str = "go1.22.5";
const BLOCK_BYTES: usize = 512;

/// What every case is derived from: an SDK, and its entries with the extended header as one of its own.
struct Small {
    sdk: Sdk,
    entries: Vec<TarEntry>,
    stream: Vec<u8>,
}

static SMALL: LazyLock<Small> = LazyLock::new(|| {
    let sdk = Sdk::minimal(VERSION, "linux/amd64");
    let mut entries = sdk.entries();
    let (path, content) = (format!("go/{NON_ASCII_PATH}"), sdk.files()[NON_ASCII_PATH].0.clone());
    let ascii: String = path.chars().filter(char::is_ascii).collect();
    // It sorts last.
    *entries.last_mut().unwrap() = TarEntry::extension(b'x', pax_record("path", path.as_bytes()));
    entries.push(TarEntry::file(ascii, content));
    let stream = tar(&entries);
    assert_eq!(stream, sdk.tar());
    Small { sdk, entries, stream }
});

/// The small SDK's stream without its end.
fn unended() -> Vec<u8> {
    SMALL.stream[..SMALL.stream.len() - END.len()].to_vec()
}

/// The small SDK's archive with more blocks behind its last entry, and what ends a stream.
fn with_blocks(more: &[u8]) -> Vec<u8> {
    gzip(&[&unended()[..], more, &END].concat())
}

/// The small SDK's archive with more entries, last.
fn with(more: impl IntoIterator<Item = TarEntry>) -> Vec<u8> {
    with_blocks(&more.into_iter().flat_map(|entry| entry.blocks()).collect::<Vec<_>>())
}

/// An extended header with one record.
fn pax(key: &str, value: impl AsRef<[u8]>) -> TarEntry {
    TarEntry::extension(b'x', pax_record(key, value.as_ref()))
}

/// A file whose path is told by an extended header, though it need not be.
fn by_pax(path: &str) -> TarEntry {
    TarEntry::file("go/src/plain", "").after(pax("path", path))
}

/// The cases of a row under construction, each with its fault.
#[derive(Default)]
struct Row(Vec<Case>);

impl Row {
    fn add(&mut self, what: impl Into<String>, archive: Vec<u8>, (code, fault): (Code, impl Into<TarFault>)) {
        self.0.push(Case::rejected(what, archive, code).because(Fault::Tar(fault.into())));
    }

    fn malformed(&mut self, what: impl Into<String>, archive: Vec<u8>, fault: impl Into<TarFault>) {
        self.add(what, archive, (Code::ArchiveMalformed, fault));
    }

    fn forbidden(&mut self, what: impl Into<String>, archive: Vec<u8>, fault: impl Into<TarFault>) {
        self.add(what, archive, (Code::ArchiveForbiddenEntry, fault));
    }

    fn too_large(&mut self, what: impl Into<String>, archive: Vec<u8>, fault: impl Into<TarFault>) {
        self.add(what, archive, (Code::ArchiveTooLarge, fault));
    }

    fn beyond(&mut self, what: impl Into<String>, archive: Vec<u8>, limit: u64, unit: &'static str) {
        self.0.push(Case::rejected(what, archive, Code::ArchiveTooLarge).because(Fault::TooLarge { limit, unit }));
    }

    fn accepted(&mut self, what: impl Into<String>, archive: Vec<u8>) {
        self.0.push(Case::accepted(what, archive));
    }
}

/// Asserts that what was accepted is what another reader finds, and that the manifest's positions are those of the
/// contents in what is kept.
#[track_caller]
fn agree(case: &Case, found: &Accepted) {
    assert_eq!(oracles::tar_crate(&case.archive).as_ref(), Ok(&files(found)), "{}", case.what);
}

/// Digest and size of what was found, by path, with every directory that is known of.
fn files(found: &Accepted) -> Files {
    let mut files = Files::new();
    let mut end = 0;
    for entry in found.manifest.entries() {
        let path = format!("go/{}", entry.path);
        let known = match entry.kind {
            EntryKind::Directory => files.insert(path + "/", seen(b"")),
            EntryKind::File { size_bytes, sha256, position, .. } => {
                assert!(position >= end + 512, "behind what is before it, and a header");
                end = position + size_bytes;
                let content = &found.stream[usize::try_from(position).unwrap()..usize::try_from(end).unwrap()];
                assert_eq!(sha256[..], Sha256::digest(content)[..], "{}", entry.path);
                files.insert(path, (sha256, size_bytes))
            }
        };
        assert_eq!(known, None, "{}", entry.path);
    }
    with_implied(files)
}

/// With the directories that paths imply, which a reader may tell of or not.
fn with_implied(files: Files) -> Files {
    let implied: Vec<_> = files
        .keys()
        .flat_map(|path| path.match_indices('/').map(|(at, _)| (path[..=at].to_owned(), seen(b""))))
        .collect();
    files.into_iter().chain(implied).collect()
}

#[test]
fn no_case_is_told_twice() {
    assert_told_once(ROWS, 4000);
}
