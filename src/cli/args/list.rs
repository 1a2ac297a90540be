//! What there is, on a mirror or here.

use std::path::PathBuf;

use clap::Args;
#[cfg(feature = "net")]
use goverify::release::Selector;

#[cfg(feature = "net")]
use super::Source;

#[derive(Args)]
pub(crate) struct List {
    /// Show the archives of this release only: 1.22.5, 1.22, stable, oldstable
    #[cfg(feature = "net")]
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<Selector>,
    /// Show the trees of this machine and their state: those in $HOME/sdk, and those that DIRs are or hold
    #[arg(long, value_name = "DIR", num_args = 0..)]
    #[cfg_attr(feature = "net", arg(conflicts_with_all = ["version", "mirror", "index"]))]
    #[cfg_attr(not(feature = "net"), arg(required = true))]
    pub(crate) installed: Option<Vec<PathBuf>>,
    #[cfg(feature = "net")]
    #[command(flatten)]
    pub(crate) source: Source,
}
