//! Where `goverify fetch` installs to, and what it makes of things that are there already.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use support::binary::{RECEIPT, Run, assert_installed, snapshot};
use support::depot::{Depot, WANTED, requests_for};
use support::keys::Signer;
use support::sdk::Sdk;
use support::world::PATH;

fn sdk() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

/// All names below `dir` with what they stand for.
fn contents(dir: &Path) -> Vec<(String, String)> {
    let describe = |name: String| {
        let path = dir.join(&name);
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mut content = format!("{:o}", metadata.permissions().mode());
        if metadata.is_symlink() {
            content += fs::read_link(&path).unwrap().to_str().unwrap();
        } else if metadata.is_file() {
            content += &String::from_utf8_lossy(&fs::read(&path).unwrap());
        }
        (name, content)
    };
    snapshot(dir).into_iter().map(describe).collect()
}

/// Asserts that a fetch is refused, early and without a trace, and that it says how to go on.
#[track_caller]
fn assert_refused(depot: &Depot, further: &[&str], case: &str) {
    let server = depot.serve();
    let before = contents(&depot.home.home());
    let result = depot.fetch(&server.url(), &[further, &["--json"]].concat()).exits(5).result();
    assert_eq!(result["error"]["code"], "destination-exists", "{case}: {result:#}");
    assert!(result["error"]["hint"].as_str().is_some_and(|hint| hint.contains("--force")), "{case}: {result:#}");
    assert_eq!(contents(&depot.home.home()), before, "{case}");
    assert_eq!(requests_for(&server, PATH), 0, "{case}: nothing is downloaded in vain");
}

#[test]
fn f09_what_stands_at_the_destination_is_never_touched_unless_forced() {
    let cases: [(&str, fn(&Path)); 7] = [
        ("folder_of_others", |path| {
            fs::create_dir(path).unwrap();
            fs::write(path.join("thesis.txt"), "years of work").unwrap();
        }),
        ("tree_of_others", |path| {
            fs::create_dir_all(path.join("bin")).unwrap();
            fs::write(path.join("VERSION"), "go1.22.5").unwrap();
        }),
        ("empty_folder", |path| fs::create_dir(path).unwrap()),
        ("file", |path| fs::write(path, "a file").unwrap()),
        ("link_to_a_folder", |path| {
            fs::create_dir(path.with_file_name("target")).unwrap();
            fs::write(path.with_file_name("target").join("thesis.txt"), "years of work").unwrap();
            symlink("target", path).unwrap();
        }),
        ("link_to_itself", |path| symlink("go", path).unwrap()),
        ("dangling_link", |path| symlink("nowhere", path).unwrap()),
    ];
    for (case, make) in cases {
        let depot = Depot::of(&[sdk()]);
        let path = depot.destination();
        fs::create_dir(path.parent().unwrap()).unwrap();
        make(&path);
        assert_refused(&depot, &[], case);

        let target = path.with_file_name("target");
        let linked = target.exists().then(|| contents(&target));
        depot.fetch(&depot.write(), &["--force"]).exits(0);
        assert_installed(&path, &sdk(), true);
        let mut expected = vec!["go".into()];
        expected.extend(linked.as_ref().map(|_| std::ffi::OsString::from("target")));
        assert_eq!(names(path.parent().unwrap()), expected, "{case}: what was replaced is gone");
        assert_eq!(target.exists().then(|| contents(&target)), linked, "{case}: a link's target is not followed");
    }
}

fn names(dir: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn f09_a_damaged_tree_is_no_installation() {
    let replace_with_link = |path: &Path| {
        fs::rename(path, path.with_file_name("moved")).unwrap();
        symlink("moved", path).unwrap();
    };
    let cases: [(&str, &dyn Fn(&Path)); 9] = [
        ("missing_file", &|go| fs::remove_file(go.join("src/greet/greet.go")).unwrap()),
        ("longer_file", &|go| fs::write(go.join("bin/go"), "something quite different").unwrap()),
        ("mode", &|go| fs::set_permissions(go.join("bin/go"), PermissionsExt::from_mode(0o4755)).unwrap()),
        ("file_that_is_a_link", &|go| replace_with_link(&go.join("bin/go"))),
        ("folder_that_is_a_link", &|go| replace_with_link(&go.join("src"))),
        ("missing_receipt", &|go| fs::remove_file(go.join(RECEIPT)).unwrap()),
        ("broken_receipt", &|go| fs::write(go.join(RECEIPT), "{}").unwrap()),
        ("receipt_that_is_a_link", &|go| replace_with_link(&go.join(RECEIPT))),
        ("receipt_of_another_archive", &|go| {
            let receipt = fs::read_to_string(go.join(RECEIPT)).unwrap();
            let (start, digest) = receipt.split_once("\"sha256\":\"").unwrap();
            fs::write(go.join(RECEIPT), format!("{start}\"sha256\":\"{}{}", "0".repeat(64), &digest[64..])).unwrap();
        }),
    ];
    for (case, damage) in cases {
        let depot = Depot::of(&[sdk()]);
        let mirror = depot.write();
        depot.fetch(&mirror, &[]).exits(0);
        let result = depot.fetch(&mirror, &["--json"]).exits(0).result();
        assert_eq!(result["installed"]["already"], true);
        damage(&depot.destination());
        assert_refused(&depot, &[], case);
        let result = depot.fetch(&mirror, &["--force", "--json"]).exits(0).result();
        assert_eq!(result["installed"]["already"], false, "{case}");
        assert_installed(&depot.destination(), &sdk(), true);
        assert_eq!(names(depot.destination().parent().unwrap()), ["go"], "{case}");
    }
}

#[test]
fn f09_a_tree_of_another_release_or_of_another_key_is_not_the_one_asked_for() {
    let depot = Depot::of(&[sdk(), Sdk::linux_amd64("go1.22.6"), Sdk::new("go1.22.5", "linux/arm64")]);
    let path = depot.destination();
    let to = ["--to", path.to_str().unwrap()];
    for other in [["1.22.6", "linux/amd64"], ["1.22.5", "linux/arm64"]] {
        depot.run(&depot.write(), &[&other[..], &to, &["--force"]].concat()).exits(0);
        assert_refused(&depot, &[], other[0]);
    }
    depot.fetch(&depot.write(), &["--force"]).exits(0);
    assert_installed(&path, &sdk(), true);
    let stranger = Signer::new("stranger", "2024-01-01T00:00:00Z");
    fs::write(depot.home.work().join("keyring.pgp"), stranger.certificate()).unwrap();
    assert_refused(&depot, &[], "a key that is not trusted now");
    fs::write(depot.home.work().join("keyring.pgp"), depot.signer.certificate()).unwrap();
    depot.fetch(&depot.write(), &[]).exits(0);
}

#[test]
fn f15_the_destination_may_be_written_as_users_write_it() {
    for (written, meant) in [
        ("go", "work/go"),
        ("./a//b/c/", "work/a/b/c"),
        ("../home/x", "home/x"),
        ("with space and 'quotes' é", "work/with space and 'quotes' é"),
        ("-go", "work/-go"),
    ] {
        let depot = Depot::of(&[sdk()]);
        let mirror = depot.write();
        let to = format!("--to={written}");
        let arguments = [&WANTED[..], &[&to]].concat();
        let run = depot.run(&mirror, &arguments).exits(0);
        let path = depot.home.home().parent().unwrap().join(meant);
        assert_installed(&path, &sdk(), true);
        let shown = run.stdout.strip_suffix('\n').unwrap();
        assert!(Path::new(shown).is_absolute() && !shown.ends_with('/'), "{run:#?}");
        assert_eq!(fs::canonicalize(shown).unwrap(), fs::canonicalize(&path).unwrap());
        let result = depot.run(&mirror, &[&arguments[..], &["--json"]].concat()).exits(0).result();
        assert_eq!(result["installed"]["already"], true, "{written}");
    }
}

#[test]
fn f15_places_where_nothing_can_be_installed_are_told_apart() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    let to = |path: &Path| depot.run(&mirror, &[&WANTED[..], &["--json", "--to", path.to_str().unwrap()]].concat());
    for nameless in ["/", "..", "a/.."] {
        assert_eq!(to(Path::new(nameless)).exits(2).error_code(), "usage", "{nameless}");
    }
    fs::write(depot.home.work().join("file"), "").unwrap();
    assert_eq!(to(Path::new("file/go")).exits(5).error_code(), "io");

    let shared = depot.home.work().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, PermissionsExt::from_mode(0o777)).unwrap();
    assert_eq!(to(&shared.join("go")).exits(5).error_code(), "permission-denied", "anybody may exchange what is there");
    assert_eq!(snapshot(&shared), [""; 0]);
    fs::set_permissions(&shared, PermissionsExt::from_mode(0o1777)).unwrap();
    to(&shared.join("go")).exits(0);
    assert_installed(&shared.join("go"), &sdk(), true);

    let mut homeless = depot.command(&mirror, &[&WANTED[..], &["--json"]].concat());
    let result = Run::of(homeless.env("HOME", "not/absolute").output().unwrap()).exits(5).result();
    assert!(result["error"]["hint"].as_str().is_some_and(|hint| hint.contains("--to")), "{result:#}");
    depot.home.assert_untouched();
}

#[test]
fn f15_without_a_home_the_systems_own_word_for_it_counts() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    // Not there: what no variable names is looked up, and must not be written to by a test.
    let mut command = depot.command(&mirror, &["1.22.4", "linux/amd64", "--json"]);
    let run = Run::of(command.env_remove("HOME").output().unwrap()).exits(3);
    assert_eq!(run.error_code(), "release-not-found");
    let mut command = depot.fetch_command(&mirror, &[]);
    Run::of(command.env_remove("HOME").env_remove("XDG_CACHE_HOME").output().unwrap()).exits(0);
    assert_installed(&depot.destination(), &sdk(), true);
}

#[test]
fn f03_the_systems_temporary_folder_is_not_used() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    fs::write(depot.home.work().join("file"), "").unwrap();
    for place in ["/nowhere", "file", ""] {
        let file = depot.home.work().join("go.tar.gz");
        let archive = [&WANTED[..], &["--download-only", "--force", "-o", file.to_str().unwrap()]].concat();
        for mut command in [depot.fetch_command(&mirror, &["--force"]), depot.command(&mirror, &archive)] {
            Run::of(command.env("TMPDIR", place).output().unwrap()).exits(0);
        }
        assert_installed(&depot.destination(), &sdk(), true);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_path_on_stdout_is_the_destination_whatever_its_bytes() {
    use std::os::unix::ffi::OsStrExt;
    for name in [&b"go"[..], b"caf\xe9", b"a\x1b[2Jb", b"a\nb"] {
        let depot = Depot::of(&[sdk()]);
        let path = depot.home.home().join(std::ffi::OsStr::from_bytes(name));
        for case in ["new", "already"] {
            let mut command = depot.command(&depot.write(), &WANTED);
            let output = command.arg("--to").arg(&path).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            assert_installed(&path, &sdk(), true);
            // What a script's `$(...)` takes.
            let shown = output.stdout.strip_suffix(b"\n").unwrap();
            assert_eq!(std::ffi::OsStr::from_bytes(shown), path.as_os_str(), "{case}: {name:?}");
        }
    }
}

#[test]
fn f15_a_current_folder_that_is_gone_matters_only_where_it_is_needed() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    let keyring = depot.home.work().join("keyring.pgp");
    let from_nowhere = |to: &str| {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" \"$@\""]);
        shell.args([env!("CARGO_BIN_EXE_goverify"), "fetch", "--json", "--mirror", &mirror]).args(WANTED);
        shell.args(["--sumdb", "off"]);
        shell.arg("--keyring").arg(&keyring).args(["--to", to]);
        Run::of(depot.home.surround(shell).output().unwrap())
    };
    assert_eq!(from_nowhere("go").exits(5).error_code(), "io");
    from_nowhere(depot.destination().to_str().unwrap()).exits(0);
    assert_installed(&depot.destination(), &sdk(), true);
}

#[test]
fn a_receipt_cannot_speak_to_the_terminal() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    depot.fetch(&mirror, &[]).exits(0);
    let receipt = depot.destination().join(RECEIPT);
    let text = fs::read_to_string(&receipt).unwrap();
    let key = depot.signer.signing_fingerprint();
    fs::write(&receipt, text.replace(&key, "\\u001b[31m")).unwrap();
    let run = depot.fetch(&mirror, &["-v"]).exits(0);
    assert!(run.stderr.contains("\\u{1b}[31m") && !run.stderr.contains('\u{1b}'), "{run:#?}");
}

#[test]
fn f03_an_archive_is_not_put_where_others_could_exchange_it() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    let folder = depot.home.home().join("open");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("go.tar.gz");
    for (mode, code) in [(0o777, Some("permission-denied")), (0o1777, None)] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        let arguments = [&WANTED[..], &["--download-only", "--json", "-o", file.to_str().unwrap()]].concat();
        let run = depot.run(&mirror, &arguments);
        match code {
            Some(code) => {
                assert_eq!(run.exits(5).error_code(), code);
                assert_eq!(snapshot(&folder), [""; 0]);
            }
            None => drop(run.exits(0)),
        }
    }
}
