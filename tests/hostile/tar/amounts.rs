//! How much there may be: entries, paths, bytes of one file and of all.

use goverify::archive::{ArchiveError, Discard, HeaderFault, TarFault};

use super::{Row, SMALL, agree, pax, unended, with};
use crate::case::{Case, check, verified};
use crate::patchwork::{Patchwork, Piece};
use crate::support::figures::long;
use crate::support::tar_entry::{END, TarEntry, gzip};

const ENTRIES: (u64, &str) = (100_000, "entries");
const PATHS: (u64, &str) = (8 << 20, "bytes of paths");

/// The small SDK's archive with more blocks, which are many.
fn quickly(blocks: &[u8]) -> Vec<u8> {
    let mut stream = Patchwork::new();
    for bytes in [&unended()[..], blocks, &END] {
        stream.add_content(bytes);
    }
    stream.finish()
}

/// This many entries like `entry`, each named by its number behind `go/`.
fn numbered_blocks(entry: &TarEntry, count: u64) -> Vec<u8> {
    let blank = entry.clone().header(|h| h.as_old_mut().name.fill(0)).blocks();
    let slash = if blank[156] == b'5' { "/" } else { "" };
    let sum: u32 = blank[..148].iter().chain(&[b' '; 8]).chain(&blank[156..512]).map(|&byte| u32::from(byte)).sum();
    let mut all = blank.repeat(usize::try_from(count).unwrap());
    for (number, block) in all.chunks_mut(blank.len()).enumerate() {
        let name = format!("go/{number:08}{slash}");
        let sum = sum + name.bytes().map(u32::from).sum::<u32>();
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    all
}

fn numbered(entry: &TarEntry, count: u64) -> Vec<u8> {
    quickly(&numbered_blocks(entry, count))
}

/// The entries that may be beside those of the small SDK, its extended header and the directories that it implies
/// counted.
fn free() -> u64 {
    ENTRIES.0 - SMALL.entries.len() as u64
}

pub(crate) fn t30() -> Vec<Case> {
    let mut row = Row::default();
    let below = ["a"; 62].join("/");
    let (long, longer) = ("a".repeat(240), ["a".repeat(249), "b".repeat(249), "c".repeat(249)].join("/"));
    let files = |count: usize, path: &dyn Fn(usize) -> String| {
        let blocks: Vec<_> = (0..count).map(|number| TarEntry::file(path(number), "").blocks()).collect();
        quickly(&blocks.concat())
    };
    let mut limited = |what: &str, archive, (limit, unit)| row.beyond(what, archive, limit, unit);
    limited("100,000 directories", numbered(&TarEntry::directory("go/x/"), 100_000), ENTRIES);
    limited("one file too many", numbered(&TarEntry::file("go/x", ""), free() + 1), ENTRIES);
    limited("2,000 deep paths without a common directory", files(2_000, &|n| format!("go/{n:04}/{below}")), ENTRIES);
    limited("20,000 long names", files(20_000, &|n| format!("go/{n:04}{long}")), PATHS);
    limited("8,000 names of three long components", files(8_000, &|n| format!("go/{n}/{longer}")), PATHS);
    // Components that fold to eleven times their length (U+FDFA).
    limited("names that grow when compared", files(10_000, &|n| format!("go/{}{n}", "\u{fdfa}".repeat(30))), PATHS);

    // A size counts as soon as it is told.
    let sized = |size: u64| with([TarEntry::file("go/src/x", "").header(|h| h.set_size(size))]);
    let mebibyte = 1 << 20;
    for size in [
        512 * mebibyte + 1,
        513 * mebibyte,
        1 << 30,
        0o77_777_777_777,
        1 << 33,
        10 << 30,
        1 << 40,
        i64::MAX.unsigned_abs(),
    ] {
        row.too_large(format!("a file of {size} bytes"), sized(size), HeaderFault::Size(size));
        let long = TarEntry::file("go/src/x", "").header(|h| h.set_size(size)).after(pax("path", "go/src/y"));
        row.too_large(format!("a file of {size} bytes by pax"), with([long]), HeaderFault::Size(size));
    }
    let digits = |text: &[u8; 12]| with([TarEntry::file("go/src/x", "").header(|h| h.as_old_mut().size = *text)]);
    row.too_large("a file of 10 GiB in twelve digits", digits(b"120000000000"), HeaderFault::Size(10 << 30));
    row.malformed("a file of no bytes in twelve digits", digits(b"000000000000"), HeaderFault::Number("size"));
    let there = TarEntry::file("go/src/x", "").header(|h| h.set_size(512 * mebibyte)).blocks();
    row.malformed("half a gibibyte that is missing", gzip(&[unended(), there].concat()), TarFault::Truncated);
    row.accepted("1,000 files", numbered(&TarEntry::file("go/x", ""), 1_000));
    row.accepted("1,000 directories", numbered(&TarEntry::directory("go/x/"), 1_000));
    row.0
}

#[test]
fn t30_more_than_any_release_needs() {
    check(&t30(), agree);
}

/// Apart from the others, since whoever installs or keeps these has much to do.
#[test]
fn t30_as_many_as_there_may_be() {
    let case = Case::accepted("files", numbered(&TarEntry::file("go/x", ""), free()));
    agree(&case, &case.judge().unwrap());
}

/// A million, the first of which are as many as it takes: what is behind them is not looked at.
#[test]
fn t30_a_million_entries() {
    let archive = a_million_entries();
    assert!(archive.len() < 16 << 20, "{}", archive.len());
    let limit = ArchiveError::TooLarge { limit: ENTRIES.0, unit: ENTRIES.1 };
    assert_eq!(verified(SMALL.sdk.name(), &archive, Discard).map(|_| ()), Err(limit));
}

/// Compressed once for ten.
pub(crate) fn a_million_entries() -> Vec<u8> {
    let (mut stream, entries) = (Patchwork::new(), Piece::new(&numbered_blocks(&TarEntry::file("go/x", ""), 100_000)));
    stream.add_content(&unended());
    stream.add(&entries, 10);
    stream.add_content(&END);
    stream.finish()
}

/// `count` files, each of this many noisy mebibytes and `more` zeros.
pub(crate) fn large_files(count: u64, mebibytes: u64, more: u64) -> Vec<u8> {
    let (block, mut stream) = (Piece::noisy_mebibyte(), Patchwork::new());
    stream.add_content(&unended());
    for number in 0..count {
        let file = TarEntry::file(format!("go/{number}"), "").header(|h| h.set_size((mebibytes << 20) + more));
        stream.add_content(&file.blocks());
        stream.add(&block, usize::try_from(mebibytes).unwrap());
        stream.add_content(&vec![0; usize::try_from(more.next_multiple_of(512)).unwrap()]);
    }
    stream.add_content(&END);
    stream.finish()
}

#[test]
fn t30_files_of_half_a_gibibyte_and_of_more_than_two_gibibytes_in_all() {
    let judge = |archive: &[u8]| verified(SMALL.sdk.name(), archive, Discard).map(|_| ());
    let of_one = ArchiveError::Tar {
        entry: SMALL.entries.len() as u64 + 1,
        position: unended().len() as u64,
        fault: HeaderFault::Size((512 << 20) + 1).into(),
    };
    assert_eq!(judge(&large_files(1, 512, 1)), Err(of_one));
    assert_eq!(judge(&large_files(1, 512, 0)), Ok(()));
    // It takes as long as all other rows together.
    if long() {
        let of_all = ArchiveError::TooLarge { limit: 2 << 30, unit: "decompressed bytes" };
        assert_eq!(judge(&large_files(5, 410, 0)), Err(of_all));
        assert_eq!(judge(&large_files(4, 511, 0)), Ok(()));
    }
}
