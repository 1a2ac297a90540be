//! Names: which paths an entry may have, and what no two entries may share.

use goverify::archive::{CollisionFault, EntryFault, PathFault, RecordFault, ZipFault};
use goverify::error::Code;

use super::{Row, agree, edited, extras, malformed, with};
use crate::case::{Case, check};
use crate::support::zip_entry::ZipEntry;

pub(crate) fn z09() -> Vec<Case> {
    let mut row = Row::default();
    let folded = |path: &str| CollisionFault::Folded(path.to_owned());
    for (first, second, fault) in [
        ("go/src/a", "go/src/a", CollisionFault::Duplicate),
        ("go/VERSION", "go/VERSION", CollisionFault::Duplicate),
        ("go/src/a", "go/src/a/b", CollisionFault::FileAndDirectory),
        ("go/src/a/b", "go/src/a", CollisionFault::FileAndDirectory),
        ("go/src/a", "go/src/a/b/c", CollisionFault::FileAndDirectory),
        ("go/src/a", "go/src", CollisionFault::FileAndDirectory),
        ("go/src/Tmp", "go/src/tmp", folded("go/src/Tmp")),
        ("go/src/tmp", "go/src/TMP", folded("go/src/tmp")),
        ("go/src/Tmp/x", "go/src/tmp/y", folded("go/src/Tmp")),
        ("go/src/Tmp/x", "go/src/tmp", folded("go/src/Tmp")),
        ("go/src/Tmp", "go/src/tmp/x", folded("go/src/Tmp")),
        ("go/src/É", "go/src/é", folded("go/src/É")),
        ("go/src/ß", "go/src/ss", folded("go/src/ß")),
        ("go/src/ẞ", "go/src/ß", folded("go/src/ẞ")),
        ("go/src/ß", "go/src/SS", folded("go/src/ß")),
        ("go/src/ﬁ", "go/src/fi", folded("go/src/ﬁ")),
        ("go/src/ﬃ", "go/src/FFI", folded("go/src/ﬃ")),
        ("go/src/ſ", "go/src/s", folded("go/src/ſ")),
        ("go/src/ς", "go/src/σ", folded("go/src/ς")),
        ("go/src/Σ", "go/src/ς", folded("go/src/Σ")),
        ("go/src/µ", "go/src/μ", folded("go/src/µ")),
        ("go/src/ª", "go/src/a", folded("go/src/ª")),
        ("go/src/²", "go/src/2", folded("go/src/²")),
        ("go/src/①", "go/src/1", folded("go/src/①")),
        ("go/src/½", "go/src/1\u{2044}2", folded("go/src/½")),
        ("go/src/ａ", "go/src/a", folded("go/src/ａ")),
        ("go/src/ǅ", "go/src/dž", folded("go/src/ǅ")),
        ("go/src/ŉ", "go/src/ʼn", folded("go/src/ŉ")),
        ("go/src/ᾳ", "go/src/αι", folded("go/src/ᾳ")),
        ("go/src/և", "go/src/եւ", folded("go/src/և")),
        ("go/src/Ꭰ", "go/src/ꭰ", folded("go/src/Ꭰ")),
        ("go/src/𐐀", "go/src/𐐨", folded("go/src/𐐀")),
        ("go/src/a／b", "go/src/a/b", folded("go/src/a／b")),
        ("go/src/a/c", "go/src/℀", folded("go/src/a")),
    ] {
        let entries = [first, second].map(|path| ZipEntry::file(path, ""));
        let fault = EntryFault::Collision { path: second.to_owned(), fault };
        row.malformed(format!("{first} and {second}"), with(entries), fault);
    }
    let duplicate = |path: &str| EntryFault::Collision { path: path.to_owned(), fault: CollisionFault::Duplicate };
    let pair = |edit: fn(&mut ZipEntry, &mut ZipEntry)| {
        let (mut first, mut second) = (ZipEntry::file("go/src/a", "first"), ZipEntry::file("go/src/a", "second"));
        edit(&mut first, &mut second);
        with([first, second])
    };
    for (what, archive) in [
        ("two contents of one name", pair(|_, _| {})),
        ("two contents of one name, the first listed", pair(|_, second| second.listed = 0)),
        ("two contents of one name, the second listed", pair(|first, _| first.listed = 0)),
        ("two contents of one name, listed as two", pair(|_, second| second.central.name[7] = b'b')),
    ] {
        row.malformed(what, archive, duplicate("go/src/a"));
    }
    let listed_as_one =
        [ZipEntry::file("go/src/a", "a"), ZipEntry::file("go/src/b", "b").edit(|e| e.central.name[7] = b'a')];
    row.malformed("two names, listed as one", with(listed_as_one), ZipFault::Central("name"));
    for path in [
        "go/src/e\u{301}",
        "go/src/\u{212a}",
        "go/src/\u{212b}",
        "go/src/\u{2126}",
        "go/src/\u{1100}\u{1161}",
        "go/e\u{301}/x",
    ] {
        let fault = EntryFault::Path { path: path.to_owned(), fault: PathFault::NotNfc };
        row.malformed(format!("{} is not NFC", path.escape_unicode()), with([ZipEntry::file(path, "")]), fault);
    }
    for path in ["go/src/a\0b", "go/src/a\0", "\0go/src/a", "go/\0", "go/src\0/a", "go/VERSION\0.txt"] {
        let fault = EntryFault::Path { path: path.to_owned(), fault: PathFault::Character };
        row.add(format!("NUL in {path:?}"), with([ZipEntry::file(path, "")]), (Code::ArchiveUnsafePath, fault));
    }
    extras::cases(&mut row);
    let apart =
        ["go/src/Tmp", "go/src/tmp2", "go/src/é/b", "go/src/ß", "go/src/s", "go/src/fi", "go/src/ı", "go/src/i"];
    row.accepted("apart", with(apart.map(|path| ZipEntry::file(path, ""))));
    row.accepted("one of two", with([ZipEntry::file("go/src/a", "second")]));
    row.0
}

#[test]
fn z09_colliding_names() {
    check(&z09(), agree);
}

pub(crate) fn z11() -> Vec<Case> {
    let mut row = Row::default();
    let (long, longest) = (format!("go/{}", "a".repeat(256)), format!("go/{}", vec!["a"; 16_000].join("/")));
    let (deep, in_long) = (format!("go/{}", vec!["a"; 64].join("/")), format!("go/{}/x", "a".repeat(256)));
    let long_path = format!("go/{}", vec!["a".repeat(250); 5].join("/"));
    let table: [(PathFault, &[&str]); 8] = [
        (
            PathFault::Dots,
            &[
                "../x",
                "go/../x",
                "go/a/../../../x",
                "go/..",
                "go/src/../",
                "go/src/..",
                "..",
                "./go/x",
                "go/./x",
                ".",
                "go/.",
                "go/src/../VERSION",
                "../../../../../../../../etc/passwd",
            ],
        ),
        (PathFault::Absolute, &["/etc/x", "//x", "/go/x", "//server/share/x", "/go/../x", "//?/C:/x", "/dev/null"]),
        (PathFault::Empty, &["", "go//x", "go/src//", "go/src//x", "go//"]),
        (
            PathFault::Character,
            &[
                "C:\\x",
                "C:x",
                "C:/x",
                "c:/go/x",
                "go\\x",
                "go/..\\..\\x",
                "..\\x",
                "\\x",
                "\\\\?\\x",
                "\\\\server\\share",
                "\\??\\C:\\x",
                "go/file:stream",
                "go/VERSION::$DATA",
                "go/a\u{80}",
                "go/a\u{9f}",
                "go/a\u{85}b",
            ],
        ),
        (
            PathFault::TrailingDotOrSpace,
            &["go/x.", "go/x ", "go/...", "go/x./y", "go/x /y", "go/.. /x", "go /x", "go./x", "go/VERSION.", " "],
        ),
        (
            PathFault::Device,
            &["go/CON/x", "CON", "go/nul.tar.gz", "go/NUL .txt", "go/aux.go", "go/src/prn.", "go/com1 .c"],
        ),
        (PathFault::ShortName, &["go/ANDROI~2", "go/a~1", "go/PROGRA~1/x", "go/x~10.go", "go/VERSIO~1"]),
        (PathFault::TooLong, &[&long, &deep, &longest, &in_long, &long_path]),
    ];
    let refused = |row: &mut Row, path: &str, fault| {
        let fault = EntryFault::Path { path: path.to_owned(), fault };
        let what = if path.len() < 99 { format!("path {path:?}") } else { format!("path of {} bytes", path.len()) };
        row.add(what, with([ZipEntry::file(path, "")]), (Code::ArchiveUnsafePath, fault));
    };
    for (fault, paths) in table {
        for path in paths {
            // What ends in a dot is told before what is a device.
            let fault = if path.ends_with("prn.") { PathFault::TrailingDotOrSpace } else { fault };
            refused(&mut row, path, fault);
        }
    }
    let controls = (1..0x20u8).chain([0x7f]).chain(*b"\\:<>\"|?*");
    for character in controls.map(char::from) {
        refused(&mut row, &format!("go/src/a{character}b"), PathFault::Character);
    }
    let ports = ["COM", "LPT"].iter().flat_map(|port| "0123456789¹²³".chars().map(move |n| format!("{port}{n}")));
    for device in ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].map(str::to_owned).into_iter().chain(ports) {
        refused(&mut row, &format!("go/{device}"), PathFault::Device);
        refused(&mut row, &format!("go/src/{}.txt", device.to_lowercase()), PathFault::Device);
    }
    encodings(&mut row);
    let twins =
        ["go/..x", "go/a b", "go/nul_.txt", "go/COM10", "go/x~", "go/src/é", &long[..258], &deep[..128], "go/com/x"];
    row.accepted("their neighbours", with(twins.map(|path| ZipEntry::file(path, ""))));
    row.0
}

/// Bytes that are not UTF-8, whatever the flag says, among them what lax decoders take for `/`, `.` or NUL.
fn encodings(row: &mut Row) {
    let names: [(&str, &[u8]); 12] = [
        ("Latin-1", b"go/src/\xe9"),
        ("code page 437", b"go/src/\x82"),
        ("Shift JIS", b"go/src/\x83\x5c"),
        ("a continuation alone", b"go/src/\x80"),
        ("a long slash", b"go/src\xc0\xafx"),
        ("a longer slash", b"go/src\xe0\x80\xafx"),
        ("long dots", b"go/\xc0\xae\xc0\xae/x"),
        ("a long NUL", b"go/src/a\xc0\x80"),
        ("a surrogate", b"go/src/\xed\xa0\x80"),
        ("a pair of surrogates", b"go/src/\xed\xa0\x80\xed\xb0\x80"),
        ("more than Unicode has", b"go/src/\xf4\x90\x80\x80"),
        ("half a character", b"go/src/\xc3"),
    ];
    for (what, name) in names {
        for flags in [0x8, 0x808] {
            let archive = with([ZipEntry::file(name, "").both(|h| h.flags = flags)]);
            let path = String::from_utf8_lossy(name).into_owned();
            let fault = EntryFault::Path { path, fault: PathFault::NotUtf8 };
            row.add(format!("{what} with flags 0x{flags:x}"), archive, malformed(fault));
        }
    }
    let listed = edited(|e| e.central.name = "go/VERSIÖN".into());
    row.malformed("a name beyond ASCII in the directory alone", listed, RecordFault::Flags(0x8));
}

#[test]
fn z11_unsafe_paths() {
    check(&z11(), agree);
}
