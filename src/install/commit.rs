//! Publishing: everything durable, one rename, the rename durable.
//!
//! - the tree's data and names reach the disk before its name does: `syncfs` on Linux, elsewhere every file and
//!   directory by itself;
//! - `syncfs` waits for all that the file system has not written yet, whoever left it: that is begun while the archive
//!   still arrives and the disk has nothing to do ([`Backlog`]);
//! - the rename never replaces (`RENAME_NOREPLACE`). A file system without that flag is asked first, under the
//!   lock. Replacing is one exchange (`RENAME_EXCHANGE`), after which the old tree has the staging name and is
//!   removed; a kill in between leaves it to the next run. A file system that cannot exchange is an error: nothing
//!   else would be one step (Windows takes three, see there);
//! - after the rename the installation stands, whatever fails then.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use super::staging::Debris;
use super::{Destination, InstallError, StagedTree};
use crate::error::FileError;
use crate::events::Event;
use crate::files::{Confinement, Directory};

/// What becomes of something that stands at the destination already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupied {
    /// It stays, and nothing is installed; an empty directory and a dangling link count as something, too.
    Refuse,
    /// It is exchanged for the new tree as a whole, and then removed, whatever it is. Links are not followed.
    Replace,
}

/// What an installation outlives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A power cut at any moment.
    Synced,
    /// The process: for file systems that are thrown away as a whole when anything goes wrong.
    Unsynced,
}

/// A published tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installation {
    /// Absolute path of the tree.
    pub path: PathBuf,
    /// How many files it has, the receipt not counted.
    pub files: u64,
    /// What the threads that unpacked it were denied.
    pub confinement: Confinement,
    /// What was replaced and could not be removed; the next installation to the same place tries again.
    pub leftover: Option<PathBuf>,
}

/// What a destination's file system holds unwritten, whoever left it; see [`Destination::backlog`].
#[derive(Clone, Debug)]
pub struct Backlog(Option<Arc<Directory>>);

impl Backlog {
    /// Begins to write it, and returns at once. Nothing depends on it, so an error is nobody's; but a process that ends
    /// waits for the disk.
    pub fn write(&self) {
        if let Some(directory) = self.0.clone() {
            // Where there can be no thread, all is written at the end.
            let _ = thread::Builder::new().spawn(move || directory.sync_tree());
        }
    }
}

impl Destination {
    /// What [`StagedTree::commit`] will have to wait for, beside the tree itself. Nothing with
    /// [`Durability::Unsynced`], nor on another system than Linux, where `commit` syncs no more than the tree.
    #[must_use]
    pub fn backlog(&self, durability: Durability) -> Backlog {
        let waits = durability == Durability::Synced && cfg!(target_os = "linux");
        Backlog(waits.then(|| Arc::clone(self.parent())))
    }
}

impl StagedTree {
    /// Publishes the tree at its destination.
    ///
    /// # Errors
    /// [`InstallError`] when something is there already and not to be replaced, the data cannot be made durable,
    /// the rename fails, or the caller asked to stop before it. The staged tree is removed then. One error can come
    /// after the rename: that it may not outlive a power cut.
    pub fn commit(self, occupied: Occupied, durability: Durability) -> Result<Installation, InstallError> {
        // Variables are dropped in reverse: the order of the fields.
        let Self { mut destination, debris, root, files, confinement } = self;
        let path = destination.path().to_owned();
        let sync = durability == Durability::Synced;

        root.set_mode(0o755).map_err(FileError::at(&path, "set the mode of"))?;
        if sync {
            destination.watch().tell(Event::Syncing);
            root.sync_tree().map_err(FileError::at(&path, "sync"))?;
        }
        // Windows renames no directory that is open.
        drop(root);
        if destination.watch().is_cancelled() {
            return Err(InstallError::Interrupted);
        }
        let published = rename(&destination, &debris, occupied)?;
        let durable =
            destination.keep_parents(sync).and_then(|()| if sync { sync_parent(&destination) } else { Ok(()) });
        if durable.is_err() || published == Published::New {
            // The staging name is gone, or stands for the old tree, which a power cut could yet bring back.
            debris.keep();
            durable?;
            return Ok(Installation { path, files, confinement, leftover: None });
        }
        let old = destination.parent_path().join(debris.name());
        let leftover = debris.remove().err().map(|_| old);
        Ok(Installation { path, files, confinement, leftover })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Published {
    New,
    Exchanged,
}

fn rename(destination: &Destination, staged: &Debris, occupied: Occupied) -> Result<Published, InstallError> {
    let (parent, from, to) = (destination.parent(), staged.name(), destination.name());
    if occupied == Occupied::Replace {
        match parent.exchange(from, to) {
            Ok(()) => return Ok(Published::Exchanged),
            // Nothing to replace; or the file system cannot, which is no matter then either.
            Err(_) if !destination.is_occupied()? => {}
            Err(error) => return Err(FileError::at(destination.path(), "exchange")(error).into()),
        }
    }
    match parent.rename_new(from, to) {
        Ok(()) => Ok(Published::New),
        Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty) => {
            Err(InstallError::DestinationExists { path: destination.path().to_owned() })
        }
        Err(error) => Err(FileError::at(destination.path(), "rename to")(error).into()),
    }
}

fn sync_parent(destination: &Destination) -> Result<(), InstallError> {
    Ok(destination.parent().sync().map_err(FileError::at(destination.parent_path(), "sync"))?)
}
