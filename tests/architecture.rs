//! The arrows between rooms point down, each heavy crate is named in one place, and no file outgrows its reader.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the ground up; a room may use those of lower floors, and its own.
const FLOORS: [&[&str]; 8] = [
    &["error", "events"],
    &["files"],
    &["release"],
    &["archive"],
    &["trust"],
    &["audit", "fetch", "inspect", "install", "keystore", "lockfile"],
    &["doctor"],
    &["cli"],
];

/// The files, or whole folders, that may name a crate; the rest of the house does not know that it exists.
const HEAVY_CRATES: [(&str, &[&str]); 13] = [
    ("reqwest", &["src/fetch/http.rs"]),
    ("object_store", &["src/fetch/object/"]),
    (
        "sequoia_openpgp",
        &["src/trust/keyring.rs", "src/trust/pinned.rs", "src/trust/signature.rs", "src/trust/summary.rs"],
    ),
    ("ed25519_dalek", &["src/trust/log/ed25519.rs"]),
    ("flate2", &["src/archive/inflate.rs", "src/archive/zip_writer.rs"]),
    ("tar", &["src/archive/header.rs"]),
    ("object", &["src/inspect/image.rs"]),
    ("landlock", &["src/files/confine.rs"]),
    ("indicatif", &["src/cli/progress.rs"]),
    ("toml", &["src/lockfile.rs"]),
    ("clap", &["src/cli/args/"]),
    ("clap_complete", &["src/cli/args/"]),
    ("clap_mangen", &["src/cli/args/"]),
];

/// Async stays where bytes come from, and where the program waits for them.
const ASYNC: [&str; 10] = [
    "src/fetch/",
    "src/cli/runtime.rs",
    "src/cli/fetch.rs",
    "src/cli/order.rs",
    "src/cli/download.rs",
    "src/cli/list.rs",
    "src/cli/mirror/",
    "src/cli/signature.rs",
    "src/cli/transparency.rs",
    "src/install/tests/",
];

const LONGEST_FILE_LINES: usize = 600;

/// Every source file with its code, comments left out.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let code = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let name = |path: &PathBuf| path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
    files.iter().map(|path| (name(path), code(path))).collect()
}

/// The words that follow `prefix` in `code`, such as rooms behind `crate::`.
fn words_after<'a>(code: &'a str, prefix: &str) -> impl Iterator<Item = &'a str> {
    code.match_indices(prefix).map(move |(at, prefix)| {
        let rest = code.split_at(at + prefix.len()).1;
        rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
    })
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn dependencies_point_down() {
    let mut arrows = 0;
    for (file, code) in sources() {
        let room = file.strip_prefix("src/").unwrap().split(['/', '.']).next().unwrap();
        if matches!(room, "main" | "lib") {
            continue;
        }
        let own = floor(room).unwrap_or_else(|| panic!("{file}: {room} is on no floor"));
        for used in words_after(&code, "crate::").chain(words_after(&code, "goverify::")) {
            let Some(below) = floor(used).filter(|_| used != room) else { continue };
            assert!(below < own, "{file}: {room} must not use {used}");
            arrows += 1;
        }
        assert!(!code.contains("crate::{") && !code.contains("goverify::{"), "{file}: one use line a room, please");
    }
    assert!(arrows > 50, "only {arrows} arrows seen");
}

/// The folder of `places` that `file` is in, or else itself.
fn place(file: &str, places: &[&str]) -> String {
    let within = places.iter().find(|place| place.ends_with('/') && file.starts_with(**place));
    within.map_or(file, |place| place).to_owned()
}

#[test]
fn each_heavy_crate_is_named_in_one_place() {
    for (name, places) in HEAVY_CRATES {
        let names = |code: &str| {
            code.match_indices(name).any(|(at, _)| {
                let before = code.get(..at).unwrap().chars().next_back();
                let after = code.get(at + name.len()..).unwrap();
                let whole = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':' && c != '"' && c != '.');
                whole && (after.starts_with("::") || after.starts_with(" as "))
            })
        };
        let mut found: Vec<String> =
            sources().into_iter().filter(|(_, code)| names(code)).map(|(file, _)| place(&file, places)).collect();
        found.sort();
        found.dedup();
        assert_eq!(found, places, "{name}");
    }
}

#[test]
fn async_stays_where_bytes_come_from() {
    let is_async = |code: &str| ["async ", ".await", "tokio::"].iter().any(|word| code.contains(word));
    for (file, code) in sources() {
        assert!(!is_async(&code) || ASYNC.iter().any(|place| file.starts_with(place)), "{file} is async");
    }
}

#[test]
fn no_file_outgrows_its_reader() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, _) in sources() {
        let lines = fs::read_to_string(root.join(&file)).unwrap().lines().count();
        assert!(lines <= LONGEST_FILE_LINES, "{file} has {lines} lines");
    }
}
