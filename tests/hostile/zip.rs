//! Zip archives: each rule of the strict profile broken in the smallest way, and its neighbour kept.
//!
//! A zip tells everything at least twice, and readers differ in what they believe (`oracles.rs` shows it). So every
//! field is made wrong in one record alone, and in both where two have it.

mod content;
mod ends;
mod extras;
mod fields;
mod headers;
mod kinds;
mod names;
mod oracles;
mod places;
mod whole;

use std::sync::LazyLock;

use goverify::archive::{EntryKind, ZipFault};
use goverify::error::Code;
use sha2::{Digest, Sha256};

use crate::case::{Accepted, Case, Fault, Rows, assert_told_once};
use crate::readers::Files;
use crate::support::sdk::Sdk;
use crate::support::zip_entry::{End, Header, ZipEntry, zip, zip_with};

/// Every row of attacks on zip archives, by its name.
pub(crate) const ROWS: Rows = &[
    ("z01", headers::z01),
    ("z02", places::z02),
    ("z03", ends::z03),
    ("z04", ends::z04),
    ("z05", places::z05),
    ("z06", headers::z06),
    ("z07", headers::z07),
    ("z08", kinds::z08),
    ("z09", names::z09),
    ("z10", content::z10),
    ("z11", names::z11),
    ("z12", content::z12),
    ("z13", kinds::z13),
];

const VERSION: &str = "go1.22.5";

/// What every case is derived from.
struct Small {
    sdk: Sdk,
    entries: Vec<ZipEntry>,
    archive: Vec<u8>,
}

static SMALL: LazyLock<Small> = LazyLock::new(|| {
    let sdk = Sdk::minimal(VERSION, "windows/amd64");
    Small { entries: sdk.zip_entries(), archive: sdk.archive(), sdk }
});

impl Small {
    /// Where the end record begins: no comment follows it.
    fn end_start(&self) -> usize {
        self.archive.len() - 22
    }

    /// Where the central directory begins, by the end record.
    fn directory_start(&self) -> usize {
        let offset = self.archive[self.end_start() + 16..][..4].try_into().unwrap();
        usize::try_from(u32::from_le_bytes(offset)).unwrap()
    }
}

/// The small SDK's entries, to be edited.
fn entries() -> Vec<ZipEntry> {
    SMALL.entries.clone()
}

/// How many those are.
fn count() -> u64 {
    SMALL.entries.len() as u64
}

/// The cases of a row under construction, each with its fault.
#[derive(Default)]
struct Row(Vec<Case>);

impl Row {
    fn add(&mut self, what: impl Into<String>, archive: Vec<u8>, (code, fault): (Code, impl Into<ZipFault>)) {
        self.push(Case::rejected(what, archive, code).because(Fault::Zip(fault.into())));
    }

    fn malformed(&mut self, what: impl Into<String>, archive: Vec<u8>, fault: impl Into<ZipFault>) {
        self.add(what, archive, malformed(fault));
    }

    fn forbidden(&mut self, what: impl Into<String>, archive: Vec<u8>, fault: impl Into<ZipFault>) {
        self.add(what, archive, forbidden(fault));
    }

    fn too_large(&mut self, what: impl Into<String>, archive: Vec<u8>, limit: u64, unit: &'static str) {
        self.push(Case::rejected(what, archive, Code::ArchiveTooLarge).because(Fault::TooLarge { limit, unit }));
    }

    fn accepted(&mut self, what: impl Into<String>, archive: Vec<u8>) {
        self.push(Case::accepted(what, archive));
    }

    fn push(&mut self, case: Case) {
        self.0.push(Case { name: SMALL.sdk.name().clone(), ..case });
    }
}

fn malformed(fault: impl Into<ZipFault>) -> (Code, ZipFault) {
    (Code::ArchiveMalformed, fault.into())
}

fn forbidden(fault: impl Into<ZipFault>) -> (Code, ZipFault) {
    (Code::ArchiveForbiddenEntry, fault.into())
}

/// The small SDK's archive with its first entry, `go/VERSION`, edited.
fn edited(edit: impl FnOnce(&mut ZipEntry)) -> Vec<u8> {
    let mut entries = entries();
    edit(&mut entries[0]);
    zip(&entries)
}

/// The same with both headers edited alike.
fn edited_in_both(edit: impl Fn(&mut Header)) -> Vec<u8> {
    edited(|entry| *entry = entry.clone().both(edit))
}

/// The small SDK's archive with an edited end.
fn ended(edit: impl FnOnce(&mut End)) -> Vec<u8> {
    zip_with(&SMALL.entries, edit)
}

/// The end record of the small SDK's archive.
fn end_record() -> Vec<u8> {
    SMALL.archive[SMALL.end_start()..].to_vec()
}

/// The small SDK's archive with more entries, last.
fn with(more: impl IntoIterator<Item = ZipEntry>) -> Vec<u8> {
    zip(&entries().into_iter().chain(more).collect::<Vec<_>>())
}

/// Asserts that what was accepted is what another reader finds, and that the manifest's positions are those of the
/// contents in what is kept.
#[track_caller]
fn agree(case: &Case, found: &Accepted) {
    assert_eq!(oracles::zip_crate(&case.archive).as_ref(), Ok(&files(found)), "{}", case.what);
}

/// Digest and size of what was found, by path.
fn files(found: &Accepted) -> Files {
    let mut files = Files::new();
    let mut end = 0;
    for entry in found.manifest.entries() {
        let EntryKind::File { size_bytes, sha256, position, .. } = entry.kind else { panic!("{entry:?}") };
        assert_eq!(position, end, "one behind another");
        end += size_bytes;
        let content = &found.stream[usize::try_from(position).unwrap()..usize::try_from(end).unwrap()];
        assert_eq!(sha256[..], Sha256::digest(content)[..], "{}", entry.path);
        assert!(files.insert(format!("go/{}", entry.path), (sha256, size_bytes)).is_none());
    }
    assert_eq!(found.stream.len() as u64, end);
    files
}

#[test]
fn no_case_is_told_twice() {
    assert_told_once(ROWS, 1200);
}
