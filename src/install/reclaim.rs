//! Gives a memory file system the pages of the spool back as soon as their content has been written to its place.
//!
//! - Without it a tree on tmpfs would need its size twice while it is unpacked, and every page of it would be a
//!   fresh one; with it, the pages just read are the next to be written.
//! - Only where it is cheap and sure: tmpfs on Linux. File systems on disk would write the pages out first.
//! - Only whole pages between the first and the last byte that one thread has consumed are given back, so that no
//!   byte that another still needs is lost. It cannot fail: what is not given back now is freed with the spool.

use std::fs::File;
use std::ops::Range;

/// Bytes that are given back at once; fewer would make as many system calls as there are files.
const RUN_BYTES: u64 = 512 << 10;
/// The longest gap in which there can be no content: padding and one header.
const GAP_BYTES: u64 = 1023;
/// The size of a page; where pages are larger, what is left of them is zeroed and freed later.
const PAGE_BYTES: u64 = 4096;

/// One thread's account of what it has consumed.
pub(super) struct Reclaim<'a> {
    spool: Option<&'a File>,
    run: Range<u64>,
}

impl<'a> Reclaim<'a> {
    pub(super) fn new(spool: &'a File) -> Self {
        Self { spool: is_in_memory(spool).then_some(spool), run: 0..0 }
    }

    /// The content in `range` is not needed any more.
    pub(super) fn consumed(&mut self, range: Range<u64>) {
        let follows = range.start.checked_sub(self.run.end).is_some_and(|gap| gap <= GAP_BYTES);
        if follows {
            self.run.end = range.end;
        } else {
            self.give_back();
            self.run = range;
        }
        if self.run.end - self.run.start >= RUN_BYTES {
            self.give_back();
            self.run.start = self.run.end;
        }
    }

    fn give_back(&self) {
        let (start, end) = (self.run.start.next_multiple_of(PAGE_BYTES), self.run.end / PAGE_BYTES * PAGE_BYTES);
        if let Some(spool) = self.spool.filter(|_| start < end) {
            punch(spool, start, end - start);
        }
    }
}

#[cfg(target_os = "linux")]
fn is_in_memory(file: &File) -> bool {
    /// `TMPFS_MAGIC` of linux/magic.h.
    const TMPFS: i64 = 0x0102_1994;
    #[allow(clippy::unnecessary_cast, reason = "the field's type differs from machine to machine")]
    rustix::fs::fstatfs(file).is_ok_and(|found| found.f_type as i64 == TMPFS)
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &File) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn punch(file: &File, position: u64, length: u64) {
    use rustix::fs::FallocateFlags;
    let _ = rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, position, length);
}

#[cfg(not(target_os = "linux"))]
fn punch(_: &File, _: u64, _: u64) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{FileExt, MetadataExt};
    use std::path::Path;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// A file in memory whose every byte is 7.
    fn spool(size_bytes: u64) -> Option<File> {
        let mut file = tempfile::tempfile_in(Path::new("/dev/shm")).ok().filter(is_in_memory)?;
        for _ in 0..size_bytes / MIB {
            file.write_all(&vec![7; 1 << 20]).unwrap();
        }
        Some(file)
    }

    fn skipped() {
        std::io::stderr().write_all(b"skipped: /dev/shm is no memory file system\n").unwrap();
    }

    #[test]
    fn what_was_consumed_is_given_back_and_nothing_else() {
        let Some(spool) = spool(4 * MIB) else { return skipped() };
        let before = spool.metadata().unwrap().blocks();
        let mut reclaim = Reclaim::new(&spool);
        let consumed = 1_000_001..3 * MIB - 1_000;
        reclaim.consumed(consumed.clone());
        let freed = (before - spool.metadata().unwrap().blocks()) * 512;
        assert!(freed > consumed.end - consumed.start - 2 * PAGE_BYTES, "{freed} bytes");
        let mut content = vec![0; 4 << 20];
        spool.read_exact_at(&mut content, 0).unwrap();
        for (at, byte) in (0..).zip(content) {
            assert!(byte == 7 || consumed.contains(&at), "byte {at}");
        }
    }

    #[test]
    fn neighbours_are_one_run_and_a_file_between_them_parts_it() {
        let Some(spool) = spool(2 * MIB) else { return skipped() };
        let mut reclaim = Reclaim::new(&spool);
        reclaim.consumed(0..100);
        reclaim.consumed(1024..5000);
        assert_eq!(reclaim.run, 0..5000);
        // Padding, a header, 512 bytes of somebody else's content, and a header.
        reclaim.consumed(5120 + 512 + 512 + 512..9000);
        assert_eq!(reclaim.run, 6656..9000);
        reclaim.consumed(2000..3000);
        assert_eq!(reclaim.run, 2000..3000);
    }
}
