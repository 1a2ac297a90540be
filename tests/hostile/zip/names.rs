//! Names: which paths an entry may have, and what no two entries may share.

use goverify::archive::{CollisionFault, EntryFault, PathFault, RecordFault, ZipFault};
use goverify::error::Code;

use super::{Row, agree, edited, extras, malformed, with};
use crate::case::{Case, check};
use crate::names;
use crate::support::zip_entry::ZipEntry;

pub(crate) fn z09() -> Vec<Case> {
    let mut row = Row::default();
    for (first, second, fault) in names::colliding() {
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
    for path in names::NOT_NFC {
        let fault = EntryFault::Path { path: path.to_owned(), fault: PathFault::NotNfc };
        row.malformed(format!("{} is not NFC", path.escape_unicode()), with([ZipEntry::file(path, "")]), fault);
    }
    for path in ["go/src/a\0b", "go/src/a\0", "\0go/src/a", "go/\0", "go/src\0/a", "go/VERSION\0.txt"] {
        let fault = EntryFault::Path { path: path.to_owned(), fault: PathFault::Character };
        row.add(format!("NUL in {path:?}"), with([ZipEntry::file(path, "")]), (Code::ArchiveUnsafePath, fault));
    }
    extras::cases(&mut row);
    row.accepted("apart", with(names::APART.map(|path| ZipEntry::file(path, ""))));
    row.accepted("one of two", with([ZipEntry::file("go/src/a", "second")]));
    row.0
}

#[test]
fn z09_colliding_names() {
    check(&z09(), agree);
}

pub(crate) fn z11() -> Vec<Case> {
    let mut row = Row::default();
    for (_, path, fault) in names::refused() {
        let archive = with([ZipEntry::file(&path, "")]);
        row.add(names::shown(&path), archive, (Code::ArchiveUnsafePath, EntryFault::Path { path, fault }));
    }
    for (what, name) in names::NOT_UTF8 {
        for flags in [0x8, 0x808] {
            let archive = with([ZipEntry::file(name, "").both(|h| h.flags = flags)]);
            let path = String::from_utf8_lossy(name).into_owned();
            let fault = EntryFault::Path { path, fault: PathFault::NotUtf8 };
            row.add(format!("{what} with flags 0x{flags:x}"), archive, malformed(fault));
        }
    }
    let listed = edited(|e| e.central.name = "go/VERSIÖN".into());
    row.malformed("a name beyond ASCII in the directory alone", listed, RecordFault::Flags(0x8));
    row.accepted("their neighbours", with(names::neighbours().iter().map(|path| ZipEntry::file(path, ""))));
    row.0
}

#[test]
fn z11_unsafe_paths() {
    check(&z11(), agree);
}
