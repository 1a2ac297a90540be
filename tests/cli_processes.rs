//! `goverify fetch` among other processes: interrupted, killed while it downloads, sixteen at once, without a reader.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::Write;
use std::process::Command;

use rustix::process::Signal;
use support::binary::{INDEX_QUERY, Run, assert_installed};
use support::depot::{Depot, requests_for};
use support::sdk::Sdk;
use support::server::{Fault, Server};
use support::started::{Started, file, heavy, ignores_hangup, kept_bytes, large, names, small, staging, wait_until};
use support::world::{NAME, PATH};

const ASC_PATH: &str = "/go1.22.5.linux-amd64.tar.gz.asc";

/// The signals that end a run with its work undone, each with its exit code and its word.
fn ends() -> Vec<(Signal, i32, &'static str)> {
    let mut ends = vec![(Signal::INT, 130, "interrupted"), (Signal::TERM, 143, "terminated")];
    if ignores_hangup("self") {
        std::io::stderr().write_all(b"skipped: SIGHUP is ignored here, or is left as it is\n").unwrap();
    } else {
        ends.push((Signal::HUP, 129, "hung-up"));
    }
    ends
}

#[test]
fn f16_a_signal_ends_a_stalled_download_and_leaves_nothing() {
    let depot = Depot::of(&[small()]);
    let size = depot.files[NAME].len();
    for (signal, exit, code) in ends() {
        for (path, at) in [(INDEX_QUERY, 10), (ASC_PATH, 10), (PATH, 0), (PATH, size / 2)] {
            for fault in [Fault::StallAt(at), Fault::Silence] {
                let server = depot.serve();
                depot.break_path(&server, path, [fault.clone()]);
                let run = Started::new(depot.fetch_command(&server.url(), &["--json"]));
                wait_until("it is asked for", || requests_for(&server, path) == 1);
                run.signal(signal);
                let run = run.end().exits(exit);
                assert_eq!(run.error_code(), code, "{path} {fault:?}: {run:#?}");
                depot.home.assert_untouched();
                // The same call, uninterrupted.
                depot.fetch(&server.url(), &[]).exits(0);
                assert_installed(&depot.destination(), &small(), true);
                assert_eq!(depot.home.cached(), []);
                fs::remove_dir_all(depot.home.home().join("made")).unwrap();
            }
        }
    }
}

#[test]
fn f16_a_signal_ends_a_stalled_list() {
    let depot = Depot::of(&[small()]);
    for (signal, exit, _) in ends() {
        let server = depot.serve();
        depot.break_path(&server, INDEX_QUERY, [Fault::Silence]);
        let run = Started::new(depot.home.command(["list", "--mirror", &server.url()]));
        wait_until("it is asked for", || requests_for(&server, INDEX_QUERY) == 1);
        run.signal(signal);
        run.end().exits(exit);
    }
}

fn interrupt_after_1000_bytes(depot: &Depot, server: &Server) {
    depot.break_path(server, PATH, [Fault::StallAt(1000)]);
    let run = Started::new(depot.fetch_command(&server.url(), &[]));
    wait_until("so much has arrived", || kept_bytes(depot) == 1000);
    run.signal(Signal::INT);
    run.end().exits(130);
}

#[test]
fn f16_an_interrupted_download_is_continued() {
    let depot = Depot::of(&[small()]);
    let server = depot.serve();
    interrupt_after_1000_bytes(&depot, &server);
    assert_eq!(kept_bytes(&depot), 1000);
    depot.home.assert_untouched();
    depot.fetch(&server.url(), &[]).exits(0);
    assert_installed(&depot.destination(), &small(), true);
    assert_eq!(server.requests().last().unwrap().header("range"), Some("bytes=1000-"));
}

#[test]
fn a_signature_that_cannot_be_had_costs_no_byte_that_an_earlier_run_kept() {
    let depot = Depot::of(&[small()]);
    let server = depot.serve();
    interrupt_after_1000_bytes(&depot, &server);
    let page = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_vec();
    for (fault, exit, code) in [
        (Fault::Status(404, None), 3, "signature-not-published"),
        (Fault::Encoding("gzip"), 4, "transport-refused"),
        (Fault::Raw(page), 1, "signature-malformed"),
    ] {
        let before = (requests_for(&server, ASC_PATH), requests_for(&server, PATH));
        depot.break_path(&server, ASC_PATH, [fault]);
        // Slower than the signature, so that the archive is not here before that is refused.
        depot.break_path(&server, PATH, [Fault::StallAt(0)]);
        let run = depot.fetch(&server.url(), &["--json"]).exits(exit);
        assert_eq!(run.error_code(), code);
        assert_eq!(kept_bytes(&depot), 1000, "{code}");
        assert_eq!(requests_for(&server, ASC_PATH), before.0 + 1, "{code}: there is no second round");
        assert!(requests_for(&server, PATH) <= before.1 + 1, "{code}: there is no second round");
        depot.home.assert_untouched();
    }
    let server = depot.serve();
    depot.fetch(&server.url(), &[]).exits(0);
    assert_installed(&depot.destination(), &small(), true);
}

#[cfg(target_os = "linux")]
#[test]
fn f16_what_nohup_starts_outlives_its_terminal() {
    let depot = Depot::of(&[small()]);
    let server = depot.serve();
    depot.break_path(&server, INDEX_QUERY, [Fault::StallAt(10)]);
    let program = depot.fetch_command(&server.url(), &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(program.get_program()).args(program.get_args());
    let run = Started::new(depot.home.surround(shell));
    wait_until("it is asked for", || requests_for(&server, INDEX_QUERY) == 1);
    assert!(ignores_hangup(&run.id().to_string()));
    run.signal(Signal::HUP);
    // It takes the other signals as before.
    run.signal(Signal::TERM);
    run.end().exits(143);
    depot.home.assert_untouched();
}

#[test]
fn f16_a_signal_while_unpacking_leaves_nothing() {
    let sdk = large();
    let depot = Depot::of(std::slice::from_ref(&sdk));
    let server = depot.serve();
    for (signal, exit, _) in ends() {
        let run = Started::new(depot.fetch_command(&server.url(), &[]));
        wait_until("a file is unpacked", || staging(&depot).is_some_and(|staging| staging.join(file(0)).exists()));
        run.signal(signal);
        run.end().exits(exit);
        depot.home.assert_untouched();
    }
    depot.fetch(&server.url(), &[]).exits(0);
    assert_installed(&depot.destination(), &sdk, true);
}

#[test]
fn f10_a_taken_lock_is_waited_for_until_a_signal_or_the_end_of_patience() {
    let depot = Depot::of(&[small()]);
    let parent = depot.destination().parent().unwrap().to_owned();
    let path = parent.join(".go.goverify.lock");
    for (signal, exit) in [(Some(Signal::INT), 130), (Some(Signal::TERM), 143), (None, 0)] {
        fs::create_dir(&parent).unwrap();
        let lock = fs::File::create(&path).unwrap();
        lock.lock().unwrap();
        let server = depot.serve();
        let run = depot.fetch(&server.url(), &["--lock-timeout", "0", "--json"]).exits(5);
        assert_eq!(run.error_code(), "locked");
        assert!(run.result()["error"]["hint"].is_string());

        let mut run = Started::new(depot.fetch_command(&server.url(), &[]));
        wait_until("the index has been asked for", || requests_for(&server, INDEX_QUERY) == 2);
        assert!(!run.has_ended());
        match signal {
            Some(signal) => run.signal(signal),
            // Whoever holds the lock removes its file before letting go.
            None => fs::remove_file(&path).and_then(|()| lock.unlock()).unwrap(),
        }
        run.end().exits(exit);
        let left = if signal.is_some() { ".go.goverify.lock" } else { "go" };
        assert_eq!(names(&parent), [left], "others' locks are not removed, ours is");
        assert_eq!(requests_for(&server, PATH), usize::from(signal.is_none()), "nothing is fetched without the lock");
        fs::remove_dir_all(&parent).unwrap();
    }
}

#[test]
fn f10_sixteen_at_once_make_one_download_and_one_tree() {
    let sdk = heavy();
    let depot = Depot::of(std::slice::from_ref(&sdk));
    let server = depot.serve();
    let runs: Vec<_> = (0..16).map(|_| Started::new(depot.fetch_command(&server.url(), &["--json"]))).collect();
    let mut fresh = 0;
    for run in runs {
        let result = run.end().exits(0).result();
        assert_eq!([&result["verdict"], &result["trust"]], ["verified", "signature"]);
        fresh += usize::from(result["installed"]["already"] == false);
    }
    assert_eq!((fresh, requests_for(&server, PATH)), (1, 1));
    // Who comes early asks for the signature before it waits for the others.
    assert!((1..=16).contains(&requests_for(&server, ASC_PATH)));
    assert_installed(&depot.destination(), &sdk, true);
    assert_eq!(names(depot.destination().parent().unwrap()), ["go"]);
    assert_eq!(depot.home.cached(), []);
}

#[test]
fn f10_a_download_to_one_place_holds_up_no_other() {
    let depot = Depot::of(&[small()]);
    let server = depot.serve();
    depot.break_path(&server, PATH, [Fault::StallAt(1000)]);
    let stalled = Started::new(depot.fetch_command(&server.url(), &[]));
    wait_until("it stalls", || kept_bytes(&depot) == 1000);
    let other = depot.home.home().join("other");
    depot.run(&server.url(), &["1.22.5", "linux/amd64", "--to", other.to_str().unwrap()]).exits(0);
    assert_installed(&other, &small(), true);
    assert_eq!(kept_bytes(&depot), 1000, "what another process holds is left alone");
    stalled.signal(Signal::INT);
    stalled.end().exits(130);
    assert_eq!(names(&depot.home.home()), ["other"]);
}

#[test]
fn f09_a_tree_that_is_replaced_is_there_all_the_time() {
    let depot = Depot::of(&[small()]);
    let mirror = depot.write();
    depot.fetch(&mirror, &[]).exits(0);
    let version = depot.destination().join("VERSION");
    let mut runs: Vec<_> = (0..8).map(|_| Started::new(depot.fetch_command(&mirror, &["--force", "--json"]))).collect();
    let mut looks = 0;
    while !runs.iter_mut().all(Started::has_ended) {
        assert!(fs::read(&version).is_ok_and(|text| text.starts_with(b"go1.22.5\n")), "look {looks}");
        looks += 1;
    }
    assert!(looks > 0);
    for run in runs {
        assert_eq!(run.end().exits(0).result()["installed"]["already"], false);
    }
    assert_installed(&depot.destination(), &small(), true);
    assert_eq!(names(depot.destination().parent().unwrap()), ["go"]);
}

#[test]
fn f16_without_a_reader_the_tree_is_installed_all_the_same() {
    let depot = Depot::of(&[small()]);
    let mirror = depot.write();
    for already in [false, true] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = depot.fetch_command(&mirror, &[]).stdout(writer).output().unwrap();
        Run::of(output).exits(0);
        assert_installed(&depot.destination(), &small(), true);
        assert_eq!(names(depot.destination().parent().unwrap()), ["go"], "{already}");
    }
    // A shell can close it altogether.
    let program = depot.fetch_command(&mirror, &["--force"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" >&- 2>&-"]).arg(program.get_program()).args(program.get_args());
    Run::of(depot.home.surround(shell).output().unwrap()).exits(0);
    assert_installed(&depot.destination(), &small(), true);
}

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
