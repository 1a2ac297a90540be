//! The directory in which a tree is put together before anybody can take it for an installation.
//!
//! It stands beside the destination, so that the rename never crosses file systems, is called
//! `.NAME.goverify-` and 16 random hexadecimal digits, is made exclusively, and is its owner's alone (0700).
//! Whoever holds the destination's lock may take every other such name for the debris of a killed run.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Destination, InstallError};
use crate::error::FileError;
use crate::files::{Confinement, Directory};

const INFIX: &str = ".goverify-";
const RANDOM_DIGITS: usize = 16;
/// Names to try; with 64 random bits the second is already not needed.
const NAME_TRIES: usize = 4;

/// A whole tree beside its destination, ready to be published. Dropping it removes it.
#[derive(Debug)]
pub struct StagedTree {
    // Dropped in this order: Windows removes no directory that is open, and no other run may come in before the
    // debris is gone.
    pub(super) root: Directory,
    pub(super) debris: Debris,
    pub(super) destination: Destination,
    pub(super) files: u64,
    pub(super) confinement: Confinement,
}

impl StagedTree {
    /// An empty one.
    pub(super) fn new(destination: Destination) -> Result<Self, InstallError> {
        let (root, name) = create(&destination).map_err(FileError::at(destination.path(), "create staging for"))?;
        let debris = Debris { parent: Arc::clone(destination.parent()), name: Some(name) };
        Ok(Self { root, debris, destination, files: 0, confinement: Confinement::None })
    }

    /// Where it is to be published.
    #[must_use]
    pub fn destination(&self) -> &Path {
        self.destination.path()
    }
}

fn create(destination: &Destination) -> io::Result<(Directory, OsString)> {
    let mut tries = 1;
    loop {
        let name = name_for(destination.name());
        match destination.parent().create_directory(&name, 0o700) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < NAME_TRIES => tries += 1,
            result => return Ok((result?, name)),
        }
    }
}

/// A new name beside `destination`.
pub(super) fn name_for(destination: &OsStr) -> OsString {
    let mut name = OsString::from(".");
    name.push(destination);
    name.push(INFIX);
    // Keyed with what the system calls random.
    name.push(format!("{:016x}", RandomState::new().hash_one(())));
    name
}

/// Whether `name` is one that [`name_for`] could have made for `destination`. The digits are counted, or the
/// staging of a destination called `NAME.goverify-x` would be taken for one of `NAME`.
fn is_staging(name: &OsStr, destination: &OsStr) -> bool {
    let digits = name
        .as_encoded_bytes()
        .strip_prefix(b".")
        .and_then(|name| name.strip_prefix(destination.as_encoded_bytes()))
        .and_then(|name| name.strip_prefix(INFIX.as_bytes()));
    digits.is_some_and(|digits| {
        digits.len() == RANDOM_DIGITS && digits.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
    })
}

/// Removes what killed runs left beside `destination`, whose lock the caller holds. What cannot be removed is no
/// reason not to install: it may be another user's.
pub(super) fn remove_stale(parent: &Directory, destination: &OsStr) -> io::Result<()> {
    for name in parent.names()?.iter().filter(|name| is_staging(name, destination)) {
        // What another user put there under such a name is not ours to walk through.
        if parent.is_own(name).unwrap_or(false) {
            let _ = parent.remove_all(name);
        }
    }
    Ok(())
}

/// Something under a staging name, removed when this is dropped.
#[derive(Debug)]
pub(super) struct Debris {
    parent: Arc<Directory>,
    name: Option<OsString>,
}

impl Debris {
    pub(super) fn name(&self) -> &OsStr {
        self.name.as_deref().unwrap_or_default()
    }

    /// Leaves it where it is, or knows it gone.
    pub(super) fn keep(mut self) {
        self.name = None;
    }

    pub(super) fn remove(mut self) -> io::Result<()> {
        self.name.take().map_or(Ok(()), |name| self.parent.remove_all(&name))
    }
}

impl Drop for Debris {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // The next run for this destination tries again.
            let _ = self.parent.remove_all(name);
        }
    }
}
