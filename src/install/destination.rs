//! The place where a tree is to be installed, reserved.
//!
//! - the path is made absolute as text; its last component must be a name;
//! - missing parents are made, mode 0755 less the umask, and removed again, if they are empty, unless something was
//!   published in them;
//! - the parent is opened once; everything afterwards is relative to that handle;
//! - on Unix the parent must be ours or root's, and if others may write to it, it must be sticky: else they could
//!   exchange what is installed;
//! - then the lock is taken, and what killed runs left for this very destination is removed.
//!
//! The parent's own parents are not judged.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::lock::Lock;
use super::{InstallError, staging};
use crate::error::FileError;
use crate::events::Watch;
use crate::files::Directory;

/// Times that parents, just made or found, may be removed under us by a run that failed.
const PARENT_TRIES: usize = 8;

/// A destination whose lock is held. Dropping it lets go, and removes the parents that were made for it.
#[derive(Debug)]
pub struct Destination {
    // Dropped in this order: the parent must be empty and closed to be removed.
    _lock: Lock,
    parent: Arc<Directory>,
    made: MadeParents,
    path: PathBuf,
    name: OsString,
    watch: Watch,
}

impl Destination {
    /// Reserves `path`, waiting up to `lock_timeout` for other processes that install to it. `watch` learns of what
    /// is done with the destination from now on, and can stop it.
    ///
    /// # Errors
    /// [`InstallError`] when the path has no name, its parent is unsafe or cannot be made or opened, the lock is
    /// not to be had in time, or the caller asked to stop.
    pub fn prepare(path: &Path, lock_timeout: Duration, watch: &Watch) -> Result<Self, InstallError> {
        let absolute = std::path::absolute(path).map_err(FileError::at(path, "make absolute"))?;
        let (Some(parent_path), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(InstallError::Unnamed { path: absolute });
        };
        // Without a trailing slash.
        let path = parent_path.join(name);
        let mut tries = 1;
        let (lock, parent, made) = loop {
            match reserve(&path, parent_path, name, lock_timeout, watch) {
                Err(InstallError::File(error))
                    if error.source.kind() == io::ErrorKind::NotFound && tries < PARENT_TRIES =>
                {
                    tries += 1;
                }
                result => break result?,
            }
        };
        // Whole before anything else can fail: it is dropped in the order of its fields then.
        let reserved = Self { _lock: lock, parent, made, name: name.to_owned(), path, watch: watch.clone() };
        staging::remove_stale(&reserved.parent, name).map_err(FileError::at(reserved.parent_path(), "list"))?;
        Ok(reserved)
    }

    /// The absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The existing directory in which it is, or will be; the place for a spool.
    #[must_use]
    pub fn parent_path(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Whether something stands there already, be it a dangling link.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn is_occupied(&self) -> Result<bool, InstallError> {
        Ok(self.parent.find(&self.name).map_err(FileError::at(&self.path, "look at"))?.is_some())
    }

    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    pub(super) fn parent(&self) -> &Arc<Directory> {
        &self.parent
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Keeps the parents, and makes their names durable where `sync` asks for it.
    pub(super) fn keep_parents(&mut self, sync: bool) -> Result<(), InstallError> {
        for path in std::mem::take(&mut self.made.0) {
            if let Some(above) = path.parent().filter(|_| sync) {
                Directory::open(above).and_then(|d| d.sync()).map_err(FileError::at(above, "sync"))?;
            }
        }
        Ok(())
    }
}

type Reserved = (Lock, Arc<Directory>, MadeParents);

fn reserve(
    path: &Path,
    parent_path: &Path,
    name: &OsStr,
    timeout: Duration,
    watch: &Watch,
) -> Result<Reserved, InstallError> {
    let made = MadeParents::make(parent_path)?;
    let parent = Directory::open(parent_path).map_err(FileError::at(parent_path, "open"))?;
    if let Some(fault) = parent.fault().map_err(FileError::at(parent_path, "look at"))? {
        return Err(InstallError::UnsafeParent { path: parent_path.to_owned(), fault });
    }
    let parent = Arc::new(parent);
    let lock = Lock::acquire(&parent, name, path, timeout, watch)?;
    Ok((lock, parent, made))
}

/// Directories that were made on the way, outermost first; removed when this is dropped, as far as they are empty.
#[derive(Debug, Default)]
struct MadeParents(Vec<PathBuf>);

impl MadeParents {
    fn make(parent: &Path) -> Result<Self, InstallError> {
        let missing: Vec<&Path> = parent.ancestors().take_while(|path| !path.exists()).collect();
        let mut made = Self::default();
        for path in missing.into_iter().rev() {
            match builder().create(path) {
                Ok(()) => made.0.push(path.to_owned()),
                // By another process, or by way of `..`.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(FileError::at(path, "create")(error).into()),
            }
        }
        Ok(made)
    }
}

#[cfg(unix)]
fn builder() -> std::fs::DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o755);
    builder
}

#[cfg(windows)]
fn builder() -> std::fs::DirBuilder {
    std::fs::DirBuilder::new()
}

impl Drop for MadeParents {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            let _ = std::fs::remove_dir(path);
        }
    }
}
