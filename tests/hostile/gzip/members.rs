//! Members: more than one, what is behind them, their trailers, their ends and their headers.

use flate2::Compression;
use flate2::write::GzEncoder;
use goverify::archive::{ArchiveError, Discard, GzipFault};
use std::io::Write;

use super::{HEADER_BYTES, Row, TRAILER_BYTES, member};
use crate::case::{Case, check, manifest, verified};
use crate::support::sdk::Sdk;
use crate::support::tar_entry::{END, TarEntry, gzip, tar};
use crate::support::zip_entry::deflate;

fn small() -> Sdk {
    Sdk::minimal("go1.22.5", "linux/amd64")
}

pub(crate) fn g01() -> Vec<Case> {
    let mut row = Row::default();
    let (stream, archive) = (small().tar(), small().tar_gz());
    let mut behind = |what: &str, more: &[u8]| {
        row.malformed(format!("{what} behind it"), [&archive[..], more].concat(), GzipFault::TrailingData);
    };
    behind("an empty member", &gzip(b""));
    behind("itself", &archive);
    behind("a member of zeros", &gzip(&[0; 1024]));
    behind("a member of an entry", &gzip(&tar(&[TarEntry::file("go/src/evil", "")])));
    behind("a member of a link", &gzip(&tar(&[TarEntry::link("go/src/link", "/etc")])));
    behind("a member of no tar", &gzip(b"no tar"));
    behind("two empty members", &gzip(b"").repeat(2));
    behind("a member that is cut short", &gzip(b"more")[..15]);
    behind("a member's header", &gzip(b"")[..HEADER_BYTES]);
    behind("a member's first byte", b"\x1f");
    behind("a member's magic", b"\x1f\x8b");
    behind("a member of another method", b"\x1f\x8b\x09\0\0\0\0\0\0\xff");
    behind("a stream of zlib", &[&[0x78, 0x9c][..], &deflate(b"")].concat());
    behind("a deflate stream", &deflate(b""));
    // One stream in two members, cut at every block: whoever stops behind the first sees less.
    for block in 1..stream.len() / 512 {
        let (first, second) = stream.split_at(block * 512);
        let what = format!("in two members, cut at block {block}");
        // What is in the first is a tar that ends early, which is told of what is behind it.
        row.malformed(what, [gzip(first), gzip(second)].concat(), GzipFault::TrailingData);
    }
    let evil = TarEntry::file("go/src/evil", "").blocks();
    let unended = &stream[..stream.len() - END.len()];
    let two = [gzip(unended), gzip(&[&evil[..], &END].concat())].concat();
    row.malformed("an entry and the end in a second member", two, GzipFault::TrailingData);
    row.malformed("an empty member first", [gzip(b""), archive.clone()].concat(), GzipFault::TrailingData);
    row.accepted("one member", archive.clone());
    let member_inside = small().with_file("src/inner.gz", archive.repeat(2), 0o644);
    row.accepted("two members as content", member_inside.tar_gz());
    row.0
}

#[test]
fn g01_second_member() {
    check(&g01(), |_, _| {});
}

pub(crate) fn g02() -> Vec<Case> {
    let mut row = Row::default();
    let archive = small().tar_gz();
    let many = gzip(b"").repeat(1_000_000);
    row.malformed("a million empty members", many.clone(), GzipFault::TrailingData);
    row.malformed("a million empty members behind it", [&archive[..], &many].concat(), GzipFault::TrailingData);
    let few = &many[..many.len() / 1_000];
    row.malformed("a thousand empty members before it", [few, &archive].concat(), GzipFault::TrailingData);
    row.accepted("one member", archive);
    row.0
}

#[test]
fn g02_a_million_empty_members() {
    check(&g02(), |_, _| {});
    // The second one is where it ends.
    let empty = gzip(b"");
    let position = empty.len() as u64;
    let found = manifest(small().name(), &empty.repeat(1_000_000)).map(|_| ());
    assert_eq!(found, Err(ArchiveError::Gzip { position, fault: GzipFault::TrailingData }));
}

pub(crate) fn g03() -> Vec<Case> {
    let mut row = Row::default();
    let archive = small().tar_gz();
    for (what, byte) in [("zeros", 0), ("ones", 0xff), ("blanks", b' '), ("line ends", b'\n'), ("letters", b'x')] {
        for bytes in [1, 2, 7, 8, 10, 18, 511, 512, 1024, 10_240, 1 << 20] {
            let padded = [&archive[..], &vec![byte; bytes]].concat();
            row.malformed(format!("{bytes} {what} behind it"), padded, GzipFault::TrailingData);
        }
    }
    for (what, bytes) in [
        ("a signature", &b"-----BEGIN PGP SIGNATURE-----\n"[..]),
        ("a carriage return and a line end", b"\r\n"),
        ("a control Z", b"\x1a"),
        ("its own trailer again", &archive[archive.len() - TRAILER_BYTES..]),
        ("a zip's end", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("a shell script", b"\n#!/bin/sh\n"),
    ] {
        row.malformed(format!("{what} behind it"), [&archive[..], bytes].concat(), GzipFault::TrailingData);
    }
    for (what, bytes) in [
        ("a zero", &b"\0"[..]),
        ("a line end", b"\n"),
        ("a byte order mark", b"\xef\xbb\xbf"),
        ("a script", b"#!/bin/sh\n"),
    ] {
        row.malformed(format!("{what} before it"), [bytes, &archive].concat(), GzipFault::Magic);
    }
    row.accepted("nothing behind it", archive);
    row.0
}

#[test]
fn g03_garbage_and_padding() {
    check(&g03(), |_, _| {});
}

pub(crate) fn g04() -> Vec<Case> {
    let mut row = Row::default();
    // The trailer is at the very end; the tar's own end is before it, with a tail or without.
    for (tail, shown) in
        [(0, "at the tar's end"), (9216, "behind a record of zeros"), (64 << 10, "behind 64 KiB of zeros")]
    {
        let archive = gzip(&[small().tar(), vec![0; tail]].concat());
        for bit in 0..TRAILER_BYTES * 8 {
            let mut flipped = archive.clone();
            let at = flipped.len() - TRAILER_BYTES + bit / 8;
            flipped[at] ^= 1 << (bit % 8);
            let (what, fault) = if bit < 32 { ("CRC-32", GzipFault::Crc) } else { ("ISIZE", GzipFault::Length) };
            row.malformed(format!("bit {bit} of {what} {shown}"), flipped, fault);
        }
        let with_trailer =
            |crc: [u8; 4], size: [u8; 4]| [&archive[..archive.len() - TRAILER_BYTES], &crc, &size].concat();
        let trailer = &archive[archive.len() - TRAILER_BYTES..];
        let (crc, size) = (*trailer.first_chunk::<4>().unwrap(), *trailer.last_chunk::<4>().unwrap());
        let reversed = |bytes: [u8; 4]| [bytes[3], bytes[2], bytes[1], bytes[0]];
        for (what, crc, size, fault) in [
            ("no CRC-32", [0; 4], size, GzipFault::Crc),
            ("no ISIZE", crc, [0; 4], GzipFault::Length),
            ("neither", [0; 4], [0; 4], GzipFault::Crc),
            ("both in each other's place", size, crc, GzipFault::Crc),
            ("CRC-32 the other way round", reversed(crc), size, GzipFault::Crc),
            ("ISIZE the other way round", crc, reversed(size), GzipFault::Length),
            ("CRC-32 inverted", crc.map(|byte| !byte), size, GzipFault::Crc),
            ("another content's CRC-32", crc32fast::hash(b"x").to_le_bytes(), size, GzipFault::Crc),
        ] {
            row.malformed(format!("{what} {shown}"), with_trailer(crc, size), fault);
        }
        row.accepted(format!("as it is {shown}"), archive);
    }
    row.0
}

#[test]
fn g04_trailers_that_do_not_fit() {
    check(&g04(), |_, _| {});
}

/// The smallest archive that there is, cut short anywhere.
pub(crate) fn g05() -> Vec<Case> {
    let mut row = Row::default();
    let source = Sdk::minimal("go1.22.5", "src");
    let (archive, name) = (source.tar_gz(), source.name().to_string());
    for length in 0..archive.len() {
        let fault = if length < 3 { GzipFault::Magic } else { GzipFault::Truncated };
        row.malformed(format!("{length} bytes"), archive[..length].to_vec(), fault);
    }
    row.accepted("all of it", archive);
    row.0.into_iter().map(|case| case.named(&name)).collect()
}

#[test]
fn g05_truncation_at_every_byte() {
    let cases = g05();
    check(&cases, |_, _| {});
    for case in &cases {
        let length = case.archive.len() as u64;
        if let Err(error) = case.judge() {
            let expected = if length < 3 { 0 } else { length };
            assert!(
                matches!(error, ArchiveError::Gzip { position, .. } if position == expected),
                "{}: {error:?}",
                case.what
            );
        }
    }
}

/// `stream` behind a header with these optional fields (RFC 1952 §2.3.1), which are right.
fn with_fields(stream: &[u8], build: impl FnOnce(flate2::GzBuilder) -> flate2::GzBuilder) -> Vec<u8> {
    let mut encoder: GzEncoder<_> = build(flate2::GzBuilder::new()).write(Vec::new(), Compression::best());
    encoder.write_all(stream).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn g06() -> Vec<Case> {
    let mut row = Row::default();
    let (stream, archive) = (small().tar(), small().tar_gz());
    let header = |at: usize, byte: u8| {
        let mut edited = archive.clone();
        edited[at] = byte;
        edited
    };
    for flags in 1..=u8::MAX {
        row.malformed(
            format!("flags 0x{flags:02x}, and nothing of what they say"),
            header(3, flags),
            GzipFault::Flags(flags),
        );
    }
    let (text, header_crc, extra, name, comment) = (1, 2, 4, 8, 16);
    let long = [b'n'; 1 << 20];
    for (what, flags, archive) in [
        ("a name", name, with_fields(&stream, |b| b.filename("go1.22.5.linux-amd64.tar"))),
        ("a name up", name, with_fields(&stream, |b| b.filename("../../../etc/passwd"))),
        ("an empty name", name, with_fields(&stream, |b| b.filename(""))),
        ("a name of a mebibyte", name, with_fields(&stream, |b| b.filename(&long[..]))),
        ("a comment", comment, with_fields(&stream, |b| b.comment("\u{1b}[2J"))),
        ("a comment of a mebibyte", comment, with_fields(&stream, |b| b.comment(&long[..]))),
        ("an extra field", extra, with_fields(&stream, |b| b.extra(&b"BC\x02\0\0\0"[..]))),
        ("an extra field of nothing", extra, with_fields(&stream, |b| b.extra(&b""[..]))),
        ("an extra field of 64 KiB", extra, with_fields(&stream, |b| b.extra(vec![0; 0xffff]))),
        ("a name and a comment", name | comment, with_fields(&stream, |b| b.filename("x").comment("y"))),
        ("all three", extra | name | comment, with_fields(&stream, |b| b.extra(&b"x"[..]).filename("x").comment("y"))),
    ] {
        row.malformed(what, archive, GzipFault::Flags(flags));
    }
    let start = |flags: u8, more: &[u8]| [&header(3, flags)[..HEADER_BYTES], more, &archive[HEADER_BYTES..]].concat();
    // The CRC-16 of a header is the lower half of its CRC-32.
    let crc_16 = |flags: u8| crc32fast::hash(&header(3, flags)[..HEADER_BYTES]).to_le_bytes()[..2].to_vec();
    row.malformed("a header's CRC-16", start(header_crc, &crc_16(header_crc)), GzipFault::Flags(header_crc));
    row.malformed("a wrong CRC-16", start(header_crc, b"\0\0"), GzipFault::Flags(header_crc));
    row.malformed(
        "a CRC-16 of a text",
        start(text | header_crc, &crc_16(text | header_crc)),
        GzipFault::Flags(text | header_crc),
    );
    row.malformed("a name without end", [&header(3, name)[..HEADER_BYTES], &long].concat(), GzipFault::Flags(name));
    row.malformed(
        "a comment without end",
        [&header(3, comment)[..HEADER_BYTES], &long].concat(),
        GzipFault::Flags(comment),
    );
    row.malformed(
        "an extra field that is not there",
        [&header(3, extra)[..HEADER_BYTES], b"\xff\xff"].concat(),
        GzipFault::Flags(extra),
    );
    for (at, byte) in archive.iter().enumerate().take(3) {
        for bit in 0..8 {
            row.malformed(format!("bit {bit} of byte {at}"), header(at, byte ^ 1 << bit), GzipFault::Magic);
        }
    }
    for method in (0..=u8::MAX).filter(|method| (method ^ 8).count_ones() > 1) {
        row.malformed(format!("method {method}"), header(2, method), GzipFault::Magic);
    }
    for (what, magic) in [
        ("compress", b"\x1f\x9d"),
        ("pack", b"\x1f\x1e"),
        ("zlib", b"\x78\x9c"),
        ("bzip2", b"BZ"),
        ("xz", b"\xfd7"),
        ("zstd", b"\x28\xb5"),
    ] {
        row.malformed(format!("the magic of {what}"), [magic, &archive[2..]].concat(), GzipFault::Magic);
    }
    // Time, compression and system mean nothing.
    for (at, byte) in archive.iter().enumerate().take(HEADER_BYTES).skip(4) {
        row.accepted(format!("byte {at}"), header(at, !byte));
    }
    row.0
}

#[test]
fn g06_flags_and_optional_fields() {
    check(&g06(), |_, _| {});
    let endless = std::iter::repeat_n(b'n', 8 << 20).collect::<Vec<_>>();
    let archive = [&b"\x1f\x8b\x08\x08\0\0\0\0\0\x03"[..], &endless].concat();
    let fault = ArchiveError::Gzip { position: 0, fault: GzipFault::Flags(8) };
    assert_eq!(verified(small().name(), &archive, Discard).map(|_| ()), Err(fault));
    assert_eq!(member(&deflate(b""), b""), gzip(b""));
}
