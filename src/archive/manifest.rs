//! What an SDK consists of: paths, sizes, modes and digests, whether read from an archive or from a tree.

use super::EntryPath;

/// A file or a directory of an SDK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to GOROOT.
    pub path: EntryPath,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory, mode 0755.
    Directory,
    /// A regular file.
    File {
        /// Length in bytes.
        size_bytes: u64,
        /// SHA-256 of the content.
        sha256: [u8; 32],
        /// Mode 0755 instead of 0644.
        executable: bool,
        /// Where its content begins in the decompressed archive; nothing where it was not read from one.
        position: u64,
    },
}

/// A regular file of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEntry<'a> {
    /// Path relative to GOROOT.
    pub path: &'a EntryPath,
    /// Length in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the content.
    pub sha256: &'a [u8; 32],
    /// Mode 0755 instead of 0644.
    pub executable: bool,
    /// Where its content begins in the decompressed archive.
    pub position: u64,
}

/// All entries of one SDK.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
    files: u64,
    unpacked_bytes: u64,
}

impl Manifest {
    /// A manifest of these entries. Nothing is checked: a manifest proves nothing by itself.
    #[must_use]
    pub fn from_entries(entries: Vec<Entry>) -> Self {
        let mut manifest = Self::default();
        entries.iter().for_each(|entry| manifest.count(entry));
        manifest.entries = entries;
        manifest
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.count(&entry);
        self.entries.push(entry);
    }

    fn count(&mut self, entry: &Entry) {
        if let EntryKind::File { size_bytes, .. } = entry.kind {
            self.files += 1;
            self.unpacked_bytes = self.unpacked_bytes.saturating_add(size_bytes);
        }
    }

    /// The entries in the archive's order; directories that only their files imply are not among them.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The regular files among the entries.
    pub fn file_entries(&self) -> impl Iterator<Item = FileEntry<'_>> {
        self.entries.iter().filter_map(|Entry { path, kind }| match kind {
            EntryKind::Directory => None,
            EntryKind::File { size_bytes, sha256, executable, position } => {
                Some(FileEntry { path, size_bytes: *size_bytes, sha256, executable: *executable, position: *position })
            }
        })
    }

    /// How many regular files there are.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files
    }

    /// The sum of all file sizes.
    #[must_use]
    pub fn unpacked_bytes(&self) -> u64 {
        self.unpacked_bytes
    }
}
