//! What no fetch of an archive can do without, each alone: decompressing it, and creating its files.
//!
//! `cargo bench --bench floors -- ARCHIVE.tar.gz FOLDER`; prints a line a floor, its name and milliseconds. FOLDER gets
//! new trees, which stay there: their directories are made before the clock runs. Nothing is checked here.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and prints"
)]

#[path = "stages/yardsticks.rs"]
#[allow(dead_code, reason = "the stages need more of it")]
mod yardsticks;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use flate2::read::GzDecoder;
use yardsticks::{Content, cores, create_directories, create_files, inflate};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let [archive, folder] = arguments.as_slice() else {
        println!("skipped: floors needs an archive and a folder");
        return;
    };
    let archive = fs::read(archive).unwrap();
    println!("gunzip {:.1}", milliseconds(|| inflate(&archive)));
    let mut files = files(&archive);
    files.sort_by(|one, other| directory(one).cmp(directory(other)));
    for threads in [1, cores()] {
        let root = Path::new(folder).join(format!("by-{threads}"));
        create_directories(&files, &root);
        println!("create-by-{threads} {:.1}", milliseconds(|| create_files(&files, &root, threads)));
    }
}

fn milliseconds(job: impl FnOnce()) -> f64 {
    let start = Instant::now();
    job();
    start.elapsed().as_secs_f64() * 1000.0
}

fn directory(file: &Content) -> &str {
    file.path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The files in an archive.
fn files(archive: &[u8]) -> Vec<Content> {
    let mut found = Vec::new();
    for entry in tar::Archive::new(GzDecoder::new(archive)).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            found.push(Content { path: entry.path().unwrap().to_str().unwrap().to_owned(), bytes });
        }
    }
    found
}
