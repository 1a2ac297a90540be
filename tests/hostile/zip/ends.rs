//! The end record: what is around it, what it says, and what zip64's records would say instead.

use goverify::archive::{RecordFault, ZipFault};

use super::fields::Record::{self, Central};
use super::fields::{sweep, sweep_values};
use super::{Row, SMALL, agree, edited, edited_in_both, end_record, ended, entries, malformed, with};
use crate::case::{Case, check};
use crate::support::zip_entry::{End, Header, ZipEntry, zip, zip_with};

const COMMENT: RecordFault = RecordFault::NotZero("comment length");

pub(crate) fn z03() -> Vec<Case> {
    let mut row = Row::default();
    let foreign = zip(&[ZipEntry::file("go/other", "other")]);
    let local = zip(&[ZipEntry::file("go/other", "other").edit(|e| e.listed = 0)]);
    let local = &local[..local.len() - 22];
    let zeros = [0; 4096];
    around(&mut row, &foreign, local);

    // Comments: there and counted, counted and not there, there and not counted.
    for bytes in [1, 2, 22, 255, 256, 0xffff] {
        let comment = vec![b'c'; usize::from(bytes)];
        let counted = ended(|end| (end.comment_bytes, end.after) = (bytes, comment.clone()));
        row.malformed(format!("comment of {bytes} bytes"), counted, COMMENT);
        row.malformed(
            format!("comment of {bytes} bytes that is not there"),
            ended(|end| end.comment_bytes = bytes),
            COMMENT,
        );
        let uncounted = ended(|end| end.after = comment.clone());
        row.malformed(format!("comment of {bytes} bytes that is not counted"), uncounted, ZipFault::TrailingData);
    }
    let mut elsewhere = end_record();
    elsewhere[16] ^= 1;
    let empty = [b"PK\x05\x06", &[0; 18][..]].concat();
    let inside: [(&str, &[u8]); 7] = [
        ("the end record", &end_record()),
        ("an end record of another directory", &elsewhere),
        ("an end record of nothing", &empty),
        ("a whole archive", &foreign),
        ("an entry", local),
        ("zeros", &zeros),
        ("a locator of zip64", &[b"PK\x06\x07", &[0; 16][..]].concat()),
    ];
    for (what, bytes) in inside {
        let length = u16::try_from(bytes.len()).unwrap();
        let in_comment = ended(|end| (end.comment_bytes, end.after) = (length, bytes.to_vec()));
        row.malformed(format!("{what} in the comment"), in_comment, COMMENT);
        let in_entry_comment = edited(|e| e.central.comment = bytes.to_vec());
        row.malformed(format!("{what} in an entry's comment"), in_entry_comment, COMMENT);
        row.accepted(format!("{what} in content"), with([ZipEntry::file("go/src/x", bytes)]));
    }
    for bytes in [1, 0xffff] {
        let comment = edited(|e| e.central.comment = vec![b'c'; bytes]);
        row.malformed(format!("entry's comment of {bytes} bytes"), comment, COMMENT);
    }
    sweep_values(&mut row, &[Central], "comment length", [2, 9, 46, 0x8000], |_| malformed(COMMENT));

    // Records where another is expected.
    let end = RecordFault::Missing("entry or central directory");
    let early = edited(|e| e.descriptor.extend(end_record()));
    row.malformed("end record after the first entry", early, end);
    let before_directory = entries().len() - 1;
    let mut early = entries();
    early[before_directory].descriptor.extend(end_record());
    row.malformed("end record before the central directory", zip(&early), end);
    row.malformed("end record of nothing alone", empty, ZipFault::Magic);
    row.malformed("end record alone", end_record(), ZipFault::Magic);
    row.malformed("web page", b"<!DOCTYPE html><title>Log in</title>".to_vec(), ZipFault::Magic);
    row.accepted("nothing around it", SMALL.archive.clone());
    row.0
}

/// What lies before and behind the archive, with offsets that count it and that do not.
fn around(row: &mut Row, foreign: &[u8], local: &[u8]) {
    let archive = &SMALL.archive;
    let mut gzip_start = vec![0x1f, 0x8b, 8];
    gzip_start.extend([0; 7]);
    let prefixes: [(&str, &[u8]); 9] = [
        ("a DOS program", b"MZ"),
        ("a script", b"#!/bin/sh\nexec unzip $0\n"),
        ("a zero", b"\0"),
        ("a line end", b"\n"),
        ("a byte order mark", "\u{feff}".as_bytes()),
        ("a page of zeros", &[0; 4096]),
        ("the marker of a split archive", b"PK\x07\x08"),
        ("the marker of an archive that was not split after all", b"PK00"),
        ("a gzip header", &gzip_start),
    ];
    for (what, prefix) in prefixes {
        row.malformed(format!("{what} before it"), [prefix, archive].concat(), ZipFault::Magic);
        let counted = edited(|e| e.before = prefix.to_vec());
        row.malformed(format!("{what} before it, which offsets count"), counted, ZipFault::Magic);
        row.malformed(format!("{what} behind it"), [archive, prefix].concat(), ZipFault::TrailingData);
    }
    let mut behind_itself = entries();
    behind_itself[0].before.clone_from(archive);
    for (what, archive) in [
        ("the end record twice", [archive, &end_record()[..]].concat()),
        ("the archive twice", archive.repeat(2)),
        ("the archive twice, and the later one counts", zip(&behind_itself)),
        ("another archive before it", [foreign, archive].concat()),
        ("another archive before it, which offsets count", edited(|e| e.before = foreign.to_vec())),
        ("another archive behind it", [archive, foreign].concat()),
        ("an entry behind it", [archive, local].concat()),
        ("a byte behind it", [&archive[..], b"x"].concat()),
    ] {
        row.malformed(what, archive, ZipFault::TrailingData);
    }
    // The directory of one archive behind the entries of two.
    let unlisted = edited(|e| e.before = local.to_vec());
    row.malformed("an entry before it, which is not listed", unlisted, ZipFault::Central("name"));
}

#[test]
fn z03_several_ends_and_what_is_around_them() {
    check(&z03(), agree);
}

pub(crate) fn z04() -> Vec<Case> {
    let mut row = Row::default();
    let says = |what| move |_| malformed(ZipFault::End(what));
    let not_zero = |what| move |_| malformed(RecordFault::NotZero(what));
    let end = [Record::End];
    sweep(&mut row, &end, "disk", not_zero("disk number"));
    sweep(&mut row, &end, "directory disk", not_zero("disk number of the central directory"));
    sweep(&mut row, &end, "entries here", says("number of entries"));
    sweep(&mut row, &end, "entries", says("number of entries"));
    sweep(&mut row, &end, "directory size", says("size of the central directory"));
    sweep(&mut row, &end, "directory offset", says("offset of the central directory"));
    sweep(&mut row, &[Central], "disk", not_zero("disk number"));
    let both: [(&str, fn(u16) -> u16); 5] = [
        ("fewer entries", |n| n - 1),
        ("more entries", |n| n + 1),
        ("no entries", |_| 0),
        ("one entry", |_| 1),
        ("as many entries as there are, and 65,536 more than another field could tell", |n| n | 0x8000),
    ];
    for (what, edit) in both {
        let archive = ended(|e| (e.entries_here, e.entries) = (edit(e.entries), edit(e.entries)));
        row.malformed(what, archive, ZipFault::End("number of entries"));
    }
    sentinels(&mut row);
    zip64_records(&mut row);
    zip64_extras(&mut row);
    row.accepted("as it is", SMALL.archive.clone());
    row.0
}

/// 0xffff and 0xffffffff send readers to zip64's end record, be it there or not (§4.4.1.4).
fn sentinels(row: &mut Row) {
    for which in 1..8u32 {
        let fields: Vec<&str> = ["entries", "size", "offset"]
            .into_iter()
            .enumerate()
            .filter(|(n, _)| which >> n & 1 == 1)
            .map(|(_, f)| f)
            .collect();
        let set = |end: &mut End| {
            for field in &fields {
                match *field {
                    "entries" => (end.entries_here, end.entries) = (u16::MAX, u16::MAX),
                    "size" => end.directory_bytes = u32::MAX,
                    _ => end.directory_offset = u32::MAX,
                }
            }
        };
        let fault = ZipFault::End(match fields[0] {
            "entries" => "number of entries",
            "size" => "size of the central directory",
            _ => "offset of the central directory",
        });
        let fields = fields.join(" and ");
        // One of them alone is a case of the fields.
        if which.count_ones() > 1 || which & 1 == 1 {
            row.malformed(format!("{fields} as zip64 says, which is not there"), ended(set), fault);
        }
        let with_records = ended(|end| {
            end.before = Zip64::of(end).bytes();
            set(end);
        });
        row.malformed(format!("{fields} as zip64 says"), with_records, no_such_record());
    }
}

fn no_such_record() -> RecordFault {
    RecordFault::Missing("entry of the central directory or end record")
}

/// Zip64's end record and its locator (§4.3.14 and §4.3.15).
struct Zip64 {
    entries: [u64; 2],
    directory: [u64; 2],
    more: Vec<u8>,
    position: u64,
    locator_disk: u32,
    disks: u32,
}

impl Zip64 {
    /// What says the same as `end`, right before it.
    fn of(end: &End) -> Self {
        Self {
            entries: [u64::from(end.entries); 2],
            directory: [end.directory_bytes, end.directory_offset].map(u64::from),
            more: Vec::new(),
            position: u64::from(end.directory_offset + end.directory_bytes),
            locator_disk: 0,
            disks: 1,
        }
    }

    fn record(&self) -> Vec<u8> {
        let size = 44 + self.more.len() as u64;
        let mut record = [&b"PK\x06\x06"[..], &size.to_le_bytes(), &[45, 3, 45, 0], &[0; 8]].concat();
        record.extend([self.entries, self.directory].concat().into_iter().flat_map(u64::to_le_bytes));
        [&record[..], &self.more].concat()
    }

    fn locator(&self) -> Vec<u8> {
        let (disk, disks) = (self.locator_disk.to_le_bytes(), self.disks.to_le_bytes());
        [&b"PK\x06\x07"[..], &disk, &self.position.to_le_bytes(), &disks].concat()
    }

    fn bytes(&self) -> Vec<u8> {
        [self.record(), self.locator()].concat()
    }
}

fn zip64_records(row: &mut Row) {
    let edits: [(&str, fn(&mut Zip64)); 14] = [
        ("the same", |_| {}),
        ("no entries", |z| z.entries = [0; 2]),
        ("one entry fewer", |z| z.entries = z.entries.map(|n| n - 1)),
        ("one entry more", |z| z.entries = z.entries.map(|n| n + 1)),
        ("2^32 entries more", |z| z.entries = z.entries.map(|n| n + (1 << 32))),
        ("two numbers of entries", |z| z.entries[0] -= 1),
        ("a shorter directory", |z| z.directory[0] -= 1),
        ("an endless directory", |z| z.directory[0] = u64::MAX),
        ("an earlier directory", |z| z.directory[1] = 0),
        ("a directory beyond the end", |z| z.directory[1] = 1 << 40),
        ("a negative offset", |z| z.directory[1] = u64::MAX),
        ("more data", |z| z.more = b"\x42\x00\x04\x00\x00\x00more".to_vec()),
        ("a locator of another place", |z| z.position = 0),
        ("a locator of another disk", |z| (z.locator_disk, z.disks) = (1, 2)),
    ];
    for (what, edit) in edits {
        let archive = ended(|end| {
            let mut zip64 = Zip64::of(end);
            edit(&mut zip64);
            end.before = zip64.bytes();
        });
        row.malformed(format!("zip64 says {what}"), archive, no_such_record());
    }
    let placed: [(&str, fn(&mut End, &Zip64)); 4] = [
        ("record alone", |end, zip64| end.before = zip64.record()),
        ("locator alone", |end, zip64| end.before = zip64.locator()),
        ("locator before its record", |end, zip64| end.before = [zip64.locator(), zip64.record()].concat()),
        ("records twice", |end, zip64| end.before = zip64.bytes().repeat(2)),
    ];
    for (what, place) in placed {
        let archive = ended(|end| {
            let zip64 = Zip64::of(end);
            place(end, &zip64);
        });
        row.malformed(format!("zip64's {what}"), archive, no_such_record());
    }
    let behind = ended(|end| end.after = Zip64::of(end).bytes());
    row.malformed("zip64's records behind the end record", behind, ZipFault::TrailingData);
    let mut before = entries();
    zip_with(&entries(), |end| before.last_mut().unwrap().descriptor.extend(Zip64::of(end).bytes()));
    let fault = RecordFault::Missing("entry or central directory");
    row.malformed("zip64's records before the central directory", zip(&before), fault);
}

/// Zip64's extra field, which holds what the header's field leaves open (§4.5.3).
fn zip64_extras(row: &mut Row) {
    let extra = |bytes: usize| {
        let length = u16::try_from(bytes).unwrap().to_le_bytes();
        [&[1, 0][..], &length, &vec![0; bytes]].concat()
    };
    for bytes in [0, 4, 8, 16, 24, 28] {
        let field = extra(bytes);
        let beside = |h: &mut Header| h.extra.extend(&field);
        let before = |h: &mut Header| _ = h.extra.splice(..0, field.clone());
        let alone = |h: &mut Header| h.extra.clone_from(&field);
        for (where_to, edit) in
            [("behind the time", &beside as &dyn Fn(&mut Header)), ("before it", &before), ("alone", &alone)]
        {
            for (what, archive) in [
                ("local", edited(|e| edit(&mut e.local))),
                ("central", edited(|e| edit(&mut e.central))),
                ("both", edited_in_both(edit)),
            ] {
                row.malformed(format!("zip64 field of {bytes} bytes {where_to}, {what}"), archive, RecordFault::Extra);
            }
        }
    }
    // As a writer that needs zip64 would have it: the sizes are elsewhere.
    let sizes = |h: &mut Header| {
        let numbers = [h.size, h.compressed].map(|n| u64::from(n).to_le_bytes()).concat();
        h.extra.splice(..0, [&[1, 0, 16, 0][..], &numbers].concat());
        (h.size, h.compressed) = (u32::MAX, u32::MAX);
    };
    row.malformed("sizes are zip64's in the directory", edited(|e| sizes(&mut e.central)), RecordFault::Extra);
    row.malformed("sizes are zip64's in both", edited_in_both(sizes), RecordFault::Extra);
    let of_the_same_length = |edit: fn(&mut Header)| edited_in_both(edit);
    for (what, archive) in [
        ("zip64 field as long as a time", of_the_same_length(|h| h.extra = [&[1, 0, 5, 0][..], &[0; 5]].concat())),
        ("no extra field", of_the_same_length(|h| h.extra.clear())),
    ] {
        row.malformed(what, archive, RecordFault::Extra);
    }
    for (field, edit) in [
        ("size", (|e| e.central.size = u32::MAX) as fn(&mut ZipEntry)),
        ("compressed size", |e| e.central.compressed = u32::MAX),
        ("offset", |e| e.central.offset = Some(u32::MAX)),
    ] {
        row.malformed(format!("{field} as zip64 says, which is not there"), edited(edit), ZipFault::Central(field));
    }
}

#[test]
fn z04_zip64_and_lies_of_the_end_record() {
    check(&z04(), agree);
}
