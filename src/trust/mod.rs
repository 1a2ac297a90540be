//! The proofs: what must hold before an archive is called verified.
//!
//! [`verify()`] alone makes a [`VerifiedArchive`], and every proof inside it is a type that only its own checker
//! makes. There is no flag or missing value that skips one.

mod armor;
mod digest;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod h1;
mod keyring;
mod log;
mod packets;
mod pinned;
mod release_time;
mod signature;
mod summary;
mod verdict;
mod verify;

pub use armor::ArmorFault;
pub use digest::{DigestProof, DigestSource, ExpectedDigest};
pub use h1::{H1, H1Fault, NotH1, TreeForm, h1, is_added_copy, is_covered, name_in_module};
pub use keyring::{GOOGLE_FINGERPRINT, KEYRING_SIZE_LIMIT_BYTES, Keyring, KeyringError};
pub use log::{
    Growth, GrowthProof, LOOKUP_SIZE_LIMIT_BYTES, LogAnswer, LogError, LogEvidence, LogKey, LogKeyError, LogKeyFault,
    LogProof, LogSource, Lookup, LookupFault, MerkleFault, NOTE_SIZE_LIMIT_BYTES, NoteFault, SignedTreeHead, Sumdb,
    TLOG_PROOF_SIZE_LIMIT_BYTES, Tile, TileFault, TileHeight, Tiles, TlogProof, TlogProofFault, ToolchainModule,
    ToolchainRecord, TreeHeadFault, check_growth, judge, merkle,
};
pub use packets::PacketFault;
#[cfg(test)]
pub(crate) use pinned::tests as pinned_tests;
pub use pinned::{KeyChanges, KeyUpdateError, PinnedCertificate};
pub use release_time::TimeFault;
pub use signature::{DetachedSignature, SIGNATURE_SIZE_LIMIT_BYTES, SignatureError, SignatureProof};
pub use summary::{CertificateSummary, KeyOrigin, NOTICE, Revocation, SigningKeySummary};
pub use verdict::{Check, CheckKind, CheckStatus, Evidence, Trust, Verdict};
pub use verify::{
    Absence, Authenticator, Expectation, Transparency, TrustError, VerifiedArchive, judge_tree, proof_check,
    transparency_check, unauthenticated_files, verify,
};
