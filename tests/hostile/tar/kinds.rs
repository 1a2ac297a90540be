//! What an entry is: a file or a directory, and neither a link nor anything else that an archive can make.
//!
//! Links are refused where they are, and so whatever could be done through them: no later entry is looked at.

use goverify::archive::{HeaderFault, TarFault};

use super::fields::{Victim, patched};
use super::{Row, SMALL, agree, pax, with};
use crate::case::{Case, check};
use crate::support::tar_entry::{TarEntry, gzip, pax_record, tar};

const SYMBOLIC: HeaderFault = HeaderFault::ForbiddenType(b'2');
const HARD: HeaderFault = HeaderFault::ForbiddenType(b'1');

/// Where links of published attacks point to.
const TARGETS: [&str; 19] = [
    "/etc/passwd",
    "/etc",
    "/",
    "/tmp",
    "/root/.ssh/authorized_keys",
    "..",
    "../..",
    "../../../../etc/passwd",
    "../../../../../../../../tmp",
    ".",
    "",
    "VERSION",
    "src",
    "link",
    "go/src/link",
    "/proc/self/root",
    "/proc/self/cwd",
    "C:\\Windows",
    "\\\\server\\share",
];

fn hard(path: &str, target: &str) -> TarEntry {
    TarEntry::link(path, target).kind(b'1')
}

fn file(path: &str) -> TarEntry {
    TarEntry::file(path, "root::0:0:root:/root:/bin/sh\n")
}

/// What is accepted where nothing of it is a link.
fn without_links(row: &mut Row) {
    row.accepted("a file of a link's name", with([file("go/src/link")]));
    row.accepted(
        "a directory of a link's name, and a file in it",
        with([TarEntry::directory("go/src/link/"), file("go/src/link/passwd")]),
    );
}

pub(crate) fn t05() -> Vec<Case> {
    let mut row = Row::default();
    for target in TARGETS {
        let link = || TarEntry::link("go/src/link", target);
        row.forbidden(format!("link to {target:?}"), with([link()]), SYMBOLIC);
        let through = [link(), file("go/src/link/passwd")];
        row.forbidden(format!("link to {target:?}, and a file through it"), with(through), SYMBOLIC);
        let same = [link(), file("go/src/link")];
        row.forbidden(format!("link to {target:?}, and a file of its name"), with(same), SYMBOLIC);
        let long = TarEntry::link("go/src/plain", "x").after(pax("linkpath", target));
        let fault = goverify::archive::PaxFault::Record;
        row.malformed(format!("link to {target:?} by pax"), with([long]), fault);
    }
    // Whichever entry it replaces or precedes, be it needed or not.
    for index in 0..SMALL.entries.len() {
        let mut entries = SMALL.entries.clone();
        entries.insert(index, TarEntry::link("go/src/link", "/etc"));
        // Behind an extended header it is its path that is told.
        row.forbidden(format!("link before entry {index}"), gzip(&tar(&entries)), SYMBOLIC);
    }
    for path in ["go/VERSION", "go/bin/go", "go", "go/", "go/src", "go/src/", "go/src/new/", "../x", "/x", "x"] {
        row.forbidden(format!("link in the place of {path}"), with([TarEntry::link(path, "/etc")]), SYMBOLIC);
    }
    row.forbidden("link with content", with([file("go/src/link").kind(b'2')]), SYMBOLIC);
    without_links(&mut row);
    row.0
}

#[test]
fn t05_symlink_then_file_through_it() {
    check(&t05(), agree);
}

pub(crate) fn t06() -> Vec<Case> {
    let mut row = Row::default();
    for target in TARGETS {
        let (link, directory) = (TarEntry::link("go/src/link", target), TarEntry::directory("go/src/link/"));
        let both = [link.clone(), directory.clone()];
        row.forbidden(format!("link to {target:?}, and a directory of its name"), with(both), SYMBOLIC);
        let other_way = [directory.clone(), link.clone()];
        row.forbidden(format!("directory, and a link to {target:?} of its name"), with(other_way), SYMBOLIC);
        let executable = [link, directory.mode(0o755), file("go/src/link/x").mode(0o755)];
        row.forbidden(format!("link to {target:?}, a directory, and a file in it"), with(executable), SYMBOLIC);
    }
    let slashed = [TarEntry::link("go/src/link/", "/etc"), TarEntry::directory("go/src/link")];
    row.forbidden("link whose name ends in a slash, and a directory", with(slashed), SYMBOLIC);
    without_links(&mut row);
    row.0
}

#[test]
fn t06_symlink_and_directory_of_one_name() {
    check(&t06(), agree);
}

pub(crate) fn t07() -> Vec<Case> {
    let mut row = Row::default();
    for target in TARGETS {
        row.forbidden(format!("hard link to {target:?}"), with([hard("go/src/link", target)]), HARD);
        let chain = [TarEntry::link("go/src/a", target), hard("go/src/b", "go/src/a/passwd"), file("go/src/b")];
        row.forbidden(format!("hard link through a link to {target:?}"), with(chain), SYMBOLIC);
        let written = [hard("go/src/link", target), file("go/src/link")];
        row.forbidden(format!("hard link to {target:?}, and a file that is written through it"), with(written), HARD);
    }
    for target in ["go/VERSION", "go/bin/go", "go/src/make.bash"] {
        row.forbidden(format!("hard link to {target} of the same archive"), with([hard("go/src/link", target)]), HARD);
    }
    row.forbidden("hard link with content", with([file("go/src/link").kind(b'1')]), HARD);
    // A link's target where none belongs: some readers take the field for the type.
    for victim in Victim::ALL {
        for at in (0..100).step_by(9) {
            let fault = HeaderFault::NotEmpty("linkname");
            let archive = patched(victim, 157 + at, b"x");
            row.malformed(format!("{victim:?}: letter in the link's target, byte {at}"), archive, fault);
        }
        for target in ["/etc/passwd", "go/VERSION"] {
            let fault = HeaderFault::NotEmpty("linkname");
            let archive = patched(victim, 157, target.as_bytes());
            row.malformed(format!("{victim:?}: {target} as a link's target"), archive, fault);
        }
    }
    without_links(&mut row);
    row.0
}

#[test]
fn t07_hard_links() {
    check(&t07(), agree);
}

/// The chain of CVE-2025-4517: directories of long names, and as many short links to them, so that the last link's
/// real path is longer than PATH_MAX and stays unresolved.
fn unresolvable(depth: usize) -> Vec<TarEntry> {
    let long = "d".repeat(60);
    let mut entries = Vec::new();
    let mut path = "go/src".to_owned();
    for letter in ('a'..='z').take(depth) {
        entries.push(TarEntry::directory(format!("{path}/{long}/")));
        entries.push(TarEntry::link(format!("{path}/{letter}"), &long));
        path = format!("{path}/{letter}");
    }
    let up = vec![".."; depth].join("/");
    entries.push(TarEntry::link(format!("{path}/escape"), &up));
    entries.push(file(&format!("{path}/escape/../../etc/passwd")));
    entries
}

pub(crate) fn t08() -> Vec<Case> {
    let mut row = Row::default();
    for depth in 1..=16 {
        row.forbidden(format!("{depth} links to long names"), with(unresolvable(depth)), SYMBOLIC);
        // Forty are followed on Linux, and no more than these fit in a path.
        let loops = (0..depth).map(|n| TarEntry::link(format!("go/src/{n}"), &(n + 1).to_string()));
        row.forbidden(format!("{depth} links, each to the next"), with(loops), SYMBOLIC);
    }
    let around = [TarEntry::link("go/src/a", "b"), TarEntry::link("go/src/b", "a"), file("go/src/a/x")];
    row.forbidden("links around", with(around), SYMBOLIC);
    for (what, target) in [
        ("a directory that is not there, and up", "missing/../../../.."),
        ("a file as a directory, and up", "make.bash/../../.."),
        ("many slashes", "/////etc"),
        ("up in the middle", "a/../../b/../../../etc"),
        ("dots that need not be", "./././../../../etc"),
    ] {
        let entries = [TarEntry::link("go/src/link", target), file("go/src/link/passwd")];
        row.forbidden(format!("link through {what}"), with(entries), SYMBOLIC);
    }
    let real = unresolvable(8).into_iter().filter(|entry| entry.blocks()[156] == b'5').count();
    assert_eq!(real, 8);
    let long = |depth: usize| vec!["d".repeat(60); depth].join("/");
    let directories = (1..=15).map(|depth| TarEntry::directory(format!("go/src/{}/", long(depth))));
    row.accepted("directories of long names", with(directories));
    row.0
}

#[test]
fn t08_links_whose_targets_cannot_be_resolved() {
    check(&t08(), agree);
}

pub(crate) fn t09() -> Vec<Case> {
    let mut row = Row::default();
    let (extensions, files) = (*b"gXLK", *b"05x");
    for kind in 0..=u8::MAX {
        if extensions.contains(&kind) || files.contains(&kind) {
            continue;
        }
        let fault = HeaderFault::ForbiddenType(kind);
        row.forbidden(format!("type 0x{kind:02x}"), with([TarEntry::file("go/src/x", "").kind(kind)]), fault);
    }
    // What needs its device's number, its size, or its name's slash, with those.
    for (what, kind) in [("character device", b'3'), ("block device", b'4'), ("fifo", b'6')] {
        let device = TarEntry::file("go/src/x", "").kind(kind).header(|h| {
            h.set_device_major(1).unwrap();
            h.set_device_minor(3).unwrap();
        });
        row.forbidden(format!("{what} with a number"), with([device]), HeaderFault::ForbiddenType(kind));
    }
    for kind in *b"1234678ADMNSVZs~" {
        let fault = HeaderFault::ForbiddenType(kind);
        row.forbidden(format!("type {:?} with content", char::from(kind)), with([file("go/src/x").kind(kind)]), fault);
        let named = with([TarEntry::directory("go/src/x/").kind(kind)]);
        row.forbidden(format!("type {:?} named like a directory", char::from(kind)), named, fault);
        let after = TarEntry::file("go/src/plain", "").kind(kind).after(pax("path", "go/src/x"));
        row.forbidden(format!("type {:?} behind a pax header", char::from(kind)), with([after]), fault);
    }
    // A member of several volumes whose earlier part is said to be elsewhere (GNU tar's `--multi-volume`).
    let continued =
        file("go/src/x").kind(b'M').header(|h| h.as_mut_bytes()[369..381].copy_from_slice(b"00000010000\0"));
    row.forbidden("a later part of a file", with([continued]), HeaderFault::ForbiddenType(b'M'));
    let dump = TarEntry::extension(b'D', "Ypasswd\0\0");
    row.forbidden("a directory's list of names", with([dump]), HeaderFault::ForbiddenType(b'D'));
    let label = TarEntry::extension(b'V', "");
    row.forbidden("a volume's label", with([label]), HeaderFault::ForbiddenType(b'V'));
    let last = TarFault::Truncated;
    row.malformed("a type and no more", gzip(&SMALL.stream[..157]), last);
    row.accepted(
        "a file, a directory and a header x",
        with([
            file("go/src/a"),
            TarEntry::directory("go/src/b/"),
            TarEntry::extension(b'x', pax_record("path", b"go/src/c")),
            file("go/src/d"),
        ]),
    );
    row.0
}

#[test]
fn t09_devices_and_what_else_is_no_file() {
    check(&t09(), agree);
}
