//! An open directory and what can be done with the names in it, on Unix.
//!
//! - Every name is a single component; what is not is neither opened nor made.
//! - No call follows a symbolic link, except [`Directory::open`], whose path is the caller's.
//! - On Linux the kernel sees to both once more when it opens a name: `openat2` with `RESOLVE_BENEATH`,
//!   `RESOLVE_NO_SYMLINKS` and `RESOLVE_NO_MAGICLINKS`, where it has that (5.6).
//! - Files and directories are created exclusively, and their modes are set on the open handle.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fchmod, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::found::{Found, FoundFile, Kind, Listed, ParentFault};

/// The deepest tree that is removed; each level is an open handle and a call. Entries of archives end at 64.
const DEPTH_LIMIT: u32 = 256;
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const NO_LINK: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);

/// A handle of an open directory.
#[derive(Debug)]
pub(crate) struct Directory(File);

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Directory {
    /// Opens `path`, following links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, DIRECTORY, Mode::empty())?.into()))
    }

    /// Opens `path`, which must not itself be a link.
    pub(crate) fn open_unlinked(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, DIRECTORY | NO_LINK, Mode::empty())?.into()))
    }

    pub(crate) fn child(&self, name: &OsStr) -> io::Result<Self> {
        Ok(Self(self.open_beneath(name, DIRECTORY | NO_LINK, Mode::empty())?))
    }

    /// Opens `name`, which is no link and in this very directory.
    fn open_beneath(&self, name: &OsStr, flags: OFlags, mode: Mode) -> Result<File, Errno> {
        let name = one_component(name)?;
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::ResolveFlags;
            let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            match rustix::fs::openat2(&self.0, name, flags, mode, beneath) {
                // Linux before 5.6; and filters of system calls from before then, which do not know it either. Where
                // it is the file that is not permitted, the other call says so, too.
                Err(Errno::NOSYS | Errno::PERM) => {}
                result => return Ok(result?.into()),
            }
        }
        Ok(openat(&self.0, name, flags, mode)?.into())
    }

    pub(crate) fn create_directory(&self, name: &OsStr, mode: u32) -> io::Result<Self> {
        mkdirat(&self.0, one_component(name)?, Mode::from_raw_mode(mode as _))?;
        let opened = self.child(name).and_then(|child| child.set_mode(mode).map(|()| child));
        // Else the caller, who holds no handle, believes that it was not made.
        opened.inspect_err(|_| _ = unlinkat(&self.0, name, AtFlags::REMOVEDIR))
    }

    pub(crate) fn create_file(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | NO_LINK;
        let file = self.open_beneath(name, flags, Mode::RUSR | Mode::WUSR)?;
        fchmod(&file, Mode::from_raw_mode(mode as _))?;
        Ok(file)
    }

    /// Opens a regular file for reading; `None` if the name stands for anything else, or for nothing.
    pub(crate) fn read_file(&self, name: &OsStr) -> io::Result<Option<File>> {
        Ok(self.open_file(name)?.map(|(file, _)| file))
    }

    fn open_for_reading(&self, name: &OsStr) -> io::Result<Option<File>> {
        // A pipe without a writer would block.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | NO_LINK;
        match self.open_beneath(name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOENT | Errno::LOOP | Errno::MLINK | Errno::NXIO) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file of our own, creating it where it is missing, and locks it; `None` if another holds it. Nobody but
    /// the holder may remove or rename it.
    pub(crate) fn lock_file(&self, name: &OsStr) -> io::Result<Option<File>> {
        /// Holders that may come and go between our open and our lock before we rather pause.
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            let file = self.open_lock_file(name)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
                Err(std::fs::TryLockError::Error(error)) => {
                    // Where there are no locks nobody holds one. After any other error somebody might, and the name
                    // stays.
                    if error.kind() == io::ErrorKind::Unsupported {
                        let _ = self.remove_file(name);
                    }
                    return Err(error);
                }
            }
            // We may have opened the file, then its holder removed it and let go, and now we hold the lock of a file
            // without a name, while a third process makes a new one and locks that. Only the lock of the file that has
            // the name counts; nobody but its holder removes it, so once it counts it stays so.
            if self.is_named(name, &file)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn open_lock_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK | NO_LINK;
        let file = self.open_beneath(name, flags, Mode::RUSR | Mode::WUSR)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        // Whoever owns it can remove it and let a second process believe that it holds the lock.
        if metadata.uid() != geteuid().as_raw() || metadata.nlink() > 1 {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the lock file is another user's"));
        }
        Ok(file)
    }

    /// Whether `name` still stands for the open `file`.
    fn is_named(&self, name: &OsStr, file: &File) -> io::Result<bool> {
        let opened = rustix::fs::fstat(file)?;
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file for reading and looks at it; `None` if the name stands for anything else, or for nothing.
    pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<Option<(File, FoundFile)>> {
        let Some(file) = self.open_for_reading(name)? else { return Ok(None) };
        let stat = rustix::fs::fstat(&file)?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        Ok(regular.then(|| (file, found_file(&stat))))
    }

    /// What an open regular file is now.
    pub(crate) fn look_again(file: &File) -> io::Result<FoundFile> {
        Ok(found_file(&rustix::fs::fstat(file)?))
    }

    /// What `name` stands for; `None` if for nothing.
    pub(crate) fn find(&self, name: &OsStr) -> io::Result<Option<Found>> {
        let stat = match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Found::Directory,
            FileType::RegularFile => Found::File(found_file(&stat)),
            _ => Found::Other,
        }))
    }

    /// The names in this directory and what they stand for, in no order.
    #[cfg(target_os = "linux")]
    pub(crate) fn list(&self) -> io::Result<Vec<Listed>> {
        /// Room for the names of most directories at once.
        const LISTING_BYTES: usize = 16 << 10;
        let (mut listed, mut buffer) = (Vec::new(), Vec::with_capacity(LISTING_BYTES));
        // Reading goes on where an earlier one of the same handle ended; to open it again would cost more.
        rustix::fs::seek(&self.0, rustix::fs::SeekFrom::Start(0))?;
        let mut listing = rustix::fs::RawDir::new(&self.0, buffer.spare_capacity_mut());
        while let Some(entry) = listing.next() {
            let entry = entry?;
            self.push(&mut listed, entry.file_name(), entry.file_type())?;
        }
        Ok(listed)
    }

    /// The names in this directory and what they stand for, in no order.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn list(&self) -> io::Result<Vec<Listed>> {
        let mut listed = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let entry = entry?;
            self.push(&mut listed, entry.file_name(), entry.file_type())?;
        }
        Ok(listed)
    }

    fn push(&self, listed: &mut Vec<Listed>, name: &CStr, mut kind: FileType) -> io::Result<()> {
        if name == c"." || name == c".." {
            return Ok(());
        }
        // Some file systems leave the kind out of their listings.
        if kind == FileType::Unknown {
            kind = FileType::from_raw_mode(statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
        }
        let kind = match kind {
            FileType::Directory => Kind::Directory,
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        };
        listed.push(Listed { name: OsString::from_vec(name.to_bytes().to_owned()), kind });
        Ok(())
    }

    /// The names in this directory, in no order.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        Ok(self.list()?.into_iter().map(|listed| listed.name).collect())
    }

    /// The twelve permission bits of this directory; `None` where the system has none.
    pub(crate) fn mode(&self) -> io::Result<Option<u32>> {
        Ok(Some(self.0.metadata()?.mode() & 0o7777))
    }

    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(fchmod(&self.0, Mode::from_raw_mode(mode as _))?)
    }

    pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Removes whatever `name` stands for. A link is removed, not followed; a directory that forbids changes to its
    /// owner is changed all the same. What is mounted below it, and what is deeper than any SDK, stays and is an error.
    pub(crate) fn remove_all(&self, name: &OsStr) -> io::Result<()> {
        self.remove_below(name, self.0.metadata()?.dev(), DEPTH_LIMIT)
    }

    fn remove_below(&self, name: &OsStr, device: u64, depth: u32) -> io::Result<()> {
        match self.find(name)? {
            None => return Ok(()),
            Some(Found::Directory) => {}
            Some(Found::File(_) | Found::Other) => return self.remove_file(name),
        }
        let directory = self.child(name)?;
        let metadata = directory.0.metadata()?;
        if metadata.dev() != device {
            return Err(Errno::XDEV.into());
        }
        let depth = depth.checked_sub(1).ok_or(Errno::NAMETOOLONG)?;
        let mode = metadata.mode() & 0o7777;
        if mode & 0o300 != 0o300 {
            directory.set_mode(mode | 0o300)?;
        }
        for child in directory.names()? {
            directory.remove_below(&child, device, depth)?;
        }
        Ok(unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Whether `name` belongs to us, so that nobody else can have put it there for us to meet.
    pub(crate) fn is_own(&self, name: &OsStr) -> io::Result<bool> {
        let stat = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(stat.st_uid == geteuid().as_raw())
    }

    /// Whether nobody but us and root can change the names in this directory.
    pub(crate) fn is_private(&self) -> io::Result<bool> {
        let metadata = self.0.metadata()?;
        Ok(is_ours(metadata.uid()) && metadata.mode() & 0o022 == 0)
    }

    /// Renames `from` to `to`; fails with `AlreadyExists` if there is a `to`.
    pub(crate) fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        match rustix::fs::renameat_with(&self.0, from, &self.0, to, rustix::fs::RenameFlags::NOREPLACE) {
            // A file system without the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            result => return Ok(result?),
        }
        // Other runs of goverify are kept out by the lock. What else appears after the look fails the rename, but
        // for an empty directory, which is replaced and nobody's loss.
        if self.find(to)?.is_some() {
            return Err(Errno::EXIST.into());
        }
        self.rename(from, to)
    }

    /// Renames `from` to `to`, in whose place it comes.
    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.0, one_component(from)?, &self.0, one_component(to)?)?)
    }

    /// Where the symbolic link `name` leads; `None` if there is nothing of that name. Anything else is `InvalidInput`.
    pub(crate) fn read_link(&self, name: &OsStr) -> io::Result<Option<PathBuf>> {
        match rustix::fs::readlinkat(&self.0, one_component(name)?, Vec::new()) {
            Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()).into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a symbolic link.
    pub(crate) fn make_link(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.0, one_component(name)?)?)
    }

    /// Exchanges two names in one step; fails with `NotFound` if one is missing.
    pub(crate) fn exchange(&self, one: &OsStr, other: &OsStr) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        return Ok(rustix::fs::renameat_with(&self.0, one, &self.0, other, rustix::fs::RenameFlags::EXCHANGE)?);
        #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
        {
            let _ = (one, other);
            Err(Errno::NOSYS.into())
        }
    }

    /// Makes the names in this directory durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        // More than fsync on macOS, where that leaves data in the drive's cache.
        self.0.sync_all()
    }

    /// Makes this directory and everything below it durable.
    pub(crate) fn sync_tree(&self) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        return Ok(rustix::fs::syncfs(&self.0)?);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            self.sync_each()?;
            self.sync()
        }
    }

    /// Syncs one by one, for systems that cannot sync one file system as a whole.
    #[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
    pub(crate) fn sync_each(&self) -> io::Result<()> {
        for name in self.names()? {
            match self.find(&name)? {
                Some(Found::Directory) => self.child(&name)?.sync_each()?,
                _ => {
                    if let Some(file) = self.read_file(&name)? {
                        rustix::fs::fsync(file)?;
                    }
                }
            }
        }
        Ok(rustix::fs::fsync(&self.0)?)
    }

    /// Whether users other than the owner, us and root could exchange names in this directory.
    pub(crate) fn fault(&self) -> io::Result<Option<ParentFault>> {
        let metadata = self.0.metadata()?;
        let sticky_or_private = metadata.mode() & 0o1000 != 0 || metadata.mode() & 0o002 == 0;
        Ok(if !is_ours(metadata.uid()) {
            Some(ParentFault::Owner { uid: metadata.uid() })
        } else if sticky_or_private {
            None
        } else {
            Some(ParentFault::WritableByOthers)
        })
    }
}

/// The names of archives are judged long before; `mkdirat` follows whatever stands before a slash.
fn one_component(name: &OsStr) -> Result<&OsStr, Errno> {
    let bytes = name.as_encoded_bytes();
    if bytes.contains(&b'/') || matches!(bytes, b"" | b"." | b"..") { Err(Errno::INVAL) } else { Ok(name) }
}

fn is_ours(uid: u32) -> bool {
    uid == 0 || uid == geteuid().as_raw()
}

#[allow(clippy::unnecessary_cast, reason = "the fields' types differ from system to system")]
fn found_file(stat: &rustix::fs::Stat) -> FoundFile {
    FoundFile {
        size_bytes: stat.st_size as u64,
        mode: Some(stat.st_mode as u32 & 0o7777),
        ours: is_ours(stat.st_uid),
        changed: Some((stat.st_ctime as i64, stat.st_ctime_nsec as i64)),
        names: stat.st_nlink as u64,
    }
}
