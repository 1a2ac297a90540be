//! Takes from a thread the rights that it does not need: what makes it do the wrong thing finds little to do it with.
//!
//! - On Linux by [Landlock](https://docs.kernel.org/userspace-api/landlock.html), which needs no privilege. It holds
//!   for the calling thread and for those that it starts, for their whole lives; other threads stay as they are. Such a
//!   thread cannot gain privileges by `execve` either (`PR_SET_NO_NEW_PRIVS`).
//! - All that the kernel's Landlock governs is denied but for what a function here names: to open, make, remove, move,
//!   link or run files, to bind and connect TCP (ABI 4) and UDP (ABI 10), to connect to abstract Unix sockets of others
//!   and to signal other processes (ABI 6).
//! - It is a second line and no check: a kernel without it, or one that refuses, is no error. The [`Confinement`] that
//!   comes back says what holds, and never more. On other systems than Linux it is always none.
//!
//! Limits: files that are open already stay usable. Reading metadata and changing modes, owners and times are not
//! governed, nor, before ABI 9, are Unix sockets that have a path. Who may make files beneath a directory may also
//! overwrite those that are there, and give one a second name there.

use std::fmt;
use std::thread;

use super::Directory;

/// What a thread was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confinement {
    /// Nothing.
    None,
    /// What Landlock governs in this version of its interface.
    Landlock {
        /// That version: the lower of the kernel's and the newest that is known here.
        abi: u8,
    },
}

impl fmt::Display for Confinement {
    /// `none`, or `landlock-` and the version.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Landlock { abi } => write!(f, "landlock-{abi}"),
        }
    }
}

/// Does `work` on a thread that may make directories and regular files beneath `root`, and nothing else. Beneath it,
/// it may also open directories to look for names, since making something in one takes its handle.
pub(crate) fn creating_beneath<R: Send>(root: &Directory, work: impl FnOnce() -> R + Send) -> (Confinement, R) {
    thread::scope(|scope| {
        let confined = scope.spawn(|| (restrict(Some(root)), work()));
        confined.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Denies the calling thread everything: for one that turns bytes into bytes.
pub(crate) fn deny_all() -> Confinement {
    restrict(None)
}

#[cfg(not(target_os = "linux"))]
fn restrict(_: Option<&Directory>) -> Confinement {
    Confinement::None
}

#[cfg(target_os = "linux")]
fn restrict(creating_beneath: Option<&Directory>) -> Confinement {
    use landlock::{LandlockStatus, RulesetStatus};
    let Ok(status) = enforce(creating_beneath) else { return Confinement::None };
    match (status.ruleset, status.landlock) {
        (
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced,
            LandlockStatus::Available { effective_abi, .. },
        ) => Confinement::Landlock { abi: effective_abi as u8 },
        _ => Confinement::None,
    }
}

#[cfg(target_os = "linux")]
fn enforce(creating_beneath: Option<&Directory>) -> Result<landlock::RestrictionStatus, landlock::RulesetError> {
    use landlock::{ABI, Access, AccessFs, AccessNet, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope};
    /// The newest known here. Of what it has, the kernel enforces what it knows.
    const NEWEST: ABI = ABI::V10;
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    // By its open handle: no path is resolved a second time.
    let allowed = AccessFs::MakeDir | AccessFs::MakeReg | AccessFs::WriteFile | AccessFs::ReadDir;
    match creating_beneath {
        Some(root) => ruleset.add_rule(PathBeneath::new(root, allowed))?.restrict_self(),
        None => ruleset.restrict_self(),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
