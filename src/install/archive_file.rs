//! The verified archive itself as a file, with its companions beside it.
//!
//! - until the verdict the compressed bytes are in a file without a name, beside the destination;
//! - after it they are copied under a name of staging, which nobody can guess and the next run for the same archive
//!   removes if this one is killed, and hashed once more on the way;
//! - `.sha256`, `.asc`, `.tlog-proof` and, last, the archive get their names when all of them are written and
//!   durable, so whoever sees the archive's name sees a whole archive with its companions;
//! - the folder must be one in which nobody else could exchange files, as for a tree;
//! - a companion of another content is not replaced either without leave, and what was given a name is taken back when
//!   a later one cannot get its own.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{Destination, Durability, InstallError, Occupied, staging};
use crate::archive::Keep;
use crate::error::FileError;
use crate::files::Directory;
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
        let kept = self.file.write_all(buffer.get(..length).unwrap_or_default());
        kept.map_err(|error| io::Error::new(error.kind(), format!("the copy cannot be written: {error}")))?;
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
    /// [`InstallError`] when no file can be made there, or others could exchange what is put there.
    pub fn new_in(folder: &Path) -> Result<Self, InstallError> {
        let fault = Directory::open(folder).and_then(|open| open.fault()).map_err(FileError::at(folder, "open"))?;
        if let Some(fault) = fault {
            return Err(InstallError::UnsafeParent { path: folder.to_owned(), fault });
        }
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

    /// The bytes that were kept, for whoever publishes them elsewhere and hashes them again on the way.
    ///
    /// # Errors
    /// When the operating system gives no second handle.
    pub fn file(&self) -> Result<File, FileError> {
        self.file.try_clone().map_err(FileError::at(&self.folder, "share a spool in"))
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
    /// Gives the archive its name, the destination's, and puts `.sha256` beside it, and `.asc` and `.tlog-proof`
    /// where there is a signature and a record of the log.
    ///
    /// # Errors
    /// [`InstallError`] when something is there that is not to be replaced, a file cannot be written, or the spool
    /// no longer holds the bytes that were verified.
    pub fn publish(self, to: &Destination, occupied: Occupied, durability: Durability) -> Result<(), InstallError> {
        let path = to.path();
        let at = |verb| FileError::at(path, verb);
        let mut copy = temporary(to).map_err(at("make a file for"))?;
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
        let mut staged = vec![stage(to, ".sha256", hex::encode(self.sha256()).as_bytes())?];
        let signature = self.signature().map(|(_, armored)| armored.to_owned());
        let proof = self.transparency().map(|proof| proof.tlog_proof().to_string());
        let evidence = [(".asc", signature), (".tlog-proof", proof)];
        for (suffix, content) in &evidence {
            match content {
                Some(content) => staged.push(stage(to, suffix, content.as_bytes())?),
                None => ArchiveSpool::check_vacant(&beside(path, suffix), occupied)?,
            }
        }
        staged.push(Some((path.to_owned(), copy)));
        persist_all(to, staged.into_iter().flatten().collect(), occupied, durability)?;
        // Evidence of other bytes would speak against these; what appeared without leave to replace it is another's.
        let replaced = |content: &Option<String>| content.is_none() && occupied == Occupied::Replace;
        for (suffix, _) in evidence.iter().filter(|(_, content)| replaced(content)) {
            remove_if_there(&beside(path, suffix))?;
        }
        Ok(())
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut companion = path.as_os_str().to_owned();
    companion.push(suffix);
    companion.into()
}

fn temporary(to: &Destination) -> io::Result<NamedTempFile> {
    // The name is random as it is.
    tempfile::Builder::new().prefix(&staging::name_for(to.name())).rand_bytes(0).tempfile_in(to.parent_path())
}

fn remove_if_there(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::at(path, "remove")(error)),
        _ => Ok(()),
    }
}

type Staged = (PathBuf, NamedTempFile);

/// A companion that has yet to get its name; `None` where it stands there already, to the byte.
fn stage(to: &Destination, suffix: &str, content: &[u8]) -> Result<Option<Staged>, FileError> {
    let path = beside(to.path(), suffix);
    let same = path.symlink_metadata().is_ok_and(|found| found.is_file() && found.len() == content.len() as u64)
        && std::fs::read(&path).is_ok_and(|found| found == content);
    if same {
        return Ok(None);
    }
    let mut copy = temporary(to).map_err(FileError::at(&path, "make a file for"))?;
    copy.write_all(content).map_err(FileError::at(&path, "write"))?;
    Ok(Some((path, copy)))
}

fn persist_all(
    to: &Destination,
    staged: Vec<Staged>,
    occupied: Occupied,
    durability: Durability,
) -> Result<(), InstallError> {
    for (path, copy) in &staged {
        finish(copy.as_file(), path, durability)?;
    }
    let mut named = Vec::new();
    for (path, copy) in staged {
        if let Err(error) = persist(copy, &path, occupied) {
            // What was replaced is gone; what was new must not stay.
            if occupied == Occupied::Refuse {
                named.iter().for_each(|path| _ = std::fs::remove_file(path));
            }
            return Err(error);
        }
        named.push(path);
    }
    if durability == Durability::Synced {
        to.parent().sync().map_err(FileError::at(to.parent_path(), "sync"))?;
    }
    Ok(())
}

fn finish(file: &File, path: &Path, durability: Durability) -> Result<(), FileError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(FileError::at(path, "set the mode of"))?;
    }
    if durability == Durability::Synced {
        file.sync_all().map_err(FileError::at(path, "sync"))?;
    }
    Ok(())
}

fn persist(copy: NamedTempFile, path: &Path, occupied: Occupied) -> Result<(), InstallError> {
    let persisted = match occupied {
        Occupied::Replace => copy.persist(path),
        Occupied::Refuse => copy.persist_noclobber(path),
    };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(InstallError::DestinationExists { path: path.to_owned() })
        }
        Err(error) => Err(FileError::at(path, "rename to")(error.error).into()),
    }
}
