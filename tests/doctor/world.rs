//! A user's machine with a sound chain of Go paths, and ways to break it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use goverify::release::Platform;
use serde_json::Value;

use crate::support::binary::Run;
use crate::support::logged::Logged;
use crate::support::sdk::Sdk;

/// What the lines that mend something may need, beside goverify.
const TOOLS: [&str; 10] = ["sh", "chmod", "chown", "mkdir", "sed", "find", "id", "tr", "grep", "paste"];
/// The release that is used, another one of its series, and an older and a newer one.
pub(crate) const VERSION: &str = "go1.22.5";
pub(crate) const OTHERS: [&str; 3] = ["go1.21.3", "go1.22.6", "go1.23.0"];

pub(crate) struct World {
    logged: Logged,
    pub(crate) variables: BTreeMap<String, String>,
    /// What doctor is told beside.
    pub(crate) arguments: Vec<String>,
}

impl World {
    /// One whose `go` is go1.22.5, installed by goverify in the usual place.
    pub(crate) fn sound() -> Self {
        let sdk = |version: &str| Sdk::new(version, &Platform::host().to_string());
        let sdks: Vec<Sdk> = [VERSION].iter().chain(&OTHERS).map(|version| sdk(version)).collect();
        let logged = Logged::of(&sdks);
        logged.depot.write();
        let mut world = Self { logged, variables: BTreeMap::new(), arguments: Vec::new() };
        let tools = world.at("tools");
        fs::create_dir(&tools).unwrap();
        for tool in TOOLS {
            let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
            symlink(found.iter().find(|path| path.exists()).unwrap(), tools.join(tool)).unwrap();
        }
        world.script("tools/goverify", &world.goverify());
        let folder = world.home().join("go/bin");
        fs::create_dir_all(&folder).unwrap();
        world.set_mode(&folder, 0o755);
        world.path(&[&world.tree().join("bin"), &folder, &tools]);
        world.variables.insert("HOME".to_owned(), text(&world.home()));
        world.variables.insert("GOTOOLCHAIN".to_owned(), "local".to_owned());
        world.shell("goverify fetch 1.22.5").exits(0);
        world
    }

    /// What `goverify` is on this machine: the program, with this mirror and this trust.
    fn goverify(&self) -> String {
        let (program, work) = (env!("CARGO_BIN_EXE_goverify"), self.logged.depot.home.work());
        let (mirror, sumdb) = (self.logged.depot.home.mirror(), self.logged.sumdb());
        format!(
            "case $1 in\nfetch) exec '{program}' \"$@\" --no-sync --mirror '{}' --keyring '{}/keyring.pgp' --sumdb '{sumdb}';;\n\
             *) exec '{program}' \"$@\";;\nesac\n",
            mirror.display(),
            work.display(),
        )
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.logged.depot.home.home()
    }

    /// A path of this test's own.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.logged.depot.home.work().join(name)
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.home().join("sdk").join(VERSION)
    }

    /// The folder of the tree's tools.
    pub(crate) fn tools(&self) -> PathBuf {
        let host = Platform::host();
        self.tree().join(format!("pkg/tool/{}_{}", host.os(), host.arch()))
    }

    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<Path>) {
        self.variables.insert(name.to_owned(), text(value.as_ref()));
    }

    pub(crate) fn path(&mut self, folders: &[&Path]) {
        let path = std::env::join_paths(folders).unwrap();
        self.set("PATH", Path::new(&path));
    }

    /// Puts a folder before all others.
    pub(crate) fn path_first(&mut self, folder: &Path) {
        let path = format!("{}:{}", folder.display(), self.variables["PATH"]);
        self.set("PATH", path);
    }

    pub(crate) fn script(&self, name: &str, content: &str) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{content}")).unwrap();
        self.set_mode(&path, 0o755);
        path
    }

    pub(crate) fn set_mode(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Installs one of the other releases somewhere.
    pub(crate) fn install(&self, version: &str, to: &Path) {
        self.shell(&format!("goverify fetch {} --to '{}'", &version[2..], to.display())).exits(0);
    }

    fn command(&self) -> Command {
        let mut command = self.logged.depot.home.surround(Command::new("/bin/sh"));
        let kept = ["XDG_CACHE_HOME", "TMPDIR"].map(|name| {
            let value = command.get_envs().find(|(known, _)| *known == name).unwrap().1.unwrap();
            (name, value.to_owned())
        });
        command.env_clear().envs(kept).envs(&self.variables);
        command
    }

    /// Runs a line as the user's shell would.
    pub(crate) fn shell(&self, line: &str) -> Run {
        Run::of(self.command().args(["-c", line]).output().unwrap())
    }

    /// The line that runs doctor.
    pub(crate) fn doctor_line(&self, further: &[&str]) -> String {
        let program = env!("CARGO_BIN_EXE_goverify");
        let further: Vec<_> = self.arguments.iter().map(String::as_str).chain(further.iter().copied()).collect();
        let further: String = further.iter().map(|argument| format!(" '{argument}'")).collect();
        format!("'{program}' doctor --sumdb '{}'{further}", self.logged.key())
    }

    /// What doctor finds, after a line that may change something.
    pub(crate) fn findings_after(&self, line: &str) -> Vec<Value> {
        let run = self.shell(&format!("{line}\n{}", self.doctor_line(&["--json"])));
        assert!(matches!(run.code, Some(0 | 1)), "after {line}: {run:#?}");
        // The line may have said something as well.
        let document: Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
        let findings = document["results"][0]["findings"].as_array().unwrap().clone();
        let errors = findings.iter().any(|finding| finding["severity"] == "error");
        assert_eq!(run.code, Some(i32::from(errors)), "{document:#}");
        assert_eq!(document["results"][0]["error"]["code"].as_str(), errors.then_some("chain-unsound"));
        findings
    }
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
