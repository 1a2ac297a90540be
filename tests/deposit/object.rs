//! Deposits in object stores, against an S3 server. Each test runs this program once more, with a user's variables.

use std::process::Command;

use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::fetch::{Access, Deposit};

use super::rules;
use crate::support::s3::{BUCKET, S3};
use crate::support::world::{access, run};

/// Above two parts, and no multiple of them.
const LARGE_BYTES: usize = (20 << 20) + 5;

fn deposit(prefix: &str) -> Deposit {
    Deposit::at(&format!("s3://{BUCKET}/{prefix}"), &access()).unwrap()
}

/// Runs one of the ignored tests here as this user.
#[track_caller]
fn as_user(server: &S3, user: &str, test: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    let output = server.admit(&mut command, user).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_bucket_keeps_the_rules() {
    let Some(server) = S3::start() else { return };
    as_user(&server, "writer", "object::writing");
    assert_eq!(server.uploads(), [""; 0], "every upload was completed or taken back");
    let parts = server.requests().into_iter().filter(|line| line.starts_with("PUT") && line.contains("partNumber=3"));
    assert!(parts.count() > 0, "what is large goes up in parts");
}

#[test]
#[ignore = "run by another test, with the variables of a server"]
fn writing() {
    rules::small_files_come_and_go(&deposit("a/b"));
    rules::small_files_come_and_go(&deposit("a/bc"));
    rules::only_what_was_verified_appears(&deposit("small"), b"small");
    rules::only_what_was_verified_appears(&deposit("large"), &vec![7; LARGE_BYTES]);
    rules::no_writer_loses_anothers_part(&deposit("d"));
    rules::nothing_is_put_outside(&deposit("e"));
}

#[test]
fn who_may_only_read_can_put_nothing() {
    let Some(server) = S3::start() else { return };
    as_user(&server, "reader", "object::reading");
}

#[test]
#[ignore = "run by another test, with the variables of a server"]
fn reading() {
    let deposit = deposit("x");
    assert_eq!(rules::paths(&deposit, ""), [""; 0]);
    let error = run(deposit.put("index.json", b"[]".to_vec(), &Watch::silent())).unwrap_err();
    assert!(error.to_string().ends_with("/mirror/x/index.json: HTTP status 403"), "{error}");
    assert_eq!(error.code(), Code::Network);
    let large = vec![7; LARGE_BYTES];
    let name = "go1.22.5.src.tar.gz";
    let put = run(deposit.put_file(name, rules::spool(&large), &rules::sha256(&large), &Watch::silent()));
    assert_eq!(put.unwrap_err().code(), Code::Network);
    assert!(rules::read(&deposit, "index.json").is_none());
}

#[test]
fn offline_no_store_is_asked() {
    let access = Access { offline: true, ..Access::default() };
    let deposit = Deposit::at("s3://bucket/x", &access).unwrap();
    let put = run(deposit.put("index.json", b"[]".to_vec(), &Watch::silent()));
    assert_eq!(put.unwrap_err().code(), Code::TransportRefused);
    assert_eq!(run(deposit.list("", &Watch::silent())).unwrap_err().code(), Code::TransportRefused);
    assert_eq!(run(deposit.read("index.json", 1)).unwrap_err().code(), Code::TransportRefused);
}
