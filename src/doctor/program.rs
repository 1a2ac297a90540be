//! The programs that a shell would start as `go` and `gofmt`, and what they are.
//!
//! - a shell takes the first regular file of that name in the folders of `PATH` that it may execute; an empty element of
//!   `PATH` is the current folder (POSIX XBD §8.3);
//! - a program's tree is the one above it, as the `go` command would find it; a script has none, and starts what it likes;
//! - which version manager a program belongs to is told by the folders that it is in.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::goroot::is_goroot;
use super::surroundings::{Surroundings, clean};
use crate::archive::{PLATFORM_HEADER_BYTES, is_program_for};
use crate::files::{open_regular, read_bounded};
use crate::inspect::{ProgramFacts, program_facts};
use crate::install::RECEIPT_NAME;
use crate::release::{Platform, Version};

/// Longest `VERSION` in bytes, as in an archive.
const VERSION_LIMIT_BYTES: u64 = 4096;

/// Folders that tell whose a program or a tree is, of which the first that fits counts.
const MANAGERS: [(&str, &str); 20] = [
    (".goenv/shims/", "goenv"),
    (".goenv/versions/", "goenv"),
    (".asdf/shims/", "asdf"),
    (".asdf/installs/golang/", "asdf"),
    ("mise/shims/", "mise"),
    ("mise/installs/go/", "mise"),
    (".gvm/gos/", "gvm"),
    (".g/go/", "g"),
    (".g/versions/", "g"),
    ("golang.org/toolchain@", "go command"),
    ("/sdk/go1", "golang.org/dl"),
    ("/Cellar/go", "homebrew"),
    ("/homebrew/", "homebrew"),
    ("/snap/go/", "snap"),
    ("/nix/store/", "nix"),
    ("/usr/lib/go", "distribution"),
    ("/usr/share/go", "distribution"),
    ("/usr/bin/go", "distribution"),
    ("/usr/local/go/", "go.dev/dl"),
    ("Program Files/Go/", "go.dev/dl"),
];
/// Architectures of which a system may run programs beside its own, or seem to.
const ARCHITECTURES: [&str; 6] = ["amd64", "arm64", "386", "arm", "riscv64", "ppc64le"];

/// A program that a shell could start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// `go` or `gofmt`.
    pub name: &'static str,
    /// Its path, as `PATH` leads to it.
    pub path: PathBuf,
    /// The same with all links resolved.
    pub resolved: PathBuf,
    /// The number of its element of `PATH`, from 0 on.
    pub place: usize,
    /// Whether it is a script, such as version managers put in the place of programs.
    pub is_script: bool,
    /// The version of Go that it says it was made with, which of a `go` is its own.
    pub version: Option<String>,
    /// The GOROOT that was built into it.
    pub built_in_goroot: Option<PathBuf>,
    /// The tree that it belongs to by its place.
    pub tree: Option<PathBuf>,
    /// Who has put it there, as its folders tell.
    pub manager: Option<&'static str>,
}

impl Program {
    /// The program of that name at a path.
    #[must_use]
    pub fn at(surroundings: &Surroundings, name: &'static str, path: PathBuf, place: usize) -> Option<Self> {
        let resolved = surroundings.work().join(&path).canonicalize().ok()?;
        let is_script = start_of(&resolved).starts_with(b"#!");
        let ProgramFacts { version, goroot } =
            if is_script { ProgramFacts::default() } else { program_facts(&resolved).unwrap_or_default() };
        let tree = ["../..", "../../.."].map(|up| clean(&resolved.join(up))).into_iter().find(|tree| is_goroot(tree));
        let manager = manager(surroundings, &path, tree.as_deref().unwrap_or(&resolved));
        Some(Self { name, path, resolved, place, is_script, version, built_in_goroot: goroot, tree, manager })
    }

    /// Whether it is of this series or a later one; one that does not tell is.
    #[must_use]
    pub fn is_at_least(&self, series: (u32, u32)) -> bool {
        self.release().is_none_or(|version| version.series() >= series)
    }

    /// The version that it says it is of, or else its tree, without what a packager or an experiment adds.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        let said = self.version.clone().or_else(|| version_of(self.tree.as_deref()?))?;
        Some(first_word(&said).to_owned())
    }

    /// The release that it says it is of.
    #[must_use]
    pub fn release(&self) -> Option<Version> {
        self.said()?.parse().ok()
    }

    /// The platform that it is made for, of those of this machine's system.
    #[must_use]
    pub fn platform(&self, surroundings: &Surroundings) -> Platform {
        let host = surroundings.host();
        let header = start_of(&self.resolved);
        let others = ARCHITECTURES.into_iter().filter_map(|arch| Platform::new(host.os(), arch).ok());
        let mut platforms = std::iter::once(host.clone()).chain(others);
        platforms.find(|platform| is_program_for(platform, &header)).unwrap_or_else(|| host.clone())
    }
}

/// All programs of that name in `PATH`, in its order. A folder that is named twice counts once.
#[must_use]
pub fn programs(surroundings: &Surroundings, name: &'static str) -> Vec<Program> {
    let mut found: Vec<Program> = Vec::new();
    for (place, folder) in surroundings.search_path().enumerate() {
        let path = folder.join(surroundings.program(name));
        if is_program(&surroundings.work().join(&path))
            && !found.iter().any(|program| program.path == path)
            && let Some(program) = Program::at(surroundings, name, path, place)
        {
            found.push(program);
        }
    }
    found
}

/// The first program of any name in `PATH`.
pub(super) fn look_path(surroundings: &Surroundings, name: &str) -> Option<PathBuf> {
    let paths = surroundings.search_path().map(|folder| folder.join(surroundings.program(name)));
    // What is relative, Go does not start (os/exec.ErrDot).
    paths.filter(|path| path.is_absolute()).find(|path| is_program(path))
}

/// Whether a shell would start what is at `path`.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    let Ok(found) = path.metadata() else { return false };
    #[cfg(unix)]
    {
        found.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
    }
    #[cfg(not(unix))]
    {
        found.is_file()
    }
}

/// The first bytes of a file, as many as tell what it is; fewer where it cannot be read.
pub(super) fn start_of(path: &Path) -> Vec<u8> {
    let mut start = Vec::new();
    if let Ok(file) = open_regular(path) {
        // What was read counts.
        let _ = file.take(PLATFORM_HEADER_BYTES as u64).read_to_end(&mut start);
    }
    start
}

/// A version without what a packager or an experiment adds: `go1.22.5 (Red Hat 1.22.5-1.el9)`, `go1.22.5 X:nodwarf5`.
pub(super) fn first_word(version: &str) -> &str {
    version.split_whitespace().next().unwrap_or_default()
}

/// What the file `VERSION` says in its first line; `None` where there is none.
#[must_use]
pub fn version_of(tree: &Path) -> Option<String> {
    let path = tree.join("VERSION");
    let content = read_bounded(open_regular(&path).ok()?, &path, VERSION_LIMIT_BYTES).ok()?;
    let text = std::str::from_utf8(&content).ok().filter(|text| text.len() as u64 <= VERSION_LIMIT_BYTES)?;
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// Whose the thing at `path` is, which really is at `real`.
pub(super) fn manager(surroundings: &Surroundings, path: &Path, real: &Path) -> Option<&'static str> {
    if real.join(RECEIPT_NAME).is_file() {
        return Some("goverify");
    }
    let texts = [path, real].map(|path| {
        // From the root of this system, with `/` at its end as well as between.
        let path =
            path.strip_prefix(surroundings.system("/")).map_or(path.to_owned(), |rest| Path::new("/").join(rest));
        format!("{}/", path.display()).replace('\\', "/")
    });
    MANAGERS.iter().find(|(part, _)| texts.iter().any(|text| text.contains(part))).map(|(_, manager)| *manager)
}

/// A tree that is somewhere on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTree {
    /// Where.
    pub path: PathBuf,
    /// What its `VERSION` says.
    pub version: Option<String>,
    /// Who has put it there, as its folders tell.
    pub manager: Option<&'static str>,
}

/// The most trees that are looked for in one folder.
const TREES_LIMIT: usize = 256;

/// The trees in the folders where installers and version managers put them; `module_cache` is GOMODCACHE.
#[must_use]
pub fn trees(surroundings: &Surroundings, module_cache: Option<&Path>) -> Vec<FoundTree> {
    let mut candidates = vec![surroundings.system("/usr/local/go"), surroundings.system("/usr/lib/golang")];
    let children = |folder: PathBuf, prefix: &str| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let named = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()));
        let mut found: Vec<_> = named.map(|entry| entry.path()).take(TREES_LIMIT).collect();
        found.sort();
        found
    };
    candidates.extend(children(surroundings.system("/usr/lib"), "go"));
    if let Some(home) = surroundings.home() {
        let data = surroundings.variable("XDG_DATA_HOME").map_or_else(|| home.join(".local/share"), PathBuf::from);
        candidates.extend(children(home.join("sdk"), "go"));
        for folder in [home.join(".goenv/versions"), home.join(".gvm/gos"), home.join(".g/versions")] {
            candidates.extend(children(folder, ""));
        }
        for folder in [home.join(".asdf/installs/golang"), data.join("mise/installs/go")] {
            candidates.extend(children(folder, "").into_iter().flat_map(|version| [version.join("go"), version]));
        }
    }
    candidates.extend(module_cache.into_iter().flat_map(|cache| children(cache.join("golang.org"), "toolchain@")));
    let mut seen = std::collections::BTreeSet::new();
    let trees = candidates.into_iter().filter(|path| is_goroot(path));
    let trees = trees.filter(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    let describe =
        |path: PathBuf| FoundTree { version: version_of(&path), manager: manager(surroundings, &path, &path), path };
    trees.map(describe).collect()
}
