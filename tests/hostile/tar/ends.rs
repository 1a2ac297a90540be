//! Where a stream ends: too early, not quite, or not yet.

use goverify::archive::{HeaderFault, TarFault};

use super::{BLOCK_BYTES, Row, SMALL, agree, pax, unended, with};
use crate::case::{Case, check};
use crate::support::figures::stride;
use crate::support::tar_entry::{END, TarEntry, gzip, tar};

/// Where a header's type ends.
const TYPE_END: usize = 157;

pub(crate) fn t27() -> Vec<Case> {
    let mut row = Row::default();
    let stream = &SMALL.stream;
    let blocks = stream.len() / BLOCK_BYTES;
    let mut cut = |length: usize, what: String| row.malformed(what, gzip(&stream[..length]), TarFault::Truncated);
    for block in 0..blocks {
        cut(block * BLOCK_BYTES, format!("{block} blocks"));
        cut(block * BLOCK_BYTES + 1, format!("{block} blocks and a byte"));
        cut(block * BLOCK_BYTES + BLOCK_BYTES / 2, format!("{block} blocks and a half"));
        cut(block * BLOCK_BYTES + BLOCK_BYTES - 1, format!("{block} blocks and one but for a byte"));
    }
    // A row of its own has the stream that ends with the first header's type.
    let told = |length: &usize| matches!(length % BLOCK_BYTES, 0 | 1 | 256 | 511) || *length == TYPE_END;
    // Prime to a block's size, so that every offset in one has its turn.
    for length in (3..stream.len()).step_by(stride(251)).filter(|length| !told(length)) {
        cut(length, format!("{length} bytes"));
    }
    // Sizes of what is not there.
    for size in [1, 512, 513, 1 << 20, 511 << 20] {
        let file = TarEntry::file("go/src/x", "").header(|h| h.set_size(size)).blocks();
        row.malformed(format!("{size} bytes that are missing"), gzip(&[unended(), file].concat()), TarFault::Truncated);
    }
    for (what, end) in [
        ("no end", 0),
        ("half a zero block", 256),
        ("one zero block", 512),
        ("one and a half", 768),
        ("one byte less than two", 1023),
    ] {
        let file = TarEntry::file("go/src/x", "content").blocks();
        let archive = gzip(&[&unended()[..], &file, &END[..end]].concat());
        row.malformed(what, archive, TarFault::Truncated);
    }
    for zeros in [1, 511, 512, 513, 1023] {
        row.malformed(format!("{zeros} zeros and nothing else"), gzip(&vec![0; zeros]), TarFault::Truncated);
    }
    row.accepted("two zero blocks", gzip(stream));
    row.0
}

#[test]
fn t27_streams_cut_short() {
    check(&t27(), agree);
}

pub(crate) fn t28() -> Vec<Case> {
    let mut row = Row::default();
    let (stream, entry) = (&SMALL.stream, TarEntry::file("go/src/x", "behind the end").blocks());
    let behind = |zeros: usize, more: &[u8]| gzip(&[&unended()[..], &vec![0; zeros], more].concat());
    let whole = tar(&[TarEntry::file("go/src/x", "")]);
    let things: [(&str, &[u8]); 12] = [
        ("an entry", &entry),
        ("an archive", stream),
        ("another archive", &whole),
        ("a link", &TarEntry::link("go/src/link", "/etc").blocks()),
        ("an extended header", &pax("path", "go/src/x").blocks()),
        ("a header alone", &entry[..512]),
        ("half a header", &entry[..256]),
        ("a letter", b"x"),
        ("a line end", b"\n"),
        ("a byte of ones", b"\xff"),
        ("a zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("a gzip header", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
    ];
    for (what, bytes) in things {
        for zeros in [1024, 1025, 1536, 2048, 10_240, 1024 + (64 << 10)] {
            row.malformed(format!("{what} behind {zeros} zeros"), behind(zeros, bytes), TarFault::TrailingData);
            let padded = [bytes, &END].concat();
            row.malformed(
                format!("{what} and zeros behind {zeros} zeros"),
                behind(zeros, &padded),
                TarFault::TrailingData,
            );
        }
    }
    // One zero block is no end: GNU tar goes on behind it, others do not.
    for (what, bytes) in things.into_iter().filter(|(_, bytes)| bytes.len() >= 512) {
        row.malformed(format!("{what} behind one zero block"), behind(512, bytes), TarFault::SingleZeroBlock);
    }
    for at in [0, 1, 255, 511] {
        let mut block = [0; 512];
        block[at] = 1;
        let archive = behind(512, &[&block[..], &END].concat());
        row.malformed(format!("a second block with byte {at} set"), archive, TarFault::SingleZeroBlock);
        let archive = behind(0, &[&block[..], &END].concat());
        row.malformed(format!("a first block with byte {at} set"), archive, HeaderFault::Checksum);
    }
    // Zero blocks between any two entries.
    let entries = SMALL.sdk.entries();
    for index in 0..entries.len() {
        for zero_blocks in [1, 2] {
            let (front, rest) = entries.split_at(index);
            let zeros = vec![0; zero_blocks * BLOCK_BYTES];
            let stream = [front.iter().flat_map(TarEntry::blocks).collect(), zeros, tar(rest)].concat();
            let fault = if zero_blocks == 1 { TarFault::SingleZeroBlock } else { TarFault::TrailingData };
            row.malformed(format!("{zero_blocks} zero blocks before entry {index}"), gzip(&stream), fault);
        }
    }
    let tail = |bytes: usize| gzip(&[stream, &vec![0; bytes][..]].concat());
    for bytes in [(64 << 10) + 1, (64 << 10) + 512, 1 << 20, 8 << 20] {
        row.malformed(format!("{bytes} more zeros"), tail(bytes), TarFault::TrailingData);
    }
    for bytes in [1, 512, 9216, 64 << 10] {
        row.accepted(format!("{bytes} more zeros"), tail(bytes));
    }
    let quoted = with([TarEntry::file("go/src/x", &stream[..])]);
    row.accepted("an archive as content", quoted);
    row.0
}

#[test]
fn t28_what_is_behind_the_end() {
    check(&t28(), agree);
}
