//! Where `goverify fetch` asks for the log's record, in which order, and what it makes of a place that does not answer.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::thread;

use serde_json::Value;
use support::binary::{Run, assert_installed, check, snapshot};
use support::depot::{WANTED, requests_for};
use support::desk::PAGE;
use support::log::TestLog;
use support::logged::{FIRST_RECORD, LOOKUP, Logged};
use support::sdk::Sdk;
use support::server::{Fault, Response, Server};
use support::world::{NAME, PATH};

const PROOF: &str = "go1.22.5.linux-amd64.tar.gz.tlog-proof";
/// Where a mirror has its copy of the log.
const COPY: &str = "sumdb/log.example/sumdb/";

fn sdk() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

fn status(result: &Value) -> &Value {
    &check(result, "transparency")["status"]
}

/// A file of the log, and what happens to the requests for it.
type Broken = (&'static str, Vec<Fault>);

fn always(fault: Fault) -> Vec<Fault> {
    vec![fault; 9]
}

/// What a log may do that says nothing about the release, and the error code where its word is required.
fn silences() -> Vec<(&'static str, Broken, &'static str)> {
    const TILE: &str = "tile/8/0/001";
    let to = |location: &str| always(Fault::Redirect(location.to_owned()));
    vec![
        ("server_error", (LOOKUP, always(Fault::Status(500, None))), "network"),
        ("server_error_of_a_tile", (TILE, always(Fault::Status(503, None))), "network"),
        ("forbidden", (LOOKUP, always(Fault::Status(403, None))), "network"),
        ("missing_tile", (TILE, always(Fault::Status(404, None))), "network"),
        ("missing_partial_tile", ("tile/8/0/002.p/188", always(Fault::Status(404, None))), "network"),
        ("hang_up", (LOOKUP, always(Fault::HangUp)), "network"),
        ("truncated", (LOOKUP, always(Fault::TruncateAt(100))), "truncated-download"),
        ("page", (LOOKUP, always(Fault::Html)), "network"),
        ("page_as_tile", (TILE, always(Fault::Html)), "network"),
        ("gzip_coded", (LOOKUP, always(Fault::Encoding("gzip"))), "transport-refused"),
        ("redirect_to_another_address", (LOOKUP, to("http://127.0.0.2/x")), "transport-refused"),
        ("redirect_of_a_tile", (TILE, to("http://127.0.0.2/x")), "transport-refused"),
        ("redirect_to_a_file", (LOOKUP, to("file:///etc/passwd")), "transport-refused"),
        ("redirect_with_a_password", (LOOKUP, to("http://me:secret@127.0.0.1/x")), "transport-refused"),
        ("redirect_loop", (LOOKUP, to(&format!("/{LOOKUP}"))), "transport-refused"),
    ]
}

#[test]
fn a_log_that_cannot_be_asked_is_no_obstacle_where_it_is_not_required() {
    // Some are asked again after a while, so all are asked at once.
    thread::scope(|scope| {
        for (case, (path, faults), code) in silences() {
            scope.spawn(move || {
                let logged = Logged::of(&[sdk()]);
                let server = Server::start();
                let sumdb = logged.sumdb_at(&server.url());
                let mirror = logged.depot.write();
                let fetch = |further: &[&str]| {
                    logged.serve_log(&server, "/");
                    logged.break_log(&server, "/", path, faults.clone());
                    logged.depot.fetch(&mirror, &[&["--sumdb", &sumdb, "--json"], further].concat())
                };
                let result = fetch(&["--require", "transparency"]).exits(4).result();
                let error = &result["error"];
                assert_eq!([&error["code"], &result["verdict"]], [code, "error"], "{case}: {result:#}");
                let message = error["message"].as_str().unwrap();
                assert!(message.contains(TestLog::NAME), "{case}: {message}");
                logged.depot.home.assert_untouched();
                assert_eq!(logged.depot.home.cached(), [], "{case}");

                let result = fetch(&[]).exits(0).result();
                assert_eq!([&result["trust"], status(&result)], ["signature", "unavailable"], "{case}");
                assert_installed(&logged.depot.destination(), &sdk(), true);
                assert_eq!(logged.depot.home.cached(), [], "{case}: nothing of it is remembered");

                // The same call, once the fault is over.
                logged.serve_log(&server, "/");
                let run = logged
                    .depot
                    .fetch(&mirror, &["--sumdb", &sumdb, "--json", "--force", "--require", "transparency"])
                    .exits(0);
                assert_eq!(status(&run.result()), "passed", "{case}");
            });
        }
    });
}

#[test]
fn a_log_that_is_down_or_says_nothing_or_must_not_be_asked_is_unavailable() {
    let down = Server::start().url();
    let mute = Server::start();
    mute.serve(&format!("/{LOOKUP}"), Response::document("text/plain", ""), always(Fault::Silence));
    let up = Server::start();
    for (place, offline, code) in
        [(&down, false, Some("network")), (&up.url(), true, Some("transport-refused")), (&mute.url(), false, None)]
    {
        let logged = Logged::of(&[sdk()]);
        let sumdb = logged.sumdb_at(place);
        let flags = if offline { vec!["--offline"] } else { vec![] };
        let fixed = [&["--sumdb", &sumdb, "--json"], &flags[..]].concat();
        // Whoever requires the log waits for it longer than a test should.
        if let Some(code) = code {
            let run = logged.depot.fetch(&logged.depot.write(), &[&fixed[..], &["--require", "transparency"]].concat());
            assert_eq!(run.exits(4).error_code(), code);
            logged.depot.home.assert_untouched();
        }
        let result = logged.depot.fetch(&logged.depot.write(), &fixed).exits(0).result();
        assert_eq!([&result["trust"], status(&result)], ["signature", "unavailable"]);
    }
    assert_eq!(up.requests().len(), 0, "offline");
}

#[test]
fn l09_release_that_is_gone_from_the_log() {
    for gone in [404, 410] {
        let logged = Logged::of(&[sdk()]);
        let server = Server::start();
        logged.serve_log(&server, "/");
        logged.break_log(&server, "/", LOOKUP, vec![Fault::Status(gone, None); 2]);
        let (mirror, sumdb) = (logged.depot.write(), logged.sumdb_at(&server.url()));
        let fetch = |further: &[&str]| logged.depot.fetch(&mirror, &[&["--sumdb", &sumdb, "--json"], further].concat());
        assert_eq!(fetch(&["--require", "transparency"]).exits(3).error_code(), "transparency-not-logged");
        assert_eq!(status(&fetch(&[]).exits(0).result()), "not-published");
        assert_eq!(status(&fetch(&["--force"]).exits(0).result()), "passed");
    }
}

#[test]
fn the_log_is_asked_while_the_archive_arrives() {
    let logged = Logged::of(&[sdk()]);
    let server = logged.depot.serve();
    logged.serve_log(&server, "/log/");
    // Each of the two waits until the other was asked for, too: one after the other they would never arrive.
    let lookup = format!("/log/{LOOKUP}");
    logged.depot.break_path(&server, PATH, [Fault::After(lookup.clone())]);
    logged.break_log(&server, "/log/", LOOKUP, [Fault::After(PATH.to_owned())]);
    let sumdb = logged.sumdb_at(&format!("{}log", server.url()));
    let flags = ["--sumdb", &sumdb, "--json", "--require", "transparency"];
    let result = logged.depot.fetch(&server.url(), &flags).exits(0).result();
    assert_eq!(result["trust"], "signature+transparency");
    assert_eq!((requests_for(&server, &lookup), requests_for(&server, PATH)), (1, 1));
}

/// `goverify fetch` with the log's key alone, and a proxy that alone is asked for the log's own place.
fn fetch_by_key(logged: &Logged, mirror: &str, proxy: &Server) -> Run {
    let key = logged.key();
    let mut command = logged.depot.fetch_command(mirror, &["--sumdb", &key, "--json", "--force"]);
    Run::of(command.env("https_proxy", proxy.url()).output().unwrap())
}

#[test]
fn a_mirrors_copy_of_the_log_is_asked_before_the_log_itself() {
    let mut logged = Logged::of(&[sdk()]);
    let proxy = Server::start();
    for (name, content) in logged.log_files() {
        logged.depot.files.insert(format!("{COPY}{name}"), content);
    }
    let server = logged.depot.serve();
    for mirror in [&server.url(), &logged.depot.write()] {
        let result = fetch_by_key(&logged, mirror, &proxy).exits(0).result();
        assert_eq!([&result["trust"], status(&result)], ["signature+transparency", "passed"], "{mirror}");
    }
    assert_eq!(requests_for(&server, &format!("/{COPY}{LOOKUP}")), 1);
    // A copy that is wrong is not passed over for another that may be right.
    logged.depot.files.insert(format!("{COPY}{LOOKUP}"), b"300\n".to_vec());
    let server = logged.depot.serve();
    for mirror in [&server.url(), &logged.depot.write()] {
        assert_eq!(fetch_by_key(&logged, mirror, &proxy).exits(1).error_code(), "transparency-bad-proof");
    }
    assert_eq!(proxy.requests().len(), 0, "the log itself is not asked");
    // Where the log's place is named, it is asked, and the copy is not.
    let log = Server::start();
    logged.serve_log(&log, "/");
    let sumdb = logged.sumdb_at(&log.url());
    logged.depot.fetch(&server.url(), &["--sumdb", &sumdb, "--force"]).exits(0);
    assert_eq!((requests_for(&log, &format!("/{LOOKUP}")), requests_for(&server, &format!("/{COPY}{LOOKUP}"))), (1, 1));
}

#[test]
fn a_mirrors_proof_beside_the_archive_serves_where_it_has_no_copy_of_the_log() {
    let mut logged = Logged::of(&[sdk()]);
    let proxy = Server::start();
    logged.depot.files.insert(PROOF.to_owned(), logged.tlog_proof(0).into());
    let server = logged.depot.serve();
    for mirror in [&server.url(), &logged.depot.write()] {
        let result = fetch_by_key(&logged, mirror, &proxy).exits(0).result();
        assert_eq!([&result["trust"], status(&result)], ["signature+transparency", "passed"], "{mirror}");
        assert_eq!(check(&result, "transparency")["record"], FIRST_RECORD);
    }
    assert_eq!(requests_for(&server, &format!("/{COPY}{LOOKUP}")), 1, "it was asked first");
    let forked = logged.log.fork(FIRST_RECORD).tlog_proof(FIRST_RECORD, logged.log.size());
    for (case, proof, code) in [
        ("empty", String::new(), "transparency-bad-proof"),
        ("other_release", logged.log.tlog_proof(FIRST_RECORD - 1, logged.log.size()), "transparency-bad-proof"),
        ("record_of_another_history", forked, "transparency-fork"),
    ] {
        logged.depot.files.insert(PROOF.to_owned(), proof.into());
        let server = logged.depot.serve();
        for mirror in [&server.url(), &logged.depot.write()] {
            let run = fetch_by_key(&logged, mirror, &proxy).exits(1);
            assert_eq!(run.error_code(), code, "{case}");
        }
    }
    assert_eq!(proxy.requests().len(), 0, "the log itself is not asked");
}

#[test]
fn a_mirror_that_has_a_page_for_whatever_it_lacks_has_no_answer() {
    let logged = Logged::of(&[sdk()]);
    let server = logged.depot.serve();
    for lacking in [format!("/{COPY}{LOOKUP}"), format!("/{PROOF}")] {
        server.serve(&lacking, Response::document("text/html", format!("\n {PAGE}")), []);
    }
    // The log's own place is asked then, and says that it has none.
    let proxy = Server::start();
    let result = fetch_by_key(&logged, &server.url(), &proxy).exits(0).result();
    assert_eq!([&result["trust"], status(&result)], ["signature", "unavailable"]);
    let asked: Vec<_> = proxy.requests().into_iter().map(|request| (request.method, request.path)).collect();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|asked| *asked == ("CONNECT".to_owned(), "log.example:443".to_owned())), "{asked:?}");
    let sumdb = logged.sumdb();
    let result = logged.depot.fetch(&server.url(), &["--sumdb", &sumdb, "--json", "--force"]).exits(0).result();
    assert_eq!(status(&result), "passed");
}

#[test]
fn a_folder_is_a_mirror_with_a_log_for_whom_no_network_may_be_used() {
    let mut logged = Logged::of(&[sdk()]);
    let key = logged.key();
    let proof = logged.tlog_proof(0);
    for (names, expected) in [(&[][..], "unavailable"), (&[PROOF], "passed"), (&[COPY], "passed")] {
        logged.depot.files.retain(|name, _| !name.starts_with(COPY) && name != PROOF);
        if names.contains(&PROOF) {
            logged.depot.files.insert(PROOF.to_owned(), proof.clone().into());
        }
        for (name, content) in logged.log_files().into_iter().filter(|_| names.contains(&COPY)) {
            logged.depot.files.insert(format!("{COPY}{name}"), content);
        }
        let flags = ["--sumdb", &key, "--json", "--offline", "--force"];
        let result = logged.depot.fetch(&logged.depot.write(), &flags).exits(0).result();
        assert_eq!(status(&result), expected, "{names:?}");
    }
}

#[test]
fn a_download_has_the_logs_proof_beside_it_and_can_be_verified_by_it() {
    let logged = Logged::of(&[sdk()]);
    let (mirror, sumdb, key) = (logged.depot.write(), logged.sumdb(), logged.key());
    let work = logged.depot.home.work();
    let download = |log: &str, further: &[&str]| {
        let fixed = ["--download-only", "--json", "--sumdb", log];
        logged.depot.run(&mirror, &[&WANTED[..], &fixed, further].concat())
    };
    let verify = |further: &[&str]| {
        let fixed = ["verify", "--keyring", "keyring.pgp", "--json", "--offline", "--sumdb", &key, NAME];
        logged.depot.home.run([&fixed[..], further].concat())
    };
    let all = ["", ".asc", ".sha256", ".tlog-proof"].map(|suffix| format!("{NAME}{suffix}"));
    let here = || snapshot(&work).into_iter().filter(|name| name != "keyring.pgp").collect::<Vec<_>>();
    download(&sumdb, &[]).exits(0);
    assert_eq!(here(), all);
    assert_eq!(fs::read_to_string(work.join(PROOF)).unwrap(), logged.tlog_proof(0));
    let result = verify(&[]).exits(0).result();
    assert_eq!(result["trust"], "signature+transparency");

    // What is there of another content refuses, and is replaced where that was asked for.
    fs::write(work.join(PROOF), "stale").unwrap();
    assert_eq!(verify(&[]).exits(1).error_code(), "transparency-bad-proof");
    for name in [NAME.to_owned(), format!("{NAME}.asc"), format!("{NAME}.sha256")] {
        fs::remove_file(work.join(name)).unwrap();
    }
    for log in [sumdb.as_str(), "off"] {
        assert_eq!(download(log, &[]).exits(5).error_code(), "destination-exists");
        assert_eq!(here(), [PROOF], "nothing else was put there");
        assert_eq!(fs::read(work.join(PROOF)).unwrap(), b"stale");
    }
    download(&sumdb, &["--force"]).exits(0);
    assert_eq!(here(), all);
    verify(&[]).exits(0);
    // A download without the log's word stands beside no older proof.
    fs::write(work.join(PROOF), "stale").unwrap();
    download("off", &["--force"]).exits(0);
    assert_eq!(here(), all[..3]);
    assert_eq!(verify(&[]).exits(0).result()["trust"], "signature");
}

#[test]
fn l10_gos_variables_neither_turn_the_log_off_nor_choose_another() {
    let changed = sdk().with_file("src/extra.go", "package extra\n", 0o644);
    // A log that has recorded what is served, whatever it is, and whose key is the trusted one's.
    let willing = Server::start();
    Logged::of(std::slice::from_ref(&changed)).serve_log(&willing, "/");
    for (held, exit) in [(changed, 1), (sdk(), 0)] {
        let asked = willing.requests().len();
        let logged = Logged::recording(&[held], &[sdk()]);
        let (sumdb, other) = (logged.sumdb(), logged.sumdb_at(&willing.url()));
        let settings = logged.depot.home.work().join("go.env");
        let file = format!("GOSUMDB={other}\nGOPROXY={}\nGOFLAGS=-insecure\n", willing.url());
        fs::write(&settings, file).unwrap();
        let (willing_url, settings) = (willing.url(), settings.to_str().unwrap());
        let (off, another): (&[(&str, &str)], &[(&str, &str)]) = (
            &[
                ("GOSUMDB", "off"),
                ("GONOSUMDB", "*"),
                ("GONOSUMCHECK", "1"),
                ("GOPRIVATE", "*"),
                ("GOINSECURE", "*"),
                ("GOPROXY", "off"),
                ("GOFLAGS", "-insecure -modcacherw"),
            ],
            &[("GOSUMDB", &other), ("GOPROXY", &willing_url), ("GOENV", settings)],
        );
        for variables in [&[][..], off, another] {
            let mirror = logged.depot.write();
            let mut command = logged.depot.fetch_command(&mirror, &["--sumdb", &sumdb, "--json", "--force"]);
            let run = Run::of(command.envs(variables.iter().copied()).output().unwrap()).exits(exit);
            let expected = if exit == 0 { "passed" } else { "failed" };
            assert_eq!(status(&run.result()), expected, "{variables:?}: {run:#?}");
            let code = run.result()["error"]["code"].as_str().map(str::to_owned);
            assert_eq!(code.as_deref(), (exit == 1).then_some("transparency-mismatch"), "{variables:?}");
        }
        assert_eq!(willing.requests().len(), asked, "{exit}");
        // The flag does choose it, for whoever has not seen another history under its key.
        fs::remove_dir_all(logged.depot.home.cache()).unwrap();
        logged.depot.fetch(&logged.depot.write(), &["--sumdb", &other, "--force"]).exits(1 - exit);
    }
}
