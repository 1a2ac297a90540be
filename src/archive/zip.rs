//! A zip archive, entry by entry, from its first byte to its last, as it arrives.
//!
//! A zip archive tells its contents twice: to who reads it from the front, in local headers, content that ends itself
//! and data descriptors; and to who begins at the end, in the central directory. Readers that believe one of the two
//! were shown different files (CVE-2025-54368, CVE-2024-0450, CVE-2019-13232). Here both are read, and must agree:
//!
//! - every record fits the profile of `zip_record.rs`;
//! - local header, deflate stream, data descriptor, and again, from byte 0 and without a gap; then the central
//!   directory, the end record, and the end of the input. Nothing lies before, between or behind;
//! - the descriptor has the CRC-32 and the sizes that the content has;
//! - the central directory lists the same entries in the same order, each with the offset, name, flags, times, CRC-32
//!   and sizes that were found in front, and none beside; the end record has the directory's size, its offset and
//!   the number of entries, which is below 65,535 since that stands for zip64;
//! - every entry is a file in `go/`, with a path by the rules of `entry.rs`, no two of which collide; directories are
//!   only implied.
//!
//! So no two readers see different contents, wherever they begin: an entry that is not listed, or listed elsewhere, or
//! twice, has no place. What is remembered of an entry until it is listed is its manifest entry and 28 bytes, and is
//! paid for from the archive's `EntryBudget`.
//!
//! The contents of all files, one behind another, are the decompressed archive; a manifest's positions are offsets in
//! it. Modes are checked, but whether a file is executable follows from its path (`distpack.rs`): what a zip says of
//! modes is in nobody's log of digests, and another reader may set 0755 where 0644 is set here.

use std::io::Read;

use sha2::{Digest, Sha256};

use super::admission::{Admission, Refused};
use super::conveyor::{BUFFER_BYTES, Decode};
use super::inflate::Inflate;
use super::layout::Contents;
use super::limits::{FILE_SIZE_LIMIT_BYTES, check_expansion};
use super::zip_record::{DESCRIPTOR_BYTES, Descriptor, EXTRA_BYTES, End, Facts, Header, Kind, SIGNATURE_BYTES};
use super::{ArchiveError, Entry, EntryFault, EntryKind, EntryPath, Manifest, ReceiveError, RecordFault, distpack};
use crate::error::{Code, escaped};

/// How a zip archive breaks the profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZipFault {
    /// It does not begin with an entry.
    #[error("not a zip archive")]
    Magic,
    /// A record.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// A directory, which releases only imply.
    #[error("\"{}\": entry of a directory", escaped(.0))]
    Directory(String),
    /// The entry's place.
    #[error(transparent)]
    Entry(#[from] EntryFault),
    /// The deflate stream is invalid (RFC 1951).
    #[error("invalid deflate data")]
    Deflate,
    /// The data descriptor says something else than the content.
    #[error("the content's {0} is not the data descriptor's")]
    Descriptor(&'static str),
    /// The central directory says something else than the entry.
    #[error("the entry's {0} is not the central directory's")]
    Central(&'static str),
    /// The central directory lists more entries than there are, or fewer.
    #[error("{listed} entries in the central directory, {found} before it")]
    Listed {
        /// Entries that were read.
        found: u64,
        /// Entries that are listed, as far as was read.
        listed: u64,
    },
    /// The end record says something else than what is before it.
    #[error("the {0} is not the end record's")]
    End(&'static str),
    /// The input goes on.
    #[error("data after the end record")]
    TrailingData,
    /// The input ended early.
    #[error("ends too early")]
    Truncated,
}

impl ZipFault {
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Record(
                RecordFault::ForbiddenFlags(_)
                | RecordFault::ForbiddenMethod(_)
                | RecordFault::ForbiddenType(_)
                | RecordFault::Version(_),
            ) => Code::ArchiveForbiddenEntry,
            Self::Entry(fault) => fault.code(),
            _ => Code::ArchiveMalformed,
        }
    }
}

enum State {
    Signature,
    Fixed(Kind),
    /// The name and the extra field of a local header.
    Local(Header),
    /// The same of a central directory header.
    Central(Header),
    Content(Box<FileInProgress>),
    Descriptor(Box<FileInProgress>),
    End,
}

struct FileInProgress {
    path: EntryPath,
    facts: Facts,
    /// Offset in the decompressed archive.
    position: u64,
    sha256: Sha256,
}

/// A reader that is fed the archive in pieces of any size and fills buffers with the contents.
pub(super) struct ZipReader {
    state: State,
    /// A record, or the part of it that is awaited, that is not yet complete.
    partial: Vec<u8>,
    inflate: Inflate,
    position: u64,
    produced: u64,
    /// Where the record begins that a fault is told of.
    record_position: u64,
    /// The entry that a fault is told of, from 1.
    entry: u64,
    /// What was found in front, in the manifest's order.
    found: Vec<Facts>,
    /// Where the central directory begins.
    directory_position: Option<u64>,
    listed: usize,
    admission: Admission,
    contents: Contents,
}

impl Decode for ZipReader {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), ArchiveError> {
        match &self.state {
            State::Content(_) => self.inflate(input, output),
            State::End if input.is_empty() => Ok((0, 0)),
            State::End => Err(self.fault_here(ZipFault::TrailingData)),
            State::Signature => self.gather(input, SIGNATURE_BYTES).map(|taken| (taken, 0)),
            State::Fixed(kind) => self.gather(input, kind.fixed_bytes()).map(|taken| (taken, 0)),
            State::Local(header) | State::Central(header) => {
                self.gather(input, header.name_bytes + EXTRA_BYTES).map(|taken| (taken, 0))
            }
            State::Descriptor(_) => self.gather(input, DESCRIPTOR_BYTES).map(|taken| (taken, 0)),
        }
    }

    fn finish(&self) -> Result<(), ArchiveError> {
        if matches!(self.state, State::End) { Ok(()) } else { Err(self.fault_here(ZipFault::Truncated)) }
    }
}

impl ZipReader {
    pub(super) fn new() -> Self {
        Self::admitting(Admission::default())
    }

    /// Of an archive whose entries are all in the directory `top`.
    fn within(top: &str) -> Self {
        Self::admitting(Admission::within(top.to_owned().into()))
    }

    fn admitting(admission: Admission) -> Self {
        Self {
            state: State::Signature,
            partial: Vec::new(),
            inflate: Inflate::new(),
            position: 0,
            produced: 0,
            record_position: 0,
            entry: 0,
            found: Vec::new(),
            directory_position: None,
            listed: 0,
            admission,
            contents: Contents::default(),
        }
    }

    /// What the archive held, once [`Decode::finish`] has found it whole.
    pub(super) fn into_contents(self) -> Contents {
        self.contents
    }

    fn fault(&self, fault: impl Into<ZipFault>) -> ArchiveError {
        ArchiveError::Zip { entry: self.entry, position: self.record_position, fault: fault.into() }
    }

    fn fault_here(&self, fault: ZipFault) -> ArchiveError {
        ArchiveError::Zip { entry: self.entry, position: self.position, fault }
    }

    /// Takes what is missing of `size` bytes, which are read once they are complete.
    fn gather(&mut self, input: &[u8], size: usize) -> Result<usize, ArchiveError> {
        let missing = size - self.partial.len();
        let taken = input.get(..missing).unwrap_or(input);
        self.partial.extend_from_slice(taken);
        if self.partial.len() == size {
            let bytes = std::mem::take(&mut self.partial);
            let position = self.position;
            self.state = match std::mem::replace(&mut self.state, State::Signature) {
                State::Signature => self.signature(&bytes, position + taken.len() as u64)?,
                State::Fixed(kind) => self.fixed(kind, &bytes)?,
                State::Local(header) => self.local(header, &bytes)?,
                State::Central(header) => self.central(header, &bytes)?,
                State::Descriptor(file) => self.descriptor(*file, &bytes)?,
                other @ (State::Content(_) | State::End) => other,
            };
            // The same memory for the next one.
            self.partial = bytes;
            self.partial.clear();
        }
        self.position += taken.len() as u64;
        Ok(taken.len())
    }

    /// `end` is the offset behind the signature.
    fn signature(&mut self, bytes: &[u8], end: u64) -> Result<State, ArchiveError> {
        self.record_position = end - SIGNATURE_BYTES as u64;
        let kind = Kind::of(bytes);
        let expected = match (kind, self.directory_position) {
            (Some(Kind::Local), None) => {
                self.entry += 1;
                return Ok(State::Fixed(Kind::Local));
            }
            (Some(Kind::Central), _) => {
                let begins = *self.directory_position.get_or_insert(self.record_position) == self.record_position;
                self.entry = if begins { 1 } else { self.entry + 1 };
                return Ok(State::Fixed(Kind::Central));
            }
            (Some(Kind::End), Some(_)) => return Ok(State::Fixed(Kind::End)),
            _ if self.entry == 0 => return Err(self.fault(ZipFault::Magic)),
            (_, None) => "entry or central directory",
            (_, Some(_)) => "entry of the central directory or end record",
        };
        Err(self.fault(RecordFault::Missing(expected)))
    }

    fn fixed(&mut self, kind: Kind, bytes: &[u8]) -> Result<State, ArchiveError> {
        match kind {
            Kind::Local => Header::parse_local(bytes).map(State::Local).map_err(|fault| self.fault(fault)),
            Kind::Central => Header::parse_central(bytes).map(State::Central).map_err(|fault| self.fault(fault)),
            Kind::End => {
                let end = End::parse(bytes).map_err(|fault| self.fault(fault))?;
                self.check_end(&end).map_err(|fault| self.fault(fault))?;
                Ok(State::End)
            }
        }
    }

    fn local(&mut self, mut header: Header, bytes: &[u8]) -> Result<State, ArchiveError> {
        let name = bytes.get(..header.name_bytes).unwrap_or_default();
        let path = self.accept_path(name)?;
        header.parse_name(bytes).map_err(|fault| self.fault(fault))?;
        // An archive is far shorter than 4 GiB, and so are its contents.
        let position = u32::try_from(self.record_position).unwrap_or(u32::MAX);
        let facts = Facts { position, ..header.facts };
        Ok(State::Content(Box::new(FileInProgress { path, facts, position: self.produced, sha256: Sha256::new() })))
    }

    /// Checks an entry's path, and returns it relative to GOROOT.
    fn accept_path(&mut self, name: &[u8]) -> Result<EntryPath, ArchiveError> {
        let inner = name.strip_suffix(b"/").unwrap_or(name);
        let path = EntryPath::parse(inner).map_err(|fault| self.fault(EntryFault::of_path(name, fault)))?;
        if inner != name {
            return Err(self.fault(ZipFault::Directory(String::from_utf8_lossy(name).into_owned())));
        }
        let below = self.admission.admit(&path, false).map_err(|refused| match refused {
            Refused::Entry(fault) => self.fault(fault),
            Refused::TooLarge(error) => error,
        })?;
        self.contents.entries += 1;
        below.ok_or_else(|| self.fault(EntryFault::outside(&path)))
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), ArchiveError> {
        let step = self.inflate.step(input, output).map_err(|_| self.fault(ZipFault::Deflate))?;
        self.position += step.taken as u64;
        self.produced += step.made as u64;
        check_expansion(self.position, self.produced)?;
        if self.inflate.content_bytes() > FILE_SIZE_LIMIT_BYTES {
            return Err(ArchiveError::TooLarge { limit: FILE_SIZE_LIMIT_BYTES, unit: "bytes in one file" });
        }
        if let State::Content(file) = &mut self.state {
            let made = output.get(..step.made).unwrap_or_default();
            file.sha256.update(made);
            self.contents.pieces.content(&file.path, made)?;
        }
        if step.ended {
            self.record_position = self.position;
            self.state = match std::mem::replace(&mut self.state, State::Signature) {
                State::Content(file) => State::Descriptor(file),
                other => other,
            };
        }
        Ok((step.taken, step.made))
    }

    fn descriptor(&mut self, file: FileInProgress, bytes: &[u8]) -> Result<State, ArchiveError> {
        let descriptor = Descriptor::parse(bytes).map_err(|fault| self.fault(fault))?;
        let Descriptor { crc, compressed_bytes, size_bytes } = descriptor;
        let content_bytes = self.inflate.content_bytes();
        for (agrees, what) in [
            (crc == self.inflate.crc(), "CRC-32"),
            (u64::from(compressed_bytes) == self.inflate.compressed_bytes(), "compressed size"),
            (u64::from(size_bytes) == content_bytes, "size"),
        ] {
            if !agrees {
                return Err(self.fault(ZipFault::Descriptor(what)));
            }
        }
        self.inflate.reset();
        let FileInProgress { path, facts, position, sha256 } = file;
        self.found.push(Facts { crc, compressed_bytes, size_bytes, ..facts });
        let executable = distpack::is_executable(&path);
        let sha256 = sha256.finalize().into();
        let kind = EntryKind::File { size_bytes: content_bytes, sha256, executable, position };
        self.contents.manifest.push(Entry { path, kind });
        Ok(State::Signature)
    }

    fn central(&mut self, mut header: Header, bytes: &[u8]) -> Result<State, ArchiveError> {
        let name = header.parse_name(bytes).map_err(|fault| self.fault(fault))?;
        let entry = self.contents.manifest.entries().get(self.listed);
        self.listed += 1;
        let (Some(found), Some(entry)) = (self.found.get(self.listed - 1), entry) else {
            return Err(self.fault(self.listed_fault()));
        };
        let inner = name.strip_prefix(self.admission.top().as_bytes()).and_then(|inner| inner.strip_prefix(b"/"));
        if inner != Some(entry.path.as_str().as_bytes()) {
            return Err(self.fault(ZipFault::Central("name")));
        }
        match found.difference(&header.facts) {
            Some(what) => Err(self.fault(ZipFault::Central(what))),
            None => Ok(State::Signature),
        }
    }

    fn listed_fault(&self) -> ZipFault {
        ZipFault::Listed { found: self.found.len() as u64, listed: self.listed as u64 }
    }

    fn check_end(&self, end: &End) -> Result<(), ZipFault> {
        if self.listed != self.found.len() {
            return Err(self.listed_fault());
        }
        let directory_position = self.directory_position.unwrap_or_default();
        let directory_bytes = self.record_position - directory_position;
        let entries = u16::try_from(self.found.len()).ok().filter(|&entries| entries < u16::MAX);
        for (agrees, what) in [
            (end.entries.iter().all(|&said| Some(said) == entries), "number of entries"),
            (u64::from(end.directory_bytes) == directory_bytes, "size of the central directory"),
            (u64::from(end.directory_position) == directory_position, "offset of the central directory"),
        ] {
            if !agrees {
                return Err(ZipFault::End(what));
            }
        }
        Ok(())
    }
}

/// Reads a zip archive of the same profile whose entries are all below `top`, which need not be an SDK.
///
/// # Errors
/// [`ReceiveError::Read`] when it cannot be read, [`ReceiveError::Archive`] when it breaks the profile.
pub fn read_zip_within(top: &str, input: &mut dyn Read) -> Result<Manifest, ReceiveError> {
    let mut reader = ZipReader::within(top);
    let (mut buffer, mut output) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    loop {
        let length = input.read(&mut buffer).map_err(ReceiveError::Read)?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        if rest.is_empty() {
            reader.finish()?;
            return Ok(reader.into_contents().manifest);
        }
        loop {
            let (taken, made) = reader.decode(rest, &mut output)?;
            rest = rest.get(taken..).unwrap_or_default();
            if taken == 0 && made == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::inflate::deflated;
    use super::*;

    /// What both headers of an entry have from `version needed` to the time, and the extra field.
    const START: [u8; 10] = [20, 0, 8, 0, 8, 0, 1, 2, 3, 4];
    const EXTRA: &[u8] = b"UT\x05\x00\x01\x01\x02\x03\x04";

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut archive, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in files {
            let data = deflated(content);
            let numbers = [crc32fast::hash(content), data.len() as u32, content.len() as u32];
            let numbers = numbers.map(u32::to_le_bytes).concat();
            let lengths = [name.len() as u16, EXTRA.len() as u16].map(u16::to_le_bytes).concat();
            let attributes = [0, 0, 0o100_644 << 16, archive.len() as u32].map(u32::to_le_bytes).concat();
            let central = [b"PK\x01\x02\x14\x03", &START[..], &numbers, &lengths, &attributes[2..]].concat();
            directory.extend([&central, name.as_bytes(), EXTRA].concat());
            archive.extend([b"PK\x03\x04", &START[..], &[0; 12], &lengths, name.as_bytes(), EXTRA, &data].concat());
            archive.extend([b"PK\x07\x08", &numbers[..]].concat());
        }
        let counts = [0, 0, files.len() as u16, files.len() as u16].map(u16::to_le_bytes).concat();
        let place = [directory.len() as u32, archive.len() as u32].map(u32::to_le_bytes).concat();
        archive.extend([&directory, &b"PK\x05\x06"[..], &counts, &place, &[0; 2]].concat());
        archive
    }

    /// Decodes with input pieces of `step` bytes and an output buffer of `room` bytes.
    fn decode(bytes: &[u8], step: usize, room: usize) -> Result<(Vec<u8>, Contents), ArchiveError> {
        let (mut reader, mut decoded, mut output) = (ZipReader::new(), Vec::new(), vec![0; room]);
        for mut input in bytes.chunks(step) {
            loop {
                let (taken, made) = reader.decode(input, &mut output)?;
                decoded.extend_from_slice(&output[..made]);
                input = &input[taken..];
                if taken == 0 && made == 0 {
                    break;
                }
            }
        }
        reader.finish().map(|()| (decoded, reader.into_contents()))
    }

    #[test]
    fn the_contents_are_one_behind_another_however_the_archive_is_split() {
        let long: Vec<u8> = (0..3000u32).flat_map(u32::to_le_bytes).collect();
        let bytes = archive(&[("go/a", b"first"), ("go/bin/empty", b""), ("go/long", &long), ("go/z", b"last")]);
        let (decoded, contents) = decode(&bytes, bytes.len(), 1 << 20).unwrap();
        assert_eq!(decoded, [b"first", &long[..], b"last"].concat());
        let found = contents.manifest.entries().iter().map(|entry| match entry.kind {
            EntryKind::File { size_bytes, position, executable, .. } => {
                (entry.path.as_str(), position, size_bytes, executable)
            }
            EntryKind::Directory => panic!("{entry:?}"),
        });
        let expected =
            [("a", 0, 5, false), ("bin/empty", 5, 0, true), ("long", 5, 12_000, false), ("z", 12_005, 4, false)];
        assert_eq!((found.collect::<Vec<_>>(), contents.entries), (expected.to_vec(), 4));
        for step in [1, 2, 7, 100, bytes.len()] {
            for room in [1, 3, 5, 100] {
                let again = decode(&bytes, step, room).unwrap();
                assert_eq!((&again.0, &again.1.manifest), (&decoded, &contents.manifest), "{step} {room}");
            }
        }
    }

    #[test]
    fn a_fault_is_told_with_its_entry_and_place() {
        let bytes = archive(&[("go/a", b"first"), ("go/b", b"second")]);
        let at = |signature: &[u8; 4]| -> Vec<usize> {
            (0..bytes.len()).filter(|&at| bytes[at..].starts_with(signature)).collect()
        };
        let (local, central) = (at(b"PK\x03\x04"), at(b"PK\x01\x02"));
        let (descriptor, end) = (at(b"PK\x07\x08"), at(b"PK\x05\x06")[0]);
        assert_eq!((local.len(), central.len(), descriptor.len()), (2, 2, 2));
        let missing = |what| ZipFault::Record(RecordFault::Missing(what));
        for (changed, entry, position, fault) in [
            (local[1], 1, local[1], missing("entry or central directory")),
            (local[1] + 4, 2, local[1], RecordFault::Version(21).into()),
            (local[1] + 10, 2, central[1], ZipFault::Central("time")),
            (local[1] + 30, 2, local[1], EntryFault::OutsideTop("fo/b".to_owned()).into()),
            (descriptor[0], 1, descriptor[0], missing("data descriptor")),
            (descriptor[1] + 4, 2, descriptor[1], ZipFault::Descriptor("CRC-32")),
            (central[0] + 42, 1, central[0], ZipFault::Central("offset")),
            (central[1], 1, central[1], missing("entry of the central directory or end record")),
            (end + 10, 2, end, ZipFault::End("number of entries")),
        ] {
            let mut bytes = bytes.clone();
            bytes[changed] ^= 1;
            for step in [1, 16, bytes.len()] {
                let error = decode(&bytes, step, 64).unwrap_err();
                let position = position as u64;
                assert_eq!(error, ArchiveError::Zip { entry, position, fault: fault.clone() }, "{changed}");
            }
        }
        for start in [b"PK\x05\x06", b"PK\x07\x08", b"<htm"] {
            let error = decode(start, 3, 64).unwrap_err();
            assert_eq!(error, ArchiveError::Zip { entry: 0, position: 0, fault: ZipFault::Magic });
        }
        let error = decode(&[&bytes[..], b"x"].concat(), 5, 64).unwrap_err();
        let position = bytes.len() as u64;
        assert_eq!(error, ArchiveError::Zip { entry: 2, position, fault: ZipFault::TrailingData });
    }

    #[test]
    fn directories_that_paths_imply_are_paid_for() {
        let mut reader = ZipReader::new();
        let below = ["a"; 62].join("/");
        let refused = (0..8_000).find_map(|n| reader.accept_path(format!("go/{n:04}/{below}").as_bytes()).err());
        assert!(matches!(refused, Some(ArchiveError::TooLarge { unit: "entries", .. })), "{refused:?}");
        assert!((1_000..2_000).contains(&reader.contents.entries), "{}", reader.contents.entries);
    }
}
