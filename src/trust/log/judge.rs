//! The judgement about a release: does the log hold the record that follows from its own files?
//!
//! - whatever the evidence is, the signed root is recomputed from *our own* record, never from one that the log sent;
//! - an answer of the log that is proven and has another `h1` is a mismatch; a stored proof that does not lead from our
//!   record to the signed root is a bad proof, since it does not hold the record that it is about.

use super::lookup::LogAnswer;
use super::proof::TlogProof;
use super::record::{ToolchainModule, ToolchainRecord};
use super::{LogError, LookupFault};
use crate::trust::H1;

/// What there is to show that the log holds a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvidence {
    /// The log's answer.
    Answer(LogAnswer),
    /// A proof that was kept: a companion file or a receipt.
    Stored(TlogProof),
}

impl LogEvidence {
    /// The proof in it.
    #[must_use]
    pub fn proof(&self) -> &TlogProof {
        match self {
            Self::Answer(answer) => answer.proof(),
            Self::Stored(proof) => proof,
        }
    }
}

/// Proof that the log holds the record of the very files at hand; only [`judge`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    module: ToolchainModule,
    h1: H1,
    proof: TlogProof,
}

impl LogProof {
    /// The release as the log names it.
    #[must_use]
    pub fn module(&self) -> &ToolchainModule {
        &self.module
    }

    /// The `h1` of its files.
    #[must_use]
    pub fn h1(&self) -> &H1 {
        &self.h1
    }

    /// The log's name.
    #[must_use]
    pub fn log(&self) -> &str {
        self.proof.head().log()
    }

    /// The number of the record.
    #[must_use]
    pub fn record_number(&self) -> u64 {
        self.proof.index()
    }

    /// How many records the log had.
    #[must_use]
    pub fn tree_size(&self) -> u64 {
        self.proof.head().size()
    }

    /// The root that the log has signed, in base64.
    #[must_use]
    pub fn root_base64(&self) -> String {
        self.proof.head().root_base64()
    }

    /// The proof, whose text can be kept beside the archive.
    #[must_use]
    pub fn tlog_proof(&self) -> &TlogProof {
        &self.proof
    }
}

/// Judges evidence of the log by the record that follows from the files at hand.
///
/// # Errors
/// [`LogError::Mismatch`] when the log has another `h1`; others, with the code `transparency-bad-proof`, when the
/// evidence is not about this record.
pub fn judge(evidence: &LogEvidence, record: &ToolchainRecord) -> Result<LogProof, LogError> {
    if let LogEvidence::Answer(answer) = evidence {
        if answer.module() != record.module() {
            return Err(LookupFault::OtherRecord.into());
        }
        if answer.h1() != record.h1() {
            let module = record.module().clone();
            return Err(LogError::Mismatch { module, expected: *answer.h1(), actual: *record.h1() });
        }
    }
    let proof = evidence.proof();
    proof.verify(record.text().as_bytes())?;
    Ok(LogProof { module: record.module().clone(), h1: *record.h1(), proof: proof.clone() })
}
