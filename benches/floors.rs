//! What no fetch of an archive can do without, each alone: decompressing it, and creating its files.
//!
//! `cargo bench --bench floors -- ARCHIVE.tar.gz FOLDER`; prints a line a floor, its name and milliseconds. FOLDER gets a
//! new tree, which stays there. Nothing is checked here.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot go on has failed, and prints")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use flate2::{Decompress, FlushDecompress, Status};

/// Fixed header and trailer of a gzip member without names (RFC 1952 §2.3).
const HEADER_BYTES: usize = 10;
const TRAILER_BYTES: usize = 8;
/// What the pipeline hands from thread to thread.
const BUFFER_BYTES: usize = 256 << 10;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let [archive, folder] = arguments.as_slice() else {
        println!("skipped: floors needs an archive and a folder");
        return;
    };
    let compressed = fs::read(archive).unwrap();
    let deflated = compressed.get(HEADER_BYTES..compressed.len() - TRAILER_BYTES).unwrap();
    println!("gunzip {:.1}", milliseconds(|| inflate(deflated, |_| {})));

    let mut tar = Vec::new();
    inflate(deflated, |bytes| tar.extend_from_slice(bytes));
    let mut files = files(&tar);
    files.sort_by(|(one, _), (other, _)| one.parent().cmp(&other.parent()));
    for threads in [1, thread::available_parallelism().unwrap().get()] {
        let root = Path::new(folder).join(format!("by-{threads}"));
        for (path, _) in &files {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        }
        println!("create-by-{threads} {:.1}", milliseconds(|| create(&root, &files, threads)));
    }
}

fn milliseconds(job: impl FnOnce()) -> f64 {
    let start = Instant::now();
    job();
    start.elapsed().as_secs_f64() * 1000.0
}

fn inflate(deflated: &[u8], mut take: impl FnMut(&[u8])) {
    let mut stream = Decompress::new(false);
    let mut output = vec![0; BUFFER_BYTES];
    let mut rest = deflated;
    loop {
        let (taken, made) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(rest, &mut output, FlushDecompress::None).unwrap();
        rest = rest.get(usize::try_from(stream.total_in() - taken).unwrap()..).unwrap();
        take(output.get(..usize::try_from(stream.total_out() - made).unwrap()).unwrap());
        if status == Status::StreamEnd {
            return;
        }
    }
}

/// Paths and contents of the files in a tar stream.
fn files(tar: &[u8]) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            found.push((entry.path().unwrap().into_owned(), content));
        }
    }
    found
}

fn create(root: &Path, files: &[(PathBuf, Vec<u8>)], threads: usize) {
    /// Files that a thread takes at once.
    const SHARE: usize = 64;
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(share) = files.chunks(SHARE).nth(next.fetch_add(1, Ordering::Relaxed)) {
                    for (path, content) in share {
                        File::create_new(root.join(path)).unwrap().write_all(content).unwrap();
                    }
                }
            });
        }
    });
}
