//! `goverify fetch`, killed at moments of the test's choosing: the destination is as it was or complete, and the next
//! run finishes the job and cleans up.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use rustix::process::Signal;
use support::binary::{assert_installed, serve_mirror};
use support::depot::{Depot, requests_for};
use support::mirror::mirror_files;
use support::sdk::Sdk;
use support::server::{Fault, Server};
use support::started::{MANY, Started, file, heavy, kept_bytes, large, names, small, staging, wait_until};
use support::world::{NAME, PATH};

/// Asserts that the destination is not there or complete; and that the next run completes it and cleans up.
#[track_caller]
fn assert_survived(depot: &Depot, server: &Server, sdk: &Sdk) -> bool {
    let complete = fs::symlink_metadata(depot.destination()).is_ok();
    if complete {
        assert_installed(&depot.destination(), sdk, true);
    }
    let result = depot.fetch(&server.url(), &["--json"]).exits(0).result();
    assert_eq!(result["installed"]["already"], complete);
    assert_installed(&depot.destination(), sdk, true);
    assert_eq!(names(depot.destination().parent().unwrap()), ["go"], "no staging and no lock is left");
    assert_eq!(depot.home.cached(), [], "no partial download is left");
    complete
}

#[test]
fn f08_killed_while_downloading_it_leaves_nothing_in_between() {
    let sdk = heavy();
    let depot = Depot::of(std::slice::from_ref(&sdk));
    let size = depot.files[NAME].len();
    for at in [0, 1, size / 3, size / 2, size - 1] {
        let server = depot.serve();
        depot.break_path(&server, PATH, [Fault::StallAt(at)]);
        let run = Started::new(depot.fetch_command(&server.url(), &[]));
        wait_until("so much has arrived", || requests_for(&server, PATH) == 1 && kept_bytes(&depot) == at as u64);
        run.signal(Signal::KILL);
        assert_eq!(run.end().code, None);
        assert!(!assert_survived(&depot, &server, &sdk), "stalled at byte {at}");
        let requests = server.requests();
        let ranges: Vec<_> = requests.iter().filter(|r| r.path == PATH).map(|r| r.header("range")).collect();
        let continued = (at > 0).then(|| format!("bytes={at}-"));
        assert_eq!(ranges, [None, continued.as_deref()], "what had arrived is not fetched again");
        fs::remove_dir_all(depot.destination()).unwrap();
    }
}

#[test]
fn killed_while_unpacking_it_leaves_nothing_in_between() {
    let sdk = large();
    let depot = Depot::of(std::slice::from_ref(&sdk));
    let server = depot.serve();
    let mut interrupted = 0;
    // The file that is seen before the kill; the last one is never there, which leaves the moment after the rename.
    for seen in [0, 1, MANY / 4, MANY / 2, MANY] {
        let mut run = Started::new(depot.fetch_command(&server.url(), &[]));
        let mut staged = None;
        wait_until("so many files are unpacked", || {
            staged = staged.take().or_else(|| staging(&depot));
            let unpacked = staged.as_ref().is_some_and(|staged| seen == 0 || staged.join(file(seen)).exists());
            unpacked || depot.destination().exists() || run.has_ended()
        });
        run.signal(Signal::KILL);
        drop(run);
        interrupted += usize::from(!assert_survived(&depot, &server, &sdk));
        fs::remove_dir_all(depot.destination()).unwrap();
    }
    assert!(interrupted >= 2, "the kills came too late to interrupt anything");
}

#[test]
fn killed_while_replacing_it_leaves_the_old_tree_or_the_new_one() {
    let (old, new) = (large(), small());
    let depot = Depot::of(std::slice::from_ref(&old));
    let (first, second) = (depot.serve(), serve_mirror(&mirror_files(std::slice::from_ref(&new), &depot.signer)));
    let mut interrupted = 0;
    for exchanged in [false, true] {
        depot.fetch(&first.url(), &["--force"]).exits(0);
        let mut run = Started::new(depot.fetch_command(&second.url(), &["--force"]));
        let replaced = || !depot.destination().join("src/many").exists();
        wait_until("the new tree is there, or is the destination", || {
            run.has_ended() || if exchanged { replaced() } else { staging(&depot).is_some() }
        });
        run.signal(Signal::KILL);
        drop(run);
        interrupted += usize::from(staging(&depot).is_some());
        assert_installed(&depot.destination(), if replaced() { &new } else { &old }, true);
        depot.fetch(&second.url(), &["--force"]).exits(0);
        assert_installed(&depot.destination(), &new, true);
        assert_eq!(names(depot.destination().parent().unwrap()), ["go"]);
    }
    assert!(interrupted > 0, "the kills came too late to interrupt anything");
}
