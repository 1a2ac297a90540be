//! A release that was fetched with its log's proof, and `goverify audit` of its tree.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::binary::{RECEIPT, Run, check, snapshot};
use super::desk::sha256;
use super::logged::Logged;
use super::record::{h1, h1_of, module_version};
use super::sdk::{Files, Sdk};

/// An installed release, and the log that holds it.
pub struct Audited {
    pub logged: Logged,
}

impl Audited {
    /// `sdk`, fetched from a mirror and recorded by the log.
    pub fn of(sdk: &Sdk) -> Self {
        let audited = Self { logged: Logged::of(std::slice::from_ref(sdk)) };
        audited.logged.depot.write();
        audited.reinstall(&[]);
        audited
    }

    /// The tree. It and what tests put beside it are in the home folder.
    pub fn root(&self) -> PathBuf {
        self.logged.depot.destination()
    }

    pub fn receipt(&self) -> Value {
        serde_json::from_slice(&fs::read(self.root().join(RECEIPT)).unwrap()).unwrap()
    }

    pub fn put_receipt(&self, receipt: &Value) {
        fs::write(self.root().join(RECEIPT), receipt.to_string()).unwrap();
    }

    /// Puts the only release of the mirror where it was, and nothing beside it.
    #[track_caller]
    pub fn reinstall(&self, further: &[&str]) {
        let depot = &self.logged.depot;
        let _ = fs::remove_dir_all(self.root().parent().unwrap());
        let (mirror, log) = (depot.home.mirror(), self.logged.sumdb());
        let log = if further.contains(&"--sumdb") { Vec::new() } else { vec!["--sumdb", &log] };
        depot.fetch(mirror.to_str().unwrap(), &[&["--no-sync"], &log[..], further].concat()).exits(0);
    }

    /// Audits with these arguments alone, which changes nothing in the home folder.
    #[track_caller]
    pub fn audit(&self, arguments: &[&str]) -> Run {
        let home = &self.logged.depot.home;
        let before = state(&home.home());
        let run = home.run([&["audit"], arguments].concat());
        assert_eq!(state(&home.home()), before, "an audit changes nothing");
        assert_eq!(snapshot(&home.home().with_file_name("temporary")), [""; 0], "in the temporary folder");
        run
    }

    /// Audits the tree with the log named by its key alone, which is enough for a receipt with a proof.
    #[track_caller]
    pub fn offline(&self, exit: i32, code: Option<&str>) -> Value {
        self.result(&["--offline", "--sumdb", &self.logged.key()], exit, code)
    }

    /// Audits the tree with a log to ask.
    #[track_caller]
    pub fn online(&self, exit: i32, code: Option<&str>) -> Value {
        self.result(&["--sumdb", &self.logged.sumdb()], exit, code)
    }

    /// The only result of an audit of the tree that must end like this.
    #[track_caller]
    pub fn result(&self, arguments: &[&str], exit: i32, code: Option<&str>) -> Value {
        let root = self.root();
        let result = self.audit(&[arguments, &["--json", root.to_str().unwrap()]].concat()).exits(exit).result();
        assert_eq!(result["error"]["code"].as_str(), code, "{result:#}");
        result
    }

    /// Asserts that the result tells the `h1` of `sdk`, which the log has, and that of the tree, and no single file.
    #[track_caller]
    pub fn assert_tells_both_hashes(&self, sdk: &Sdk, result: &Value) {
        let root = self.root();
        let names = snapshot(&root).into_iter().filter(|name| !name.ends_with('/') && name != RECEIPT);
        let files: Files = names.map(|name| (name.clone(), (fs::read(root.join(name)).unwrap(), 0o644))).collect();
        let (expected, actual) = (h1(sdk), h1_of(&files, &module_version(sdk)));
        assert_ne!(expected, actual);
        let found = check(result, "transparency");
        assert_eq!([&found["status"], &found["expected"], &found["actual"]], ["failed", &expected, &actual]);
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("expected {expected}, got {actual}")), "{message}");
        assert_eq!((drift(result), &result["trust"]), (vec![], &Value::Null));
    }
}

/// The receipt's line about a file.
pub fn line<'a>(receipt: &'a mut Value, path: &str) -> &'a mut Value {
    receipt["files"].as_array_mut().unwrap().iter_mut().find(|file| file["path"] == path).unwrap()
}

/// Changes a file of the tree at `root`, and the receipt's line about it, so that the two agree.
pub fn change_both(root: &Path, receipt: &mut Value, path: &str) {
    change_a_byte(&root.join(path));
    line(receipt, path)["sha256"] = sha256(&fs::read(root.join(path)).unwrap()).into();
}

/// What the result says of the tree: `modified bin/go` and so on, in its order.
#[track_caller]
pub fn drift(result: &Value) -> Vec<String> {
    let drift = result["drift"].as_array().unwrap_or_else(|| panic!("no drift: {result:#}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    drift.iter().map(|one| format!("{} {}", text(&one["change"]), text(&one["path"]))).collect()
}

/// `path` and everything below it, with the time at which anything of it was changed last.
fn state(path: &Path) -> Vec<(PathBuf, u64, u32, i64, i64)> {
    let found = fs::symlink_metadata(path).unwrap();
    let mut all = vec![(path.to_owned(), found.len(), found.mode(), found.ctime(), found.ctime_nsec())];
    // What this user may not list stays a secret.
    if found.is_dir()
        && let Ok(listed) = fs::read_dir(path)
    {
        let mut below: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
        below.sort();
        all.extend(below.iter().flat_map(|path| state(path)));
    }
    all
}

/// Writes a file, and the folders that it needs.
pub fn put(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Changes one bit in the middle of a file.
pub fn change_a_byte(path: &Path) {
    let mut content = fs::read(path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(path, content).unwrap();
}

/// Puts a link in the place of a file.
pub fn replace_by_link(path: &Path, target: impl AsRef<Path>) {
    fs::remove_file(path).unwrap();
    std::os::unix::fs::symlink(target, path).unwrap();
}
