//! The archives that are measured, and how each gets from one stage to the next.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use goverify::archive::{Keep, Spool, UnverifiedArchive, receive};
use goverify::events::Watch;
use goverify::install::{Destination, Durability, Occupied, ReceiptChoice, StagedTree};
use goverify::release::{ArchiveName, Target};
use goverify::trust::{
    Authenticator, DetachedSignature, DigestSource, Expectation, ExpectedDigest, Keyring, VerifiedArchive, verify,
};
use sha2::{Digest, Sha256};

use super::bulk;
use super::support::NO_LOG;
use super::support::keys::Signer;
use super::support::mirror::SIGNED;
use super::yardsticks::{Content, Scratch};

/// The generated archive: some thousands of files, 16 MB in all.
const SOURCE_FILES: usize = 2_500;
const PROGRAM_BYTES: usize = 5_000_000;
const REAL: &str = "go1.27.1.linux-amd64.tar.gz";
/// The largest real index at hand.
const REAL_INDEX: &str = "go-dl-include-all-2021-11-08.json";

/// An archive with everything that it is judged by.
pub(crate) struct Case {
    pub(crate) label: &'static str,
    pub(crate) archive: Vec<u8>,
    pub(crate) index: Vec<u8>,
    /// What is in the archive, by another reader.
    pub(crate) files: Vec<Content>,
    name: ArchiveName,
    signature: DetachedSignature,
    keyring: Keyring,
    expectation: Expectation,
}

impl Case {
    pub(crate) fn generated() -> Self {
        let sdk = bulk::sdk(SOURCE_FILES, PROGRAM_BYTES);
        let signer = Signer::new("bench", "2024-01-01T00:00:00Z");
        let archive = sdk.archive();
        let signature = signer.sign(&archive, SIGNED);
        Self::new("generated", sdk.name().clone(), archive, &signature, &signer.certificate(), bulk::index(&sdk))
    }

    /// The real one, or why it is not there.
    pub(crate) fn real() -> Result<Self, String> {
        let variable = "GOVERIFY_REAL_RELEASES";
        let folder = std::env::var_os(variable).map(PathBuf::from).ok_or(format!("{variable} is not set"))?;
        let read = |name: &str| fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"));
        let [signature, certificate] = [&format!("{REAL}.asc"), "keys/test-mirror.asc"].map(read);
        let index = read(REAL_INDEX).or_else(|_| read("index.json"))?;
        Ok(Self::new("go1.27.1", REAL.parse().unwrap(), read(REAL)?, &signature?, &certificate?, index))
    }

    fn new(
        label: &'static str,
        name: ArchiveName,
        archive: Vec<u8>,
        signature: &[u8],
        certificate: &[u8],
        index: Vec<u8>,
    ) -> Self {
        assert!(matches!(name.target(), Target::Platform(_)));
        let digest = ExpectedDigest { sha256: Sha256::digest(&archive).into(), source: DigestSource::User };
        Self {
            label,
            name,
            index,
            files: files_in(&archive),
            signature: DetachedSignature::parse(signature).unwrap(),
            keyring: Keyring::from_files([certificate]).unwrap(),
            expectation: Expectation { digests: vec![digest], size_bytes: Some(archive.len() as u64) },
            archive,
        }
    }

    /// Bytes of all files.
    pub(crate) fn files_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes.len() as u64).sum()
    }

    pub(crate) fn receive<K: Keep>(&self, keep: K) -> UnverifiedArchive<K> {
        receive(&mut &self.archive[..], &self.name, &self.signature.hashes(), keep, &Watch::silent()).unwrap()
    }

    pub(crate) fn verify<K: std::fmt::Debug>(&self, received: UnverifiedArchive<K>) -> VerifiedArchive<K> {
        let by = Authenticator::Signature { signature: &self.signature, keyring: &self.keyring };
        verify(received, &self.expectation, by, &NO_LOG).outcome.unwrap()
    }

    /// A verified archive, and a place beside its spool.
    pub(crate) fn ready_to_unpack(&self, scratch: &Scratch) -> (VerifiedArchive<Spool>, Destination) {
        let path = scratch.path().join("go");
        let destination = Destination::prepare(&path, Duration::ZERO, &Watch::silent()).unwrap();
        let spool = Spool::new_in(destination.parent_path()).unwrap();
        (self.verify(self.receive(spool)), destination)
    }

    /// Unpacks it for good.
    pub(crate) fn install(&self, scratch: &Scratch) -> PathBuf {
        let (verified, destination) = self.ready_to_unpack(scratch);
        unpack(verified, destination).commit(Occupied::Refuse, Durability::Unsynced).unwrap().path
    }
}

/// The staged tree is removed when it is dropped.
pub(crate) fn unpack(verified: VerifiedArchive<Spool>, destination: Destination) -> StagedTree {
    destination.unpack(verified, ReceiptChoice::Omit).unwrap()
}

fn files_in(archive: &[u8]) -> Vec<Content> {
    let mut reader = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut files = Vec::new();
    for entry in reader.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let path = entry.path().unwrap().strip_prefix(Path::new("go")).unwrap().to_str().unwrap().to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.push(Content { path, bytes });
        }
    }
    files
}
