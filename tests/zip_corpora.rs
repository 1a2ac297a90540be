//! Zip archives that others have collected against readers of theirs; none of them is a Go release.
//!
//! `GOVERIFY_CORPORA` names a folder of corpora. Without it the test says that it was skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use goverify::archive::{ReceiveError, receive};
use goverify::error::Coded;
use goverify::events::Watch;
use goverify::trust::{Authenticator, DigestSource, Expectation, ExpectedDigest, TrustError, verify};
use goverify::{Spool, archive::ArchiveError};
use support::NO_LOG;
use support::sdk::Sdk;

/// All zips below the folder of corpora, or `None` and a word about it.
fn zips() -> Option<Vec<PathBuf>> {
    let Some(folder) = std::env::var_os("GOVERIFY_CORPORA") else {
        // Past the test harness, which would swallow what a passing test prints.
        std::io::stderr().write_all(b"skipped: GOVERIFY_CORPORA is not set\n").unwrap();
        return None;
    };
    let (mut folders, mut zips) = (vec![PathBuf::from(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
                zips.push(path);
            }
        }
    }
    Some(zips)
}

/// What is wrong with an archive that has the right digest.
fn judge(archive: &[u8], sdk: &Sdk, folder: &tempfile::TempDir) -> Result<(), ArchiveError> {
    let spool = Spool::new_in(folder.path()).unwrap();
    let received = match receive(&mut &archive[..], sdk.name(), &[], spool, &Watch::silent()) {
        Ok(received) => received,
        Err(ReceiveError::Archive(error)) => return Err(error),
        Err(other) => panic!("{other}"),
    };
    let digests = vec![ExpectedDigest { sha256: received.sha256(), source: DigestSource::User }];
    match verify(received, &Expectation { digests, size_bytes: None }, Authenticator::DigestOnly, &NO_LOG).outcome {
        Ok(_) => Ok(()),
        Err(TrustError::Archive(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn no_zip_of_the_corpora_is_a_release() {
    let folder = tempfile::tempdir().unwrap();
    let sdk = Sdk::windows_amd64("go1.22.5");
    assert_eq!(judge(&sdk.archive(), &sdk, &folder), Ok(()));
    let Some(zips) = zips() else { return };
    for path in &zips {
        let error = judge(&fs::read(path).unwrap(), &sdk, &folder).unwrap_err();
        assert!(error.code().is_rejection(), "{}: {error}", path.display());
    }
    assert!(zips.len() > 30, "only {} zips", zips.len());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}
