//! Other readers of zip archives.
//!
//! - The `zip` crate, Python's `zipfile` and Info-ZIP's `unzip` begin at the end; `bsdtar` does so with a file, and
//!   begins in front with a pipe.
//! - Whatever is accepted, each of them must find the same files with the same content.
//! - Where two of them see different things in one archive, it is no dud.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use sha2::{Digest, Sha256};

use super::{ROWS, files};
use crate::case::Case;

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
        files.map(|files| files.into_iter().map(|(path, (hex, size))| (path, (digest(hex), size))).collect()).ok_or(complaint)
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

/// The list's sizes and names, and the contents one behind another.
fn unzip(archive: &str) -> Seen {
    let list = run("unzip", &["-vqq", archive], b"")?;
    let contents = run("unzip", &["-p", archive], b"")?;
    let (mut files, mut rest) = (Files::new(), &contents[..]);
    for line in String::from_utf8_lossy(&list).lines() {
        // Length, method, size, ratio, date, time and CRC-32, and then a name, which may have spaces.
        let cut = |line: &str| line.trim_start().split_once(' ').map(|(column, rest)| (column.to_owned(), rest.to_owned()));
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

/// What bsdtar writes into a zip of its own of what it reads; a tar would need the sizes, which it does not know in
/// front.
fn bsdtar(zip: &str, input: &[u8]) -> Seen {
    zip_crate(&run("bsdtar", &["-cf", "-", "--format=zip", &format!("@{zip}")], input)?)
}

/// What every reader at hand makes of each archive.
fn views(archives: &[&[u8]]) -> Vec<Vec<(&'static str, Seen)>> {
    let folder = tempfile::tempdir().unwrap();
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
        add("bsdtar", paths.iter().map(|path| bsdtar(path, b"")).collect());
        add("bsdtar at a pipe", archives.iter().map(|archive| bsdtar("-", archive)).collect());
    }
    views
}

#[test]
fn whatever_is_accepted_every_reader_sees_alike() {
    // A tree of tens of thousands of files says no more, and takes the others long to write.
    let small = |case: &Case| case.rejected.is_none() && case.archive.len() < 1 << 20;
    let cases: Vec<_> = ROWS.iter().flat_map(|(_, row)| row()).filter(small).collect();
    let views = views(&cases.iter().map(|case| &case.archive[..]).collect::<Vec<_>>());
    for (case, views) in cases.iter().zip(views) {
        let ours = Ok(files(&case.judge().unwrap()));
        for (reader, seen) in views {
            assert_eq!(seen, ours, "{reader}: {}", case.what);
        }
    }
    assert!(cases.len() > 40, "{}", cases.len());
}

#[test]
fn print_views() {
    let cases: Vec<_> = ROWS[..5].iter().flat_map(|(row, f)| f().into_iter().map(move |c| (row, c))).filter(|(_, c)| c.rejected.is_some() && c.archive.len() < 1 << 20).collect();
    let views = views(&cases.iter().map(|(_, case)| &case.archive[..]).collect::<Vec<_>>());
    let good = files(&Case::accepted("", super::SMALL.archive.clone()).named("go1.22.5.windows-amd64.zip").judge().unwrap());
    for ((row, case), views) in cases.iter().zip(views) {
        let mut line = String::new();
        for (reader, seen) in views {
            let diff = match seen {
                Err(e) => format!("ERR({})", e.lines().next().unwrap_or_default().chars().take(30).collect::<String>()),
                Ok(f) if f == good => "same".into(),
                Ok(f) => {
                    let plus: Vec<_> = f.iter().filter(|(k, v)| good.get(*k) != Some(v)).map(|(k, _)| k.clone()).collect();
                    let minus: Vec<_> = good.keys().filter(|k| !f.contains_key(*k)).cloned().collect();
                    format!("+{plus:?}-{}", minus.len())
                }
            };
            line += &format!(" {reader}={diff};");
        }
        println!("{row} {}:{line}", case.what);
    }
}
