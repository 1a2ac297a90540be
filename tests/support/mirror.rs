//! Mirrors in code: archives with their companions, an index and a certificate.

use std::collections::BTreeMap;

use goverify::release::{ArchiveFormat, Target};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::keys::Signer;
use super::sdk::Sdk;

/// When every signature of a mirror was made, some days after the `time` in `VERSION`.
pub const SIGNED: &str = "2024-07-02T00:00:00Z";

/// One release as go.dev/dl lists it; the fields in its order.
#[derive(Serialize)]
struct Release {
    version: String,
    stable: bool,
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    filename: String,
    os: String,
    arch: String,
    version: String,
    sha256: String,
    size: usize,
    kind: &'static str,
}

/// The files of a mirror by their paths.
pub fn mirror_files(sdks: &[Sdk], signer: &Signer) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for sdk in sdks {
        let (name, archive) = (sdk.name(), sdk.archive());
        // No signature of a zip is ever published.
        if name.format() == ArchiveFormat::TarGz {
            files.insert(format!("{name}.asc"), signer.sign(&archive, SIGNED));
        }
        files.insert(format!("{name}.sha256"), sha256(&archive).into_bytes());
        files.insert(name.to_string(), archive);
    }
    files.insert("index.json".to_owned(), index(sdks));
    files.insert("keys/demo.asc".to_owned(), signer.certificate());
    files
}

/// The index of these archives: one release a version, in order of appearance.
pub fn index(sdks: &[Sdk]) -> Vec<u8> {
    let mut releases: Vec<Release> = Vec::new();
    for sdk in sdks {
        let version = sdk.name().version();
        let file = index_file(sdk);
        match releases.iter_mut().find(|release| release.version == file.version) {
            Some(release) => release.files.push(file),
            None => releases.push(Release {
                version: file.version.clone(),
                stable: !version.is_prerelease(),
                files: vec![file],
            }),
        }
    }
    let mut json = serde_json::to_vec_pretty(&releases).unwrap();
    json.push(b'\n');
    json
}

fn index_file(sdk: &Sdk) -> File {
    let (name, archive) = (sdk.name(), sdk.archive());
    let (os, arch, kind) = match name.target() {
        Target::Source => ("", "", "source"),
        Target::Platform(platform) => (platform.os(), platform.published_arch(), "archive"),
    };
    File {
        filename: name.to_string(),
        os: os.to_owned(),
        arch: arch.to_owned(),
        version: name.version().to_string(),
        sha256: sha256(&archive),
        size: archive.len(),
        kind,
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
