//! What `goverify doctor` prints, and what it changes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::Value;

use crate::support::binary::{Home, Run};
use crate::world::{World, text};

fn mode(path: &std::path::Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_machine_without_go_is_told_what_to_do() {
    let home = Home::new();
    let run = |variables: &[(&str, &str)]| {
        let mut command = home.command(["doctor", "--json"]);
        command.env_clear().envs(variables.iter().copied());
        Run::of(command.output().unwrap()).exits(1)
    };
    let codes = |run: &Run| -> Vec<String> {
        let findings = run.result()["findings"].as_array().unwrap().clone();
        let errors = findings.iter().filter(|finding| finding["severity"] == "error");
        errors.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    };
    let own = home.home();
    assert_eq!(codes(&run(&[("HOME", own.to_str().unwrap()), ("PATH", "/nonexistent")])), ["go-not-found"]);
    // Nothing at all is known of where anything could be.
    assert_eq!(codes(&run(&[])), ["go-not-found", "gopath-empty", "gocache-off"]);
    let result = run(&[]).result();
    assert_eq!(result["install"]["refused"], "neither GOBIN nor GOPATH names a folder");
    assert_eq!(result["goroot"]["path"], Value::Null);
}

#[test]
fn what_is_sound_is_explained_and_exits_0() {
    let world = World::sound();
    let run = world.shell(&world.doctor_line(&["--explain"])).exits(0);
    let tree = text(&world.tree());
    for line in [
        format!("go          {tree}/bin/go  (go1.22.5, goverify)"),
        format!("GOROOT      {tree}  (where go is)"),
        "            the variable GOROOT: says nothing".to_owned(),
        format!("            the place of go: {tree} is taken"),
        format!("go install  {}/go/bin, element 2 of PATH", world.home().display()),
        format!("            for another platform {}/go/bin/GOOS_GOARCH", world.home().display()),
        "GOTOOLCHAIN local  (variable)".to_owned(),
    ] {
        assert!(run.stdout.lines().any(|printed| printed == line), "{line} is not in {run:#?}");
    }
    assert_eq!(run.stderr, "");
    let mut world = world;
    let folder = world.home().join("go/bin");
    world.set("GOBIN", &folder);
    let install = world.shell(&world.doctor_line(&["--json"])).exits(0).result()["install"].clone();
    assert_eq!(install["folder"], text(&folder));
    assert_eq!(install["across"]["refused"], "GOBIN is set, and the program would be for another platform");
    world.variables.remove("GOBIN");
    assert_eq!(world.shell(&world.doctor_line(&["-q"])).exits(0).stdout, "");
}

#[test]
fn a_fix_changes_nothing_unless_somebody_agrees() {
    let world = World::sound();
    let (source, programs) = (world.tree().join("src"), world.home().join("go/bin"));
    world.set_mode(&source, 0o777);
    world.set_mode(&programs, 0o775);
    let run = world.shell(&world.doctor_line(&["--fix"])).exits(2);
    assert!(run.stderr.contains(&format!("mode 0777 -> 0755  {}", source.display())), "{run:#?}");
    assert_eq!((mode(&source), mode(&programs)), (0o777, 0o775));
    world.shell(&world.doctor_line(&["--yes"])).exits(2);
    world.shell(&world.doctor_line(&["--fix", "--yes"])).exits(0);
    assert_eq!((mode(&source), mode(&programs)), (0o755, 0o755));
    // What is right already is left alone.
    let before = source.metadata().unwrap().ctime_nsec();
    world.shell(&world.doctor_line(&["--fix", "--yes"])).exits(0);
    assert_eq!(source.metadata().unwrap().ctime_nsec(), before);
}

#[test]
fn a_fix_leaves_alone_what_is_neither_goverifys_nor_for_programs() {
    let mut world = World::sound();
    let other = world.at("other");
    world.install("go1.21.3", &other);
    fs::remove_file(other.join(".goverify.json")).unwrap();
    world.path_first(&other.join("bin"));
    let (program, above) = (other.join("bin/go"), world.home());
    world.set_mode(&program, 0o777);
    world.set_mode(&above, 0o775);
    let run = world.shell(&world.doctor_line(&["--fix", "--yes"])).exits(1);
    assert!(run.stdout.contains("writable-by-others") && run.stdout.contains("writable-by-group"), "{run:#?}");
    assert_eq!((mode(&program), mode(&above)), (0o777, 0o775));
}

#[test]
fn a_fix_follows_no_link_and_changes_no_file_with_another_name() {
    let world = World::sound();
    let outside = world.at("outside");
    fs::write(&outside, "").unwrap();
    world.set_mode(&outside, 0o666);
    let (link, name) = (world.home().join("go/bin/link"), world.home().join("go/bin/name"));
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    world.shell(&world.doctor_line(&["--fix", "--yes"])).exits(0);
    assert_eq!(mode(&outside), 0o666);
    fs::hard_link(&outside, &name).unwrap();
    let run = world.shell(&world.doctor_line(&["--fix", "--yes"])).exits(1);
    assert!(run.stdout.contains("not changed: ") && run.stdout.contains("a file with several names"), "{run:#?}");
    assert_eq!(mode(&outside), 0o666);
}

#[test]
fn annotations_are_what_the_services_read() {
    let mut world = World::sound();
    world.set("GOBIN", "bin%dir");
    world.set("GOSUMDB", "off");
    let github = [
        "::error title=goverify doctor%3A gobin-relative::go install refuses a GOBIN that is not absolute%0Afix: unset GOBIN",
        "::warning title=goverify doctor%3A sumdb-off::the checksum database is switched off: nobody notices when a module \
         is not what others get%0Afix: export GOSUMDB=sum.golang.org",
    ];
    let run = world.shell(&world.doctor_line(&["--ci=github"])).exits(1);
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), github);
    world.variables.insert("GITHUB_ACTIONS".to_owned(), "true".to_owned());
    assert_eq!(world.shell(&world.doctor_line(&["--ci"])).exits(1).stdout, run.stdout);
    world.variables.remove("GITHUB_ACTIONS");
    world.shell(&world.doctor_line(&["--ci"])).exits(2);

    let run = world.shell(&world.doctor_line(&["--ci=gitlab"])).exits(1);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let entries = report.as_array().unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (&entry["check_name"], &entry["severity"])).collect();
    assert_eq!(told, [(&"gobin-relative".into(), &"critical".into()), (&"sumdb-off".into(), &"minor".into())]);
    for entry in entries {
        assert!(entry["location"]["lines"]["begin"].is_u64() && entry["location"]["path"].is_string());
        assert_eq!(entry["fingerprint"].as_str().unwrap().len(), 64);
    }
    assert_ne!(entries[0]["fingerprint"], entries[1]["fingerprint"]);
}

#[test]
fn names_that_a_terminal_would_obey_are_shown_escaped() {
    let mut world = World::sound();
    let folder = world.at("a\u{1b}]0;x\u{7}b");
    fs::create_dir(&folder).unwrap();
    world.set("GOBIN", &folder);
    let run = world.shell(&world.doctor_line(&[])).exits(0);
    assert!(!run.stdout.contains(['\u{1b}', '\u{7}']), "{run:#?}");
    assert!(run.stdout.contains("gobin-not-on-path"), "{run:#?}");
}

#[test]
fn nothing_is_changed_below_a_folder_that_others_may_change() {
    let mut world = World::sound();
    let (above, folder) = (world.at("above"), world.at("above/bin"));
    fs::create_dir_all(&folder).unwrap();
    world.set_mode(&folder, 0o777);
    world.set("GOBIN", &folder);
    for (open, expected) in [(0o777, 0o777), (0o1777, 0o755)] {
        world.set_mode(&above, open);
        world.shell(&world.doctor_line(&["--fix", "--yes"]));
        assert_eq!((mode(&above), mode(&folder)), (open, expected));
    }
    // What is meant for everybody stays so, and is no place for programs.
    world.set_mode(&folder, 0o1777);
    let run = world.shell(&world.doctor_line(&["--fix", "--yes"])).exits(1);
    assert!(run.stdout.contains("  fix: unset GOBIN"), "{run:#?}");
    assert_eq!(mode(&folder), 0o1777);
}

#[test]
fn a_fix_is_for_the_files_of_a_folder_of_programs_and_not_for_what_is_below() {
    let mut world = World::sound();
    let folder = world.at("home");
    fs::create_dir_all(folder.join("shared")).unwrap();
    for path in [folder.join("tool"), folder.join("shared/notes")] {
        fs::write(&path, "").unwrap();
        world.set_mode(&path, 0o666);
    }
    world.set("GOBIN", &folder);
    world.shell(&world.doctor_line(&["--fix", "--yes"])).exits(0);
    assert_eq!((mode(&folder.join("tool")), mode(&folder.join("shared/notes"))), (0o644, 0o666));
}

#[test]
fn a_password_in_a_proxys_address_is_not_told() {
    let mut world = World::sound();
    world.set("GOPROXY", "http://me:secret@proxy.example/x");
    for further in [&["--json"][..], &["--ci=github"], &["--ci=gitlab"], &["-v"]] {
        let run = world.shell(&world.doctor_line(further)).exits(0);
        assert!(run.stdout.contains("proxy.example") && !run.stdout.contains("secret"), "{run:#?}");
    }
}

#[test]
fn no_strangers_program_becomes_the_users() {
    if !rustix::process::geteuid().is_root() {
        crate::support::real::skipped("a stranger's program needs a user who may give a file away");
        return;
    }
    let world = World::sound();
    let (program, own) = (world.home().join("go/bin/tool"), world.tree().join("src/make.bash"));
    fs::write(&program, "").unwrap();
    for path in [&program, &own] {
        std::os::unix::fs::chown(path, Some(12_345), None).unwrap();
    }
    let run = world.shell(&world.doctor_line(&["--fix", "--yes"])).exits(1);
    assert!(run.stdout.contains("foreign-owner"), "{run:#?}");
    assert_eq!((program.metadata().unwrap().uid(), own.metadata().unwrap().uid()), (12_345, 0));
}

#[test]
fn no_program_is_run() {
    let mut world = World::sound();
    let ran = world.at("ran");
    let script = world.script("first/go", &format!(": > '{}'\n", ran.display()));
    fs::copy(&script, world.tree().join("bin/go")).unwrap();
    fs::copy(&script, world.tools().join("compile")).unwrap();
    world.shell(&world.doctor_line(&[]));
    world.path_first(script.parent().unwrap());
    world.shell(&world.doctor_line(&["--explain"]));
    assert!(!ran.exists());
    world.shell("go");
    assert!(ran.exists(), "that would have shown");
}
