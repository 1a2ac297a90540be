//! A mirror whose releases are recorded in a transparency log, and what the two of them are told by on a command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::binary::{Run, snapshot};
use super::depot::Depot;
use super::log::TestLog;
use super::record::record;
use super::sdk::Sdk;
use super::server::{Fault, Response, Server};

/// How many records the log has: more than one tile holds, and no whole number of tiles.
pub const RECORDS: u64 = 700;
/// The record of the first release; the others follow it.
pub const FIRST_RECORD: u64 = 300;
/// What the log is asked for go1.22.5 for linux/amd64.
pub const LOOKUP: &str = "lookup/golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64";

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

    /// Puts a file where the log's server would have it.
    pub fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.log_folder().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Takes a file away from there.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.log_folder().join(path)).unwrap();
    }

    /// What is in the log's folder, by paths.
    pub fn log_files(&self) -> BTreeMap<String, Vec<u8>> {
        let folder = self.log_folder();
        let names = snapshot(&folder).into_iter().filter(|name| !name.ends_with('/'));
        names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
    }

    /// Serves the log's folder below a path that ends in a slash.
    pub fn serve_log(&self, server: &Server, below: &str) {
        for (name, content) in self.log_files() {
            server.serve(&format!("{below}{name}"), Response::document("application/octet-stream", content), []);
        }
    }

    /// Lets the next requests for a file of the log meet these faults.
    pub fn break_log(&self, server: &Server, below: &str, name: &str, faults: impl IntoIterator<Item = Fault>) {
        let content = self.log_files()[name].clone();
        server.serve(&format!("{below}{name}"), Response::document("application/octet-stream", content), faults);
    }

    /// Fetches what is wanted from a folder, with the log in its own.
    #[track_caller]
    pub fn fetch(&self, further: &[&str]) -> Run {
        let sumdb = self.sumdb();
        self.depot.fetch(&self.depot.write(), &[&["--sumdb", &sumdb, "--json"], further].concat())
    }

    /// Where the last tree head that was seen of the log is remembered.
    pub fn remembered(&self) -> PathBuf {
        let key = self.key().replace('/', "_");
        let name = key.rsplit_once('+').unwrap().0;
        self.depot.home.cache().join("goverify/sumdb").join(name).join("latest")
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
