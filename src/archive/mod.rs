//! The formats of release archives, read by strict profiles.
//!
//! [`receive()`] reads an archive once, from its first byte to its true end, and yields an
//! [`UnverifiedArchive`]: its digests, its [`Manifest`] and, if wished, its spooled contents. Nothing in
//! here decides that an archive is genuine; that is for [`crate::trust`].

mod admission;
mod collision;
mod conveyor;
mod distpack;
mod entry;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gzip;
mod header;
mod inflate;
mod layout;
mod limits;
mod manifest;
mod passes;
mod pax;
mod platform_header;
mod profile;
mod receive;
mod spool;
mod tarball;
mod zip;
mod zip_record;
mod zip_writer;

pub use admission::EntryFault;
pub use collision::CollisionFault;
pub use entry::{EntryPath, PathFault};
pub use gzip::GzipFault;
pub use header::HeaderFault;
pub use layout::{LayoutFault, LayoutProof};
pub use manifest::{Entry, EntryKind, FileEntry, Manifest};
pub use pax::PaxFault;
pub use receive::{ARCHIVE_SIZE_LIMIT_BYTES, ReceiveError, SignatureHash, UnverifiedArchive, receive};
pub use spool::{Discard, Keep, Spool};
pub use tarball::TarFault;
pub use zip::{ZipFault, read_zip_within};
pub use zip_record::RecordFault;
pub use zip_writer::ZipWriter;

pub(crate) use inflate::Inflate;
pub(crate) use limits::FILE_SIZE_LIMIT_BYTES;
pub(crate) use platform_header::{HEADER_BYTES as PLATFORM_HEADER_BYTES, matches as is_program_for};

use crate::error::{Code, Coded};

/// How an archive breaks its format's strict profile or a Go release's layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The compressed stream.
    #[error("gzip stream, byte {position}: {fault}")]
    Gzip {
        /// Offset in the compressed file.
        position: u64,
        /// What is wrong there.
        fault: GzipFault,
    },
    /// An entry, or what stands between entries.
    #[error("tar entry {entry}, byte {position}: {fault}")]
    Tar {
        /// The entry's number, from 1.
        entry: u64,
        /// Offset of its header in the decompressed stream.
        position: u64,
        /// What is wrong with it.
        fault: TarFault,
    },
    /// A zip archive.
    #[error("zip entry {entry}, byte {position}: {fault}")]
    Zip {
        /// The entry's number, from 1; 0 if there is none.
        entry: u64,
        /// Offset in the file.
        position: u64,
        /// What is wrong there.
        fault: ZipFault,
    },
    /// A limit that no real release comes near.
    #[error("the archive exceeds the limit of {limit} {unit}")]
    TooLarge {
        /// The limit.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// A well-formed archive that is not the SDK it should be.
    #[error("layout: {0}")]
    Layout(#[from] LayoutFault),
}

impl Coded for ArchiveError {
    fn code(&self) -> Code {
        match self {
            Self::Gzip { .. } => Code::ArchiveMalformed,
            Self::Tar { fault, .. } => fault.code(),
            Self::Zip { fault, .. } => fault.code(),
            Self::TooLarge { .. } => Code::ArchiveTooLarge,
            Self::Layout(_) => Code::LayoutInvalid,
        }
    }
}
