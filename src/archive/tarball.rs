//! The tar stream inside a release, entry by entry, as it is decompressed.
//!
//! - headers by the profile of `header.rs`, paths by the rules of `entry.rs`, no two of which collide;
//! - an extended header (`pax.rs`) belongs to the file or directory header that follows at once;
//! - the padding of content to whole blocks is zero;
//! - the stream ends with two zero blocks and, at most, 64 KiB of zeros after them (some tar programs fill a
//!   record); nothing else follows.
//!
//! Every file's SHA-256 is computed on the way, and the few small pieces that bind an SDK to its version and
//! platform are set aside for `layout.rs`.

use sha2::{Digest, Sha256};

use super::admission::{Admission, Refused};
use super::header::{BLOCK_BYTES, Header};
use super::layout::{Contents, TOP};
use super::profile::Profile;
use super::{ArchiveError, Entry, EntryFault, EntryKind, EntryPath, HeaderFault, PaxFault, pax};
use crate::error::Code;

/// Most zero bytes after the two zero blocks.
const ZERO_TAIL_LIMIT_BYTES: u64 = 64 << 10;

/// How an entry, or the space between entries, breaks the profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TarFault {
    /// The header.
    #[error(transparent)]
    Header(#[from] HeaderFault),
    /// The extended header.
    #[error(transparent)]
    Pax(#[from] PaxFault),
    /// An extended header that is not followed by a file or a directory.
    #[error("pax header that belongs to no entry")]
    OrphanedPax,
    /// The entry's place.
    #[error(transparent)]
    Entry(#[from] EntryFault),
    /// Something other than zeros after content.
    #[error("the padding after the content is not zero")]
    Padding,
    /// One zero block, and then something else.
    #[error("a single zero block")]
    SingleZeroBlock,
    /// Something after the end.
    #[error("data after the end of the archive")]
    TrailingData,
    /// The end is missing.
    #[error("ends without two zero blocks")]
    Truncated,
}

impl TarFault {
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Header(HeaderFault::ForbiddenType(_)) | Self::Pax(PaxFault::Sparse) => Code::ArchiveForbiddenEntry,
            Self::Header(HeaderFault::Size(_)) => Code::ArchiveTooLarge,
            Self::Header(HeaderFault::Nul("name" | "prefix")) => Code::ArchiveUnsafePath,
            Self::Entry(fault) => fault.code(),
            _ => Code::ArchiveMalformed,
        }
    }
}

enum State {
    Header,
    Pax { remaining: u64 },
    Content { entry: Box<FileInProgress>, remaining: u64 },
    Padding { remaining: u64 },
    SecondZeroBlock,
    Tail { zeros: u64 },
}

struct FileInProgress {
    /// `None` for a file in a stray directory, which is read but belongs to no SDK.
    path: Option<EntryPath>,
    size_bytes: u64,
    executable: bool,
    position: u64,
    sha256: Sha256,
}

/// A reader that is fed the stream in pieces of any size.
pub(super) struct TarReader {
    profile: Profile,
    state: State,
    /// A header block, or an extended header's data, that is not yet complete.
    partial: Vec<u8>,
    /// The path that an extended header gives to the next entry.
    pax_path: Option<Vec<u8>>,
    position: u64,
    header_position: u64,
    headers: u64,
    admission: Admission,
    contents: Contents,
}

impl TarReader {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            profile,
            state: State::Header,
            partial: Vec::with_capacity(BLOCK_BYTES),
            pax_path: None,
            position: 0,
            header_position: 0,
            headers: 0,
            admission: Admission::default(),
            contents: Contents::default(),
        }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), ArchiveError> {
        while !bytes.is_empty() {
            let taken = self.step(bytes)?;
            self.position += taken as u64;
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// To be called at the end of the stream.
    pub(super) fn finish(self) -> Result<Contents, ArchiveError> {
        if matches!(self.state, State::Tail { .. }) { Ok(self.contents) } else { Err(self.fault(TarFault::Truncated)) }
    }

    fn fault(&self, fault: impl Into<TarFault>) -> ArchiveError {
        ArchiveError::Tar { entry: self.headers, position: self.header_position, fault: fault.into() }
    }

    /// Takes at least one byte of `bytes`, which is not empty.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, ArchiveError> {
        match &mut self.state {
            State::Header | State::SecondZeroBlock => self.gather_block(bytes),
            State::Pax { remaining } => {
                let taken = at_most(bytes, *remaining);
                *remaining -= taken.len() as u64;
                let complete = *remaining == 0;
                self.partial.extend_from_slice(taken);
                if complete {
                    self.end_pax()?;
                }
                Ok(taken.len())
            }
            State::Content { entry, remaining } => {
                let taken = at_most(bytes, *remaining);
                *remaining -= taken.len() as u64;
                entry.sha256.update(taken);
                if let Some(path) = &entry.path {
                    self.contents.pieces.content(path, taken)?;
                }
                if *remaining == 0 {
                    self.end_content();
                }
                Ok(taken.len())
            }
            State::Padding { remaining } => {
                let taken = at_most(bytes, *remaining);
                *remaining -= taken.len() as u64;
                let complete = *remaining == 0;
                if taken.iter().any(|&b| b != 0) {
                    return Err(self.fault(TarFault::Padding));
                }
                if complete {
                    self.state = State::Header;
                }
                Ok(taken.len())
            }
            State::Tail { zeros } => {
                *zeros += bytes.len() as u64;
                let fits = *zeros <= ZERO_TAIL_LIMIT_BYTES && bytes.iter().all(|&b| b == 0);
                if fits { Ok(bytes.len()) } else { Err(self.fault(TarFault::TrailingData)) }
            }
        }
    }

    fn gather_block(&mut self, bytes: &[u8]) -> Result<usize, ArchiveError> {
        let taken = at_most(bytes, (BLOCK_BYTES - self.partial.len()) as u64);
        if self.partial.is_empty() {
            self.header_position = self.position;
        }
        // Whole blocks, the common case, are not copied.
        if let Ok(block) = <&[u8; BLOCK_BYTES]>::try_from(taken) {
            self.block(block)?;
            return Ok(taken.len());
        }
        self.partial.extend_from_slice(taken);
        if let Ok(block) = <[u8; BLOCK_BYTES]>::try_from(&self.partial[..]) {
            self.partial.clear();
            self.block(&block)?;
        }
        Ok(taken.len())
    }

    fn block(&mut self, block: &[u8; BLOCK_BYTES]) -> Result<(), ArchiveError> {
        let zero = block.iter().all(|&b| b == 0);
        if matches!(self.state, State::SecondZeroBlock) {
            if !zero {
                return Err(self.fault(TarFault::SingleZeroBlock));
            }
            self.state = State::Tail { zeros: 0 };
            return Ok(());
        }
        if zero {
            if self.pax_path.is_some() {
                return Err(self.fault(TarFault::OrphanedPax));
            }
            self.state = State::SecondZeroBlock;
            return Ok(());
        }
        self.headers += 1;
        match Header::parse(block, self.profile.read_only_modes).map_err(|fault| self.fault(fault))? {
            Header::Extended { size_bytes } => self.begin_pax(size_bytes),
            Header::Directory { name } => {
                if let Some(path) = self.accept_path(name, true)? {
                    self.contents.manifest.push(Entry { path, kind: EntryKind::Directory });
                }
                Ok(())
            }
            Header::File { name, size_bytes, executable } => {
                let path = self.accept_path(name, false)?;
                let position = self.header_position + BLOCK_BYTES as u64;
                let entry = Box::new(FileInProgress { path, size_bytes, executable, position, sha256: Sha256::new() });
                self.state = State::Content { entry, remaining: size_bytes };
                if size_bytes == 0 {
                    self.end_content();
                }
                Ok(())
            }
        }
    }

    fn begin_pax(&mut self, size_bytes: u64) -> Result<(), ArchiveError> {
        self.admission.count_header()?;
        if self.pax_path.is_some() {
            return Err(self.fault(TarFault::OrphanedPax));
        }
        if size_bytes == 0 {
            return Err(self.fault(PaxFault::Length));
        }
        self.state = State::Pax { remaining: size_bytes };
        Ok(())
    }

    fn end_pax(&mut self) -> Result<(), ArchiveError> {
        let path = pax::parse(&self.partial).map(<[u8]>::to_vec).map_err(|fault| self.fault(fault))?;
        self.pax_path = Some(path);
        let size = self.partial.len() as u64;
        self.partial.clear();
        self.begin_padding(size);
        Ok(())
    }

    /// Checks an entry's path; what it returns is relative to GOROOT, and `None` for what is in no SDK: the top
    /// directory itself, and a published mistake's stray directories.
    fn accept_path(&mut self, header_name: Vec<u8>, is_directory: bool) -> Result<Option<EntryPath>, ArchiveError> {
        let name = match self.pax_path.take() {
            Some(path) if is_directory => path.strip_suffix(b"/").unwrap_or(&path).to_vec(),
            Some(path) if path.ends_with(b"/") => return Err(self.fault(HeaderFault::TypeMismatch)),
            Some(path) => path,
            None => header_name,
        };
        let path = EntryPath::parse(&name).map_err(|fault| self.fault(EntryFault::of_path(&name, fault)))?;
        let inner = self.admission.admit(&path, is_directory).map_err(|refused| match refused {
            Refused::Entry(fault) => self.fault(fault),
            Refused::TooLarge(error) => error,
        })?;
        self.contents.entries += 1;
        if inner.is_some() {
            return Ok(inner);
        }
        let top = path.as_str().split('/').next().unwrap_or_default();
        let allowed = (top == TOP && is_directory) || self.profile.stray_directories.contains(&top);
        if allowed { Ok(None) } else { Err(self.fault(EntryFault::outside(&path))) }
    }

    fn end_content(&mut self) {
        let State::Content { entry, .. } = std::mem::replace(&mut self.state, State::Header) else { return };
        let FileInProgress { path, size_bytes, executable, position, sha256 } = *entry;
        if let Some(path) = path {
            let sha256 = sha256.finalize().into();
            self.contents
                .manifest
                .push(Entry { path, kind: EntryKind::File { size_bytes, sha256, executable, position } });
        }
        self.begin_padding(size_bytes);
    }

    fn begin_padding(&mut self, size_bytes: u64) {
        let remaining = size_bytes.next_multiple_of(BLOCK_BYTES as u64) - size_bytes;
        self.state = if remaining == 0 { State::Header } else { State::Padding { remaining } };
    }
}

fn at_most(bytes: &[u8], limit: u64) -> &[u8] {
    usize::try_from(limit).ok().and_then(|limit| bytes.get(..limit)).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_that_paths_imply_are_paid_for() {
        let mut reader = TarReader::new(Profile::of(&"go1.22.5.src.tar.gz".parse().unwrap()));
        let below = ["a"; 62].join("/");
        let refused =
            (0..8_000).find_map(|n| reader.accept_path(format!("go/{n:04}/{below}").into_bytes(), false).err());
        assert!(matches!(refused, Some(ArchiveError::TooLarge { unit: "entries", .. })), "{refused:?}");
        assert!((1_000..2_000).contains(&reader.contents.entries), "{}", reader.contents.entries);
    }
}
