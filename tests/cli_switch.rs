//! `--switch` and `--rollback`: a link that leads to the tree in use, whatever happens while it is turned.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;
use support::binary::{Run, snapshot};
use support::depot::Depot;
use support::sdk::Sdk;

const VERSIONS: [&str; 3] = ["go1.22.4", "go1.22.5", "go1.22.6"];

/// A mirror of [`VERSIONS`], and a folder for the link and the trees.
struct Place {
    depot: Depot,
    mirror: String,
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let depot = Depot::of(&VERSIONS.map(|version| Sdk::minimal(version, "linux/amd64")));
        let (mirror, folder) = (depot.write(), depot.home.home().join("opt"));
        fs::create_dir(&folder).unwrap();
        Self { depot, mirror, folder }
    }

    fn link(&self) -> PathBuf {
        self.folder.join("current")
    }

    fn tree(&self, version: &str) -> PathBuf {
        self.folder.join(version)
    }

    #[track_caller]
    fn switch(&self, version: &str, further: &[&str]) -> Run {
        let (to, link) = (self.tree(version), self.link());
        let flags = [version, "linux/amd64", "--to", to.to_str().unwrap(), "--switch", link.to_str().unwrap()];
        self.depot.run(&self.mirror, &[&flags[..], further].concat())
    }

    #[track_caller]
    fn roll_back(&self, further: &[&str]) -> Run {
        let link = self.link();
        self.depot.home.run([&["fetch", "--rollback", link.to_str().unwrap()], further].concat())
    }

    /// Where the link leads, and where its predecessor is said to have led.
    fn leads_to(&self) -> (Option<PathBuf>, Option<PathBuf>) {
        let read = |name: &str| fs::read_link(self.folder.join(name)).ok();
        (read("current"), read("current.previous"))
    }

    /// Nothing is beside the trees but the two links.
    #[track_caller]
    fn assert_tidy(&self) {
        for entry in fs::read_dir(&self.folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(name == "current" || name == "current.previous" || VERSIONS.contains(&name.as_str()), "{name}");
        }
    }
}

#[test]
fn a_link_is_turned_to_each_tree_and_back() {
    let place = Place::new();
    let [first, second, third] = VERSIONS.map(|version| place.tree(version));
    let run = place.switch(VERSIONS[0], &[]).exits(0);
    assert_eq!(run.stdout, format!("{}\n", first.display()), "the path of the tree, as without a link");
    assert_eq!(place.leads_to(), (Some(first.clone()), None));
    let result = place.switch(VERSIONS[1], &["--json"]).exits(0).result();
    assert_eq!(result["switched"], json!({"link": place.link(), "target": second, "previous": first}));
    assert_eq!(place.leads_to(), (Some(second.clone()), Some(first.clone())));
    // The same tree once more: nothing is forgotten.
    let result = place.switch(VERSIONS[1], &["--json"]).exits(0).result();
    assert_eq!([&result["installed"]["already"], &result["switched"]["previous"]], [&json!(true), &json!(first)]);
    assert_eq!(place.leads_to(), (Some(second.clone()), Some(first.clone())));
    place.switch(VERSIONS[2], &["--no-sync"]).exits(0);
    assert_eq!(place.leads_to(), (Some(third.clone()), Some(second.clone())));

    let run = place.roll_back(&[]).exits(0);
    assert_eq!(run.stdout, format!("{}\n", second.display()));
    assert_eq!(place.leads_to(), (Some(second.clone()), Some(third.clone())));
    assert_eq!(fs::read(place.link().join("VERSION")).unwrap(), fs::read(second.join("VERSION")).unwrap());
    let document = place.roll_back(&["--json"]).exits(0).json();
    assert_eq!([&document["command"], &document["verdict"]], ["fetch", "ok"]);
    assert_eq!(document["switched"], json!({"link": place.link(), "target": third, "previous": second}));
    assert_eq!(place.leads_to(), (Some(third), Some(second)));
    place.assert_tidy();
}

#[test]
fn what_is_no_link_is_refused_before_anything_is_fetched() {
    let place = Place::new();
    let make_file = |path: &Path| fs::write(path, "mine").unwrap();
    let make_folder = |path: &Path| fs::create_dir(path).unwrap();
    for make in [&make_file as &dyn Fn(&Path), &make_folder] {
        make(&place.link());
        let server = place.depot.serve();
        let (to, link) = (place.tree("x"), place.link());
        let flags =
            ["1.22.5", "linux/amd64", "--json", "--to", to.to_str().unwrap(), "--switch", link.to_str().unwrap()];
        assert_eq!(place.depot.run(&server.url(), &flags).exits(5).error_code(), "destination-exists");
        assert!(server.requests().is_empty() && !to.exists());
        assert_eq!(place.roll_back(&["--json"]).exits(5).error_code(), "destination-exists");
        assert!(link.symlink_metadata().unwrap().is_file() || link.symlink_metadata().unwrap().is_dir());
        let _ = fs::remove_file(&link).or_else(|_| fs::remove_dir(&link));
    }
    // Nor is anything else taken for the memory of a link.
    place.switch(VERSIONS[0], &[]).exits(0);
    let previous = place.folder.join("current.previous");
    fs::write(&previous, "mine").unwrap();
    assert_eq!(place.switch(VERSIONS[1], &["--json"]).exits(5).error_code(), "destination-exists");
    assert_eq!(place.roll_back(&["--json"]).exits(5).error_code(), "destination-exists");
    assert_eq!(place.leads_to(), (Some(place.tree(VERSIONS[0])), None));
    assert_eq!(fs::read(&previous).unwrap(), b"mine");
    fs::remove_file(&previous).unwrap();
    // A link that leads nowhere is one.
    fs::remove_file(place.link()).unwrap();
    symlink("nowhere", place.link()).unwrap();
    place.switch(VERSIONS[1], &[]).exits(0);
    assert_eq!(place.leads_to(), (Some(place.tree(VERSIONS[1])), Some("nowhere".into())));
    place.assert_tidy();
}

#[test]
fn nothing_to_go_back_to_is_not_found() {
    let place = Place::new();
    assert_eq!(place.roll_back(&["--json"]).exits(3).error_code(), "release-not-found");
    place.switch(VERSIONS[0], &[]).exits(0);
    assert_eq!(place.roll_back(&["--json"]).exits(3).error_code(), "release-not-found");
    place.switch(VERSIONS[1], &[]).exits(0);
    // A tree that is gone is no tree to go back to.
    let kept = place.folder.join("kept");
    fs::rename(place.tree(VERSIONS[0]), &kept).unwrap();
    let before = place.leads_to();
    let run = place.roll_back(&["--json"]).exits(3);
    assert_eq!(run.error_code(), "release-not-found");
    assert!(run.result()["error"]["hint"].as_str().is_some_and(|hint| hint.contains("goverify fetch")));
    assert_eq!(place.leads_to(), before);
    fs::rename(&kept, place.tree(VERSIONS[0])).unwrap();
    place.roll_back(&[]).exits(0);
    place.assert_tidy();
}

#[test]
fn a_tree_that_is_refused_turns_no_link() {
    let place = Place::new();
    place.switch(VERSIONS[0], &[]).exits(0);
    let before = snapshot(&place.folder);
    let wrong = "0".repeat(64);
    place.switch(VERSIONS[1], &["--sha256", &wrong]).exits(1);
    place.switch("1.30.1", &[]).exits(3);
    assert_eq!(place.leads_to(), (Some(place.tree(VERSIONS[0])), None));
    assert_eq!(snapshot(&place.folder), before);
    place.switch(VERSIONS[1], &[]).exits(0);
}

#[test]
fn f03_a_link_where_others_could_exchange_it_is_refused() {
    let place = Place::new();
    let (open, link) = (place.folder.join("open"), place.folder.join("open/current"));
    fs::create_dir(&open).unwrap();
    let to = place.tree(VERSIONS[0]);
    let flags = ["1.22.4", "linux/amd64", "--json", "--to", to.to_str().unwrap(), "--switch", link.to_str().unwrap()];
    for (mode, exit) in [(0o777, 5), (0o1777, 0)] {
        fs::set_permissions(&open, fs::Permissions::from_mode(mode)).unwrap();
        let run = place.depot.run(&place.mirror, &flags).exits(exit);
        assert_eq!(link.is_symlink(), exit == 0, "{run:#?}");
    }
}

#[test]
fn flags_that_contradict_a_link_are_refused() {
    let place = Place::new();
    for flags in [
        &["--rollback", "current", "1.22.5"][..],
        &["--rollback", "current", "--switch", "current"],
        &["--rollback", "current", "--locked"],
        &["1.22.5", "--switch", "current", "--download-only"],
        &["--switch", "current"],
    ] {
        place.depot.run(&place.mirror, flags).exits(2);
    }
    place.depot.home.run(["fetch", "--rollback", "/"]).exits(2);
}

/// At every system call that changes a directory, a run is killed; what the link leads to is the old or the new tree.
#[cfg(target_os = "linux")]
#[test]
fn f08_a_kill_at_any_call_leaves_the_link_at_one_of_the_two() {
    use std::process::Command;
    if !Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success()) {
        std::io::stderr().write_all(b"skipped: strace is not here\n").unwrap();
        return;
    }
    let place = Place::new();
    let [first, second] = [0, 1].map(|number| place.tree(VERSIONS[number]));
    place.switch(VERSIONS[1], &[]).exits(0);
    place.switch(VERSIONS[0], &[]).exits(0);
    let (trees, link) = ([&first, &second], place.link());
    let mut kills = 0;
    for back in [false, true] {
        for call in ["symlinkat", "renameat", "renameat2", "unlinkat", "fsync"] {
            for number in 1.. {
                let _ = fs::remove_file(&link);
                let _ = fs::remove_file(place.folder.join("current.previous"));
                symlink(&first, &link).unwrap();
                symlink(&second, place.folder.join("current.previous")).unwrap();
                let mut traced = Command::new("strace");
                traced.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
                traced.args(["-e", &format!("inject={call}:signal=KILL:when={number}")]);
                traced.arg(env!("CARGO_BIN_EXE_goverify"));
                if back {
                    traced.args(["fetch", "--rollback"]).arg(&link);
                } else {
                    let fetch = place.depot.command(&place.mirror, &["1.22.5", "linux/amd64", "--to"]);
                    traced.args(fetch.get_args()).arg(&second).arg("--switch").arg(&link);
                }
                let output = place.depot.home.surround(traced).output().unwrap();
                let leads_to = fs::read_link(&link).unwrap();
                assert!(trees.contains(&&leads_to), "{call} {number}");
                assert!(leads_to.join("VERSION").exists());
                if output.status.success() {
                    assert_eq!(leads_to, second);
                    break;
                }
                kills += 1;
            }
        }
    }
    assert!(kills >= 6, "only {kills} kills");
    // What killed runs left beside it, the next one removes.
    place.switch(VERSIONS[0], &[]).exits(0);
    place.roll_back(&[]).exits(0);
    place.assert_tidy();
}
