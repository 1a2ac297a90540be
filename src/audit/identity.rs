//! Which release a tree says it is, by what the `go` command itself goes by.
//!
//! - `VERSION`'s first line is the version. A tree without it, or whose version was never published in this
//!   spelling (`devel go1.28-…`, `go1.22.5 X:boringcrypto`, a distribution's suffix), is no released tree;
//! - `pkg/tool/GOOS_GOARCH` is the platform; where there are several, the one that `bin/go` is for;
//! - neither `bin` nor `pkg` means source;
//! - `src/_go.mod` stands in the copies that the `go` command makes in its module cache alone.

use super::walk::Tree;
use crate::archive::{EntryKind, is_program_for};
use crate::error::escaped;
use crate::release::{Platform, Target, Version};
use crate::trust::TreeForm;

/// The release that a tree says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The version.
    pub version: Version,
    /// The platform, or source.
    pub target: Target,
    /// How the tree came to stand there.
    pub form: TreeForm,
}

/// Why a tree cannot be a released one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReleased {
    /// No `VERSION`.
    #[error("not a released tree: it has no VERSION file")]
    NoVersion,
    /// A version that is no release's.
    #[error("not a released tree: VERSION says \"{}\", which is no release{}", escaped(.found), near(.nearest))]
    Version {
        /// What `VERSION` says.
        found: String,
        /// The release whose version it contains.
        nearest: Option<Version>,
    },
    /// No platform can be told.
    #[error("not a released tree of {version}: pkg/tool says nothing of its platform")]
    NoPlatform {
        /// What `VERSION` says.
        version: Version,
    },
}

fn near(nearest: &Option<Version>) -> String {
    nearest.map(|version| format!("; the nearest is {version}")).unwrap_or_default()
}

/// Which release `tree` says it is.
///
/// # Errors
/// [`NotReleased`] when it says none.
pub fn identify(tree: &Tree) -> Result<Identity, NotReleased> {
    let head = |path: &str| tree.heads.iter().find(|(found, _)| *found == path).map(|(_, head)| head.as_slice());
    let text = String::from_utf8_lossy(head("VERSION").ok_or(NotReleased::NoVersion)?);
    let line = text.lines().next().unwrap_or_default();
    let exact = line.parse::<Version>().ok().filter(|version| version.to_string() == line);
    let version = exact.ok_or_else(|| NotReleased::Version { found: line.to_owned(), nearest: nearest_to(line) })?;
    let has = |path: &str| {
        let is_file = |kind: &EntryKind| matches!(kind, EntryKind::File { .. });
        tree.manifest.entries().iter().any(|entry| entry.path.as_str() == path && is_file(&entry.kind))
    };
    let form = if has("src/_go.mod") { TreeForm::ModuleCopy } else { TreeForm::Sdk };
    let built = tree
        .manifest
        .entries()
        .iter()
        .any(|entry| matches!(entry.path.as_str().split_once('/'), Some(("bin" | "pkg", _))));
    if !built {
        return Ok(Identity { version, target: Target::Source, form });
    }
    let program = head("bin/go").or(head("bin/go.exe")).unwrap_or_default();
    let mut platforms = platforms_of(tree);
    if platforms.len() > 1 {
        platforms.retain(|platform| is_program_for(platform, program));
    }
    match platforms.pop() {
        Some(platform) if platforms.is_empty() => Ok(Identity { version, target: Target::Platform(platform), form }),
        _ => Err(NotReleased::NoPlatform { version }),
    }
}

/// The platforms that the tree has tools for.
fn platforms_of(tree: &Tree) -> Vec<Platform> {
    let mut platforms: Vec<Platform> = tree
        .manifest
        .file_entries()
        .filter_map(|file| {
            let (tools, _) = file.path.as_str().strip_prefix("pkg/tool/")?.split_once('/')?;
            let (os, arch) = tools.split_once('_')?;
            Platform::new(os, arch).ok()
        })
        .collect();
    platforms.sort_unstable();
    platforms.dedup();
    platforms
}

/// The newest version that one of a line's words begins with: `go1.22.5` in `go1.22.5-custom`, but not `go1.2`.
fn nearest_to(line: &str) -> Option<Version> {
    let versions = line.split_whitespace().filter(|word| word.starts_with("go")).filter_map(|word| {
        let ends = word.char_indices().map(|(at, _)| at).chain([word.len()]).rev();
        let whole = ends.filter_map(|end| word.split_at_checked(end)).filter(|(_, rest)| !goes_on(rest));
        whole.filter_map(|(version, _)| version.parse().ok()).next()
    });
    versions.max()
}

fn goes_on(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_digit())
}
