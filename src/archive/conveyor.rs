//! How the threads of one pass hand each other buffers.
//!
//! A conveyor is a pair of bounded channels: one carries full buffers, the other brings the spent ones back, so that
//! memory stays the same however long the stream is.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{ArchiveError, Keep};

/// Size of the buffers that go round, in bytes.
pub(super) const BUFFER_BYTES: usize = 256 << 10;
/// Buffers between two threads: enough to ride out each other's hiccups.
pub(super) const BUFFERS: usize = 8;

/// The end of a conveyor where buffers are filled.
pub(super) struct Outgoing {
    pub(super) full: SyncSender<Vec<u8>>,
    pub(super) spent: Receiver<Vec<u8>>,
}

/// The end where they are emptied.
pub(super) struct Incoming {
    pub(super) full: Receiver<Vec<u8>>,
    pub(super) spent: SyncSender<Vec<u8>>,
}

pub(super) fn conveyor() -> (Outgoing, Incoming) {
    let (to, full) = sync_channel(BUFFERS);
    let (spent, back) = sync_channel(BUFFERS);
    for _ in 0..BUFFERS {
        // There is room for all of them.
        let _ = spent.try_send(vec![0; BUFFER_BYTES]);
    }
    (Outgoing { full: to, spent: back }, Incoming { full, spent })
}

/// Waits for a thread; its panic is ours.
pub(super) fn join<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Something that turns one stream into another.
pub(super) trait Decode {
    /// Takes from `input` and fills `output` from its start; returns how many bytes of each were used. Using
    /// none of either means that both are exhausted.
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), ArchiveError>;

    /// To be called at the end of the input.
    fn finish(&self) -> Result<(), ArchiveError>;
}

/// Decodes all that comes in. What goes out before a fault is told goes out all the same.
pub(super) fn decode_all(decoder: &mut impl Decode, from: &Incoming, to: &Outgoing) -> Result<(), ArchiveError> {
    let mut output = to.spent.recv().unwrap_or_default();
    let mut filled = 0;
    let result = decode_into(&mut output, &mut filled, decoder, from, to);
    output.truncate(filled);
    let _ = to.full.send(output);
    result
}

/// What is left in `output` when this returns is the end of the stream, or of what can be read of it.
fn decode_into(
    output: &mut Vec<u8>,
    filled: &mut usize,
    decoder: &mut impl Decode,
    from: &Incoming,
    to: &Outgoing,
) -> Result<(), ArchiveError> {
    for input in &from.full {
        let mut rest = &input[..];
        loop {
            let (taken, made) = decoder.decode(rest, output.get_mut(*filled..).unwrap_or_default())?;
            rest = rest.get(taken..).unwrap_or_default();
            *filled += made;
            if *filled == output.len() {
                let Ok(next) = to.spent.recv() else { return Ok(()) };
                if to.full.send(std::mem::replace(output, next)).is_err() {
                    // Whoever is at the other end has found a fault, which it will report.
                    return Ok(());
                }
                output.resize(BUFFER_BYTES, 0);
                *filled = 0;
            } else if taken == 0 && made == 0 {
                break;
            }
        }
        let _ = from.spent.try_send(input);
    }
    decoder.finish()
}

/// Keeps all that comes in; sets `hopeless` when that fails.
pub(super) fn keep_all(from: Incoming, keep: &mut impl Keep, hopeless: &AtomicBool) -> io::Result<()> {
    for bytes in from.full {
        keep.keep(&bytes).inspect_err(|_| hopeless.store(true, Ordering::Relaxed))?;
        let _ = from.spent.try_send(bytes);
    }
    Ok(())
}
