//! A root folder of its own for runs of the binary, in fresh user and mount namespaces, with files at the names that
//! archives have been known to write to.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::trace;

/// Where the tree is to be installed, and what may be written to on the way.
pub(crate) const PARENT: &str = "/home/user/sdk";
pub(crate) const DESTINATION: &str = "/home/user/sdk/go";
/// The mirror of each run.
pub(crate) const MIRROR: &str = "/mirror";

/// What published attacks and their proofs of concept write to.
const TARGETS: [&str; 23] = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/cron.d/evil",
    "/etc/profile.d/go.sh",
    "/root/.ssh/authorized_keys",
    "/root/.bashrc",
    "/home/user/.bashrc",
    "/home/user/.profile",
    "/home/user/.ssh/authorized_keys",
    "/home/user/.config/go/env",
    "/home/user/.gitconfig",
    "/home/user/go/bin/go",
    "/home/user/bin/go",
    "/home/user/evil",
    "/home/user/x",
    "/usr/local/go/bin/go",
    "/usr/bin/go",
    "/tmp/evil",
    "/tmp/evil.txt",
    "/tmp/x",
    "/tmp/moo",
    "/tmp/slipped.txt",
    "/x",
];
const CONTENT: &[u8] = b"whoever changes this has left the tree\n";

/// One file system object: type and mode, length, links, and content or target.
pub(crate) type Object = (u32, u64, u64, Vec<u8>);

pub(crate) struct Jail {
    folder: tempfile::TempDir,
}

impl Jail {
    /// With the binary and what it links to, or `None` and a word about it where such a root cannot be entered.
    pub(crate) fn new() -> Option<Self> {
        let jail = Self { folder: tempfile::tempdir().unwrap() };
        for dir in ["etc", "home/user/.cache", "home/user/sdk", "mirror", "root", "tmp", "usr", "var/tmp"] {
            fs::create_dir_all(jail.root().join(dir)).unwrap();
        }
        for library in linked_libraries() {
            jail.copy(&library, library.to_str().unwrap());
        }
        jail.copy(Path::new(env!("CARGO_BIN_EXE_goverify")), "/goverify");
        for target in TARGETS {
            jail.plant(Path::new(target));
        }
        symlink("/etc", jail.root().join("home/user/sdk/link")).unwrap();
        let entered = jail.command(&jail.folder.path().join("trace"), &["--version"]).output();
        if entered.is_ok_and(|output| output.status.success()) {
            return Some(jail);
        }
        // Past the test harness, which would swallow what a passing test prints.
        let word = b"skipped: no run in namespaces of its own, which needs strace, unshare and a kernel that lets it\n";
        std::io::stderr().write_all(word).unwrap();
        None
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A place in the jail as seen from outside.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root().join(path.strip_prefix('/').unwrap())
    }

    fn copy(&self, from: &Path, to: &str) {
        let to = self.at(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }

    /// Puts a file where `path` leads, unless something is in the way there.
    fn plant(&self, path: &Path) {
        let inside = self.at(path.to_str().unwrap());
        // A folder where a file should be, a name too long: then there is nothing to be written to either.
        if fs::create_dir_all(inside.parent().unwrap()).is_ok() && !inside.exists() {
            let _ = fs::write(inside, CONTENT);
        }
    }

    /// Puts files where these names of an archive, relative to the tree or to its parent, would lead whoever followed
    /// them; into the tree itself nothing can be put, since it is not there yet.
    pub(crate) fn plant_for(&self, names: &[Vec<u8>]) {
        for name in names {
            let Ok(name) = std::str::from_utf8(name) else { continue };
            for from in [PARENT, DESTINATION] {
                let mut path = PathBuf::from(from);
                for component in Path::new(&name.replace('\\', "/")).components() {
                    match component {
                        Component::RootDir => path = PathBuf::from("/"),
                        Component::ParentDir => _ = path.pop(),
                        Component::Normal(name) => path.push(name),
                        Component::Prefix(_) | Component::CurDir => {}
                    }
                }
                let elsewhere = !path.starts_with(PARENT) && !path.starts_with(MIRROR);
                if elsewhere && path.to_str().is_some_and(|path| !path.contains('\0')) {
                    self.plant(&path);
                }
            }
        }
    }

    /// The binary in the jail, traced into `log`, not yet started.
    fn command(&self, log: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-y", "-s", "4096", "--seccomp-bpf", "-e"])
            .arg(format!("trace=execve,{}", trace::CALLS))
            .arg("-o")
            .arg(log)
            .args(["unshare", "--user", "--map-root-user", "--mount", "--root"])
            .arg(self.root())
            .args(["--wd", "/home/user", "/goverify"])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", "/home/user")
            .env("TMPDIR", "/tmp")
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end; the second value is every call that could have changed a file, with its path.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> (Output, Vec<trace::Change>) {
        let log = self.folder.path().join("trace");
        let output = self.command(&log, arguments).output().unwrap();
        (output, trace::changes(&fs::read_to_string(log).unwrap(), &self.root()))
    }

    /// Everything in the jail but the mirror.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, Object> {
        let mut objects = BTreeMap::new();
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                let content = if metadata.is_dir() {
                    if path != self.at(MIRROR) {
                        folders.push(path.clone());
                    }
                    Vec::new()
                } else if metadata.is_symlink() {
                    fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
                } else if metadata.is_file() && metadata.len() < 4096 {
                    fs::read(&path).unwrap()
                } else {
                    // The binary and its libraries.
                    metadata.mtime_nsec().to_le_bytes().to_vec()
                };
                let length = if metadata.is_dir() { 0 } else { metadata.len() };
                objects.insert(path, (metadata.mode(), length, metadata.nlink(), content));
            }
        }
        objects
    }
}

/// The shared libraries and the loader that the binary names.
fn linked_libraries() -> Vec<PathBuf> {
    let Ok(output) = Command::new("ldd").arg(env!("CARGO_BIN_EXE_goverify")).output() else { return Vec::new() };
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}
