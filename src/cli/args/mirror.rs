//! Mirrors that are made and checked.

use clap::{Args, Subcommand};
use goverify::release::{Selection, Target};

use super::{KeyringFiles, Source, SumdbArguments};

#[derive(Subcommand)]
pub(crate) enum Mirror {
    /// Copy verified archives, with all that is needed to verify them again, into a mirror
    Pull(MirrorPull),
    /// Verify everything that a mirror holds
    Check(MirrorCheck),
}

#[derive(Args)]
pub(crate) struct MirrorPull {
    /// 1.26.1, 1.26 (its newest patch), stable, oldstable, all, or all>=1.24
    #[arg(required = true, value_name = "VERSION")]
    pub(crate) selections: Vec<Selection>,
    /// os/arch in Go's names, or src (repeatable) [default: this machine]
    #[arg(long = "platform", value_name = "PLATFORM")]
    pub(crate) targets: Vec<Target>,
    /// The mirror to write to: a folder, or s3://, gs:// or az://
    #[arg(long, value_name = "LOCATION")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) keyring: KeyringFiles,
    #[command(flatten)]
    pub(crate) sumdb: SumdbArguments,
    /// Add what the go command reads from GOPROXY=file://LOCATION to switch its toolchain
    #[arg(long)]
    pub(crate) goproxy: bool,
    /// Remove archives that no VERSION and PLATFORM names
    #[arg(long)]
    pub(crate) prune: bool,
}

#[derive(Args)]
pub(crate) struct MirrorCheck {
    /// A folder, file:// or http(s):// location, or s3://, gs:// or az://
    #[arg(value_name = "LOCATION")]
    pub(crate) location: String,
    #[command(flatten)]
    pub(crate) keyring: KeyringFiles,
    #[command(flatten)]
    pub(crate) sumdb: SumdbArguments,
    /// Read everything again, whatever an earlier check has seen
    #[arg(long)]
    pub(crate) fresh: bool,
}
