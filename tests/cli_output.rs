//! What goverify prints, and how it exits when it cannot: the parts that need no network.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::process::Stdio;

use serde_json::json;
use support::binary::Run;
use support::desk::{ASC, Desk, NAME, genuine, sha256};
use support::sdk::Sdk;
use support::tar_entry::TarEntry;

const EMBEDDED: &str = "EB4C1BFD4F042F6DDDCCEC917721F63BD38B4796";

#[test]
fn a_call_that_makes_no_sense_is_a_usage_error() {
    let desk = Desk::new();
    let digest = sha256(&genuine().tar_gz());
    for arguments in [
        &[][..],
        &["--no-such-flag", NAME],
        &[NAME, "--unsigned"],
        &[NAME, "--sha256", "abc"],
        &[NAME, NAME, "--sha256", &digest],
        &[NAME, NAME, "--signature", ASC],
        &[NAME, "--platform", "Linux"],
        &[NAME, "--version", "1.22"],
        &[NAME, "--quiet", "--verbose"],
        &["-"],
        &["keyring.pgp"],
    ] {
        desk.verify(arguments).exits(2);
        desk.result(arguments, 2, Some("usage"));
    }
    desk.verify(&[NAME, "--sha256", &digest]).exits(0);
}

#[cfg(unix)]
#[test]
fn escape_sequences_in_names_are_never_printed_raw() {
    let desk = Desk::new();
    desk.put("go1.22.5\u{1b}[2J.linux-amd64.tar.gz", "x");
    desk.put("go1.22.6\u{202e}\u{7}\n.linux-amd64.tar.gz", "x");
    let version = Sdk::linux_amd64("go1.22.7").with_file("VERSION", "go1.22.7\u{1b}[2J\n", 0o644);
    desk.put_as("go1.22.7.linux-amd64.tar.gz", &version.tar_gz());
    let entry = Sdk::linux_amd64("go1.22.8").with_entries([TarEntry::file("go/\u{1b}[2J", "")]);
    desk.put_as("go1.22.8.linux-amd64.tar.gz", &entry.tar_gz());
    let keyring = "keyring\u{1b}[2J.pgp";
    desk.put(keyring, "x");
    for arguments in [&["."][..], &[".", "--json"], &[".", "--verbose"], &[NAME, "--keyring", keyring]] {
        let run = desk.verify(arguments);
        assert!(run.code.is_some_and(|code| code != 0), "{run:#?}");
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{run:#?}");
        }
        assert!(run.stdout.contains("[2J") || run.stderr.contains("[2J"), "the names are named: {run:#?}");
    }
    assert_eq!(desk.verify(&["."]).stdout.lines().count(), 5, "a line an archive");
}

#[cfg(unix)]
#[test]
fn f16_a_reader_that_goes_away_does_not_change_the_exit_code() {
    let desk = Desk::new();
    let changed = "go1.22.6.linux-amd64.tar.gz";
    desk.put_as(changed, b"changed");
    for (arguments, exit) in [(&[NAME][..], 0), (&[NAME, "--json"], 0), (&[changed], 1), (&["-"], 2)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = desk.home.command(["verify", "--keyring", "keyring.pgp"]);
        let output = command.args(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        Run::of(output).exits(exit);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn f16_output_that_cannot_be_written_is_an_error_that_hides_no_rejection() {
    let desk = Desk::new();
    let changed = "go1.22.6.linux-amd64.tar.gz";
    desk.put_as(changed, b"changed");
    for (archive, exit) in [(NAME, 5), (changed, 1)] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = desk.home.command(["verify", "--keyring", "keyring.pgp", archive]);
        Run::of(command.stdout(full).output().unwrap()).exits(exit);
    }
}

#[test]
fn the_trusted_certificates_are_listed() {
    let desk = Desk::new();
    let run = desk.home.run(["keys", "list"]).exits(0);
    assert!(run.stdout.starts_with(&format!("{EMBEDDED} (embedded)\n")), "{run:#?}");
    let document = desk.home.run(["keys", "list", "--json"]).exits(0).json();
    assert_eq!((&document["command"], &document["verdict"]), (&json!("keys list"), &json!("ok")));
    assert_eq!(document["certificates"][0]["fingerprint"], EMBEDDED);
    assert!(document["certificates"][0]["signing_keys"].as_array().unwrap().len() > 1);
    // A file given takes the embedded certificate's place.
    let run = desk.home.run(["keys", "list", "--json", "--keyring", "keyring.pgp"]).exits(0);
    let certificates = run.json()["certificates"].clone();
    assert_eq!(certificates.as_array().unwrap().len(), 1);
    assert_eq!(certificates[0]["fingerprint"], desk.signer.fingerprint());
    assert_eq!(certificates[0]["signing_keys"][0]["fingerprint"], desk.signer.signing_fingerprint());
    desk.home.run(["keys", "list", "--keyring", "missing"]).exits(5);
    let run = desk.home.run(["verify", NAME, "--json"]).exits(1);
    assert_eq!(run.error_code(), "signature-untrusted-key", "only the embedded certificate counts by default");
}
