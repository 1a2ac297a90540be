//! Places that two entries would share, on this system or on another; and those that may be told late or not at all.

use goverify::archive::{CollisionFault, EntryFault, PathFault};

use super::{Row, SMALL, agree, by_pax, pax, with};
use crate::case::{Case, check};
use crate::names;
use crate::support::tar_entry::{TarEntry, gzip, tar};

fn collision(path: &str, fault: CollisionFault) -> EntryFault {
    EntryFault::Collision { path: path.to_owned(), fault }
}

fn duplicate(path: &str) -> EntryFault {
    collision(path, CollisionFault::Duplicate)
}

/// Each pair of the common table that is of this kind: as files, by pax, and as directories where that collides, too.
fn pairs(row: &mut Row, is_one: impl Fn(&str, &CollisionFault) -> bool) {
    let file = |path: &str| TarEntry::file(path, path);
    for (first, second, fault) in names::colliding() {
        if !is_one(&format!("{first}{second}"), &fault) {
            continue;
        }
        let found = || collision(second, fault.clone());
        row.malformed(format!("{first} and {second}"), with([file(first), file(second)]), found());
        let long = [by_pax(first), TarEntry::file("go/src/other", "").after(pax("path", second))];
        row.malformed(format!("{first} and {second} by pax"), with(long), found());
        if matches!(fault, CollisionFault::FileAndDirectory) {
            continue;
        }
        // `go/VERSION` is a file in any case.
        if second != "go/VERSION" {
            let directories = [first, second].map(|path| TarEntry::directory(format!("{path}/")));
            row.malformed(format!("directories {first} and {second}"), with(directories), found());
        }
        if let CollisionFault::Folded(_) = fault {
            let implied = [file(&format!("{first}/1")), file(&format!("{second}/2"))];
            let path = format!("{second}/2");
            row.malformed(format!("files in {first} and {second}"), with(implied), collision(&path, fault.clone()));
        }
    }
}

pub(crate) fn t22() -> Vec<Case> {
    let mut row = Row::default();
    pairs(&mut row, |_, fault| !matches!(fault, CollisionFault::Folded(_)));
    // Each entry of the SDK twice, with the extended header of the one that has such.
    let paths: Vec<(String, bool)> = SMALL
        .sdk
        .entries()
        .iter()
        .map(|entry| {
            let path = crate::support::sdk::NON_ASCII_PATH;
            let blocks = entry.blocks();
            let extended = blocks[156] == b'x';
            let name = String::from_utf8(blocks[..100].iter().copied().take_while(|&b| b != 0).collect()).unwrap();
            (if extended { format!("go/{path}") } else { name }, blocks[156] == b'5')
        })
        .collect();
    for (path, is_directory) in paths {
        let (name, swapped) = (path.trim_end_matches('/'), CollisionFault::FileAndDirectory);
        let (same, other) = if is_directory {
            (TarEntry::directory(&path), TarEntry::file(name, ""))
        } else {
            (TarEntry::file(&path, "another"), TarEntry::directory(format!("{path}/")))
        };
        row.malformed(format!("{path} again, last"), with([same.clone()]), duplicate(name));
        row.malformed(
            format!("{path} as the other kind, last"),
            with([other.clone()]),
            collision(name, swapped.clone()),
        );
        if !is_directory {
            let below = TarEntry::file(format!("{path}/x"), "");
            row.malformed(
                format!("a file in the file {path}"),
                with([below]),
                collision(&format!("{path}/x"), swapped),
            );
        }
    }
    // The first one is the right one to whoever takes the first, and the last one to whoever takes that.
    let mut first = SMALL.entries.clone();
    first.insert(0, TarEntry::file("go/VERSION", "go1.22.5\ntime 2024-06-27T20:11:12Z\n"));
    row.malformed("VERSION first, and where it was", gzip(&tar(&first)), duplicate("go/VERSION"));
    for (what, second) in [
        ("with another content", TarEntry::file("go/src/x", "second")),
        ("as an executable", TarEntry::file("go/src/x", "first").mode(0o755)),
        ("by pax", by_pax("go/src/x")),
        (
            "of prefix and name",
            TarEntry::file("x", "").header(|h| {
                h.as_ustar_mut().unwrap().prefix[..6].copy_from_slice(b"go/src");
            }),
        ),
        (
            "of a shorter prefix",
            TarEntry::file("src/x", "").header(|h| {
                h.as_ustar_mut().unwrap().prefix[..2].copy_from_slice(b"go");
            }),
        ),
    ] {
        let entries = [TarEntry::file("go/src/x", "first"), second];
        row.malformed(format!("twice, {what}"), with(entries), duplicate("go/src/x"));
    }
    let slashed = [TarEntry::directory("go/src/x"), TarEntry::directory("go/src/x/")];
    row.malformed("a directory with and without its slash", with(slashed), duplicate("go/src/x"));
    let late = [TarEntry::file("go/src/x/y", ""), TarEntry::directory("go/src/x/"), TarEntry::directory("go/src/x/")];
    row.malformed("a directory twice behind its file", with(late), duplicate("go/src/x"));
    row.accepted("each once", with(names::APART.map(|path| TarEntry::file(path, ""))));
    row.0
}

#[test]
fn t22_one_path_twice() {
    check(&t22(), agree);
}

pub(crate) fn t23() -> Vec<Case> {
    let mut row = Row::default();
    pairs(&mut row, |paths, fault| paths.is_ascii() && matches!(fault, CollisionFault::Folded(_)));
    let folded = |path: &str| CollisionFault::Folded(path.to_owned());
    for (path, known) in [
        ("GO/x", "go"),
        ("Go/src/x", "go"),
        ("gO/VERSION", "go"),
        ("go/version", "go/VERSION"),
        ("go/Version", "go/VERSION"),
        ("go/BIN/x", "go/bin"),
        ("go/bin/GO", "go/bin/go"),
        ("go/bin/Go", "go/bin/go"),
        ("go/Src/make.bash", "go/src"),
        ("go/src/Make.bash", "go/src/make.bash"),
        ("go/src/MAKE.BASH", "go/src/make.bash"),
        ("go/PKG/tool/linux_amd64/asm", "go/pkg"),
        ("go/pkg/tool/Linux_amd64/asm", "go/pkg/tool/linux_amd64"),
        ("go/Go.env", "go/go.env"),
    ] {
        row.malformed(format!("file {path}"), with([TarEntry::file(path, "")]), collision(path, folded(known)));
        let directory = TarEntry::directory(format!("{path}/"));
        row.malformed(format!("directory {path}"), with([directory]), collision(path, folded(known)));
        row.malformed(format!("file {path} by pax"), with([by_pax(path)]), collision(path, folded(known)));
    }
    for letter in ('a'..='z').map(String::from) {
        let (lower, upper) = (format!("go/src/{letter}"), format!("go/src/{}", letter.to_uppercase()));
        let pair = [TarEntry::file(&lower, ""), TarEntry::file(&upper, "")];
        row.malformed(format!("{letter} in both cases"), with(pair), collision(&upper, folded(&lower)));
    }
    row.accepted("in other directories", with(["go/src/a/Tmp", "go/src/b/tmp"].map(|path| TarEntry::file(path, ""))));
    row.accepted("in one case", with(["go/src/Tmp", "go/src/Tmp2"].map(|path| TarEntry::file(path, ""))));
    row.0
}

#[test]
fn t23_paths_that_differ_in_case_alone() {
    check(&t23(), agree);
}

pub(crate) fn t24() -> Vec<Case> {
    let mut row = Row::default();
    pairs(&mut row, |paths, fault| !paths.is_ascii() && matches!(fault, CollisionFault::Folded(_)));
    let raw = |name: &[u8]| TarEntry::file("x", "").header(|h| h.as_old_mut().name[..name.len()].copy_from_slice(name));
    for path in names::NOT_NFC {
        let fault = || EntryFault::Path { path: path.to_owned(), fault: PathFault::NotNfc };
        let shown = path.escape_unicode();
        row.malformed(format!("{shown} is not NFC, by pax"), with([TarEntry::file(path, "")]), fault());
        row.malformed(format!("{shown} is not NFC, in ustar"), with([raw(path.as_bytes())]), fault());
        let directory = TarEntry::directory(format!("{path}/"));
        row.malformed(format!("directory {shown} is not NFC"), with([directory]), fault());
    }
    for (what, name) in names::NOT_UTF8 {
        let path = String::from_utf8_lossy(name).into_owned();
        let fault = || EntryFault::Path { path: path.clone(), fault: PathFault::NotUtf8 };
        row.malformed(format!("{what} by pax"), with([TarEntry::file(name, "")]), fault());
        row.malformed(format!("{what} in ustar"), with([raw(name)]), fault());
        row.malformed(format!("{what} of a directory"), with([TarEntry::directory([name, b"/"].concat())]), fault());
    }
    // Composed and decomposed, of which the first is in order until the second comes.
    let forms = [TarEntry::file("go/src/é", ""), TarEntry::file("go/src/e\u{301}", "")];
    let fault = EntryFault::Path { path: "go/src/e\u{301}".to_owned(), fault: PathFault::NotNfc };
    row.malformed("one letter in two forms", with(forms), fault);
    let twice = [TarEntry::file("go/src/é", ""), raw("go/src/é".as_bytes())];
    row.malformed("one name by pax and in ustar", with(twice), duplicate("go/src/é"));
    row.accepted("apart", with(names::APART.map(|path| TarEntry::file(path, ""))));
    row.accepted("in ustar", with([raw("go/src/é".as_bytes())]));
    row.0
}

#[test]
fn t24_paths_that_unicode_calls_equal() {
    check(&t24(), agree);
}

pub(crate) fn t26() -> Vec<Case> {
    let mut row = Row::default();
    // As go1.21.0 and go1.19.8 were published.
    let kinds = |kind: u8| SMALL.entries.iter().filter(move |entry| entry.blocks()[156] == kind).cloned();
    let files: Vec<_> = SMALL.entries.iter().filter(|entry| entry.blocks()[156] != b'5').cloned().collect();
    row.accepted("no directories", gzip(&tar(&files)));
    row.accepted("directories last", gzip(&tar(&[files.clone(), kinds(b'5').collect()].concat())));
    let mut late = SMALL.entries.clone();
    let version = late.iter().position(|entry| entry.blocks().starts_with(b"go/VERSION\0")).unwrap();
    late.swap(0, version);
    row.accepted("VERSION before go", gzip(&tar(&late)));
    let mut reversed: Vec<_> = SMALL.sdk.entries();
    reversed.reverse();
    row.accepted("in reverse", gzip(&tar(&reversed)));
    let depth = |depth: usize| format!("go/src/{}", vec!["d"; depth].join("/"));
    row.accepted("a deep file without its directories", with([TarEntry::file(depth(62), "")]));
    // What is only implied is a directory, and no less so because its entry is missing.
    for (number, directory) in kinds(b'5').enumerate() {
        let name = directory.blocks()[..100].iter().copied().take_while(|&b| b != 0).collect::<Vec<_>>();
        let name = String::from_utf8(name).unwrap();
        let path = name.trim_end_matches('/');
        let as_file = |mut entries: Vec<TarEntry>| {
            entries.push(TarEntry::file(path, ""));
            gzip(&tar(&entries))
        };
        let fault = || collision(path, CollisionFault::FileAndDirectory);
        row.malformed(format!("{number}: {path} is implied, and a file"), as_file(files.clone()), fault());
        let mut first = files.clone();
        first.insert(0, TarEntry::file(path, ""));
        // The first file of the SDK that is below it meets it.
        let archive = gzip(&tar(&first));
        let below = SMALL.sdk.files().keys().map(|file| format!("go/{file}")).find(|file| file.starts_with(&name));
        if path == "go" {
            let outside = (goverify::error::Code::LayoutInvalid, EntryFault::OutsideTop("go".to_owned()));
            row.add(format!("{number}: go is a file, and implied"), archive, outside);
        } else {
            let fault = collision(&below.unwrap(), CollisionFault::FileAndDirectory);
            row.malformed(format!("{number}: {path} is a file, and implied"), archive, fault);
        }
        let twice = [files.clone(), vec![directory.clone(), directory]].concat();
        row.malformed(format!("{number}: {path} is implied, and told twice"), gzip(&tar(&twice)), duplicate(path));
    }
    row.0
}

#[test]
fn t26_directories_that_are_told_late_or_not_at_all() {
    check(&t26(), agree);
}
