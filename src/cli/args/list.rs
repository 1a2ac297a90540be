//! What there is, on a mirror or here.

use std::path::PathBuf;

use clap::Args;
#[cfg(feature = "net")]
use goverify::release::Selector;

#[cfg(feature = "net")]
use super::Source;
#[cfg(feature = "net")]
use crate::cli::failure::Failure;

#[derive(Args)]
pub(crate) struct List {
    /// Show the archives of this release only (1.22.5, 1.22, stable, oldstable); with --installed, the state of these
    /// trees as well, or of those in these folders
    #[arg(value_name = "VERSION|DIR")]
    pub(crate) words: Vec<PathBuf>,
    /// Show the trees of this machine and their state, those in $HOME/sdk first
    #[arg(long)]
    #[cfg_attr(feature = "net", arg(conflicts_with_all = ["mirror", "index"]))]
    #[cfg_attr(not(feature = "net"), arg(required = true))]
    pub(crate) installed: bool,
    #[cfg(feature = "net")]
    #[command(flatten)]
    pub(crate) source: Source,
}

#[cfg(feature = "net")]
impl List {
    /// The release whose archives are asked for, if only one's are.
    pub(crate) fn version(&self) -> Result<Option<Selector>, Failure> {
        match self.words.as_slice() {
            [] => Ok(None),
            [word] => Ok(Some(word.to_string_lossy().parse()?)),
            [_, ..] => Err(Failure::usage("one release at a time is listed")),
        }
    }
}
