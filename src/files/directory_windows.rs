//! An open directory and what can be done with the names in it, on Windows.
//!
//! The same rules as on Unix, as far as the system has them: names are single components, links are not followed,
//! creation is exclusive. There are no modes, no times that nobody can set, and no rename that exchanges two names in
//! one step; owners are for access control lists, which are not read.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};

use super::found::{Found, FoundFile, Kind, Listed, ParentFault};
use super::held::{is_held, patiently};

const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
#[cfg(feature = "net")]
const FILE_SHARE_READ: u32 = 1;
#[cfg(feature = "net")]
const FILE_SHARE_DELETE: u32 = 4;
const GENERIC_WRITE: u32 = 0x4000_0000;
const DELETE: u32 = 0x0001_0000;

/// A handle of an open directory.
#[derive(Debug)]
pub(crate) struct Directory(Dir);

impl Directory {
    /// Opens `path`, following links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Dir::open_ambient_dir(path, ambient_authority())?))
    }

    /// Opens `path`, which must not itself be a link.
    pub(crate) fn open_unlinked(path: &Path) -> io::Result<Self> {
        if std::fs::symlink_metadata(path)?.is_dir() { Self::open(path) } else { Err(not_a_directory()) }
    }

    pub(crate) fn child(&self, name: &OsStr) -> io::Result<Self> {
        if self.0.symlink_metadata(name)?.is_dir() { Ok(Self(self.0.open_dir(name)?)) } else { Err(not_a_directory()) }
    }

    pub(crate) fn create_directory(&self, name: &OsStr, _mode: u32) -> io::Result<Self> {
        self.0.create_dir(name)?;
        // Else the caller, who holds no handle, believes that it was not made.
        self.child(name).inspect_err(|_| _ = self.0.remove_dir(name))
    }

    pub(crate) fn create_file(&self, name: &OsStr, _mode: u32) -> io::Result<File> {
        Ok(self.0.open_with(name, OpenOptions::new().write(true).create_new(true))?.into_std())
    }

    /// Opens a regular file for reading; `None` if the name stands for anything else, or for nothing.
    pub(crate) fn read_file(&self, name: &OsStr) -> io::Result<Option<File>> {
        match self.find(name)? {
            Some(Found::File(_)) => Ok(Some(self.0.open(name)?.into_std())),
            _ => Ok(None),
        }
    }

    /// Opens a file that nobody else can open meanwhile, and that goes when it is closed; `None` if another has it.
    pub(crate) fn open_alone(&self, name: &OsStr) -> io::Result<Option<File>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).share_mode(0).access_mode(GENERIC_WRITE | DELETE);
        match self.0.open_with(name, options.custom_flags(FILE_FLAG_DELETE_ON_CLOSE)) {
            Ok(file) => Ok(Some(file.into_std())),
            Err(error) if is_held(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a file, creating it where it is missing, that nobody else can open for writing meanwhile; `None` if another
    /// has it. Its holder may rename and remove it.
    #[cfg(feature = "net")]
    pub(crate) fn lock_file(&self, name: &OsStr) -> io::Result<Option<File>> {
        if !matches!(self.find(name)?, None | Some(Found::File(_))) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).share_mode(FILE_SHARE_READ | FILE_SHARE_DELETE);
        match self.0.open_with(name, &options) {
            Ok(file) => Ok(Some(file.into_std())),
            Err(error) if is_held(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    #[cfg(feature = "net")]
    pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        self.0.remove_file(name)
    }

    /// What `name` stands for; `None` if for nothing.
    pub(crate) fn find(&self, name: &OsStr) -> io::Result<Option<Found>> {
        match self.0.symlink_metadata(name) {
            Ok(metadata) if metadata.is_dir() => Ok(Some(Found::Directory)),
            Ok(metadata) if metadata.is_file() => Ok(Some(Found::File(found_file(metadata.len())))),
            Ok(_) => Ok(Some(Found::Other)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a regular file for reading and looks at it; `None` if the name stands for anything else, or for nothing.
    pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<Option<(File, FoundFile)>> {
        let Some(file) = self.read_file(name)? else { return Ok(None) };
        let found = Self::look_again(&file)?;
        Ok(Some((file, found)))
    }

    /// What an open regular file is now.
    pub(crate) fn look_again(file: &File) -> io::Result<FoundFile> {
        Ok(found_file(file.metadata()?.len()))
    }

    /// The names in this directory and what they stand for, in no order.
    pub(crate) fn list(&self) -> io::Result<Vec<Listed>> {
        let listed = |entry: io::Result<cap_std::fs::DirEntry>| {
            let entry = entry?;
            let found = entry.file_type()?;
            let kind = match () {
                () if found.is_symlink() => Kind::Link,
                () if found.is_dir() => Kind::Directory,
                () if found.is_file() => Kind::File,
                () => Kind::Other,
            };
            Ok(Listed { name: entry.file_name(), kind })
        };
        self.0.entries()?.map(listed).collect()
    }

    /// The names in this directory, in no order.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        Ok(self.list()?.into_iter().map(|listed| listed.name).collect())
    }

    /// There are none.
    pub(crate) fn mode(&self) -> io::Result<Option<u32>> {
        Ok(None)
    }

    pub(crate) fn set_mode(&self, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    /// Removes whatever `name` stands for. A link is removed, not followed.
    pub(crate) fn remove_all(&self, name: &OsStr) -> io::Result<()> {
        match self.find(name)? {
            None => Ok(()),
            Some(Found::Directory) => self.0.remove_dir_all(name),
            // A link to a directory is removed like a directory.
            Some(Found::File(_) | Found::Other) => self.0.remove_file(name).or_else(|_| self.0.remove_dir(name)),
        }
    }

    /// Owners are not looked at.
    pub(crate) fn is_own(&self, _name: &OsStr) -> io::Result<bool> {
        Ok(true)
    }

    /// Access control lists are not read.
    pub(crate) fn is_private(&self) -> io::Result<bool> {
        Ok(true)
    }

    /// Renames `from` to `to`; fails with `AlreadyExists` if there is a `to`, other processes kept out by the lock.
    pub(crate) fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        if self.find(to)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename(from, to)
    }

    /// Exchanges two names, in three steps: a kill in between leaves no `other`.
    pub(crate) fn exchange(&self, one: &OsStr, other: &OsStr) -> io::Result<()> {
        // Named like staging, so that the next run removes it.
        let mut aside = one.to_string_lossy().into_owned();
        let last = aside.pop();
        aside.push(if last == Some('0') { '1' } else { '0' });
        self.rename(other, aside.as_ref())?;
        if let Err(error) = self.rename(one, other) {
            self.rename(aside.as_ref(), other)?;
            return Err(error);
        }
        self.rename(aside.as_ref(), one)
    }

    /// Renames `from` to `to`, in whose place it comes.
    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        patiently(thread::sleep, || self.0.rename(from, &self.0, to))
    }

    /// Does nothing: a directory cannot be flushed here.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    /// Makes every file below this directory durable.
    pub(crate) fn sync_tree(&self) -> io::Result<()> {
        for name in self.names()? {
            match self.find(&name)? {
                Some(Found::Directory) => self.child(&name)?.sync_tree()?,
                Some(Found::File(_)) => self.0.open_with(&name, OpenOptions::new().write(true))?.sync_all()?,
                Some(Found::Other) | None => {}
            }
        }
        Ok(())
    }

    /// Finds no fault: who may write is for access control lists, which are not read.
    pub(crate) fn fault(&self) -> io::Result<Option<ParentFault>> {
        Ok(None)
    }
}

fn found_file(size_bytes: u64) -> FoundFile {
    FoundFile { size_bytes, mode: None, ours: true, changed: None, names: 1 }
}

fn not_a_directory() -> io::Error {
    io::ErrorKind::NotADirectory.into()
}
