//! What an entry is: a regular file in `go/`, and neither a link, a device nor a directory.

use goverify::archive::{CollisionFault, EntryFault, RecordFault, ZipFault};
use goverify::error::Code;

use super::fields::Record::Central;
use super::fields::{sweep, sweep_values};
use super::{Row, agree, edited, edited_in_both, forbidden, malformed, with};
use crate::case::{Case, check};
use crate::names;
use crate::support::zip_entry::{ZipEntry, zip};

pub(crate) fn z08() -> Vec<Case> {
    let mut row = Row::default();
    let kind = |mode| forbidden(RecordFault::ForbiddenType(u16::try_from(mode).unwrap()));
    // Every type that four bits can tell but that of a regular file, with modes of files and of links.
    let types = || (0..16).filter(|&kind| kind != 0o10).map(|kind| kind << 12);
    for permissions in [0o644, 0o755, 0o777] {
        sweep_values(&mut row, &[Central], "mode", types().map(|kind| kind | permissions), kind);
    }
    sweep_values(&mut row, &[Central], "mode", [0, 0o040_000, 0o120_000], kind);
    let mode = |mode: u32| malformed(RecordFault::Mode(u16::try_from(mode & 0o7777).unwrap()));
    // Each bit of 0644 the other way, and modes that files have elsewhere.
    let bits = (0..12).map(|bit| 0o644 ^ 1 << bit);
    let others = [0, 0o400, 0o555, 0o600, 0o666, 0o700, 0o775, 0o777, 0o1755, 0o2755, 0o4755, 0o7777];
    for permissions in bits.chain(others) {
        let archive = edited(|e| *e = e.clone().mode(permissions));
        row.add(format!("mode {permissions:04o}"), archive, mode(permissions));
    }
    let not_zero = |what| move |_| malformed(RecordFault::NotZero(what));
    // Read-only, hidden, system, label, directory, archive and whatever else.
    sweep_values(&mut row, &[Central], "DOS attributes", (0..16).map(|bit| 1 << bit), not_zero("DOS attributes"));
    sweep(&mut row, &[Central], "internal attributes", not_zero("internal attributes"));
    links(&mut row);
    for mode in [0o644, 0o755] {
        row.accepted(format!("mode {mode:04o}"), edited(|e| *e = e.clone().mode(mode)));
    }
    row.0
}

/// Links as archivers write them, with a target as content (RUSTSEC-2025-0168, CVE-2026-56876, CVE-2026-76845), and in
/// the extra fields of PKWARE's Unix and of ASi, which have their own places for types and targets (§4.5.7, §4.6).
fn links(row: &mut Row) {
    const LINK: u32 = 0o120_777 << 16;
    let link = |target: &str| ZipEntry::file("go/src/link", target).edit(|e| e.central.external = LINK);
    let fault = RecordFault::ForbiddenType(0o120_777);
    for target in
        ["/etc/passwd", "../../../etc/passwd", "..", ".", "VERSION", "go/src/link", "", "/proc/self/root", "a\0b"]
    {
        row.forbidden(format!("link to {target:?}"), with([link(target)]), fault);
    }
    let below = ZipEntry::file("go/src/link/passwd", "root::0:0");
    let through = CollisionFault::FileAndDirectory;
    let fault_below = EntryFault::Collision { path: "go/src/link/passwd".to_owned(), fault: through.clone() };
    row.malformed("link, and a file through it", with([link("/etc"), below.clone()]), fault_below);
    let fault_above = EntryFault::Collision { path: "go/src/link".to_owned(), fault: through };
    row.malformed("file, and a link in its directory's place", with([below, link("/etc")]), fault_above);
    let twice = EntryFault::Collision { path: "go/src/link".to_owned(), fault: CollisionFault::Duplicate };
    let same = ZipEntry::file("go/src/link", "root::0:0");
    row.malformed("link, and a file of its name", with([link("/etc/passwd"), same]), twice);
    let from_dos = link("/etc/passwd").edit(|e| e.central.made_by = 20);
    row.malformed("link made by DOS, where it would be none", with([from_dos]), RecordFault::MadeBy(20));
    let unix = |tail: &[u8]| {
        let data = [&[0; 12][..], tail].concat();
        [&[0x0d, 0][..], &u16::try_from(data.len()).unwrap().to_le_bytes(), &data].concat()
    };
    let asi =
        [&[0x6e, 0x75, 25, 0][..], &[0; 4], &0o120_777u16.to_le_bytes(), &11u32.to_le_bytes(), &[0; 4], b"/etc/passwd"]
            .concat();
    for (what, field) in [
        ("a link's target", unix(b"/etc/passwd")),
        ("a device's number", unix(&[1, 3, 0, 0, 0, 0, 0, 0])),
        ("ASi's link", asi),
    ] {
        row.malformed(
            format!("Unix field with {what}"),
            edited_in_both(|h| h.extra.extend(&field)),
            RecordFault::Extra,
        );
    }
    row.accepted("file that is called a link", with([ZipEntry::file("go/src/link", "/etc/passwd")]));
}

#[test]
fn z08_links_and_devices() {
    check(&z08(), agree);
}

pub(crate) fn z13() -> Vec<Case> {
    let mut row = Row::default();
    for path in ["go/", "go/src/", "go/bin/", "go/src/new/", "go/VERSION/", "x/", "golang/"] {
        let fault = ZipFault::Directory(path.to_owned());
        row.malformed(format!("directory {path}"), with([ZipEntry::file(path, "")]), fault.clone());
        let content = with([ZipEntry::file(path, "content")]);
        row.malformed(format!("directory {path} with content"), content, fault.clone());
        let kind = with([ZipEntry::file(path, "").edit(|e| e.central.external = 0o040_755 << 16 | 0x10)]);
        row.malformed(format!("directory {path} with a directory's mode"), kind, fault);
    }
    // Directories as most writers have them: stored, with sizes in front, which should be zero (Go's test-baddirsz).
    for (what, size) in [("empty", 0), ("of seven bytes", 7), ("of 4 GiB", u32::MAX)] {
        let directory = ZipEntry::deflated(b"go/src/", Vec::new(), 0, 0).edit(|e| {
            *e = e.clone().both(|h| (h.flags, h.method, h.version, h.compressed, h.size) = (0, 0, 10, size, size));
            e.central.external = 0o040_755 << 16 | 0x10;
            e.descriptor.clear();
        });
        row.forbidden(format!("stored directory {what}"), with([directory]), RecordFault::ForbiddenMethod(0));
    }
    for (what, edit) in [
        ("size", (|e| e.local.size = 7) as fn(&mut ZipEntry)),
        ("compressed size", |e| e.local.compressed = 7),
        ("CRC-32", |e| e.local.crc = 7),
    ] {
        let fault = match what {
            "size" => RecordFault::NotZero("size before the content"),
            "CRC-32" => RecordFault::NotZero("CRC-32 before the content"),
            _ => RecordFault::NotZero("compressed size before the content"),
        };
        row.malformed(
            format!("directory with a {what} in front"),
            with([ZipEntry::file("go/src/", "").edit(edit)]),
            fault,
        );
    }
    outside(&mut row);
    row.0
}

fn outside(row: &mut Row) {
    for path in names::OUTSIDE {
        let fault = EntryFault::OutsideTop(path.to_owned());
        row.add(format!("{path} outside go"), with([ZipEntry::file(path, "")]), (Code::LayoutInvalid, fault));
    }
    let alone = zip(&[ZipEntry::file("go", "")]);
    row.add("go as a file", alone, (Code::LayoutInvalid, EntryFault::OutsideTop("go".to_owned())));
    let folded = CollisionFault::Folded("go".to_owned());
    for path in ["GO/x", "Go/x", "ｇｏ/x", "GO"] {
        let fault = EntryFault::Collision { path: path.to_owned(), fault: folded.clone() };
        row.malformed(format!("{path} beside go"), with([ZipEntry::file(path, "")]), fault);
    }
    let fault = EntryFault::Collision { path: "go".to_owned(), fault: CollisionFault::FileAndDirectory };
    row.malformed("go as a file beside go", with([ZipEntry::file("go", "")]), fault);
    row.accepted("in go", with(["go/golang/x", "go/go/x"].map(|path| ZipEntry::file(path, ""))));
}

#[test]
fn z13_directories_and_what_is_not_in_go() {
    check(&z13(), agree);
}
