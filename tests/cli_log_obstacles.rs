//! What keeps `goverify fetch` from hearing the log, or from remembering it: a mirror that stalls, another process, a
//! download that fails, a place that is not there.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs::{self, File};
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::binary::{Run, assert_installed, check};
use support::depot::requests_for;
use support::log::TestLog;
use support::logged::{LOOKUP, Logged, RECORDS};
use support::sdk::Sdk;
use support::server::{Fault, Response, Server};
use support::started::{Started, wait_until};
use support::world::{NAME, PATH};

const PROOF_PATH: &str = "/go1.22.5.linux-amd64.tar.gz.tlog-proof";
const COPY_PATH: &str = "/sumdb/log.example/sumdb/lookup/golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64";

fn sdk() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

fn other() -> Sdk {
    sdk().with_file("src/extra.go", "package extra\n", 0o644)
}

/// Lets nobody have an answer about this path.
fn stall(server: &Server, path: &str) {
    server.serve(path, Response::document("text/plain", ""), vec![Fault::Silence; 9]);
}

#[test]
fn a_mirror_that_stalls_cannot_keep_the_log_from_being_asked() {
    // A mirror is waited for some seconds, so all of them are waited for at once.
    thread::scope(|scope| {
        for (held, exit) in [(other(), 1), (sdk(), 0)] {
            scope.spawn(move || {
                let logged = Logged::recording(std::slice::from_ref(&held), &[sdk()]);
                let server = logged.depot.serve();
                stall(&server, PROOF_PATH);
                let sumdb = logged.sumdb();
                let run = logged.depot.fetch(&server.url(), &["--sumdb", &sumdb, "--json"]).exits(exit);
                assert!(requests_for(&server, PROOF_PATH) > 0);
                if exit == 0 {
                    assert_eq!(run.result()["trust"], "signature+transparency");
                } else {
                    assert_eq!(run.error_code(), "transparency-mismatch");
                    logged.depot.home.assert_untouched();
                }
            });
        }
        scope.spawn(|| {
            let logged = Logged::of(&[sdk()]);
            let (server, proxy) = (logged.depot.serve(), Server::start());
            stall(&server, COPY_PATH);
            let key = logged.key();
            let mut command = logged.depot.fetch_command(&server.url(), &["--sumdb", &key, "--json"]);
            let run = Run::of(command.env("https_proxy", proxy.url()).output().unwrap()).exits(0);
            assert!(requests_for(&server, COPY_PATH) > 0);
            assert_eq!(check(&run.result(), "transparency")["status"], "unavailable");
            let asked = proxy.requests();
            assert!(asked.first().is_some_and(|request| request.path == "log.example:443"), "{asked:?}");
        });
    });
}

/// Holds the lock under which what is seen of the log is remembered, as another process would.
fn hold_memory(logged: &Logged) -> File {
    let folder = logged.remembered().parent().unwrap().to_owned();
    fs::create_dir_all(&folder).unwrap();
    let lock = File::options().write(true).create(true).truncate(false).open(folder.join("lock")).unwrap();
    lock.try_lock().unwrap();
    lock
}

#[test]
fn a_process_that_holds_the_memory_of_the_log_is_told_of_and_no_obstacle() {
    let logged = Logged::of(&[sdk()]);
    let (mirror, sumdb) = (logged.depot.write(), logged.sumdb());
    let fetch = |further: &[&str]| {
        let flags = [&["--sumdb", &sumdb, "--json"], further].concat();
        Started::new(logged.depot.fetch_command(&mirror, &flags)).end().exits(0)
    };
    let held = hold_memory(&logged);
    let run = fetch(&[]);
    let result = run.result();
    assert_eq!(result["trust"], "signature+transparency");
    let warnings = result["warnings"].as_array().unwrap();
    let words = warnings[0].as_str().unwrap();
    assert!(warnings.len() == 1 && words.starts_with("the log's tree head is not remembered: "), "{warnings:?}");
    assert!(run.stderr.contains(&format!("warning: {words}")), "{run:#?}");
    assert_installed(&logged.depot.destination(), &sdk(), true);
    assert!(!logged.remembered().exists());

    drop(held);
    let result = fetch(&["--force"]).result();
    assert_eq!((&result["trust"], result.get("warnings")), (&json!("signature+transparency"), None));
    assert_eq!(fs::read_to_string(logged.remembered()).unwrap(), logged.log.head(RECORDS));
}

#[test]
fn a_process_that_holds_the_memory_of_the_log_keeps_no_signal_away() {
    let logged = Logged::of(&[sdk()]);
    let (server, log) = (logged.depot.serve(), Server::start());
    logged.depot.break_path(&server, PATH, [Fault::StallAt(10)]);
    logged.serve_log(&log, "/");
    let sumdb = logged.sumdb_at(&log.url());
    let _held = hold_memory(&logged);
    let run = Started::new(logged.depot.fetch_command(&server.url(), &["--sumdb", &sumdb, "--json"]));
    wait_until("all of the log's proof was asked for", || log.requests().len() == 4);
    wait_until("the archive was asked for", || requests_for(&server, PATH) == 1);
    run.signal(Signal::INT);
    assert_eq!(run.end().exits(130).error_code(), "interrupted");
    logged.depot.home.assert_untouched();
}

#[test]
fn a_download_that_fails_does_not_hide_a_log_that_answered_wrongly() {
    // Nothing arrives; or one half and then the other, and what they make together is rejected and asked for anew.
    let (nothing, half) = (|_: usize| Fault::TruncateAt(0), |size: usize| Fault::TruncateAt(size / 2));
    let rows: [(&str, fn(usize) -> Fault, Option<&str>, i32, Option<&str>); 4] = [
        ("nothing", nothing, Some("300\n"), 1, Some("transparency-bad-proof")),
        ("nothing, and the log is right", nothing, None, 4, Some("truncated-download")),
        ("halves", half, Some("300\n"), 1, Some("transparency-bad-proof")),
        ("halves, and the log is right", half, None, 0, None),
    ];
    // Each is asked for again after a while.
    thread::scope(|scope| {
        for (case, fault, answer, exit, code) in rows {
            scope.spawn(move || {
                let logged = Logged::of(&[sdk()]);
                answer.iter().for_each(|answer| logged.put(LOOKUP, answer));
                let server = logged.depot.serve();
                logged.depot.break_path(&server, PATH, vec![fault(logged.depot.files[NAME].len()); 99]);
                let sumdb = logged.sumdb();
                let run = logged.depot.fetch(&server.url(), &["--sumdb", &sumdb, "--json"]).exits(exit);
                let result = run.result();
                assert_eq!(result["error"]["code"].as_str(), code, "{case}: {result:#}");
                if exit != 0 {
                    let failed = json!([{"check": "transparency", "status": "failed"}]);
                    assert_eq!(result["checks"], if exit == 1 { failed } else { json!([]) }, "{case}");
                    logged.depot.home.assert_untouched();
                }
            });
        }
    });
}

#[test]
fn a_place_where_no_log_is_cannot_be_asked_and_the_report_says_why() {
    let down = Server::start().url();
    let rows = [("/no/such/folder", "/no/such/folder/lookup"), (down.as_str(), down.as_str())];
    for (place, said) in rows {
        for target in ["linux/amd64", "windows/amd64"] {
            let logged = Logged::of(&[Sdk::new("go1.22.5", target)]);
            let (mirror, sumdb) = (logged.depot.write(), logged.sumdb_at(place));
            let fetch = |further: &[&str]| {
                logged.depot.run(&mirror, &[&["1.22.5", target, "--sumdb", &sumdb], further].concat())
            };
            let required = fetch(&["--json", "--require", "transparency"]).exits(4).result();
            assert_eq!(required["error"]["code"], "network", "{required:#}");
            let message = required["error"]["message"].as_str().unwrap();
            assert!(message.contains(said) && message.contains(TestLog::NAME), "{message}");
            logged.depot.home.assert_untouched();
            if target == "windows/amd64" {
                assert_eq!(fetch(&["--json"]).exits(4).error_code(), "network");
                continue;
            }
            let result = fetch(&["--json"]).exits(0).result();
            let expected = json!({"check": "transparency", "status": "unavailable", "reason": message});
            assert_eq!((&result["trust"], check(&result, "transparency")), (&json!("signature"), &expected));
            let run = fetch(&["--force"]).exits(0);
            assert!(run.stderr.contains(&format!("  - transparency: {message}\n")), "{run:#?}");
        }
    }
    // A folder that is there and has no record knows of none.
    let logged = Logged::of(&[sdk()]);
    let (mirror, sumdb) = (logged.depot.write(), logged.sumdb_at(logged.depot.home.work().to_str().unwrap()));
    let fetch = |further: &[&str]| logged.depot.fetch(&mirror, &[&["--sumdb", &sumdb, "--json"], further].concat());
    assert_eq!(fetch(&["--require", "transparency"]).exits(3).error_code(), "transparency-not-logged");
    let result: Value = fetch(&[]).exits(0).result();
    assert_eq!(*check(&result, "transparency"), json!({"check": "transparency", "status": "not-published"}));
}
