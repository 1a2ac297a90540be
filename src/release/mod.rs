//! What the Go team publishes: versions, platforms, archive names and the index of go.dev/dl.
//!
//! Nothing in here touches a network or a disk.

mod index;
mod json;
mod name;
mod platform;
mod project;
mod publish;
mod select;
mod selection;
mod version;

pub use index::{INDEX_SIZE_LIMIT_BYTES, Release, ReleaseFile, ReleaseIndex};
pub use name::{ArchiveFormat, ArchiveName};
pub use platform::{Platform, Target};
pub use project::{PROJECT_FILE_SIZE_LIMIT_BYTES, ProjectFault, ProjectFile};
pub use publish::Publication;
pub use select::Selector;
pub use selection::Selection;
pub use version::Version;

use crate::error::{Code, Coded, escaped};

/// Why a release could not be named, found or read from an index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// Not a Go version or selector.
    #[error("\"{}\" is not a Go version: expected one like 1.22.5, 1.23rc1, 1.22, stable or oldstable", escaped(.0))]
    Version(String),
    /// Not a platform.
    #[error("\"{}\" is not a platform: expected one like linux/amd64, or src", escaped(.0))]
    Platform(String),
    /// Not the file name of a release archive.
    #[error("\"{}\" is not the name of a Go release archive", escaped(.0))]
    ArchiveName(String),
    /// A project's file names no release.
    #[error("line {line}: {fault}")]
    Project {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: ProjectFault,
    },
    /// The index is not the JSON of go.dev/dl, or contradicts itself.
    #[error("index: {0}")]
    Index(String),
    /// The index lists no such release.
    #[error("{selector}: the index lists no such release{}", also(.nearest))]
    ReleaseNotFound {
        /// What was asked for.
        selector: String,
        /// The nearest that there is.
        nearest: Option<Version>,
    },
    /// The release has no archive for the platform.
    #[error("{version}: no archive for {target}; there are {}", few(.offered))]
    PlatformNotFound {
        /// The release.
        version: Version,
        /// What was asked for.
        target: Target,
        /// What there is.
        offered: Vec<String>,
    },
}

fn also(nearest: &Option<Version>) -> String {
    nearest.map(|version| format!(" (it has {version})")).unwrap_or_default()
}

/// The first of what is offered, and how many more: a hostile index could offer a thousand.
fn few(offered: &[String]) -> String {
    const NAMED: usize = 20;
    let (named, more) = offered.split_at_checked(NAMED).unwrap_or((offered, &[]));
    match (named.len(), more.len()) {
        (0, _) => "none".to_owned(),
        (_, 0) => named.join(", "),
        (_, more) => format!("{} and {more} more", named.join(", ")),
    }
}

impl Coded for ReleaseError {
    fn code(&self) -> Code {
        match self {
            Self::Version(_) | Self::Platform(_) | Self::ArchiveName(_) | Self::Project { .. } => Code::Usage,
            Self::Index(_) => Code::IndexMalformed,
            Self::ReleaseNotFound { .. } => Code::ReleaseNotFound,
            Self::PlatformNotFound { .. } => Code::PlatformNotFound,
        }
    }
}
