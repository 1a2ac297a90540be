//! Memory: the binary judges each of the largest archives, good and bad, with less than 128 MiB for all that it writes to.
//!
//! The limit is the kernel's, on private writable memory (`RLIMIT_DATA`, setrlimit(2)); a program that wants more does not
//! get it, and ends otherwise than with a verdict.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::gzip::streams::bomb;
use super::support::binary::Home;
use super::support::sdk::Sdk;
use super::support::tar_entry::gzip;
use super::tar::amounts::{a_million_entries, large_files};

const NAME: &str = "go1.22.5.linux-amd64.tar.gz";

/// Judges an archive on its digest's word, so that nothing but its contents can be wrong.
fn verify_within(kibibytes: u64, archive: &[u8]) -> Output {
    let home = Home::in_memory();
    fs::write(home.work().join(NAME), archive).unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -d \"$0\" && exec \"$@\"", &kibibytes.to_string()]);
    limited.args([env!("CARGO_BIN_EXE_goverify"), "verify", NAME, "--unsigned", "--json", "--sha256"]);
    limited.arg(hex::encode(Sha256::digest(archive)));
    home.surround(limited).output().unwrap()
}

#[test]
fn no_archive_takes_128_mebibytes_to_be_judged() {
    const LIMIT_KIBIBYTES: u64 = 128 << 10;
    let sdk = Sdk::minimal("go1.22.5", "linux/amd64").tar_gz();
    let members = [&sdk[..], &gzip(b"").repeat(1_000_000)].concat();
    for (what, archive, code) in [
        ("a small one", sdk, None),
        ("half a gibibyte in one file", large_files(1, 512, 0), None),
        ("a million entries", a_million_entries(), Some("archive-too-large")),
        ("a bomb", bomb(100), Some("archive-too-large")),
        ("a million members", members, Some("archive-malformed")),
    ] {
        let output = verify_within(LIMIT_KIBIBYTES, &archive);
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{what}: {e}: {output:?}"));
        assert_eq!(report["results"][0]["error"]["code"].as_str(), code, "{what}: {report:#}");
        assert_eq!(output.status.code(), Some(code.map_or(0, |_| 1)), "{what}");
    }
}

/// That the test above can fail.
#[test]
fn who_gets_no_memory_has_no_verdict() {
    let output = verify_within(1 << 10, &Sdk::minimal("go1.22.5", "linux/amd64").tar_gz());
    assert!(!matches!(output.status.code(), Some(0 | 1)), "{output:?}");
}
