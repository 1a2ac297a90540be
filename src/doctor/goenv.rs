//! What `go env` would say, without running any `go`.
//!
//! - a setting is a variable of the environment, else a line of the user's file (GOENV), else one of `$GOROOT/go.env`,
//!   else Go's own default. An empty variable is none; an empty line hides `go.env`'s (cmd/go/internal/cfg);
//! - GOENV itself is a variable or `go/env` in the user's folder of settings; `off` is no file. Whose `go.env` counts is
//!   decided by the user's file before the variable GOROOT, though GOROOT itself is not: that is how Go does it;
//! - GOPATH is `go` in the home folder, unless that is the GOROOT that was set or built in. One that is not absolute is
//!   none, if it follows from HOME, and is refused if it was set; the module cache follows from it before that;
//! - GOCACHE is `off` where it is not absolute or no such folder is known;
//! - GOBIN is shown as it was set; from go1.27 on `go env` shows the folder that is used instead, if none was;
//! - what is shown is of the program that is started, not of a tool chain that it would switch to.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::env_file::{Counts, EnvFile};
use super::goroot::{self, Found, Step};
use super::program::Program;
use super::surroundings::{Surroundings, UserFolder, clean};
use crate::release::Platform;

/// The first series that has a `go.env`, and tool chains to switch to.
const FIRST_WITH_GO_ENV: (u32, u32) = (1, 21);
/// The first series whose `go env` tells the folder that is used where GOBIN is not set.
const FIRST_WITH_DERIVED_GOBIN: (u32, u32) = (1, 27);
/// The defaults of releases that have no `go.env`.
const BUILT_IN: [(&str, &str); 2] = [("GOPROXY", "https://proxy.golang.org,direct"), ("GOSUMDB", "sum.golang.org")];
/// Settings that are what they were set to, and otherwise empty.
const PLAIN: [&str; 8] =
    ["GO111MODULE", "GOFLAGS", "GOINSECURE", "GOPRIVATE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN", "GOWORK"];

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A variable of this name.
    Variable,
    /// The line of a file: the user's own, or `go.env`.
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1 on.
        number: usize,
        /// Whether it is the user's own, which `go env -u` changes.
        is_users: bool,
    },
    /// The place of the running program.
    Place,
    /// What was built into the program.
    BuiltIn,
    /// Go's default, or nothing.
    Default,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Its value as `go env` prints it.
    pub value: OsString,
    /// Where it comes from.
    pub origin: Origin,
    /// The setting that says so: GOPRIVATE may speak for others.
    pub said_by: &'static str,
}

/// The settings of one `go` command.
#[derive(Clone, Debug)]
pub struct GoEnv {
    settings: Vec<Setting>,
    /// How GOROOT was found.
    pub steps: Vec<Step>,
    host: Platform,
}

impl Setting {
    /// Whether somebody has set it.
    #[must_use]
    pub fn is_set(&self) -> bool {
        matches!(self.origin, Origin::Variable | Origin::Line { .. }) && !self.value.is_empty()
    }
}

impl GoEnv {
    /// The settings that `program` would work with; without one, those of the newest Go that knows of no tree.
    #[must_use]
    pub fn of(surroundings: &Surroundings, program: Option<&Program>) -> Self {
        let goenv = goenv(surroundings);
        let user = match &goenv.value {
            path if path.is_empty() => EnvFile::default(),
            path => EnvFile::read(surroundings.work().join(path), Counts::Last),
        };
        let user_goroot = user.find("GOROOT").map(|(_, value)| value).filter(|value| !value.is_empty());
        let steps = goroot::probe(surroundings, user_goroot.map(Path::new), program);
        let host = program.map_or_else(|| surroundings.host().clone(), |program| program.platform(surroundings));
        let mut sources = Sources { surroundings, host: &host, user, tree: EnvFile::default() };
        let goroot = sources.goroot(&steps);
        let tree = sources.user.find("GOROOT").map(|(_, value)| value).filter(|value| !value.is_empty());
        let tree = tree.unwrap_or(&goroot.value);
        if !tree.is_empty() && program.is_none_or(|program| program.is_at_least(FIRST_WITH_GO_ENV)) {
            let path = surroundings.work().join(clean(Path::new(tree))).join("go.env");
            sources.tree = EnvFile::read(path, Counts::First);
        }
        let settings = sources.settings(goenv, goroot, program);
        Self { settings, steps, host }
    }

    /// All settings, by their names.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// One setting; `None` for a name that is not looked at here.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// The value of a setting; empty where there is none.
    #[must_use]
    pub fn value(&self, name: &str) -> &OsStr {
        self.find(name).map_or(OsStr::new(""), |setting| &setting.value)
    }

    /// The value of a setting as text, with other bytes replaced.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.value(name).to_string_lossy().into_owned()
    }

    /// The value of a setting as a path; `None` where there is none.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<&Path> {
        Some(self.value(name)).filter(|value| !value.is_empty()).map(Path::new)
    }

    /// The platform of the program itself.
    #[must_use]
    pub fn host(&self) -> &Platform {
        &self.host
    }

    /// Whether the `go` command works with modules here.
    #[must_use]
    pub fn has_modules(&self, surroundings: &Surroundings) -> bool {
        has_modules(self.value("GO111MODULE"), surroundings)
    }

    /// The folder of GOPATH whose `bin` programs are put into; `None` where there is none.
    #[must_use]
    pub fn gopath(&self, surroundings: &Surroundings) -> Option<PathBuf> {
        gopath_here(self.value("GOPATH"), self.value("GO111MODULE"), surroundings)
    }
}

fn has_modules(setting: &OsStr, surroundings: &Surroundings) -> bool {
    match setting.to_str() {
        Some("" | "on") => true,
        Some("auto") => surroundings.go_mod().is_some(),
        _ => false,
    }
}

/// The first folder of GOPATH; without modules the one that the current folder is in, if there is one.
fn gopath_here(gopath: &OsStr, modules: &OsStr, surroundings: &Surroundings) -> Option<PathBuf> {
    let holds_work = |folder: &PathBuf| !folder.as_os_str().is_empty() && surroundings.work().starts_with(folder);
    let holding = || std::env::split_paths(gopath).find(holds_work);
    if has_modules(modules, surroundings) { first_of(gopath) } else { holding().or_else(|| first_of(gopath)) }
}

fn first_of(gopath: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(gopath).next().filter(|first| !first.as_os_str().is_empty())
}

/// GOENV, which no file can set.
fn goenv(surroundings: &Surroundings) -> Setting {
    let (value, origin) = match surroundings.variable("GOENV") {
        Some(value) if value == "off" => (OsString::new(), Origin::Variable),
        Some(value) => (value.to_owned(), Origin::Variable),
        None => {
            let folder = surroundings.user_folder(UserFolder::Config);
            let path = folder.map(|folder| clean(&folder.join("go").join("env")));
            (path.unwrap_or_default().into_os_string(), Origin::Default)
        }
    };
    Setting { name: "GOENV", value, origin, said_by: "GOENV" }
}

/// What settings are looked for in.
struct Sources<'a> {
    surroundings: &'a Surroundings,
    host: &'a Platform,
    user: EnvFile,
    tree: EnvFile,
}

impl Sources<'_> {
    /// What the first place says that says something of a name, be it that it is empty.
    fn look_up(&self, name: &'static str) -> Option<Setting> {
        if let Some(value) = self.surroundings.variable(name) {
            return Some(Setting { name, value: value.to_owned(), origin: Origin::Variable, said_by: name });
        }
        let in_file = |file: &EnvFile, is_users| {
            let (number, value) = file.find(name)?;
            let origin = Origin::Line { path: file.path().to_owned(), number, is_users };
            Some(Setting { name, value: value.clone(), origin, said_by: name })
        };
        in_file(&self.user, true).or_else(|| in_file(&self.tree, false))
    }

    /// What was set, else this.
    fn or(&self, name: &'static str, default: impl FnOnce() -> OsString) -> Setting {
        let set = self.look_up(name).filter(|setting| !setting.value.is_empty());
        set.unwrap_or_else(|| Setting { name, value: default(), origin: Origin::Default, said_by: name })
    }

    fn goroot(&self, steps: &[Step]) -> Setting {
        let taken = steps.last().filter(|step| step.found == Found::Taken);
        let value = taken.and_then(|step| step.path.clone()).unwrap_or_default().into_os_string();
        let origin = match taken.map(|step| step.source) {
            Some(goroot::Source::Variable) => Origin::Variable,
            Some(goroot::Source::UserFile) => Origin::Line {
                path: self.user.path().to_owned(),
                number: self.user.find("GOROOT").map_or(0, |(number, _)| number),
                is_users: true,
            },
            Some(goroot::Source::Place) => Origin::Place,
            Some(goroot::Source::BuiltIn) => Origin::BuiltIn,
            None => Origin::Default,
        };
        Setting { name: "GOROOT", value, origin, said_by: "GOROOT" }
    }

    fn settings(&self, goenv: Setting, goroot: Setting, program: Option<&Program>) -> Vec<Setting> {
        let host = self.host;
        let gopath = self.or("GOPATH", || self.default_gopath(program));
        let module_cache =
            || first_of(&gopath.value).map_or(OsString::new(), |first| clean(&first.join("pkg/mod")).into());
        let mut settings = vec![
            self.or("GOARCH", || host.arch().into()),
            self.cache(),
            self.or("GOMODCACHE", module_cache),
            self.or("GOOS", || host.os().into()),
            Setting { name: "GOTOOLDIR", value: self.tools(&goroot), ..goroot.clone() },
            Setting {
                name: "GOVERSION",
                value: program.and_then(|program| program.version.clone()).unwrap_or_default().into(),
                origin: Origin::BuiltIn,
                said_by: "GOVERSION",
            },
            goenv,
        ];
        let old = program.is_some_and(|program| !program.is_at_least(FIRST_WITH_GO_ENV));
        let built_in = |name: &str| BUILT_IN.iter().find(|(known, _)| old && *known == name).map(|(_, value)| *value);
        settings.extend(PLAIN.map(|name| self.or(name, || built_in(name).unwrap_or_default().into())));
        for name in ["GONOPROXY", "GONOSUMDB"] {
            let private = self.or("GOPRIVATE", OsString::new);
            let own = self.look_up(name).filter(|setting| !setting.value.is_empty());
            settings.push(own.unwrap_or(Setting { name, ..private }));
        }
        let gopath = self.usable(gopath, &goroot);
        settings.push(self.or("GOBIN", || {
            let shown = program.is_none_or(|program| program.is_at_least(FIRST_WITH_DERIVED_GOBIN));
            let modules = self.or("GO111MODULE", OsString::new);
            let first = gopath_here(&gopath.value, &modules.value, self.surroundings).filter(|_| shown);
            first.map_or(OsString::new(), |first| clean(&first.join("bin")).into())
        }));
        settings.extend([gopath, goroot]);
        settings.sort_by_key(|setting| setting.name);
        settings
    }

    fn default_gopath(&self, program: Option<&Program>) -> OsString {
        let Some(home) = self.surroundings.home() else { return OsString::new() };
        let folder = clean(&home.join("go"));
        let built_in = program.and_then(|program| program.built_in_goroot.clone());
        let goroot = self.surroundings.variable("GOROOT").map(PathBuf::from).or(built_in).unwrap_or_default();
        if folder == clean(&goroot) { OsString::new() } else { folder.into() }
    }

    /// GOPATH, once the `go` command has looked at it.
    fn usable(&self, gopath: Setting, goroot: &Setting) -> Setting {
        let is_derived = gopath.origin == Origin::Default;
        let is_goroot = clean(Path::new(&gopath.value)) == clean(Path::new(&goroot.value));
        let is_relative = |path: PathBuf| !path.as_os_str().is_empty() && !path.is_absolute();
        if is_derived && !is_goroot && std::env::split_paths(&gopath.value).any(is_relative) {
            return Setting { value: OsString::new(), ..gopath };
        }
        gopath
    }

    fn cache(&self) -> Setting {
        let off = || OsString::from("off");
        let folder = self.surroundings.user_folder(UserFolder::Cache);
        let setting = self.or("GOCACHE", || folder.map_or_else(off, |folder| clean(&folder.join("go-build")).into()));
        if Path::new(&setting.value).is_absolute() || setting.origin == Origin::Default {
            return setting;
        }
        Setting { value: off(), ..setting }
    }

    fn tools(&self, goroot: &Setting) -> OsString {
        if goroot.value.is_empty() {
            return OsString::new();
        }
        let host = self.host;
        let folder = Path::new(&goroot.value).join("pkg/tool").join(format!("{}_{}", host.os(), host.arch()));
        clean(&folder).into()
    }
}
