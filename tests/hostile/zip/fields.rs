//! Every field of a record with every value that is near the right one, or that parsers take for something special.

use std::collections::BTreeSet;
use std::fmt;

use goverify::archive::ZipFault;
use goverify::error::Code;

use super::{Row, SMALL};
use crate::support::zip_entry::offset_of;

/// The entry whose records are edited: neither the first nor the last, and needed by every SDK.
pub(super) const VICTIM: usize = 1;

/// A record of the victim, or the end record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Local,
    Descriptor,
    Central,
    End,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Descriptor => "descriptor",
            Self::Central => "central",
            Self::End => "end",
        })
    }
}

impl Record {
    /// Where it begins in the small SDK's archive.
    pub(super) fn start(self) -> usize {
        let local = |index| usize::try_from(offset_of(&SMALL.entries, index)).unwrap();
        match self {
            Self::Local => local(VICTIM),
            Self::Descriptor => local(VICTIM + 1) - 16,
            Self::Central => {
                let before = SMALL.entries[..VICTIM].iter();
                let before = before.map(|entry| 46 + entry.central.name.len() + entry.central.extra.len());
                SMALL.directory_start() + before.sum::<usize>()
            }
            Self::End => SMALL.end_start(),
        }
    }

    /// Offset in the record, and width in bytes (APPNOTE.TXT 6.3.10 §4.3.7, §4.3.9, §4.3.12 and §4.3.16).
    fn place(self, field: &str) -> (usize, usize) {
        let shared = match field {
            "version" => (4, 2),
            "flags" => (6, 2),
            "method" => (8, 2),
            "time" => (10, 2),
            "date" => (12, 2),
            "CRC-32" => (14, 4),
            "compressed size" => (18, 4),
            "size" => (22, 4),
            "name length" => (26, 2),
            "extra length" => (28, 2),
            _ => (0, 0),
        };
        match (self, field, shared) {
            (Self::Local, _, (at, bytes)) if bytes > 0 => (at, bytes),
            (Self::Central, _, (at, bytes)) if bytes > 0 => (at + 2, bytes),
            (Self::Central, "made by", _) => (4, 2),
            (Self::Central, "comment length", _) => (32, 2),
            (Self::Central, "disk", _) => (34, 2),
            (Self::Central, "internal attributes", _) => (36, 2),
            (Self::Central, "DOS attributes", _) => (38, 2),
            (Self::Central, "mode", _) => (40, 2),
            (Self::Central, "offset", _) => (42, 4),
            (Self::Descriptor, "CRC-32", _) => (4, 4),
            (Self::Descriptor, "compressed size", _) => (8, 4),
            (Self::Descriptor, "size", _) => (12, 4),
            (Self::End, "disk", _) => (4, 2),
            (Self::End, "directory disk", _) => (6, 2),
            (Self::End, "entries here", _) => (8, 2),
            (Self::End, "entries", _) => (10, 2),
            (Self::End, "directory size", _) => (12, 4),
            (Self::End, "directory offset", _) => (16, 4),
            (Self::End, "comment length", _) => (20, 2),
            _ => panic!("{self} has no {field}"),
        }
    }
}

/// The small SDK's archive with `value` in a field of each of `records`.
pub(super) fn patched(records: &[Record], field: &str, value: u32) -> Vec<u8> {
    let mut archive = SMALL.archive.clone();
    for record in records {
        let (at, bytes) = record.place(field);
        archive[record.start() + at..][..bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
    }
    archive
}

/// What the field says in the small SDK's archive.
fn right(record: Record, field: &str) -> u32 {
    let (at, bytes) = record.place(field);
    let mut value = [0; 4];
    value[..bytes].copy_from_slice(&SMALL.archive[record.start() + at..][..bytes]);
    u32::from_le_bytes(value)
}

/// Values next to the right one, at the ends of the range and of its signed half, and with the bytes the other way.
fn suspects(record: Record, field: &str) -> BTreeSet<u32> {
    let (_, bytes) = record.place(field);
    let right = right(record, field);
    let (most, turned) =
        if bytes == 2 { (u32::from(u16::MAX), right.swap_bytes() >> 16) } else { (u32::MAX, right.swap_bytes()) };
    let half = most >> 1;
    [0, 1, right ^ 1, right.wrapping_add(1), right.wrapping_sub(1), right << 1, half, half + 1, most - 1, most, turned]
        .map(|value| value & most)
        .into()
}

/// Cases with every suspicious value in one field of `records`, all of them at once.
pub(super) fn sweep(row: &mut Row, records: &[Record], field: &str, verdict: impl Fn(u32) -> (Code, ZipFault)) {
    let more = suspects(records[0], field);
    sweep_values(row, records, field, more, verdict);
}

/// The same with these values, but for the right one.
pub(super) fn sweep_values(
    row: &mut Row,
    records: &[Record],
    field: &str,
    values: impl IntoIterator<Item = u32>,
    verdict: impl Fn(u32) -> (Code, ZipFault),
) {
    let right = right(records[0], field);
    let places = records.iter().map(Record::to_string).collect::<Vec<_>>().join(" and ");
    for value in values.into_iter().filter(|&value| value != right) {
        row.add(format!("{places}: {field} is 0x{value:x}"), patched(records, field, value), verdict(value));
    }
}
