//! `goverify fetch` and `goverify list`, run as their users do: what is asked for, where it comes from, what is said.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;

use goverify::release::Platform;
use serde_json::{Value, json};
use support::binary::{RECEIPT, Run, assert_installed, check, snapshot};
use support::depot::{Depot, WANTED, requests_for};
use support::desk::{sha256, strangers};
use support::mirror::SIGNED;
use support::sdk::Sdk;
use support::world::{NAME, PATH};

fn sdk() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

/// The names below the home folder, but for those inside the tree.
fn beside(depot: &Depot) -> Vec<String> {
    let names = snapshot(&depot.home.home()).into_iter();
    names.filter(|name| !name.starts_with("made/go/") || name == "made/go/").collect()
}

#[test]
fn the_main_job_is_done_from_every_kind_of_mirror() {
    let depot = Depot::of(&[sdk()]);
    let server = depot.serve();
    let folder = depot.write();
    for location in [folder.as_str(), "../mirror", &format!("file://{folder}"), &server.url()] {
        let run = depot.fetch(location, &[]).exits(0);
        assert_eq!(run.stdout, format!("{}\n", depot.destination().display()), "{location}");
        assert!(run.stderr.contains("✓ signature"), "{run:#?}");
        assert_installed(&depot.destination(), &sdk(), true);
        assert_eq!(beside(&depot), ["made/", "made/go/"], "{location}");
        assert_eq!(depot.home.cached(), [], "{location}");
        fs::remove_dir_all(depot.destination()).unwrap();
    }
}

#[test]
fn a_second_fetch_finds_the_first_ones_tree() {
    let depot = Depot::of(&[sdk()]);
    let server = depot.serve();
    let files = sdk().files().len();
    for already in [false, true, true] {
        let result = depot.fetch(&server.url(), &["--json"]).exits(0).result();
        let path = depot.destination();
        let mut expected = json!({"path": path, "files": files, "already": already});
        if !already {
            expected["confinement"] = result["installed"]["confinement"].as_str().unwrap().into();
        }
        assert_eq!(result["installed"], expected);
        assert_eq!([&result["verdict"], &result["trust"]], ["verified", "signature"]);
        assert_eq!((requests_for(&server, PATH), requests_for(&server, &format!("{PATH}.asc"))), (1, 1));
        assert_installed(&path, &sdk(), true);
    }
    // Quiet is what is said, not what is asked for.
    let run = depot.fetch(&server.url(), &["--quiet"]).exits(0);
    assert_eq!((run.stdout, run.stderr.as_str()), (format!("{}\n", depot.destination().display()), ""));
}

#[cfg(unix)]
#[test]
fn f05_modes_are_those_of_the_release_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    for umask in ["000", "022", "027", "077"] {
        let depot = Depot::of(&[sdk()]);
        let mirror = depot.write();
        let under_umask = |program: std::process::Command| {
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
            shell.arg(program.get_program()).args(program.get_args());
            Run::of(depot.home.surround(shell).output().unwrap())
        };
        under_umask(depot.fetch_command(&mirror, &[])).exits(0);
        assert_installed(&depot.destination(), &sdk(), true);
        let program = depot.command(&mirror, &[&WANTED[..], &["--download-only"]].concat());
        under_umask(program).exits(0);
        let mode = |name: &str| fs::metadata(depot.home.work().join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(NAME), 0o644, "umask {umask}");
    }
}

#[test]
fn without_a_receipt_a_tree_is_a_strangers() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    depot.fetch(&mirror, &["--no-receipt"]).exits(0);
    assert_installed(&depot.destination(), &sdk(), false);
    let run = depot.fetch(&mirror, &["--json"]).exits(5);
    assert_eq!(run.error_code(), "destination-exists");
    assert_installed(&depot.destination(), &sdk(), false);
}

#[test]
fn a_receipt_lists_every_file_and_says_what_they_rest_on() {
    let depot = Depot::of(&[sdk()]);
    depot.fetch(&depot.write(), &[]).exits(0);
    let receipt: Value = serde_json::from_slice(&fs::read(depot.destination().join(RECEIPT)).unwrap()).unwrap();
    assert_eq!(receipt["schema"], "goverify.receipt/1");
    assert_eq!(receipt["archive"]["sha256"], sha256(&depot.files[NAME]));
    assert_eq!(receipt["evidence"]["signature"]["certificate"], depot.signer.fingerprint());
    let armored = receipt["evidence"]["signature"]["armored"].as_str().unwrap();
    assert_eq!(armored.as_bytes(), depot.files[&format!("{NAME}.asc")]);
    let listed = receipt["files"].as_array().unwrap();
    assert_eq!(listed.len(), sdk().files().len());
    for file in listed {
        let (content, mode) = sdk().files()[file["path"].as_str().unwrap()].clone();
        let mode = format!("{mode:04o}");
        let expected = json!({"path": file["path"], "size": content.len(), "mode": mode, "sha256": sha256(&content)});
        assert_eq!(*file, expected);
    }
}

#[test]
fn a_download_is_the_archive_with_its_companions() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    let assert_downloaded = |folder: &Path, name: &str| {
        for (suffix, original) in ["", ".asc", ".sha256"].map(|s| (s, &depot.files[&format!("{NAME}{s}")])) {
            assert!(fs::read(folder.join(format!("{name}{suffix}"))).unwrap() == *original, "{name}{suffix}");
        }
        let names = snapshot(folder).into_iter().filter(|found| found != "keyring.pgp");
        assert_eq!(names.collect::<Vec<_>>(), ["", ".asc", ".sha256"].map(|s| format!("{name}{s}")));
    };
    let arguments = [&WANTED[..], &["--download-only"]].concat();
    let run = depot.run(&mirror, &arguments).exits(0);
    let work = fs::canonicalize(depot.home.work()).unwrap();
    assert_eq!(Path::new(run.stdout.trim_end()).canonicalize().unwrap(), work.join(NAME));
    assert_downloaded(&work, NAME);
    // What was downloaded can be verified where it is.
    depot.home.run(["verify", "--keyring", "keyring.pgp", NAME]).exits(0);

    let run = depot.run(&mirror, &[&arguments[..], &["--json"]].concat()).exits(5);
    assert_eq!(run.error_code(), "destination-exists");
    fs::write(work.join(NAME), "something else").unwrap();
    depot.run(&mirror, &arguments).exits(5);
    assert_eq!(fs::read(work.join(NAME)).unwrap(), b"something else");
    depot.run(&mirror, &[&arguments[..], &["--force"]].concat()).exits(0);
    assert_downloaded(&work, NAME);

    let file = depot.home.home().join("sdk.tgz");
    let to = [&arguments[..], &["-o", file.to_str().unwrap()]].concat();
    let run = depot.run(&mirror, &to).exits(0);
    assert_eq!(run.stdout, format!("{}\n", file.display()));
    assert_downloaded(&depot.home.home(), "sdk.tgz");
    let result = depot.run(&mirror, &[&to[..], &["--force", "--json"]].concat()).exits(0).result();
    assert_eq!([&result["installed"], &result["trust"]], [&json!(null), &json!("signature")]);
    depot.run(&mirror, &[&WANTED[..], &["-o", "x"]].concat()).exits(2);
    depot.run(&mirror, &[&arguments[..], &["--to", "x"]].concat()).exits(2);
}

#[test]
fn a_download_takes_no_companions_place() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    let arguments = [&WANTED[..], &["--download-only", "--json"]].concat();
    let work = depot.home.work();
    for suffix in [".asc", ".sha256"] {
        let companion = work.join(format!("{NAME}{suffix}"));
        fs::write(&companion, "somebody else's").unwrap();
        assert_eq!(depot.run(&mirror, &arguments).exits(5).error_code(), "destination-exists");
        assert_eq!(snapshot(&work), [&format!("{NAME}{suffix}"), "keyring.pgp"]);
        assert_eq!(fs::read(&companion).unwrap(), b"somebody else's");
        // The very same content is nobody's loss.
        fs::write(&companion, &depot.files[&format!("{NAME}{suffix}")]).unwrap();
        depot.run(&mirror, &arguments).exits(0);
        for suffix in ["", ".asc", ".sha256"] {
            fs::remove_file(work.join(format!("{NAME}{suffix}"))).unwrap();
        }
    }
    fs::create_dir(work.join("folder")).unwrap();
    for folder in ["folder", "folder/", "new/"] {
        let run = depot.run(&mirror, &[&arguments[..], &["--force", "-o", folder]].concat()).exits(2);
        assert_eq!(run.error_code(), "usage");
    }
    assert_eq!(snapshot(&work), ["folder/", "keyring.pgp"]);
}

#[test]
fn an_unsigned_download_stands_beside_no_older_signature() {
    let asc = format!("{NAME}.asc");
    let mut depot = Depot::of(&[sdk()]);
    let signature = depot.files.remove(&asc).unwrap();
    let mirror = depot.write();
    let stale = depot.home.work().join(&asc);
    fs::write(&stale, &signature).unwrap();
    let arguments = [&WANTED[..], &["--download-only", "--unsigned", "--json"]].concat();
    assert_eq!(depot.run(&mirror, &arguments).exits(5).error_code(), "destination-exists");
    assert_eq!(snapshot(&depot.home.work()), [&asc, "keyring.pgp"]);
    depot.run(&mirror, &[&arguments[..], &["--force"]].concat()).exits(0);
    assert!(!stale.exists());
}

#[test]
fn the_default_destination_is_golang_org_dls() {
    let host = Platform::host().to_string();
    let other = if host == "darwin/arm64" { "linux/amd64" } else { "darwin/arm64" };
    let named = format!("go1.22.5.{}", other.replace('/', "-"));
    let sdks = [host.as_str(), other, "src"].map(|target| Sdk::new("go1.22.5", target));
    let depot = Depot::of(&sdks);
    let mirror = depot.write();
    for (sdk, arguments, name) in [
        (&sdks[0], &["1.22.5"][..], "go1.22.5"),
        (&sdks[1], &["go1.22.5", other], &named),
        (&sdks[2], &["1.22.5", "src"], "go1.22.5.src"),
    ] {
        let run = depot.run(&mirror, arguments).exits(0);
        let path = depot.home.home().join("sdk").join(name);
        assert_eq!(run.stdout, format!("{}\n", path.display()));
        assert_installed(&path, sdk, true);
    }
    // The host's platform may be named, and in either way of writing.
    for platform in [host.clone(), host.replace('/', "-")] {
        let result = depot.run(&mirror, &["1.22.5", &platform, "--json"]).exits(0).result();
        assert_eq!(result["installed"]["already"], true);
    }
}

#[test]
fn selectors_choose_the_release() {
    let versions = ["go1.23rc1", "go1.21.9", "go1.22.5", "go1.21.13", "go1.22.4"];
    let depot = Depot::of(&versions.map(Sdk::linux_amd64));
    let mirror = depot.write();
    for (selector, version) in [
        ("1.22", "go1.22.5"),
        ("stable", "go1.22.5"),
        ("latest", "go1.22.5"),
        ("oldstable", "go1.21.13"),
        ("1.21", "go1.21.13"),
        ("go1.22.4", "go1.22.4"),
        ("1.23rc1", "go1.23rc1"),
    ] {
        // Signed within days of July 2024, no release may be newer than that; only the index chooses here.
        let to = depot.home.home().join(selector);
        let arguments = [selector, "linux/amd64", "--to", to.to_str().unwrap(), "--json"];
        let result = depot.run(&mirror, &arguments).exits(0).result();
        assert_eq!(result["archive"]["version"], version, "{selector}");
        assert_installed(&to, &Sdk::linux_amd64(version), true);
    }
}

#[test]
fn what_is_not_offered_is_not_found() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    for (arguments, code) in [
        (["1.22.6", "linux/amd64"], "release-not-found"),
        (["1.23", "linux/amd64"], "release-not-found"),
        (["oldstable", "linux/amd64"], "release-not-found"),
        (["1.22.5", "linux/riscv64"], "platform-not-found"),
        (["1.22.5", "src"], "platform-not-found"),
    ] {
        let run = depot.run(&mirror, &[&arguments[..], &["--json"]].concat()).exits(3);
        assert_eq!(run.error_code(), code, "{arguments:?}");
        let result = run.result();
        assert!(result["error"]["hint"].as_str().is_some_and(|hint| hint.contains("goverify list")), "{result:#}");
        assert_eq!(depot.run(&mirror, &arguments).exits(3).stdout, "");
    }
    depot.home.assert_untouched();
}

#[test]
fn j10_hostile_version_is_refused_before_anything_is_asked_or_named_by_it() {
    let depot = Depot::of(&[sdk()]);
    let server = depot.serve();
    let long = "9".repeat(40);
    for arguments in [
        &["1.22.5.6"][..],
        &["../1.22.5"],
        &["../../etc/passwd"],
        &["1.22.5;rm"],
        &["go1.27.1;rm -rf ~"],
        &["1.22.5+meta"],
        &["1.22.5%2f.."],
        &["1.22.5\n"],
        &["-x"],
        &["--", "-x"],
        &["--", "--upload-pack=touch x"],
        &[long.as_str()],
        &["1.22.5", "linux"],
        &["1.22.5", "linux/../amd64"],
        &["1.22.5", "linux/amd64/x"],
        &[""],
        &[],
    ] {
        // A separator has to stand behind all flags.
        let run = Run::of(depot.command(&server.url(), &[&["--json"], arguments].concat()).output().unwrap());
        assert_eq!(run.exits(2).error_code(), "usage", "{arguments:?}");
    }
    assert_eq!(server.requests().len(), 0);
    depot.home.assert_untouched();
    assert_eq!(depot.home.cached(), []);
    depot.fetch(&server.url(), &[]).exits(0);
}

#[test]
fn a_mirror_is_named_by_flag_or_variable_and_an_index_may_be_elsewhere() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    let without_mirror = || {
        let mut command = depot.home.command(["fetch", "--keyring", "keyring.pgp", "--sumdb", "off"]);
        command.args(WANTED).arg("--to").arg(depot.destination());
        command
    };
    Run::of(without_mirror().env("GOVERIFY_MIRROR", &mirror).output().unwrap()).exits(0);
    // Nothing else names it: the default one is the official one, which is not to be reached here.
    for empty in [false, true] {
        let mut command = without_mirror();
        command.args(["--offline", "--json"]);
        if empty {
            command.env("GOVERIFY_MIRROR", "");
        }
        assert_eq!(Run::of(command.output().unwrap()).exits(4).error_code(), "transport-refused");
    }
    let mut command = without_mirror();
    command.env("GOVERIFY_MIRROR", "/nonexistent").args(["--force", "--mirror", &mirror]);
    Run::of(command.output().unwrap()).exits(0);

    fs::rename(depot.home.mirror().join("index.json"), depot.home.work().join("elsewhere.json")).unwrap();
    let run = depot.fetch(&mirror, &["--json"]).exits(5);
    assert_eq!(run.error_code(), "io");
    depot.fetch(&mirror, &["--force", "--index", "elsewhere.json"]).exits(0);
    assert_installed(&depot.destination(), &sdk(), true);
}

#[test]
fn offline_means_that_no_network_is_reached() {
    let depot = Depot::of(&[sdk()]);
    let server = depot.serve();
    let run = depot.fetch(&server.url(), &["--offline", "--json"]).exits(4);
    assert_eq!(run.error_code(), "transport-refused");
    let mirror = depot.write();
    let run = depot.fetch(&mirror, &["--offline", "--index", &server.url(), "--json"]).exits(4);
    assert_eq!(run.error_code(), "transport-refused");
    assert!(server.requests().is_empty());
    depot.home.assert_untouched();
    depot.fetch(&mirror, &["--offline"]).exits(0);
    assert_installed(&depot.destination(), &sdk(), true);
}

#[test]
fn an_expectation_from_outside_is_checked_as_well() {
    let depot = Depot::of(&[sdk()]);
    let mirror = depot.write();
    let (right, wrong) = (sha256(&depot.files[NAME]), sha256(b"other"));
    let result = depot.fetch(&mirror, &["--sha256", &wrong, "--json"]).exits(1).result();
    assert_eq!(result["error"]["code"], "digest-mismatch");
    assert_eq!(check(&result, "digest")["source"], "--sha256");
    depot.home.assert_untouched();
    depot.fetch(&mirror, &["--sha256", &right]).exits(0);
    // An installed tree is no excuse.
    let run = depot.fetch(&mirror, &["--sha256", &wrong, "--json"]).exits(1);
    assert_eq!(run.error_code(), "digest-mismatch");
    depot.fetch(&mirror, &["--sha256", &right]).exits(0);
    depot.fetch(&mirror, &["--sha256", "abc"]).exits(2);
}

#[test]
fn an_unsigned_archive_is_accepted_where_that_was_asked_for_only() {
    let asc = format!("{NAME}.asc");
    let mut depot = Depot::of(&[sdk()]);
    depot.files.remove(&asc).unwrap();
    let mirror = depot.write();
    for arguments in [&["--json"][..], &["--json", "--require", "digest"], &["--json", "--no-receipt"]] {
        let result = depot.fetch(&mirror, arguments).exits(3).result();
        assert_eq!(result["error"]["code"], "signature-not-published");
        assert!(result["error"]["hint"].as_str().is_some_and(|hint| hint.contains("--unsigned")));
        depot.home.assert_untouched();
    }
    depot.fetch(&mirror, &["--unsigned", "--require", "signature"]).exits(2);
    for already in [false, true] {
        let result = depot.fetch(&mirror, &["--unsigned", "--json"]).exits(0).result();
        assert_eq!([&result["trust"], &check(&result, "signature")["status"]], ["digest-only", "not-published"]);
        assert_eq!(result["installed"]["already"], already);
    }
    // A tree on its digest alone is not what somebody asks for who does not say so.
    assert_eq!(depot.fetch(&mirror, &["--json"]).exits(5).error_code(), "destination-exists");

    fs::remove_dir_all(depot.home.home().join("made")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nothing", depot.home.mirror().join(&asc)).unwrap();
        let run = depot.fetch(&mirror, &["--unsigned", "--json"]).exits(5);
        assert_eq!(run.error_code(), "io", "a link that leads nowhere");
    }
    depot.files.insert(asc, strangers(&depot.files[NAME]));
    let run = depot.fetch(&depot.write(), &["--unsigned", "--json"]).exits(1);
    assert_eq!(run.error_code(), "signature-untrusted-key", "one that is there has to hold");
    depot.home.assert_untouched();
}

#[test]
fn the_json_document_has_the_promised_shape() {
    let depot = Depot::of(&[sdk()]);
    let server = depot.serve();
    let document = depot.fetch(&server.url(), &["--json"]).exits(0).json();
    let (digest, bytes) = (sha256(&depot.files[NAME]), sdk().files().values().map(|(c, _)| c.len()).sum::<usize>());
    let location = format!("{}{NAME}", server.url());
    // As the kernel has it.
    let confinement = document["results"][0]["installed"]["confinement"].as_str().unwrap();
    let expected = json!({
        "schema": "goverify.report/1", "command": "fetch", "verdict": "verified", "exit_code": 0,
        "results": [{
            "verdict": "verified", "trust": "signature",
            "archive": {"filename": NAME, "version": "go1.22.5", "os": "linux", "arch": "amd64", "kind": "archive",
                        "size": depot.files[NAME].len(), "sha256": digest, "location": location},
            "checks": [
                {"check": "digest", "status": "passed", "expected": digest, "actual": digest, "source": "index"},
                {"check": "signature", "status": "passed", "certificate": depot.signer.fingerprint(),
                 "signing_key": depot.signer.signing_fingerprint(), "created": SIGNED, "hash": "SHA256",
                 "sha1_back_signature": false},
                {"check": "layout", "status": "passed", "entries": sdk().entries().len(),
                 "files": sdk().files().len(), "unpacked_bytes": bytes},
                {"check": "transparency", "status": "not-requested"},
            ],
            "installed": {"path": depot.destination(), "files": sdk().files().len(), "already": false,
                          "confinement": confinement},
            "error": null,
        }],
    });
    assert_eq!(document, expected);
}

#[test]
fn what_a_mirror_offers_is_listed_newest_first() {
    let sdks = ["go1.21.13", "go1.23rc1", "go1.22.5"].map(Sdk::linux_amd64);
    let depot = Depot::of(&[&sdks[..], &[Sdk::source("go1.22.5"), Sdk::new("go1.22.5", "linux/arm")]].concat());
    let mirror = depot.write();
    let list = |arguments: &[&str]| depot.home.run([&["list", "--mirror", &mirror], arguments].concat());
    assert_eq!(list(&[]).exits(0).stdout, "go1.23rc1 (pre-release)\ngo1.22.5\ngo1.21.13\n");
    let document = list(&["--json"]).exits(0).json();
    assert_eq!([&document["command"], &document["verdict"]], ["list", "ok"]);
    let versions = document["releases"].as_array().unwrap().iter().map(|release| release["version"].clone());
    assert_eq!(versions.collect::<Vec<_>>(), ["go1.23rc1", "go1.22.5", "go1.21.13"]);

    let document = list(&["1.22.5", "--json"]).exits(0).json();
    let releases = document["releases"].as_array().unwrap();
    let (digest, size) = (sha256(&depot.files[NAME]), depot.files[NAME].len());
    assert_eq!(
        (releases.len(), &releases[0]["version"], &releases[0]["stable"]),
        (1, &json!("go1.22.5"), &json!(true))
    );
    let archives = releases[0]["archives"].as_array().unwrap();
    let expected = json!({"target": "linux/amd64", "filename": NAME, "size": size, "sha256": digest, "error": null});
    assert!(archives.contains(&expected), "{archives:#?}");
    let targets: Vec<&str> = archives.iter().map(|archive| archive["target"].as_str().unwrap()).collect();
    assert_eq!(targets.len(), 3, "{targets:?}");
    assert!(["linux/amd64", "linux/arm", "src"].iter().all(|target| targets.contains(target)), "{targets:?}");
    assert!(list(&["1.22"]).exits(0).stdout.contains(&digest));
    assert_eq!(list(&["1.24", "--json"]).exits(3).error_code(), "release-not-found");
    let server = depot.serve();
    assert_eq!(depot.home.run(["list", "--mirror", &server.url()]).exits(0).stdout, list(&[]).stdout);
}
