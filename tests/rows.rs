//! The rows of what goverify must withstand, each of which is a test that bears its name: `p04_…`, `l13_…`, `j09_…`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The first letter of a group of rows, and how many there are: tar, gzip, zip, OpenPGP, the log, HTTP, the index,
/// files and processes.
const GROUPS: [(char, usize); 8] =
    [('t', 32), ('g', 9), ('z', 13), ('p', 24), ('l', 13), ('h', 13), ('j', 11), ('f', 18)];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The row that a function's name begins with: a letter and two digits before an underscore.
fn row(name: &str) -> Option<&str> {
    let (row, _) = name.split_once('_')?;
    let digits = row.strip_prefix(|letter: char| letter.is_ascii_lowercase())?;
    (digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit())).then_some(row)
}

/// The rows that are tests in this source: functions under `#[test]`, with nothing but other attributes between, none
/// of which says that it is not run.
fn rows(source: &str) -> BTreeSet<&str> {
    let mut rows = BTreeSet::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in source.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("fn ") {
            rows.extend(row(name).filter(|_| is_test && !is_ignored));
        }
        let goes_on = line.starts_with("#[") || line.starts_with("//");
        is_test = goes_on && (is_test || line == "#[test]");
        is_ignored = goes_on && (is_ignored || line.starts_with("#[ignore"));
    }
    rows
}

#[test]
fn every_row_is_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts: Vec<String> = ["tests", "src"]
        .iter()
        .flat_map(|folder| sources(&root.join(folder)))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let found: BTreeSet<&str> = texts.iter().flat_map(|text| rows(text)).collect();
    let all = GROUPS.iter().flat_map(|(letter, count)| (1..=*count).map(move |row| format!("{letter}{row:02}")));
    let missing: Vec<String> = all.filter(|row| !found.contains(row.as_str())).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn a_row_is_told_by_a_test_alone() {
    for (source, expected) in [
        ("#[test]\nfn p01_x() {", vec!["p01"]),
        ("    #[cfg(unix)]\n    #[test]\n    #[expect(unused)]\n    fn l13_x() {", vec!["l13"]),
        ("#[test]\n#[ignore]\nfn l13_x() {", vec![]),
        ("#[ignore = \"slow\"]\n#[test]\nfn l13_x() {\n}\n#[test]\nfn l12_x() {", vec!["l12"]),
        ("#[test]\n// Why.\nfn j02_x() {\n}\n#[test]\nfn j03_x() {", vec!["j02", "j03"]),
        ("fn p01_x() {", vec![]),
        ("#[test]\nfn other() {\n}\nfn p01_x() {", vec![]),
        ("// fn p01_x() {", vec![]),
        ("#[test]\nfn p1_x() {", vec![]),
        ("#[test]\nfn p001_x() {", vec![]),
        ("#[test]\nfn p01() {", vec![]),
    ] {
        assert_eq!(rows(source), expected.into_iter().collect(), "{source}");
    }
}
