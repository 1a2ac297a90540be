//! Whether an installed tree is still the one that was released.
//!
//! [`walk()`] reads a tree whole into the manifest that its archive would have; [`identify()`] says which release it
//! claims to be; [`compare()`] tells what differs from a manifest that is known to be the release's. What is known,
//! and how, is not decided here: a manifest proves nothing by itself ([`crate::trust`]).
//!
//! It runs no program of the tree, follows no link in it, and changes nothing.

mod drift;
mod identity;
#[cfg(test)]
mod tests;
mod walk;

use std::path::PathBuf;

pub use drift::{Change, Drift, Modes, compare, in_form, is_built_elsewhere, strange};
pub use identity::{Identity, NotReleased, identify};
pub use walk::{Tree, walk};

use crate::error::{Code, Coded, FileError};

/// Why nothing can be said of a tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A file or directory cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is being changed.
    #[error("{}: changed while it was read", .path.display())]
    Moving {
        /// What changed.
        path: PathBuf,
    },
    /// Far more than any release has.
    #[error("far more files and directories than any release has")]
    TooMany,
}

impl Coded for AuditError {
    fn code(&self) -> Code {
        match self {
            Self::File(error) => error.code(),
            Self::Moving { .. } | Self::TooMany => Code::Io,
        }
    }
}

impl Coded for NotReleased {
    fn code(&self) -> Code {
        Code::ReleaseNotFound
    }
}
