//! The tree that a `go` command works with, and how it comes to it.
//!
//! As `findGOROOT` in cmd/go/internal/cfg does it (issues 62119 and 63650 of golang/go):
//! 1. the variable GOROOT, as it is written; else what the user's file of settings says;
//! 2. the folder above the one that holds the running program, if it has `pkg/tool`; else the one above that, since
//!    programs for several systems stand in `bin/GOOS_GOARCH`. Linux names a running program by its real path; elsewhere
//!    links are resolved only once its path as it was found has led nowhere;
//! 3. the folder that was built into the program. Released ones have none.

use std::path::{Path, PathBuf};

use super::program::Program;
use super::surroundings::{Surroundings, clean};

/// A place that was looked at on the way to GOROOT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was looked at.
    pub source: Source,
    /// What it says; `None` if it says nothing.
    pub path: Option<PathBuf>,
    /// What became of it.
    pub found: Found,
}

/// What may name a GOROOT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The variable.
    Variable,
    /// The user's file of settings.
    UserFile,
    /// The folder of the running program.
    Place,
    /// What was built into the program.
    BuiltIn,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It says nothing.
    Nothing,
    /// It has no `pkg/tool`, and is passed over.
    NoTree,
    /// It is taken.
    Taken,
}

impl Source {
    /// A word for reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Variable => "variable",
            Self::UserFile => "file",
            Self::Place => "place",
            Self::BuiltIn => "built-in",
        }
    }
}

impl Found {
    /// A word for reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::NoTree => "no-tree",
            Self::Taken => "taken",
        }
    }
}

/// Whether a folder is a GOROOT to the `go` command.
#[must_use]
pub fn is_goroot(folder: &Path) -> bool {
    folder.join("pkg").join("tool").is_dir()
}

/// The steps to GOROOT, of which the last one leads there, if any does. `user` is what the user's file of settings says.
pub(super) fn probe(surroundings: &Surroundings, user: Option<&Path>, program: Option<&Program>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut step = |source, path: Option<PathBuf>, found| {
        steps.push(Step { source, path, found });
        found == Found::Taken
    };
    let taken = |path: &Option<PathBuf>| if path.is_some() { Found::Taken } else { Found::Nothing };
    let variable = surroundings.variable("GOROOT").map(PathBuf::from);
    let found = taken(&variable);
    if step(Source::Variable, variable, found) {
        return steps;
    }
    let file = user.map(clean);
    let found = taken(&file);
    if step(Source::UserFile, file, found) {
        return steps;
    }
    let Some(program) = program else { return steps };
    let built_in = program.built_in_goroot.as_deref().map(clean);
    for executable in executables(surroundings, program) {
        for up in ["../..", "../../.."] {
            let folder = clean(&executable.join(up));
            let found = if is_goroot(&folder) { Found::Taken } else { Found::NoTree };
            // The spelling that was built in is preferred.
            let spelled = built_in.clone().filter(|built_in| found == Found::Taken && is_same(built_in, &folder));
            if step(Source::Place, Some(spelled.unwrap_or(folder)), found) {
                return steps;
            }
        }
    }
    let found = taken(&built_in);
    step(Source::BuiltIn, built_in, found);
    steps
}

/// The paths by which a running program knows itself.
fn executables(surroundings: &Surroundings, program: &Program) -> Vec<PathBuf> {
    let found = surroundings.work().join(&program.path);
    match surroundings.host().os() {
        "linux" => vec![program.resolved.clone()],
        _ if found == program.resolved => vec![found],
        _ => vec![found, program.resolved.clone()],
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
