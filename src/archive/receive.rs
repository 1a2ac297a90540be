//! One pass over an archive: from its bytes, as they arrive, to everything that can be known of them.
//!
//! A few threads, joined by bounded channels whose buffers go round: the caller's reads and hashes the compressed
//! bytes, others decompress, split entries and hash files (`passes.rs`), and the last keeps what was found in order.
//! Memory is the buffers and the manifest, whatever the archive's size.
//!
//! - the name tells the format, and nothing else does;
//! - the digest covers every byte up to the input's true end, whatever the formats inside make of them;
//! - input that does not begin like its format ends the pass at once: it is a page, not an archive;
//! - any other fault of the formats is kept as the pass's result while the rest is still hashed, so that the
//!   verdict can name the evidence that disagrees first: a changed archive is a wrong digest before it is a
//!   broken tar;
//! - at most 512 MiB are read.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::conveyor::{BUFFER_BYTES, Outgoing};
use super::layout::{self, Contents};
use super::profile::Profile;
use super::{ArchiveError, GzipFault, Keep, LayoutProof, Manifest, ZipFault, gzip, passes, zip_record};
use crate::error::{Code, Coded};
use crate::events::Watch;
use crate::release::{ArchiveFormat, ArchiveName};

/// Largest archive in bytes; the largest real one has 208 MB.
pub const ARCHIVE_SIZE_LIMIT_BYTES: u64 = 512 << 20;

/// A hash algorithm that a signature over an archive may use; weaker ones are not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureHash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// Why an archive could not be received; a format that is merely wrong is told by the verdict instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The input could not be read.
    #[error("cannot read: {0}")]
    Read(#[source] io::Error),
    /// The spool could not be written.
    #[error("cannot write the spool: {0}")]
    Keep(#[source] io::Error),
    /// Not an archive at all, or larger than any.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Coded for ReceiveError {
    fn code(&self) -> Code {
        match self {
            // Reading may mean writing a copy, too.
            Self::Read(e) | Self::Keep(e) => match e.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::NoSpace,
                _ => Code::Io,
            },
            Self::Archive(error) => error.code(),
            Self::Interrupted => Code::Interrupted,
        }
    }
}

/// An archive that was read and not yet judged; its private fields can only be filled by [`receive()`].
#[derive(Debug)]
pub struct UnverifiedArchive<K> {
    name: ArchiveName,
    size_bytes: u64,
    hashes: Hashes,
    scan: Result<Scan, ArchiveError>,
    kept: K,
}

/// What the formats inside held, once they were found well-formed and laid out as they should be.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) manifest: Manifest,
    pub(crate) entries: u64,
    pub(crate) layout: LayoutProof,
}

impl<K> UnverifiedArchive<K> {
    /// What it claims to be.
    #[must_use]
    pub fn name(&self) -> &ArchiveName {
        &self.name
    }

    /// How many bytes were read.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The SHA-256 of all of them.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.hashes.sha256.clone().finalize().into()
    }

    /// The hash of all bytes followed by `suffix`, as OpenPGP signs it; `None` if that algorithm was not asked for.
    pub(crate) fn signed_digest(&self, algorithm: SignatureHash, suffix: &[u8]) -> Option<Vec<u8>> {
        Some(match algorithm {
            SignatureHash::Sha256 => self.hashes.sha256.clone().chain_update(suffix).finalize().to_vec(),
            SignatureHash::Sha384 => self.hashes.sha384.clone()?.chain_update(suffix).finalize().to_vec(),
            SignatureHash::Sha512 => self.hashes.sha512.clone()?.chain_update(suffix).finalize().to_vec(),
        })
    }

    pub(crate) fn scan(&self) -> Result<&Scan, &ArchiveError> {
        self.scan.as_ref()
    }

    pub(crate) fn into_kept(self) -> K {
        self.kept
    }
}

/// Running hashes of the compressed bytes.
#[derive(Clone, Debug)]
struct Hashes {
    sha256: Sha256,
    sha384: Option<Sha384>,
    sha512: Option<Sha512>,
}

impl Hashes {
    fn new(algorithms: &[SignatureHash]) -> Self {
        Self {
            sha256: Sha256::new(),
            sha384: algorithms.contains(&SignatureHash::Sha384).then(Sha384::new),
            sha512: algorithms.contains(&SignatureHash::Sha512).then(Sha512::new),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(sha384) = &mut self.sha384 {
            sha384.update(bytes);
        }
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(bytes);
        }
    }
}

/// Reads `input` to its end as the archive `name`, keeping the decompressed stream in `keep`. SHA-256 is always
/// computed, other `algorithms` where a signature needs them.
///
/// # Errors
/// [`ReceiveError`] when the input cannot be read or kept, is not of its format at all, or is too large.
pub fn receive<K: Keep>(
    input: &mut dyn Read,
    name: &ArchiveName,
    algorithms: &[SignatureHash],
    mut keep: K,
    watch: &Watch,
) -> Result<UnverifiedArchive<K>, ReceiveError> {
    let mut hashes = Hashes::new(algorithms);
    let hopeless = AtomicBool::new(false);
    let format = name.format();
    let feed = |to: Outgoing| hash_and_send(input, format, &mut hashes, to, watch, &hopeless);
    let (size_bytes, contents) = match format {
        ArchiveFormat::TarGz => passes::tar_gz(Profile::of(name), &mut keep, &hopeless, feed),
        ArchiveFormat::Zip => passes::zip(&mut keep, &hopeless, feed),
    };
    let size_bytes = size_bytes?;
    let scan = contents.map_err(ReceiveError::Keep)?.and_then(|contents| scan(contents, name));
    Ok(UnverifiedArchive { name: name.clone(), size_bytes, hashes, scan, kept: keep })
}

fn scan(contents: Contents, name: &ArchiveName) -> Result<Scan, ArchiveError> {
    let Contents { manifest, pieces, entries } = contents;
    let layout = layout::check(&manifest, &pieces, name)?;
    Ok(Scan { manifest, entries, layout })
}

/// Whether an archive of this format can begin like this.
fn check_magic(format: ArchiveFormat, start: &[u8]) -> Result<(), ArchiveError> {
    match format {
        ArchiveFormat::TarGz if !start.starts_with(&gzip::MAGIC) => {
            Err(ArchiveError::Gzip { position: 0, fault: GzipFault::Magic })
        }
        ArchiveFormat::Zip if !start.starts_with(&zip_record::MAGIC) => {
            Err(ArchiveError::Zip { entry: 0, position: 0, fault: ZipFault::Magic })
        }
        _ => Ok(()),
    }
}

fn hash_and_send(
    input: &mut dyn Read,
    format: ArchiveFormat,
    hashes: &mut Hashes,
    to: Outgoing,
    watch: &Watch,
    hopeless: &AtomicBool,
) -> Result<u64, ReceiveError> {
    let mut size_bytes = 0;
    // Gone once the formats were found broken: then the rest is only hashed.
    let Outgoing { full, spent } = to;
    let mut full = Some(full);
    loop {
        let mut buffer = spent.recv().unwrap_or_default();
        buffer.resize(BUFFER_BYTES, 0);
        let length = fill(input, &mut buffer)?;
        if watch.is_cancelled() {
            return Err(ReceiveError::Interrupted);
        }
        let bytes = buffer.get(..length).unwrap_or_default();
        if size_bytes == 0 {
            check_magic(format, bytes)?;
        }
        // What cannot be kept need not be read to its end, unlike what is merely wrong.
        if length == 0 || hopeless.load(Ordering::Relaxed) {
            return Ok(size_bytes);
        }
        hashes.update(bytes);
        size_bytes = counted(size_bytes, length)?;
        buffer.truncate(length);
        if full.as_ref().is_some_and(|full| full.send(buffer).is_err()) {
            full = None;
        }
    }
}

/// How much has been read with `length` bytes more, if that may be.
fn counted(size_bytes: u64, length: usize) -> Result<u64, ArchiveError> {
    match size_bytes + length as u64 {
        more if more > ARCHIVE_SIZE_LIMIT_BYTES => {
            Err(ArchiveError::TooLarge { limit: ARCHIVE_SIZE_LIMIT_BYTES, unit: "bytes" })
        }
        more => Ok(more),
    }
}

/// Fills `buffer` as far as the input goes.
fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, ReceiveError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ReceiveError::Read(error)),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_512_mib_are_read() {
        let too_large = Err(ArchiveError::TooLarge { limit: ARCHIVE_SIZE_LIMIT_BYTES, unit: "bytes" });
        let before = ARCHIVE_SIZE_LIMIT_BYTES - 100;
        for (length, expected) in [(99, Ok(before + 99)), (100, Ok(before + 100)), (101, too_large.clone())] {
            assert_eq!(counted(before, length), expected);
        }
        assert_eq!(counted(before, BUFFER_BYTES), too_large);
    }
}
