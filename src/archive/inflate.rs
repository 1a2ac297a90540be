//! Raw deflate (RFC 1951), which is what gzip members hold.
//!
//! The stream says itself where it ends. Its CRC-32 and its lengths are counted here and compared by whoever knows
//! what they should be.

use flate2::{Decompress, FlushDecompress, Status};

/// Data that no compressor makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidDeflate;

/// What one step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes used of the input.
    pub(super) taken: usize,
    /// Bytes written from the output's start.
    pub(super) made: usize,
    /// Whether the stream ends here; what follows in the input is not its own.
    pub(super) ended: bool,
}

/// A decoder of one stream.
pub(super) struct Inflate {
    stream: Decompress,
    crc: crc32fast::Hasher,
}

impl Inflate {
    pub(super) fn new() -> Self {
        Self { stream: Decompress::new(false), crc: crc32fast::Hasher::new() }
    }

    /// Takes from `input` and fills `output` from its start. Using none of either means that both are exhausted.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, InvalidDeflate> {
        let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(input, output, FlushDecompress::None).map_err(|_| InvalidDeflate)?;
        // Both differences are at most the lengths of the slices.
        let taken = usize::try_from(self.stream.total_in() - before_in).unwrap_or(usize::MAX);
        let made = usize::try_from(self.stream.total_out() - before_out).unwrap_or(usize::MAX);
        self.crc.update(output.get(..made).unwrap_or_default());
        Ok(Step { taken, made, ended: status == Status::StreamEnd })
    }

    /// Length of its content so far, in bytes.
    pub(super) fn content_bytes(&self) -> u64 {
        self.stream.total_out()
    }

    /// CRC-32 of its content so far.
    pub(super) fn crc(&self) -> u32 {
        self.crc.clone().finalize()
    }
}

/// A whole stream, for the tests of this room.
#[cfg(test)]
pub(super) fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, content).unwrap();
    encoder.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_deflate_is_refused() {
        assert_eq!(Inflate::new().step(&[0xff; 9], &mut [0; 9]), Err(InvalidDeflate));
        let end_is_missing = Inflate::new().step(&[], &mut [0; 9]);
        assert_eq!(end_is_missing, Ok(Step { taken: 0, made: 0, ended: false }));
    }
}
