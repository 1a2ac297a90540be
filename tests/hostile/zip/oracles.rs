//! Other readers of zip archives.
//!
//! - The `zip` crate, Python's `zipfile` and Info-ZIP's `unzip` begin at the end; `bsdtar` does so with a file, and
//!   begins in front with a pipe.
//! - Whatever is accepted, each of them must find the same files with the same content.
//! - Where two of them see different things in one archive, it is no dud.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Cursor, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{ROWS, files};

/// Digest and size of each file, by its path.
pub(super) type Files = BTreeMap<String, ([u8; 32], u64)>;
/// What a reader makes of an archive: files, or a complaint.
type Seen = Result<Files, String>;

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

fn seen(content: &[u8]) -> ([u8; 32], u64) {
    (Sha256::digest(content).into(), content.len() as u64)
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

/// A program that may be missing, in which case that is said once.
fn available(program: &str, version: &str) -> bool {
    let found = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        // Past the test harness, which would swallow what a passing test prints.
        std::io::stderr().write_all(format!("skipped: there is no {program}\n").as_bytes()).unwrap();
    }
    found
}

fn python(archives: &[String]) -> Vec<Seen> {
    let output = Command::new("python3").args(["-c", PYTHON]).args(archives).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let seen = |line: &str| -> Seen {
        let (files, complaint): (Option<BTreeMap<String, (String, u64)>>, String) = serde_json::from_str(line).unwrap();
        let digest = |hex: String| hex::decode(hex).unwrap().try_into().unwrap();
        files
            .map(|files| files.into_iter().map(|(path, (hex, size))| (path, (digest(hex), size))).collect())
            .ok_or(complaint)
    };
    let seen: Vec<_> = text.lines().map(seen).collect();
    assert_eq!(seen.len(), archives.len(), "{}", String::from_utf8_lossy(&output.stderr));
    seen
}

/// The output of a program that is fed `input` through a pipe.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let mut command = Command::new(program);
    // Names beyond ASCII are written only where the locale has them.
    command.args(arguments).env("LC_ALL", "C.UTF-8");
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // A program that has seen enough closes its end.
        scope.spawn(move || _ = stdin.write_all(input));
        child.wait_with_output().unwrap()
    });
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// A folder in memory where the system has such, since many small files are slow on a busy disk.
fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

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
    let (mut files, mut folders) = (Files::new(), vec![folder.path().to_owned()]);
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder.path()).unwrap().to_str().unwrap();
                files.insert(name.replace('\\', "/"), seen(&fs::read(&path).unwrap()));
            }
        }
    }
    Ok(files)
}

/// What every reader at hand makes of each archive.
fn views(archives: &[&[u8]]) -> Vec<Vec<(&'static str, Seen)>> {
    let folder = scratch();
    let path = |(n, archive): (usize, &&[u8])| {
        let path = folder.path().join(format!("{n}.zip")).to_str().unwrap().to_owned();
        fs::write(&path, archive).unwrap();
        path
    };
    let paths: Vec<String> = archives.iter().enumerate().map(path).collect();
    let mut views: Vec<Vec<_>> = archives.iter().map(|archive| vec![("zip crate", zip_crate(archive))]).collect();
    let mut add = |reader, seen: Vec<Seen>| {
        views.iter_mut().zip(seen).for_each(|(views, seen)| views.push((reader, seen)));
    };
    if available("python3", "--version") {
        add("python", python(&paths));
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
    let disagreements: [(&str, &str, &[&str], &[&str], &str); 11] = [
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
    let case = |row: &str, what: &str| {
        let (_, cases) = ROWS.iter().find(|(name, _)| *name == row).unwrap();
        cases().into_iter().find(|case| case.what == what).unwrap_or_else(|| panic!("{row} has no {what}"))
    };
    let cases = disagreements.map(|(row, what, ..)| case(row, what));
    let views = views(&cases.each_ref().map(|case| &case.archive[..]));
    for ((case, views), (_, _, by_crate, by_other, other)) in cases.iter().zip(views).zip(disagreements) {
        assert!(case.rejected.is_some(), "{}", case.what);
        let seen =
            |reader: &str| views.iter().find(|(name, _)| *name == reader).map(|(_, seen)| seen.as_ref().unwrap());
        let Some((crates, others)) = seen("zip crate").zip(seen(other)) else { continue };
        let alone = |these: &Files, those: &Files, paths: &[&str]| {
            paths.iter().all(|&path| these.contains_key(path) && !those.contains_key(path))
        };
        assert!(alone(crates, others, by_crate) && alone(others, crates, by_other), "{}: {views:#?}", case.what);
        assert_ne!(crates, others, "{}", case.what);
    }
}
