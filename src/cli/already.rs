//! Whether the destination holds the very archive already.

use std::path::Path;
use std::thread;

use goverify::error::Code;
use goverify::install::{Receipt, is_intact};
use goverify::lockfile::{Pin, h1_of};
use goverify::release::ArchiveFormat;
use goverify::trust::{
    Absence, Sumdb, Transparency, TreeForm, Trust, proof_check, transparency_check, unauthenticated_files,
};
use serde_json::json;

use super::args::RequiredCheck;
use super::failure::Failure;
use super::json::{self, Installed, Outcome};
use super::lock;
use super::order::Order;
use super::records::inputs;

/// Recognises an earlier installation of the very same archive, by a receipt and a tree that nobody but us and root
/// could have written, and that is as it was then. What the report repeats of it is marked as the receipt's.
pub(crate) fn already_installed(order: &Order, path: &Path, outcome: &mut Outcome) -> Result<Installed, Failure> {
    let exists = |reason: &str| Failure::new(Code::DestinationExists, format!("{}: {reason}", path.display()));
    let Some(receipt) = Receipt::read(path)? else {
        return Err(exists("exists, and is not a tree that goverify installed for this user"));
    };
    let record = &receipt.origin.archive;
    let sha256 = hex::encode(order.file.sha256());
    if record.filename != order.file.name().to_string() || record.sha256 != sha256 {
        return Err(exists(&format!(
            "exists, and holds {} ({})",
            record.filename.escape_debug(),
            record.sha256.escape_debug()
        )));
    }
    if order.demands.sha256.is_some_and(|expected| expected != *order.file.sha256()) {
        return Err(Failure::new(
            Code::DigestMismatch,
            format!("{}: --sha256 is not the index's digest", record.filename),
        ));
    }
    // What is there and does not hold is not made good by what does.
    let signature = receipt.origin.evidence.signature.as_ref();
    if signature.is_some_and(|found| !order.keyring.trusts(&found.certificate)) {
        return Err(exists("exists, and was verified by a certificate that is not trusted now"));
    }
    let sumdb = &order.sumdb;
    let prove = || match sumdb {
        Sumdb::Log(log) => receipt.prove(log.key()).transpose(),
        Sumdb::Off => Ok(None),
    };
    // Both take some milliseconds, which is all that a second call costs.
    let (proven, intact) = thread::scope(|scope| {
        let proven = scope.spawn(prove);
        let intact = is_intact(path, &receipt);
        (proven.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), intact)
    });
    let log = proven.map_err(|error| Failure::of(&format!("{}: its receipt", path.display()), &error))?;
    let vouched_for = match order.file.name().format() {
        ArchiveFormat::TarGz => signature.is_some() || order.demands.unsigned,
        ArchiveFormat::Zip => log.is_some() || order.demands.unsigned,
    };
    if !vouched_for || log.is_none() && order.requires(RequiredCheck::Transparency) {
        return Err(exists("exists, and what it was verified by is not enough now"));
    }
    if !intact? {
        return Err(exists("exists, and is not as it was installed, or others may change it"));
    }
    if let Some(locked) = &order.demands.lock {
        let name = order.file.name();
        let found = Pin {
            sha256: *order.file.sha256(),
            size_bytes: record.size_bytes,
            h1: h1_of(name, &receipt.manifest),
            signer: signature.map(|found| found.signing_key.clone()),
        };
        lock::compare(locked, name, found, outcome)?;
    }
    let trust = match (signature, &log) {
        (Some(_), Some(_)) => Trust::SignatureAndTransparency,
        (Some(_), None) => Trust::Signature,
        (None, Some(_)) => Trust::Transparency,
        (None, None) => Trust::DigestOnly,
    };
    outcome.trust = Some(trust.as_str());
    let proof = log.as_ref().map(|proof| proof.tlog_proof().to_string());
    let armored = signature.map(|found| found.armored.as_str());
    outcome.inputs = inputs(&record.filename, armored, proof.as_deref());
    let (files, unpacked_bytes) = (receipt.manifest.files(), receipt.manifest.unpacked_bytes());
    if trust == Trust::Transparency {
        outcome.unauthenticated_files = Some(unauthenticated_files(&receipt.manifest, TreeForm::Sdk));
    }
    let signature = match signature {
        Some(found) => json!({
            "check": "signature", "status": "passed", "certificate": found.certificate, "signing_key": found.signing_key,
            "created": found.created, "hash": found.hash, "source": "receipt",
        }),
        None => json!({"check": "signature", "status": "not-published"}),
    };
    let transparency = match log {
        Some(proof) => {
            let mut check = json::check(&proof_check(&Ok(proof)));
            if let Some(fields) = check.as_object_mut() {
                fields.insert("source".to_owned(), "receipt".into());
            }
            check
        }
        None => json::check(&transparency_check(&Transparency::Absent(Absence::NotRequested), None)),
    };
    outcome.checks = vec![
        json!({"check": "digest", "status": "passed", "expected": sha256, "actual": record.sha256, "source": "receipt"}),
        signature,
        json!({"check": "layout", "status": "passed", "files": files, "unpacked_bytes": unpacked_bytes, "source": "receipt"}),
        transparency,
    ];
    Ok(Installed { path: path.to_owned(), files, already: true, confinement: None })
}
