//! The verified archive itself as a file, with its companions beside it.
//!
//! - until the verdict the compressed bytes are in a file without a name, beside the destination;
//! - after it they are copied under a name that nobody can guess and hashed once more on the way; the file gets its
//!   own name in one step when all of it is there and durable;
//! - `.asc` and `.sha256` follow in the same way, so whoever sees the archive's name sees a whole archive.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{Durability, InstallError, Occupied};
use crate::archive::Keep;
use crate::error::FileError;
use crate::trust::VerifiedArchive;

/// Size of the copy buffer in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// The compressed bytes of an archive, in a file without a name.
#[derive(Debug)]
pub struct ArchiveSpool {
    file: File,
    folder: PathBuf,
}

/// An input whose bytes are also written to an [`ArchiveSpool`].
pub struct Tee<'a> {
    input: &'a mut dyn Read,
    file: File,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.file.write_all(buffer.get(..length).unwrap_or_default())?;
        Ok(length)
    }
}

impl Keep for ArchiveSpool {
    /// The decompressed stream is not needed.
    fn keep(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

impl ArchiveSpool {
    /// An empty spool on the file system of `folder`.
    ///
    /// # Errors
    /// When no file can be made there.
    pub fn new_in(folder: &Path) -> Result<Self, FileError> {
        let file = tempfile::tempfile_in(folder).map_err(FileError::at(folder, "make a spool in"))?;
        Ok(Self { file, folder: folder.to_owned() })
    }

    /// `input`, whose bytes are kept here as they are read.
    ///
    /// # Errors
    /// When the operating system gives no second handle.
    pub fn tee<'a>(&self, input: &'a mut dyn Read) -> Result<Tee<'a>, FileError> {
        let file = self.file.try_clone().map_err(FileError::at(&self.folder, "share a spool in"))?;
        Ok(Tee { input, file })
    }

    /// Says early what [`VerifiedArchive::publish`] would say late.
    ///
    /// # Errors
    /// [`InstallError::DestinationExists`] when something is there that is not to be replaced.
    pub fn check_vacant(path: &Path, occupied: Occupied) -> Result<(), InstallError> {
        if occupied == Occupied::Refuse && path.symlink_metadata().is_ok() {
            return Err(InstallError::DestinationExists { path: path.to_owned() });
        }
        Ok(())
    }
}

impl VerifiedArchive<ArchiveSpool> {
    /// Gives the archive its name, and puts `.asc` (where there is a signature) and `.sha256` beside it.
    ///
    /// # Errors
    /// [`InstallError`] when something is there that is not to be replaced, a file cannot be written, or the spool
    /// no longer holds the bytes that were verified.
    pub fn publish(self, path: &Path, occupied: Occupied, durability: Durability) -> Result<(), InstallError> {
        let folder = &self.kept().folder;
        let at = |verb| FileError::at(path, verb);
        let mut copy = NamedTempFile::new_in(folder).map_err(at("make a file for"))?;
        let mut spool = &self.kept().file;
        spool.seek(SeekFrom::Start(0)).map_err(at("rewind the spool of"))?;
        let mut sha256 = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let length = spool.read(&mut buffer).map_err(at("read the spool of"))?;
            let bytes = buffer.get(..length).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            sha256.update(bytes);
            copy.write_all(bytes).map_err(at("write"))?;
        }
        if <[u8; 32]>::from(sha256.finalize()) != *self.sha256() {
            return Err(InstallError::ArchiveChanged { path: path.to_owned() });
        }
        persist(copy, path, occupied, durability)?;
        if let Some((_, armored)) = self.signature() {
            write_beside(path, ".asc", armored.as_bytes(), durability)?;
        }
        write_beside(path, ".sha256", hex::encode(self.sha256()).as_bytes(), durability)
    }
}

fn write_beside(path: &Path, suffix: &str, content: &[u8], durability: Durability) -> Result<(), InstallError> {
    let mut companion = path.as_os_str().to_owned();
    companion.push(suffix);
    let companion = PathBuf::from(companion);
    let folder = companion.parent().unwrap_or(path);
    let mut copy = NamedTempFile::new_in(folder).map_err(FileError::at(&companion, "make a file for"))?;
    copy.write_all(content).map_err(FileError::at(&companion, "write"))?;
    // A companion belongs to the archive that has just been published, so an older one goes.
    persist(copy, &companion, Occupied::Replace, durability)
}

fn persist(copy: NamedTempFile, path: &Path, occupied: Occupied, durability: Durability) -> Result<(), InstallError> {
    let at = |verb| FileError::at(path, verb);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        copy.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(at("set the mode of"))?;
    }
    if durability == Durability::Synced {
        copy.as_file().sync_all().map_err(at("sync"))?;
    }
    match occupied {
        Occupied::Replace => copy.persist(path),
        Occupied::Refuse => copy.persist_noclobber(path),
    }
    .map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => InstallError::DestinationExists { path: path.to_owned() },
        _ => at("rename to")(error.error).into(),
    })?;
    if durability == Durability::Synced
        && let Some(folder) = path.parent()
    {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileError::at(folder, "sync"))?;
    }
    Ok(())
}
