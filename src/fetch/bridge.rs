//! The bridge from async chunks to a sync reader.
//!
//! - It holds at most [`CHUNKS_IN_FLIGHT`] chunks; a slow consumer stops the transfer, not the memory.
//! - The end is said: only [`Frame::End`] is an end of file. A closed channel or [`Frame::Failed`] is an I/O error, on
//!   every further read as well.

use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

/// How many chunks wait for the consumer; one is a read buffer of the transport, 0.4 MB at most.
const CHUNKS_IN_FLIGHT: usize = 16;

/// What crosses the bridge.
pub(super) enum Frame {
    /// The next bytes.
    Chunk(Bytes),
    /// The transfer is complete.
    End,
    /// The transfer failed; its other end knows why.
    Failed,
}

/// Makes both ends.
pub(super) fn bridge() -> (mpsc::Sender<Frame>, BridgeReader) {
    let (sender, frames) = mpsc::channel(CHUNKS_IN_FLIGHT);
    (sender, BridgeReader { frames, chunk: Bytes::new(), state: State::Open })
}

/// The sync end.
pub(super) struct BridgeReader {
    frames: mpsc::Receiver<Frame>,
    chunk: Bytes,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Failed,
}

impl BufRead for BridgeReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunk.is_empty() && self.state == State::Open {
            match self.frames.blocking_recv() {
                Some(Frame::Chunk(chunk)) => self.chunk = chunk,
                Some(Frame::End) => self.state = State::Ended,
                Some(Frame::Failed) | None => self.state = State::Failed,
            }
        }
        if self.state == State::Failed {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the transfer failed"));
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, count: usize) {
        self.chunk.advance(count);
    }
}

impl Read for BridgeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(frames: Vec<Frame>) -> (io::Result<usize>, Vec<u8>, BridgeReader) {
        let (sender, mut reader) = bridge();
        for frame in frames {
            sender.try_send(frame).unwrap_or_else(|_| panic!("full"));
        }
        drop(sender);
        let mut bytes = Vec::new();
        (reader.read_to_end(&mut bytes), bytes, reader)
    }

    fn chunks() -> Vec<Frame> {
        ["he", "", "llo"].into_iter().map(|text| Frame::Chunk(Bytes::from_static(text.as_bytes()))).collect()
    }

    #[test]
    fn a_said_end_is_an_end_of_file() {
        let mut frames = chunks();
        frames.push(Frame::End);
        let (count, bytes, mut reader) = read(frames);
        assert_eq!((count.unwrap(), bytes.as_slice()), (5, &b"hello"[..]));
        assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0);
    }

    #[test]
    fn a_closed_channel_is_not_an_end_of_file() {
        let (count, bytes, mut reader) = read(chunks());
        assert_eq!(count.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(bytes, b"hello");
        assert!(reader.read(&mut [0; 1]).is_err());
    }

    #[test]
    fn a_failed_transfer_stays_failed() {
        let mut frames = chunks();
        frames.extend([Frame::Failed, Frame::End]);
        let (count, _, mut reader) = read(frames);
        assert!(count.is_err());
        assert!(reader.read(&mut [0; 1]).is_err());
    }
}
