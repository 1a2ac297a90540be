//! The recipes of `testdata/recipes`, each executed as far as it can be without the system that it is for: with a
//! mirror that is made here, whose key and log are added to the calls,
//! with the release that it has, and with `/usr/local` elsewhere.

#![cfg(all(feature = "net", target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::binary::{Run, assert_installed, snapshot};
use support::depot::Depot;
use support::python::{programs, python};
use support::sdk::Sdk;

const ARCHIVE: &str = "go1.22.5.linux-amd64.tar.gz";

/// A machine with `goverify` in its PATH, and a mirror.
struct Machine {
    depot: Depot,
    mirror: String,
}

impl Machine {
    fn new() -> Self {
        let depot = Depot::of(&[sdk()]);
        let machine = Self { mirror: depot.write(), depot };
        for folder in ["bin", "share"] {
            fs::create_dir_all(machine.local().join(folder)).unwrap();
        }
        let program = machine.local().join("bin/goverify");
        let keyring = machine.depot.home.work().join("keyring.pgp");
        let trust = format!("--keyring '{}' --sumdb off", keyring.display());
        let binary = env!("CARGO_BIN_EXE_goverify");
        fs::write(&program, format!("#!/bin/sh\ncommand=$1\nshift\nexec '{binary}' \"$command\" {trust} \"$@\"\n"))
            .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        machine
    }

    /// The same with a mirror whose archive was changed.
    fn deceived() -> Self {
        let machine = Self::new();
        let path = Path::new(&machine.mirror).join(ARCHIVE);
        let mut archive = fs::read(&path).unwrap();
        let last = archive.len() - 1;
        archive[last] ^= 1;
        fs::write(path, archive).unwrap();
        machine
    }

    /// What the recipes call `/usr/local`.
    fn local(&self) -> PathBuf {
        self.depot.home.home().join("usr/local")
    }

    fn recipe(&self, name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/recipes").join(name);
        assert!(include_str!("../README.md").contains(&format!("(testdata/recipes/{name})")));
        let text = fs::read_to_string(path).unwrap();
        assert!(
            text.contains("1.27.1")
                && text.matches("goverify fetch").count() + text.matches("goverify, fetch").count() == 1
        );
        text.replace("1.27.1", "1.22.5").replace("/usr/local", self.local().to_str().unwrap())
    }

    /// A recipe in YAML as Python reads it; `None` where it cannot be read.
    fn yaml(&self, name: &str) -> Option<Value> {
        let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.argv[1])))";
        Some(serde_json::from_str(&python(&programs()?, script, &[&self.recipe(name)])).unwrap())
    }

    fn run(&self, program: &str, arguments: &[&str], variables: &BTreeMap<String, OsString>) -> Run {
        let mut command = self.depot.home.surround(Command::new(program));
        let path = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect::<Vec<_>>();
        let path = std::env::join_paths(std::iter::once(self.local().join("bin")).chain(path)).unwrap();
        command.args(arguments).env("PATH", path).env("GOVERIFY_MIRROR", &self.mirror).envs(variables);
        Run::of(command.output().unwrap())
    }

    /// Asserts that the release is installed, and nothing but what else the recipe makes.
    #[track_caller]
    fn assert_installed_at(&self, path: &Path, beside: &[&str]) {
        assert_installed(path, &sdk(), true);
        let go = Command::new(path.join("bin/go")).arg("version").output().unwrap();
        assert_eq!(String::from_utf8(go.stdout).unwrap(), "go version go1.22.5 linux/amd64\n");
        let names = snapshot(&self.local()).into_iter().filter(|name| !name.starts_with("go/"));
        assert_eq!(
            names.filter(|name| !matches!(&name[..], "bin/" | "share/" | "bin/goverify")).collect::<Vec<_>>(),
            beside
        );
    }

    #[track_caller]
    fn assert_nothing_installed(&self) {
        assert_eq!(snapshot(&self.local()), ["bin/", "bin/goverify", "share/"]);
    }
}

fn sdk() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

#[test]
fn an_image_is_built_with_it_or_not_at_all() {
    let build = |machine: &Machine| {
        let mut variables = BTreeMap::new();
        let mut runs = 0;
        for line in machine.recipe("Dockerfile").lines().filter(|line| !line.starts_with('#')) {
            let (instruction, rest) = line.split_once(' ').unwrap();
            match instruction {
                "FROM" => assert_eq!(rest, "debian:stable-slim"),
                "COPY" => assert_eq!(rest, format!("goverify {}/bin/goverify", machine.local().display())),
                "ARG" | "ENV" => {
                    let (name, value) = rest.split_once('=').unwrap();
                    let value = value.replace("$PATH", std::env::var("PATH").unwrap().as_str());
                    variables.insert(name.to_owned(), OsString::from(value));
                }
                "RUN" => {
                    runs += 1;
                    let run = machine.run("/bin/sh", &["-c", rest], &variables);
                    if run.code != Some(0) {
                        return Err(run);
                    }
                }
                other => panic!("{other}"),
            }
        }
        assert_eq!(runs, 1);
        Ok(machine.run("/bin/sh", &["-c", "go version"], &variables).exits(0).stdout)
    };
    let machine = Machine::new();
    assert_eq!(build(&machine).unwrap(), "go version go1.22.5 linux/amd64\n");
    machine.assert_installed_at(&machine.local().join("go"), &["share/go.intoto.jsonl"]);
    let statement = fs::read_to_string(machine.local().join("share/go.intoto.jsonl")).unwrap();
    assert!(statement.contains(r#""verificationResult":"PASSED""#), "{statement}");
    let machine = Machine::deceived();
    build(&machine).unwrap_err().exits(1);
    assert_eq!(snapshot(&machine.local()), ["bin/", "bin/goverify", "share/", "share/go.intoto.jsonl"]);
    let statement = fs::read_to_string(machine.local().join("share/go.intoto.jsonl")).unwrap();
    assert!(statement.contains(r#""verificationResult":"FAILED""#), "{statement}");
}

#[test]
fn a_step_of_github_actions() {
    for (machine, exit) in [(Machine::new(), 0), (Machine::deceived(), 1)] {
        let Some(steps) = machine.yaml("github-actions.yml") else { return };
        let [step] = &steps.as_array().unwrap()[..] else { panic!("{steps}") };
        assert_eq!(step["shell"], "bash");
        let file = |name: &str| machine.depot.home.work().join(name);
        // How a runner runs it.
        fs::write(file("step.sh"), step["run"].as_str().unwrap()).unwrap();
        let names = ["GITHUB_PATH", "GITHUB_STEP_SUMMARY"];
        let mut variables: BTreeMap<_, _> = names.map(|name| (name.to_owned(), file(name).into_os_string())).into();
        variables.insert("RUNNER_TEMP".to_owned(), machine.local().into());
        for (name, value) in step["env"].as_object().unwrap() {
            variables.insert(name.clone(), value.as_str().unwrap().into());
        }
        machine.run("bash", &["--noprofile", "--norc", "-eo", "pipefail", "step.sh"], &variables).exits(exit);
        let summary = fs::read_to_string(file("GITHUB_STEP_SUMMARY")).unwrap();
        assert!(
            summary.contains(&format!("| {ARCHIVE} | {} |", if exit == 0 { "verified" } else { "rejected" })),
            "{summary}"
        );
        if exit == 0 {
            machine.assert_installed_at(&machine.local().join("go"), &["go.intoto.jsonl"]);
            let path = format!("{}/go/bin\n", machine.local().display());
            assert_eq!(fs::read_to_string(file("GITHUB_PATH")).unwrap(), path);
        } else {
            assert!(!machine.local().join("go").exists() && !file("GITHUB_PATH").exists());
        }
    }
}

#[test]
fn a_task_of_ansible_changes_a_host_once() {
    let Some(programs) = programs() else { return };
    let play = |machine: &Machine| {
        let work = machine.depot.home.work();
        fs::write(work.join("task.yml"), machine.recipe("ansible-task.yml")).unwrap();
        let play = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - import_tasks: task.yml\n";
        fs::write(work.join("play.yml"), play).unwrap();
        let interpreter = format!("ansible_python_interpreter={}", programs.join("python").display());
        let arguments = ["-i", "localhost,", "-c", "local", "-e", &interpreter, "play.yml"];
        machine.run(programs.join("ansible-playbook").to_str().unwrap(), &arguments, &BTreeMap::new())
    };
    let machine = Machine::new();
    for changed in [1, 0] {
        let run = play(&machine).exits(0);
        assert!(run.stdout.contains(&format!("ok=1    changed={changed} ")), "{run:#?}");
        machine.assert_installed_at(&machine.local().join("go"), &[]);
    }
    let machine = Machine::deceived();
    let run = play(&machine).exits(2);
    assert!(run.stdout.contains("failed=1") && run.stdout.contains("digest-mismatch"), "{run:#?}");
    machine.assert_nothing_installed();
}

#[test]
fn cloud_init_links_what_was_verified() {
    for (machine, exit) in [(Machine::new(), 0), (Machine::deceived(), 1)] {
        assert!(machine.recipe("cloud-init.yaml").starts_with("#cloud-config\n"));
        let Some(config) = machine.yaml("cloud-init.yaml") else { return };
        let [command] = &config["runcmd"].as_array().unwrap()[..] else { panic!("{config}") };
        // A string is a line of a script for sh.
        machine.run("/bin/sh", &["-c", command.as_str().unwrap()], &BTreeMap::new()).exits(exit);
        if exit == 0 {
            machine.assert_installed_at(&machine.local().join("go"), &["bin/go"]);
            assert_eq!(fs::read_link(machine.local().join("bin/go")).unwrap(), machine.local().join("go/bin/go"));
        } else {
            machine.assert_nothing_installed();
        }
    }
}
