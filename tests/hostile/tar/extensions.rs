//! Extended headers: what they say beside the path, what is malformed in them, and what they belong to.

use goverify::archive::{HeaderFault, PaxFault, TarFault};

use super::{Row, SMALL, agree, by_pax, pax, unended, with, with_blocks};
use crate::case::{Case, check};
use crate::support::tar_entry::{END, TarEntry, gzip, pax_record};

/// Every key that POSIX and the archivers of GNU, BSD, star and Solaris know, but the path.
const KEYS: [(&str, &str); 24] = [
    ("size", "0"),
    ("linkpath", "/etc/passwd"),
    ("mtime", "1719519072.5"),
    ("atime", "1719519072"),
    ("ctime", "1"),
    ("uid", "1"),
    ("gid", "0"),
    ("uname", "builder"),
    ("gname", "root"),
    ("charset", "BINARY"),
    ("hdrcharset", "BINARY"),
    ("comment", "nothing"),
    ("realtime.any", "1"),
    ("security.any", "1"),
    ("GNU.dumpdir", "Yx"),
    ("GNU.volume.filename", "x"),
    ("LIBARCHIVE.creationtime", "1"),
    ("LIBARCHIVE.symlinktype", "dir"),
    ("SUN.devmajor", "1"),
    ("Path", "go/src/x"),
    ("path ", "go/src/x"),
    (" path", "go/src/x"),
    ("paths", "go/src/x"),
    ("", "go/src/x"),
];

/// A file of 512 bytes that are a header of their own, for whoever believes that it has no content.
fn smuggled() -> TarEntry {
    TarEntry::file("go/src/outer", TarEntry::file("go/src/hidden", "").blocks())
}

pub(crate) fn t11() -> Vec<Case> {
    let mut row = Row::default();
    let sizes = ["0", "1", "511", "512", "513", "1024", "8589934592", "9223372036854775808", "18446744073709551615"];
    let odd = ["-1", "+512", " 512", "0512", "512 ", "0x200", "1e3", "", "512.0"];
    for size in sizes.into_iter().chain(odd) {
        let record = pax("size", size);
        row.malformed(
            format!("size {size:?} of 512 bytes"),
            with([smuggled().after(record.clone())]),
            PaxFault::Record,
        );
        let empty = TarEntry::file("go/src/outer", "").after(record.clone());
        row.malformed(format!("size {size:?} of none"), with([empty]), PaxFault::Record);
        let lies = smuggled().header(|h| h.set_size(0)).after(record);
        row.malformed(format!("size {size:?} where the header says none"), with([lies]), PaxFault::Record);
        let size = pax_record("size", size.as_bytes());
        for (what, records) in [
            ("before", [size.clone(), pax_record("path", b"go/src/outer")].concat()),
            ("behind", [pax_record("path", b"go/src/outer"), size].concat()),
        ] {
            let entry = smuggled().after(TarEntry::extension(b'x', records.clone()));
            let what = format!("{} {what} a path", records.escape_ascii());
            row.malformed(what, with([entry]), PaxFault::Length);
        }
    }
    for (key, value) in KEYS.into_iter().filter(|(key, _)| *key != "size") {
        let entry = TarEntry::file("go/src/x", "").after(pax(key, value));
        row.malformed(format!("key {key:?}"), with([entry]), PaxFault::Record);
        let records = [pax_record("path", b"go/src/x"), pax_record(key, value.as_bytes())].concat();
        let entry = TarEntry::file("go/src/y", "").after(TarEntry::extension(b'x', records));
        row.malformed(format!("key {key:?} behind a path"), with([entry]), PaxFault::Length);
    }
    row.accepted("the path alone", with([smuggled().after(pax("path", "go/src/outer"))]));
    row.accepted("no extension", with([smuggled()]));
    row.0
}

#[test]
fn t11_pax_sizes_and_other_keys() {
    check(&t11(), agree);
}

pub(crate) fn t12() -> Vec<Case> {
    let mut row = Row::default();
    let file = || TarEntry::file("go/src/x", "");
    for kind in *b"gLKX" {
        let fault = HeaderFault::Extension(kind);
        for (key, value) in [("path", "go/src/a"), ("size", "0"), ("size", "1024"), ("linkpath", "/etc")] {
            let between = TarEntry::extension(kind, "go/src/b\0");
            let entries = [pax(key, value), between, file()];
            let shown = char::from(kind);
            // A record that is refused already does not get as far.
            if key == "path" {
                row.malformed(format!("pax {key}, {shown}, file"), with(entries), fault);
            } else {
                row.malformed(format!("pax {key} {value}, {shown}, file"), with(entries), PaxFault::Record);
            }
        }
        let phantom = TarEntry::extension(kind, file().blocks());
        row.malformed(format!("{} that holds an entry", char::from(kind)), with([phantom, file()]), fault);
        let entries = [TarEntry::extension(kind, "go/src/b\0"), pax("path", "go/src/a"), file()];
        row.malformed(format!("{}, pax path, file", char::from(kind)), with(entries), fault);
    }
    for count in 2..=9 {
        let many = (0..count).map(|n| pax("path", format!("go/src/{n}"))).chain([file()]);
        row.malformed(format!("{count} pax paths before a file"), with(many), TarFault::OrphanedPax);
    }
    for kind in *b"12346SVMDN" {
        let entries = [pax("path", "go/src/a"), file().kind(kind), file()];
        let fault = HeaderFault::ForbiddenType(kind);
        row.forbidden(format!("pax path, type {}, file", char::from(kind)), with(entries), fault);
    }
    row.accepted(
        "pax path, file, pax path, directory",
        with([pax("path", "go/src/a"), file(), pax("path", "go/src/b/"), TarEntry::directory("go/src/c/")]),
    );
    row.0
}

#[test]
fn t12_pax_before_another_extension() {
    check(&t12(), agree);
}

/// What may not stand in an extended header, and how it is told. The path is 8 bytes, so that the right record is
/// `17 path=go/src/x\n`.
const RECORDS: [(&str, &[u8], PaxFault); 51] = [
    ("one too few", b"16 path=go/src/x\n", PaxFault::Length),
    ("one too many", b"18 path=go/src/x\n", PaxFault::Length),
    ("without its own digits", b"14 path=go/src/x\n", PaxFault::Length),
    ("nothing", b"0 path=go/src/x\n", PaxFault::Length),
    ("ten times as many", b"170 path=go/src/xx\n", PaxFault::Length),
    ("2^64 more", b"18446744073709551633 path=go/src/x\n", PaxFault::Length),
    ("2^32 more", b"4294967313 path=go/src/x\n", PaxFault::Length),
    ("no number", b"path=go/src/x\n", PaxFault::Length),
    ("no number but a blank", b" path=go/src/x\n", PaxFault::Length),
    ("a minus", b"-18 path=go/src/x\n", PaxFault::Length),
    ("a plus", b"+18 path=go/src/x\n", PaxFault::Length),
    ("a zero before it", b"018 path=go/src/x\n", PaxFault::Length),
    ("a blank before it", b" 18 path=go/src/x\n", PaxFault::Length),
    ("a tab before it", b"\t18 path=go/src/x\n", PaxFault::Length),
    ("hexadecimal", b"0x13 path=go/src/x\n", PaxFault::Length),
    ("octal", b"22 path=go/src/x\n", PaxFault::Length),
    ("a point", b"19. path=go/src/x\n", PaxFault::Length),
    ("an exponent", b"18e0 path=go/src/x\n", PaxFault::Length),
    ("a letter", b"1x path=go/src/x\n", PaxFault::Length),
    ("other digits", "１９ path=go/src/x\n".as_bytes(), PaxFault::Length),
    ("a NUL behind it", b"18\0 path=go/src/x\n", PaxFault::Length),
    ("a tab behind it", b"17\tpath=go/src/x\n", PaxFault::Length),
    ("no blank", b"16path=go/src/x\n", PaxFault::Length),
    ("two blanks", b"18  path=go/src/x\n", PaxFault::Record),
    ("a tab and a blank", b"18\t path=go/src/x\n", PaxFault::Length),
    ("a blank and a tab", b"18 \tpath=go/src/x\n", PaxFault::Record),
    ("no line end", b"16 path=go/src/x", PaxFault::Record),
    ("a NUL for a line end", b"17 path=go/src/x\0", PaxFault::Record),
    ("a carriage return for one", b"17 path=go/src/x\r", PaxFault::Record),
    ("two line ends", b"18 path=go/src/x\n\n", PaxFault::Value),
    ("no equals sign", b"16 pathgo/src/x\n", PaxFault::Record),
    ("a colon for one", b"17 path:go/src/x\n", PaxFault::Record),
    ("a blank for one", b"17 path go/src/x\n", PaxFault::Record),
    ("a blank before it", b"18 path =go/src/x\n", PaxFault::Record),
    ("a NUL in its key", b"18 path\0=go/src/x\n", PaxFault::Record),
    ("capitals", b"17 PATH=go/src/x\n", PaxFault::Record),
    ("no key", b"13 =go/src/x\n", PaxFault::Record),
    ("no value", b"8 path=\n", PaxFault::Value),
    ("a NUL for a value", b"9 path=\0\n", PaxFault::Value),
    ("a NUL in its value", b"18 path=go/sr\0c/x\n", PaxFault::Value),
    ("a NUL at its value's end", b"18 path=go/src/x\0\n", PaxFault::Value),
    ("a NUL at its value's start", b"18 path=\0go/src/x\n", PaxFault::Value),
    ("a line end in its value", b"18 path=go/src\n/x\n", PaxFault::Value),
    ("a record in its value", b"34 path=go/src/x\n17 path=go/src/y\n", PaxFault::Value),
    ("nothing but zeros", &[0; 17], PaxFault::Length),
    ("nothing but blanks", b"                 ", PaxFault::Length),
    ("nothing but line ends", b"\n\n\n\n", PaxFault::Length),
    ("a NUL behind it", b"17 path=go/src/x\n\0", PaxFault::Length),
    ("the same key twice", b"17 path=go/src/x\n17 path=go/src/y\n", PaxFault::Length),
    ("the same record twice", b"17 path=go/src/x\n17 path=go/src/x\n", PaxFault::Length),
    ("a path that another removes", b"17 path=go/src/x\n8 path=\n", PaxFault::Length),
];

pub(crate) fn t13() -> Vec<Case> {
    let mut row = Row::default();
    for (number, (what, record, fault)) in RECORDS.into_iter().enumerate() {
        let entry = TarEntry::file("go/src/y", "content").after(TarEntry::extension(b'x', record));
        row.malformed(format!("{number}: {what}"), with([entry]), fault);
        let entry = TarEntry::directory("go/src/y/").after(TarEntry::extension(b'x', record));
        row.malformed(format!("{number}: {what}, before a directory"), with([entry]), fault);
    }
    let right = b"17 path=go/src/x\n";
    for length in 1..right.len() {
        let cut = TarEntry::file("go/src/y", "").after(TarEntry::extension(b'x', &right[..length]));
        row.malformed(format!("{length} bytes of a record"), with([cut]), PaxFault::Length);
    }
    // The header says how long the records are, too.
    for size in [1, 15, 16, 18, 19, 512] {
        let extension = TarEntry::extension(b'x', &right[..]).header(|h| h.set_size(size));
        let entry = TarEntry::file("go/src/y", "").after(extension);
        row.malformed(format!("{size} bytes by the header"), with([entry]), PaxFault::Length);
    }
    let empty = TarEntry::file("go/src/y", "").after(TarEntry::extension(b'x', ""));
    row.malformed("no record", with([empty]), PaxFault::Length);
    for at in [17, 18, 100, 511] {
        let mut blocks = by_pax("go/src/x").blocks();
        blocks[512 + at] = b'1';
        row.malformed(format!("padding of the records, byte {at}"), with_blocks(&blocks), TarFault::Padding);
    }
    for (what, value) in
        [("an equals sign", "go/src/x=y"), ("a blank", "go/src/x y"), ("a record's start", "go/17 path=x")]
    {
        row.accepted(format!("{what} in the value"), with([by_pax(value)]));
    }
    row.accepted("the right one", with([TarEntry::file("go/src/y", "").after(TarEntry::extension(b'x', &right[..]))]));
    row.0
}

#[test]
fn t13_malformed_records() {
    check(&t13(), agree);
}

pub(crate) fn t14() -> Vec<Case> {
    let mut row = Row::default();
    let header = || pax("path", "go/src/x");
    let orphaned = || TarFault::OrphanedPax;
    let file = || TarEntry::file("go/src/y", "content");
    row.malformed("two in a row", with([header(), pax("path", "go/src/z"), file()]), orphaned());
    row.malformed("the same one twice", with([header(), header(), file()]), orphaned());
    row.malformed("at the end", with([header()]), orphaned());
    row.malformed("at the end, behind an entry", with([file(), header()]), orphaned());
    let zeros = TarFault::OrphanedPax;
    let zero_between = [&header().blocks()[..], &END[..512], &file().blocks()].concat();
    row.malformed("a zero block, and then its entry", with_blocks(&zero_between), zeros.clone());
    let end_between = [&header().blocks()[..], &END, &file().blocks()].concat();
    row.malformed("the end, and then its entry", with_blocks(&end_between), zeros);
    row.malformed("nothing behind it", gzip(&[unended(), header().blocks()].concat()), TarFault::Truncated);
    row.malformed(
        "one zero block behind it",
        gzip(&[&unended()[..], &header().blocks(), &END[..512]].concat()),
        orphaned(),
    );
    row.malformed("alone", gzip(&[&header().blocks()[..], &END].concat()), orphaned());
    // Before every entry of the SDK there may be one: then another before that one is one too many.
    for index in 0..SMALL.entries.len() {
        let mut entries = SMALL.entries.clone();
        entries.splice(index..index, [header(), header()]);
        row.malformed(format!("two before entry {index}"), gzip(&crate::support::tar_entry::tar(&entries)), orphaned());
    }
    row.accepted("one, and its entry", with([header(), file()]));
    row.0
}

#[test]
fn t14_extended_headers_that_belong_to_no_entry() {
    check(&t14(), agree);
}

pub(crate) fn t15() -> Vec<Case> {
    let mut row = Row::default();
    let file = || TarEntry::file("go/src/x", "content");
    let gnu = |entry: TarEntry| entry.header(|h| h.as_mut_bytes()[257..265].copy_from_slice(b"ustar  \0"));
    for kind in *b"gXLK" {
        let (shown, fault) = (char::from(kind), HeaderFault::Extension(kind));
        let contents: [(&str, Vec<u8>); 8] = [
            ("a path", pax_record("path", b"go/src/a")),
            ("a path up", pax_record("path", b"../../x")),
            ("a size", pax_record("size", b"0")),
            ("a comment", pax_record("comment", b"0123456789abcdef")),
            ("a name", b"go/src/a\0".to_vec()),
            ("a name without its NUL", b"go/src/a".to_vec()),
            ("a long name", [vec![b'a'; 300], vec![0]].concat()),
            ("nothing", Vec::new()),
        ];
        for (what, data) in contents {
            let extension = || TarEntry::extension(kind, data.clone());
            row.malformed(format!("{shown} with {what}"), with([extension(), file()]), fault);
            let first = [extension()].into_iter().chain(SMALL.entries.clone()).collect::<Vec<_>>();
            row.malformed(format!("{shown} with {what}, first"), gzip(&crate::support::tar_entry::tar(&first)), fault);
            row.malformed(format!("GNU's {shown} with {what}"), with([gnu(extension()), file()]), fault);
            let mixed = [pax("path", "go/src/b"), extension(), file()];
            row.malformed(format!("a pax path, and {shown} with {what}"), with(mixed), fault);
        }
        row.malformed(format!("{shown} last"), with([file(), TarEntry::extension(kind, "x")]), fault);
    }
    let both = [TarEntry::extension(b'L', "go/src/a\0"), TarEntry::extension(b'K', "/etc/passwd\0"), file().kind(b'2')];
    row.malformed("L and K before a link", with(both), HeaderFault::Extension(b'L'));
    row.accepted("a pax path, and its file", with([pax("path", "go/src/b"), file()]));
    row.0
}

#[test]
fn t15_global_and_foreign_extensions() {
    check(&t15(), agree);
}

pub(crate) fn t16() -> Vec<Case> {
    let mut row = Row::default();
    let limit = 64 << 10;
    let sized = |kind: u8, size: u64| TarEntry::extension(kind, "").header(|h| h.set_size(size));
    for kind in *b"xgXLK" {
        let shown = char::from(kind);
        for size in [limit + 1, limit + 512, 1 << 20, (1 << 20) + 1, 1 << 30, 1 << 32, 0o77_777_777_777] {
            let archive = with([sized(kind, size)]);
            row.too_large(format!("{shown} of {size} bytes"), archive, HeaderFault::Size(size));
        }
        // In base 256: what is added to these to fill a block overflows.
        for size in [1 << 33, 10 << 30, 1 << 40, i64::MAX.unsigned_abs(), i64::MAX.unsigned_abs() - 511] {
            let archive = with([sized(kind, size)]);
            row.too_large(format!("{shown} of {size} bytes in base 256"), archive, HeaderFault::Size(size));
        }
        let digits = |h: &mut tar::Header| h.as_old_mut().size = [b'7'; 12];
        let fault = HeaderFault::Size(0o777_777_777_777);
        row.too_large(format!("{shown} of twelve digits"), with([sized(kind, 0).header(digits)]), fault);
    }
    // It need not be there to be too large, nor need anything else of it be right.
    let there = TarEntry::file("go/src/x", "").after(TarEntry::extension(b'x', vec![b'9'; (1 << 20) + 1]));
    row.too_large("a mebibyte that is there", with([there]), HeaderFault::Size((1 << 20) + 1));
    let at_limit = TarEntry::extension(b'x', vec![b'9'; 1 << 16]);
    row.malformed("one of 64 KiB", with([at_limit, TarEntry::file("go/src/x", "")]), PaxFault::Length);
    let cut = gzip(&[unended(), sized(b'x', limit).blocks(), vec![b'1'; 1000]].concat());
    row.malformed("64 KiB of which most is missing", cut, TarFault::Truncated);
    for kind in *b"gXLK" {
        let archive = with([sized(kind, limit)]);
        row.malformed(format!("{} of 64 KiB", char::from(kind)), archive, HeaderFault::Extension(kind));
    }
    let longest = ["a".repeat(250), "b".repeat(250), "c".repeat(250), "d".repeat(250)].join("/");
    row.accepted("the longest path", with([by_pax(&format!("go/{longest}"))]));
    row.0
}

#[test]
fn t16_extension_headers_of_gigabytes() {
    check(&t16(), agree);
}
