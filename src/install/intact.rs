//! A quick look whether a tree still has the files of its receipt: names, kinds, sizes and modes, no content.
//!
//! No link is followed: a directory that became one has lost its files. Files that the receipt does not name are
//! not looked for. Content is for an audit.

use std::io;
use std::path::Path;

use super::descent::Descent;
use super::directory::{Directory, Found};
use super::parallel::{for_each, share_of};
use super::{FileRecord, InstallError, Receipt};
use crate::error::FileError;

/// Files that a thread looks at in one go.
const FILES_PER_SHARE: u64 = 1024;

/// Whether every file of `receipt` is in the tree at `destination`, as a regular file of the recorded size and, on
/// Unix, mode. No proof that the tree is genuine: neither the receipt nor any content is checked.
///
/// # Errors
/// When that cannot be told, as for want of permission.
pub fn is_intact(destination: &Path, receipt: &Receipt) -> Result<bool, InstallError> {
    let Some(root) = open_tree(destination)? else { return Ok(false) };
    let mut files: Vec<(&str, &str, &FileRecord)> = receipt
        .files
        .iter()
        .map(|file| {
            let (directory, name) = file.path.split();
            (directory, name, file)
        })
        .collect();
    files.sort_unstable_by_key(|(directory, ..)| *directory);
    let result = for_each(
        &files,
        |_| share_of(FILES_PER_SHARE),
        || Descent::new(&root),
        |descent, (directory, name, file)| {
            let found = descent.enter(directory).and_then(|directory| directory.find(name.as_ref()));
            match found {
                Ok(found) if found.is_some_and(|found| is_as_recorded(found, file)) => Ok(()),
                Ok(_) => Err(None),
                Err(error) if is_other_kind(&error) => Err(None),
                Err(error) => Err(Some(FileError::at(&destination.join(file.path.as_str()), "look at")(error))),
            }
        },
    );
    match result {
        Ok(()) => Ok(true),
        Err(None) => Ok(false),
        Err(Some(error)) => Err(error.into()),
    }
}

/// Opens the tree at `destination`; `None` if no directory has that name.
pub(super) fn open_tree(destination: &Path) -> Result<Option<Directory>, InstallError> {
    match Directory::open_unlinked(destination) {
        Ok(root) => Ok(Some(root)),
        Err(error) if is_other_kind(&error) => Ok(None),
        Err(error) => Err(FileError::at(destination, "open")(error).into()),
    }
}

fn is_as_recorded(found: Found, file: &FileRecord) -> bool {
    let recorded_mode = if file.executable { 0o755 } else { 0o644 };
    match found {
        Found::File { size_bytes, mode } => {
            size_bytes == file.size_bytes && mode.is_none_or(|mode| mode == recorded_mode)
        }
        Found::Directory | Found::Other => false,
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
