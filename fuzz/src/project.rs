//! What a project and its team say of the release that they want: `go.mod` and its kin, and lock files. The first byte
//! tells which file it is.
//!
//! A file of a project names a release or a series and nothing else; what a lock file is understood as, it says when it is
//! written and read again.

use goverify::lockfile::LockFile;
use goverify::release::{ProjectFile, Selector};

use crate::Seed;

const LOCK: &str = "schema = \"goverify.lock/1\"\n\n[[archive]]\nversion = \"go1.22.5\"\nplatform = \"linux/amd64\"\n\
    sha256 = \"0000000000000000000000000000000000000000000000000000000000000001\"\nsize = 3\n";

pub fn seeds() -> Vec<Seed> {
    let accepted = [
        ("go_work", "0go 1.22\ntoolchain go1.22.5\n"),
        ("go_mod", "1module m // go 1.2\n\ngo 1.22.1\n\nrequire (\n\ta.example v1.0.0\n)\n"),
        ("go_version", "2# ours\n1.22\n"),
        ("tool_versions", "3ruby 3\ngolang 1.22.5 1.21\n"),
    ];
    let rejected = [("a_command", "2$(touch x)\n"), ("a_block", "1go (\n1.22\n)\n"), ("an_empty_file", "2\n")];
    let mut seeds: Vec<Seed> = accepted.iter().map(|(name, text)| Seed::accepted(*name, *text)).collect();
    seeds.push(Seed::accepted("lock", format!("4{LOCK}")));
    seeds.push(Seed::rejected("lock_of_another_schema", format!("4{}", LOCK.replace("lock/1", "lock/2"))));
    seeds.extend(rejected.iter().map(|(name, text)| Seed::rejected(*name, *text)));
    seeds
}

pub fn check(input: &[u8]) -> bool {
    let Some((kind, content)) = input.split_first() else { return false };
    match ProjectFile::ALL.get(usize::from(kind.wrapping_sub(b'0'))) {
        Some(file) => wanted(*file, content),
        None => locked(content),
    }
}

fn wanted(file: ProjectFile, content: &[u8]) -> bool {
    let Ok(Some(selector)) = file.wanted(content) else { return false };
    let text = selector.to_string();
    assert_eq!(text.parse(), Ok(selector.clone()), "{text}");
    let harmless = |c: char| c.is_ascii_alphanumeric() || c == '.';
    assert!(text.chars().all(harmless), "{text:?}");
    if matches!(file, ProjectFile::GoWork | ProjectFile::GoMod) {
        assert!(matches!(selector, Selector::Exact(_)), "{text}");
    }
    true
}

fn locked(content: &[u8]) -> bool {
    let Ok(lock) = LockFile::parse(content) else { return false };
    assert_eq!(LockFile::parse(lock.text().as_bytes()), Ok(lock));
    true
}
