//! A mirror for `goverify fetch`, in a folder and on a server, and a user who trusts the key that signed it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::binary::{Home, INDEX_QUERY, Run, serve_mirror};
use super::keys::Signer;
use super::mirror::mirror_files;
use super::sdk::Sdk;
use super::server::{Fault, Response, Server};

/// What is asked of a mirror unless a test says otherwise.
pub const WANTED: [&str; 2] = ["1.22.5", "linux/amd64"];

/// The files of a mirror by their names, to be edited before [`Self::write`] or [`Self::serve`].
pub struct Depot {
    pub home: Home,
    pub signer: Signer,
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Depot {
    pub fn of(sdks: &[Sdk]) -> Self {
        Self::in_home(Home::new(), sdks)
    }

    pub fn in_home(home: Home, sdks: &[Sdk]) -> Self {
        let signer = Signer::new("tester", super::desk::KEY_CREATED);
        fs::write(home.work().join("keyring.pgp"), signer.certificate()).unwrap();
        Self { home, files: mirror_files(sdks, &signer), signer }
    }

    /// Writes the files, and no others, into the home's mirror folder.
    pub fn write(&self) -> String {
        let folder = self.home.mirror();
        let _ = fs::remove_dir_all(&folder);
        for (name, content) in &self.files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder.to_str().unwrap().to_owned()
    }

    pub fn serve(&self) -> Server {
        serve_mirror(&self.files)
    }

    /// Lets the next requests for a path of the mirror meet these faults.
    pub fn break_path(&self, server: &Server, path: &str, faults: impl IntoIterator<Item = Fault>) {
        let name = if path == INDEX_QUERY { "index.json" } else { &path[1..] };
        server.serve(path, Response::file(self.files[name].clone()), faults);
    }

    /// A folder in the home that is not there yet, nor is its parent.
    pub fn destination(&self) -> PathBuf {
        self.home.home().join("made").join("go")
    }

    /// `goverify fetch`, not yet started.
    pub fn command(&self, mirror: &str, arguments: &[&str]) -> Command {
        let common = ["fetch", "--keyring", "keyring.pgp", "--mirror", mirror];
        // The real log is not asked about releases of our own making.
        let log: &[&str] = if arguments.contains(&"--sumdb") { &[] } else { &["--sumdb", "off"] };
        self.home.command([&common[..], log, arguments].concat())
    }

    /// Fetches what is wanted to where it is wanted.
    pub fn fetch_command(&self, mirror: &str, further: &[&str]) -> Command {
        let destination = self.destination();
        self.command(mirror, &[&WANTED[..], &["--to", destination.to_str().unwrap()], further].concat())
    }

    #[track_caller]
    pub fn run(&self, mirror: &str, arguments: &[&str]) -> Run {
        Run::of(self.command(mirror, arguments).output().unwrap())
    }

    #[track_caller]
    pub fn fetch(&self, mirror: &str, further: &[&str]) -> Run {
        Run::of(self.fetch_command(mirror, further).output().unwrap())
    }
}

/// How often this path was asked for.
pub fn requests_for(server: &Server, path: &str) -> usize {
    server.requests().iter().filter(|request| request.path == path).count()
}
