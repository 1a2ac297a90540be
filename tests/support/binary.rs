//! Runs the binary as its users do, in a home of its own where everything that it leaves can be seen.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::sdk::{Files, Sdk};

/// The variables that a user's shell may hold and that would change what the binary does.
const FOREIGN_VARIABLES: [&str; 16] = [
    "GITHUB_STEP_SUMMARY",
    "GOVERIFY_MIRROR",
    "NO_COLOR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "RUST_BACKTRACE",
];
/// Name of the receipt in an installed tree.
pub const RECEIPT: &str = ".goverify.json";

/// A user's folders, all of them empty: home, cache, the system's temporary folder, and one to work in.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self::of(tempfile::tempdir().unwrap())
    }

    /// On a file system in memory, if the machine has one where Linux has it.
    pub fn in_memory() -> Self {
        Self::of(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
    }

    fn of(folder: tempfile::TempDir) -> Self {
        for name in ["home", "cache", "temporary", "work"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// The system's temporary folder, as every run sees it.
    pub fn temporary(&self) -> PathBuf {
        self.folder.path().join("temporary")
    }

    /// The current folder of every run.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Where a mirror may stand; not there yet.
    pub fn mirror(&self) -> PathBuf {
        self.folder.path().join("mirror")
    }

    /// Lets a program, the binary or one that starts it, run in these folders and nowhere else.
    pub fn surround(&self, mut command: Command) -> Command {
        for variable in FOREIGN_VARIABLES {
            command.env_remove(variable);
        }
        command
            .env("HOME", self.home())
            .env("XDG_CACHE_HOME", self.cache())
            .env("TMPDIR", self.temporary())
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    /// The binary, not yet started.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.surround(Command::new(env!("CARGO_BIN_EXE_goverify")));
        command.args(arguments);
        command
    }

    /// Runs the binary to its end.
    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// Files in the cache, with their sizes. Its folders are no matter: they are safe to keep and to delete.
    pub fn cached(&self) -> Vec<(String, u64)> {
        let files = snapshot(&self.cache()).into_iter().filter(|name| !name.ends_with('/'));
        files.map(|name| (name.clone(), fs::symlink_metadata(self.cache().join(name)).unwrap().len())).collect()
    }

    /// What a failure may leave: nothing, but for partial downloads, which only the caller can judge.
    #[track_caller]
    pub fn assert_untouched(&self) {
        assert_eq!(snapshot(&self.home()), [""; 0], "in the home folder");
        assert_eq!(snapshot(&self.temporary()), [""; 0], "in the temporary folder");
    }
}

/// What came of one run.
#[derive(Debug)]
pub struct Run {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    #[track_caller]
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output in UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Asserts the exit code, and that no thread panicked on the way.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }

    /// The one document on stdout, which says the exit code itself.
    #[track_caller]
    pub fn json(&self) -> Value {
        let document: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"));
        assert_eq!(document["schema"], "goverify.report/1", "{self:#?}");
        assert_eq!(document["exit_code"].as_i64().map(|code| code as i32), self.code, "{self:#?}");
        document
    }

    /// The only result of the document.
    #[track_caller]
    pub fn result(&self) -> Value {
        let document = self.json();
        assert_eq!(document["results"].as_array().unwrap().len(), 1, "{self:#?}");
        assert_eq!(document["verdict"], document["results"][0]["verdict"], "{self:#?}");
        document["results"][0].clone()
    }

    /// The code of the only result's error.
    #[track_caller]
    pub fn error_code(&self) -> String {
        self.result()["error"]["code"].as_str().unwrap_or_else(|| panic!("no error: {self:#?}")).to_owned()
    }
}

/// The result's check of this name.
#[track_caller]
pub fn check<'a>(result: &'a Value, name: &str) -> &'a Value {
    let checks = result["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no check {name}: {result:#}"))
}

/// All names below `dir`, hidden ones too, sorted; those of folders end in a slash. No link is followed.
#[track_caller]
pub fn snapshot(dir: &Path) -> Vec<String> {
    fn walk(dir: &Path, prefix: &str, names: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                let name = format!("{name}/");
                walk(&entry.path(), &name, names);
                names.push(name);
            } else {
                names.push(name);
            }
        }
    }
    let mut names = Vec::new();
    walk(dir, "", &mut names);
    names.sort();
    names
}

/// Content and mode of all files below `dir`; where files have no mode, 0644.
#[track_caller]
pub fn tree(dir: &Path) -> Files {
    let mut files = BTreeMap::new();
    for name in snapshot(dir) {
        let path = dir.join(&name);
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            assert_eq!(mode(&metadata, 0o755), 0o755, "{}", path.display());
        } else {
            assert!(metadata.is_file(), "{} is no regular file", path.display());
            files.insert(name, (fs::read(&path).unwrap(), mode(&metadata, 0o644)));
        }
    }
    files
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata, _: u32) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata, default: u32) -> u32 {
    default
}

/// Asserts that `dir` holds the files of `sdk`, with the receipt or without, and nothing else.
#[track_caller]
pub fn assert_installed(dir: &Path, sdk: &Sdk, with_receipt: bool) {
    let mut files = tree(dir);
    let receipt = files.remove(RECEIPT);
    assert_eq!(receipt.is_some(), with_receipt, "{}", dir.display());
    assert!(receipt.is_none_or(|(_, mode)| mode == 0o644));
    assert_eq!(mode(&fs::symlink_metadata(dir).unwrap(), 0o755), 0o755, "{}", dir.display());
    let expected = sdk.files();
    assert_eq!(files.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{}", dir.display());
    for (path, (content, mode)) in &files {
        assert!(*content == expected[path].0, "{path}: another content");
        assert!(*mode == expected[path].1 || cfg!(not(unix)), "{path}: mode {mode:o}");
    }
}

/// Serves the files of a mirror; its index also answers go.dev/dl's query.
#[cfg(feature = "net")]
pub fn serve_mirror(files: &BTreeMap<String, Vec<u8>>) -> super::server::Server {
    use super::server::{Response, Server};

    let server = Server::start();
    for (name, content) in files {
        server.serve(&format!("/{name}"), Response::file(content.clone()), []);
    }
    server.serve(INDEX_QUERY, Response::document("application/json", files["index.json"].clone()), []);
    server
}

/// Where the index is asked for.
#[cfg(feature = "net")]
pub const INDEX_QUERY: &str = "/?mode=json&include=all";
