//! A gzip stream of exactly one member (RFC 1952).
//!
//! - the header is the ten fixed bytes: method 8, FLG 0 (no name, no extra field, no comment, no text flag);
//!   its time, XFL and OS bytes mean nothing here;
//! - CRC-32 and ISIZE are compared with what was decompressed (§2.3.1);
//! - the input ends with ISIZE: no second member, no padding, no garbage. Common decoders stop after the first
//!   member or read all of them, so two readers could see two different archives.

use super::ArchiveError;
use super::conveyor::Decode;
use super::inflate::Inflate;
use super::limits::check_expansion;

const HEADER_BYTES: usize = 10;
const TRAILER_BYTES: usize = 8;
/// ID1, ID2 and CM (RFC 1952 §2.3.1).
pub(super) const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// How a compressed stream is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GzipFault {
    /// It does not begin like gzip.
    #[error("not a gzip stream")]
    Magic,
    /// Flags that releases do not use.
    #[error("header flags 0x{0:02x}")]
    Flags(u8),
    /// The deflate stream is invalid (RFC 1951).
    #[error("invalid deflate data")]
    Deflate,
    /// The content's CRC-32 is another.
    #[error("the content's CRC-32 is not the trailer's")]
    Crc,
    /// The content's length is another.
    #[error("the content's length is not the trailer's")]
    Length,
    /// The input ended early.
    #[error("ends too early")]
    Truncated,
    /// The input goes on.
    #[error("data after the end of the only member")]
    TrailingData,
}

enum State {
    Header,
    Deflate,
    Trailer,
    End,
}

/// A decoder that is fed compressed bytes and fills buffers with decompressed ones.
pub(super) struct Gunzip {
    state: State,
    inflate: Inflate,
    /// Header or trailer bytes so far.
    fixed: Vec<u8>,
    consumed: u64,
}

impl Decode for Gunzip {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), ArchiveError> {
        match self.state {
            State::Header => self.fixed_bytes(input, HEADER_BYTES).map(|taken| (taken, 0)),
            State::Deflate => self.inflate(input, output),
            State::Trailer => self.fixed_bytes(input, TRAILER_BYTES).map(|taken| (taken, 0)),
            State::End if input.is_empty() => Ok((0, 0)),
            State::End => Err(self.fault(GzipFault::TrailingData)),
        }
    }

    fn finish(&self) -> Result<(), ArchiveError> {
        if matches!(self.state, State::End) { Ok(()) } else { Err(self.fault(GzipFault::Truncated)) }
    }
}

impl Gunzip {
    pub(super) fn new() -> Self {
        Self { state: State::Header, inflate: Inflate::new(), fixed: Vec::with_capacity(HEADER_BYTES), consumed: 0 }
    }

    fn fault(&self, fault: GzipFault) -> ArchiveError {
        ArchiveError::Gzip { position: self.consumed, fault }
    }

    fn fixed_bytes(&mut self, input: &[u8], size: usize) -> Result<usize, ArchiveError> {
        let missing = size - self.fixed.len();
        let taken = input.get(..missing).unwrap_or(input);
        self.fixed.extend_from_slice(taken);
        if self.fixed.len() == size {
            if matches!(self.state, State::Header) {
                self.check_header()?;
                self.state = State::Deflate;
            } else {
                self.check_trailer()?;
                self.state = State::End;
            }
            self.fixed.clear();
        }
        self.consumed += taken.len() as u64;
        Ok(taken.len())
    }

    fn check_header(&self) -> Result<(), ArchiveError> {
        if !self.fixed.starts_with(&MAGIC) {
            return Err(self.fault(GzipFault::Magic));
        }
        match self.fixed.get(3) {
            Some(0) => Ok(()),
            flags => Err(self.fault(GzipFault::Flags(flags.copied().unwrap_or_default()))),
        }
    }

    fn check_trailer(&self) -> Result<(), ArchiveError> {
        let crc = self.inflate.crc().to_le_bytes();
        // ISIZE is the length modulo 2^32; the limits keep streams below that.
        let length = u32::try_from(self.inflate.content_bytes()).map_err(|_| self.fault(GzipFault::Length))?;
        if self.fixed.get(..4) != Some(&crc) {
            return Err(self.fault(GzipFault::Crc));
        }
        if self.fixed.get(4..) != Some(&length.to_le_bytes()) {
            return Err(self.fault(GzipFault::Length));
        }
        Ok(())
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), ArchiveError> {
        let step = self.inflate.step(input, output).map_err(|_| self.fault(GzipFault::Deflate))?;
        self.consumed += step.taken as u64;
        check_expansion(self.consumed, self.inflate.content_bytes())?;
        if step.ended {
            self.state = State::Trailer;
        }
        Ok((step.taken, step.made))
    }
}

#[cfg(test)]
mod tests {
    use super::super::inflate::deflated;
    use super::*;

    fn member(content: &[u8]) -> Vec<u8> {
        let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        let length = u32::try_from(content.len()).unwrap();
        let trailer = [crc32fast::hash(content), length].map(u32::to_le_bytes).concat();
        [&header[..], &deflated(content), &trailer].concat()
    }

    /// Decodes with input pieces of `step` bytes and a small output buffer.
    fn decode(bytes: &[u8], step: usize) -> Result<Vec<u8>, ArchiveError> {
        let (mut gunzip, mut decoded, mut output) = (Gunzip::new(), Vec::new(), [0; 100]);
        for mut input in bytes.chunks(step) {
            loop {
                let (taken, made) = gunzip.decode(input, &mut output)?;
                decoded.extend_from_slice(&output[..made]);
                input = &input[taken..];
                if taken == 0 && made == 0 {
                    break;
                }
            }
        }
        gunzip.finish().map(|()| decoded)
    }

    fn fault(bytes: &[u8]) -> GzipFault {
        match decode(bytes, bytes.len().max(1)) {
            Err(ArchiveError::Gzip { fault, .. }) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_member_is_decoded_however_it_is_split() {
        let content: Vec<u8> = (0..5000u32).flat_map(u32::to_le_bytes).collect();
        let bytes = member(&content);
        for step in [1, 2, 7, 100, bytes.len()] {
            assert_eq!(decode(&bytes, step), Ok(content.clone()), "{step}");
        }
        assert_eq!(decode(&member(b""), 3), Ok(Vec::new()));
    }

    #[test]
    fn the_stream_must_end_with_its_only_member() {
        let good = member(b"content");
        assert_eq!(fault(&[&good[..], &member(b"")].concat()), GzipFault::TrailingData);
        assert_eq!(fault(&[&good[..], &good].concat()), GzipFault::TrailingData);
        assert_eq!(fault(&[&good[..], b"\0"].concat()), GzipFault::TrailingData);
        for length in 0..good.len() {
            assert_eq!(fault(&good[..length]), GzipFault::Truncated, "{length}");
        }
    }

    #[test]
    fn a_fault_is_where_its_record_begins_or_where_the_stream_should_have_ended() {
        let good = member(b"content");
        let trailer = good.len() - TRAILER_BYTES;
        let changed = |at: usize| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            bytes
        };
        for (bytes, position, fault) in [
            (changed(0), 0, GzipFault::Magic),
            (changed(trailer), trailer, GzipFault::Crc),
            (changed(trailer + 4), trailer, GzipFault::Length),
            (good[..trailer].to_vec(), trailer, GzipFault::Truncated),
            ([&good[..], b"x"].concat(), good.len(), GzipFault::TrailingData),
        ] {
            let position = position as u64;
            assert_eq!(decode(&bytes, bytes.len()), Err(ArchiveError::Gzip { position, fault }));
        }
    }

    #[test]
    fn trailer_and_header_must_fit() {
        let good = member(b"content");
        let with = |at: usize, xor: u8| {
            let mut bytes = good.clone();
            bytes[at] ^= xor;
            bytes
        };
        assert_eq!(fault(&with(good.len() - 8, 1)), GzipFault::Crc);
        assert_eq!(fault(&with(good.len() - 1, 1)), GzipFault::Length);
        assert_eq!(fault(&with(0, 1)), GzipFault::Magic);
        assert_eq!(fault(&with(2, 1)), GzipFault::Magic);
        for bit in 0..8 {
            assert_eq!(fault(&with(3, 1 << bit)), GzipFault::Flags(1 << bit));
        }
        assert_eq!(fault(&with(10, 7)), GzipFault::Deflate);
        assert_eq!(decode(&with(4, 0xff), 1), Ok(b"content".to_vec()), "the time means nothing");
    }
}
