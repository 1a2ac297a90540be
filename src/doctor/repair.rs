//! Changes of modes and owners that make a chain safe, in what is goverify's and the user's own alone.
//!
//! - changed are what is in a tree that has a receipt of ours, and the folder of `go install` with its files: `go-w`, and in
//!   the tree the user as owner, where that is not root already. A program that somebody else has put into the folder
//!   does not become the user's. Everything else is advice;
//! - nothing is changed below a folder that others may change: what stands there may become something else at any moment.
//!   Folders with the sticky bit are meant to be open, and stay so;
//! - a path is changed by the open file that was looked at before, and no link is followed at its end;
//! - only root can give something another owner.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{AccessFault, Diagnosis, Kind, STICKY, Surroundings};
use crate::error::{Code, Coded};
use crate::install::Receipt;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What is changed.
    pub path: PathBuf,
    /// How.
    pub change: Change,
    /// Its mode by then.
    mode: u32,
    owner: u32,
    inode: (u64, u64),
}

/// How something is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It gets this mode.
    Mode(u32),
    /// It gets this owner.
    Owner(u32),
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// It is no longer what was looked at, or a file that has another name elsewhere.
    #[error("{}: not what was looked at, or a file with several names", .0.display())]
    Changed(PathBuf),
    /// The system forbids it.
    #[error("{}: {source}", .path.display())]
    Io {
        /// What was to be changed.
        path: PathBuf,
        /// Why it was not.
        source: io::Error,
    },
}

impl Coded for RepairError {
    fn code(&self) -> Code {
        match self {
            Self::Changed(_) => Code::Io,
            Self::Io { source, .. } => Code::of_io(source),
        }
    }
}

impl std::fmt::Display for Repair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.change {
            Change::Mode(mode) => write!(f, "mode {:04o} -> {mode:04o}  {}", self.mode, self.path.display()),
            Change::Owner(owner) => write!(f, "owner {} -> {owner}  {}", self.owner, self.path.display()),
        }
    }
}

/// The changes that may be made for a diagnosis; what else is wrong with access is for the user to change.
#[must_use]
pub fn repairs(surroundings: &Surroundings, diagnosis: &Diagnosis, user: u32) -> Vec<Repair> {
    let real = |path: PathBuf| path.canonicalize().ok();
    let has_receipt = |tree: &PathBuf| matches!(Receipt::read_claim(tree), Ok(Some(_)));
    let tree = diagnosis.chain.goroot(surroundings).filter(has_receipt).and_then(real);
    let programs = diagnosis.chain.target.folder.clone().ok().and_then(real);
    // What holds `path` and is changed with it, if it may be changed at all.
    let own = |path: &Path| {
        let in_tree = tree.as_deref().filter(|tree| path.starts_with(tree));
        in_tree.or_else(|| programs.as_deref().filter(|folder| path == *folder || path.parent() == Some(*folder)))
    };
    let is_safe =
        |folder: &Path| !diagnosis.access.iter().any(|fault| fault.path != folder && folder.starts_with(&fault.path));
    let may = |fault: &&AccessFault| {
        own(&fault.path).is_some_and(|folder| {
            let is_ours = fault.kind != Kind::ForeignOwner || tree.as_deref() == Some(folder);
            is_ours && fault.mode & STICKY == 0 && is_safe(folder)
        })
    };
    // Modes first, since a change of the owner is one of what is looked for then.
    let mut faults: Vec<_> = diagnosis.access.iter().filter(may).collect();
    faults.sort_by_key(|fault| (fault.path.clone(), fault.kind == Kind::ForeignOwner));
    let mut repairs: Vec<Repair> = Vec::new();
    for fault in faults {
        let before = repairs.last().filter(|repair| repair.path == fault.path).map(|repair| repair.change);
        let (change, mode) = match (fault.kind, before) {
            (Kind::ForeignOwner, Some(Change::Mode(mode))) => (Change::Owner(user), mode),
            (Kind::ForeignOwner, _) => (Change::Owner(user), fault.mode),
            _ => (Change::Mode(fault.mode & !0o022), fault.mode),
        };
        let AccessFault { path, owner, inode, .. } = fault.clone();
        repairs.push(Repair { path, change, mode, owner, inode });
    }
    repairs
}

impl Repair {
    /// Makes the change.
    ///
    /// # Errors
    /// [`RepairError`] when it was not made.
    #[cfg(unix)]
    pub fn apply(&self) -> Result<(), RepairError> {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let failed = |source: io::Error| RepairError::Io { path: self.path.clone(), source };
        let file = open(&self.path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        let is_same =
            (found.mode() & 0o7777, found.uid()) == (self.mode, self.owner) && (found.dev(), found.ino()) == self.inode;
        // A file's other names may be in somebody else's folder.
        let is_one = found.is_dir() || (found.is_file() && found.nlink() == 1);
        if !is_same || !is_one {
            return Err(RepairError::Changed(self.path.clone()));
        }
        match self.change {
            Change::Mode(mode) => file.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(failed),
            Change::Owner(owner) => std::os::unix::fs::fchown(&file, Some(owner), None).map_err(failed),
        }
    }

    /// Makes the change.
    ///
    /// # Errors
    /// [`RepairError`] always: there are no such rights here.
    #[cfg(not(unix))]
    pub fn apply(&self) -> Result<(), RepairError> {
        Err(RepairError::Io { path: self.path.clone(), source: io::ErrorKind::Unsupported.into() })
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}
