//! Files and directories of this machine.
//!
//! - small files are read bounded, and without waiting for what is no file;
//! - trees are walked and changed by open directories, one component at a time, and no link in them is followed;
//! - threads that handle what a stranger sent give away the rights that they do not need, where the system lets them.

pub(crate) mod confine;
mod descent;
#[cfg_attr(windows, path = "directory_windows.rs")]
mod directory;
mod found;
#[cfg(any(windows, test))]
mod held;
mod parallel;

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

pub use confine::Confinement;
pub use found::ParentFault;

pub(crate) use descent::Descent;
pub(crate) use directory::Directory;
pub(crate) use found::{Found, FoundFile, Kind, Listed};
pub(crate) use parallel::{for_each, processors, share_of};

use crate::error::FileError;

/// Opens a file that nobody named in person, and that must be a regular one; links are followed.
///
/// # Errors
/// When it cannot be opened, or is a directory, a FIFO or a device.
pub fn open_regular(path: &Path) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // A FIFO without a writer would hold the opening for ever.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path).map_err(FileError::at(path, "open"))?;
    if file.metadata().map_err(FileError::at(path, "examine"))?.is_file() {
        return Ok(file);
    }
    Err(FileError::at(path, "read")(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")))
}

/// The content of `file`, whose path is `path`: all of it, or its first `limit_bytes` and one more, so that whoever
/// judges it sees that it is too long.
///
/// # Errors
/// When it cannot be read.
pub fn read_bounded(file: File, path: &Path, limit_bytes: u64) -> Result<Vec<u8>, FileError> {
    let expected = file.metadata().map_or(0, |found| found.len()).min(limit_bytes);
    let mut content = Vec::with_capacity(usize::try_from(expected).unwrap_or_default().saturating_add(1));
    file.take(limit_bytes.saturating_add(1)).read_to_end(&mut content).map_err(FileError::at(path, "read"))?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_to_its_limit_and_one_byte_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        for (limit_bytes, expected) in [(3, "1234"), (4, "12345"), (5, "12345"), (u64::MAX, "12345")] {
            let content = read_bounded(open_regular(&path).unwrap(), &path, limit_bytes).unwrap();
            assert_eq!(content, expected.as_bytes());
        }
        assert!(open_regular(folder.path()).is_err());
    }
}
