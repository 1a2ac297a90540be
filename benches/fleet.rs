//! What mirrors of many small releases cost to make and to check.
//!
//! `cargo bench --bench fleet -- FOLDER [RELEASES...]`; FOLDER gets the mirrors, which stay there. Each release is for ten
//! platforms, and the log holds all of them. Prints a table; memory is the most that the process ever had.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot go on has failed, and prints")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::keys::Signer;
use support::log::TestLog;
use support::mirror::mirror_files;
use support::record::record;
use support::sdk::Sdk;

const PLATFORMS: [&str; 10] = [
    "darwin/amd64",
    "darwin/arm64",
    "freebsd/386",
    "freebsd/amd64",
    "linux/386",
    "linux/amd64",
    "linux/arm",
    "linux/arm64",
    "windows/386",
    "windows/amd64",
];
const RELEASES: [u32; 3] = [3, 30, 300];
/// Records of others for each of ours, so that tiles are shared as little as they are in a real log.
const OTHERS: u64 = 20;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let Some(folder) = arguments.next() else {
        println!("skipped: fleet needs a folder");
        return;
    };
    let releases: Vec<u32> = arguments.map(|number| number.parse().unwrap()).collect();
    let releases = if releases.is_empty() { RELEASES.to_vec() } else { releases };
    println!("| archives | pull | second pull | check | memory | second check | memory | of the first |");
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    for releases in releases {
        let folder = Path::new(&folder).join(releases.to_string());
        let mirror = Mirror::of(&folder, releases);
        let (pull, _) = mirror.run(&mirror.pull());
        let (again, _) = mirror.run(&mirror.pull());
        let (check, memory) = mirror.run(&[&mirror.check()[..], &["--fresh".to_owned()]].concat());
        let (second, second_memory) = mirror.run(&mirror.check());
        let ms = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1e3);
        let part = second.as_secs_f64() / check.as_secs_f64() * 1e2;
        println!(
            "| {} | {} | {} | {} | {memory} | {} | {second_memory} | {part:.1} % |",
            releases as usize * PLATFORMS.len(),
            ms(pull),
            ms(again),
            ms(check),
            ms(second),
        );
    }
}

/// A mirror to pull from, and the folders that go with it.
struct Mirror {
    folder: String,
    sumdb: String,
    key: String,
}

impl Mirror {
    fn of(folder: &Path, releases: u32) -> Self {
        // All of one series: later ones could not have been signed as early as these are.
        let versions = (0..releases).map(|number| format!("go1.21.{number}"));
        let sdks: Vec<Sdk> =
            versions.flat_map(|version| PLATFORMS.map(|platform| Sdk::minimal(&version, platform))).collect();
        let signer = Signer::new("fleet", "2024-01-01T00:00:00Z");
        let records: Vec<(u64, String)> = (0..).step_by(OTHERS as usize).zip(sdks.iter().map(record)).collect();
        let given: Vec<_> = records.iter().map(|(number, text)| (*number, text.as_str())).collect();
        let log = TestLog::with(sdks.len() as u64 * OTHERS + 1, &given);
        write(&folder.join("source"), &mirror_files(&sdks, &signer));
        log.write(&folder.join("log"), log.size());
        fs::write(folder.join("key.asc"), signer.certificate()).unwrap();
        fs::create_dir_all(folder.join("home")).unwrap();
        let key = log.key().text();
        let folder = folder.to_str().unwrap().to_owned();
        Self { sumdb: format!("{key} {folder}/log"), folder, key }
    }

    fn pull(&self) -> Vec<String> {
        let folder = &self.folder;
        let fixed = ["mirror", "pull", "all", "-q", "--mirror", &format!("{folder}/source"), "--to"];
        let mut arguments: Vec<String> = fixed.iter().map(|&argument| argument.to_owned()).collect();
        arguments.extend([format!("{folder}/pulled"), "--sumdb".to_owned(), self.sumdb.clone()]);
        arguments.extend(PLATFORMS.iter().flat_map(|platform| ["--platform".to_owned(), (*platform).to_owned()]));
        arguments
    }

    fn check(&self) -> Vec<String> {
        let location = format!("{}/pulled", self.folder);
        ["mirror", "check", &location, "-q", "--offline", "--sumdb", &self.key].map(str::to_owned).to_vec()
    }

    /// How long it took, and the most memory that it had.
    fn run(&self, arguments: &[String]) -> (Duration, String) {
        let peak = format!("{}/peak", self.folder);
        // A shell tells its child's memory once it has waited for it: the child says so itself, at its end.
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%M", "-o", &peak, env!("CARGO_BIN_EXE_goverify")]).args(arguments);
        command.args(["--keyring", &format!("{}/key.asc", self.folder)]).stdout(Stdio::null());
        command.env("HOME", format!("{}/home", self.folder)).env_remove("XDG_CACHE_HOME");
        let start = Instant::now();
        assert!(command.status().unwrap().success(), "{arguments:?}");
        let time = start.elapsed();
        let kilobytes: f64 = fs::read_to_string(peak).unwrap().trim().parse().unwrap();
        (time, format!("{:.0} MB", kilobytes / 1e3))
    }
}

fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}
