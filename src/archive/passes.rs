//! The threads behind the one that reads and hashes: what a format's bytes go through until they are kept.
//!
//! - `.tar.gz`: one thread decompresses, one splits entries and hashes files, one keeps;
//! - `.zip`: one thread decompresses, splits and hashes, since each entry is compressed on its own; one keeps;
//! - the threads that make sense of a stranger's bytes need no file and no network, and are denied both where the
//!   system can do that ([`confine`]). The one that keeps is not: what it calls is the caller's.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::conveyor::{BUFFERS, Incoming, Outgoing, conveyor, decode_all, join, keep_all};
use super::gzip::Gunzip;
use super::layout::Contents;
use super::profile::Profile;
use super::tarball::TarReader;
use super::zip::ZipReader;
use super::{ArchiveError, Keep, TarFault};
use crate::files::confine;

/// What `feed` returned, and what became of the bytes that it sent: they could be kept or not, and if so, they were
/// found in order or not.
pub(super) type Passed<R> = (R, io::Result<Result<Contents, ArchiveError>>);

/// Lets `feed` send a `.tar.gz`.
pub(super) fn tar_gz<R>(
    profile: Profile,
    keep: &mut impl Keep,
    hopeless: &AtomicBool,
    feed: impl FnOnce(Outgoing) -> R,
) -> Passed<R> {
    thread::scope(|scope| {
        let (to_gunzip, compressed) = conveyor();
        let (to_tar, Incoming { full, spent }) = conveyor();
        let gunzip = scope.spawn(move || {
            confine::deny_all();
            decode_all(&mut Gunzip::new(), &compressed, &to_tar)
        });
        let (to_keep, checked) = sync_channel(BUFFERS);
        let tar = scope.spawn(move || {
            confine::deny_all();
            split(&full, profile, &to_keep)
        });
        let keep = scope.spawn(move || keep_all(Incoming { full: checked, spent }, keep, hopeless));
        let fed = feed(to_gunzip);
        let gunzip = join(gunzip);
        let tar = join(tar);
        (fed, join(keep).map(|()| earlier_fault(gunzip, tar)))
    })
}

/// Lets `feed` send a `.zip`.
pub(super) fn zip<R>(keep: &mut impl Keep, hopeless: &AtomicBool, feed: impl FnOnce(Outgoing) -> R) -> Passed<R> {
    thread::scope(|scope| {
        let (to_unzip, compressed) = conveyor();
        let (to_keep, checked) = conveyor();
        let unzip = scope.spawn(move || {
            confine::deny_all();
            let mut reader = ZipReader::new();
            decode_all(&mut reader, &compressed, &to_keep).map(|()| reader.into_contents())
        });
        let keep = scope.spawn(move || keep_all(checked, keep, hopeless));
        let fed = feed(to_unzip);
        let contents = join(unzip);
        (fed, join(keep).map(|()| contents))
    })
}

/// The fault that comes first in the stream, whichever thread was first to meet one. Behind a broken gzip stream,
/// the tar stream is always found to end early, which says nothing.
fn earlier_fault(
    gunzip: Result<(), ArchiveError>,
    tar: Result<Contents, ArchiveError>,
) -> Result<Contents, ArchiveError> {
    match (gunzip, tar) {
        (Err(error), Ok(_) | Err(ArchiveError::Tar { fault: TarFault::Truncated, .. })) => Err(error),
        (_, tar) => tar,
    }
}

fn split(from: &Receiver<Vec<u8>>, profile: Profile, to_keep: &SyncSender<Vec<u8>>) -> Result<Contents, ArchiveError> {
    let mut reader = TarReader::new(profile);
    for bytes in from {
        reader.push(&bytes)?;
        if to_keep.send(bytes).is_err() {
            // Nobody keeps it, and whoever should have says why. To go on reading would be to no end.
            break;
        }
    }
    reader.finish()
}
