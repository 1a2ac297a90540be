//! A mirror whose releases are recorded in a transparency log, and what the two of them are told by on a command line.
//!
//! The hashes in the log are computed here, from the files and their names, and not by the library, which is judged by
//! them.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use goverify::release::Target;
use sha2::{Digest, Sha256};

use super::depot::Depot;
use super::log::{TestLog, toolchain};
use super::sdk::{Files, Sdk};

/// How many records the log has: more than one tile holds, and no whole number of tiles.
pub const RECORDS: u64 = 700;
/// The record of the first release; the others follow it.
pub const FIRST_RECORD: u64 = 300;

/// A mirror and the log of its releases; what is recorded need not be what the mirror has.
pub struct Logged {
    pub depot: Depot,
    pub log: TestLog,
}

impl Logged {
    /// A mirror of `sdks`, all of which the log holds as they are.
    pub fn of(sdks: &[Sdk]) -> Self {
        Self::recording(sdks, sdks)
    }

    /// A mirror of `sdks`, and a log that holds `recorded`.
    pub fn recording(sdks: &[Sdk], recorded: &[Sdk]) -> Self {
        let logged = Self { depot: Depot::of(sdks), log: log_of(recorded) };
        logged.write_log();
        logged
    }

    /// The folder that holds what the log's server would serve.
    pub fn log_folder(&self) -> PathBuf {
        self.depot.home.mirror().with_file_name("log")
    }

    /// Writes the log as it is now, and nothing else, into its folder.
    pub fn write_log(&self) {
        let _ = fs::remove_dir_all(self.log_folder());
        self.log.write(&self.log_folder(), self.log.size());
    }

    /// The text of the log's public key: what `--sumdb` takes where the log itself is not to be asked.
    pub fn key(&self) -> String {
        self.log.key().text()
    }

    /// What `--sumdb` takes to trust the log and to ask it in its folder.
    pub fn sumdb(&self) -> String {
        self.sumdb_at(self.log_folder().to_str().unwrap())
    }

    /// What `--sumdb` takes to trust the log and to ask it at a URL or in another folder.
    pub fn sumdb_at(&self, place: &str) -> String {
        format!("{} {place}", self.key())
    }

    /// The proof of the release that was recorded as number so and so, from 0 on, as a C2SP tlog-proof.
    pub fn tlog_proof(&self, number: u64) -> String {
        self.log.tlog_proof(FIRST_RECORD + number, self.log.size())
    }
}

/// A log of [`RECORDS`] records, those of `sdks` from [`FIRST_RECORD`] on.
pub fn log_of(sdks: &[Sdk]) -> TestLog {
    let records: Vec<_> = (FIRST_RECORD..).zip(sdks.iter().map(record)).collect();
    let given: Vec<_> = records.iter().map(|(number, record)| (*number, record.as_str())).collect();
    TestLog::with(RECORDS, &given)
}

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
