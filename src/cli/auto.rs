//! `auto`: the release that the project around the current folder asks for.
//!
//! - from the current folder upwards, the nearest file that says something of Go's version decides; in one folder
//!   `go.work` before `go.mod`, `.go-version` and `.tool-versions`;
//! - where that is a `go.mod`, a `go.work` further up takes its place, as for the `go` command;
//! - a folder of such a name is passed over, as the `go` command does; anything else but a regular file is an error, and
//!   so is a file that cannot be read or understood: an older one further up is not what the project asks for.

use std::io;
use std::path::{Path, PathBuf};

use goverify::error::{FileError, printable};
use goverify::files::{open_regular, read_bounded};
use goverify::release::{PROJECT_FILE_SIZE_LIMIT_BYTES, ProjectFile, Selector};

use super::args::Choice;
use super::failure::Failure;

/// A release that was chosen, and the file that chose it, where one did.
#[derive(Clone)]
pub(crate) struct Chosen {
    pub(crate) selector: Selector,
    pub(crate) by: Option<PathBuf>,
}

/// What `choice` comes to here.
pub(crate) fn resolve(choice: &Choice) -> Result<Chosen, Failure> {
    match choice {
        Choice::Release(selector) => Ok(Chosen { selector: selector.clone(), by: None }),
        Choice::Auto => {
            let here = std::env::current_dir().map_err(FileError::at(Path::new("."), "find"))?;
            wanted_in(&here)
        }
    }
}

fn wanted_in(folder: &Path) -> Result<Chosen, Failure> {
    for folder in folder.ancestors() {
        for file in ProjectFile::ALL {
            let Some(found) = read(folder, file)? else { continue };
            let above = folder.ancestors().skip(1).filter(|_| file == ProjectFile::GoMod);
            let workspace = above.filter_map(|above| read(above, ProjectFile::GoWork).transpose()).next();
            return workspace.unwrap_or(Ok(found));
        }
    }
    let names = ProjectFile::ALL.map(ProjectFile::name).join(", ");
    let here = printable(&folder.display().to_string());
    Err(Failure::usage(format!("auto: none of {names} in {here} or above it says which Go it wants")))
}

/// What the file says that has this name in `folder`; `None` where it is not there, or says nothing.
fn read(folder: &Path, file: ProjectFile) -> Result<Option<Chosen>, Failure> {
    let path = folder.join(file.name());
    match path.metadata() {
        Ok(found) if found.is_dir() => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => return Ok(None),
        Ok(_) => {}
        Err(error) => return Err(FileError::at(&path, "examine")(error).into()),
    }
    let content = read_bounded(open_regular(&path)?, &path, PROJECT_FILE_SIZE_LIMIT_BYTES)?;
    let wanted = file.wanted(&content).map_err(|error| Failure::of(&path.display().to_string(), &error))?;
    Ok(wanted.map(|selector| Chosen { selector, by: Some(path) }))
}
