//! The certificates in a mirror. They are there as information: nobody trusts them for being there.
//!
//! - `keys/FINGERPRINT.asc`, named by the first certificate in it, and its `.sha256` as an archive has one;
//! - what is there must be what its digest says; another one than is trusted here is no fault.

use std::fs::File;

use goverify::error::{Code, FileError};
use goverify::events::Watch;
use goverify::fetch::Deposit;
use goverify::files::read_bounded;
use goverify::trust::{KEYRING_SIZE_LIMIT_BYTES, Keyring};
use sha2::{Digest, Sha256};

use super::super::args::KeyringFiles;
use super::super::failure::Failure;
use super::companions::{SHA256_LIMIT_BYTES, missing, sha256_text};
use super::contents::Contents;

const FOLDER: &str = "keys/";

/// Puts the trusted certificates there.
pub(super) async fn put(deposit: &Deposit, files: &KeyringFiles, watch: &Watch) -> Result<(), Failure> {
    for content in texts(files)? {
        let certificates = Keyring::from_files([&content[..]])?.summaries();
        let Some(first) = certificates.first() else { continue };
        let path = format!("{FOLDER}{}.asc", first.fingerprint);
        let digest = sha256_text(&Sha256::digest(&content).into()).into_bytes();
        for (path, content) in [(format!("{path}.sha256"), digest), (path, content)] {
            let limit_bytes = content.len();
            deposit.update::<Failure>(&path, limit_bytes, watch, |_| Ok(content.clone())).await?;
        }
    }
    Ok(())
}

fn texts(files: &KeyringFiles) -> Result<Vec<Vec<u8>>, Failure> {
    if files.files.is_empty() {
        return Ok(vec![Keyring::embedded_text().to_vec()]);
    }
    let read = |path| {
        let file = File::open(path).map_err(FileError::at(path, "open"))?;
        read_bounded(file, path, KEYRING_SIZE_LIMIT_BYTES)
    };
    files.files.iter().map(|path| read(path).map_err(Failure::from)).collect()
}

/// What is wrong with the certificates that are there.
pub(super) async fn check(deposit: &Deposit, contents: &Contents) -> Vec<(String, Failure)> {
    let mut faults = Vec::new();
    let paths = contents.below(FOLDER).into_iter().map(|found| found.path);
    for path in paths.filter(|path| !path.ends_with(".sha256")) {
        if let Err(failure) = check_one(deposit, &path).await {
            faults.push((path, failure));
        }
    }
    faults
}

async fn check_one(deposit: &Deposit, path: &str) -> Result<(), Failure> {
    let limit_bytes = usize::try_from(KEYRING_SIZE_LIMIT_BYTES).unwrap_or(usize::MAX);
    let content = deposit.read(path, limit_bytes).await?.ok_or_else(|| missing(path))?;
    Keyring::from_files([&content[..]]).map_err(|error| Failure::of(path, &error))?;
    let companion = format!("{path}.sha256");
    // Who made the mirror by hand has none.
    let Some(said) = deposit.read(&companion, SHA256_LIMIT_BYTES).await? else { return Ok(()) };
    let actual = sha256_text(&Sha256::digest(&content).into());
    if said.trim_ascii_end() == actual.as_bytes() {
        return Ok(());
    }
    Err(Failure::new(Code::DigestMismatch, format!("{path}: not what {companion} says")))
}
