//! `goverify keys list`, and the keyring and the log that other commands are given.

use std::fs::File;

use goverify::error::FileError;
use goverify::files::read_bounded;
use goverify::trust::{KEYRING_SIZE_LIMIT_BYTES, Keyring, LogSource, Sumdb};
use serde_json::json;

use super::args::{KeyringFiles, KeysList, SumdbArguments};
use super::failure::Failure;
use super::json::{Listing, Outcome, Report};

/// The embedded certificate, or those of the files in its place.
pub(crate) fn keyring(arguments: &KeyringFiles) -> Result<Keyring, Failure> {
    if arguments.files.is_empty() {
        return Ok(Keyring::embedded()?);
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

pub(crate) fn list(arguments: &KeysList) -> Report {
    let keyring = match keyring(&arguments.keyring) {
        Ok(keyring) => keyring,
        Err(failure) => {
            return Report { command: "keys list", results: vec![Outcome::failed("", failure)], listing: None };
        }
    };
    let (mut data, mut lines) = (Vec::new(), Vec::new());
    for certificate in keyring.summaries() {
        let origin = if certificate.embedded { "embedded" } else { "--keyring" };
        lines.push(format!("{} ({origin})", certificate.fingerprint));
        lines.extend(certificate.user_ids.iter().map(|id| format!("  {}", id.escape_debug())));
        let mut keys = Vec::new();
        for key in &certificate.signing_keys {
            let expires = key.expires.map(|time| time.to_string());
            let until = expires.as_ref().map(|time| format!(" until {time}")).unwrap_or_default();
            let exception = if key.sha1_back_signature { " (SHA-1 back-signature, accepted for this key)" } else { "" };
            lines.push(format!("  signs {} from {}{until}{exception}", key.fingerprint, key.created));
            keys.push(json!({
                "fingerprint": key.fingerprint, "created": key.created.to_string(), "expires": expires,
                "sha1_back_signature": key.sha1_back_signature,
            }));
        }
        data.push(json!({
            "fingerprint": certificate.fingerprint, "user_ids": certificate.user_ids, "embedded": certificate.embedded,
            "signing_keys": keys,
        }));
    }
    Report {
        command: "keys list",
        results: Vec::new(),
        listing: Some(Listing { key: "certificates", data: data.into(), lines }),
    }
}

/// The log that was chosen; Go's own by default.
pub(crate) fn log(arguments: &SumdbArguments) -> Result<Sumdb, Failure> {
    match &arguments.sumdb {
        Some(choice) => Ok(choice.clone()),
        None => Ok(Sumdb::Log(Box::new(LogSource::sum_golang_org()?))),
    }
}
