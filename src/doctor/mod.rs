//! The machine's chain of Go paths: which `go` runs, with which tree, and where what it makes goes.
//!
//! - everything is computed from the environment and from files; no program is run, and nothing is changed but by
//!   [`Repair`];
//! - the rules are Go's own (cmd/go of go1.27, and what older ones did otherwise), each named in its module;
//! - where the first `go` hands over to another tool chain that is at hand, the settings are those of that one.
//!
//! Shell functions, aliases and what a script does are not looked at. Modes and owners are looked at on Unix alone.

mod checks;
mod env_file;
mod finding;
mod goenv;
mod goroot;
mod gover;
mod program;
mod repair;
mod surroundings;
mod target;
mod toolchain;

use std::path::{Path, PathBuf};

pub use finding::{Finding, Kind, Severity, origin, posix_quoted, without_password};
pub use goenv::{GoEnv, Origin, Setting};
pub use goroot::{Found, Source, Step, is_goroot};
pub use program::{FoundTree, Program, is_program, programs, trees, version_of};
pub use repair::{Change, Repair, RepairError, repairs};
pub use surroundings::Surroundings;
pub use target::{InstallTarget, Refusal, Shadowed};
pub use toolchain::{Place, Toolchain};

use crate::release::ReleaseIndex;

/// The mode bit of folders in which nobody removes what is not theirs.
const STICKY: u32 = 0o1000;

/// The links of a chain.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Every `go` in `PATH`, in its order.
    pub gos: Vec<Program>,
    /// Every `gofmt`.
    pub gofmts: Vec<Program>,
    /// The settings of the first `go`.
    pub started: GoEnv,
    /// What it hands over to.
    pub toolchain: Toolchain,
    /// The settings that count: those of what it hands over to, if that is at hand.
    pub env: GoEnv,
    /// Where `go install` puts programs.
    pub target: InstallTarget,
    /// Trees that are elsewhere.
    pub trees: Vec<FoundTree>,
}

/// A chain, and what may be unsound about it.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// The chain.
    pub chain: Chain,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// Who may change what runs.
    pub access: Vec<AccessFault>,
}

/// Somebody may change what runs, and should not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessFault {
    /// [`Kind::ForeignOwner`], [`Kind::WritableByOthers`] or [`Kind::WritableByGroup`].
    pub kind: Kind,
    /// What can be changed.
    pub path: PathBuf,
    /// Its twelve permission bits.
    pub mode: u32,
    /// The number of its owner.
    pub owner: u32,
    /// Device and inode, by which it is known again.
    pub inode: (u64, u64),
}

impl Chain {
    /// The chain in these surroundings.
    #[must_use]
    pub fn of(surroundings: &Surroundings) -> Self {
        let (gos, gofmts) = (programs(surroundings, "go"), programs(surroundings, "gofmt"));
        let go = gos.first().filter(|go| !go.is_script);
        let started = GoEnv::of(surroundings, go);
        let toolchain = go.map_or(Toolchain::Local, |go| Toolchain::of(surroundings, &started, go));
        let env = toolchain.env(surroundings).unwrap_or_else(|| started.clone());
        let target = InstallTarget::of(surroundings, &env);
        let trees = trees(surroundings, env.path("GOMODCACHE"));
        Self { gos, gofmts, started, toolchain, env, target, trees }
    }

    /// The tree that counts, if there is one.
    #[must_use]
    pub fn goroot(&self, surroundings: &Surroundings) -> Option<PathBuf> {
        let path = self.env.path("GOROOT").map(|path| surroundings.work().join(surroundings::clean(path)))?;
        is_goroot(&path).then_some(path)
    }
}

impl Diagnosis {
    /// What may be unsound in these surroundings; the index tells which releases still get fixes.
    #[must_use]
    pub fn of(surroundings: &Surroundings, index: Option<&ReleaseIndex>) -> Self {
        let chain = Chain::of(surroundings);
        let (findings, access) = checks::check(surroundings, &chain, index);
        let mut diagnosis = Self { chain, findings, access };
        diagnosis.sort();
        diagnosis
    }

    /// Adds that an audit has found the tree changed.
    pub fn add_changed(&mut self, goroot: &Path, reason: String) {
        let version = version_of(goroot).unwrap_or_else(|| "stable".to_owned());
        let fix = finding::reinstall(goroot, &version);
        self.add(Finding::new(Kind::TreeModified, reason, goroot.display().to_string(), fix));
    }

    /// Adds that nothing was at hand to audit the tree with.
    pub fn add_unaudited(&mut self, surroundings: &Surroundings, goroot: &Path) {
        let message = format!("nothing at hand says whether {} is as it was released", goroot.display());
        let version = version_of(goroot).unwrap_or_else(|| "stable".to_owned());
        // What somebody else keeps up to date is not replaced.
        let fix = match program::manager(surroundings, goroot, goroot) {
            None | Some("goverify" | "go.dev/dl" | "golang.org/dl") => finding::reinstall(goroot, &version),
            Some(_) => format!("goverify audit {}", finding::word(goroot)),
        };
        self.add(Finding::new(Kind::TreeNotAudited, message, goroot.display().to_string(), fix));
    }

    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
        self.sort();
    }

    fn sort(&mut self) {
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.kind.severity()));
    }
}

#[cfg(test)]
mod tests;
