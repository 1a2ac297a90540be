//! One lock a destination: whoever holds it may make and remove staging there.
//!
//! - the lock is of the open file `.NAME.goverify.lock`, so that the system lets go of it when its holder dies, by
//!   whatever cause; the file's content and mere existence mean nothing;
//! - its holder removes the file before letting go, so none is left after any end but a kill;
//! - the file must be our own, since its owner could remove it and make a second process believe in its lock;
//! - it is advisory and for runs of goverify alone, and no better than the file system's locks: where it has none,
//!   that is an error.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::InstallError;
use crate::error::FileError;
use crate::events::{Event, Watch};
use crate::files::Directory;

/// The pause after the first vain try; each further one is twice as long.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause, and so how late a cancel or a release can be noticed.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The lock of one destination, held.
#[derive(Debug)]
#[cfg_attr(windows, expect(dead_code, reason = "there the open file is all of the lock"))]
pub(super) struct Lock {
    parent: Arc<Directory>,
    name: OsString,
    file: Option<File>,
}

impl Lock {
    /// Takes the lock of `destination`, a name in `parent`, whose whole path is `path`. Waits for its holder up to
    /// `timeout`, telling so once.
    pub(super) fn acquire(
        parent: &Arc<Directory>,
        destination: &OsStr,
        path: &Path,
        timeout: Duration,
        watch: &Watch,
    ) -> Result<Self, InstallError> {
        let mut name = OsString::from(".");
        name.push(destination);
        name.push(".goverify.lock");
        let start = Instant::now();
        let mut pause = SHORTEST_PAUSE;
        let mut told = false;
        loop {
            if watch.is_cancelled() {
                return Err(InstallError::Interrupted);
            }
            if let Some(file) = attempt(parent, &name).map_err(FileError::at(path, "lock"))? {
                return Ok(Self { parent: Arc::clone(parent), name, file: Some(file) });
            }
            if !std::mem::replace(&mut told, true) {
                watch.tell(Event::Waiting);
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(InstallError::Locked { path: path.to_owned(), waited: timeout });
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(unix)]
fn attempt(parent: &Directory, name: &OsStr) -> io::Result<Option<File>> {
    parent.lock_file(name)
}

/// Here the open itself is the lock: it shares with nobody, and closing removes the file.
#[cfg(windows)]
fn attempt(parent: &Directory, name: &OsStr) -> io::Result<Option<File>> {
    parent.open_alone(name)
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The name first: see `attempt`. If it cannot be removed, the file stays and harms nobody.
        #[cfg(unix)]
        let _ = self.parent.remove_file(&self.name);
        self.file = None;
    }
}
