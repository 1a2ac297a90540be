//! The note that an installed tree carries: `.goverify.json`, schema `goverify.receipt/1`.
//!
//! A receipt is never proof of anything by itself: whoever can change the tree can change the receipt. It says
//! what to check again (the signature, against a trusted certificate) and what was there to compare with.
//!
//! - written into staging, mode 0644, straight from the manifest, before anything is made durable;
//! - read only where the tree and the receipt belong to us or to root and nobody else may change them, so that it is
//!   what one of us wrote;
//! - read without following a link, at most 16 MiB, strictly: another schema, an unknown or missing field, a path
//!   that is no entry's, and there is no receipt.

use std::borrow::Cow;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{InstallError, StagedTree};
use crate::archive::{Entry, EntryKind, EntryPath, FileEntry, Manifest};
use crate::error::FileError;
use crate::files::{Directory, Found, FoundFile, read_bounded};
use crate::release::{ArchiveName, Target};
use crate::trust::{
    LogEvidence, LogKey, LogProof, LookupFault, TlogProof, ToolchainModule, TreeForm, TrustError, VerifiedArchive,
    judge_tree,
};

/// Name of the receipt in the tree's root.
pub const NAME: &str = ".goverify.json";
/// Largest receipt in bytes; one of a real release has 2.5 MB.
const SIZE_LIMIT_BYTES: u64 = 16 << 20;
/// Size of the write buffer in bytes.
const BUFFER_BYTES: usize = 64 << 10;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Schema {
    #[serde(rename = "goverify.receipt/1")]
    One,
}

/// The archive that a tree was unpacked from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveRecord {
    /// Its published file name.
    pub filename: String,
    /// The release: `go1.22.5`.
    pub version: String,
    /// GOOS; empty for source.
    pub os: String,
    /// The architecture as go.dev/dl has it, GOARCH but for `armv6l`; empty for source.
    pub arch: String,
    /// SHA-256, 64 hexadecimal digits.
    pub sha256: String,
    /// Length in bytes.
    #[serde(rename = "size")]
    pub size_bytes: u64,
}

/// What the archive's authenticity rested on when it was installed; to be checked again, not to be believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The OpenPGP signature, if there was one.
    pub signature: Option<SignatureEvidence>,
    /// The transparency log's record, if there was one.
    #[serde(default)]
    pub transparency: Option<TransparencyEvidence>,
}

/// The log's record and the proof that the log holds it: all that is needed to prove it again, without a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransparencyEvidence {
    /// The log's name.
    pub log: String,
    /// The record's text.
    pub record: String,
    /// The inclusion proof and the signed tree head, as a C2SP tlog-proof.
    pub tlog_proof: String,
}

/// A signature and what was found about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureEvidence {
    /// The armored signature itself.
    pub armored: String,
    /// Fingerprint of the certificate.
    pub certificate: String,
    /// Fingerprint of the key that signed.
    pub signing_key: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Its hash algorithm: `SHA256`.
    pub hash: String,
}

/// All that a receipt says but for the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The archive.
    pub archive: ArchiveRecord,
    /// The report's `trust`: `signature`, `digest-only` and so on.
    pub trust: String,
    /// Why.
    pub evidence: Evidence,
}

impl Origin {
    pub(super) fn of<K>(archive: &VerifiedArchive<K>) -> Self {
        let name = archive.name();
        let (os, arch) = match name.target() {
            Target::Source => (String::new(), String::new()),
            Target::Platform(platform) => (platform.os().to_owned(), platform.published_arch().to_owned()),
        };
        let signature = archive.signature().map(|(proof, armored)| SignatureEvidence {
            armored: armored.to_owned(),
            certificate: proof.certificate().to_owned(),
            signing_key: proof.signing_key().to_owned(),
            created: proof.created().to_string(),
            hash: proof.hash().to_owned(),
        });
        let transparency = archive.transparency().map(|proof| TransparencyEvidence {
            log: proof.log().to_owned(),
            record: proof.module().record(*proof.h1()).text(),
            tlog_proof: proof.tlog_proof().to_string(),
        });
        let archive_record = ArchiveRecord {
            filename: name.to_string(),
            version: name.version().to_string(),
            os,
            arch,
            sha256: hex::encode(archive.sha256()),
            size_bytes: archive.size_bytes(),
        };
        Self {
            archive: archive_record,
            trust: archive.trust().as_str().to_owned(),
            evidence: Evidence { signature, transparency },
        }
    }
}

/// A receipt that was read. Not proof of anything by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where the tree is said to come from.
    pub origin: Origin,
    /// The files that it is said to have.
    pub manifest: Manifest,
}

impl Receipt {
    /// Reads the receipt of the tree at `destination`, which must not be a link itself. `None` if there is no tree,
    /// no receipt that this version understands, or one that another user could have written.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(destination: &Path) -> Result<Option<Self>, InstallError> {
        let at = |verb| FileError::at(destination, verb);
        let Some(root) = super::intact::open_tree(destination)? else { return Ok(None) };
        let ours = match root.find(NAME.as_ref()).map_err(at("look into"))? {
            Some(Found::File(file)) => file.ours && is_mode(&file, 0o644),
            _ => false,
        };
        if !ours || !root.is_private().map_err(at("look at"))? {
            return Ok(None);
        }
        Self::read_from(&root, destination)
    }

    /// Reads the receipt of the tree at `destination`, whoever wrote it: what it says is a claim, to be proven.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read_claim(destination: &Path) -> Result<Option<Self>, InstallError> {
        let root = Directory::open(destination).map_err(FileError::at(destination, "open"))?;
        Self::read_from(&root, destination)
    }

    /// Proves again, without a network, what the log's evidence in the receipt says: that the log of `key` holds the
    /// record that follows from the receipt's own list of files. `None` if there is no evidence of this log.
    #[must_use]
    pub fn prove(&self, key: &LogKey) -> Option<Result<LogProof, TrustError>> {
        let stored = self.origin.evidence.transparency.as_ref().filter(|stored| stored.log == key.name())?;
        Some(self.prove_stored(stored, key))
    }

    fn prove_stored(&self, stored: &TransparencyEvidence, key: &LogKey) -> Result<LogProof, TrustError> {
        let other = || TrustError::Log(LookupFault::OtherRecord.into());
        let name: ArchiveName = self.origin.archive.filename.parse().map_err(|_| other())?;
        let Target::Platform(platform) = name.target() else { return Err(TrustError::SourceInLog) };
        let module = ToolchainModule::new(*name.version(), platform);
        let evidence = LogEvidence::Stored(TlogProof::parse(stored.tlog_proof.as_bytes(), key)?);
        let proof = judge_tree(&module, &self.manifest, TreeForm::Sdk, &evidence)?;
        if stored.record == module.record(*proof.h1()).text() { Ok(proof) } else { Err(other()) }
    }

    fn read_from(root: &Directory, destination: &Path) -> Result<Option<Self>, InstallError> {
        let path = destination.join(NAME);
        let at = |verb| FileError::at(&path, verb);
        let Some(file) = root.read_file(NAME.as_ref()).map_err(at("open"))? else { return Ok(None) };
        let bytes = read_bounded(file, &path, SIZE_LIMIT_BYTES)?;
        Ok(Self::parse(&bytes))
    }

    /// What the bytes of a receipt say; `None` if they are none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() as u64 > SIZE_LIMIT_BYTES {
            return None;
        }
        let document: Document = serde_json::from_slice(bytes).ok()?;
        Some(Self {
            origin: Origin { archive: document.archive, trust: document.trust, evidence: document.evidence },
            manifest: Manifest::from_entries(document.files.into_iter().map(|Recorded(entry)| entry).collect()),
        })
    }
}

/// Whether a file has this mode, where files have modes.
pub(super) fn is_mode(file: &FoundFile, mode: u32) -> bool {
    file.mode.is_none_or(|found| found == mode)
}

impl StagedTree {
    /// Adds the receipt: where the tree comes from, and the files of `manifest`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write_receipt(&self, manifest: &Manifest, origin: &Origin) -> Result<(), InstallError> {
        let path = self.destination().join(NAME);
        let at = |verb| FileError::at(&path, verb);
        let file = self.root.create_file(NAME.as_ref(), 0o644).map_err(at("create"))?;
        let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        write_document(&mut writer, manifest, origin).map_err(|error| at("write")(error.into()))?;
        Ok(writer.flush().map_err(at("write"))?)
    }
}

/// Writes the bytes of a receipt.
pub(super) fn write_document(writer: impl Write, manifest: &Manifest, origin: &Origin) -> serde_json::Result<()> {
    let Origin { archive, trust, evidence } = origin;
    let files = Files(manifest);
    serde_json::to_writer(writer, &DocumentToWrite { schema: Schema::One, archive, trust, evidence, files })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "schema")]
    _schema: Schema,
    archive: ArchiveRecord,
    trust: String,
    evidence: Evidence,
    files: Vec<Recorded>,
}

#[derive(Serialize)]
struct DocumentToWrite<'a> {
    schema: Schema,
    archive: &'a ArchiveRecord,
    trust: &'a str,
    evidence: &'a Evidence,
    files: Files<'a>,
}

/// A file's line; what a receipt of a release says of its files is borrowed from the receipt while it is read.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    size: u64,
    #[serde(borrow)]
    mode: Cow<'a, str>,
    #[serde(borrow)]
    sha256: Cow<'a, str>,
}

/// A file's entry, as it is read.
struct Recorded(Entry);

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Line::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

struct Files<'a>(&'a Manifest);

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.file_entries().map(LineToWrite))
    }
}

struct LineToWrite<'a>(FileEntry<'a>);

impl Serialize for LineToWrite<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let FileEntry { path, size_bytes, sha256, executable, .. } = self.0;
        let mut digits = [0; 64];
        hex::encode_to_slice(sha256, &mut digits).map_err(serde::ser::Error::custom)?;
        let sha256 = std::str::from_utf8(&digits).map_err(serde::ser::Error::custom)?;
        let mode = if executable { "0755" } else { "0644" };
        Line { path: path.as_str().into(), size: size_bytes, mode: mode.into(), sha256: sha256.into() }
            .serialize(serializer)
    }
}

impl TryFrom<Line<'_>> for Recorded {
    type Error = &'static str;

    fn try_from(line: Line<'_>) -> Result<Self, Self::Error> {
        let path = EntryPath::parse(line.path.as_bytes()).map_err(|_| "unsafe path")?;
        let executable = match &*line.mode {
            "0644" => false,
            "0755" => true,
            _ => return Err("mode that is neither 0644 nor 0755"),
        };
        let mut sha256 = [0; 32];
        hex::decode_to_slice(&*line.sha256, &mut sha256).map_err(|_| "not a SHA-256")?;
        Ok(Self(Entry { path, kind: EntryKind::File { size_bytes: line.size, sha256, executable, position: 0 } }))
    }
}
