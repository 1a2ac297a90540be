//! The small files beside an archive: what they must say.

use goverify::error::Code;
use goverify::release::ReleaseFile;
use goverify::trust::{LogKey, TLOG_PROOF_SIZE_LIMIT_BYTES, TlogProof, ToolchainModule, TreeForm, VerifiedArchive, h1};

use super::super::failure::Failure;
use super::Site;

/// What a `.sha256` has, and a line's end that others add.
pub(super) const SHA256_LIMIT_BYTES: usize = 66;

/// The text of an archive's `.sha256`, as dl.google.com serves it.
pub(super) fn sha256_text(sha256: &[u8; 32]) -> String {
    hex::encode(sha256)
}

pub(super) fn missing(name: &str) -> Failure {
    Failure::new(Code::ReleaseNotFound, format!("{name}: missing in the mirror"))
}

/// Checks the `.sha256` beside a file.
pub(super) async fn check_sha256(site: &Site, file: &ReleaseFile) -> Result<(), Failure> {
    let name = format!("{}.sha256", file.name());
    let found = site.mirror.companion(&name, SHA256_LIMIT_BYTES).await?.ok_or_else(|| missing(&name))?;
    let expected = sha256_text(file.sha256());
    if found.trim_ascii_end() == expected.as_bytes() {
        return Ok(());
    }
    let found = String::from_utf8_lossy(&found).into_owned();
    Err(Failure::new(Code::DigestMismatch, format!("{name}: expected {expected}, got \"{found}\"")))
}

/// Checks the proof of the log beside an archive, if there is one, by what the archive holds. Returns whether there is.
pub(super) async fn check_proof<K>(
    site: &Site,
    archive: &VerifiedArchive<K>,
    module: &ToolchainModule,
    key: &LogKey,
) -> Result<bool, Failure> {
    let name = format!("{}.tlog-proof", archive.name());
    let Some(text) = site.mirror.companion(&name, TLOG_PROOF_SIZE_LIMIT_BYTES).await? else { return Ok(false) };
    let proof = TlogProof::parse(&text, key).map_err(|error| Failure::of(&name, &error))?;
    let h1 = h1(archive.manifest(), &module.to_string(), TreeForm::Sdk)
        .map_err(|error| Failure::new(Code::LayoutInvalid, format!("{}: {error}", archive.name())))?;
    proof.verify(module.record(h1).text().as_bytes()).map_err(|error| Failure::of(&name, &error))?;
    Ok(true)
}
