//! Other programs that read archives, and what they make of them.
//!
//! - Whatever is accepted, each of them must find the same with the same content.
//! - Where two of them see different things in one archive, neither of them complaining, it is no dud.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::case::Rows;

/// Digest and size of each file by its path; a directory is an empty one whose path ends in a slash.
pub(crate) type Files = BTreeMap<String, ([u8; 32], u64)>;
/// What a reader makes of an archive: files, or a complaint.
pub(crate) type Seen = Result<Files, String>;
/// What each reader at hand makes of one archive, by the reader's name.
pub(crate) type Views = Vec<(&'static str, Seen)>;

pub(crate) fn seen(content: &[u8]) -> ([u8; 32], u64) {
    (Sha256::digest(content).into(), content.len() as u64)
}

/// A program that may be missing, in which case that is said once.
pub(crate) fn available(program: &str, version: &str) -> bool {
    let found = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        // Past the test harness, which would swallow what a passing test prints.
        std::io::stderr().write_all(format!("skipped: there is no {program}\n").as_bytes()).unwrap();
    }
    found
}

/// What a script prints of each archive that it is given: one line of JSON, its files and an empty text, or `null` and
/// why not.
pub(crate) fn python(script: &str, archives: &[String]) -> Vec<Seen> {
    let output = Command::new("python3").args(["-c", script]).args(archives).output().unwrap();
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
pub(crate) fn run(program: &str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
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
pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// What was unpacked into a folder.
pub(crate) fn unpacked(folder: &Path) -> Files {
    let (mut files, mut folders) = (Files::new(), vec![folder.to_owned()]);
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
            if path.is_dir() {
                files.insert(name + "/", seen(b""));
                folders.push(path);
            } else {
                files.insert(name, seen(&fs::read(&path).unwrap()));
            }
        }
    }
    files
}

/// Archives under names of their own, for programs that want them as files, and their paths.
pub(crate) fn written(folder: &TempDir, archives: &[&[u8]], extension: &str) -> Vec<String> {
    let path = |(n, archive): (usize, &&[u8])| {
        let path = folder.path().join(format!("{n}.{extension}")).to_str().unwrap().to_owned();
        fs::write(&path, archive).unwrap();
        path
    };
    archives.iter().enumerate().map(path).collect()
}

/// A rejected case of a row, and two readers with the paths that each of them finds there and the other does not.
pub(crate) struct Difference {
    pub(crate) row: &'static str,
    pub(crate) what: &'static str,
    pub(crate) one: (&'static str, &'static [&'static str]),
    pub(crate) other: (&'static str, &'static [&'static str]),
}

/// Asserts that readers differ so, as far as they are at hand.
#[track_caller]
pub(crate) fn assert_different(rows: Rows, differences: &[Difference], views: impl Fn(&[&[u8]]) -> Vec<Views>) {
    let case = |difference: &Difference| {
        let (_, cases) = rows.iter().find(|(name, _)| *name == difference.row).unwrap();
        let found = cases().into_iter().find(|case| case.what == difference.what);
        found.unwrap_or_else(|| panic!("{} has no {}", difference.row, difference.what))
    };
    let cases: Vec<_> = differences.iter().map(case).collect();
    let views = views(&cases.iter().map(|case| &case.archive[..]).collect::<Vec<_>>());
    for ((case, views), Difference { one, other, .. }) in cases.iter().zip(views).zip(differences) {
        assert!(case.rejected.is_some(), "{}", case.what);
        let seen = |reader: &str| {
            let found = views.iter().find(|(name, _)| *name == reader);
            found.map(|(_, seen)| seen.as_ref().unwrap_or_else(|error| panic!("{}: {reader}: {error}", case.what)))
        };
        let Some((by_one, by_other)) = seen(one.0).zip(seen(other.0)) else { continue };
        let alone = |these: &Files, those: &Files, paths: &[&str]| {
            paths.iter().all(|&path| these.contains_key(path) && those.get(path) != these.get(path))
        };
        assert!(alone(by_one, by_other, one.1) && alone(by_other, by_one, other.1), "{}: {views:#?}", case.what);
        assert_ne!(by_one, by_other, "{}", case.what);
    }
}
