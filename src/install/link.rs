//! A link that names the tree in use and is turned to another one in one step.
//!
//! - `LINK` is a symbolic link, or nothing yet; what else has that name is refused. Its directory is judged, and its lock
//!   taken, as for a tree that is installed there;
//! - turning it makes a new link beside it, `.LINK.goverify-RANDOM`, and renames that over it. Before, `LINK.previous`
//!   comes to lead, in the same way, where `LINK` led. So `LINK` leads to the old tree or to the new one, whatever
//!   happens in between;
//! - turning it back exchanges the two in one step (`RENAME_EXCHANGE`), or, where the system cannot, in two such renames;
//! - what a link leads to is not looked at here.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::{Destination, Durability, InstallError, staging};
use crate::error::FileError;

/// Where a link leads, and where it led before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    /// Absolute path of the link.
    pub link: PathBuf,
    /// Where it leads.
    pub target: PathBuf,
    /// Where `LINK.previous` leads.
    pub previous: Option<PathBuf>,
}

impl Destination {
    /// Where the link leads that is to be turned, and where it led before.
    ///
    /// # Errors
    /// [`InstallError::NotALink`] when something else has one of the two names.
    pub fn linked(&self) -> Result<(Option<PathBuf>, Option<PathBuf>), InstallError> {
        Ok((self.read_link(self.name())?, self.read_link(&self.previous())?))
    }

    /// Lets the link at the destination lead to `target`. Where it does already, nothing changes.
    ///
    /// # Errors
    /// [`InstallError`] when something else has its name, or a link cannot be made or renamed.
    pub fn turn_to(mut self, target: &Path, durability: Durability) -> Result<Turned, InstallError> {
        let (now, before) = self.linked()?;
        let turned = |previous| Turned { link: self.path().to_owned(), target: target.to_owned(), previous };
        if now.as_deref() == Some(target) {
            return Ok(turned(before));
        }
        if let Some(now) = &now {
            self.point(&self.previous(), now)?;
        }
        self.point(self.name(), target)?;
        let turned = turned(now.or(before));
        self.settle(durability)?;
        Ok(turned)
    }

    /// Exchanges where the link leads for where it led before.
    ///
    /// # Errors
    /// [`InstallError::NoPrevious`] when one of the two is not known; else as for [`Self::turn_to`].
    pub fn turn_back(mut self, durability: Durability) -> Result<Turned, InstallError> {
        let (Some(now), Some(before)) = self.linked()? else {
            return Err(InstallError::NoPrevious { path: self.path().to_owned() });
        };
        let previous = self.previous();
        if self.parent().exchange(self.name(), &previous).is_err() {
            self.point(self.name(), &before)?;
            self.point(&previous, &now)?;
        }
        let turned = Turned { link: self.path().to_owned(), target: before, previous: Some(now) };
        self.settle(durability)?;
        Ok(turned)
    }

    fn previous(&self) -> OsString {
        let mut name = self.name().to_owned();
        name.push(".previous");
        name
    }

    fn read_link(&self, name: &OsStr) -> Result<Option<PathBuf>, InstallError> {
        let path = self.parent_path().join(name);
        match self.parent().read_link(name) {
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Err(InstallError::NotALink { path }),
            result => Ok(result.map_err(FileError::at(&path, "read"))?),
        }
    }

    fn point(&self, name: &OsStr, target: &Path) -> Result<(), InstallError> {
        let (temporary, path) = (staging::name_for(self.name()), self.parent_path().join(name));
        self.parent().make_link(&temporary, target).map_err(FileError::at(&path, "link"))?;
        let renamed = self.parent().rename(&temporary, name);
        let renamed = renamed.inspect_err(|_| _ = self.parent().remove_file(&temporary));
        Ok(renamed.map_err(FileError::at(&path, "rename to"))?)
    }

    fn settle(&mut self, durability: Durability) -> Result<(), InstallError> {
        let sync = durability == Durability::Synced;
        self.keep_parents(sync)?;
        if sync {
            self.parent().sync().map_err(FileError::at(self.parent_path(), "sync"))?;
        }
        Ok(())
    }
}
