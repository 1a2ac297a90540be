//! Paths that lead elsewhere: in the name, in prefix and name, in an extended header, and as directories.

use goverify::archive::{EntryFault, HeaderFault, PathFault, PaxFault, TarFault};
use goverify::error::Code;

use super::fields::{Victim, edited};
use super::{Row, SMALL, agree, by_pax, pax, with};
use crate::case::{Case, check};
use crate::names::{self, Kind};
use crate::support::tar_entry::TarEntry;

fn refused(path: &str, fault: PathFault) -> (Code, TarFault) {
    (Code::ArchiveUnsafePath, EntryFault::Path { path: path.to_owned(), fault }.into())
}

/// A file whose path is in both fields that a header has for it, each part whole.
fn split(path: &str) -> Option<TarEntry> {
    let (prefix, name) = path.split_once('/')?;
    let fits = path.is_ascii() && !prefix.is_empty() && prefix.len() <= 155 && name.len() <= 100;
    fits.then(|| {
        TarEntry::file(name, "").header(|h| {
            h.as_ustar_mut().unwrap().prefix[..prefix.len()].copy_from_slice(prefix.as_bytes());
        })
    })
}

/// Every way to give an entry each refused path of a kind.
fn cases_of(row: &mut Row, kind: Kind) {
    for (_, path, fault) in names::refused().into_iter().filter(|(of, ..)| *of == kind) {
        let shown = names::shown(&path);
        // A file cannot be named like this at all (T21).
        let Some(directory) = path.strip_suffix('/') else {
            row.add(shown.clone(), with([TarEntry::file(&path, "")]), refused(&path, fault));
            if path.is_ascii() && !path.is_empty() && !path.contains('\n') && path.len() <= 100 {
                row.add(format!("pax {shown}"), with([by_pax(&path)]), refused(&path, fault));
            }
            if let Some(entry) = split(&path) {
                row.add(format!("prefix and name of {shown}"), with([entry]), refused(&path, fault));
            }
            let directory = TarEntry::directory(format!("{path}/"));
            row.add(format!("directory, {shown}"), with([directory]), refused(&path, fault));
            continue;
        };
        // As the last of those above for the same path without its slash.
        if names::refused().iter().all(|(_, other, _)| other != directory) {
            row.add(format!("directory, {shown}"), with([TarEntry::directory(&path)]), refused(directory, fault));
        }
        let long = TarEntry::directory("go/src/plain/").after(pax("path", &path));
        row.add(format!("directory, pax {shown}"), with([long]), refused(directory, fault));
    }
    let harmless = names::neighbours();
    row.accepted("their neighbours", with(harmless.iter().map(|path| TarEntry::file(path, ""))));
}

pub(crate) fn t01() -> Vec<Case> {
    let mut row = Row::default();
    cases_of(&mut row, Kind::Up);
    // Not through what a header says when an extended one says otherwise.
    let hidden = TarEntry::file("go/src/harmless", "").after(pax("path", "../../../../tmp/evil"));
    row.add("harmless name, pax path up", with([hidden]), refused("../../../../tmp/evil", PathFault::Dots));
    row.accepted("name up, harmless pax path", with([TarEntry::file("../x", "").after(pax("path", "go/src/x"))]));
    row.accepted("dots in a name", with([TarEntry::file("go/src/..x..y", "")]));
    row.0
}

#[test]
fn t01_up_and_out_of_the_tree() {
    check(&t01(), agree);
}

pub(crate) fn t02() -> Vec<Case> {
    let mut row = Row::default();
    cases_of(&mut row, Kind::Rooted);
    for drive in ('A'..='Z').chain('a'..='z').map(|letter| format!("{letter}:x")) {
        // Two of them are in the table.
        if drive != "C:x" {
            row.add(
                format!("drive {drive}"),
                with([TarEntry::file(&drive, "")]),
                refused(&drive, PathFault::Character),
            );
        }
    }
    for prefix in ["/", "/go", "/etc", "//"] {
        let entry = TarEntry::file("x", "").header(|h| {
            h.as_ustar_mut().unwrap().prefix[..prefix.len()].copy_from_slice(prefix.as_bytes());
        });
        let path = format!("{prefix}/x");
        row.add(format!("prefix {prefix:?}"), with([entry]), refused(&path, PathFault::Absolute));
    }
    row.0
}

#[test]
fn t02_absolute_paths_and_drives() {
    check(&t02(), agree);
}

pub(crate) fn t03() -> Vec<Case> {
    let mut row = Row::default();
    cases_of(&mut row, Kind::Characters);
    // A path ends at the first NUL, and what is behind it another reader may take for more of it.
    for (victim, shown) in [(Victim::File, "file"), (Victim::Directory, "directory"), (Victim::Extension, "header x")] {
        let length = victim.name().len();
        let nul = (Code::ArchiveUnsafePath, HeaderFault::Nul("name"));
        for at in 0..length - 1 {
            let archive = edited(victim, |block| block[at] = 0);
            row.add(format!("{shown}: NUL in its name, byte {at}"), archive, nul);
        }
        for at in (length + 1..100).step_by(3) {
            let archive = edited(victim, |block| block[at] = b'x');
            row.add(format!("{shown}: letter behind its name, byte {at}"), archive, nul);
        }
        let nul = (Code::ArchiveUnsafePath, HeaderFault::Nul("prefix"));
        for at in (1..155).step_by(6) {
            let archive = edited(victim, |block| block[345 + at] = b'x');
            row.add(format!("{shown}: letter behind an empty prefix, byte {at}"), archive, nul);
        }
        let archive = edited(victim, |block| block[345..352].copy_from_slice(b"go\0/etc"));
        row.add(format!("{shown}: NUL in its prefix"), archive, nul);
    }
    // In an extended header they make the record a malformed one (T13).
    for path in ["go/src/a\0b", "go/src/a\0", "\0go/src/a", "go/src\0/../../x", "go/src/a\nb"] {
        row.malformed(format!("pax path {path:?}"), with([by_pax(path)]), PaxFault::Value);
    }
    row.0
}

#[test]
fn t03_characters_that_mean_something_somewhere() {
    check(&t03(), agree);
}

pub(crate) fn t04() -> Vec<Case> {
    let mut row = Row::default();
    cases_of(&mut row, Kind::Devices);
    row.0
}

#[test]
fn t04_windows_devices_and_short_names() {
    check(&t04(), agree);
}

pub(crate) fn t25() -> Vec<Case> {
    let mut row = Row::default();
    cases_of(&mut row, Kind::Shapes);
    for path in names::OUTSIDE {
        let fault = EntryFault::OutsideTop(path.to_owned());
        let outside = (Code::LayoutInvalid, fault);
        row.add(format!("file {path} outside go"), with([TarEntry::file(path, "")]), outside.clone());
        row.add(format!("directory {path} outside go"), with([TarEntry::directory(format!("{path}/"))]), outside);
    }
    for (what, prefix, name, path) in [
        ("a prefix that ends in a slash", "go/src/", "x", "go/src//x"),
        ("a name that begins with one", "go/src", "/x", "go/src//x"),
        ("a prefix of a slash and a name", "go//", "x", "go///x"),
    ] {
        let entry = TarEntry::file(name, "").header(|h| {
            h.as_ustar_mut().unwrap().prefix[..prefix.len()].copy_from_slice(prefix.as_bytes());
        });
        row.add(what, with([entry]), refused(path, PathFault::Empty));
    }
    let (name, long, deep) = ("a".repeat(255), vec!["a".repeat(250); 4].join("/"), ["a"; 63].join("/"));
    row.accepted("the longest name", with([TarEntry::file(format!("go/{name}"), "")]));
    row.accepted("a long path", with([TarEntry::file(format!("go/{long}"), "")]));
    row.accepted("the deepest path", with([TarEntry::file(format!("go/{deep}"), "")]));
    row.accepted("a path of prefix and name", with([split("go/src/a/b").unwrap()]));
    row.accepted("as it is", crate::support::tar_entry::gzip(&SMALL.stream));
    row.0
}

#[test]
fn t25_paths_without_shape() {
    check(&t25(), agree);
}
