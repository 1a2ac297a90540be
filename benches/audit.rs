//! What an audit costs beside what it cannot do without: hashing the same bytes on all cores.
//!
//! `cargo bench --bench audit -- [TREE]`; without a tree one is made, with as many files and bytes as go1.27.1 has.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot go on has failed, and prints")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use goverify::audit::{Modes, compare, walk};
use goverify::trust::TreeForm;
use sha2::{Digest, Sha256};

const RUNS: usize = 15;

fn main() {
    let home = tempfile::tempdir().unwrap();
    let argument = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let root = argument.map(PathBuf::from).unwrap_or_else(|| make_tree(home.path()));
    let manifest = walk(&root).unwrap().manifest().clone();
    let paths: Vec<PathBuf> = manifest.file_entries().map(|file| root.join(file.path.as_str())).collect();
    let contents: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    println!("{} files, {} bytes, {} threads", manifest.files(), manifest.unpacked_bytes(), threads());

    let audit = || {
        let tree = walk(&root).unwrap();
        assert!(compare(&tree, &manifest, TreeForm::Sdk, Modes::Harmless).is_empty());
    };
    let in_memory = || on_all_cores(contents.len(), |at| digest(contents.get(at).unwrap()));
    let from_files = || on_all_cores(paths.len(), |at| digest(&fs::read(paths.get(at).unwrap()).unwrap()));
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    // Taken in turns, so that a noisy moment of the machine meets all of them.
    for _ in 0..RUNS {
        for (times, job) in times.iter_mut().zip([&audit as &dyn Fn(), &in_memory, &from_files]) {
            let start = Instant::now();
            job();
            times.push(start.elapsed());
        }
    }
    let [audit, in_memory, from_files] = times.map(median);
    println!("SHA-256 of the bytes in memory      {:8.1} ms", milliseconds(in_memory));
    println!("SHA-256 of the bytes read from files {:7.1} ms", milliseconds(from_files));
    println!("audit: walk, read, SHA-256, compare {:8.1} ms", milliseconds(audit));
    println!("audit / read from files             {:8.2}", audit.as_secs_f64() / from_files.as_secs_f64());
    println!("audit / in memory                   {:8.2}", audit.as_secs_f64() / in_memory.as_secs_f64());
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn digest(bytes: &[u8]) {
    std::hint::black_box(Sha256::digest(bytes));
}

fn on_all_cores(count: usize, job: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    job(at);
                }
            });
        }
    });
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// 15,639 files in 1,564 directories, 12 of them large: about what a release has.
fn make_tree(home: &Path) -> PathBuf {
    let root = home.join("go");
    for number in 0..15_639 {
        let package = number % 1_564;
        let directory = root.join(format!("src/area{}/package{package}", package % 40));
        if number < 1_564 {
            fs::create_dir_all(&directory).unwrap();
        }
        let length = if number % 1_303 == 0 { 9 << 20 } else { 2_000 + number % 13_000 };
        let content: Vec<u8> = (0..length).map(|at| u8::try_from((at ^ number) % 251).unwrap()).collect();
        fs::write(directory.join(format!("a_source_file_{number}.go")), content).unwrap();
    }
    root
}
