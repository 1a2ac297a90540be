//! Gzip streams: one member, whole, with nothing in it but deflate and nothing behind it.

mod members;
pub(crate) mod streams;

use goverify::archive::GzipFault;
use goverify::error::Code;

use crate::case::{Case, Fault, Rows, assert_told_once};
use crate::support::tar_entry::gzip;

/// Every row of attacks on gzip streams, by its name.
pub(crate) const ROWS: Rows = &[
    ("g01", members::g01),
    ("g02", members::g02),
    ("g03", members::g03),
    ("g04", members::g04),
    ("g05", members::g05),
    ("g06", members::g06),
    ("g07", streams::g07),
    ("g08", streams::g08),
    ("g09", streams::g09),
];

/// Bytes of a member's header and of its trailer (RFC 1952 §2.3).
const HEADER_BYTES: usize = 10;
const TRAILER_BYTES: usize = 8;

/// The cases of a row under construction, each with its fault.
#[derive(Default)]
struct Row(Vec<Case>);

impl Row {
    fn malformed(&mut self, what: impl Into<String>, archive: Vec<u8>, fault: GzipFault) {
        self.0.push(Case::rejected(what, archive, Code::ArchiveMalformed).because(Fault::Gzip(fault)));
    }

    fn too_large(&mut self, what: impl Into<String>, archive: Vec<u8>, limit: u64, unit: &'static str) {
        self.0.push(Case::rejected(what, archive, Code::ArchiveTooLarge).because(Fault::TooLarge { limit, unit }));
    }

    fn accepted(&mut self, what: impl Into<String>, archive: Vec<u8>) {
        self.0.push(Case::accepted(what, archive));
    }
}

/// A member around this deflate stream, with the trailer that `content` should have.
fn member(deflated: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let trailer = [crc32fast::hash(content), length].map(u32::to_le_bytes).concat();
    [&gzip(b"")[..HEADER_BYTES], deflated, &trailer].concat()
}

#[test]
fn no_case_is_told_twice() {
    assert_told_once(ROWS, 1200);
}
