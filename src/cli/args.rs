//! The arguments, as CONTRACT names them.

use std::path::PathBuf;
#[cfg(feature = "net")]
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
#[cfg(feature = "net")]
use goverify::release::Selector;
use goverify::release::{Target, Version};
use goverify::trust::Sumdb;

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
    /// Download, verify and install a Go release
    #[cfg(feature = "net")]
    Fetch(Fetch),
    /// Verify archives that are already here, without a network
    Verify(Verify),
    /// Tell whether an installed tree is still the one that was released
    Audit(Audit),
    /// List what a mirror offers
    #[cfg(feature = "net")]
    List(List),
    /// Show the trusted OpenPGP certificates
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// List the trusted certificates and their signing keys
    List(KeysList),
}

#[derive(Args)]
pub(crate) struct KeysList {
    #[command(flatten)]
    pub(crate) keyring: KeyringFiles,
}

#[derive(Args, Clone)]
pub(crate) struct KeyringFiles {
    /// Trust the certificates of FILE instead of the embedded one (repeatable)
    #[arg(long = "keyring", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Which transparency log is trusted.
#[derive(Args, Clone)]
pub(crate) struct SumdbArguments {
    /// Trust this log instead of sum.golang.org; `off` for none
    #[arg(long, value_name = "KEY [URL]")]
    pub(crate) sumdb: Option<Sumdb>,
}

/// Where releases come from.
#[cfg(feature = "net")]
#[derive(Args, Clone)]
pub(crate) struct Source {
    /// A folder, file:// or http(s):// location that holds an index and archives [default: the variable
    /// GOVERIFY_MIRROR, else go.dev/dl]
    #[arg(long, value_name = "LOCATION")]
    pub(crate) mirror: Option<String>,
    /// Where the index is, when the mirror has none
    #[arg(long, value_name = "LOCATION")]
    pub(crate) index: Option<String>,
}

#[cfg(feature = "net")]
#[derive(Args)]
pub(crate) struct List {
    /// Show the archives of this release only: 1.22.5, 1.22, stable, oldstable
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<Selector>,
    #[command(flatten)]
    pub(crate) source: Source,
}

#[cfg(feature = "net")]
#[derive(Args)]
pub(crate) struct Fetch {
    /// 1.22.5, 1.22 (its newest patch), 1.23rc1, stable, oldstable or latest
    #[arg(value_name = "VERSION")]
    pub(crate) version: Selector,
    /// os/arch in Go's names, or src [default: this machine]
    #[arg(value_name = "PLATFORM")]
    pub(crate) target: Option<Target>,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) keyring: KeyringFiles,
    #[command(flatten)]
    pub(crate) sumdb: SumdbArguments,
    /// Make this very path the GOROOT [default: $HOME/sdk/goVERSION]
    #[arg(long, value_name = "DIR", conflicts_with = "download_only")]
    pub(crate) to: Option<PathBuf>,
    /// Keep the verified archive with its companions, and do not unpack it
    #[arg(long)]
    pub(crate) download_only: bool,
    /// Where to put the archive [default: its own name, here]
    #[arg(short = 'o', value_name = "FILE", requires = "download_only")]
    pub(crate) output: Option<PathBuf>,
    /// Also require this SHA-256
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub(crate) sha256: Option<[u8; 32]>,
    /// Checks that must pass, on top of the defaults
    #[arg(long, value_name = "CHECK", value_enum, value_delimiter = ',')]
    pub(crate) require: Vec<RequiredCheck>,
    /// Accept an archive that nothing authenticates, on its digest alone
    #[arg(long)]
    pub(crate) unsigned: bool,
    /// Do not wait until the files are on disk (for throw-away images)
    #[arg(long)]
    pub(crate) no_sync: bool,
    /// Replace what the destination holds
    #[arg(long)]
    pub(crate) force: bool,
    /// Write no receipt into the tree
    #[arg(long, conflicts_with = "download_only")]
    pub(crate) no_receipt: bool,
    /// How long to wait for another process that works on the same destination
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds, hide = true)]
    pub(crate) lock_timeout: Duration,
}

/// The checks that `--require` knows; `signature` forbids what `--unsigned` would allow.
#[cfg(feature = "net")]
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RequiredCheck {
    Digest,
    Signature,
    Layout,
    Transparency,
}

#[derive(Args)]
pub(crate) struct Verify {
    /// Archives, folders of archives, or - for standard input
    #[arg(required = true, value_name = "ARCHIVE")]
    pub(crate) archives: Vec<PathBuf>,
    /// The detached signature [default: ARCHIVE.asc]
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
    /// A proof of the transparency log, as a C2SP tlog-proof [default: ARCHIVE.tlog-proof]
    #[arg(long, value_name = "FILE")]
    pub(crate) proof: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sumdb: SumdbArguments,
    /// Require this SHA-256
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub(crate) sha256: Option<[u8; 32]>,
    /// Require the digest and size of this index
    #[arg(long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keyring: KeyringFiles,
    /// The version it must be [default: what its file name says]
    #[arg(long, value_name = "V")]
    pub(crate) version: Option<Version>,
    /// The platform it must be for, or src [default: what its file name says]
    #[arg(long, value_name = "P")]
    pub(crate) platform: Option<Target>,
    /// Accept an archive that nothing authenticates, on its digest alone
    #[arg(long)]
    pub(crate) unsigned: bool,
}

#[derive(Args)]
pub(crate) struct Audit {
    /// The tree [default: that of the variable GOROOT, else of the `go` in PATH]
    #[arg(value_name = "GOROOT")]
    pub(crate) root: Option<PathBuf>,
    /// Compare with this archive, which is verified first
    #[arg(long, value_name = "FILE", conflicts_with = "proof")]
    pub(crate) archive: Option<PathBuf>,
    /// A proof of the transparency log for this release, as a C2SP tlog-proof
    #[arg(long, value_name = "FILE")]
    pub(crate) proof: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keyring: KeyringFiles,
    #[command(flatten)]
    pub(crate) sumdb: SumdbArguments,
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
