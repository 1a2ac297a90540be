//! Which places an archive's entries may have, whatever its format.
//!
//! - a path keeps the rules of `entry.rs`;
//! - no two entries collide, nor with a directory that is only implied (`collision.rs`);
//! - every entry is in `go/`, or in the directory of a module, but for what a format's profile names;
//! - what is remembered of it is paid for from the archive's `EntryBudget`.

use std::borrow::Cow;

use super::collision::{Paths, Refusal};
use super::layout::TOP;
use super::limits::EntryBudget;
use super::{ArchiveError, CollisionFault, EntryPath, PathFault};
use crate::error::{Code, escaped};

/// Why there may be no entry in a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// The path.
    #[error("\"{}\": {fault}", escaped(.path))]
    Path {
        /// The path as the archive has it.
        path: String,
        /// Which rule it breaks.
        fault: PathFault,
    },
    /// Two entries in one place.
    #[error("\"{}\": {fault}", escaped(.path))]
    Collision {
        /// The later entry's path.
        path: String,
        /// How.
        fault: CollisionFault,
    },
    /// An entry outside `go/`, or whatever the one top directory is.
    #[error("\"{}\": outside the top directory", escaped(.0))]
    OutsideTop(String),
}

impl EntryFault {
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Path { fault: PathFault::NotUtf8 | PathFault::NotNfc, .. } | Self::Collision { .. } => {
                Code::ArchiveMalformed
            }
            Self::Path { .. } => Code::ArchiveUnsafePath,
            Self::OutsideTop(_) => Code::LayoutInvalid,
        }
    }

    /// For a name whose path, which may leave out a final slash, was refused.
    pub(super) fn of_path(name: &[u8], fault: PathFault) -> Self {
        Self::Path { path: String::from_utf8_lossy(name).into_owned(), fault }
    }

    pub(super) fn outside(path: &EntryPath) -> Self {
        Self::OutsideTop(path.to_string())
    }
}

/// Why an entry is not admitted.
#[derive(Debug)]
pub(super) enum Refused {
    Entry(EntryFault),
    TooLarge(ArchiveError),
}

/// The places that were taken so far.
pub(super) struct Admission {
    /// The directory that all of them are in.
    top: Cow<'static, str>,
    budget: EntryBudget,
    paths: Paths,
}

impl Default for Admission {
    fn default() -> Self {
        Self::within(Cow::Borrowed(TOP))
    }
}

impl Admission {
    /// Of entries that are below `top`.
    pub(super) fn within(top: Cow<'static, str>) -> Self {
        Self { top, budget: EntryBudget::default(), paths: Paths::default() }
    }

    pub(super) fn top(&self) -> &str {
        &self.top
    }

    /// Counts a header that has no place of its own.
    pub(super) fn count_header(&mut self) -> Result<(), ArchiveError> {
        self.budget.spend(0)
    }

    /// Takes a place for an entry, and returns it relative to GOROOT, or `None` if it is not in there.
    pub(super) fn admit(&mut self, path: &EntryPath, is_directory: bool) -> Result<Option<EntryPath>, Refused> {
        self.budget.spend(path.as_str().len()).map_err(Refused::TooLarge)?;
        match self.paths.insert(path, is_directory, &mut self.budget) {
            Ok(()) => Ok(path.below(&self.top)),
            Err(Refusal::TooLarge(error)) => Err(Refused::TooLarge(error)),
            Err(Refusal::Collision(fault)) => {
                Err(Refused::Entry(EntryFault::Collision { path: path.to_string(), fault }))
            }
        }
    }
}
