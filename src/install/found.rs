//! What names in a directory stand for.

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Directory,
    File(FoundFile),
    Other,
}

/// A regular file, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FoundFile {
    pub(super) size_bytes: u64,
    /// The twelve permission bits; `None` where the system has none.
    pub(super) mode: Option<u32>,
    /// Whether it belongs to us or to root.
    pub(super) ours: bool,
    /// When anything about it changed last, as the system counts seconds and nanoseconds. Nobody can set this time;
    /// `None` where the system has none like it.
    pub(super) changed: Option<(i64, i64)>,
}
