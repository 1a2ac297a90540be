//! A mirror that `goverify mirror pull` makes of another one, and checks of it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::binary::{Run, snapshot};
use super::logged::Logged;
use super::sdk::Sdk;

/// The archives that are pulled unless a test says otherwise.
pub const TARGETS: [&str; 3] = ["src", "linux/amd64", "windows/amd64"];

/// A mirror to pull from, its log, and the folder to pull into.
pub struct Pulled {
    pub logged: Logged,
}

impl Pulled {
    /// A mirror of these archives and of nothing else; nothing is pulled yet.
    pub fn from(sdks: &[Sdk]) -> Self {
        // Source is in no log.
        let recorded: Vec<_> = sdks.iter().filter(|sdk| !sdk.name().to_string().contains(".src.")).cloned().collect();
        let pulled = Self { logged: Logged::recording(sdks, &recorded) };
        pulled.logged.depot.write();
        pulled
    }

    /// One release for [`TARGETS`].
    pub fn of_one_release() -> Self {
        Self::from(&TARGETS.map(|target| Sdk::new("go1.22.5", target)))
    }

    /// Where the mirror is that is made.
    pub fn folder(&self) -> PathBuf {
        self.logged.depot.home.mirror().with_file_name("pulled")
    }

    pub fn location(&self) -> String {
        self.folder().to_str().unwrap().to_owned()
    }

    /// The files of it, dot files too.
    pub fn names(&self) -> Vec<String> {
        snapshot(&self.folder()).into_iter().filter(|name| !name.ends_with('/')).collect()
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder().join(name)).unwrap()
    }

    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.folder().join(name), content).unwrap();
    }

    /// Pulls with these arguments from the mirror's folder.
    #[track_caller]
    pub fn pull(&self, arguments: &[&str]) -> Run {
        let mirror = self.logged.depot.home.mirror();
        self.pull_from(mirror.to_str().unwrap(), arguments)
    }

    #[track_caller]
    pub fn pull_from(&self, mirror: &str, arguments: &[&str]) -> Run {
        let (to, sumdb) = (self.location(), self.logged.sumdb());
        let log = if arguments.contains(&"--sumdb") { Vec::new() } else { vec!["--sumdb", &sumdb] };
        let common = ["mirror", "pull", "--keyring", "keyring.pgp", "--mirror", mirror, "--to", &to];
        self.logged.depot.home.run([&common[..], &log, arguments].concat())
    }

    /// Pulls the one release for all of its targets.
    #[track_caller]
    pub fn pull_all(&self, further: &[&str]) -> Run {
        let targets = TARGETS.map(|target| ["--platform", target]).concat();
        self.pull(&[&["1.22.5"], &targets[..], further].concat())
    }

    /// Checks what was made, asking nobody.
    #[track_caller]
    pub fn check(&self, further: &[&str]) -> Run {
        self.check_at(&self.location(), &[&["--offline"], further].concat())
    }

    #[track_caller]
    pub fn check_at(&self, location: &str, further: &[&str]) -> Run {
        let key = self.logged.key();
        let common = ["mirror", "check", location, "--keyring", "keyring.pgp", "--sumdb", &key];
        self.logged.depot.home.run([&common[..], further].concat())
    }
}

/// What a document says of an archive, by its file name.
#[track_caller]
pub fn result_of<'a>(document: &'a Value, name: &str) -> &'a Value {
    let results = document["results"].as_array().unwrap();
    let found = results.iter().find(|result| result["archive"]["filename"] == name);
    found.unwrap_or_else(|| panic!("nothing of {name}: {document:#}"))
}
