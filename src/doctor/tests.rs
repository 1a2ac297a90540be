//! Chains on machines that are folders here, and other systems' defaults.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// A machine whose `/` is a folder.
struct Machine {
    root: tempfile::TempDir,
    variables: Vec<(&'static str, OsString)>,
    platform: &'static str,
}

impl Machine {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), variables: Vec::new(), platform: "linux/amd64" }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(path.trim_start_matches('/'))
    }

    fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.variables.push((name, value.into()));
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    fn tree(&self, path: &str, version: &str) {
        self.write(&format!("{path}/bin/go"), "");
        self.write(&format!("{path}/VERSION"), version);
        fs::create_dir_all(self.at(&format!("{path}/pkg/tool"))).unwrap();
    }

    fn surroundings(&self) -> Surroundings {
        let variables = self.variables.iter().map(|(name, value)| (OsString::from(name), value.clone()));
        Surroundings::new(variables, self.at("work"), self.platform.parse().unwrap()).with_root(self.at("/"))
    }

    fn value(&self, name: &str) -> String {
        GoEnv::of(&self.surroundings(), None).text(name)
    }
}

#[cfg(unix)]
#[test]
fn version_managers_are_known_by_their_folders() {
    let cases = [
        ("/home/me/.goenv/versions/1.22.5", "goenv"),
        ("/home/me/.asdf/installs/golang/1.22.5/go", "asdf"),
        ("/home/me/.local/share/mise/installs/go/1.22.5", "mise"),
        ("/home/me/.gvm/gos/go1.22.5", "gvm"),
        ("/home/me/.g/versions/1.22.5", "g"),
        ("/home/me/sdk/go1.22.5", "golang.org/dl"),
        ("/home/me/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64", "go command"),
        ("/usr/local/go", "go.dev/dl"),
        ("/usr/lib/go-1.22", "distribution"),
        ("/usr/lib/golang", "distribution"),
    ];
    for (path, manager) in cases {
        let mut machine = Machine::new();
        machine.tree(path, "go1.22.5\ntime 2024-06-27T20:11:12Z\n");
        machine.set("HOME", machine.at("/home/me"));
        machine.set("PATH", machine.at(&format!("{path}/bin")));
        let chain = Chain::of(&machine.surroundings());
        let [go] = chain.gos.as_slice() else { panic!("{path}: {:?}", chain.gos) };
        assert_eq!((go.manager, go.tree.clone()), (Some(manager), Some(machine.at(path))));
        assert_eq!(go.release().map(|version| version.to_string()).as_deref(), Some("go1.22.5"));
        let found = FoundTree { path: machine.at(path), version: Some("go1.22.5".to_owned()), manager: Some(manager) };
        assert_eq!(chain.trees, [found], "{path}");
    }
    for (path, manager) in [("/home/me/.goenv/shims", "goenv"), ("/home/me/.asdf/shims", "asdf")] {
        let mut machine = Machine::new();
        machine.write(&format!("{path}/go"), "#!/bin/sh\n");
        machine.set("PATH", machine.at(path));
        let chain = Chain::of(&machine.surroundings());
        let [go] = chain.gos.as_slice() else { panic!("{path}: {:?}", chain.gos) };
        assert_eq!((go.manager, go.is_script, &go.tree), (Some(manager), true, &None));
    }
    let mut machine = Machine::new();
    machine.tree("/opt/anything", "go1.22.5");
    machine.set("PATH", machine.at("/opt/anything/bin"));
    assert_eq!(Chain::of(&machine.surroundings()).gos.first().unwrap().manager, None);
    machine.write("/opt/anything/.goverify.json", "{}");
    assert_eq!(Chain::of(&machine.surroundings()).gos.first().unwrap().manager, Some("goverify"));
}

#[test]
fn each_system_has_folders_of_its_own() {
    let mut machine = Machine::new();
    for (name, value) in [
        ("HOME", "/home/me"),
        ("USERPROFILE", "/users/me"),
        ("AppData", "/users/me/roaming"),
        ("LocalAppData", "/users/me/local"),
    ] {
        machine.set(name, value);
    }
    let cases = [
        ("linux/amd64", ["/home/me/.config/go/env", "/home/me/.cache/go-build", "/home/me/go"]),
        ("freebsd/amd64", ["/home/me/.config/go/env", "/home/me/.cache/go-build", "/home/me/go"]),
        (
            "darwin/arm64",
            ["/home/me/Library/Application Support/go/env", "/home/me/Library/Caches/go-build", "/home/me/go"],
        ),
        ("windows/amd64", ["/users/me/roaming/go/env", "/users/me/local/go-build", "/users/me/go"]),
    ];
    for (platform, expected) in cases {
        machine.platform = platform;
        let found = ["GOENV", "GOCACHE", "GOPATH"].map(|name| machine.value(name));
        assert_eq!(found, expected.map(|path| Path::new(path).display().to_string()), "{platform}");
        let os = platform.split('/').next().unwrap();
        assert_eq!(machine.value("GOOS"), os);
    }
}

#[test]
fn releases_without_a_go_env_have_their_defaults_built_in() {
    let machine = Machine::new();
    for (version, proxy, sumdb) in
        [("go1.20.14", "https://proxy.golang.org,direct", "sum.golang.org"), ("go1.21.0", "", "")]
    {
        let program = Program {
            name: "go",
            path: machine.at("bin/go"),
            resolved: machine.at("bin/go"),
            place: 0,
            is_script: false,
            version: Some(version.to_owned()),
            built_in_goroot: None,
            tree: None,
            manager: None,
        };
        let env = GoEnv::of(&machine.surroundings(), Some(&program));
        assert_eq!((env.text("GOPROXY").as_str(), env.text("GOSUMDB").as_str()), (proxy, sumdb));
    }
}

#[test]
fn a_built_in_goroot_is_the_last_resort_and_the_spelling_that_counts() {
    let machine = Machine::new();
    machine.tree("/lib/go", "go1.22.5");
    let program = |path: &str, built_in: PathBuf| Program {
        name: "go",
        path: machine.at(path),
        resolved: machine.at(path),
        place: 0,
        is_script: false,
        version: None,
        built_in_goroot: Some(built_in),
        tree: None,
        manager: None,
    };
    let goroot = |program: &Program| GoEnv::of(&machine.surroundings(), Some(program)).text("GOROOT");
    let elsewhere = program("/usr/bin/go", machine.at("/lib/go"));
    assert_eq!(goroot(&elsewhere), machine.at("/lib/go").display().to_string());
    let own = program("/lib/go/bin/go", machine.at("/nowhere"));
    assert_eq!(goroot(&own), machine.at("/lib/go").display().to_string());
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(machine.at("/lib"), machine.at("/link")).unwrap();
        let spelled = program("/lib/go/bin/go", machine.at("/link/go"));
        assert_eq!(goroot(&spelled), machine.at("/link/go").display().to_string());
    }
}

#[test]
fn codes_are_kebab_case_and_each_is_one_finding() {
    let codes: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
    assert_eq!(codes.len(), Kind::ALL.len());
    assert!(codes.iter().all(|code| code.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
}
