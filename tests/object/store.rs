//! A mirror in a bucket of an S3 server: made, read, checked, and what interrupts that.

use std::fs;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use super::faults::sdk;
use crate::support::binary::{Run, assert_installed};
use crate::support::depot::Depot;
use crate::support::s3::{BUCKET, S3};
use crate::support::sdk::Sdk;
use crate::support::started::{Started, noise, wait_until};

const MIRROR: &str = "s3://mirror/go";

/// An SDK whose archive goes up in parts.
fn large(version: &str) -> Sdk {
    Sdk::linux_amd64(version).with_file("src/noise", noise(1_200_000, 1), 0o644)
}

/// A bucket, the releases that are put there, and a user of both.
struct Site {
    server: S3,
    depot: Depot,
    folder: String,
}

impl Site {
    fn of(sdks: &[Sdk]) -> Option<Self> {
        let server = S3::start()?;
        let depot = Depot::of(sdks);
        let folder = depot.write();
        Some(Self { server, depot, folder })
    }

    fn pull(&self, version: &str) -> Command {
        let arguments = ["mirror", "pull", version, "--platform", "linux/amd64", "--mirror", self.folder.as_str()];
        let trust = ["--to", MIRROR, "--keyring", "keyring.pgp", "--sumdb", "off", "--json"];
        let mut command = self.depot.home.command([&arguments[..], &trust].concat());
        self.server.admit(&mut command, "writer");
        command
    }

    fn check(&self) -> Run {
        let mut command = self.depot.home.command(["mirror", "check", MIRROR, "--keyring", "keyring.pgp", "--json"]);
        command.args(["--sumdb", "off"]);
        Run::of(self.server.admit(&mut command, "reader").output().unwrap())
    }

    /// Fetches a release with the rights of a reader, to a place of its own.
    fn fetch(&self, version: &str, to: &str) -> Run {
        let to = self.depot.home.home().join(to);
        let mut command = self.depot.command(MIRROR, &[version, "linux/amd64", "--to", to.to_str().unwrap(), "--json"]);
        Run::of(self.server.admit(&mut command, "reader").output().unwrap())
    }

    fn listed(&self) -> Vec<String> {
        let mut command = self.depot.home.command(["list", "--mirror", MIRROR]);
        let run = Run::of(self.server.admit(&mut command, "reader").output().unwrap()).exits(0);
        run.stdout.lines().map(str::to_owned).collect()
    }

    /// How often the writer put something there.
    fn puts(&self) -> usize {
        self.server.requests().iter().filter(|line| line.starts_with("PUT")).count()
    }
}

fn run(mut command: Command) -> Run {
    Run::of(command.output().unwrap())
}

#[test]
fn a_bucket_is_pulled_into_listed_fetched_from_and_checked() {
    let Some(site) = Site::of(&[sdk(), large("go1.22.6")]) else { return };
    run(site.pull("all")).exits(0);
    assert!(site.server.requests().iter().any(|line| line.contains("partNumber=2")), "in parts");
    assert_eq!(site.listed(), ["go1.22.6", "go1.22.5"]);
    site.fetch("1.22.5", "small").exits(0);
    assert_installed(&site.depot.home.home().join("small"), &sdk(), true);
    site.fetch("1.22", "large").exits(0);
    assert_installed(&site.depot.home.home().join("large"), &large("go1.22.6"), true);
    site.check().exits(0);

    let puts = site.puts();
    run(site.pull("all")).exits(0);
    assert_eq!(site.puts(), puts, "a second run moves nothing");
    assert_eq!(site.server.uploads(), [""; 0]);
}

#[test]
fn a_wrong_byte_in_a_bucket_is_found_and_mended() {
    let Some(site) = Site::of(&[sdk()]) else { return };
    run(site.pull("1.22.5")).exits(0);
    site.server.flip("go/go1.22.5.linux-amd64.tar.gz");
    assert_eq!(site.fetch("1.22.5", "go").exits(1).result()["verdict"], "rejected");
    assert!(!site.depot.home.home().join("go").exists());
    let checked = site.check().exits(1).json();
    assert!(checked["results"].to_string().contains("go1.22.5.linux-amd64.tar.gz"), "{checked:#}");
    run(site.pull("1.22.5")).exits(0);
    site.fetch("1.22.5", "go").exits(0);
    site.check().exits(0);
}

#[test]
fn a_writer_that_is_killed_half_way_leaves_the_old_mirror() {
    let Some(site) = Site::of(&[sdk(), large("go1.22.6")]) else { return };
    run(site.pull("1.22.5")).exits(0);
    // The last request of an upload in parts is what makes it an object.
    site.server.refuse("POST", "uploadId");
    let writer = Started::new(site.pull("1.22.6"));
    wait_until("all parts are there", || {
        site.server.requests().iter().any(|line| line.starts_with("POST") && line.contains("uploadId"))
    });
    writer.signal(Signal::KILL);
    assert_eq!(writer.end().code, None);
    assert_eq!(site.server.uploads(), ["go/go1.22.6.linux-amd64.tar.gz"], "begun, and never completed");
    assert_eq!(site.listed(), ["go1.22.5"]);
    site.fetch("1.22.5", "old").exits(0);
    site.fetch("1.22.6", "new").exits(3);
    site.check().exits(0);

    site.server.allow();
    run(site.pull("1.22.6")).exits(0);
    assert_eq!(site.listed(), ["go1.22.6", "go1.22.5"]);
    site.fetch("1.22.6", "new").exits(0);
}

#[test]
fn a_writer_that_is_interrupted_takes_its_upload_back() {
    let Some(site) = Site::of(&[large("go1.22.6")]) else { return };
    site.server.refuse("POST", "uploadId");
    let writer = Started::new(site.pull("1.22.6"));
    wait_until("all parts are there", || {
        site.server.requests().iter().any(|line| line.starts_with("POST") && line.contains("uploadId"))
    });
    writer.signal(Signal::INT);
    assert_eq!(writer.end().code, Some(130));
    assert_eq!(site.server.uploads(), [""; 0]);
}

#[test]
fn readers_read_and_writers_write_at_once() {
    let versions = ["1.22.6", "1.22.7", "1.22.8"];
    let mut sdks = vec![sdk()];
    sdks.extend(versions.iter().map(|version| Sdk::linux_amd64(&format!("go{version}"))));
    let Some(site) = Site::of(&sdks) else { return };
    run(site.pull("1.22.5")).exits(0);
    let mut writers: Vec<_> = versions.iter().map(|version| Started::new(site.pull(version))).collect();
    let mut reads = 0;
    while reads == 0 || writers.iter_mut().any(|writer| !writer.has_ended()) {
        site.fetch("1.22.5", &format!("read/{reads}")).exits(0);
        reads += 1;
    }
    for writer in writers {
        writer.end().exits(0);
    }
    assert_eq!(site.listed(), ["go1.22.8", "go1.22.7", "go1.22.6", "go1.22.5"], "no writer lost another's release");
    site.check().exits(0);
}

#[test]
fn a_wrong_key_and_a_missing_right_are_told() {
    let Some(site) = Site::of(&[sdk()]) else { return };
    let mut pull = site.pull("1.22.5");
    let refused = Run::of(pull.env("AWS_SECRET_ACCESS_KEY", "wrong").output().unwrap()).exits(4).json();
    assert!(told(&refused).contains("HTTP status 403"), "{refused:#}");
    let mut pull = site.pull("1.22.5");
    let refused = Run::of(site.server.admit(&mut pull, "reader").output().unwrap()).exits(4).json();
    assert!(told(&refused).contains("HTTP status 403"), "{refused:#}");
    run(site.pull("1.22.5")).exits(0);
    assert!(fs::read_dir(site.depot.home.temporary()).unwrap().next().is_none());
    assert!(site.server.requests().iter().all(|line| line.contains(BUCKET)));
}

fn told(report: &Value) -> String {
    report["results"].to_string()
}
