//! Where the decompressed archive waits for the verdict.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// What becomes of the decompressed stream while it is checked.
pub trait Keep: Send {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Keeps nothing: such an archive can be verified, but not unpacked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Keep for Discard {
    fn keep(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps everything in a file that has no name, so that no unverified byte can be found under one, and nothing
/// is left when the process dies.
#[derive(Debug)]
pub struct Spool {
    file: File,
}

impl Spool {
    /// An empty spool on the file system of `directory`.
    ///
    /// # Errors
    /// When no file can be made there.
    pub fn new_in(directory: &Path) -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile_in(directory)? })
    }

    /// The spooled bytes; entries know their positions in it.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// The same, to be closed by whoever takes it.
    pub(crate) fn into_file(self) -> File {
        self.file
    }
}

impl Keep for Spool {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }
}
