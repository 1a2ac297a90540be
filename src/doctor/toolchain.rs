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
use super::gover::GoVersion;
use super::program::{Program, look_path};
use super::surroundings::Surroundings;
use crate::files::{open_regular, read_bounded};
use crate::release::PROJECT_FILE_SIZE_LIMIT_BYTES;

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
    /// What is asked for is no tool chain; the command gives up.
    Invalid {
        /// The file that asks for it; `None` where GOTOOLCHAIN does.
        by: Option<PathBuf>,
    },
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
        let own = program.said().and_then(|said| Some((GoVersion::of_toolchain(&said)?, said)));
        let Some((local, own)) = own.filter(|_| !wanted.is_empty() && env.has_modules(surroundings)) else {
            return Self::Local;
        };
        let (minimum, mode) = match wanted.as_str() {
            "auto" | "path" => ("local", wanted.as_str()),
            _ => wanted.split_once('+').unwrap_or((&wanted, "")),
        };
        let is_mode = matches!(mode, "auto" | "path") || (mode.is_empty() && !wanted.contains('+'));
        let (mut name, minimum) = match minimum {
            "local" => (own.clone(), Some(local)),
            name => (name.to_owned(), GoVersion::of_toolchain(name)),
        };
        let (Some(mut version), true) = (minimum, is_mode) else { return Self::Invalid { by: None } };
        let mut by = None;
        if !mode.is_empty() {
            let project = match Project::of(surroundings, env.value("GOWORK")) {
                Ok(project) => project.filter(|project| project.toolchain != "default"),
                Err(by) => return Self::Invalid { by: Some(by) },
            };
            if let Some(Project { path, go, toolchain }) = project {
                if !toolchain.is_empty() {
                    let Some(asked) = GoVersion::of_toolchain(&toolchain) else {
                        return Self::Invalid { by: Some(path) };
                    };
                    if asked > version {
                        (name, version, by) = (toolchain, asked, Some(path.clone()));
                    }
                }
                if let Some(asked) = GoVersion::parse(&go).filter(|asked| *asked > version) {
                    // The first release of a language version.
                    name = if asked.is_language() { format!("go{go}.0") } else { format!("go{go}") };
                    by = Some(path);
                }
            }
        }
        if name == own {
            return Self::Local;
        }
        if !name.starts_with("go1") {
            return Self::Invalid { by };
        }
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
    let host = env.host();
    let module = format!("golang.org/toolchain@v0.0.1-{name}.{}-{}", host.os(), host.arch());
    let copy = env.path("GOMODCACHE").map(|cache| cache.join(module)).filter(|copy| copy.join("bin").is_dir());
    match copy {
        _ if path_only => Place::Nowhere,
        Some(copy) => Place::ModuleCache(copy),
        None if env.value("GOPROXY") == "off" => Place::Nowhere,
        None => Place::Download,
    }
}

/// What a project asks for, line by line as the `go` command looks before it reads the file (`gover.GoModLookup`).
struct Project {
    path: PathBuf,
    go: String,
    toolchain: String,
}

impl Project {
    /// Of the nearest `go.work`, else `go.mod`.
    ///
    /// # Errors
    /// The file, where it cannot be read; the command gives up then.
    fn of(surroundings: &Surroundings, gowork: &OsStr) -> Result<Option<Self>, PathBuf> {
        let workspace = match gowork.to_str() {
            Some("off") => None,
            Some("" | "auto") => surroundings.nearest("go.work"),
            _ if Path::new(gowork).is_absolute() => Some(PathBuf::from(gowork)).filter(|path| path.exists()),
            _ => return Err(gowork.into()),
        };
        let Some(path) = workspace.or_else(|| surroundings.go_mod()) else { return Ok(None) };
        let read = open_regular(&path).and_then(|file| read_bounded(file, &path, PROJECT_FILE_SIZE_LIMIT_BYTES));
        let Ok(content) = read else { return Err(path) };
        let text = String::from_utf8_lossy(&content);
        let (go, toolchain) = (look_up(&text, "go"), look_up(&text, "toolchain"));
        Ok(Some(Self { path, go, toolchain }))
    }
}

/// What stands behind the first line's `key`.
fn look_up(text: &str, key: &str) -> String {
    let behind = |line: &str| {
        let rest = line.trim().strip_prefix(key)?;
        let rest = rest.strip_prefix([' ', '\t'])?;
        Some(rest.split("//").next().unwrap_or_default().trim().to_owned())
    };
    text.split('\n').find_map(behind).unwrap_or_default()
}
