//! Installed trees: where they stand by default, and what each of them is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use goverify::doctor::version_of;
use goverify::error::{Code, FileError};
use goverify::release::Version;
#[cfg(feature = "net")]
use goverify::release::{ArchiveName, Platform, Target};

use super::failure::Failure;

/// `$HOME/sdk`, where golang.org/dl puts its trees.
pub(crate) fn folder() -> Result<PathBuf, Failure> {
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    Ok(home.ok_or_else(|| Failure::new(Code::Io, "no home directory is known"))?.join("sdk"))
}

/// What an archive's tree is called there; other platforms' get a longer name.
#[cfg(feature = "net")]
pub(crate) fn directory_name(name: &ArchiveName) -> String {
    let version = name.version();
    match name.target() {
        Target::Platform(platform) if *platform == Platform::host() => version.to_string(),
        Target::Platform(platform) => format!("{version}.{}-{}", platform.os(), platform.arch()),
        Target::Source => format!("{version}.src"),
    }
}

/// What the file `VERSION` says of a tree that has a `go` for this machine's system to run; `None` if it is none.
pub(crate) fn version_in(tree: &Path) -> Option<String> {
    let program = tree.join("bin").join(format!("go{}", std::env::consts::EXE_SUFFIX));
    program.metadata().ok().filter(fs::Metadata::is_file)?;
    version_of(tree)
}

/// The directories in `folder` that may be trees, by name; none if it is not there. Links to trees are no trees, and
/// hidden directories are being made or removed.
pub(crate) fn directories_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let listing = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(FileError::at(folder, "list"))?,
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(FileError::at(folder, "list"))?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && entry.file_type().map_err(FileError::at(&entry.path(), "examine"))?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The releases for this machine that are in `folder` under their default names, and can be used.
pub(crate) fn releases_in(folder: &Path) -> Result<Vec<Version>, Failure> {
    let release = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        name.parse()
            .ok()
            .filter(|version: &Version| version.to_string() == name && version_in(path).as_deref() == Some(name))
    };
    Ok(directories_in(folder)?.iter().filter_map(release).collect())
}
