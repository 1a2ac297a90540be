//! `--lock` and `--locked`: what a team's lock file allows, and what is added to it.
//!
//! What is locked is compared with what was verified, or with what the tree that stands there already was verified as.

use std::path::PathBuf;
use std::sync::Arc;

use goverify::error::{Code, FileError};
use goverify::lockfile::{LockFile, Pin};
use goverify::release::{ArchiveName, ReleaseFile, Selector, Target};

use super::args::LockArguments;
use super::failure::Failure;
use super::json::Outcome;

/// The lock file where none is named.
const DEFAULT: &str = "goverify.lock";

/// A lock file as it was before the index was asked.
pub(crate) struct Lock {
    path: PathBuf,
    pub(crate) file: Arc<LockFile>,
    /// Whether what it does not name is refused, or else added.
    is_final: bool,
}

impl Lock {
    /// The one that is asked for.
    pub(crate) fn of(arguments: &LockArguments) -> Result<Option<Self>, Failure> {
        let is_final = arguments.locked;
        let path = arguments.lock.clone().or_else(|| is_final.then(|| DEFAULT.into()));
        let Some(path) = path else { return Ok(None) };
        match LockFile::read(&path)? {
            None if is_final => {
                let missing = FileError::at(&path, "open")(std::io::ErrorKind::NotFound.into());
                Err(Failure::from(missing).with_hint("`goverify fetch --lock FILE` makes one"))
            }
            found => Ok(Some(Self { path, file: Arc::new(found.unwrap_or_default()), is_final })),
        }
    }

    /// What `selector` comes to where nothing but the file's own archives may be chosen.
    pub(crate) fn narrow(&self, selector: Selector, target: &Target) -> Result<Selector, Failure> {
        if !self.is_final {
            return Ok(selector);
        }
        let chosen = self.file.choose(&selector, target).map(Selector::Exact);
        chosen.ok_or_else(|| {
            let path = self.path.display();
            Failure::new(Code::NotLocked, format!("{selector} for {target}: not in {path}"))
        })
    }

    /// Refuses early what the index does not even claim to be what is locked.
    pub(crate) fn check_index(&self, file: &ReleaseFile) -> Result<(), Failure> {
        let Some(pin) = self.file.pin(file.name()) else { return Ok(()) };
        let claimed = Pin { sha256: *file.sha256(), size_bytes: file.size_bytes(), ..pin.clone() };
        Ok(self.file.check(file.name(), &claimed)?)
    }

    /// Adds what was fetched, unless that is not wanted. Where it cannot be added, no fetch counts as done.
    pub(crate) fn record(&self, outcomes: &mut [Outcome]) {
        if self.is_final {
            return;
        }
        let done = outcomes.iter().filter(|outcome| outcome.error.is_none());
        let pins: Vec<_> = done.filter_map(|outcome| outcome.pinned.as_ref()).collect();
        if pins.is_empty() {
            return;
        }
        if let Err(error) = LockFile::add(&self.path, pins.into_iter().map(|(name, pin)| (name, pin))) {
            let failure = Failure::from(error);
            outcomes.iter_mut().for_each(|outcome| _ = outcome.error.get_or_insert_with(|| failure.clone()));
        }
    }
}

/// Compares `found` with what the lock file says of `name`, and keeps it to be added.
pub(crate) fn compare(file: &LockFile, name: &ArchiveName, found: Pin, outcome: &mut Outcome) -> Result<(), Failure> {
    file.check(name, &found)?;
    outcome.pinned = Some((name.clone(), found));
    Ok(())
}
