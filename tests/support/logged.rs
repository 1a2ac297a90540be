//! A mirror whose releases are recorded in a transparency log, and what the two of them are told by on a command line.

use std::fs;
use std::path::PathBuf;

use super::depot::Depot;
use super::log::TestLog;
use super::record::record;
use super::sdk::Sdk;

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
