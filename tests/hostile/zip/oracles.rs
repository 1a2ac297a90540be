//! Other readers of zip archives.
//!
//! - The `zip` crate, Python's `zipfile` and Info-ZIP's `unzip` begin at the end; `bsdtar` does so with a file, and
//!   begins in front with a pipe.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use super::{ROWS, files};
use crate::readers::{
    Difference, Files, Seen, Views, assert_different, available, python, run, scratch, seen, unpacked, written,
};

pub(super) fn zip_crate(archive: &[u8]) -> Seen {
    let mut reader = ::zip::ZipArchive::new(Cursor::new(archive)).map_err(|error| error.to_string())?;
    let mut files = Files::new();
    for index in 0..reader.len() {
        let mut file = reader.by_index(index).map_err(|error| error.to_string())?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(|error| error.to_string())?;
        let path = file.name().map_err(|error| error.to_string())?.into_owned();
        let twice = files.insert(path, seen(&content));
        if twice.is_some() || !file.is_file() {
            return Err("twice the same name, or no file".to_owned());
        }
    }
    Ok(files)
}

/// For each archive named on the command line one line: its files, or `null` and why not.
const PYTHON: &str = r#"
import hashlib, json, sys, zipfile
for path in sys.argv[1:]:
    try:
        with zipfile.ZipFile(path) as archive:
            files = {}
            for info in archive.infolist():
                content = archive.read(info)
                assert info.filename not in files, "twice the same name"
                files[info.filename] = [hashlib.sha256(content).hexdigest(), len(content)]
        print(json.dumps([files, ""]))
    except Exception as error:
        print(json.dumps([None, f"{type(error).__name__}: {error}"]))
"#;

/// The list's sizes and names, and the contents one behind another.
fn unzip(archive: &str) -> Seen {
    let list = run("unzip", &["-vqq", archive], b"")?;
    let contents = run("unzip", &["-p", archive], b"")?;
    let (mut files, mut rest) = (Files::new(), &contents[..]);
    for line in String::from_utf8_lossy(&list).lines() {
        // Length, method, size, ratio, date, time and CRC-32, and then a name, which may have spaces.
        let cut =
            |line: &str| line.trim_start().split_once(' ').map(|(column, rest)| (column.to_owned(), rest.to_owned()));
        let (length, mut name) = cut(line).unwrap();
        for _ in 1..7 {
            name = cut(&name).unwrap().1;
        }
        let content;
        (content, rest) = rest.split_at_checked(length.parse().unwrap()).ok_or("less content than files")?;
        if files.insert(name.strip_prefix(' ').unwrap().to_owned(), seen(content)).is_some() {
            return Err("twice the same name".to_owned());
        }
    }
    if rest.is_empty() { Ok(files) } else { Err("more content than files".to_owned()) }
}

/// What bsdtar writes into a zip of its own of what it reads.
fn bsdtar(zip: &str) -> Seen {
    zip_crate(&run("bsdtar", &["-cf", "-", "--format=zip", &format!("@{zip}")], b"")?)
}

/// What bsdtar unpacks as it comes; the sizes that another archive would need it does not know in front.
fn bsdtar_at_a_pipe(archive: &[u8]) -> Seen {
    let folder = scratch();
    run("bsdtar", &["-xf", "-", "-C", folder.path().to_str().unwrap()], archive)?;
    let mut files = unpacked(folder.path());
    files.retain(|path, _| !path.ends_with('/'));
    Ok(files)
}

/// What every reader at hand makes of each archive.
fn views(archives: &[&[u8]]) -> Vec<Views> {
    let folder = scratch();
    let paths = written(&folder, archives, "zip");
    let mut views: Vec<Views> = archives.iter().map(|archive| vec![("zip crate", zip_crate(archive))]).collect();
    let mut add = |reader, seen: Vec<Seen>| {
        views.iter_mut().zip(seen).for_each(|(views, seen)| views.push((reader, seen)));
    };
    if available("python3", "--version") {
        add("python", python(PYTHON, &paths));
    }
    if available("unzip", "-v") {
        add("unzip", paths.iter().map(|path| unzip(path)).collect());
    }
    if available("bsdtar", "--version") {
        add("bsdtar", paths.iter().map(|path| bsdtar(path)).collect());
        add("bsdtar at a pipe", archives.iter().map(|archive| bsdtar_at_a_pipe(archive)).collect());
    }
    views
}

#[test]
fn whatever_is_accepted_every_reader_sees_alike() {
    let mut known = BTreeSet::new();
    // Trees of tens of thousands of files say no more, and take the others long to read.
    let rows = ROWS.iter().filter(|(row, _)| *row != "z12").flat_map(|(_, row)| row());
    let twins = rows.filter(|case| case.rejected.is_none() && known.insert(case.archive.clone()));
    let cases: Vec<_> = twins.collect();
    let views = views(&cases.iter().map(|case| &case.archive[..]).collect::<Vec<_>>());
    for (case, views) in cases.iter().zip(views) {
        let ours = Ok(files(&case.judge().unwrap()));
        for (reader, seen) in views {
            assert_eq!(seen, ours, "{reader}: {}", case.what);
        }
    }
    assert!(cases.len() > 40, "{}", cases.len());
}

/// Who believes the directory sees one thing, who believes the local headers another, and neither complains: this is
/// what the rows are about.
#[test]
fn readers_see_different_files_in_what_is_rejected() {
    const PIPE: &str = "bsdtar at a pipe";
    let differences: [(&str, &str, &[&str], &[&str], &str); 11] = [
        ("z01", "central name shorter", &["go/VERSIO"], &["go/VERSION"], "bsdtar"),
        ("z01", "local name shorter", &["go/VERSION"], &["go/VERSIO"], PIPE),
        ("z02", "3 entries quoted by another and listed", &["go/src/hidden0"], &[], PIPE),
        ("z02", "an archive before record 3", &["go/src/make.bash"], &["go/src/other"], PIPE),
        ("z03", "another archive before it", &["go/VERSION"], &["go/other"], PIPE),
        ("z03", "another archive behind it", &["go/other"], &["go/VERSION"], PIPE),
        ("z03", "a whole archive in the comment", &["go/other"], &["go/VERSION"], PIPE),
        ("z04", "no entries", &[], &["go/VERSION"], "python"),
        ("z05", "unlisted entry before entry 0", &[], &["go/src/shadow"], PIPE),
        ("z05", "unlisted entry before entry 10", &[], &["go/src/shadow"], PIPE),
        ("z05", "entry 3 is not listed", &[], &["go/go.env"], PIPE),
    ];
    let differences = differences.map(|(row, what, by_crate, by_other, other)| Difference {
        row,
        what,
        one: ("zip crate", by_crate),
        other: (other, by_other),
    });
    assert_different(ROWS, &differences, views);
}
