//! Proofs of inclusion: what is parsed says the same when it is written and parsed again, and one that leads to the
//! record of the release is the one that the log itself would give.

use goverify::trust::{TLOG_PROOF_SIZE_LIMIT_BYTES, TlogProof};

use crate::Seed;
use crate::logged::{KEY, LOG, RECORD, RECORDS};

pub fn seeds() -> Vec<Seed> {
    let proof = LOG.tlog_proof(RECORD, RECORDS);
    vec![
        Seed::accepted("extra", proof.replacen("index", "extra c2VlZA==\nindex", 1)),
        Seed::accepted("smaller", LOG.tlog_proof(RECORD, RECORD + 1)),
        Seed::accepted("power-of-two", LOG.tlog_proof(RECORD, 512)),
        Seed::rejected("other-record", LOG.tlog_proof(7, RECORDS)),
        Seed::rejected("other-number", proof.replacen("300", "301", 1)),
        Seed::rejected("only-one", LOG.tlog_proof(0, 1)),
        Seed::accepted("proof", proof),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Ok(proof) = TlogProof::parse(input, &KEY) else { return false };
    assert!(input.len() <= TLOG_PROOF_SIZE_LIMIT_BYTES);
    let text = proof.to_string();
    assert_eq!(TlogProof::parse(text.as_bytes(), &KEY).as_ref(), Ok(&proof));
    assert!(text.len() <= input.len(), "{text} is longer than it was");
    if proof.verify(LOG.record(RECORD).as_bytes()).is_err() {
        return false;
    }
    assert_eq!(text, LOG.tlog_proof(RECORD, proof.head().size()));
    true
}
