//! What names in a directory stand for.

use std::ffi::OsString;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Directory,
    File(FoundFile),
    Other,
}

/// A name in a listing, and what it stood for when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: OsString,
    pub(crate) kind: Kind,
}

/// What a listing tells of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File,
    Link,
    Other,
}

/// A regular file, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundFile {
    pub(crate) size_bytes: u64,
    /// The twelve permission bits; `None` where the system has none.
    pub(crate) mode: Option<u32>,
    /// Whether it belongs to us or to root.
    pub(crate) ours: bool,
    /// When anything about it changed last, as the system counts seconds and nanoseconds. Nobody can set this time;
    /// `None` where the system has none like it.
    pub(crate) changed: Option<(i64, i64)>,
    /// How many names it has.
    pub(crate) names: u64,
}

/// Why a directory is no place to install to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParentFault {
    /// Everybody may write, and without the sticky bit everybody may rename what others made.
    #[error("others may write to this directory and it is not sticky")]
    WritableByOthers,
    /// Its owner may rename what others made in it.
    #[error("this directory belongs to another user (uid {uid})")]
    Owner {
        /// That user.
        uid: u32,
    },
}
