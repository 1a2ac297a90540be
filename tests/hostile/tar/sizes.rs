//! Sizes that are not those of the content: sparse files, directories with content, names that contradict a type.

use goverify::archive::{HeaderFault, PaxFault, TarFault};

use super::fields::{Victim, patched};
use super::{Row, agree, by_pax, pax, with, with_blocks};
use crate::case::{Case, check};
use crate::support::tar_entry::{TarEntry, pax_record};

/// An old GNU sparse file: four pairs of offset and length in the header, whether more follow, and the real size.
fn old_sparse(pairs: &[(u64, u64)], extended: bool, real: u64) -> TarEntry {
    let octal = |number: u64| format!("{number:011o}\0").into_bytes();
    let content = vec![b'x'; 512];
    TarEntry::file("go/src/sparse", content).kind(b'S').header(|h| {
        let block = h.as_mut_bytes();
        block[257..265].copy_from_slice(b"ustar  \0");
        for (pair, (offset, length)) in block[386..482].chunks_mut(24).zip(pairs) {
            pair.copy_from_slice(&[octal(*offset), octal(*length)].concat());
        }
        block[482] = extended.into();
        block[483..495].copy_from_slice(&octal(real));
    })
}

pub(crate) fn t17() -> Vec<Case> {
    let mut row = Row::default();
    let sparse = HeaderFault::ForbiddenType(b'S');
    let maps: [(&str, &[(u64, u64)], bool, u64); 9] = [
        ("a hole in front", &[(1 << 20, 512)], false, (1 << 20) + 512),
        ("a hole behind", &[(0, 512), (1 << 20, 0)], false, 1 << 20),
        ("nothing but a hole", &[(1 << 32, 0)], false, 1 << 32),
        ("eight gigabytes", &[(0, 512)], false, 0o77_777_777_777),
        ("overlapping pieces", &[(0, 512), (256, 512)], false, 768),
        ("pieces that go back", &[(512, 512), (0, 512)], false, 1024),
        ("a piece beyond the end", &[(1 << 20, 512)], false, 512),
        ("a map that goes on, and is not there", &[(0, 512)], true, 512),
        ("no map", &[], false, 512),
    ];
    for (what, pairs, extended, real) in maps {
        row.forbidden(format!("old: {what}"), with([old_sparse(pairs, extended, real)]), sparse);
    }
    // A map of block after block, each of which says that another follows (CVE-2025-58183).
    for blocks in [1, 2, 16, 256] {
        let mut more = old_sparse(&[(0, 512)], true, 512).blocks();
        let link = [&b"00000000000\0".repeat(42)[..], &[1; 8]].concat();
        more.splice(512..512, link.repeat(blocks));
        row.forbidden(format!("old: a map of {blocks} more blocks"), with_blocks(&more), sparse);
    }
    let ustar = TarEntry::file("go/src/sparse", "x").kind(b'S');
    row.forbidden("old: in a ustar header", with([ustar]), sparse);

    // PAX 0.0 tells each piece with two records, 0.1 all of them with one, 1.0 in the content (GNU tar manual, E.5).
    let records = |pairs: &[(&str, &str)]| {
        let data: Vec<u8> = pairs.iter().flat_map(|(key, value)| pax_record(key, value.as_bytes())).collect();
        TarEntry::extension(b'x', data)
    };
    let formats: [(&str, &[(&str, &str)]); 14] = [
        (
            "0.0",
            &[
                ("GNU.sparse.size", "1048576"),
                ("GNU.sparse.numblocks", "1"),
                ("GNU.sparse.offset", "0"),
                ("GNU.sparse.numbytes", "512"),
            ],
        ),
        (
            "0.1",
            &[
                ("GNU.sparse.size", "1048576"),
                ("GNU.sparse.numblocks", "1"),
                ("GNU.sparse.name", "go/src/x"),
                ("GNU.sparse.map", "0,512"),
            ],
        ),
        (
            "1.0",
            &[
                ("GNU.sparse.major", "1"),
                ("GNU.sparse.minor", "0"),
                ("GNU.sparse.name", "go/src/x"),
                ("GNU.sparse.realsize", "1048576"),
            ],
        ),
        (
            "1.0 behind times",
            &[("mtime", "1.5"), ("atime", "1.5"), ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")],
        ),
        ("1.0 behind a path", &[("path", "go/src/GNUSparseFile.0/x"), ("GNU.sparse.major", "1")]),
        ("1.0 before a path", &[("GNU.sparse.minor", "0"), ("path", "go/src/x")]),
        ("another version", &[("GNU.sparse.major", "2"), ("GNU.sparse.minor", "7")]),
        ("a name alone", &[("GNU.sparse.name", "../../x")]),
        ("a real size alone", &[("GNU.sparse.realsize", "9223372036854775807")]),
        ("a negative piece", &[("GNU.sparse.map", "-1,512")]),
        ("overlapping pieces", &[("GNU.sparse.map", "0,512,256,512")]),
        ("a map of 2^40 pieces", &[("GNU.sparse.numblocks", "1099511627776")]),
        ("no value", &[("GNU.sparse.map", "")]),
        ("another key of theirs", &[("GNU.sparse.", "0")]),
    ];
    for (what, pairs) in formats {
        let map = b"1\n0\n512\n".iter().copied().chain([0; 504]).chain([b'x'; 512]).collect::<Vec<u8>>();
        let entry = TarEntry::file("go/src/GNUSparseFile.0/x", map).after(records(pairs));
        row.forbidden(format!("pax {what}"), with([entry]), PaxFault::Sparse);
    }
    let long = "0,1,".repeat(16_000);
    let entry = TarEntry::file("go/src/x", "x").after(pax("GNU.sparse.map", long.trim_end_matches(',')));
    row.forbidden("pax map of 16,000 pieces", with([entry]), PaxFault::Sparse);
    row.accepted("a path that looks like it", with([by_pax("go/src/a GNU.sparse.map=0,512")]));
    row.accepted("a file of zeros", with([TarEntry::file("go/src/sparse", vec![0; 1 << 20])]));
    row.0
}

#[test]
fn t17_sparse_files() {
    check(&t17(), agree);
}

pub(crate) fn t21() -> Vec<Case> {
    let mut row = Row::default();
    let contradicts = HeaderFault::TypeMismatch;
    for path in ["go/src/x/", "go/VERSION/", "go/src/", "go/", "x/", "../", "/", "go/src/x//", "go/src/é/"] {
        row.malformed(format!("file {path}"), with([TarEntry::file(path, "")]), contradicts);
        row.malformed(format!("file {path} with content"), with([TarEntry::file(path, "content")]), contradicts);
        row.malformed(format!("file {path} by pax"), with([by_pax(path)]), contradicts);
        // What a directory holds is another entry to whoever skips by its type.
        let hidden = TarEntry::file("go/src/hidden", "").blocks();
        row.malformed(format!("file {path} that holds an entry"), with([TarEntry::file(path, hidden)]), contradicts);
    }
    for (prefix, shown) in [(&b"go/src"[..], "go/src"), (b"go", "go"), (b"go/src/new", "go/src/new")] {
        let nameless = TarEntry::file("", "").header(|h| {
            h.as_ustar_mut().unwrap().prefix[..prefix.len()].copy_from_slice(prefix);
        });
        row.malformed(format!("file of the prefix {shown} and no name"), with([nameless]), contradicts);
    }
    for size in [1, 2, 511, 512, 513, 1024, 1 << 20, 1 << 30, 0o77_777_777_777] {
        let directory = TarEntry::directory("go/src/x/").header(|h| h.set_size(size));
        row.malformed(format!("directory of {size} bytes that are not there"), with([directory]), contradicts);
        let digits = format!("{size:011o}\0");
        let archive = patched(Victim::Directory, 124, digits.as_bytes());
        row.malformed(format!("directory of {size} bytes that are entries"), archive, contradicts);
        let long = TarEntry::directory("go/src/x/").header(|h| h.set_size(size)).after(pax("path", "go/src/y/"));
        row.malformed(format!("directory by pax of {size} bytes"), with([long]), contradicts);
    }
    for entries in 1..=8 {
        let hidden: Vec<u8> = (0..entries).flat_map(|n| TarEntry::file(format!("go/src/{n}"), "").blocks()).collect();
        let size = hidden.len() as u64;
        let directory = TarEntry::directory("go/src/x/").header(|h| h.set_size(size)).blocks();
        let archive = with_blocks(&[directory, hidden].concat());
        row.malformed(format!("directory that holds {entries} entries"), archive, contradicts);
    }
    // Content that is longer or shorter than the header says leaves something where the next header should be.
    let content = |size: u64| TarEntry::file("go/src/x", [b'x'; 600]).header(|h| h.set_size(size));
    for (size, fault) in [
        (0, TarFault::Header(HeaderFault::Checksum)),
        (1, TarFault::Padding),
        (511, TarFault::Padding),
        (512, TarFault::Header(HeaderFault::Checksum)),
        (513, TarFault::Padding),
        (599, TarFault::Padding),
        (1025, TarFault::SingleZeroBlock),
    ] {
        // Behind it is one more entry, so that what is missed is not the end.
        let fault = if size == 1025 { TarFault::Padding } else { fault };
        let archive = with([content(size), TarEntry::file("go/src/y", "")]);
        row.malformed(format!("600 bytes that are said to be {size}"), archive, fault);
    }
    for path in ["go/src/x", "go/src/é"] {
        row.accepted(format!("file {path}"), with([TarEntry::file(path, "content")]));
        row.accepted(format!("directory {path}"), with([TarEntry::directory(path)]));
        row.accepted(format!("directory {path}/"), with([TarEntry::directory(format!("{path}/"))]));
    }
    row.0
}

#[test]
fn t21_types_that_contradict_names_and_sizes() {
    check(&t21(), agree);
}
