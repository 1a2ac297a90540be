//! How a machine's chain of Go paths is looked at.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::SumdbArguments;

#[derive(Args)]
pub(crate) struct Doctor {
    /// Show what was looked at on the way to GOROOT, and why it was passed over
    #[arg(long)]
    pub(crate) explain: bool,
    /// An index, or the folder of a mirror, that tells which releases still get fixes
    #[arg(long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,
    /// Correct modes and owners of the folder for programs and of goverify's own trees, after asking
    #[arg(long, conflicts_with = "ci")]
    pub(crate) fix: bool,
    /// Do not ask
    #[arg(long, requires = "fix")]
    pub(crate) yes: bool,
    /// Print what was found as annotations of a CI service [default: the one that this runs on]
    #[arg(long, value_name = "SERVICE", value_enum, num_args = 0..=1, default_missing_value = "auto", conflicts_with = "json")]
    pub(crate) ci: Option<Ci>,
    #[command(flatten)]
    pub(crate) sumdb: SumdbArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ci {
    Auto,
    Github,
    Gitlab,
}
