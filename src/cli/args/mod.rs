//! The arguments, as CONTRACT names them.

mod choice;
mod doctor;
mod env;
#[cfg(feature = "net")]
mod fetch;
mod inspect;
mod list;
#[cfg(feature = "net")]
mod mirror;
mod packaging;
mod records;
mod trust;
mod verify;

#[cfg(feature = "net")]
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use choice::Choice;
#[cfg(feature = "net")]
pub(crate) use choice::Wanted;
pub(crate) use doctor::{Ci, Doctor};
pub(crate) use env::{Env, EnvTree, Shell};
#[cfg(feature = "net")]
pub(crate) use fetch::{Fetch, LockArguments, RequiredCheck, Source};
pub(crate) use inspect::{FailOn, Inspect};
pub(crate) use list::List;
#[cfg(feature = "net")]
pub(crate) use mirror::{Mirror, MirrorCheck, MirrorPull};
pub(crate) use packaging::{Completions, completions, man};
pub(crate) use records::{RecordFiles, SummaryFile, WantedRecords};
pub(crate) use trust::{KeyringFiles, Keys, KeysList, KeysUpdate, SumdbArguments};
pub(crate) use verify::{Audit, Verify};

/// Decides whether a Go SDK is the one the Go team released, and installs it only if it is.
#[derive(Parser)]
#[command(name = "goverify", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// This process's arguments. Help ends the process, and so does a call that makes no sense, with exit code 2;
    /// but where JSON is wanted, what is wrong comes back as text.
    pub(crate) fn of_process() -> Result<Self, String> {
        let json = std::env::args_os().any(|argument| argument == "--json");
        Self::try_parse().map_err(|error| if json && error.use_stderr() { error.to_string() } else { error.exit() })
    }
}

/// Flags that every command takes.
#[derive(Args, Clone)]
pub(crate) struct Common {
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print errors alone
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more of what the checks rest on
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// When to use colour (NO_COLOR is honoured)
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Show no progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Treat any attempt to reach a network as an error
    #[arg(long, global = true)]
    pub(crate) offline: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Download, verify and install Go releases
    #[cfg(feature = "net")]
    Fetch(Fetch),
    /// Verify archives that are already here, without a network
    Verify(Verify),
    /// Tell whether an installed tree is still the one that was released
    Audit(Audit),
    /// Tell what Go binaries say of the machine that built them
    Inspect(Inspect),
    /// List what a mirror offers, or what is installed here
    List(List),
    /// Make or check a mirror, for machines that have no network
    #[cfg(feature = "net")]
    #[command(subcommand)]
    Mirror(Mirror),
    /// Explain which go runs here, with which tree, where its programs go, and what of that is unsafe
    Doctor(Doctor),
    /// Print the lines that let a shell use an installed tree
    Env(Env),
    /// Show the trusted OpenPGP certificates, or learn of new keys
    #[command(subcommand)]
    Keys(Keys),
    /// Print what completes the commands in a shell
    Completions(Completions),
    /// Print the manual page
    Man,
}

fn sha256(text: &str) -> Result<[u8; 32], String> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest).map_err(|_| "expected 64 hex digits".to_owned())?;
    Ok(digest)
}

#[cfg(feature = "net")]
fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
