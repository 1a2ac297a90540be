//! What changes the disk: a verified archive becomes an installed tree in one rename.
//!
//! The order, which no error, signal or power cut can turn round:
//!
//! 1. [`Destination::prepare`] makes missing parents, opens the parent once, takes the destination's lock and
//!    removes what killed runs left;
//! 2. [`Destination::unpack`] fills a new directory beside the destination, `.NAME.goverify-RANDOM`, mode 0700,
//!    hashing every file again on its way from the spool, and adds `.goverify.json`, if it is wanted;
//! 3. [`StagedTree::commit`] makes everything durable, renames once, and makes the rename durable.
//!
//! Rules:
//!
//! - every name is one component, resolved relative to an open directory, and no symbolic link is followed below
//!   the parent (CVE-2022-21658, CVE-2026-39822);
//! - the threads that unpack may do nothing else, where the kernel can deny it ([`crate::files::Confinement`]);
//! - everything is created exclusively and gets its mode on the open handle, whatever the umask, a setgid parent or
//!   a default ACL say (CVE-2023-38497);
//! - what stands at the destination is never merged into; it is refused, or exchanged as a whole and then removed;
//! - each of the types undoes its part when it is dropped before the rename: staging, lock file, made parents.
//!
//! It does not decide that an archive is genuine ([`crate::trust`]), and it never copies across file systems.

mod archive_file;
mod commit;
mod destination;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod intact;
#[cfg(unix)]
mod link;
mod lock;
mod module;
mod receipt;
mod reclaim;
mod staging;
#[cfg(test)]
mod tests;
mod unpack;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use archive_file::{ArchiveSpool, Tee};
pub use commit::{Backlog, Durability, Installation, Occupied};
pub use destination::Destination;
pub use intact::is_intact;
#[cfg(unix)]
pub use link::Turned;
pub use module::{MODULE_FILE, ModuleFault, check_module, module_info, module_of, module_path};
pub use receipt::{
    ArchiveRecord, Evidence, NAME as RECEIPT_NAME, Origin, Receipt, SignatureEvidence, TransparencyEvidence,
};
pub use staging::StagedTree;

use crate::archive::{EntryPath, Spool};
use crate::error::{Code, Coded, FileError};
use crate::files::ParentFault;
use crate::release::ArchiveName;
use crate::trust::VerifiedArchive;

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The destination has no last component that could be created: `/`, or a path that ends in `..`.
    #[error("{}: names no directory that could be created", .path.display())]
    Unnamed {
        /// The destination.
        path: PathBuf,
    },
    /// Somebody else could exchange what is installed.
    #[error("{}: {fault}", .path.display())]
    UnsafeParent {
        /// The destination's parent.
        path: PathBuf,
        /// What is wrong with it.
        fault: ParentFault,
    },
    /// Another process works on the same destination.
    #[error("{}: another process has been installing here for {} s", .path.display(), .waited.as_secs())]
    Locked {
        /// The destination.
        path: PathBuf,
        /// How long this one waited.
        waited: Duration,
    },
    /// Something stands there already.
    #[error("{}: already exists", .path.display())]
    DestinationExists {
        /// The destination.
        path: PathBuf,
    },
    /// What was to be a link is something else.
    #[error("{}: already exists, and is not a symbolic link", .path.display())]
    NotALink {
        /// The link.
        path: PathBuf,
    },
    /// Nothing to turn a link back to.
    #[error("{}: nothing is known of what it led to before", .path.display())]
    NoPrevious {
        /// The link.
        path: PathBuf,
    },
    /// The spool no longer holds what was verified.
    #[error("{path}: changed after it was verified: expected SHA-256 {}, got {}", hex::encode(.expected), found(.actual))]
    Changed {
        /// The file.
        path: EntryPath,
        /// The digest that was verified.
        expected: [u8; 32],
        /// The digest of what is there now; `None` if the spool ends before the file does.
        actual: Option<[u8; 32]>,
    },
    /// The archive's own spool no longer holds what was verified.
    #[error("{}: the archive changed after it was verified", .path.display())]
    ArchiveChanged {
        /// Where it was to be published.
        path: PathBuf,
    },
    /// The log does not vouch for the archive, so that no module can be made of it.
    #[error("{archive}: the transparency log does not vouch for it, so it is no module")]
    NoModule {
        /// The archive.
        archive: ArchiveName,
    },
    /// A module's zip cannot be written.
    #[error("{archive}: cannot write its module: {source}")]
    Module {
        /// The archive.
        archive: ArchiveName,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

fn found(actual: &Option<[u8; 32]>) -> String {
    actual.map_or_else(|| "the end of the spool".to_owned(), hex::encode)
}

/// Whether a tree says where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptChoice {
    /// It gets a receipt, and can be recognised later.
    Write,
    /// It holds what the archive holds and nothing else.
    Omit,
}

impl Destination {
    /// Unpacks a verified archive beside the destination.
    ///
    /// # Errors
    /// [`InstallError`] when a file cannot be written or is not what was verified, or the caller asked to stop.
    pub fn unpack(self, archive: VerifiedArchive<Spool>, receipt: ReceiptChoice) -> Result<StagedTree, InstallError> {
        let origin = Origin::of(&archive);
        let (manifest, spool) = archive.into_parts();
        let tree = unpack::unpack(&manifest, spool.into_file(), self)?;
        if receipt == ReceiptChoice::Write {
            tree.write_receipt(&manifest, &origin)?;
        }
        Ok(tree)
    }
}

impl Coded for InstallError {
    fn code(&self) -> Code {
        match self {
            Self::Unnamed { .. } => Code::Usage,
            Self::UnsafeParent { .. } => Code::PermissionDenied,
            Self::Locked { .. } => Code::Locked,
            Self::NoPrevious { .. } => Code::ReleaseNotFound,
            Self::DestinationExists { .. } | Self::NotALink { .. } => Code::DestinationExists,
            Self::Changed { .. } | Self::ArchiveChanged { .. } => Code::DigestMismatch,
            Self::NoModule { .. } => Code::TransparencyNotLogged,
            Self::Module { source, .. } => Code::of_io(source),
            Self::File(error) => error.code(),
            Self::Interrupted => Code::Interrupted,
        }
    }
}
