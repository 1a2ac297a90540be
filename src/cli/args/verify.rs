//! What is here already, and is to be judged.

use std::path::PathBuf;

use clap::Args;
use goverify::release::{Target, Version};

use super::{KeyringFiles, RecordFiles, SumdbArguments, SummaryFile, sha256};

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
    #[command(flatten)]
    pub(crate) records: RecordFiles,
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
    #[command(flatten)]
    pub(crate) summary: SummaryFile,
}

impl Audit {
    /// That of a tree by its own receipt.
    pub(crate) fn of_receipt(root: &std::path::Path, sumdb: &SumdbArguments) -> Self {
        Self {
            root: Some(root.to_owned()),
            archive: None,
            proof: None,
            keyring: KeyringFiles { files: Vec::new() },
            sumdb: sumdb.clone(),
            summary: SummaryFile::default(),
        }
    }
}
