//! What is trusted: certificates and the log.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use goverify::trust::Sumdb;

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// List the trusted certificates and their signing keys
    List(KeysList),
    /// Learn of new signing keys from a newer copy of Google's certificate
    Update(KeysUpdate),
}

#[derive(Args)]
pub(crate) struct KeysUpdate {
    /// The copy: a file, - for standard input, or an http(s):// location
    #[cfg_attr(feature = "net", doc = "[default: https://dl.google.com/linux/linux_signing_key.pub]")]
    #[arg(value_name = "FILE|URL", required = cfg!(not(feature = "net")))]
    pub(crate) copy: Option<PathBuf>,
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
