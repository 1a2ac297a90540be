//! Receipts: what is read says the same when it is written and read again, its paths keep the rules of entries, and no
//! change makes the log's proof in it one of other files.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use goverify::archive::{EntryPath, Manifest};
use goverify::install::fuzzing::{read_receipt, write_receipt};
use goverify::install::{ArchiveRecord, Evidence, Origin, Receipt, SignatureEvidence, TransparencyEvidence};
use goverify::trust::{TreeForm, h1, is_added_copy, is_covered, name_in_module};
use sha2::{Digest, Sha256};

use crate::Seed;
use crate::archives::only_unsigned;
use crate::logged::{KEY, MODULE, RECORD, RECORDS};
use crate::openpgp;
use crate::support::log::{TestLog, toolchain};
use crate::support::sdk::Sdk;

/// What was installed, and the receipt for it.
static INSTALLED: LazyLock<Receipt> = LazyLock::new(|| {
    let sdk = Sdk::minimal("go1.22.5", "linux/amd64").with_file("api/unlogged", "x", 0o644);
    let archive = sdk.archive();
    let manifest = only_unsigned(&archive, sdk.name()).unwrap().manifest().clone();
    let h1 = h1(&manifest, &MODULE.to_string(), TreeForm::Sdk).unwrap().to_string();
    let record = toolchain(MODULE.module_version(), &h1);
    let log = TestLog::with(RECORDS, &[(RECORD, &record)]);
    let tlog_proof = log.tlog_proof(RECORD, RECORDS);
    let (certificate, signing_key) = openpgp::fingerprints().clone();
    let signature = SignatureEvidence {
        armored: String::from_utf8(openpgp::signer().sign(&archive, openpgp::SIGNED)).unwrap(),
        certificate,
        signing_key,
        created: openpgp::SIGNED.to_owned(),
        hash: "SHA256".to_owned(),
    };
    let archive = ArchiveRecord {
        filename: sdk.name().to_string(),
        version: "go1.22.5".to_owned(),
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
        sha256: hex::encode(Sha256::digest(&archive)),
        size_bytes: archive.len() as u64,
    };
    let transparency = Some(TransparencyEvidence { log: KEY.name().to_owned(), record, tlog_proof });
    let evidence = Evidence { signature: Some(signature), transparency };
    // A receipt knows no positions and no directories, so it is what is read of it that can be compared.
    let origin = Origin { archive, trust: "signature+transparency".to_owned(), evidence };
    read_receipt(&write_receipt(&Receipt { origin, manifest }).unwrap()).unwrap()
});

pub fn seeds() -> Vec<Seed> {
    let written = write_receipt(&INSTALLED).unwrap();
    let text = String::from_utf8(written.clone()).unwrap();
    let mut unproven = INSTALLED.clone();
    unproven.origin.evidence.transparency = None;
    vec![
        Seed::accepted("installed", written),
        Seed::accepted("unlogged-changed", text.replacen("api/unlogged", "api/renamed", 1)),
        Seed::accepted("pretty", text.replace(',', ", \n")),
        Seed::rejected("renamed", text.replacen("go.env", "go.ENV", 1)),
        Seed::rejected("other-release", text.replacen("go1.22.5.linux-amd64", "go1.22.6.linux-amd64", 1)),
        Seed::rejected("unproven", write_receipt(&unproven).unwrap()),
        Seed::rejected("unsafe", text.replacen("bin/go", "bin/../go", 1)),
        Seed::rejected("unknown-field", text.replacen('{', r#"{"more": 1, "#, 1)),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Some(receipt) = read_receipt(input) else { return false };
    assert_eq!(read_receipt(&write_receipt(&receipt).unwrap()).as_ref(), Some(&receipt));
    for file in receipt.manifest.file_entries() {
        assert_eq!(EntryPath::parse(file.path.as_str().as_bytes()).as_ref(), Ok(file.path));
    }
    let Some(Ok(proof)) = receipt.prove(&KEY) else { return false };
    assert_eq!(receipt.origin.archive.filename, INSTALLED.origin.archive.filename);
    assert_eq!(receipt.origin.evidence.transparency, INSTALLED.origin.evidence.transparency);
    assert_eq!((proof.record_number(), proof.module()), (RECORD, &*MODULE));
    assert_eq!(logged(&receipt.manifest), logged(&INSTALLED.manifest), "a proof of other files");
    true
}

/// The files that the log's hash covers.
fn logged(manifest: &Manifest) -> BTreeMap<String, [u8; 32]> {
    let form = TreeForm::Sdk;
    let covered = manifest
        .file_entries()
        .filter(|file| is_covered(file.path.as_str(), form) && !is_added_copy(file, manifest, form));
    covered.map(|file| (name_in_module(file.path.as_str(), form).into_owned(), *file.sha256)).collect()
}
