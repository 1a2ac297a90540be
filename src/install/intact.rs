//! A quick look whether a tree is still the one of its receipt.
//!
//! - every file of the receipt is there, as a regular file of the recorded size and mode; no other file is;
//! - all of it belongs to us or to root, and nobody else may change it;
//! - content is read only where the system says that a file was changed at or after the receipt's time (`st_ctime`,
//!   which nobody can set): in a tree that nobody touched that is next to nothing, in a copy of one it is all of it;
//! - no link is followed: a directory that became one has lost its files.
//!
//! That is no proof that the tree is genuine: whoever may write to it, the same user, can also write a receipt.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::receipt::{self, is_mode};
use super::{InstallError, Receipt};
use crate::archive::FileEntry;
use crate::error::FileError;
use crate::files::{Descent, Directory, Found, FoundFile, for_each, processors, share_of};

/// Files that a thread looks at in one go.
const FILES_PER_SHARE: u64 = 1024;
/// Size of the buffer for content, in bytes.
const BUFFER_BYTES: usize = 64 << 10;
/// The deepest directory that is looked for files which should not be there; archives end at 64.
const DEPTH_LIMIT: u32 = 128;

/// A directory's path, empty for the root, and its files with their names, sorted.
type Listing<'a> = (&'a str, &'a [Recorded<'a>]);
/// A file: its directory, its name, and all of it.
type Recorded<'a> = (&'a str, &'a str, FileEntry<'a>);

/// Whether the tree at `destination` is what `receipt` says, by the rules of this module.
///
/// # Errors
/// When that cannot be told, as for want of permission.
pub fn is_intact(destination: &Path, receipt: &Receipt) -> Result<bool, InstallError> {
    let Some(root) = open_tree(destination)? else { return Ok(false) };
    let written = match root.find(receipt::NAME.as_ref()) {
        Ok(Some(Found::File(file))) => file.changed,
        _ => return Ok(false),
    };
    let mut files: Vec<Recorded<'_>> = receipt.manifest.file_entries().map(split).collect();
    files.sort_unstable_by_key(|(directory, name, _)| (*directory, *name));
    let (listings, known) = listings(&files);
    let result = for_each(
        processors(),
        &listings,
        |(_, files)| share_of(FILES_PER_SHARE) * (1 + files.len() as u64),
        || (Descent::new(&root), vec![0; BUFFER_BYTES]),
        |(descent, buffer), (path, files)| {
            let look = descent.enter(path).and_then(|directory| {
                Ok(directory.is_private()?
                    && holds_nothing_else(directory, path, files, &known)?
                    && all_as_recorded(directory, files, written, buffer)?)
            });
            match look {
                Ok(true) => Ok(()),
                Ok(false) => Err(None),
                Err(error) if is_other_kind(&error) => Err(None),
                Err(error) => Err(Some(FileError::at(&destination.join(path), "look at")(error))),
            }
        },
    );
    match result {
        Ok(()) => Ok(true),
        Err(None) => Ok(false),
        Err(Some(error)) => Err(error.into()),
    }
}

fn split(file: FileEntry<'_>) -> Recorded<'_> {
    let (directory, name) = file.path.split();
    (directory, name, file)
}

/// Opens the tree at `destination`; `None` if no directory has that name.
pub(super) fn open_tree(destination: &Path) -> Result<Option<Directory>, InstallError> {
    match Directory::open_unlinked(destination) {
        Ok(root) => Ok(Some(root)),
        Err(error) if is_other_kind(&error) => Ok(None),
        Err(error) => Err(FileError::at(destination, "open")(error).into()),
    }
}

/// A listing of every directory, those above all others included, and all their paths.
fn listings<'a>(files: &'a [Recorded<'a>]) -> (Vec<Listing<'a>>, HashSet<&'a str>) {
    let mut listings: Vec<Listing<'_>> = Vec::new();
    let mut known = HashSet::new();
    for group in files.chunk_by(|a, b| a.0 == b.0) {
        let path = group.first().map_or("", |(path, ..)| path);
        known.insert(path);
        listings.push((path, group));
    }
    for path in listings.iter().map(|(path, _)| *path).collect::<Vec<_>>() {
        let mut path = path;
        while let Some((above, _)) = path.rsplit_once('/').or((!path.is_empty()).then_some(("", ""))) {
            if !known.insert(above) {
                break;
            }
            listings.push((above, &[]));
            path = above;
        }
    }
    if known.insert("") {
        listings.push(("", &[]));
    }
    listings.sort_unstable_by_key(|(path, _)| *path);
    (listings, known)
}

fn holds_nothing_else(
    directory: &Directory,
    path: &str,
    files: &[Recorded<'_>],
    known: &HashSet<&str>,
) -> io::Result<bool> {
    for name in directory.names()? {
        let Some(text) = name.to_str() else { return Ok(false) };
        let below = || if path.is_empty() { text.to_owned() } else { format!("{path}/{text}") };
        let expected = files.binary_search_by_key(&text, |(_, name, _)| name).is_ok()
            || path.is_empty() && text == receipt::NAME
            || known.contains(below().as_str());
        if !expected && !is_without_files(directory, &name, DEPTH_LIMIT)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `name` is a directory and no file is anywhere below it: archives may have such, receipts do not.
fn is_without_files(above: &Directory, name: &std::ffi::OsStr, depth: u32) -> io::Result<bool> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(false) };
    if above.find(name)? != Some(Found::Directory) {
        return Ok(false);
    }
    let directory = above.child(name)?;
    for name in directory.names()? {
        if !is_without_files(&directory, &name, depth)? {
            return Ok(false);
        }
    }
    directory.is_private()
}

fn all_as_recorded(
    directory: &Directory,
    files: &[Recorded<'_>],
    written: Option<(i64, i64)>,
    buffer: &mut [u8],
) -> io::Result<bool> {
    for (_, name, file) in files {
        let as_recorded = match directory.find(name.as_ref())? {
            Some(Found::File(found)) => {
                let untouched = found.changed.zip(written).is_some_and(|(changed, written)| changed < written);
                is_as_recorded(&found, file) && (untouched || has_content(directory, name, file, buffer)?)
            }
            _ => false,
        };
        if !as_recorded {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_as_recorded(found: &FoundFile, file: &FileEntry<'_>) -> bool {
    let mode = if file.executable { 0o755 } else { 0o644 };
    found.ours && found.size_bytes == file.size_bytes && is_mode(found, mode)
}

fn has_content(directory: &Directory, name: &str, file: &FileEntry<'_>, buffer: &mut [u8]) -> io::Result<bool> {
    let Some(mut content) = directory.read_file(name.as_ref())? else { return Ok(false) };
    let mut sha256 = Sha256::new();
    loop {
        match content.read(buffer) {
            Ok(0) => return Ok(<[u8; 32]>::from(sha256.finalize()) == *file.sha256),
            Ok(length) => sha256.update(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether an open failed since the name stands for nothing, or for a file or a link instead of a directory.
fn is_other_kind(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return true;
    }
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
