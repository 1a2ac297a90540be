//! The report: what every command has to say, as data. `--json` prints it, `human.rs` words it.

use std::path::{Path, PathBuf};

use goverify::audit::Drift;
use goverify::files::Confinement;
#[cfg(feature = "net")]
use goverify::release::ReleaseFile;
use goverify::release::{ArchiveName, Target};
use goverify::trust::{Check, Evidence, VerifiedArchive};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::records::inputs_of;

/// The schema of the document; a change of words needs another number.
pub(crate) const SCHEMA: &str = "goverify.report/1";

/// What a command has to say.
pub(crate) struct Report {
    pub(crate) command: &'static str,
    pub(crate) results: Vec<Outcome>,
    /// What a listing command adds: the key in the document, the data, and the lines for people.
    pub(crate) listing: Option<Listing>,
}

pub(crate) struct Listing {
    pub(crate) key: &'static str,
    pub(crate) data: Value,
    pub(crate) lines: Vec<String>,
}

/// What is to be said of one archive.
#[derive(Default)]
pub(crate) struct Outcome {
    /// How the archive is called on stdout: its path as given, or its file name.
    pub(crate) label: String,
    pub(crate) archive: Option<ArchiveReport>,
    pub(crate) trust: Option<&'static str>,
    /// Files that nothing but their own digest vouches for, where the log alone vouches for the rest.
    pub(crate) unauthenticated_files: Option<u64>,
    pub(crate) checks: Vec<Value>,
    /// What vouched for it, as a statement names it.
    pub(crate) inputs: Vec<Value>,
    pub(crate) installed: Option<Installed>,
    /// What an audit found changed.
    pub(crate) drift: Option<Vec<Drift>>,
    /// Where the archive was put, if it was.
    pub(crate) stored: Option<PathBuf>,
    /// Where the archive is in a mirror that was made.
    #[cfg(feature = "net")]
    pub(crate) mirrored: Option<Mirrored>,
    /// What a lock file is to say of it.
    #[cfg(feature = "net")]
    pub(crate) pinned: Option<(ArchiveName, goverify::lockfile::Pin)>,
    /// The project's file that asked for this release.
    pub(crate) selected_by: Option<PathBuf>,
    /// The link that was made to point to the tree.
    pub(crate) switched: Option<Value>,
    /// What is good where it is not verified but looked at.
    pub(crate) good: Option<&'static str>,
    /// What only this command says: fields of the result, and lines on stdout.
    pub(crate) further: Map<String, Value>,
    pub(crate) lines: Vec<String>,
    /// What went wrong without harm.
    pub(crate) warnings: Vec<String>,
    pub(crate) error: Option<Failure>,
}

#[derive(Serialize)]
pub(crate) struct ArchiveReport {
    pub(crate) filename: String,
    version: String,
    os: String,
    arch: String,
    kind: &'static str,
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<String>,
    pub(crate) location: String,
}

#[cfg(feature = "net")]
#[derive(Serialize)]
pub(crate) struct Mirrored {
    pub(crate) location: String,
    /// Whether it was there before, and is good.
    pub(crate) already: bool,
}

#[derive(Serialize)]
pub(crate) struct Installed {
    #[serde(serialize_with = "lossy")]
    pub(crate) path: PathBuf,
    pub(crate) files: u64,
    pub(crate) already: bool,
    /// What unpacking was denied; `None` where nothing was unpacked.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "in_words")]
    pub(crate) confinement: Option<Confinement>,
}

impl ArchiveReport {
    pub(crate) fn new(name: &ArchiveName, location: String) -> Self {
        let (os, arch, kind) = match name.target() {
            Target::Source => (String::new(), String::new(), "source"),
            Target::Platform(p) => (p.os().to_owned(), p.published_arch().to_owned(), "archive"),
        };
        let (filename, version) = (name.to_string(), name.version().to_string());
        Self { filename, version, os, arch, kind, size: None, sha256: None, location }
    }

    /// What an index says of it.
    #[cfg(feature = "net")]
    pub(crate) fn expect(&mut self, file: &ReleaseFile) {
        self.size = Some(file.size_bytes());
        self.sha256 = Some(hex::encode(file.sha256()));
    }
}

impl Outcome {
    pub(crate) fn failed(label: impl Into<String>, error: Failure) -> Self {
        Self { label: label.into(), error: Some(error), ..Self::default() }
    }

    /// What a verified archive rests on.
    pub(crate) fn trusted<K>(&mut self, verified: &VerifiedArchive<K>) {
        self.trust = Some(verified.trust().as_str());
        self.unauthenticated_files = verified.unauthenticated_files();
        self.inputs = inputs_of(verified);
    }

    /// The check of this name, if it passed.
    pub(crate) fn passed(&self, name: &str) -> Option<&Value> {
        self.checks.iter().find(|check| check["check"] == name && check["status"] == "passed")
    }

    /// The SHA-256 of the bytes that were judged.
    pub(crate) fn sha256(&self) -> Option<&str> {
        self.checks.iter().find(|check| check["check"] == "digest")?.get("actual")?.as_str()
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match &self.error {
            None => self.good.unwrap_or("verified"),
            Some(failure) if failure.code.is_rejection() => "rejected",
            Some(_) => "error",
        }
    }
}

impl Report {
    /// A call that made no sense; what stands before the first empty line says why.
    pub(crate) fn of_usage_error(reason: &str) -> Self {
        let lines: Vec<&str> = reason.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let reason = lines.join(" ");
        Self::of_failure(Failure::usage(reason.strip_prefix("error: ").unwrap_or(&reason)))
    }

    /// What kept a command from being begun.
    pub(crate) fn of_failure(failure: Failure) -> Self {
        Self { command: "", results: vec![Outcome::failed("", failure)], listing: None }
    }

    /// The worst of all results. A rejection outweighs everything: it is what nobody may overlook.
    pub(crate) fn exit_code(&self) -> u8 {
        let codes =
            self.results.iter().filter_map(|outcome| outcome.error.as_ref()).map(|failure| failure.code.exit_code());
        codes.fold(0, worst)
    }

    pub(crate) fn to_json(&self) -> Value {
        let exit_code = self.exit_code();
        let verdict = match exit_code {
            0 if self.listing.is_some() => "ok",
            0 => self.results.iter().find_map(|outcome| outcome.good).unwrap_or("verified"),
            1 => "rejected",
            _ => "error",
        };
        let results: Vec<_> = self.results.iter().map(result).collect();
        let mut document = json!({
            "schema": SCHEMA, "command": self.command, "verdict": verdict, "exit_code": exit_code, "results": results,
        });
        if let (Some(listing), Some(fields)) = (&self.listing, document.as_object_mut()) {
            fields.insert(listing.key.to_owned(), listing.data.clone());
        }
        document
    }
}

/// The worse of two exit codes.
pub(crate) fn worst(one: u8, other: u8) -> u8 {
    if one == 1 || other == 1 { 1 } else { one.max(other) }
}

/// JSON is text, so a path's other bytes are replaced.
fn lossy<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

fn in_words<S: serde::Serializer>(confinement: &Option<Confinement>, serializer: S) -> Result<S::Ok, S::Error> {
    confinement.map(|confinement| confinement.to_string()).serialize(serializer)
}

fn result(outcome: &Outcome) -> Value {
    let error = outcome
        .error
        .as_ref()
        .map(|failure| json!({"code": failure.code.as_str(), "message": failure.message, "hint": failure.hint}));
    let mut result = json!({
        "verdict": outcome.verdict(),
        "trust": outcome.trust,
        "archive": outcome.archive,
        "checks": outcome.checks,
        "installed": outcome.installed,
        "error": error,
    });
    if let Some(fields) = result.as_object_mut() {
        if !outcome.warnings.is_empty() {
            fields.insert("warnings".to_owned(), outcome.warnings.clone().into());
        }
        let by = outcome.selected_by.as_ref().map(|path| path.display().to_string());
        fields.extend(by.map(|path| ("selected_by".to_owned(), path.into())));
        fields.extend(outcome.switched.clone().map(|switched| ("switched".to_owned(), switched)));
        fields.extend(outcome.unauthenticated_files.map(|files| ("unauthenticated_files".to_owned(), files.into())));
        #[cfg(feature = "net")]
        if let Some(mirrored) = &outcome.mirrored {
            fields.insert("mirrored".to_owned(), json!(mirrored));
        }
        fields.extend(outcome.further.clone());
        let drift = |drift: &Vec<Drift>| drift.iter().map(one_drift).collect();
        fields.extend(outcome.drift.as_ref().map(|found| ("drift".to_owned(), drift(found))));
    }
    result
}

fn one_drift(drift: &Drift) -> Value {
    let mut one = json!({"path": drift.path, "change": drift.change.as_str()});
    if let (Some(detail), Some(fields)) = (&drift.detail, one.as_object_mut()) {
        fields.insert("detail".to_owned(), detail.clone().into());
    }
    one
}

/// One check, with the reason why what it needs could not be had.
#[cfg(feature = "net")]
pub(crate) fn check_for(one: &Check, unavailable: Option<&str>) -> Value {
    let mut shown = check(one);
    if let (goverify::trust::CheckStatus::Unavailable, Some(reason), Some(fields)) =
        (one.status, unavailable, shown.as_object_mut())
    {
        fields.insert("reason".to_owned(), reason.into());
    }
    shown
}

/// One check, with what it rests on.
pub(crate) fn check(check: &Check) -> Value {
    let (name, status) = (check.kind.as_str(), check.status.as_str());
    let mut fields = Map::from_iter([("check".to_owned(), name.into()), ("status".to_owned(), status.into())]);
    let evidence = match &check.evidence {
        Evidence::None => Value::Null,
        Evidence::Digest { expected, actual } => {
            // The expectation to show is the one that is not met, where there is one.
            let shown = expected.iter().find(|e| e.sha256 != *actual).or(expected.first());
            json!({
                "expected": shown.map(|e| hex::encode(e.sha256)),
                "actual": hex::encode(actual),
                "source": shown.map(|e| e.source.to_string()),
            })
        }
        Evidence::Signature(proof) => json!({
            "certificate": proof.certificate(),
            "signing_key": proof.signing_key(),
            "created": proof.created().to_string(),
            "hash": proof.hash(),
            "sha1_back_signature": proof.sha1_back_signature(),
        }),
        Evidence::Layout { entries, files, unpacked_bytes } => {
            json!({"entries": entries, "files": files, "unpacked_bytes": unpacked_bytes})
        }
        Evidence::Transparency(proof) => json!({
            "h1": proof.h1().to_string(),
            "module": proof.module().to_string(),
            "log": proof.log(),
            "record": proof.record_number(),
            "tree_size": proof.tree_size(),
            "root_hash": proof.root_base64(),
        }),
        Evidence::LogMismatch { module, expected, actual } => {
            json!({"module": module.to_string(), "expected": expected.to_string(), "actual": actual.to_string()})
        }
    };
    if let Value::Object(evidence) = evidence {
        fields.extend(evidence);
    }
    Value::Object(fields)
}
