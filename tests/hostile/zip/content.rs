//! Content: the deflate stream, the descriptor behind it, and how much there may be.

use goverify::archive::{ArchiveError, Discard, RecordFault, ZipFault};

use super::fields::Record::Descriptor;
use super::fields::sweep;
use super::{Row, SMALL, agree, count, edited, malformed, with};
use crate::case::{Case, check, verified};
use crate::patchwork::Piece;
use crate::support::zip_entry::{Header, ZipEntry, deflate, descriptor};

/// Its CRC-32 is the signature of a descriptor, so that a descriptor without one looks as if it had one.
const LIKE_A_SIGNATURE: &[u8] = b"a checksum that looks like a signature: 712 iBDO";

pub(crate) fn z10() -> Vec<Case> {
    let mut row = Row::default();
    for field in ["CRC-32", "compressed size", "size"] {
        sweep(&mut row, &[Descriptor], field, |_| malformed(ZipFault::Descriptor(field)));
    }
    descriptors(&mut row);
    streams(&mut row);
    row.accepted("as it is", SMALL.archive.clone());
    row.0
}

fn descriptors(row: &mut Row) {
    let missing = || ZipFault::Record(RecordFault::Missing("data descriptor"));
    let wrong = ZipFault::Descriptor;
    let of = |h: &Header| descriptor(h.crc, h.compressed, h.size);
    let cases: [(&str, &dyn Fn(&mut ZipEntry), ZipFault); 19] = [
        ("no signature", &|e| _ = e.descriptor.drain(..4), missing()),
        ("no descriptor", &|e| e.descriptor.clear(), missing()),
        ("another signature", &|e| e.descriptor[3] = 7, missing()),
        ("a local header's signature", &|e| e.descriptor[..4].copy_from_slice(b"PK\x03\x04"), missing()),
        ("a signature in small letters", &|e| e.descriptor[..2].copy_from_slice(b"pk"), missing()),
        ("a signature the other way", &|e| e.descriptor[..4].reverse(), missing()),
        ("a signature of zeros", &|e| e.descriptor[..4].fill(0), missing()),
        ("the signature twice", &|e| _ = e.descriptor.splice(..0, *b"PK\x07\x08"), wrong("CRC-32")),
        ("sizes before the CRC-32", &|e| e.descriptor[4..].rotate_left(4), wrong("CRC-32")),
        ("sizes swapped", &|e| e.descriptor[8..].rotate_left(4), wrong("compressed size")),
        ("sizes of zip64", &|e| e.descriptor = zip64_descriptor(&e.central), wrong("size")),
        ("sizes of zip64 and no signature", &|e| e.descriptor = zip64_descriptor(&e.central).split_off(4), missing()),
        ("nothing but zeros", &|e| e.descriptor[4..].fill(0), wrong("CRC-32")),
        ("of another content", &|e| e.data = deflate(b"another content"), wrong("CRC-32")),
        ("of more content", &|e| e.data = deflate(b"go1.22.5\ntime 2024-06-27T20:11:12Z\n\n"), wrong("CRC-32")),
        ("cut short", &|e| e.descriptor.truncate(12), wrong("size")),
        ("without the size", &|e| _ = e.descriptor.drain(8..12), wrong("compressed size")),
        ("big-endian", &|e| e.descriptor[4..].chunks_mut(4).for_each(<[u8]>::reverse), wrong("CRC-32")),
        ("twice", &|e| e.descriptor.extend(of(&e.central)), RecordFault::Missing("entry or central directory").into()),
    ];
    for (what, edit, fault) in cases {
        row.malformed(format!("descriptor: {what}"), edited(edit), fault);
    }
    assert_eq!(crc32fast::hash(LIKE_A_SIGNATURE).to_le_bytes(), *b"PK\x07\x08");
    let like_a_signature = || ZipEntry::file("go/src/x", LIKE_A_SIGNATURE);
    let unsigned = like_a_signature().edit(|e| _ = e.descriptor.drain(..4));
    row.malformed("descriptor: its CRC-32 looks like a signature", with([unsigned]), wrong("CRC-32"));
    row.accepted("descriptor: a signature, and a CRC-32 that looks like one", with([like_a_signature()]));
}

fn zip64_descriptor(header: &Header) -> Vec<u8> {
    let sizes = [header.compressed, header.size].map(|size| u64::from(size).to_le_bytes()).concat();
    [&b"PK\x07\x08"[..], &header.crc.to_le_bytes(), &sizes].concat()
}

/// Bytes behind the stream's end, and streams that are none (RFC 1951 §3.2).
fn streams(row: &mut Row) {
    let missing = RecordFault::Missing("data descriptor");
    let behind: [(&str, &[u8]); 7] = [
        ("a zero", &[0]),
        ("a letter", b"P"),
        ("a page of zeros", &[0; 4096]),
        ("another stream", &deflate(b"more")),
        ("an empty block", &[1, 0, 0, 0xff, 0xff]),
        ("half a signature", b"PK"),
        ("a local header", b"PK\x03\x04"),
    ];
    for (what, more) in behind {
        row.malformed(format!("stream: {what} behind its end"), edited(|e| e.data.extend(more)), missing);
        // All sizes agree that the stream is longer than it is.
        let counted = edited(|e| {
            e.data.extend(more);
            count_more(e, more.len());
        });
        row.malformed(format!("stream: {what} behind its end, which all sizes count"), counted, missing);
    }
    let longer = edited(|e| count_more(e, 1));
    row.malformed("stream: sizes count more than is there", longer, ZipFault::Descriptor("compressed size"));
    let text = b"go1.22.5\ntime 2024-06-27T20:11:12Z\n";
    let zlib = [&[0x78, 0x9c][..], &deflate(text)].concat();
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &deflate(text)].concat();
    let invalid: [(&str, &[u8]); 17] = [
        ("nothing", &[]),
        ("a reserved kind of block", &[0x07]),
        ("a reserved kind of block, not the last", &[0x06]),
        ("a stored block of two lengths", &[1, 5, 0, 5, 0]),
        ("a stored block with a bit wrong in its length", &[1, 1, 0, 0xff, 0xff]),
        ("a distance before the beginning", &[0x03, 0x02, 0x00]),
        ("a length that is reserved", &[0x1b, 0x03, 0x00]),
        ("a distance that is reserved", &[0x03, 0x3e, 0x00]),
        ("more lengths than there are", &[0xfd, 0xff, 0xff, 0xff]),
        ("codes of no length", &[0x05, 0, 0, 0, 0, 0, 0, 0]),
        ("codes of too many lengths", &[0x05, 0xe0, 0xff, 0xff, 0xff, 0xff]),
        ("bits alone", &[0xff; 32]),
        ("a zlib stream", &zlib),
        ("a gzip stream", &gzip),
        ("a stream without its last block", &[0, 1, 0, 0xfe, 0xff, b'x']),
        ("the content itself", text),
        ("the name of another method", b"BZh9"),
    ];
    for (what, data) in invalid {
        row.malformed(format!("stream: {what}"), edited(|e| e.data = data.to_vec()), ZipFault::Deflate);
    }
    for (what, data) in [
        ("a stored block beyond the end", [&[0, 0xff, 0xff, 0, 0][..], b"x"].concat()),
        ("stored blocks without end", [0, 0, 0, 0xff, 0xff].repeat(1000)),
    ] {
        let start = 30 + SMALL.entries[0].local.name.len() + SMALL.entries[0].local.extra.len();
        let archive = [&SMALL.archive[..start], &data].concat();
        row.malformed(format!("stream: {what}"), archive, ZipFault::Truncated);
    }
    for (what, data) in [
        ("a stored block", [&[1, 35, 0, 0xdc, 0xff][..], text].concat()),
        ("an empty block before the content", [&[0, 0, 0, 0xff, 0xff][..], &deflate(text)].concat()),
    ] {
        let size = u32::try_from(text.len()).unwrap();
        let same = ZipEntry::deflated(b"go/VERSION", data, crc32fast::hash(text), size);
        row.accepted(format!("stream: {what}"), edited(|e| *e = same));
    }
}

fn count_more(entry: &mut ZipEntry, bytes: usize) {
    entry.central.compressed += u32::try_from(bytes).unwrap();
    entry.descriptor = descriptor(entry.central.crc, entry.central.compressed, entry.central.size);
}

#[test]
fn z10_data_descriptors() {
    check(&z10(), agree);
}

/// This many empty files with these names, behind those of the small SDK.
fn many(all: u64, name: impl Fn(u64) -> String) -> Vec<u8> {
    let empty = ["", "é"].map(|path| ZipEntry::file(path, ""));
    let file = |name: String| empty[usize::from(!name.is_ascii())].clone().both(|h| h.name = name.clone().into_bytes());
    with((count()..all).map(|n| file(name(n))))
}

pub(crate) fn z12() -> Vec<Case> {
    let mut row = Row::default();
    let (paths, entries, ratio) =
        ((8 << 20, "bytes of paths"), (100_000, "entries"), (40, "times its compressed size"));
    let mut limited = |what: &str, archive, (limit, unit)| row.too_large(what, archive, limit, unit);
    let (long, longer) = ("a".repeat(150), ["a".repeat(249), "b".repeat(249), "c".repeat(249)].join("/"));
    let below = ["a"; 62].join("/");
    limited("65,534 long names", many(65_534, |n| format!("go/{long}{n}")), paths);
    limited("12,000 names of three long components", many(12_000, |n| format!("go/{n}/{longer}")), paths);
    // Components that fold to eleven times their length (U+FDFA).
    limited("names that grow when compared", many(12_000, |n| format!("go/{}{n}", "\u{fdfa}".repeat(30))), paths);
    limited("60,000 directories that are only implied", many(60_000, |n| format!("go/{n}/a")), entries);
    // Each path implies 63 directories, so that an index of all prefixes would grow with the square (CVE-2025-61728).
    limited("2,000 deep paths without a common directory", many(2_000, |n| format!("go/{n:04}/{below}")), entries);
    let zeros = |mebibytes: usize| with([ZipEntry::file("go/zeros", vec![0; mebibytes << 20])]);
    limited("65 MiB of zeros", zeros(65), ratio);
    let (size, kernel) = (1 << 20, ZipEntry::file("", vec![0; 1 << 20]));
    let files =
        |number: u64| with((0..number).map(|n| kernel.clone().both(|h| h.name = format!("go/{n}").into_bytes())));
    limited("65 files of 1 MiB of zeros", files(65), ratio);

    // One kernel that the directory lists many times (Fifield, CVE-2019-13232): there is but one.
    let ghosts = (1..1000).map(|n| {
        let named = kernel.clone().both(|h| h.name = format!("go/{n}").into_bytes());
        named.edit(|e| (e.stored, e.central.offset) = (false, Some(0)))
    });
    let overlapping = with(std::iter::once(kernel.clone().both(|h| h.name = b"go/0".to_vec())).chain(ghosts));
    row.malformed(
        "one kernel listed 1000 times",
        overlapping,
        ZipFault::Listed { found: count() + 1, listed: count() + 2 },
    );
    let lies = |e: &mut ZipEntry| e.central.size = u32::MAX;
    let said = with([kernel.clone().both(|h| h.name = b"go/0".to_vec()).edit(lies)]);
    row.malformed("1 MiB that is said to be 4 GiB", said, ZipFault::Central("size"));
    let hidden = |e: &mut ZipEntry| {
        e.central.size = 1;
        e.descriptor = descriptor(e.central.crc, e.central.compressed, 1);
    };
    let said = with([kernel.clone().both(|h| h.name = b"go/0".to_vec()).edit(hidden)]);
    row.malformed("1 MiB that is said to be 1 byte", said, ZipFault::Descriptor("size"));
    assert_eq!(kernel.central.size, size);

    // One more than can be told without zip64.
    row.malformed("65,535 entries", many(65_535, |n| format!("go/{n}")), ZipFault::End("number of entries"));
    row.accepted("63 MiB of zeros", zeros(63));
    row.accepted("63 files of 1 MiB of zeros", files(63));
    row.0
}

#[test]
fn z12_more_than_any_release_needs() {
    check(&z12(), agree);
}

/// Apart from the others, since whoever installs these has much to write.
#[test]
fn z12_as_many_as_there_may_be() {
    let (long, below) = ("a".repeat(110), ["a"; 62].join("/"));
    let mut row = Row::default();
    row.accepted("65,534 entries", many(65_534, |n| format!("go/{n}")));
    row.accepted("20,000 long names", many(20_000, |n| format!("go/{long}{n}")));
    row.accepted("1,500 deep paths", many(1_500, |n| format!("go/{n:04}/{below}")));
    for case in &row.0 {
        agree(case, &case.judge().unwrap());
    }
}

/// Apart from the others, since whoever keeps what it holds needs room for it.
#[test]
fn z12_one_file_of_half_a_gibibyte() {
    let block = Piece::noisy_mebibyte();
    let whole = 512;
    let large = |more: &[u8]| {
        let mut crc_of_all = crc32fast::Hasher::new();
        (0..whole).for_each(|_| crc_of_all.combine(&block.crc));
        crc_of_all.update(more);
        let size = (whole << 20) + u32::try_from(more.len()).unwrap();
        let data = [&block.compressed.repeat(usize::try_from(whole).unwrap())[..], &deflate(more)].concat();
        let archive = with([ZipEntry::deflated(b"go/large", data, crc_of_all.finalize(), size)]);
        verified(SMALL.sdk.name(), &archive, Discard).map(|_| ())
    };
    let limit = ArchiveError::TooLarge { limit: 512 << 20, unit: "bytes in one file" };
    assert_eq!(large(b"x"), Err(limit));
    assert_eq!(large(b""), Ok(()));
}
