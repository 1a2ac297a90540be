//! A mirror on the fault server, with one archive in it, and a folder for its partial downloads.

use std::fs;
use std::io::{self, BufRead};
use std::path::PathBuf;
use std::time::Duration;

use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::fetch::{Access, FetchError, Limits, Mirror};
use goverify::release::{ReleaseFile, ReleaseIndex};
use sha2::{Digest, Sha256};

use super::server::{Fault, Response, Server};

pub const NAME: &str = "go1.22.5.linux-amd64.tar.gz";
pub const PATH: &str = "/go1.22.5.linux-amd64.tar.gz";
pub const SIZE: usize = 200_000;

pub fn body() -> Vec<u8> {
    (0..SIZE as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub fn index_json(body: &[u8]) -> String {
    let (sha256, size) = (hex::encode(Sha256::digest(body)), body.len());
    format!(
        r#"[{{"version":"go1.22.5","stable":true,"files":[{{"filename":"{NAME}","os":"linux","arch":"amd64",
           "version":"go1.22.5","sha256":"{sha256}","size":{size},"kind":"archive"}}]}}]"#
    )
}

pub fn file_of(index: &ReleaseIndex) -> ReleaseFile {
    index.releases()[0].file(&"linux/amd64".parse().unwrap()).unwrap()
}

pub fn access() -> Access {
    let short = Duration::from_millis(1);
    let limits = Limits { retries: 2, backoff: short, retry_after: short, ..Limits::default() };
    Access { limits, ..Access::default() }
}

pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

pub fn read_all(reader: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map(|_| bytes)
}

/// A mirror with one archive and a folder for its partial downloads.
pub struct World {
    pub server: Server,
    pub folder: tempfile::TempDir,
    pub file: ReleaseFile,
    pub access: Access,
}

impl World {
    pub fn new(response: Response, faults: impl IntoIterator<Item = Fault>) -> Self {
        let server = Server::start();
        server.serve(PATH, response, faults);
        let file = file_of(&ReleaseIndex::parse(index_json(&body()).as_bytes()).unwrap());
        Self { server, folder: tempfile::tempdir().unwrap(), file, access: access() }
    }

    pub fn faulty(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self::new(Response::file(body()), faults)
    }

    /// Makes one attempt and no other.
    pub fn once(mut self) -> Self {
        self.access.limits.retries = 0;
        self
    }

    /// Gives up soon when nothing arrives.
    pub fn hasty(mut self) -> Self {
        self.access.limits.connect = Duration::from_secs(1);
        self.access.limits.idle = Duration::from_secs(1);
        self
    }

    pub fn mirror(&self) -> Mirror {
        Mirror::at(&self.server.url(), &self.access).unwrap()
    }

    /// What one process would do.
    pub fn download(&self) -> Result<Vec<u8>, FetchError> {
        run(self.mirror().download(&self.file, Some(self.folder.path()), &Watch::silent(), read_all))
            .map(Result::unwrap)
    }

    pub fn partial(&self, extension: &str) -> PathBuf {
        self.folder.path().join(format!("{}.{extension}", hex::encode(self.file.sha256())))
    }

    pub fn kept(&self) -> Option<usize> {
        fs::read(self.partial("partial")).ok().map(|bytes| bytes.len())
    }

    pub fn files(&self) -> usize {
        fs::read_dir(self.folder.path()).unwrap().count()
    }

    /// The `Range` of every request for the archive.
    pub fn ranges(&self) -> Vec<Option<String>> {
        self.server.requests().iter().map(|request| request.header("range").map(str::to_owned)).collect()
    }

    #[track_caller]
    pub fn succeeds_with_ranges(&self, ranges: &[Option<&str>]) {
        assert!(self.download().unwrap() == body());
        assert_eq!(self.ranges(), ranges.iter().map(|range| range.map(str::to_owned)).collect::<Vec<_>>());
        assert_eq!(self.files(), 0, "a complete download leaves nothing behind");
    }

    #[track_caller]
    pub fn fails(&self, code: Code, requests: usize) {
        let error = self.download().map(|bytes| bytes.len()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(self.server.requests().len(), requests, "{error}");
    }
}
