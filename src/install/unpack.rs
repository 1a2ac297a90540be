//! From the spool to a staged tree.
//!
//! - directories first, the implied ones too, each 0755; then files, 0644 or 0755; both by all processors, divided so
//!   that two threads seldom create in the same directory;
//! - every file's SHA-256 is computed again from the bytes that are written, and must be the manifest's: what was
//!   verified is what is unpacked, whoever wrote to the spool in between;
//! - memory is one buffer a thread; the spool is closed before this returns, so that a later sync does not write it
//!   back;
//! - the threads that write may make directories and files beneath the staging directory and nothing else, where the
//!   system can deny it ([`confine`]). That holds for what the caller does there when it hears of an event;
//! - a wish to stop is noticed between files.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::reclaim::Reclaim;
use super::{Destination, InstallError, StagedTree};
use crate::archive::{EntryKind, FileEntry, Manifest};
use crate::error::FileError;
use crate::events::Event;
use crate::files::{Confinement, Descent, confine, for_each, processors, share_of};

/// Size of a thread's buffer in bytes: most source files fit.
const BUFFER_BYTES: usize = 256 << 10;
/// What creating a file weighs, in bytes written.
const FILE_WEIGHT: u64 = share_of(128);
/// What creating a directory weighs.
const DIRECTORY_WEIGHT: u64 = share_of(64);
/// Files from one progress event to the next.
const FILES_PER_EVENT: u64 = 256;

/// Writes everything in `manifest`, whose files lie in `spool`, beside `destination`.
///
/// # Errors
/// [`InstallError`] when a file cannot be written or is not what was verified, or the caller asked to stop; nothing
/// is left behind then.
pub(crate) fn unpack(manifest: &Manifest, spool: File, destination: Destination) -> Result<StagedTree, InstallError> {
    let mut tree = StagedTree::new(destination)?;
    tree.confinement = fill(&tree, manifest, &spool)?;
    tree.files = manifest.files();
    Ok(tree)
}

pub(super) fn fill(tree: &StagedTree, manifest: &Manifest, spool: &File) -> Result<Confinement, InstallError> {
    let watch = tree.destination.watch();
    watch.tell(Event::Unpacking { files: manifest.files() });
    let threads = processors();
    let (confinement, filled) = confine::creating_beneath(&tree.root, || {
        create_directories(tree, manifest, threads)?;
        create_files(tree, manifest, spool, threads)
    });
    filled?;
    watch.tell(Event::Unpacked { files: manifest.files() });
    Ok(confinement)
}

pub(super) fn create_files(
    tree: &StagedTree,
    manifest: &Manifest,
    spool: &File,
    threads: usize,
) -> Result<(), InstallError> {
    let watch = tree.destination.watch();
    let done = AtomicU64::new(0);
    for_each(
        threads,
        &files_of(manifest),
        |file| FILE_WEIGHT + file.size_bytes,
        || (Descent::new(&tree.root), vec![0; BUFFER_BYTES], Reclaim::new(spool)),
        |(descent, buffer, reclaim), file| {
            if watch.is_cancelled() {
                return Err(InstallError::Interrupted);
            }
            let at = |verb| {
                // Joined for errors alone.
                let path = || tree.destination().join(file.path.as_str());
                move |source| FileError { path: path(), verb, source }
            };
            let (directory, name) = file.path.split();
            let mode = if file.executable { 0o755 } else { 0o644 };
            let mut target = descent
                .enter(directory)
                .and_then(|directory| directory.create_file(name.as_ref(), mode))
                .map_err(at("create"))?;
            copy(file, spool, &mut target, buffer, at)?;
            reclaim.consumed(file.position..file.position + file.size_bytes);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(FILES_PER_EVENT) {
                watch.tell(Event::Unpacked { files: done });
            }
            Ok(())
        },
    )
}

pub(super) fn create_directories(tree: &StagedTree, manifest: &Manifest, threads: usize) -> Result<(), InstallError> {
    let mut seen = HashSet::new();
    for entry in manifest.entries() {
        let mut path = match entry.kind {
            EntryKind::Directory => entry.path.as_str(),
            EntryKind::File { .. } => entry.path.split().0,
        };
        while !path.is_empty() && seen.insert(path) {
            path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }
    let depth = |path: &str| path.bytes().filter(|&byte| byte == b'/').count();
    let mut directories: Vec<(usize, &str)> = seen.into_iter().map(|path| (depth(path), path)).collect();
    directories.sort_unstable();
    // Those of one depth need nothing of each other.
    for level in directories.chunk_by(|(one, _), (other, _)| one == other) {
        for_each(
            threads,
            level,
            |_| DIRECTORY_WEIGHT,
            || Descent::new(&tree.root),
            |descent, (_, path)| {
                let created = descent.create(path, 0o755);
                created.map_err(|source| FileError { path: tree.destination().join(path), verb: "create", source })
            },
        )?;
    }
    Ok(())
}

/// The files, neighbours together, within a directory as they lie in the spool.
fn files_of(manifest: &Manifest) -> Vec<FileEntry<'_>> {
    let mut files: Vec<_> = manifest.file_entries().collect();
    files.sort_unstable_by(|a, b| (a.path.split().0, a.position).cmp(&(b.path.split().0, b.position)));
    files
}

fn copy<F: FnOnce(io::Error) -> FileError>(
    file: &FileEntry<'_>,
    spool: &File,
    target: &mut File,
    buffer: &mut [u8],
    at: impl Fn(&'static str) -> F,
) -> Result<(), InstallError> {
    let changed = |actual| InstallError::Changed { path: file.path.clone(), expected: *file.sha256, actual };
    let mut sha256 = Sha256::new();
    let mut position = file.position;
    let mut left = file.size_bytes;
    while left > 0 {
        let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let bytes = buffer.get_mut(..length).unwrap_or_default();
        match read_exact_at(spool, bytes, position) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(changed(None)),
            Err(error) => return Err(at("read the spool for")(error).into()),
        }
        sha256.update(&*bytes);
        target.write_all(bytes).map_err(at("write"))?;
        position += length as u64;
        left -= length as u64;
    }
    let actual: [u8; 32] = sha256.finalize().into();
    if actual == *file.sha256 { Ok(()) } else { Err(changed(Some(actual))) }
}

#[cfg(unix)]
pub(super) fn read_exact_at(file: &File, bytes: &mut [u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, position)
}

#[cfg(windows)]
pub(super) fn read_exact_at(file: &File, mut bytes: &mut [u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, position) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                bytes = bytes.get_mut(length..).unwrap_or_default();
                position += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
