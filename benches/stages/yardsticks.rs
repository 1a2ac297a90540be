//! What nobody can do without: the least that a machine has to do for the same result, with nothing checked.

use std::collections::BTreeSet;
use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use flate2::{Decompress, FlushDecompress, Status};
use sha2::{Digest, Sha256};

/// The header and trailer of a gzip member without optional fields, in bytes.
const GZIP_HEADER_BYTES: usize = 10;
const GZIP_TRAILER_BYTES: usize = 8;
/// As large as the buffers of goverify.
const BUFFER_BYTES: usize = 256 << 10;
/// Files that a thread takes at once, neighbours in few directories.
const SHARE: usize = 32;

/// A file with its path below GOROOT.
pub(crate) struct Content {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// A folder that is removed when this is dropped.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// How many threads a machine has a core for.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Decompresses a gzip member; its CRC is not counted.
pub(crate) fn inflate(archive: &[u8]) {
    let mut stream = Decompress::new(false);
    let mut output = vec![0; BUFFER_BYTES];
    let mut input = &archive[GZIP_HEADER_BYTES..archive.len() - GZIP_TRAILER_BYTES];
    loop {
        let before = stream.total_in();
        let status = stream.decompress(input, &mut output, FlushDecompress::None).unwrap();
        black_box(&output);
        if status == Status::StreamEnd {
            return;
        }
        input = &input[usize::try_from(stream.total_in() - before).unwrap()..];
    }
}

pub(crate) fn digest(bytes: &[u8]) {
    black_box(Sha256::digest(bytes));
}

pub(crate) fn digest_all(files: &[Content], threads: usize) {
    for_each(files, threads, |file| digest(&file.bytes));
}

/// Reads every file below `root` and hashes it.
pub(crate) fn read_all(files: &[Content], root: &Path, threads: usize) {
    for_each(files, threads, |file| digest(&fs::read(root.join(&file.path)).unwrap()));
}

/// Makes all files below `root`, the directories first.
pub(crate) fn create_all(files: &[Content], root: &Path, threads: usize) {
    create_directories(files, root);
    create_files(files, root, threads);
}

pub(crate) fn create_directories(files: &[Content], root: &Path) {
    let directories: BTreeSet<&str> =
        files.iter().filter_map(|file| file.path.rsplit_once('/')).map(|(directory, _)| directory).collect();
    for directory in directories {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
}

pub(crate) fn create_files(files: &[Content], root: &Path, threads: usize) {
    for_each(files, threads, |file| {
        fs::File::create_new(root.join(&file.path)).unwrap().write_all(&file.bytes).unwrap();
    });
}

fn for_each(files: &[Content], threads: usize, work: impl Fn(&Content) + Sync) {
    let next = AtomicUsize::new(0);
    let shares: Vec<&[Content]> = files.chunks(SHARE).collect();
    let run = || {
        while let Some(share) = shares.get(next.fetch_add(1, Ordering::Relaxed)) {
            share.iter().for_each(&work);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
}
