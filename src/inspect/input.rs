//! Bounded reading of a file that may have hundreds of megabytes: no part is read that nobody asked for.

use std::io::{self, Read, Seek, SeekFrom};

use super::InspectError;

/// How much is read at once where a part is searched.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

/// How many times its size is read of a file, at most: what is searched is searched once, and some of it twice.
const READ_LIMIT_TIMES: u64 = 8;
/// What may be read beyond that, of small files.
const READ_FREE_BYTES: u64 = 16 << 20;

/// What an executable is read from.
pub(super) trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// A file, with its size, and what went wrong while others read from it.
pub(super) struct Input {
    reader: Box<dyn Source>,
    size: u64,
    /// How many bytes may yet be read.
    left: u64,
    /// Kept for readers that forget it.
    failure: Option<io::Error>,
}

impl Input {
    pub(super) fn new(mut reader: impl Source + 'static) -> Result<Self, InspectError> {
        let size = reader.seek(SeekFrom::End(0)).map_err(InspectError::reading)?;
        let left = size.saturating_mul(READ_LIMIT_TIMES).saturating_add(READ_FREE_BYTES);
        Ok(Self { reader: Box::new(reader), size, left, failure: None })
    }

    /// In bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The error of a reader that only said that there was one.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// What there is from `offset` on, at most `limit` bytes.
    ///
    /// # Errors
    /// When it cannot be read, and when parts that overlap each other would have the file read without end.
    pub(super) fn bytes(&mut self, offset: u64, limit: usize) -> Result<Vec<u8>, InspectError> {
        let there = self.size.saturating_sub(offset);
        let length = usize::try_from(there).unwrap_or(usize::MAX).min(limit);
        self.left = self.left.checked_sub(length as u64).ok_or(InspectError::Overlap)?;
        let mut bytes = vec![0; length];
        if length > 0 {
            let placed = self.reader.seek(SeekFrom::Start(offset));
            placed.and_then(|_| self.reader.read_exact(&mut bytes)).map_err(InspectError::reading)?;
        }
        Ok(bytes)
    }

    /// Hands over what there is of `size` bytes from `offset` on, piece by piece, until `each` says to stop.
    pub(super) fn pieces(
        &mut self,
        offset: u64,
        size: u64,
        mut each: impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<(), InspectError> {
        let end = offset.saturating_add(size).min(self.size);
        let mut at = offset;
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            let piece = self.bytes(at, length)?;
            if !each(at, &piece) {
                break;
            }
            at += piece.len() as u64;
        }
        Ok(())
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer);
        read.inspect_err(|error| self.failure = Some(io::Error::new(error.kind(), error.to_string())))
    }
}

impl Seek for Input {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.reader.seek(position)
    }
}
