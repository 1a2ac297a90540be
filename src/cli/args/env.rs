//! Which installed tree a shell is to use.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::Choice;

#[derive(Args)]
pub(crate) struct Env {
    /// A release (1.22.5, 1.22, stable, auto) that is in $HOME/sdk, or the folder of any Go tree
    #[arg(value_name = "VERSION|DIR")]
    pub(crate) tree: EnvTree,
    /// For which shell to print the lines; `github` appends to the files of GITHUB_PATH and GITHUB_ENV instead [default:
    /// that of the variable SHELL if it is fish, else sh]
    #[arg(long, value_name = "SHELL", value_enum)]
    pub(crate) shell: Option<Shell>,
}

/// What is no version is a path; a folder that is called like one is written `./1.22`.
#[derive(Clone)]
pub(crate) enum EnvTree {
    Release(Choice),
    Folder(PathBuf),
}

impl FromStr for EnvTree {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.parse().map_or_else(|_| Self::Folder(text.into()), Self::Release))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Sh,
    Fish,
    Powershell,
    Direnv,
    Github,
}

impl Shell {
    /// The user's own, as far as the environment tells.
    pub(crate) fn of_user() -> Self {
        let shell = std::env::var_os("SHELL").unwrap_or_default();
        match Path::new(&shell).file_name().and_then(|name| name.to_str()) {
            Some("fish") => Self::Fish,
            None if cfg!(windows) => Self::Powershell,
            _ => Self::Sh,
        }
    }
}
