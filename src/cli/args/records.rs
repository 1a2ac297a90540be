//! Records of a run for those who were not there.

use std::path::PathBuf;

use clap::Args;
use goverify::trust::Sumdb;

#[derive(Args, Clone, Default)]
pub(crate) struct SummaryFile {
    /// Append what was verified to FILE, in Markdown [default: the variable GITHUB_STEP_SUMMARY, if set]
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
}

#[derive(Args, Clone, Default)]
pub(crate) struct RecordFiles {
    #[command(flatten)]
    pub(crate) summary: SummaryFile,
    /// Write what was verified to FILE, as in-toto statements (SLSA verification summaries), one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) attest: Option<PathBuf>,
}

/// The records that a command is to leave, and the log that it was told to trust.
pub(crate) struct WantedRecords {
    pub(crate) files: RecordFiles,
    pub(crate) sumdb: Option<Sumdb>,
}

impl super::Command {
    /// What there is to record of this command; `None` if nothing ever is.
    pub(crate) fn records(&self) -> Option<WantedRecords> {
        let (files, sumdb) = match self {
            #[cfg(feature = "net")]
            Self::Fetch(fetch) => (fetch.records.clone(), fetch.sumdb.sumdb.clone()),
            Self::Verify(verify) => (verify.records.clone(), verify.sumdb.sumdb.clone()),
            Self::Audit(audit) => {
                (RecordFiles { summary: audit.summary.clone(), attest: None }, audit.sumdb.sumdb.clone())
            }
            _ => return None,
        };
        Some(WantedRecords { files, sumdb })
    }
}
