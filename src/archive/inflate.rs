//! Raw deflate (RFC 1951), which is what gzip members and zip entries hold.
//!
//! The stream says itself where it ends. Its CRC-32 and its lengths are counted here and compared by whoever knows
//! what they should be.

use flate2::{Decompress, FlushDecompress, Status};

/// Data that no compressor makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidDeflate;

/// What one step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Bytes used of the input.
    pub(crate) taken: usize,
    /// Bytes written from the output's start.
    pub(crate) made: usize,
    /// Whether the stream ends here; what follows in the input is not its own.
    pub(crate) ended: bool,
}

/// A decoder of one stream after another.
pub(crate) struct Inflate {
    stream: Decompress,
    crc: crc32fast::Hasher,
}

impl Inflate {
    pub(crate) fn new() -> Self {
        Self { stream: Decompress::new(false), crc: crc32fast::Hasher::new() }
    }

    /// Takes from `input` and fills `output` from its start. Using none of either means that both are exhausted.
    pub(crate) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, InvalidDeflate> {
        let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(input, output, FlushDecompress::None).map_err(|_| InvalidDeflate)?;
        // Both differences are at most the lengths of the slices.
        let taken = usize::try_from(self.stream.total_in() - before_in).unwrap_or(usize::MAX);
        let made = usize::try_from(self.stream.total_out() - before_out).unwrap_or(usize::MAX);
        self.crc.update(output.get(..made).unwrap_or_default());
        Ok(Step { taken, made, ended: status == Status::StreamEnd })
    }

    /// Length of the stream so far, in bytes.
    pub(crate) fn compressed_bytes(&self) -> u64 {
        self.stream.total_in()
    }

    /// Length of its content so far, in bytes.
    pub(crate) fn content_bytes(&self) -> u64 {
        self.stream.total_out()
    }

    /// CRC-32 of its content so far.
    pub(crate) fn crc(&self) -> u32 {
        self.crc.clone().finalize()
    }

    /// Makes ready for another stream.
    pub(crate) fn reset(&mut self) {
        self.stream.reset(false);
        self.crc.reset();
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
    fn streams_are_read_one_after_another_and_none_takes_a_byte_of_the_next() {
        let contents: [&[u8]; 4] = [b"one", b"", &[7; 5000], b"the last one"];
        let streams = contents.map(deflated).concat();
        for piece in [1, 3, streams.len()] {
            let mut inflate = Inflate::new();
            let (mut at, mut output) = (0, [0; 64]);
            for content in contents {
                let mut made = Vec::new();
                loop {
                    let end = streams.len().min(at + piece);
                    let step = inflate.step(&streams[at..end], &mut output).unwrap();
                    at += step.taken;
                    made.extend_from_slice(&output[..step.made]);
                    if step.ended {
                        break;
                    }
                }
                assert_eq!(made, content);
                assert_eq!(inflate.compressed_bytes(), deflated(content).len() as u64);
                assert_eq!((inflate.content_bytes(), inflate.crc()), (content.len() as u64, crc32fast::hash(content)));
                inflate.reset();
                assert_eq!((inflate.compressed_bytes(), inflate.content_bytes(), inflate.crc()), (0, 0, 0));
            }
            assert_eq!(at, streams.len());
        }
    }

    #[test]
    fn what_is_no_deflate_is_refused() {
        assert_eq!(Inflate::new().step(&[0xff; 9], &mut [0; 9]), Err(InvalidDeflate));
        let end_is_missing = Inflate::new().step(&[], &mut [0; 9]);
        assert_eq!(end_is_missing, Ok(Step { taken: 0, made: 0, ended: false }));
    }
}
