//! What a transparency log has to record of a release.
//!
//! The hashes are computed here, from the files and their names, and not by the library, which is judged by them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use goverify::release::Target;
use sha2::{Digest, Sha256};

use super::log::toolchain;
use super::sdk::{Files, Sdk};

/// The record of a release in the log.
pub fn record(sdk: &Sdk) -> String {
    toolchain(&module_version(sdk), &h1(sdk))
}

/// The module's version: `v0.0.1-go1.22.5.linux-amd64`.
pub fn module_version(sdk: &Sdk) -> String {
    let Target::Platform(platform) = sdk.name().target() else { panic!("the log holds no source") };
    format!("v0.0.1-{}.{}-{}", sdk.name().version(), platform.os(), platform.arch())
}

/// The `h1` of a release.
pub fn h1(sdk: &Sdk) -> String {
    h1_of(sdk.files(), &module_version(sdk))
}

/// The `h1` of the files of an SDK, as a module of this version.
pub fn h1_of(files: &Files, module_version: &str) -> String {
    let in_module = module_files(files);
    let mut lines: Vec<String> = Vec::new();
    // A map of texts is sorted by their bytes.
    for (name, (content, _)) in &in_module {
        let sha256 = hex::encode(Sha256::digest(content));
        lines.push(format!("{sha256}  golang.org/toolchain@{module_version}/{name}\n"));
    }
    format!("h1:{}", STANDARD.encode(Sha256::digest(lines.concat())))
}

/// The files that the module has of an SDK, by the names that they have there.
pub fn module_files(files: &Files) -> Files {
    let covered = files
        .iter()
        .filter(|(path, _)| ["api/", "doc/", "misc/", "test/"].iter().all(|left_out| !path.starts_with(left_out)));
    let renamed = covered.map(|(path, file)| {
        let name = match path.strip_suffix("go.mod") {
            Some(folder) if folder.is_empty() || folder.ends_with('/') => format!("{folder}_go.mod"),
            _ => path.clone(),
        };
        (name, file.clone())
    });
    renamed.collect()
}
