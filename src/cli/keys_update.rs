//! `goverify keys update`: learns of new signing keys, and of revocations, from a newer copy of the built-in certificate.

use std::io::{self, Read};
use std::path::Path;

use goverify::error::{Code, FileError};
use goverify::files::read_bounded;
use goverify::keystore::{KeyUpdate, KeystoreError};
use goverify::trust::{KEYRING_SIZE_LIMIT_BYTES, KeyOrigin};
use serde_json::{Value, json};

use super::args::{Common, KeysUpdate};
use super::failure::Failure;
use super::json::{Listing, Outcome, Report};
use super::keys::{data_of, keystore, line};
use super::output::Output;
use super::verify::open_named;

const COMMAND: &str = "keys update";

pub(crate) fn run(arguments: &KeysUpdate, common: &Common, output: &Output) -> Report {
    match update(arguments, common, output) {
        Ok(listing) => Report { command: COMMAND, results: Vec::new(), listing: Some(listing) },
        Err(failure) => Report { command: COMMAND, results: vec![Outcome::failed("", failure)], listing: None },
    }
}

fn update(arguments: &KeysUpdate, common: &Common, output: &Output) -> Result<Listing, Failure> {
    let no_home = || Failure::new(Code::Io, "no home directory is known that could keep what is learned");
    let keystore = keystore().ok_or_else(no_home)?;
    let (name, copy) = copy(arguments.copy.as_deref(), common)?;
    let update = keystore.update(&copy).map_err(|error| match error {
        KeystoreError::Refused(_) => Failure::of(&name, &error),
        error => error.into(),
    })?;
    let file = keystore.file();
    if let Some(damage) = &update.damage {
        output.warn(&format!("{damage}; it was replaced"));
    }
    let KeyUpdate { certificate, changes, written, damage } = update;
    let fingerprint = certificate.summary().fingerprint;
    let mut lines = Vec::new();
    lines.extend(changes.revoked.then(|| format!("revoked: the certificate {fingerprint} as a whole")));
    lines.extend(changes.added.iter().map(|key| format!("added: {}", line(key, KeyOrigin::Update))));
    lines.extend(changes.changed.iter().map(|key| format!("changed: {}", line(key, key.origin))));
    if lines.is_empty() {
        lines.push("nothing new".to_owned());
    }
    let keys = |keys: &[_]| keys.iter().map(data_of).collect::<Vec<Value>>();
    let data = json!({
        "certificate": fingerprint, "added": keys(&changes.added), "changed": keys(&changes.changed),
        "revoked": changes.revoked, "path": file.display().to_string(), "written": written,
        "replaced": damage.map(|damage| damage.to_string()),
    });
    Ok(Listing { key: "update", data, lines })
}

/// The copy's name for messages, and its content or as much of it as shows that it is too long.
fn copy(source: Option<&Path>, common: &Common) -> Result<(String, Vec<u8>), Failure> {
    match source {
        None => from_the_web("https://dl.google.com/linux/linux_signing_key.pub", common),
        Some(path) if path.as_os_str() == "-" => {
            let path = Path::new("standard input");
            let mut content = Vec::new();
            let read = io::stdin().take(KEYRING_SIZE_LIMIT_BYTES + 1).read_to_end(&mut content);
            read.map_err(FileError::at(path, "read"))?;
            Ok(("-".to_owned(), content))
        }
        Some(path) => match path.to_str() {
            Some(location) if is_web(location) => from_the_web(location, common),
            _ => {
                let content = read_bounded(open_named(path)?, path, KEYRING_SIZE_LIMIT_BYTES)?;
                Ok((path.display().to_string(), content))
            }
        },
    }
}

fn is_web(location: &str) -> bool {
    let scheme = location.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| matches!(scheme.as_str(), "http" | "https"))
}

#[cfg(feature = "net")]
fn from_the_web(location: &str, common: &Common) -> Result<(String, Vec<u8>), Failure> {
    use goverify::events::Watch;
    use goverify::fetch::{Access, document_at};

    use super::runtime;

    let (watch, access) = (Watch::silent(), Access { offline: common.offline, ..Access::default() });
    let document = document_at(location, KEYRING_SIZE_LIMIT_BYTES, &access);
    let content = runtime::run(&watch, runtime::until_cancelled(&watch, document))?;
    Ok((location.to_owned(), content))
}

#[cfg(not(feature = "net"))]
fn from_the_web(location: &str, _: &Common) -> Result<(String, Vec<u8>), Failure> {
    Err(Failure::usage(format!("{location}: this build has no network code; name a file")))
}
