//! `auto`: which of the project's files decides what is fetched, and that nothing is asked where one cannot be understood.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;

use support::binary::Run;
use support::depot::Depot;
use support::sdk::Sdk;

const VERSIONS: [&str; 5] = ["go1.21.13", "go1.22.0", "go1.22.4", "go1.22.5", "go1.22.6"];

/// A mirror of [`VERSIONS`], and a folder for a project.
fn depot() -> Depot {
    let depot = Depot::of(&VERSIONS.map(|version| Sdk::minimal(version, "linux/amd64")));
    depot.write();
    depot
}

/// Runs `fetch auto` in a folder below the project.
#[track_caller]
fn fetch_auto(depot: &Depot, mirror: &str, below: &str, further: &[&str]) -> Run {
    let keyring = depot.home.work().join("keyring.pgp");
    let folder = depot.home.work().join(below);
    fs::create_dir_all(&folder).unwrap();
    let fixed = ["fetch", "auto", "linux/amd64", "--json", "--sumdb", "off", "--mirror", mirror, "--keyring"];
    let mut command = depot.home.command([&fixed[..], &[keyring.to_str().unwrap()], further].concat());
    Run::of(command.current_dir(folder).output().unwrap())
}

/// Writes a project's files, and takes those away that the last one had.
fn project(depot: &Depot, files: &[(&str, &str)]) {
    let work = depot.home.work();
    for entry in fs::read_dir(&work).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().unwrap().to_str().unwrap() {
            "keyring.pgp" => {}
            _ if path.is_dir() => fs::remove_dir_all(path).unwrap(),
            _ => fs::remove_file(path).unwrap(),
        }
    }
    for (name, content) in files {
        let path = work.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// A project's files, the folder in which it is asked for its release, that, and the file that says so.
type Project = (&'static [(&'static str, &'static str)], &'static str, &'static str, &'static str);

const PROJECTS: [Project; 13] = [
    (&[("go.mod", "module x\ngo 1.22.5\n")], "", "go1.22.5", "go.mod"),
    (&[("go.mod", "module x\ngo 1.22.4\ntoolchain go1.22.5\n")], "a/b/c", "go1.22.5", "go.mod"),
    (&[("go.mod", "module x\ngo 1.22\n")], "", "go1.22.0", "go.mod"),
    (&[(".go-version", "1.22\n")], "", "go1.22.6", ".go-version"),
    (&[(".tool-versions", "nodejs 20.0.0\ngolang 1.22.5\n")], "a", "go1.22.5", ".tool-versions"),
    // Before all others in one folder.
    (
        &[("go.work", "go 1.22.4\n"), ("go.mod", "module x\ngo 1.22.5\n"), (".go-version", "1.21.13\n")],
        "",
        "go1.22.4",
        "go.work",
    ),
    (&[("go.mod", "module x\ngo 1.22.5\n"), (".go-version", "1.21.13\n")], "", "go1.22.5", "go.mod"),
    (&[(".go-version", "1.22.5\n"), (".tool-versions", "go 1.21.13\n")], "", "go1.22.5", ".go-version"),
    // The nearest, but a workspace comes before its modules.
    (&[("go.mod", "module x\ngo 1.22.5\n"), ("a/.go-version", "1.21.13\n")], "a/b", "go1.21.13", "a/.go-version"),
    (&[(".go-version", "1.21.13\n"), ("a/go.mod", "module x\ngo 1.22.5\n")], "a/b", "go1.22.5", "a/go.mod"),
    (&[("go.work", "go 1.22.6\nuse ./a\n"), ("a/go.mod", "module x\ngo 1.22.5\n")], "a", "go1.22.6", "go.work"),
    // What says nothing is passed over.
    (
        &[("go.mod", "module x\ngo 1.22.5\n"), ("a/go.mod", "module x\n"), ("a/.tool-versions", "nodejs 20.0.0\n")],
        "a",
        "go1.22.5",
        "go.mod",
    ),
    (&[("go.work", "use ./a\n"), ("a/go.mod", "module x\ngo 1.22.5\n")], "a", "go1.22.5", "a/go.mod"),
];

#[test]
fn the_nearest_file_that_names_a_release_decides() {
    let depot = depot();
    let mirror = depot.home.mirror().to_str().unwrap().to_owned();
    for (files, below, version, by) in PROJECTS {
        project(&depot, files);
        let to = depot.destination();
        let flags = ["--force", "--no-sync", "--to", to.to_str().unwrap()];
        let result = fetch_auto(&depot, &mirror, below, &flags).exits(0).result();
        assert_eq!(result["archive"]["version"], version, "{files:?}");
        let by = fs::canonicalize(depot.home.work()).unwrap().join(by);
        let said = Path::new(result["selected_by"].as_str().unwrap()).canonicalize().unwrap();
        assert_eq!(said, by, "{files:?}");
    }
    // Who asks for a release needs no such file, and is not told of one.
    let run = depot.fetch(&mirror, &["--force", "--json"]).exits(0);
    assert!(run.result().get("selected_by").is_none());
}

#[test]
fn a_folder_is_no_file_of_a_project() {
    let depot = depot();
    project(&depot, &[("go.mod/x", ""), ("a/go.mod/x", ""), (".go-version", "1.22.5\n")]);
    let result = fetch_auto(&depot, depot.home.mirror().to_str().unwrap(), "a", &[]).exits(0).result();
    assert_eq!(result["archive"]["version"], "go1.22.5");
}

#[test]
fn j10_a_project_that_cannot_be_understood_is_refused_before_anything_is_asked() {
    let depot = depot();
    let server = depot.serve();
    let long = format!("go 1.22.5\n{}", "\n".repeat(1 << 20));
    for (name, content) in [
        ("a/go.mod", "module x\ngo 1.22.5;rm\n"),
        ("a/go.mod", "module x\ngo 1.21\ntoolchain ../../bin/go1.22.5\n"),
        ("a/go.mod", "module x\ngo 1.21\ntoolchain go1.22.5-custom\n"),
        ("a/go.work", "toolchain -x\n"),
        ("a/go.mod", &long),
        ("a/.go-version", "system\n"),
        ("a/.go-version", ""),
        ("a/.go-version", "../1.22.5\n"),
        ("a/.tool-versions", "golang ref:main\n"),
        ("go.mod", ""),
    ] {
        // What an outer folder says is not what the inner one asks for; the last has nothing to say anywhere.
        let outer = if content.is_empty() && name == "go.mod" { "nodejs 20.0.0\n" } else { "golang 1.22.5\n" };
        project(&depot, &[(".tool-versions", outer), (name, content)]);
        let run = fetch_auto(&depot, &server.url(), "a", &[]).exits(2);
        assert_eq!(run.error_code(), "usage", "{name}: {content:.40}");
        let message = run.result()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(name), "{message}");
    }
    assert_eq!(server.requests().len(), 0);
    depot.home.assert_untouched();
    project(&depot, &[("a/go.mod", "module x\ngo 1.22.5\n")]);
    fetch_auto(&depot, &server.url(), "a", &[]).exits(0);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_holds_nobody_up() {
    let depot = depot();
    let mirror = depot.home.mirror().to_str().unwrap().to_owned();
    project(&depot, &[(".go-version", "1.22.5\n")]);
    let file = depot.home.work().join("go.mod");
    let fifo = || assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let dangling = || std::os::unix::fs::symlink("nothing", &file).unwrap();
    for make in [&fifo as &dyn Fn(), &dangling] {
        make();
        assert_eq!(fetch_auto(&depot, &mirror, "", &[]).exits(5).error_code(), "io");
        fs::remove_file(&file).unwrap();
    }
    // A link to a file is that file.
    fs::write(depot.home.work().join("there"), "module x\ngo 1.22.4\n").unwrap();
    std::os::unix::fs::symlink("there", &file).unwrap();
    assert_eq!(fetch_auto(&depot, &mirror, "", &[]).exits(0).result()["archive"]["version"], "go1.22.4");
}
