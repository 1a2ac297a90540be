//! Runs of the binary that are watched while they go on, and SDKs that give them something to do.
//!
//! Nothing in here waits for a time to pass: a test polls for what it needs to see, and fails when that does not come.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::binary::Run;
use super::depot::Depot;
use super::sdk::Sdk;

/// How often a test looks.
const POLL: Duration = Duration::from_millis(1);
/// How long a test looks; only a failure takes that long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Files of the large SDK that lie in one folder.
const MANY: usize = 600;

/// An SDK that is unpacked at once.
pub fn small() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

/// An SDK that takes a while to unpack.
pub fn large() -> Sdk {
    (0..MANY).fold(small(), |sdk, number| sdk.with_file(&file(number), noise(16, number as u64), 0o644))
}

/// One of the many files of [`large`].
pub fn file(number: usize) -> String {
    format!("src/many/{number:04}.go")
}

/// An SDK whose archive takes many reads.
pub fn heavy() -> Sdk {
    small().with_file("src/noise", noise(50_000, 1), 0o644)
}

/// Numbers that do not compress well, the same every time.
pub fn noise(words: u64, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state ^ (state >> 29)).to_le_bytes()
    };
    (0..words).flat_map(|_| next()).collect()
}

/// Returns as soon as something is seen.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(POLL);
    }
}

/// A started run, killed if the test fails before its end.
pub struct Started(Child);

impl Started {
    /// With both streams kept for its end.
    pub fn new(mut command: Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// What came of it, soon.
    #[track_caller]
    pub fn end(mut self) -> Run {
        wait_until("the run ends", || self.has_ended());
        let read = |stream: &mut dyn std::io::Read| {
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        };
        let code = self.0.wait().unwrap().code();
        let stdout = read(&mut self.0.stdout.take().unwrap());
        Run { code, stdout, stderr: read(&mut self.0.stderr.take().unwrap()) }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is in a folder, hidden names too; nothing where there is none.
pub fn names(dir: &Path) -> Vec<OsString> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    names
}

/// The tree that is being put together beside the destination.
pub fn staging(depot: &Depot) -> Option<PathBuf> {
    let parent = depot.destination().parent().unwrap().to_owned();
    let name = names(&parent).into_iter().find(|name| {
        let name = name.to_str().unwrap();
        name.starts_with(".go.goverify-") && !name.ends_with(".lock")
    })?;
    Some(parent.join(name))
}

/// Whether a process of this number, or `self`, was started by `nohup` or its like and kept to it; as if it did where
/// nothing says so, since a run leaves SIGHUP alone there.
pub fn ignores_hangup(process: &str) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else { return true };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1
}

/// How much of a download waits to be continued.
pub fn kept_bytes(depot: &Depot) -> u64 {
    depot.home.cached().into_iter().filter(|(name, _)| name.ends_with(".partial")).map(|(_, size)| size).sum()
}
