//! `goverify fetch` of releases for Windows: zips, which nothing but the log vouches for.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use goverify::release::Platform;
use serde_json::{Value, json};
use support::binary::{RECEIPT, Run, assert_installed, check, snapshot};
use support::depot::requests_for;
use support::log::TestLog;
use support::logged::{FIRST_RECORD, Logged, RECORDS};
use support::record::{h1, record};
use support::sdk::Sdk;
use support::server::{Fault, Response, Server};

const NAME: &str = "go1.22.5.windows-amd64.zip";
const PATH: &str = "/go1.22.5.windows-amd64.zip";
const ASC: &str = "go1.22.5.windows-amd64.zip.asc";
const PROOF: &str = "go1.22.5.windows-amd64.zip.tlog-proof";
const LOOKUP: &str = "lookup/golang.org/toolchain@v0.0.1-go1.22.5.windows-amd64";
const WANTED: [&str; 2] = ["1.22.5", "windows/amd64"];

fn sdk() -> Sdk {
    Sdk::windows_amd64("go1.22.5")
}

/// Those of its files that are in no record: below `api`, `doc`, `misc` and `test`.
fn unauthenticated(sdk: &Sdk) -> usize {
    let left_out = |path: &&String| ["api/", "doc/", "misc/", "test/"].iter().any(|start| path.starts_with(start));
    sdk.files().keys().filter(left_out).count()
}

/// Fetches what is wanted to where it is wanted.
#[track_caller]
fn fetch(logged: &Logged, mirror: &str, sumdb: &str, further: &[&str]) -> Run {
    let to = logged.depot.destination();
    let fixed = ["--json", "--sumdb", sumdb, "--to", to.to_str().unwrap()];
    logged.depot.run(mirror, &[&WANTED[..], &fixed, further].concat())
}

fn statuses(result: &Value) -> [&Value; 4] {
    ["digest", "signature", "layout", "transparency"].map(|name| &check(result, name)["status"])
}

#[test]
fn l12_zip_is_installed_on_the_logs_word_and_what_that_leaves_out_is_counted() {
    let logged = Logged::of(&[sdk()]);
    let server = logged.depot.serve();
    for mirror in [&server.url(), &logged.depot.write()] {
        let result = fetch(&logged, mirror, &logged.sumdb(), &["--force"]).exits(0).result();
        assert_eq!([&result["verdict"], &result["trust"]], ["verified", "transparency"]);
        assert_eq!(statuses(&result), ["passed", "not-published", "passed", "passed"]);
        let expected = json!({
            "check": "transparency", "status": "passed", "h1": h1(&sdk()), "log": TestLog::NAME,
            "module": "golang.org/toolchain@v0.0.1-go1.22.5.windows-amd64", "record": FIRST_RECORD,
            "tree_size": RECORDS, "root_hash": check(&result, "transparency")["root_hash"],
        });
        assert_eq!(*check(&result, "transparency"), expected);
        assert_eq!(result["unauthenticated_files"], unauthenticated(&sdk()));
        assert!(unauthenticated(&sdk()) > 0);
        assert_installed(&logged.depot.destination(), &sdk(), true);
    }
    let run = logged.depot.run(&server.url(), &[&WANTED[..], &["--sumdb", &logged.sumdb()]].concat()).exits(0);
    let line = format!("{} files are not in the log's record (api, doc, misc, test)", unauthenticated(&sdk()));
    assert!(run.stderr.contains(&line), "{run:#?}");
}

#[test]
fn no_signature_of_a_zip_is_asked_for() {
    let mut logged = Logged::of(&[sdk()]);
    let archive = logged.depot.files[NAME].clone();
    let pretended = logged.depot.signer.sign(&archive, support::mirror::SIGNED);
    for asc in [pretended, b"nonsense".to_vec()] {
        logged.depot.files.insert(ASC.to_owned(), asc);
        let server = logged.depot.serve();
        let result = fetch(&logged, &server.url(), &logged.sumdb(), &["--force"]).exits(0).result();
        assert_eq!([&result["trust"], &check(&result, "signature")["status"]], ["transparency", "not-published"]);
        assert_eq!((requests_for(&server, &format!("/{ASC}")), requests_for(&server, PATH)), (0, 1));
        // Nor does one make up for the log, or can be required.
        let run = fetch(&logged, &server.url(), "off", &["--force"]).exits(3);
        assert_eq!(run.error_code(), "signature-not-published");
        let run = fetch(&logged, &server.url(), &logged.sumdb(), &["--force", "--require", "signature"]).exits(3);
        assert_eq!(run.error_code(), "signature-not-published");
        assert_eq!(requests_for(&server, &format!("/{ASC}")), 0);
    }
}

#[cfg(unix)]
#[test]
fn modes_follow_from_the_paths_and_not_from_the_zip() {
    // What the zip says of a mode, and what a release has.
    let rows = [
        ("src/runtime/x.sh", 0o644, 0o755),
        ("src/buildall.bash", 0o644, 0o755),
        ("lib/wasm/go_js_wasm_exec", 0o644, 0o755),
        ("pkg/tool/windows_amd64/vet.exe", 0o644, 0o755),
        ("src/make.bat", 0o755, 0o644),
        ("src/greet/other.go", 0o755, 0o644),
        ("misc/README", 0o755, 0o644),
    ];
    let with = |modes: fn(&(&str, u32, u32)) -> u32| {
        rows.iter().fold(sdk(), |sdk, row| sdk.with_file(row.0, format!("{}\n", row.0), modes(row)))
    };
    let logged = Logged::of(&[with(|row| row.1)]);
    fetch(&logged, &logged.depot.write(), &logged.sumdb(), &[]).exits(0);
    assert_installed(&logged.depot.destination(), &with(|row| row.2), true);
}

#[test]
fn without_the_logs_word_a_zip_is_refused_and_nothing_is_left() {
    let logged = Logged::of(&[sdk()]);
    let log = Server::start();
    let down = Server::start().url();
    let (up, folder, empty) = (logged.sumdb_at(&log.url()), logged.sumdb(), logged.depot.home.work());
    for (case, sumdb, flags, exit, code) in [
        ("off", "off", &[][..], 3, "signature-not-published"),
        ("not_logged", &up, &[], 3, "transparency-not-logged"),
        ("not_logged_in_a_folder", &logged.sumdb_at(empty.to_str().unwrap()), &[], 3, "transparency-not-logged"),
        ("down", &logged.sumdb_at(&down), &[], 4, "network"),
        ("offline", &logged.sumdb_at(&log.url()), &["--offline"], 4, "transport-refused"),
        ("offline_by_key", &logged.key(), &["--offline"], 4, "transport-refused"),
    ] {
        // An archive that never comes is not waited for.
        let server = logged.depot.serve();
        server.serve(PATH, Response::file(logged.depot.files[NAME].clone()), vec![Fault::StallAt(100); 9]);
        let folder = logged.depot.write();
        let mirrors = if flags.is_empty() { vec![server.url(), folder] } else { vec![folder] };
        for mirror in mirrors {
            let run = fetch(&logged, &mirror, sumdb, flags).exits(exit);
            let result = run.result();
            assert_eq!([&result["error"]["code"], &result["verdict"]], [code, "error"], "{case}: {result:#}");
            assert_eq!([&result["trust"], &result["installed"]], [&Value::Null, &Value::Null], "{case}");
            let hint = result["error"]["hint"].as_str();
            let word = if exit == 3 { "--unsigned" } else { "" };
            assert!(hint.is_some_and(|hint| hint.contains(word)) || code == "transport-refused", "{case}: {result:#}");
            logged.depot.home.assert_untouched();
            assert_eq!(snapshot(&logged.depot.home.work()), ["keyring.pgp"], "{case}");
            // What has arrived until then can be continued, or is gone.
            let cached = logged.depot.home.cached();
            let ends = cached.iter().map(|(name, _)| name.rsplit('.').next().unwrap()).collect::<Vec<_>>();
            assert!(ends.is_empty() || ends == ["etag", "partial"], "{case}: {cached:?}");
            assert!(cached.iter().all(|(_, size)| *size > 0), "{case}: {cached:?}");
        }
    }
    assert_eq!(requests_for(&log, &format!("/{LOOKUP}")), 2, "offline, nobody is asked");
    fetch(&logged, &logged.depot.write(), &folder, &[]).exits(0);
}

#[test]
fn unsigned_says_that_nothing_but_the_digest_vouches() {
    let logged = Logged::of(&[sdk()]);
    let mirror = logged.depot.write();
    let nowhere = logged.sumdb_at(logged.depot.home.work().to_str().unwrap());
    for (sumdb, flags, transparency) in [
        ("off", &["--unsigned"][..], "not-requested"),
        (&nowhere, &["--unsigned"], "not-published"),
        (&logged.key(), &["--unsigned", "--offline"], "unavailable"),
    ] {
        let result = fetch(&logged, &mirror, sumdb, &[flags, &["--force"]].concat()).exits(0).result();
        assert_eq!(result["trust"], "digest-only", "{transparency}");
        assert_eq!(statuses(&result), ["passed", "not-published", "passed", transparency]);
        assert_eq!(result.get("unauthenticated_files"), None, "all of them are");
        assert_installed(&logged.depot.destination(), &sdk(), true);
        // Without the word, the tree is a stranger's; so it is where the log is required.
        assert_eq!(fetch(&logged, &mirror, sumdb, &["--offline"]).exits(5).error_code(), "destination-exists");
    }
    // The log that does vouch is the better word.
    let result = fetch(&logged, &mirror, &logged.sumdb(), &["--unsigned", "--force"]).exits(0).result();
    assert_eq!(result["trust"], "transparency");
    let run = fetch(&logged, &mirror, &nowhere, &["--unsigned", "--force", "--require", "transparency"]).exits(3);
    assert_eq!(run.error_code(), "transparency-not-logged");
}

#[test]
fn a_log_that_contradicts_a_zip_is_heard_whatever_was_asked_for() {
    let other = sdk().with_file("src/extra.go", "package extra\n", 0o644);
    for flags in [&[][..], &["--unsigned"], &["--unsigned", "--force"], &["--require", "transparency"]] {
        let logged = Logged::recording(std::slice::from_ref(&other), &[sdk()]);
        let result = fetch(&logged, &logged.depot.write(), &logged.sumdb(), flags).exits(1).result();
        assert_eq!(result["error"]["code"], "transparency-mismatch", "{flags:?}");
        assert_eq!(statuses(&result), ["passed", "not-published", "passed", "failed"], "{flags:?}");
        logged.depot.home.assert_untouched();
        logged.put(LOOKUP, "300\n");
        let run = fetch(&logged, &logged.depot.write(), &logged.sumdb(), flags).exits(1);
        assert_eq!(run.error_code(), "transparency-bad-proof", "{flags:?}");
        logged.depot.home.assert_untouched();
    }
    // What the log leaves out, it cannot contradict.
    let doc = sdk().with_file("doc/extra.md", "extra\n", 0o644);
    let logged = Logged::recording(std::slice::from_ref(&doc), &[sdk()]);
    let result = fetch(&logged, &logged.depot.write(), &logged.sumdb(), &[]).exits(0).result();
    assert_eq!(result["unauthenticated_files"], unauthenticated(&sdk()) + 1);
}

#[test]
fn the_receipts_proof_makes_a_zips_tree_known_again() {
    let logged = Logged::of(&[sdk()]);
    let mirror = logged.depot.write();
    let first = fetch(&logged, &mirror, &logged.sumdb(), &[]).exits(0).result();
    let result = fetch(&logged, &mirror, &logged.key(), &["--offline"]).exits(0).result();
    assert_eq!([&result["trust"], &result["installed"]["already"]], [&json!("transparency"), &json!(true)]);
    assert_eq!(result["unauthenticated_files"], first["unauthenticated_files"]);
    let mut expected = check(&first, "transparency").clone();
    expected["source"] = "receipt".into();
    assert_eq!(*check(&result, "transparency"), expected);
    assert_eq!(fetch(&logged, &mirror, "off", &[]).exits(5).error_code(), "destination-exists");

    let path = logged.depot.destination().join(RECEIPT);
    let receipt: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let evidence = json!({"log": TestLog::NAME, "record": record(&sdk()), "tlog_proof": logged.tlog_proof(0)});
    assert_eq!(receipt["evidence"], json!({"signature": null, "transparency": evidence}));
    let other = logged.log.tlog_proof(FIRST_RECORD - 1, RECORDS);
    let wrong = json!({"log": TestLog::NAME, "record": record(&sdk()), "tlog_proof": other});
    for (changed, exit, code) in [(json!(null), 5, "destination-exists"), (wrong, 1, "transparency-bad-proof")] {
        let mut edited = receipt.clone();
        edited["evidence"]["transparency"] = changed;
        fs::write(&path, edited.to_string()).unwrap();
        let run = fetch(&logged, &mirror, &logged.key(), &["--offline"]).exits(exit);
        assert_eq!(run.error_code(), code);
    }
    fs::write(&path, receipt.to_string()).unwrap();
    fetch(&logged, &mirror, &logged.key(), &["--offline"]).exits(0);
}

#[test]
fn the_default_destination_names_the_platform_where_it_is_not_the_hosts() {
    let logged = Logged::of(&[sdk()]);
    let run = logged.depot.run(&logged.depot.write(), &[&WANTED[..], &["--sumdb", &logged.sumdb()]].concat()).exits(0);
    let name = if Platform::host().to_string() == WANTED[1] { "go1.22.5" } else { "go1.22.5.windows-amd64" };
    let path = logged.depot.home.home().join("sdk").join(name);
    assert_eq!(run.stdout, format!("{}\n", path.display()));
    assert_installed(&path, &sdk(), true);
}

#[test]
fn a_downloaded_zip_has_a_proof_and_no_signature_beside_it() {
    let logged = Logged::of(&[sdk()]);
    let work = logged.depot.home.work();
    let arguments = ["--download-only", "--json", "--sumdb"];
    let download = |log: &str, further: &[&str]| {
        logged.depot.run(&logged.depot.write(), &[&WANTED[..], &arguments, &[log], further].concat())
    };
    let here = || snapshot(&work).into_iter().filter(|name| name != "keyring.pgp").collect::<Vec<_>>();
    download("off", &[]).exits(3);
    assert_eq!(here(), [""; 0]);
    // A signature that stands there is none of this archive's.
    fs::write(work.join(ASC), "older").unwrap();
    assert_eq!(download(&logged.sumdb(), &[]).exits(5).error_code(), "destination-exists");
    assert_eq!(here(), [ASC]);
    let result = download(&logged.sumdb(), &["--force"]).exits(0).result();
    assert_eq!(result["trust"], "transparency");
    assert_eq!(here(), [NAME.to_owned(), format!("{NAME}.sha256"), PROOF.to_owned()]);
    assert_eq!(fs::read_to_string(work.join(PROOF)).unwrap(), logged.tlog_proof(0));
    let run = logged.depot.home.run(["verify", "--json", "--sumdb", &logged.key(), NAME]).exits(0);
    assert_eq!(run.result()["trust"], "transparency");
}
