//! `goverify keys list`, and the keyring and the log that other commands are given.

use std::fs::File;
use std::path::PathBuf;

use goverify::error::FileError;
use goverify::files::read_bounded;
use goverify::keystore::{Keystore, KeystoreError};
use goverify::trust::{
    CertificateSummary, KEYRING_SIZE_LIMIT_BYTES, KeyOrigin, Keyring, LogSource, Revocation, SigningKeySummary, Sumdb,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::{KeyringFiles, KeysList, SumdbArguments};
use super::failure::Failure;
use super::json::{Listing, Outcome, Report};
use super::output::Output;

/// The embedded certificate with what was learned of it, or those of the files in its place.
pub(crate) fn keyring(arguments: &KeyringFiles) -> Result<Keyring, Failure> {
    if arguments.files.is_empty() {
        return match keystore() {
            Some(keystore) => keystore.keyring().map_err(with_way_out),
            None => Ok(Keyring::embedded()?),
        };
    }
    let mut contents = Vec::new();
    for path in &arguments.files {
        let file = File::open(path).map_err(FileError::at(path, "open"))?;
        let content = read_bounded(file, path, KEYRING_SIZE_LIMIT_BYTES)?;
        Keyring::from_files([&content[..]]).map_err(|error| Failure::of(&path.display().to_string(), &error))?;
        contents.push(content);
    }
    Ok(Keyring::from_files(contents.iter().map(Vec::as_slice))?)
}

fn with_way_out(error: KeystoreError) -> Failure {
    let is_damaged = matches!(error, KeystoreError::Damaged { .. });
    let failure = Failure::from(error);
    if is_damaged {
        failure.with_hint("`goverify keys update` writes it anew; without it the built-in keys count")
    } else {
        failure
    }
}

/// Where newer copies of the built-in certificate are kept; `None` where this user has no home.
pub(crate) fn keystore() -> Option<Keystore> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(absolute);
    let config = config.or_else(|| std::env::home_dir().filter(absolute).map(|home| home.join(".config")))?;
    Some(Keystore::at(config.join("goverify")))
}

pub(crate) fn list(arguments: &KeysList, output: &Output) -> Report {
    let keyring = match keyring(&arguments.keyring) {
        Ok(keyring) => keyring,
        Err(failure) => {
            return Report { command: "keys list", results: vec![Outcome::failed("", failure)], listing: None };
        }
    };
    let (mut data, mut lines) = (Vec::new(), Vec::new());
    for certificate in keyring.summaries() {
        let origin = if certificate.embedded { KeyOrigin::Embedded } else { KeyOrigin::Given };
        let revoked = certificate.revoked.map(withdrawn).unwrap_or_default();
        lines.push(format!("{} ({}){revoked}", certificate.fingerprint, origin.as_str()));
        lines.extend(certificate.user_ids.iter().map(|id| format!("  {}", id.escape_debug())));
        lines.extend(certificate.signing_keys.iter().map(|key| format!("  {}", line(key, origin))));
        let warning = certificate.ends_soon(Timestamp::now()).map(|end| ending(&certificate, end));
        warning.iter().for_each(|warning| output.warn(warning));
        data.push(json!({
            "fingerprint": certificate.fingerprint, "user_ids": certificate.user_ids, "embedded": certificate.embedded,
            "revoked": certificate.revoked.map(|revocation| revocation.since.to_string()),
            "signing_keys": certificate.signing_keys.iter().map(data_of).collect::<Vec<_>>(), "warning": warning,
        }));
    }
    Report {
        command: "keys list",
        results: Vec::new(),
        listing: Some(Listing { key: "certificates", data: data.into(), lines }),
    }
}

fn ending(certificate: &CertificateSummary, end: Timestamp) -> String {
    let verb = if end < Timestamp::now() { "signed" } else { "signs" };
    let hint = if certificate.embedded { "; `goverify keys update` learns of newer ones" } else { "" };
    format!("no known key of {} {verb} after {end}{hint}", certificate.fingerprint)
}

/// What is said of a key; where it comes from only if that is not where its certificate does.
pub(crate) fn line(key: &SigningKeySummary, usual: KeyOrigin) -> String {
    let until = key.expires.map(|time| format!(" until {time}")).unwrap_or_default();
    let revoked = key.revoked.map(withdrawn).unwrap_or_default();
    let exception = if key.sha1_back_signature { " (SHA-1 back-signature, accepted for this key)" } else { "" };
    let origin = if key.origin == usual { String::new() } else { format!(" ({})", key.origin.as_str()) };
    format!("signs {} from {}{until}{revoked}{exception}{origin}", key.fingerprint, key.created)
}

fn withdrawn(revocation: Revocation) -> String {
    let scope = if revocation.hard { ", earlier signatures as well" } else { "" };
    format!(", revoked {}{scope}", revocation.since)
}

/// A key in a document.
pub(crate) fn data_of(key: &SigningKeySummary) -> Value {
    json!({
        "fingerprint": key.fingerprint, "created": key.created.to_string(),
        "expires": key.expires.map(|time| time.to_string()),
        "revoked": key.revoked.map(|revocation| revocation.since.to_string()),
        "sha1_back_signature": key.sha1_back_signature, "origin": key.origin.as_str(),
    })
}

/// The log that was chosen; Go's own by default.
pub(crate) fn log(arguments: &SumdbArguments) -> Result<Sumdb, Failure> {
    match &arguments.sumdb {
        Some(choice) => Ok(choice.clone()),
        None => Ok(Sumdb::Log(Box::new(LogSource::sum_golang_org()?))),
    }
}
