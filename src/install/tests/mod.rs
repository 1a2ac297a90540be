#[cfg(unix)]
mod exchanging;
mod publishing;
mod receipts;
mod reserving;
mod unpacking;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::unpack::unpack;
use super::{Destination, InstallError, StagedTree};
use crate::archive::{Entry, EntryKind, EntryPath, Manifest};
use crate::events::Watch;

/// Longer than any test should take: only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A small tree with everything that one can have: an empty file, one larger than a buffer, an executable, an empty
/// directory, implied directories, and names that sort between a directory and its content.
fn sample() -> (Manifest, Vec<u8>) {
    let large: Vec<u8> = (0..600_000_u32).flat_map(u32::to_le_bytes).collect();
    let files: [(&str, &[u8], bool); 6] = [
        ("VERSION", b"go1.22.5\n", false),
        ("bin/go", &large, true),
        ("src/cmd/go/main.go", b"package main\n", false),
        ("src/cmd/go.mod", b"module cmd\n", false),
        ("src/cmd-x/empty", b"", false),
        ("src/a.go", b"package a\n", false),
    ];
    // What stands before a file in an archive: its header.
    let mut spool = vec![0; 512];
    let mut entries = vec![Entry { path: path("pkg/empty"), kind: EntryKind::Directory }];
    for (name, content, executable) in files {
        let (size_bytes, position) = (content.len() as u64, spool.len() as u64);
        let sha256 = Sha256::digest(content).into();
        entries.push(Entry { path: path(name), kind: EntryKind::File { size_bytes, sha256, executable, position } });
        spool.extend_from_slice(content);
        spool.resize(spool.len().next_multiple_of(512) + 512, 0);
    }
    (Manifest::from_entries(entries), spool)
}

fn path(text: &str) -> EntryPath {
    EntryPath::parse(text.as_bytes()).unwrap()
}

fn spool_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn stage(destination: &Path) -> Result<StagedTree, InstallError> {
    stage_watched(destination, &Watch::silent())
}

fn stage_watched(destination: &Path, watch: &Watch) -> Result<StagedTree, InstallError> {
    let (manifest, spool) = sample();
    let destination = Destination::prepare(destination, PATIENCE, watch)?;
    unpack(&manifest, spool_of(&spool), destination)
}

/// A directory that is as private as a home.
fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Runs one test of this binary alone in a process of its own, with `variable` set.
fn run_alone(test: &str, variable: &str, value: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(variable, value)
        .output()
        .unwrap()
}
