//! Where releases come from, and what becomes of them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{KeyringFiles, RecordFiles, SumdbArguments, Wanted, seconds, sha256};

/// Where releases come from.
#[derive(Args, Clone)]
pub(crate) struct Source {
    /// A folder, or a file://, http(s)://, s3://, gs:// or az:// location, that holds an index and archives [default: the
    /// variable GOVERIFY_MIRROR, else go.dev/dl]
    #[arg(long, value_name = "LOCATION")]
    pub(crate) mirror: Option<String>,
    /// Where the index is, when the mirror has none
    #[arg(long, value_name = "LOCATION")]
    pub(crate) index: Option<String>,
}

#[derive(Args)]
pub(crate) struct Fetch {
    /// Releases: 1.22.5, 1.22 (its newest patch), 1.23rc1, stable, oldstable, latest, or auto (what go.work, go.mod,
    /// .go-version or .tool-versions asks for, here or above); and platforms, for each of which each of them is
    /// fetched: os/arch in Go's names, or src [default: this machine]
    #[arg(value_name = "VERSION|PLATFORM")]
    #[cfg_attr(unix, arg(required_unless_present = "rollback"))]
    #[cfg_attr(not(unix), arg(required = true))]
    pub(crate) wanted: Vec<Wanted>,
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
    #[command(flatten)]
    pub(crate) lock: LockArguments,
    /// Let this symbolic link lead to the tree, in one step
    #[cfg(unix)]
    #[arg(long, value_name = "LINK", conflicts_with = "download_only")]
    pub(crate) switch: Option<PathBuf>,
    /// Fetch nothing, and let LINK lead where it led before the last --switch or --rollback
    #[cfg(unix)]
    #[arg(long, value_name = "LINK", conflicts_with_all = ["wanted", "to", "download_only", "switch", "lock", "locked"])]
    pub(crate) rollback: Option<PathBuf>,
    /// Write no receipt into the tree
    #[arg(long, conflicts_with = "download_only")]
    pub(crate) no_receipt: bool,
    #[command(flatten)]
    pub(crate) records: RecordFiles,
    /// How long to wait for another process that works on the same destination
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds, hide = true)]
    pub(crate) lock_timeout: Duration,
}

/// What a team has agreed on.
#[derive(Args)]
pub(crate) struct LockArguments {
    /// Write into FILE what was fetched, to the byte; what it says already has to hold
    #[arg(long, value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
    /// Accept nothing that the lock file does not name [default: goverify.lock], and do not change it
    #[arg(long)]
    pub(crate) locked: bool,
}

/// The checks that `--require` knows; `signature` forbids what `--unsigned` would allow.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RequiredCheck {
    Digest,
    Signature,
    Layout,
    Transparency,
}
