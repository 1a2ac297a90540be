//! Extra fields: each kind that is registered could tell another reader another name, time, size or owner.

use goverify::archive::{RecordFault, ZipFault};

use super::{Row, edited, edited_in_both};
use crate::support::zip_entry::{EXTRA, Header};

/// The header IDs of APPNOTE.TXT 6.3.10 §4.5.2 and §4.6.1 but zip64's and the extended timestamp's, and Java's.
const REGISTERED: [u16; 50] = [
    0x0007, 0x0008, 0x0009, 0x000a, 0x000c, 0x000d, 0x000e, 0x000f, 0x0014, 0x0015, 0x0016, 0x0017, 0x0018, 0x0019,
    0x0020, 0x0021, 0x0022, 0x0023, 0x0065, 0x0066, 0x07c8, 0x1986, 0x2605, 0x2705, 0x2805, 0x334d, 0x4341, 0x4453,
    0x4704, 0x470f, 0x4b46, 0x4c41, 0x4d49, 0x4f4c, 0x5356, 0x554e, 0x5855, 0x6375, 0x6542, 0x7075, 0x7441, 0x756e,
    0x7855, 0x7875, 0xa11e, 0xa220, 0xcafe, 0xd935, 0xfd4a, 0x9901,
];

fn field(id: u16, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &u16::try_from(data.len()).unwrap().to_le_bytes(), data].concat()
}

pub(super) fn cases(row: &mut Row) {
    for id in REGISTERED {
        // As long as the time that belongs there, so that nothing but the kind is wrong.
        let instead = edited_in_both(|h| h.extra = field(id, &EXTRA[4..]));
        row.malformed(format!("field 0x{id:04x} instead of a time"), instead, RecordFault::Extra);
        let beside = edited(|e| e.central.extra.extend(field(id, b"")));
        row.malformed(format!("field 0x{id:04x} beside the time in the directory"), beside, RecordFault::Extra);
    }
    meaningful(row);
    times(row);
}

/// Fields that would change what is unpacked, in one header and in both.
fn meaningful(row: &mut Row) {
    let unicode = |version: u8, of: &[u8], name: &str| {
        [&[version][..], &crc32fast::hash(of).to_le_bytes(), name.as_bytes()].concat()
    };
    let own: &[u8] = b"go/VERSION";
    let ntfs = [&[0; 4][..], &[1, 0, 24, 0], &[7; 24]].concat();
    let fields = [
        ("another name", field(0x7075, &unicode(1, own, "go/src/other"))),
        ("an unsafe name", field(0x7075, &unicode(1, own, "../../x"))),
        ("the same name", field(0x7075, &unicode(1, own, "go/VERSION"))),
        ("another name for another one", field(0x7075, &unicode(1, b"go/src/a", "go/src/other"))),
        ("another name in version 2", field(0x7075, &unicode(2, own, "go/src/other"))),
        ("no name", field(0x7075, &unicode(1, own, ""))),
        ("a comment", field(0x6375, &unicode(1, b"", "comment"))),
        ("NTFS's times", field(0x000a, &ntfs)),
        ("NTFS's times, cut short", field(0x000a, &ntfs[..20])),
        ("Info-ZIP's owner", field(0x7875, &[1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0])),
        ("Info-ZIP's owner of 255 bytes", field(0x7875, &[1, 255, 0])),
        ("Info-ZIP's old times", field(0x5855, &[0; 12])),
        ("AES", field(0x9901, &[2, 0, b'A', b'E', 3, 8, 0])),
        ("strong encryption", field(0x0017, &[2, 0, 0x0e, 0x66, 0, 1, 1, 0])),
    ];
    for (what, field) in fields {
        for (place, edit) in [("behind the time", false), ("before the time", true)] {
            let edit = |h: &mut Header| {
                let at = if edit { 0 } else { h.extra.len() };
                h.extra.splice(at..at, field.clone());
            };
            for (side, archive) in [
                ("local", edited(|e| edit(&mut e.local))),
                ("central", edited(|e| edit(&mut e.central))),
                ("both", edited_in_both(edit)),
            ] {
                row.malformed(format!("{side} field with {what}, {place}"), archive, RecordFault::Extra);
            }
        }
    }
}

/// The time that belongs there, malformed.
fn times(row: &mut Row) {
    let edits: [(&str, fn(&mut Vec<u8>)); 14] = [
        ("twice", |x| x.extend(EXTRA)),
        ("in small letters", |x| x[..2].copy_from_slice(b"ut")),
        ("with its letters swapped", |x| x.swap(0, 1)),
        ("without flags", |x| x[4] = 0),
        ("of the last access", |x| x[4] = 2),
        ("with all flags and one time", |x| x[4] = 7),
        ("with an unknown flag", |x| x[4] = 0x81),
        ("with three times", |x| *x = [b"UT\x0d\x00\x07", &EXTRA[5..], &EXTRA[5..], &EXTRA[5..]].concat()),
        ("shorter than it says", |x| x.truncate(7)),
        ("without data", |x| *x = b"UT\x00\x00".to_vec()),
        ("half a header", |x| *x = b"UT\x05".to_vec()),
        ("longer than it says", |x| x.push(0)),
        ("said to be shorter", |x| x[2] = 4),
        ("said to be longer than the field", |x| x[3] = 0xff),
    ];
    for (what, edit) in edits {
        row.malformed(format!("time {what}, local"), edited(|e| edit(&mut e.local.extra)), RecordFault::Extra);
        row.malformed(format!("time {what}, central"), edited(|e| edit(&mut e.central.extra)), RecordFault::Extra);
        row.malformed(format!("time {what}, both"), edited_in_both(|h| edit(&mut h.extra)), RecordFault::Extra);
    }
    for bytes in [64, 0xffff] {
        let zeros = edited_in_both(|h| h.extra = vec![0; bytes]);
        row.malformed(format!("{bytes} zeros instead of fields"), zeros, RecordFault::Extra);
    }
    let before_1970 = edited(|e| e.central.extra[8] = 0xff);
    row.malformed("time before 1970, central", before_1970, ZipFault::Central("extra field"));
    row.accepted("time before 1970, both", edited_in_both(|h| h.extra[8] = 0xff));
}
