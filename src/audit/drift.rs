//! What differs between a tree and the release that it should be.
//!
//! - each path is told once, by what weighs most: content before mode;
//! - a link, a device or a directory in the place of a file is that file modified; anywhere else it is added;
//! - a file of the release with a second name is modified: it can be changed through the other name, and no release
//!   has such;
//! - directories mean nothing by themselves: an added one without a file changes nothing that Go does;
//! - where modes are compared, a directory has 0755 and a file what the release has. Everywhere, what others may write
//!   to is told, and a file that is setuid, setgid or sticky.

use std::collections::HashMap;

use super::walk::{Oddity, OddityKind, Tree, WRITABLE_BY_OTHERS};
use crate::archive::{EntryKind, FileEntry, Manifest};
use crate::trust::{TreeForm, is_added_copy, is_covered, name_in_module};

/// How a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Other content, or something else than a file.
    Modified,
    /// Not there.
    Missing,
    /// There, and not in the release.
    Added,
    /// Other permissions.
    Mode,
}

impl Change {
    /// The word in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Mode => "mode",
        }
    }
}

/// One path that is not as it was released.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drift {
    /// Relative to the root; a stranger's words.
    pub path: String,
    /// How it differs.
    pub change: Change,
    /// More about it, where there is more to say.
    pub detail: Option<String>,
}

/// Whether permissions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modes {
    /// As the release has them.
    Compared,
    /// What the release has is unknown, or the `go` command chose others: only dangerous ones are told.
    Harmless,
}

/// Bits that no file of a release, however it was unpacked, has: special ones, and those that let others write.
const DANGEROUS_OF_FILE: u32 = 0o7000 | WRITABLE_BY_OTHERS;

/// Compares `tree` with `expected`, the files that the release has in a tree of this form.
#[must_use]
pub fn compare(tree: &Tree, expected: &Manifest, form: TreeForm, modes: Modes) -> Vec<Drift> {
    let modes = if cfg!(unix) { modes } else { Modes::Harmless };
    let told = |mode: u32, dangerous: u32| modes == Modes::Compared || mode & dangerous != 0;
    let mut missing: HashMap<&str, FileEntry<'_>> =
        expected.file_entries().map(|file| (file.path.as_str(), file)).collect();
    let mut found = HashMap::new();
    let mut tell = |path: &str, change, detail: Option<String>| {
        let drift = Drift { path: path.to_owned(), change, detail };
        let told = found.entry(path.to_owned()).or_insert_with(|| drift.clone());
        if drift.change < told.change {
            *told = drift;
        }
    };
    for Oddity { path, kind } in &tree.oddities {
        match *kind {
            OddityKind::Mode(mode) if told(mode, DANGEROUS_OF_FILE) => {
                tell(path, Change::Mode, Some(format!("{mode:04o}")));
            }
            OddityKind::DirectoryMode(mode) if told(mode, WRITABLE_BY_OTHERS) => {
                tell(path, Change::Mode, Some(format!("{mode:04o}")));
            }
            OddityKind::Mode(_) | OddityKind::DirectoryMode(_) => {}
            OddityKind::SecondName if is_ours(tree, path, form) => {}
            OddityKind::SecondName => {
                let change = if missing.contains_key(path.as_str()) { Change::Modified } else { Change::Added };
                tell(path, change, Some(in_words(*kind).to_owned()));
            }
            OddityKind::Link | OddityKind::Special | OddityKind::Name | OddityKind::TooLarge => {
                let change = if missing.remove(path.as_str()).is_some() { Change::Modified } else { Change::Added };
                tell(path, change, Some(in_words(*kind).to_owned()));
            }
        }
    }
    for file in tree.manifest.file_entries() {
        let path = file.path.as_str();
        match missing.remove(path) {
            Some(expected) if (expected.size_bytes, expected.sha256) != (file.size_bytes, file.sha256) => {
                tell(path, Change::Modified, None);
            }
            Some(expected) if modes == Modes::Compared && expected.executable != file.executable => {
                tell(path, Change::Mode, Some(if file.executable { "0755" } else { "0644" }.to_owned()));
            }
            Some(_) => {}
            None if is_added_copy(&file, &tree.manifest, form) => {}
            None => tell(path, Change::Added, None),
        }
    }
    for entry in tree.manifest.entries().iter().filter(|entry| entry.kind == EntryKind::Directory) {
        if missing.remove(entry.path.as_str()).is_some() {
            tell(entry.path.as_str(), Change::Modified, Some("a directory".to_owned()));
        }
    }
    for path in missing.keys() {
        tell(path, Change::Missing, None);
    }
    let mut drift: Vec<Drift> = found.into_values().collect();
    drift.sort_unstable();
    drift
}

fn is_ours(tree: &Tree, path: &str, form: TreeForm) -> bool {
    form == TreeForm::ModuleCopy
        && tree
            .manifest
            .file_entries()
            .any(|file| file.path.as_str() == path && is_added_copy(&file, &tree.manifest, form))
}

fn in_words(kind: OddityKind) -> &'static str {
    match kind {
        OddityKind::Link => "a symbolic link",
        OddityKind::Special => "neither file nor directory",
        OddityKind::Name => "a name that no release has",
        OddityKind::Mode(_) | OddityKind::DirectoryMode(_) => "another mode",
        OddityKind::TooLarge => "larger than any file of a release",
        OddityKind::SecondName => "the file has a second name (hard link)",
    }
}

/// What speaks against a tree whose files are known by their common hash alone: whatever no release has.
#[must_use]
pub fn strange(tree: &Tree, form: TreeForm) -> Vec<Drift> {
    // Compared with itself, so that only what no manifest can say is left.
    compare(tree, &tree.manifest, form, Modes::Harmless)
}

/// The files of `sdk`, an SDK as its archive has it, in a tree of another form.
#[must_use]
pub fn in_form(sdk: &Manifest, form: TreeForm) -> Manifest {
    if form == TreeForm::Sdk {
        return sdk.clone();
    }
    let entries = sdk.entries().iter().filter(|entry| is_covered(entry.path.as_str(), TreeForm::Sdk));
    let renamed = entries.filter_map(|entry| {
        let name = name_in_module(entry.path.as_str(), TreeForm::Sdk);
        let path = crate::archive::EntryPath::parse(name.as_bytes()).ok()?;
        Some(crate::archive::Entry { path, kind: entry.kind.clone() })
    });
    Manifest::from_entries(renamed.collect())
}

/// Whether no program of the release is in the tree as it was released: then somebody else built it.
#[must_use]
pub fn is_built_elsewhere(expected: &Manifest, drift: &[Drift]) -> bool {
    let is_program = |path: &str| path.starts_with("bin/") || path.starts_with("pkg/tool/");
    let changed = |file: &FileEntry<'_>| {
        drift
            .iter()
            .any(|drift| drift.path == file.path.as_str() && matches!(drift.change, Change::Modified | Change::Missing))
    };
    let mut programs = expected.file_entries().filter(|file| is_program(file.path.as_str())).peekable();
    programs.peek().is_some() && programs.all(|file| changed(&file))
}
