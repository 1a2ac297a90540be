//! Where `go install` puts a program, and whether anybody finds it there.
//!
//! - the folder is GOBIN, else `bin` in the first folder of GOPATH, or, without modules, in the one that holds the
//!   current folder; for another platform than the program's own it is
//!   `GOOS_GOARCH` below that, and GOBIN is refused (cmd/go/internal/load and work);
//! - a relative GOBIN is refused;
//! - a shell finds what is there if the folder is in `PATH` and no folder before it has a namesake.

use std::fs;
use std::path::{Path, PathBuf};

use super::goenv::GoEnv;
use super::program::is_program;
use super::surroundings::{Surroundings, clean};

/// The most programs of one folder for which namesakes are looked for.
const PROGRAMS_LIMIT: usize = 1024;

/// Where `go install` puts programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallTarget {
    /// The folder, or why there is none.
    pub folder: Result<PathBuf, Refusal>,
    /// The folder for programs for another platform, with `GOOS_GOARCH` in the place of its name.
    pub across: Result<PathBuf, Refusal>,
    /// The number of its element of `PATH`, from 0 on; `None` if it is not there.
    pub place: Option<usize>,
    /// Programs in it that a shell does not find there.
    pub shadowed: Vec<Shadowed>,
}

/// A program that another of its name stands before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadowed {
    /// The one that a shell starts.
    pub found: PathBuf,
    /// The one that `go install` has put there.
    pub installed: PathBuf,
}

/// Why `go install` would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// GOBIN is not absolute.
    RelativeGobin,
    /// GOBIN is set, and the program would be for another platform.
    GobinAcross,
    /// Neither GOBIN nor GOPATH names a folder.
    NoGopath,
}

impl InstallTarget {
    /// Where a program would be put with these settings.
    #[must_use]
    pub fn of(surroundings: &Surroundings, env: &GoEnv) -> Self {
        let host = env.host();
        let across = env.value("GOOS") != host.os() || env.value("GOARCH") != host.arch();
        let gobin = env.find("GOBIN").filter(|setting| setting.is_set()).map(|setting| Path::new(&setting.value));
        let gopath = env.gopath(surroundings);
        let below = |platform: &str| match (gobin, &gopath) {
            (Some(gobin), _) if !gobin.is_absolute() => Err(Refusal::RelativeGobin),
            (Some(_), _) => Err(Refusal::GobinAcross),
            (None, None) => Err(Refusal::NoGopath),
            (None, Some(gopath)) => Ok(clean(&gopath.join("bin").join(platform))),
        };
        let folder = match gobin.filter(|gobin| gobin.is_absolute()) {
            _ if across => below(&format!("{}_{}", env.text("GOOS"), env.text("GOARCH"))),
            Some(gobin) => Ok(clean(gobin)),
            None => below(""),
        };
        let place = folder.as_ref().ok().and_then(|folder| place(surroundings, folder));
        let shadowed = match (&folder, place) {
            (Ok(folder), Some(place)) => shadowed(surroundings, folder, place),
            _ => Vec::new(),
        };
        Self { folder, across: below("GOOS_GOARCH"), place, shadowed }
    }
}

/// The number of a folder's element of `PATH`.
fn place(surroundings: &Surroundings, folder: &Path) -> Option<usize> {
    let real = folder.canonicalize();
    surroundings.search_path().position(|element| {
        let element = surroundings.work().join(element);
        clean(&element) == folder
            || real.as_ref().is_ok_and(|real| element.canonicalize().is_ok_and(|found| found == *real))
    })
}

fn shadowed(surroundings: &Surroundings, folder: &Path, place: usize) -> Vec<Shadowed> {
    let before: Vec<_> = surroundings.search_path().take(place).collect();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(PROGRAMS_LIMIT);
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    let namesake = |name| {
        let installed = folder.join(&name);
        let mut paths = before.iter().map(|element| surroundings.work().join(element).join(&name));
        let found = paths.find(|path| is_program(path)).filter(|_| is_program(&installed))?;
        // A link to it is no namesake.
        let is_same = found.canonicalize().is_ok_and(|found| installed.canonicalize().is_ok_and(|own| own == found));
        (!is_same).then_some(Shadowed { found, installed })
    };
    names.into_iter().filter_map(namesake).collect()
}
