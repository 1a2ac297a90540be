//! Whether the destination holds the very archive already.

use std::path::Path;

use goverify::error::Code;
use goverify::install::{Receipt, is_intact};
use goverify::trust::Trust;
use serde_json::json;

use super::failure::Failure;
use super::json::{self, Installed, Outcome};
use super::order::Order;

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
    if order.arguments.sha256.is_some_and(|expected| expected != *order.file.sha256()) {
        return Err(Failure::new(
            Code::DigestMismatch,
            format!("{}: --sha256 is not the index's digest", record.filename),
        ));
    }
    let trusted = match &receipt.origin.evidence.signature {
        Some(signature) => order.keyring.trusts(&signature.certificate),
        None => order.arguments.unsigned,
    };
    if !trusted {
        return Err(exists("exists, and was verified by a certificate that is not trusted now, or by none"));
    }
    if !is_intact(path, &receipt)? {
        return Err(exists("exists, and is not as it was installed, or others may change it"));
    }
    let mut signature = json!({"check": "signature", "status": "not-published"});
    if let Some(found) = &receipt.origin.evidence.signature {
        outcome.trust = Some(Trust::Signature.as_str());
        signature = json!({
            "check": "signature", "status": "passed", "certificate": found.certificate, "signing_key": found.signing_key,
            "created": found.created, "hash": found.hash, "source": "receipt",
        });
    } else {
        outcome.trust = Some(Trust::DigestOnly.as_str());
    }
    let (files, unpacked_bytes) = (receipt.manifest.files(), receipt.manifest.unpacked_bytes());
    outcome.checks = vec![
        json!({"check": "digest", "status": "passed", "expected": sha256, "actual": record.sha256, "source": "receipt"}),
        signature,
        json!({"check": "layout", "status": "passed", "files": files, "unpacked_bytes": unpacked_bytes, "source": "receipt"}),
        json::transparency_not_requested(),
    ];
    Ok(Installed { path: path.to_owned(), files, already: true })
}
