//! Which tool chain a `go` command hands over to.
//!
//! The rules are those of <https://go.dev/doc/toolchain#select>, as cmd/go/internal/toolchain has them:
//! - GOTOOLCHAIN is `NAME`, `NAME+auto`, `NAME+path`, `auto` or `path`; `local` is the program's own version. With `auto`
//!   and `path`, a `go.work` or `go.mod` here or above may ask for a newer one;
//! - another tool chain is a program of its name in `PATH`, else a copy in the module cache, else a download, which `path`
//!   and `GOPROXY=off` forbid;
//! - where modules are switched off, or GOTOOLCHAIN says nothing, there is no choice.
//!
//! What `go get`, `go install PATH@VERSION` or a flag would choose beyond that is not looked at.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::goenv::GoEnv;
use super::program::{Program, look_path};
use super::surroundings::Surroundings;
use crate::files::{open_regular, read_bounded};
use crate::release::{PROJECT_FILE_SIZE_LIMIT_BYTES, ProjectFile, Selector, Version};

/// What a `go` command would do first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// It works itself.
    Local,
    /// It hands over to this one.
    Other {
        /// Such as `go1.22.5`.
        name: String,
        /// The file that asks for it; `None` where GOTOOLCHAIN does.
        by: Option<PathBuf>,
        /// Where it is.
        place: Place,
    },
    /// GOTOOLCHAIN is none of the words that it may be; the command gives up.
    Invalid,
}

/// Where a tool chain is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A program in `PATH`.
    Path(PathBuf),
    /// A tree in the module cache.
    ModuleCache(PathBuf),
    /// It would be downloaded.
    Download,
    /// Nowhere, and it may not be downloaded.
    Nowhere,
}

impl Toolchain {
    /// What `program` would do in these surroundings.
    #[must_use]
    pub fn of(surroundings: &Surroundings, env: &GoEnv, program: &Program) -> Self {
        let wanted = env.text("GOTOOLCHAIN");
        let Some(local) = program.release().filter(|_| !wanted.is_empty() && env.value("GO111MODULE") != "off") else {
            return Self::Local;
        };
        let (minimum, mode) = match wanted.as_str() {
            "auto" | "path" => ("local", wanted.as_str()),
            _ => wanted.split_once('+').unwrap_or((&wanted, "")),
        };
        let is_mode = matches!(mode, "auto" | "path") || (mode.is_empty() && !wanted.contains('+'));
        let minimum = match minimum {
            "local" => Some(local),
            name => name.parse::<Version>().ok().filter(|_| name.starts_with("go")),
        };
        let (Some(minimum), true) = (minimum, is_mode) else { return Self::Invalid };
        let project = if mode.is_empty() { None } else { project(surroundings, env.value("GOWORK")) };
        let (version, by) = match project {
            Some((version, by)) if version > minimum => (version, Some(by)),
            _ => (minimum, None),
        };
        if version == local {
            return Self::Local;
        }
        let name = version.to_string();
        let place = place(surroundings, env, &name, mode == "path");
        Self::Other { name, by, place }
    }

    /// The settings of the tool chain that is handed over to, if it is at hand. That one is told its GOROOT, or to find it
    /// by itself (`execGoToolchain`).
    #[must_use]
    pub fn env(&self, surroundings: &Surroundings) -> Option<GoEnv> {
        let Self::Other { place, .. } = self else { return None };
        let (path, goroot) = match place {
            Place::Path(path) => (path.clone(), None),
            Place::ModuleCache(tree) => (tree.join("bin").join(surroundings.program("go")), Some(tree)),
            Place::Download | Place::Nowhere => return None,
        };
        let surroundings = surroundings.clone().with_variable("GOROOT", goroot.map(|tree| tree.as_os_str()));
        let program = Program::at(&surroundings, "go", path, 0).filter(|program| !program.is_script)?;
        Some(GoEnv::of(&surroundings, Some(&program)))
    }
}

fn place(surroundings: &Surroundings, env: &GoEnv, name: &str, path_only: bool) -> Place {
    if let Some(path) = look_path(surroundings, name) {
        return Place::Path(path);
    }
    let host = surroundings.host();
    let module = format!("golang.org/toolchain@v0.0.1-{name}.{}-{}", host.os(), host.arch());
    let copy = env.path("GOMODCACHE").map(|cache| cache.join(module)).filter(|copy| copy.join("bin").is_dir());
    match copy {
        _ if path_only => Place::Nowhere,
        Some(copy) => Place::ModuleCache(copy),
        None if env.value("GOPROXY") == "off" => Place::Nowhere,
        None => Place::Download,
    }
}

/// The version that a `go.work`, else a `go.mod`, asks for, and that file.
fn project(surroundings: &Surroundings, gowork: &OsStr) -> Option<(Version, PathBuf)> {
    let nearest = |file: ProjectFile| {
        let mut paths = surroundings.work().ancestors().map(|folder| folder.join(file.name()));
        paths.find(|path| path.metadata().is_ok_and(|found| !found.is_dir()))
    };
    let workspace = match gowork {
        word if word == "off" => None,
        path if path.is_empty() => nearest(ProjectFile::GoWork),
        path => Some(Path::new(path).to_owned()),
    };
    let (file, path) = match workspace {
        Some(path) => (ProjectFile::GoWork, path),
        None => (ProjectFile::GoMod, nearest(ProjectFile::GoMod)?),
    };
    let content = read_bounded(open_regular(&path).ok()?, &path, PROJECT_FILE_SIZE_LIMIT_BYTES).ok()?;
    match file.wanted(&content).ok()?? {
        Selector::Exact(version) => Some((version, path)),
        _ => None,
    }
}
