//! Names: which paths an entry may have, and what no two entries may share.

use goverify::archive::{CollisionFault, PathFault, RecordFault, ZipFault};
use goverify::error::Code;

use super::support::zip_entry::{ZipEntry, zip};
use super::{assert_accepted, assert_fault, assert_malformed, with};

#[test]
fn z09_colliding_names() {
    let folded = |path: &str| CollisionFault::Folded(path.to_owned());
    for (first, second, fault) in [
        ("go/src/a", "go/src/a", CollisionFault::Duplicate),
        ("go/src/Tmp", "go/src/tmp", folded("go/src/Tmp")),
        ("go/src/Tmp/x", "go/src/tmp/y", folded("go/src/Tmp")),
        ("go/src/ß", "go/src/ss", folded("go/src/ß")),
        ("go/src/ﬁ", "go/src/fi", folded("go/src/ﬁ")),
        ("go/src/a", "go/src/a/b", CollisionFault::FileAndDirectory),
        ("go/src/a/b", "go/src/a", CollisionFault::FileAndDirectory),
    ] {
        let entries = [first, second].map(|path| ZipEntry::file(path, ""));
        assert_malformed(&with(entries), ZipFault::Collision { path: second.to_owned(), fault }, second);
    }
    let not_nfc = "go/src/e\u{301}".to_owned();
    let expected = ZipFault::Path { path: not_nfc.clone(), fault: PathFault::NotNfc };
    assert_malformed(&with([ZipEntry::file(&not_nfc, "")]), expected, "not_nfc");
    // A field that would give the entry another name (Unicode Path, 0x7075).
    let name = b"go/src/other";
    let field = [&[0x75, 0x70, 17, 0, 1][..], &crc32fast::hash(b"go/src/a").to_le_bytes(), name].concat();
    let renamed = ZipEntry::file("go/src/a", "").both(|h| h.extra.extend(&field));
    assert_malformed(&with([renamed]), RecordFault::Extra, "unicode_path");
    let nul = "go/src/a\0b".to_owned();
    let expected = ZipFault::Path { path: nul.clone(), fault: PathFault::Character };
    assert_fault(&with([ZipEntry::file(&nul, "")]), expected, Code::ArchiveUnsafePath, "NUL");
    assert_accepted(&with(["go/src/Tmp", "go/src/tmp2", "go/src/é/b"].map(|path| ZipEntry::file(path, ""))), "apart");
}

#[test]
fn z11_unsafe_paths() {
    let long = format!("go/{}", "a".repeat(256));
    let deep = format!("go/{}", vec!["a"; 64].join("/"));
    let longest = format!("go/{}", vec!["a"; 16_000].join("/"));
    for (path, fault) in [
        ("../x", PathFault::Dots),
        ("go/a/../../../x", PathFault::Dots),
        ("go/..", PathFault::Dots),
        ("go/src/../", PathFault::Dots),
        ("./go/x", PathFault::Dots),
        ("/etc/x", PathFault::Absolute),
        ("//x", PathFault::Absolute),
        ("", PathFault::Empty),
        ("/", PathFault::Empty),
        ("go//x", PathFault::Empty),
        ("go/src//", PathFault::Empty),
        ("C:\\x", PathFault::Character),
        ("C:x", PathFault::Character),
        ("go\\x", PathFault::Character),
        ("go/..\\..\\x", PathFault::Character),
        ("\\\\?\\x", PathFault::Character),
        ("go/a\u{1b}", PathFault::Character),
        ("go/x.", PathFault::TrailingDotOrSpace),
        ("go/nul.txt", PathFault::Device),
        ("go/COM¹", PathFault::Device),
        ("go/ANDROI~2", PathFault::ShortName),
        (&long, PathFault::TooLong),
        (&deep, PathFault::TooLong),
        (&longest, PathFault::TooLong),
    ] {
        let expected = ZipFault::Path { path: path.to_owned(), fault };
        assert_fault(&with([ZipEntry::file(path, "")]), expected, Code::ArchiveUnsafePath, path);
    }
    // Not UTF-8, whatever the flag says; and UTF-8 under the wrong flag.
    for flags in [0x8, 0x808] {
        let latin1 = ZipEntry::file(b"go/src/\xe9", "").both(|h| h.flags = flags);
        let expected = ZipFault::Path { path: "go/src/\u{fffd}".to_owned(), fault: PathFault::NotUtf8 };
        assert_malformed(&with([latin1]), expected, flags);
    }
    for (path, flags) in [("go/src/é", 0x8), ("go/src/e", 0x808)] {
        let other = ZipEntry::file(path, "").both(|h| h.flags = flags);
        assert_malformed(&with([other]), RecordFault::Flags(flags), path);
    }
    let twins = ["go/..x", "go/a b", "go/nul_.txt", "go/COM10", "go/x~", "go/src/é", &long[..258], &deep[..128]];
    assert_accepted(&with(twins.map(|path| ZipEntry::file(path, ""))), "their neighbours");
}

#[test]
fn z13_directories_and_what_is_not_in_go() {
    for (what, entry) in [
        ("empty", ZipEntry::file("go/src/", "")),
        ("with content", ZipEntry::file("go/src/", "content")),
        ("with a directory's mode", ZipEntry::file("go/src/", "").edit(|e| e.central.external = 0o040_755 << 16)),
    ] {
        assert_malformed(&with([entry]), ZipFault::Directory("go/src/".to_owned()), what);
    }
    let lies = ZipEntry::file("go/src/", "").edit(|e| e.local.size = 7);
    assert_malformed(&with([lies]), RecordFault::NotZero("size before the content"), "size before the content");
    for path in ["golang/x", "go.env", "gox/x", "src/go/x", "x"] {
        let expected = ZipFault::OutsideTop(path.to_owned());
        assert_fault(&with([ZipEntry::file(path, "")]), expected, Code::LayoutInvalid, path);
    }
    let alone = zip(&[ZipEntry::file("go", "")]);
    assert_fault(&alone, ZipFault::OutsideTop("go".to_owned()), Code::LayoutInvalid, "go as a file");
    assert_accepted(&with(["go/golang/x", "go/go/x"].map(|path| ZipEntry::file(path, ""))), "in go");
}
