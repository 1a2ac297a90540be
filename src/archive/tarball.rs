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
    use super::super::PathFault;
    use super::super::header::header_block;
    use super::super::limits::ENTRIES_LIMIT;
    use super::*;

    /// A header with what follows it, up to the next block.
    fn entry(kind: u8, name: &str, content: &[u8]) -> Vec<u8> {
        let mut entry = [&header_block(kind, name, content.len())[..], content].concat();
        entry.resize(entry.len().next_multiple_of(BLOCK_BYTES), 0);
        entry
    }

    fn named_by_pax(kind: u8, path: &str) -> Vec<u8> {
        let length = format!("00 path={path}\n").len();
        [entry(b'x', "x", format!("{length} path={path}\n").as_bytes()), entry(kind, "y", b"")].concat()
    }

    /// Reads a stream with its end in pieces of `step` bytes.
    fn read(entries: &[Vec<u8>], after: &[u8], step: usize) -> Result<Contents, ArchiveError> {
        let mut reader = TarReader::new(Profile::of(&"go1.22.5.src.tar.gz".parse().unwrap()));
        let stream = [&entries.concat()[..], &[0; 2 * BLOCK_BYTES], after].concat();
        stream.chunks(step).try_for_each(|piece| reader.push(piece))?;
        reader.finish()
    }

    fn fault_of(entries: &[Vec<u8>], after: &[u8]) -> ArchiveError {
        let error = read(entries, after, usize::MAX).unwrap_err();
        for step in [1, 100, 512, 700] {
            assert_eq!(read(entries, after, step).unwrap_err(), error, "{step}");
        }
        error
    }

    #[test]
    fn an_entry_is_where_it_is_however_the_stream_is_split() {
        let long = vec![7; 1000];
        let entries = [
            entry(b'5', "go/", b""),
            entry(b'0', "go/a", b"first"),
            entry(b'0', "go/empty", b""),
            named_by_pax(b'5', "go/d/"),
            entry(b'0', "go/d/long", &long),
            entry(b'0', "go/z", b"last"),
        ];
        let whole = read(&entries, b"", usize::MAX).unwrap();
        let found = whole.manifest.entries().iter().map(|entry| match entry.kind {
            EntryKind::File { size_bytes, position, .. } => (entry.path.as_str(), Some((position, size_bytes))),
            EntryKind::Directory => (entry.path.as_str(), None),
        });
        let expected = [
            ("a", Some((1024, 5))),
            ("empty", Some((2048, 0))),
            ("d", None),
            ("d/long", Some((4096, 1000))),
            ("z", Some((5632, 4))),
        ];
        assert_eq!((found.collect::<Vec<_>>(), whole.entries), (expected.to_vec(), 6));
        for step in [1, 3, 100, 511, 512, 513, 700] {
            let again = read(&entries, b"", step).unwrap();
            assert_eq!((&again.manifest, again.entries), (&whole.manifest, 6), "{step}");
        }
    }

    #[test]
    fn a_fault_is_told_with_its_entry_and_place() {
        let good = || vec![entry(b'5', "go/", b""), entry(b'0', "go/a", b"first")];
        let mut padded = entry(b'0', "go/b", b"second");
        padded[BLOCK_BYTES + 6] = 1;
        let outside = |path: &str| EntryFault::OutsideTop(path.to_owned());
        let empty = |path: &str| EntryFault::Path { path: path.to_owned(), fault: PathFault::Empty };
        for (last, number, position, fault) in [
            (entry(b'2', "go/b", b""), 3, 1536, TarFault::from(HeaderFault::ForbiddenType(b'2'))),
            (padded, 3, 1536, TarFault::Padding),
            (entry(b'5', "gone", b""), 3, 1536, outside("gone").into()),
            (named_by_pax(b'0', "go/b/"), 4, 2560, HeaderFault::TypeMismatch.into()),
            (named_by_pax(b'5', "go//"), 4, 2560, empty("go/").into()),
            (entry(b'x', "x", b""), 3, 1536, PaxFault::Length.into()),
            (header_block(b'x', "x", (64 << 10) + 1).to_vec(), 3, 1536, HeaderFault::Size((64 << 10) + 1).into()),
            (
                [entry(b'x', "x", b"11 path=go\n"), entry(b'x', "x", b"11 path=go\n")].concat(),
                4,
                2560,
                TarFault::OrphanedPax,
            ),
            (entry(b'x', "x", b"11 path=go\n"), 3, 2560, TarFault::OrphanedPax),
        ] {
            let entries = [good(), vec![last]].concat();
            assert_eq!(fault_of(&entries, b""), ArchiveError::Tar { entry: number, position, fault });
        }
        let fault = outside("go").into();
        assert_eq!(fault_of(&[entry(b'0', "go", b"")], b""), ArchiveError::Tar { entry: 1, position: 0, fault });
        // The largest that there may be, of which nothing follows.
        let largest = [entry(b'5', "go/", b""), header_block(b'x', "x", 64 << 10).to_vec()];
        let fault = TarFault::Truncated;
        assert_eq!(fault_of(&largest, b""), ArchiveError::Tar { entry: 2, position: 512, fault });
    }

    #[test]
    fn zeros_may_follow_the_end_up_to_a_limit_and_nothing_else_may() {
        let limit = usize::try_from(ZERO_TAIL_LIMIT_BYTES).unwrap();
        let good = [entry(b'5', "go/", b"")];
        for zeros in [0, 1, 512, limit] {
            for step in [100, usize::MAX] {
                assert!(read(&good, &vec![0; zeros], step).is_ok(), "{zeros}");
            }
        }
        let (mut late, one) = (vec![0; 1000], [1]);
        late[999] = 1;
        for after in [&vec![0; limit + 1], &late, &one[..]] {
            let fault = TarFault::TrailingData;
            assert_eq!(fault_of(&good, after), ArchiveError::Tar { entry: 1, position: 1024, fault });
        }
    }

    #[test]
    fn what_is_too_large_or_of_a_forbidden_kind_has_a_code_of_its_own() {
        for (fault, code) in [
            (TarFault::Header(HeaderFault::ForbiddenType(b'2')), Code::ArchiveForbiddenEntry),
            (TarFault::Header(HeaderFault::Size(1 << 30)), Code::ArchiveTooLarge),
            (PaxFault::Sparse.into(), Code::ArchiveForbiddenEntry),
            (HeaderFault::Nul("name").into(), Code::ArchiveUnsafePath),
            (HeaderFault::Nul("linkname").into(), Code::ArchiveMalformed),
            (EntryFault::OutsideTop("x".to_owned()).into(), Code::LayoutInvalid),
            (TarFault::Header(HeaderFault::Checksum), Code::ArchiveMalformed),
            (TarFault::Padding, Code::ArchiveMalformed),
        ] {
            assert_eq!(fault.code(), code, "{fault}");
        }
    }

    #[test]
    fn extended_headers_are_paid_for_like_entries() {
        let mut reader = TarReader::new(Profile::of(&"go1.22.5.src.tar.gz".parse().unwrap()));
        for _ in 0..ENTRIES_LIMIT {
            assert_eq!(reader.begin_pax(1), Ok(()));
        }
        let too_many = ArchiveError::TooLarge { limit: ENTRIES_LIMIT, unit: "entries" };
        assert_eq!(reader.begin_pax(1), Err(too_many));
    }

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
