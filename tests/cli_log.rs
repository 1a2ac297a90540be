//! `goverify fetch` and the transparency log: what it adds, what it forbids, and when it is silent.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::binary::{RECEIPT, assert_installed, check};
use support::depot::{WANTED, requests_for};
use support::log::{TestKey, TestLog, filler, toolchain};
use support::logged::{FIRST_RECORD, LOOKUP, Logged, RECORDS};
use support::record::{h1, record};
use support::sdk::Sdk;
use support::server::Server;
use support::world::NAME;

fn sdk() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

/// The same release with another file in it, as somebody would have it who signs and serves another one.
fn other() -> Sdk {
    sdk().with_file("src/extra.go", "package extra\n", 0o644)
}

/// The check of a run that is not to say more of the log than this.
fn bare(status: &str) -> Value {
    json!({"check": "transparency", "status": status})
}

/// Asserts that nothing was installed, nor remembered.
#[track_caller]
fn assert_nothing(logged: &Logged) {
    logged.depot.home.assert_untouched();
    assert_eq!(logged.depot.home.cached(), []);
}

#[test]
fn the_logs_record_is_a_second_proof_of_a_signed_archive() {
    let logged = Logged::of(&[sdk()]);
    let result = logged.fetch(&[]).exits(0).result();
    assert_eq!([&result["verdict"], &result["trust"]], ["verified", "signature+transparency"]);
    assert_eq!(check(&result, "signature")["status"], "passed");
    let expected = json!({
        "check": "transparency", "status": "passed", "h1": h1(&sdk()),
        "module": "golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64", "log": TestLog::NAME,
        "record": FIRST_RECORD, "tree_size": RECORDS, "root_hash": STANDARD.encode(logged.log.root_of(0, RECORDS)),
    });
    assert_eq!(*check(&result, "transparency"), expected);
    assert_eq!(result.get("unauthenticated_files"), None, "the signature vouches for all of them");
    assert_installed(&logged.depot.destination(), &sdk(), true);

    let sumdb = logged.sumdb();
    let run = logged.depot.fetch(&logged.depot.write(), &["--sumdb", &sumdb, "--force", "--require", "transparency"]);
    let line = format!("✓ transparency: record {FIRST_RECORD} of {}", TestLog::NAME);
    assert!(run.exits(0).stderr.contains(&line));
}

#[test]
fn the_receipts_proof_makes_a_second_fetch_known_without_a_network() {
    let logged = Logged::of(&[sdk()]);
    let first = logged.fetch(&[]).exits(0).result();
    let receipt: Value = serde_json::from_slice(&fs::read(logged.depot.destination().join(RECEIPT)).unwrap()).unwrap();
    let expected = json!({"log": TestLog::NAME, "record": record(&sdk()), "tlog_proof": logged.tlog_proof(0)});
    assert_eq!(receipt["evidence"]["transparency"], expected);

    fs::remove_dir_all(logged.log_folder()).unwrap();
    fs::remove_dir_all(logged.depot.home.cache()).unwrap();
    let again = ["--offline", "--require", "transparency", "--json", "--sumdb"];
    let run = |log: &str| logged.depot.fetch(&logged.depot.write(), &[&again[..], &[log]].concat());
    let result = run(&logged.key()).exits(0).result();
    assert_eq!([&result["trust"], &result["installed"]["already"]], [&json!("signature+transparency"), &json!(true)]);
    let mut check_of_first = check(&first, "transparency").clone();
    check_of_first["source"] = "receipt".into();
    assert_eq!(*check(&result, "transparency"), check_of_first);
    // A proof of a log that nobody trusts now is none; one that a log is said to have signed, and has not, is wrong.
    let other = TestKey::new("other.example", 7).text();
    assert_eq!(run(&other).exits(5).error_code(), "destination-exists");
    let stranger = TestKey::new(TestLog::NAME, 8).text();
    assert_eq!(run(&stranger).exits(1).error_code(), "transparency-bad-proof");
    assert!(!logged.depot.home.cache().exists(), "nothing was asked for");
}

#[test]
fn files_that_the_log_has_not_recorded_are_rejected_whoever_signed_them() {
    for (held, recorded, exit) in [(other(), sdk(), 1), (other(), other(), 0), (sdk(), sdk(), 0)] {
        let logged = Logged::recording(std::slice::from_ref(&held), std::slice::from_ref(&recorded));
        let run = logged.fetch(&[]).exits(exit);
        if exit == 0 {
            assert_installed(&logged.depot.destination(), &held, true);
            continue;
        }
        assert_eq!(run.error_code(), "transparency-mismatch");
        let result = run.result();
        let statuses = ["digest", "signature", "layout"].map(|name| check(&result, name)["status"].clone());
        assert_eq!(statuses, ["passed", "passed", "passed"]);
        let expected = json!({
            "check": "transparency", "status": "failed", "expected": h1(&recorded), "actual": h1(&held),
            "module": "golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64",
        });
        assert_eq!(*check(&result, "transparency"), expected);
        assert!(result["error"]["hint"].as_str().is_some_and(|hint| hint.contains("do not use")));
        logged.depot.home.assert_untouched();
        // Nor does any other flag let them through.
        for flags in [&["--unsigned"][..], &["--require", "signature"], &["--force"]] {
            assert_eq!(logged.fetch(flags).exits(1).error_code(), "transparency-mismatch", "{flags:?}");
            logged.depot.home.assert_untouched();
        }
    }
}

/// A log whose record of the release is this text, with the answer that belongs to it.
fn recording(logged: &mut Logged, record: &str) {
    logged.log = TestLog::with(RECORDS, &[(FIRST_RECORD, record)]);
    logged.write_log();
    // A line about `go.mod` alone was taken for the release's own, and has made a folder of the name.
    let _ = fs::remove_dir_all(logged.log_folder().join(LOOKUP));
    logged.put(LOOKUP, logged.log.lookup(FIRST_RECORD, RECORDS));
}

/// The answer with another number, record or note.
fn answer(logged: &Logged, number: &str, record: &str, note: &str) {
    logged.put(LOOKUP, format!("{number}\n{record}\n{note}"));
}

/// The answer with another note under the right record.
fn noted(logged: &Logged, note: impl FnOnce(&TestKey, &str) -> String) {
    let note = note(logged.log.key(), &logged.log.head_text(RECORDS));
    answer(logged, "300", logged.log.record(FIRST_RECORD), &note);
}

/// The answer with another number.
fn numbered(logged: &Logged, number: &str) {
    answer(logged, number, logged.log.record(FIRST_RECORD), &logged.log.head(RECORDS));
}

/// A signature line, one bit of the signature of which is another one.
fn spoilt(key: &TestKey, text: &str) -> String {
    let line = key.line(text);
    let (start, base64) = line.trim_end().rsplit_once(' ').unwrap();
    let mut signature = STANDARD.decode(base64).unwrap();
    signature[20] ^= 1;
    format!("{start} {}\n", STANDARD.encode(signature))
}

fn our_line() -> String {
    record(&sdk()).lines().next().unwrap().to_owned() + "\n"
}

const WRONG_ANSWERS: [(&str, fn(&mut Logged)); 30] = [
    ("empty", |l| l.put(LOOKUP, "")),
    ("number_alone", |l| l.put(LOOKUP, "300\n")),
    ("record_alone", |l| l.put(LOOKUP, format!("300\n{}\n", record(&sdk())))),
    ("head_alone", |l| l.put(LOOKUP, l.log.head(RECORDS))),
    ("other_module", |l| l.put(LOOKUP, l.log.lookup(FIRST_RECORD - 1, RECORDS))),
    ("other_platform", |l| recording(l, &record(&Sdk::new("go1.22.5", "linux/arm64")))),
    ("go_mod_line_alone", |l| recording(l, &record(&sdk()).replace(&our_line(), ""))),
    ("two_hashes_for_one_name", |l| {
        recording(l, &(record(&sdk()) + &toolchain("v0.0.1-go1.22.5.linux-amd64", &h1(&other()))))
    }),
    ("our_line_before_the_record", |l| answer(l, "299", &(our_line() + &filler(299)), &l.log.head(RECORDS))),
    ("our_line_after_the_record", |l| answer(l, "299", &(filler(299) + &our_line()), &l.log.head(RECORDS))),
    ("our_line_in_front_of_the_head", |l| answer(l, "299", &filler(299), &(our_line() + &l.log.head(RECORDS)))),
    ("our_line_in_the_note", |l| {
        let note = l.log.key().note(&(l.log.head_text(RECORDS) + &our_line()));
        answer(l, "299", &filler(299), &note);
    }),
    ("our_line_behind_the_signature", |l| answer(l, "299", &filler(299), &(l.log.head(RECORDS) + &our_line()))),
    ("number_of_another_record", |l| numbered(l, "301")),
    ("number_past_the_end", |l| numbered(l, "700")),
    ("negative_number", |l| numbered(l, "-300")),
    ("number_with_a_sign", |l| numbered(l, "+300")),
    ("number_with_a_zero", |l| numbered(l, "0300")),
    ("number_of_65_bits", |l| numbered(l, "18446744073709551916")),
    ("control_character_in_the_record", |l| recording(l, &(record(&sdk()) + "\u{1}\n"))),
    ("unsigned", |l| noted(l, |_, text| format!("{text}\n"))),
    ("strangers_signature", |l| noted(l, |_, text| TestKey::new(TestLog::NAME, 8).note(text))),
    ("signature_of_another_name", |l| noted(l, |_, text| TestKey::new("log.example", 7).note(text))),
    ("bad_signature", |l| noted(l, |key, text| format!("{text}\n{}", spoilt(key, text)))),
    ("bad_and_good_signature", |l| noted(l, |key, text| format!("{text}\n{}{}", spoilt(key, text), key.line(text)))),
    ("101_signatures", |l| {
        noted(l, |key, text| {
            let strangers = (0..100).map(|seed| TestKey::new("stranger", 100 + seed).line(text));
            format!("{text}\n{}{}", strangers.collect::<String>(), key.line(text))
        });
    }),
    ("no_blank_line", |l| noted(l, |key, text| format!("{text}{}", key.line(text)))),
    ("other_root_signed", |l| noted(l, |key, _| key.note(&l.log.fork(5).head_text(RECORDS)))),
    ("other_size_signed", |l| {
        l.put("tile/8/0/002.p/187", l.log.tile("tile/8/0/002.p/187").unwrap());
        noted(l, |key, text| key.note(&text.replace("700", "699")));
    }),
    ("longer_than_any_answer", |l| l.put(LOOKUP, l.log.lookup(FIRST_RECORD, RECORDS) + &"x\n".repeat(1 << 15))),
];

/// Asserts that what the log's place holds is a bad proof, and that the log as it should be is a good one.
#[track_caller]
fn assert_bad_proof(logged: &mut Logged, healthy: &TestLog, case: &str) {
    let result = logged.fetch(&[]).exits(1).result();
    assert_eq!(result["error"]["code"], "transparency-bad-proof", "{case}: {result:#}");
    assert_eq!(*check(&result, "transparency"), bare("failed"), "{case}");
    assert_eq!(check(&result, "signature")["status"], "passed", "{case}: the report tells the odd one out");
    assert_nothing(logged);
    logged.log = healthy.clone();
    logged.write_log();
}

#[test]
fn l01_to_l05_wrong_answer_is_rejected_and_nothing_is_left() {
    let mut logged = Logged::of(&[sdk()]);
    let healthy = logged.log.clone();
    for (case, make) in WRONG_ANSWERS {
        make(&mut logged);
        assert_bad_proof(&mut logged, &healthy, case);
    }
    // A record as the log has others, signatures of others beside the log's, and a line that means nothing here.
    for (case, note) in [
        ("as_it_is", logged.log.head(RECORDS)),
        (
            "strangers_signature_too",
            logged.log.head(RECORDS) + &TestKey::new("witness", 9).line(&logged.log.head_text(RECORDS)),
        ),
        ("extension", logged.log.key().note(&(logged.log.head_text(RECORDS) + "extension\n"))),
    ] {
        answer(&logged, "300", logged.log.record(FIRST_RECORD), &note);
        let run = logged.fetch(&["--force"]);
        assert_eq!(run.code, Some(0), "{case}: {run:#?}");
    }
}

#[test]
fn other_signatures_beside_the_logs_own_are_not_kept() {
    let logged = Logged::of(&[sdk()]);
    let (head, key, work) = (logged.log.head(RECORDS), logged.key(), logged.depot.home.work());
    let long = format!("— witness.example {}\n", STANDARD.encode([9; 15_000]));
    let earlier = logged.log.key().note(&logged.log.head_text(RECORDS));
    let (text, line) = earlier.split_once("\n\n").unwrap();
    for note in [head.clone(), format!("{head}{long}"), format!("{text}\n\n{long}{line}")] {
        answer(&logged, "300", logged.log.record(FIRST_RECORD), &note);
        let result = logged.fetch(&["--force"]).exits(0).result();
        assert_eq!(result["trust"], "signature+transparency", "{} bytes", note.len());
        let destination = logged.depot.destination();
        let receipt: Value = serde_json::from_slice(&fs::read(destination.join(RECEIPT)).unwrap()).unwrap();
        assert_eq!(receipt["evidence"]["transparency"]["tlog_proof"], logged.tlog_proof(0));
        assert_eq!(fs::read_to_string(logged.remembered()).unwrap(), head);
        let audit = ["audit", "--offline", "--json", "--sumdb", &key, destination.to_str().unwrap()];
        assert_eq!(logged.depot.home.run(audit).exits(0).result()["trust"], "transparency");

        let download = ["--download-only", "--force", "--sumdb", &logged.sumdb()];
        logged.depot.run(&logged.depot.write(), &[&WANTED[..], &download].concat()).exits(0);
        assert_eq!(fs::read_to_string(work.join(format!("{NAME}.tlog-proof"))).unwrap(), logged.tlog_proof(0));
        fs::remove_file(work.join(format!("{NAME}.asc"))).unwrap();
        let verify = ["verify", "--json", "--sumdb", &key, NAME];
        assert_eq!(logged.depot.home.run(verify).exits(0).result()["trust"], "transparency");
    }
}

#[test]
fn l08_tile_of_other_content_or_length() {
    let mut logged = Logged::of(&[sdk()]);
    let healthy = logged.log.clone();
    // The tile of the record, that of the records behind it, and the one above all.
    let needed = ["tile/8/0/001", "tile/8/0/002.p/188", "tile/8/1/000.p/2"];
    for tile in needed {
        let whole = healthy.tile(tile).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            logged.put(tile, changed);
            assert_bad_proof(&mut logged, &healthy, &format!("{tile}: byte {at}"));
        }
        let shorter = [0, 1, whole.len() - 32, whole.len() - 1].map(|length| whole[..length].to_vec());
        let longer = [vec![0], vec![0; 32], vec![0; 1 << 14]].map(|more| [&whole[..], &more].concat());
        for wrong in [&shorter[..], &longer].concat() {
            logged.put(tile, &wrong);
            assert_bad_proof(&mut logged, &healthy, &format!("{tile}: {} bytes", wrong.len()));
        }
    }
    // No byte of any other tile is needed.
    let others: Vec<String> = logged.log_files().into_keys().filter(|name| name.starts_with("tile/")).collect();
    for other in others.iter().filter(|name| !needed.contains(&name.as_str())) {
        logged.remove(other);
    }
    logged.fetch(&[]).exits(0);
}

#[test]
fn l08_full_tile_stands_in_for_a_partial_one_that_is_gone() {
    let mut logged = Logged::of(&[sdk()]);
    // What a log serves that has grown since: the answer is of before.
    let grown = TestLog::with(1100, &[(FIRST_RECORD, &record(&sdk()))]);
    logged.log = grown.clone();
    logged.write_log();
    logged.put(LOOKUP, grown.lookup(FIRST_RECORD, 600));
    logged.put("tile/8/1/000.p/2", grown.tile("tile/8/1/000.p/2").unwrap());
    assert!(!logged.log_files().contains_key("tile/8/0/002.p/88"));
    let result = logged.fetch(&[]).exits(0).result();
    assert_eq!(check(&result, "transparency")["tree_size"], 600);
    let mut full = grown.tile("tile/8/0/002").unwrap();
    full[32 * 87] ^= 1;
    logged.put("tile/8/0/002", full);
    assert_eq!(logged.fetch(&["--force"]).exits(1).error_code(), "transparency-bad-proof");
}

#[test]
fn l09_release_that_the_log_does_not_hold_rests_on_its_signature_unless_the_log_is_required() {
    let logged = Logged::of(&[sdk()]);
    logged.remove(LOOKUP);
    let result = logged.fetch(&["--require", "transparency"]).exits(3).result();
    assert_eq!(result["error"]["code"], "transparency-not-logged");
    assert!(result["error"]["hint"].as_str().is_some_and(|hint| hint.contains("go1.21")));
    assert_nothing(&logged);
    let result = logged.fetch(&[]).exits(0).result();
    assert_eq!((&result["trust"], check(&result, "transparency")), (&json!("signature"), &bare("not-published")));
    assert_installed(&logged.depot.destination(), &sdk(), true);
    // A tree that the log has not vouched for is not what is asked for now.
    logged.write_log();
    assert_eq!(logged.fetch(&["--require", "transparency"]).exits(5).error_code(), "destination-exists");
    logged.fetch(&["--require", "transparency", "--force"]).exits(0);
}

#[test]
fn without_a_log_the_check_is_not_requested_and_cannot_be_required() {
    let logged = Logged::of(&[sdk()]);
    let mirror = logged.depot.write();
    let off = |further: &[&str]| logged.depot.fetch(&mirror, &[&["--sumdb", "off", "--json"], further].concat());
    assert_eq!(off(&["--require", "transparency"]).exits(2).error_code(), "usage");
    assert_nothing(&logged);
    let result = off(&["--require", "signature,digest,layout"]).exits(0).result();
    assert_eq!((&result["trust"], check(&result, "transparency")), (&json!("signature"), &bare("not-requested")));
}

#[test]
fn l11_each_platform_is_asked_for_by_its_own_name_and_source_not_at_all() {
    for (target, asked, status) in [
        ("linux/amd64", Some("linux-amd64"), "passed"),
        ("linux/arm", Some("linux-arm"), "passed"),
        ("darwin/arm64", Some("darwin-arm64"), "passed"),
        ("src", None, "not-published"),
    ] {
        let wanted = Sdk::new("go1.22.5", target);
        let recorded = if asked.is_some() { vec![wanted.clone()] } else { vec![] };
        let logged = Logged::recording(std::slice::from_ref(&wanted), &recorded);
        let server = Server::start();
        logged.serve_log(&server, "/");
        let (mirror, sumdb) = (logged.depot.write(), logged.sumdb_at(&server.url()));
        let fetch = |further: &[&str]| {
            let to = logged.depot.destination();
            let fixed = ["1.22.5", target, "--json", "--to", to.to_str().unwrap(), "--sumdb", &sumdb];
            logged.depot.run(&mirror, &[&fixed[..], further].concat())
        };
        let result = fetch(&[]).exits(0).result();
        assert_eq!(check(&result, "transparency")["status"], status, "{target}");
        assert_installed(&logged.depot.destination(), &wanted, true);
        match asked {
            Some(name) => {
                let path = format!("/lookup/golang.org/toolchain@v0.0.1-go1.22.5.{name}");
                assert_eq!(requests_for(&server, &path), 1, "{target}");
                assert_eq!(server.requests().len(), 4, "an answer and three tiles, each once");
            }
            None => {
                let run = fetch(&["--force", "--require", "transparency"]).exits(3);
                assert_eq!(run.error_code(), "transparency-not-logged");
                assert_eq!(server.requests().len(), 0, "{target}");
            }
        }
    }
}
