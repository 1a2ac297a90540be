//! What a program says of the Go that made it, without a search for leaks.
//!
//! - the version is that of the build info;
//! - the tree is the one that holds `src/runtime/proc.go` in the file table. In Go's own programs that is what
//!   `runtime.GOROOT` says where no variable does; released ones are built with `-trimpath`, and name none.

use std::path::{Path, PathBuf};

use super::{InspectError, build_info, file_table, image, open, paths};

/// What a program says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramFacts {
    /// The toolchain that made it, as that calls itself.
    pub version: Option<String>,
    /// The tree of that toolchain, where the program names it.
    pub goroot: Option<PathBuf>,
}

/// What the program at `path` says; links to it are followed.
///
/// # Errors
/// As for [`super::inspect()`].
pub fn program_facts(path: &Path) -> Result<ProgramFacts, InspectError> {
    let input = &mut open(path)?;
    let parts = image::parts(input)?;
    let first = parts.first().ok_or(InspectError::NoBuildInfo)?;
    let version = build_info::read(input, first)?.version;
    let mut goroot = None;
    let found = file_table::read(input, first, &mut |name, _| {
        if goroot.is_none() {
            goroot = paths::goroot(&String::from_utf8_lossy(name)).map(PathBuf::from);
        }
    })?;
    // Without a table nothing is said of the tree.
    Ok(ProgramFacts { version: Some(version), goroot: goroot.filter(|_| found.is_some()) })
}
