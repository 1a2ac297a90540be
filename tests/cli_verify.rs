//! `goverify verify`, run as its users do: what it says of good archives and of bad ones.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::binary::{Run, check};
use support::desk::{
    ASC, Desk, NAME, PAGE, changed, changed_signature, cut, early, flipped, genuine, sha256, strangers,
};
use support::mirror::{SIGNED, index};
use support::sdk::Sdk;

#[test]
fn a_genuine_archive_is_ok() {
    let desk = Desk::new();
    let run = desk.verify(&[NAME]).exits(0);
    assert_eq!(run.stdout, format!("OK {NAME}\n"));
    for word in ["✓ signature", "✓ layout", &desk.signer.fingerprint()] {
        assert!(run.stderr.contains(word), "{word}: {run:#?}");
    }
    assert!(!run.stderr.contains('\u{1b}'), "colour where there is no terminal: {run:#?}");
    assert!(desk.verify(&[NAME, "--color", "always"]).exits(0).stderr.contains('\u{1b}'));
    let run = desk.verify(&[NAME, "--quiet"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}

/// A fault, how it is made, what is verified then, and the exit code and error code that must come of it.
type Row = (&'static str, fn(&Desk), &'static str, i32, &'static str);

#[test]
fn every_fault_has_its_word_its_code_and_its_hint() {
    const OTHER_VERSION: &str = "go1.22.6.linux-amd64.tar.gz";
    const OTHER_PLATFORM: &str = "go1.22.5.linux-arm64.tar.gz";
    const ZIP: &str = "go1.22.5.windows-amd64.zip";
    let rows: [Row; 19] = [
        ("changed_byte", |d| d.put(NAME, changed()), NAME, 1, "signature-bad"),
        (
            "changed_signature",
            |d| d.put(ASC, changed_signature(d.signer.sign(&genuine().tar_gz(), SIGNED))),
            NAME,
            1,
            "signature-bad",
        ),
        ("signature_of_other_bytes", |d| d.put(ASC, d.signer.sign(b"x", SIGNED)), NAME, 1, "signature-bad"),
        ("signature_by_a_stranger", |d| d.put(ASC, strangers(&genuine().tar_gz())), NAME, 1, "signature-untrusted-key"),
        (
            "signature_before_the_release",
            |d| d.put(ASC, early(&d.signer, &genuine().tar_gz())),
            NAME,
            1,
            "signature-time",
        ),
        ("truncated_archive", |d| d.put(NAME, cut(1)), NAME, 1, "archive-malformed"),
        ("half_an_archive", |d| d.put(NAME, cut(700)), NAME, 1, "archive-malformed"),
        ("empty_archive", |d| d.put(NAME, ""), NAME, 1, "archive-malformed"),
        ("page_as_archive", |d| d.put(NAME, PAGE), NAME, 1, "archive-malformed"),
        ("page_as_signature", |d| d.put(ASC, PAGE), NAME, 1, "signature-malformed"),
        ("digest_as_signature", |d| d.put(ASC, sha256(b"x")), NAME, 1, "signature-malformed"),
        ("renamed", |d| d.put_as(OTHER_VERSION, &genuine().tar_gz()), OTHER_VERSION, 1, "layout-invalid"),
        ("amd64_as_arm64", |d| d.put_as(OTHER_PLATFORM, &genuine().tar_gz()), OTHER_PLATFORM, 1, "layout-invalid"),
        ("told_another_version", |_| {}, "--version=1.22.6", 1, "layout-invalid"),
        ("told_another_platform", |_| {}, "--platform=linux/arm64", 1, "layout-invalid"),
        ("no_signature", |d| d.remove(ASC), NAME, 3, "signature-not-published"),
        ("zip_without_proof", |d| d.put(ZIP, b"PK"), ZIP, 3, "signature-not-published"),
        ("missing_archive", |d| d.remove(NAME), NAME, 5, "io"),
        ("missing_archive_and_signature", remove_both, NAME, 5, "io"),
    ];
    for (fault, make, argument, exit, code) in rows {
        let desk = Desk::new();
        desk.verify(&[NAME]).exits(0);
        make(&desk);
        let (archive, flag) = if argument.starts_with('-') { (NAME, argument) } else { (argument, "--no-progress") };
        let result = desk.verify(&[archive, flag, "--json"]).exits(exit).result();
        assert_eq!(result["error"]["code"], code, "{fault}: {result:#}");
        assert_eq!(result["verdict"], if exit == 1 { "rejected" } else { "error" }, "{fault}: {result:#}");
        assert_eq!(result["trust"], Value::Null, "{fault}: {result:#}");
        let hint = result["error"]["hint"].as_str();
        let expected = if fault.starts_with("page_") { Some("captive portal") } else { hint_of(code) };
        assert!(expected.is_none_or(|word| hint.is_some_and(|hint| hint.contains(word))), "{fault}: {result:#}");

        let run = desk.verify(&[archive, flag]).exits(exit);
        let start = format!("{} {archive}: ", if exit == 1 { "REJECTED" } else { "ERROR" });
        assert!(run.stdout.starts_with(&start) && run.stdout.len() > start.len() + 1, "{fault}: {run:#?}");
        assert_eq!(run.stdout.lines().count(), 1, "{fault}: {run:#?}");
        assert_eq!(run.stderr.contains("hint: "), hint.is_some(), "{fault}: {run:#?}");
        let quiet = desk.verify(&[archive, flag, "--quiet"]).exits(exit);
        assert_eq!((quiet.stdout, quiet.stderr.as_str()), (run.stdout, ""), "{fault}");
    }
}

/// Words of the next step that everybody who meets this code is told.
fn hint_of(code: &str) -> Option<&'static str> {
    Some(match code {
        "signature-bad" => "do not use",
        "signature-untrusted-key" => "keys list",
        "signature-time" => "clock",
        "signature-not-published" => "--unsigned",
        "layout-invalid" => "genuine",
        _ => return None,
    })
}

fn remove_both(desk: &Desk) {
    desk.remove(NAME);
    desk.remove(ASC);
}

#[test]
fn a_changed_bit_anywhere_is_rejected() {
    let desk = Desk::new();
    let length = genuine().tar_gz().len();
    for at in (0..10).chain((10..length).step_by(length / 12)).chain(length - 8..length) {
        desk.put(NAME, flipped(at));
        let run = desk.verify(&[NAME]).exits(1);
        assert!(run.stdout.starts_with("REJECTED "), "bit in byte {at}: {run:#?}");
    }
    desk.put(NAME, genuine().tar_gz());
    desk.verify(&[NAME]).exits(0);
}

#[test]
fn several_archives_have_results_of_their_own_and_the_worst_exit_code() {
    const UNSIGNED: &str = "go1.22.9.linux-amd64.tar.gz";
    let desk = Desk::new();
    let names: Vec<String> = (10..30).map(|patch| format!("go1.22.{patch}.linux-amd64.tar.gz")).collect();
    for (name, patch) in names.iter().zip(10..) {
        desk.put_as(name, &Sdk::linux_amd64(&format!("go1.22.{patch}")).tar_gz());
    }
    let mut arguments: Vec<&str> = names.iter().map(String::as_str).collect();
    let ok: String = names.iter().map(|name| format!("OK {name}\n")).collect();
    assert_eq!(desk.verify(&arguments).exits(0).stdout, ok);

    desk.put(UNSIGNED, Sdk::linux_amd64("go1.22.9").tar_gz());
    arguments.insert(3, UNSIGNED);
    let run = desk.verify(&arguments).exits(3);
    let words = |run: &Run| run.stdout.lines().map(|l| l[..l.find(' ').unwrap()].to_owned()).collect::<Vec<_>>();
    let mut expected = vec!["OK".to_owned(); names.len()];
    expected.insert(3, "ERROR".to_owned());
    assert_eq!(words(&run), expected);

    // Nothing outweighs a rejection, even if its exit code is the smallest.
    desk.put(&names[7], "not what was signed");
    expected[8] = "REJECTED".to_owned();
    let run = desk.verify(&arguments).exits(1);
    assert_eq!(words(&run), expected);
    let document = desk.verify(&[&arguments[..], &["--json"]].concat()).exits(1).json();
    assert_eq!(document["verdict"], "rejected");
    let results = document["results"].as_array().unwrap();
    assert_eq!(results.len(), arguments.len());
    assert_eq!([3, 8, 0].map(|number| &results[number]["verdict"]), ["error", "rejected", "verified"]);
}

#[test]
fn a_folder_means_every_archive_in_it() {
    let desk = Desk::new();
    desk.put_signed(&Sdk::darwin_arm64("go1.22.5"));
    desk.put_signed(&Sdk::source("go1.22.5"));
    let ok = "OK ./go1.22.5.darwin-arm64.tar.gz\nOK ./go1.22.5.linux-amd64.tar.gz\nOK ./go1.22.5.src.tar.gz\n";
    assert_eq!(desk.verify(&["."]).exits(0).stdout, ok);
    desk.put("go1.22.5.linux-arm64.tar.gz", "whatever");
    desk.verify(&["."]).exits(3);
    desk.put_as("go1.22.5.linux-arm64.tar.gz", &genuine().tar_gz());
    desk.verify(&["."]).exits(1);
    fs::create_dir(desk.home.work().join("empty")).unwrap();
    desk.result(&["empty"], 3, Some("release-not-found"));
}

#[test]
fn a_folders_archives_are_not_passed_over_for_how_their_names_end() {
    for (name, exit) in [
        ("go1.22.5.linux-amd64.tgz", 2),
        ("go1.22.5.linux-amd64.TAR.GZ", 2),
        ("go1.22.5.windows-amd64.ZIP", 2),
        ("go1.22.5.windows-amd64.Zip", 2),
        ("other.zip", 2),
        // These are none.
        ("go1.22.5.linux-amd64.tar", 0),
        ("notes.txt", 0),
        ("zip", 0),
    ] {
        let desk = Desk::new();
        desk.put(name, genuine().tar_gz());
        let document = desk.verify(&["--json", "."]).exits(exit).json();
        let results = document["results"].as_array().unwrap();
        assert_eq!(results.len(), if exit == 0 { 1 } else { 2 }, "{name}");
        let codes: Vec<_> = results.iter().filter_map(|result| result["error"]["code"].as_str()).collect();
        assert_eq!(codes, if exit == 0 { vec![] } else { vec!["usage"] }, "{name}");
        assert!(results.iter().any(|result| result["verdict"] == "verified"), "{name}");
    }
}

#[test]
fn standard_input_is_an_archive_once_its_name_is_told() {
    const TOLD: [&str; 4] = ["--version", "1.22.5", "--platform", "linux/amd64"];
    let desk = Desk::new();
    let from = |name: &str, arguments: &[&str]| {
        let mut command = desk.home.command(["verify", "--keyring", "keyring.pgp", "-"]);
        command.args(arguments).stdin(fs::File::open(desk.home.work().join(name)).unwrap());
        Run::of(command.output().unwrap())
    };
    let told = [&TOLD[..], &["--signature", ASC]].concat();
    assert_eq!(from(NAME, &told).exits(0).stdout, "OK -\n");
    let result = from(NAME, &[&told[..], &["--json"]].concat()).exits(0).result();
    assert_eq!((&result["archive"]["filename"], &result["archive"]["location"]), (&json!(NAME), &json!("-")));
    desk.put("changed", changed());
    assert!(from("changed", &told).exits(1).stdout.starts_with("REJECTED -: "));
    let without = from(NAME, &[&TOLD[..], &["--json"]].concat()).exits(3);
    assert_eq!(without.error_code(), "signature-not-published");
    for missing in [&TOLD[..2], &TOLD[2..], &[]] {
        from(NAME, &[missing, &["--signature", ASC]].concat()).exits(2);
    }
}

#[test]
fn an_expected_digest_must_be_met() {
    let desk = Desk::new();
    let (right, wrong) = (sha256(&genuine().tar_gz()), sha256(b"other"));
    desk.result(&[NAME, "--sha256", &right], 0, None);
    desk.result(&[NAME, "--sha256", &right.to_uppercase()], 0, None);
    let result = desk.result(&[NAME, "--sha256", &wrong], 1, Some("digest-mismatch"));
    assert!(result["error"]["hint"].is_string());
    let digest = check(&result, "digest");
    assert_eq!([&digest["status"], &digest["source"]], ["failed", "--sha256"]);
    assert_eq!([&digest["expected"], &digest["actual"]], [&wrong, &right]);
    // The evidence that does hold is told, too.
    assert_eq!(check(&result, "signature")["status"], "passed");
}

#[test]
fn an_index_must_agree() {
    const WITH_INDEX: [&str; 3] = [NAME, "--index", "index.json"];
    let desk = Desk::new();
    let text = String::from_utf8(index(&[genuine()])).unwrap();
    let (digest, size) = (sha256(&genuine().tar_gz()), genuine().tar_gz().len());
    desk.result(&WITH_INDEX, 5, Some("io"));
    desk.put("index.json", &text);
    let result = desk.result(&WITH_INDEX, 0, None);
    assert_eq!([&check(&result, "digest")["status"], &check(&result, "digest")["source"]], ["passed", "index"]);
    for (index, exit, code) in [
        (text.replace(&digest, &sha256(b"other")), 1, "digest-mismatch"),
        (text.replace(&format!("\"size\": {size}"), "\"size\": 7"), 1, "size-mismatch"),
        (text.replace(&digest, "abc"), 4, "index-malformed"),
        (text.replace("go1.22.5", "go1.22.6"), 3, "release-not-found"),
        (text.replace("amd64", "arm64"), 3, "platform-not-found"),
        (PAGE.to_owned(), 4, "index-malformed"),
    ] {
        assert_ne!(index, text, "{code}");
        desk.put("index.json", &index);
        desk.result(&WITH_INDEX, exit, Some(code));
    }
}

#[test]
fn without_a_signature_something_else_must_vouch() {
    let desk = Desk::new();
    let (right, wrong) = (sha256(&genuine().tar_gz()), sha256(b"other"));
    let unsigned = [NAME, "--unsigned", "--sha256", &right];
    desk.put("index.json", index(&[genuine()]));
    // Where there is a signature, `--unsigned` changes nothing.
    assert_eq!(desk.result(&unsigned, 0, None)["trust"], "signature");
    desk.put(ASC, desk.signer.sign(b"other", SIGNED));
    desk.result(&unsigned, 1, Some("signature-bad"));
    desk.put(ASC, "");
    desk.result(&unsigned, 1, Some("signature-malformed"));

    desk.remove(ASC);
    for vouching in [["--sha256", right.as_str()], ["--index", "index.json"]] {
        let [flag, value] = vouching;
        let result = desk.result(&[NAME, "--unsigned", flag, value], 0, None);
        assert_eq!([&result["trust"], &check(&result, "signature")["status"]], ["digest-only", "not-published"]);
        // Without the word, the same call is no verification.
        desk.result(&[NAME, flag, value], 3, Some("signature-not-published"));
    }
    desk.result(&[NAME, "--unsigned", "--sha256", &wrong], 1, Some("digest-mismatch"));
    desk.result(&[NAME, "--unsigned"], 2, Some("usage"));

    // What cannot be read was not therefore never there.
    std::fs::create_dir(desk.home.work().join(ASC)).unwrap();
    desk.result(&unsigned, 5, Some("io"));
    std::fs::remove_dir(desk.home.work().join(ASC)).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nothing", desk.home.work().join(ASC)).unwrap();
        desk.result(&unsigned, 5, Some("io"));
    }
}

#[test]
fn the_json_document_has_the_promised_shape() {
    let desk = Desk::new();
    let archive = genuine().tar_gz();
    let digest = sha256(&archive);
    let document = desk.verify(&[NAME, "--json", "--sha256", &digest]).exits(0).json();
    let result = &document["results"][0];
    let layout = check(result, "layout");
    let bytes: usize = genuine().files().values().map(|(content, _)| content.len()).sum();
    assert_eq!(layout["files"], genuine().files().len());
    assert_eq!(layout["entries"], genuine().entries().len());
    assert_eq!(layout["unpacked_bytes"], bytes);
    let expected = json!({
        "schema": "goverify.report/1", "command": "verify", "verdict": "verified", "exit_code": 0,
        "results": [{
            "verdict": "verified", "trust": "signature",
            "archive": {"filename": NAME, "version": "go1.22.5", "os": "linux", "arch": "amd64", "kind": "archive",
                        "size": archive.len(), "sha256": digest, "location": NAME},
            "checks": [
                {"check": "digest", "status": "passed", "expected": digest, "actual": digest, "source": "--sha256"},
                {"check": "signature", "status": "passed", "certificate": desk.signer.fingerprint(),
                 "signing_key": desk.signer.signing_fingerprint(), "created": SIGNED, "hash": "SHA256",
                 "sha1_back_signature": false},
                layout,
                {"check": "transparency", "status": "not-requested"},
            ],
            "installed": null, "error": null,
        }],
    });
    assert_eq!(document, expected);

    desk.put(NAME, changed());
    let document = desk.verify(&[NAME, "--json"]).exits(1).json();
    let result = document["results"][0].as_object().unwrap();
    let keys: Vec<&String> = result.keys().collect();
    assert_eq!(keys, ["archive", "checks", "error", "installed", "trust", "verdict"]);
    let error: Vec<&String> = result["error"].as_object().unwrap().keys().collect();
    assert_eq!(error, ["code", "hint", "message"]);
    assert_eq!(result["checks"].as_array().unwrap().len(), 4);
}

#[cfg(unix)]
#[test]
fn a_fifo_where_a_file_is_looked_for_is_an_error_and_no_wait() {
    const OTHER: &str = "go1.22.6.linux-amd64.tar.gz";
    for (fifo, argument) in [(ASC, NAME), (OTHER, ".")] {
        let desk = Desk::new();
        desk.put_signed(&Sdk::linux_amd64("go1.22.6"));
        desk.remove(fifo);
        assert!(std::process::Command::new("mkfifo").arg(desk.home.work().join(fifo)).status().unwrap().success());
        let mut child = desk.home.command(["verify", "--quiet", "--keyring", "keyring.pgp", argument]).spawn().unwrap();
        let start = std::time::Instant::now();
        while child.try_wait().unwrap().is_none() && start.elapsed().as_secs() < 10 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let _ = child.kill();
        assert_eq!(child.wait().unwrap().code(), Some(5), "{fifo} is a FIFO that nobody writes to");
    }
}
