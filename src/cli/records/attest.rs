//! What was verified, as in-toto statements v1 with the predicate SLSA verification summary v1
//! (<https://slsa.dev/verification_summary/v1>), one a line.
//!
//! - `PASSED` is said of archives that were verified, `FAILED` of those that were rejected. Of what could not be judged,
//!   and of what was rejected before it had been read to its end, nothing is said: there are no bytes to say it of;
//! - the subject is the archive by the SHA-256 of the bytes that were judged;
//! - `resourceUri` is where Google publishes the archive, if Google's certificate or Go's own log vouched for it, by
//!   whatever mirror it came; else the place that it came from, so that nobody takes one's own SDK for Go's;
//! - `verifiedLevels`: the build was not judged (`SLSA_BUILD_LEVEL_0`); what vouched is named by levels of our own;
//! - `inputAttestations` are the signature and the log's proof as they stand beside a downloaded archive;
//! - nobody has signed the statement: whoever carries it further puts it in an envelope.

use std::path::Path;

use goverify::trust::{GOOGLE_FINGERPRINT, LogSource, Sumdb, Trust, VerifiedArchive};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::json::{Outcome, Report};

/// How every line begins.
pub(super) const START: &str = r#"{"_type":"https://in-toto.io/Statement/v1""#;
const VERIFIER: &str = "pkg:cargo/goverify";

/// The statements, a line each.
pub(super) fn statements(report: &Report, sumdb: Option<&Sumdb>) -> String {
    let go = LogSource::sum_golang_org().ok();
    let by_gos_log = match sumdb {
        None => true,
        Some(Sumdb::Log(log)) => go.is_some_and(|go| go.key().to_string() == log.key().to_string()),
        Some(Sumdb::Off) => false,
    };
    report.results.iter().filter_map(|outcome| statement(outcome, by_gos_log)).map(|line| format!("{line}\n")).collect()
}

fn statement(outcome: &Outcome, by_gos_log: bool) -> Option<Value> {
    let (archive, sha256) = (outcome.archive.as_ref()?, outcome.sha256()?);
    let result = match outcome.verdict() {
        "verified" => "PASSED",
        "rejected" => "FAILED",
        _ => return None,
    };
    let certificate = outcome.passed("signature").and_then(|check| check.get("certificate"));
    let log = outcome.passed("transparency").and_then(|check| check.get("log"));
    let is_gos = certificate.is_some_and(|found| found == GOOGLE_FINGERPRINT) || log.is_some() && by_gos_log;
    let resource = match result {
        "PASSED" if is_gos => format!("https://dl.google.com/go/{}", archive.filename),
        _ => uri(&archive.location),
    };
    let mut rests_on = Map::new();
    rests_on.extend(outcome.trust.map(|trust| ("trust".to_owned(), trust.into())));
    rests_on.extend(certificate.map(|certificate| ("certificate".to_owned(), certificate.clone())));
    rests_on.extend(log.map(|log| ("log".to_owned(), log.clone())));
    rests_on.extend(outcome.error.as_ref().map(|failure| ("code".to_owned(), failure.code.as_str().into())));
    if outcome.installed.as_ref().is_some_and(|installed| installed.already) {
        rests_on.insert("source".to_owned(), "receipt".into());
    }
    let mut predicate = json!({
        "verifier": {"id": VERIFIER, "version": {"goverify": env!("CARGO_PKG_VERSION")}},
        "timeVerified": Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string(),
        "resourceUri": resource,
        "policy": {"uri": concat!("pkg:cargo/goverify@", env!("CARGO_PKG_VERSION")), "annotations": rests_on},
        "verificationResult": result,
        "verifiedLevels": levels(outcome.trust.filter(|_| result == "PASSED")),
        "slsaVersion": "1.1",
    });
    if let Some(fields) = predicate.as_object_mut().filter(|_| result == "PASSED" && !outcome.inputs.is_empty()) {
        fields.insert("inputAttestations".to_owned(), outcome.inputs.clone().into());
    }
    Some(json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": archive.filename, "digest": {"sha256": sha256}}],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": predicate,
    }))
}

fn levels(trust: Option<&str>) -> Vec<&'static str> {
    let Some(trust) = trust else { return vec!["FAILED"] };
    let mut levels = vec!["SLSA_BUILD_LEVEL_0"];
    for (part, level) in [
        (Trust::Signature, "GOVERIFY_SIGNATURE"),
        (Trust::Transparency, "GOVERIFY_TRANSPARENCY"),
        (Trust::DigestOnly, "GOVERIFY_DIGEST_ONLY"),
    ] {
        levels.extend(trust.split('+').any(|word| word == part.as_str()).then_some(level));
    }
    levels
}

/// What vouched for an archive of this name, by the texts that stand beside it where it is downloaded.
pub(crate) fn inputs(name: &str, signature: Option<&str>, proof: Option<&str>) -> Vec<Value> {
    let input = |suffix: &str, text: &str| json!({"name": format!("{name}{suffix}"), "digest": {"sha256": hex::encode(Sha256::digest(text))}});
    let signature = signature.map(|text| input(".asc", text));
    signature.into_iter().chain(proof.map(|text| input(".tlog-proof", text))).collect()
}

/// A location as a URI (RFC 3986): paths become absolute ones of this machine.
fn uri(location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    let path = if location == "-" { "/dev/stdin" } else { location };
    let path = std::path::absolute(Path::new(path)).unwrap_or_else(|_| path.into());
    let mut uri = "file://".to_owned();
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(byte.into());
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// What vouched for a verified archive.
pub(crate) fn inputs_of<K>(verified: &VerifiedArchive<K>) -> Vec<Value> {
    let proof = verified.transparency().map(|proof| proof.tlog_proof().to_string());
    let signature = verified.signature().map(|(_, armored)| armored);
    inputs(&verified.name().to_string(), signature, proof.as_deref())
}
