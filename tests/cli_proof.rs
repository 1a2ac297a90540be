//! `goverify verify` with the log's proofs: beside the archive or named, alone or with a signature.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::binary::{Run, check};
use support::desk::{ASC, Desk, NAME, PAGE, changed, genuine, strangers};
use support::log::{TestKey, TestLog};
use support::mirror::SIGNED;
use support::record::{h1, record};
use support::sdk::Sdk;

const PROOF: &str = "go1.22.5.linux-amd64.tar.gz.tlog-proof";
const ZIP: &str = "go1.22.5.windows-amd64.zip";
const SRC: &str = "go1.22.5.src.tar.gz";
/// Records of the log, and the first of those of [`releases`].
const RECORDS: u64 = 300;
const FIRST: u64 = 20;

fn releases() -> [Sdk; 3] {
    [genuine(), Sdk::windows_amd64("go1.22.5"), Sdk::linux_amd64("go1.22.6")]
}

fn log() -> TestLog {
    let records: Vec<_> = (FIRST..).zip(releases().iter().map(record)).collect();
    let given: Vec<_> = records.iter().map(|(at, record)| (*at, record.as_str())).collect();
    TestLog::with(RECORDS, &given)
}

/// The proof of release so and so of [`releases`].
fn proof(release: u64) -> String {
    log().tlog_proof(FIRST + release, RECORDS)
}

/// A folder with the genuine archive, its signature and its proof, and a zip with its proof.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.put(PROOF, proof(0));
    desk.put(ZIP, Sdk::windows_amd64("go1.22.5").archive());
    desk.put(&format!("{ZIP}.tlog-proof"), proof(1));
    desk
}

#[track_caller]
fn verify(desk: &Desk, arguments: &[&str]) -> Run {
    desk.verify(&[&["--sumdb", &log().key().text(), "--json"], arguments].concat())
}

/// The only result of a run that must end like this.
#[track_caller]
fn result(desk: &Desk, arguments: &[&str], exit: i32, code: Option<&str>) -> Value {
    let result = verify(desk, arguments).exits(exit).result();
    assert_eq!(result["error"]["code"].as_str(), code, "{result:#}");
    result
}

fn statuses(result: &Value) -> [&Value; 2] {
    ["signature", "transparency"].map(|name| &check(result, name)["status"])
}

/// How many files of an SDK no record covers.
fn left_out(sdk: &Sdk) -> usize {
    let left_out = |path: &&String| ["api/", "doc/", "misc/", "test/"].iter().any(|start| path.starts_with(start));
    sdk.files().keys().filter(left_out).count()
}

#[test]
fn a_proof_beside_the_archive_is_a_second_authenticator_or_the_only_one() {
    let desk = desk();
    let both = result(&desk, &[NAME], 0, None);
    assert_eq!(both["trust"], "signature+transparency");
    assert_eq!(both.get("unauthenticated_files"), None);
    let expected = json!({
        "check": "transparency", "status": "passed", "h1": h1(&genuine()), "log": TestLog::NAME, "record": FIRST,
        "module": "golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64", "tree_size": RECORDS,
        "root_hash": check(&both, "transparency")["root_hash"],
    });
    assert_eq!(*check(&both, "transparency"), expected);

    desk.remove(ASC);
    let alone = result(&desk, &[NAME], 0, None);
    assert_eq!(alone["trust"], "transparency");
    assert_eq!(alone["unauthenticated_files"], left_out(&genuine()));
    assert_eq!(statuses(&alone), ["not-published", "passed"]);
    let zip = result(&desk, &[ZIP], 0, None);
    assert_eq!([&zip["trust"], &zip["archive"]["filename"]], ["transparency", ZIP]);
    assert_eq!(zip["unauthenticated_files"], left_out(&Sdk::windows_amd64("go1.22.5")));
    assert_eq!(statuses(&zip), ["not-published", "passed"]);

    let run = desk.verify(&["--sumdb", &log().key().text(), ZIP]).exits(0);
    assert_eq!(run.stdout, format!("OK {ZIP}\n"));
    assert!(run.stderr.contains(&format!("✓ transparency: record {} of {}", FIRST + 1, TestLog::NAME)), "{run:#?}");
    assert!(run.stderr.contains("files are not in the log's record"), "{run:#?}");
}

#[test]
fn a_proof_may_be_elsewhere_and_the_one_that_is_named_is_the_one_that_counts() {
    let desk = desk();
    desk.remove(ASC);
    fs::rename(desk.home.work().join(PROOF), desk.home.work().join("elsewhere")).unwrap();
    result(&desk, &[NAME], 3, Some("signature-not-published"));
    let named = [NAME, "--proof", "elsewhere"];
    assert_eq!(result(&desk, &named, 0, None)["trust"], "transparency");
    desk.put(PROOF, "nonsense");
    result(&desk, &[NAME], 1, Some("transparency-bad-proof"));
    result(&desk, &named, 0, None);
    result(&desk, &[NAME, "--proof", "missing"], 5, Some("io"));
    // One proof is not for several archives, and without a log it is for none.
    result(&desk, &[NAME, ZIP, "--proof", "elsewhere"], 2, Some("usage"));
    desk.verify(&[&["--sumdb", "off"], &named[..]].concat()).exits(2);

    let told = ["-", "--version", "1.22.5", "--platform", "windows/amd64", "--proof"];
    let piped = |proof: &str| {
        let key = log().key().text();
        let mut command = desk.home.command([&["verify", "--json", "--sumdb", &key], &told[..], &[proof]].concat());
        Run::of(command.stdin(fs::File::open(desk.home.work().join(ZIP)).unwrap()).output().unwrap())
    };
    assert_eq!(piped(&format!("{ZIP}.tlog-proof")).exits(0).result()["trust"], "transparency");
    assert_eq!(piped("elsewhere").exits(1).error_code(), "transparency-bad-proof");
}

/// Proofs that are none of the genuine archive's.
fn wrong_proofs() -> Vec<(&'static str, String)> {
    let (log, good) = (log(), proof(0));
    let text = log.head_text(RECORDS);
    let unsigned = good.split("— ").next().unwrap();
    let lines = |from: usize, to: usize| good.lines().skip(from).take(to - from).map(|line| format!("{line}\n"));
    vec![
        ("empty", String::new()),
        ("page", PAGE.to_owned()),
        ("a_signature", String::from_utf8(strangers(&genuine().tar_gz())).unwrap()),
        ("other_release", proof(2)),
        ("other_platform", proof(1)),
        ("other_record", log.tlog_proof(FIRST - 1, RECORDS)),
        ("other_history", log.fork(FIRST).tlog_proof(FIRST, RECORDS)),
        ("other_head", good.replace(&log.head(RECORDS), &log.head(RECORDS - 1))),
        ("other_index", good.replace("index 20\n", "index 21\n")),
        ("other_log", format!("{}{}", unsigned, TestKey::new("log.example", 7).line(&text))),
        ("strangers_key", format!("{}{}", unsigned, TestKey::new(TestLog::NAME, 8).line(&text))),
        ("unsigned", unsigned.to_owned()),
        ("without_head", good.split("\n\n").next().unwrap().to_owned() + "\n"),
        ("without_first_line", lines(1, 99).collect()),
        ("without_a_hash", lines(0, 2).chain(lines(3, 99)).collect()),
        ("a_hash_twice", lines(0, 3).chain(lines(2, 99)).collect()),
        ("trailing_line", good.clone() + "more\n"),
        ("windows_line_ends", good.replace('\n', "\r\n")),
    ]
}

#[test]
fn a_wrong_proof_is_rejected_beside_a_good_signature_and_alone() {
    for (case, wrong) in wrong_proofs() {
        let desk = desk();
        desk.put(PROOF, &wrong);
        for signature in ["passed", "not-published"] {
            let result = result(&desk, &[NAME], 1, Some("transparency-bad-proof"));
            assert_eq!(statuses(&result), [signature, "failed"], "{case}: the report names the odd one out");
            assert_eq!([&result["trust"], &result["verdict"]], [&Value::Null, &json!("rejected")], "{case}");
            if signature == "passed" {
                desk.remove(ASC);
            }
        }
        desk.put(PROOF, proof(0));
        result(&desk, &[NAME], 0, None);
    }
}

#[test]
fn a_proof_of_which_any_byte_is_changed_or_missing_is_rejected() {
    let desk = Desk::new();
    let (good, work) = (proof(0).into_bytes(), desk.home.work());
    let with_proof = |folder: &str, proof: &[u8]| {
        fs::create_dir(work.join(folder)).unwrap();
        fs::hard_link(work.join(NAME), work.join(folder).join(NAME)).unwrap();
        fs::write(work.join(folder).join(PROOF), proof).unwrap();
    };
    let mut folders = Vec::new();
    for at in 0..good.len() {
        for (kind, bit) in [("low", 1), ("case", 0x20)] {
            let mut changed = good.clone();
            changed[at] ^= bit;
            folders.push(format!("{kind}{at}"));
            with_proof(&folders[folders.len() - 1], &changed);
        }
        folders.push(format!("cut{at}"));
        with_proof(&folders[folders.len() - 1], &good[..at]);
    }
    with_proof("good", &good);
    folders.push("good".to_owned());
    let arguments: Vec<&str> = folders.iter().map(String::as_str).collect();
    let document = verify(&desk, &arguments).exits(1).json();
    let results = document["results"].as_array().unwrap();
    assert_eq!(results.len(), folders.len());
    for (folder, result) in folders.iter().zip(results) {
        let expected = if folder == "good" { json!(null) } else { json!("transparency-bad-proof") };
        assert_eq!(result["error"]["code"], expected, "{folder}");
    }
    assert!(results.len() > 1000);
    assert_eq!(results[results.len() - 1]["trust"], "transparency");
}

#[test]
fn a_good_proof_does_not_make_up_for_anything_else() {
    let other = genuine().with_file("src/extra.go", "package extra\n", 0o644);
    let doc = genuine().with_file("doc/extra.md", "extra\n", 0o644);
    for (case, put, code, expected) in [
        (
            "signature_of_other_bytes",
            (|d| d.put(ASC, d.signer.sign(b"x", SIGNED))) as fn(&Desk),
            "signature-bad",
            ["failed", "passed"],
        ),
        (
            "strangers_signature",
            |d| d.put(ASC, strangers(&genuine().tar_gz())),
            "signature-untrusted-key",
            ["failed", "passed"],
        ),
        ("changed_archive", |d| d.put(NAME, changed()), "signature-bad", ["failed", "unavailable"]),
    ] {
        let desk = desk();
        put(&desk);
        let result = result(&desk, &[NAME], 1, Some(code));
        assert_eq!(statuses(&result), expected, "{case}");
    }
    let desk = desk();
    desk.put(ASC, "");
    result(&desk, &[NAME], 1, Some("signature-malformed"));
    let wrong_digest = [NAME, "--sha256", &"0".repeat(64)];
    desk.remove(ASC);
    result(&desk, &wrong_digest, 1, Some("digest-mismatch"));
    // Other files than those that were recorded, signed or not; what the log leaves out is counted as such.
    desk.put(NAME, other.tar_gz());
    result(&desk, &[NAME], 1, Some("transparency-bad-proof"));
    desk.put_as(NAME, &other.tar_gz());
    assert_eq!(statuses(&result(&desk, &[NAME], 1, Some("transparency-bad-proof"))), ["passed", "failed"]);
    desk.remove(ASC);
    desk.put(NAME, doc.tar_gz());
    assert_eq!(result(&desk, &[NAME], 0, None)["unauthenticated_files"], left_out(&genuine()) + 1);
}

#[test]
fn without_a_signature_or_a_proof_nothing_vouches_for_either_format() {
    let desk = desk();
    for name in [PROOF, ASC, &format!("{ZIP}.tlog-proof")] {
        desk.remove(name);
    }
    for (name, companion) in [(NAME, ".asc"), (ZIP, ".tlog-proof")] {
        let result = result(&desk, &[name], 3, Some("signature-not-published"));
        assert!(result["error"]["message"].as_str().unwrap().contains(&format!("{name}{companion}")), "{result:#}");
        assert!(result["error"]["hint"].as_str().unwrap().contains(".tlog-proof"), "{result:#}");
    }
}

#[test]
fn without_a_log_its_proofs_are_not_looked_at() {
    let desk = desk();
    for text in [proof(0), "nonsense".to_owned()] {
        desk.put(PROOF, text);
        let result = desk.result(&["--sumdb", "off", NAME], 0, None);
        assert_eq!(
            (&result["trust"], statuses(&result)),
            (&json!("signature"), [&json!("passed"), &json!("not-requested")])
        );
    }
    desk.result(&["--sumdb", "off", ZIP], 3, Some("signature-not-published"));
    // Nor by a key that has not signed them; Go's own has not.
    desk.put(PROOF, proof(0));
    desk.result(&[NAME], 1, Some("transparency-bad-proof"));
}

#[test]
fn no_log_holds_source_and_a_proof_of_it_is_none() {
    let desk = desk();
    desk.put_signed(&Sdk::source("go1.22.5"));
    assert_eq!(result(&desk, &[SRC], 0, None)["trust"], "signature");
    desk.put(&format!("{SRC}.tlog-proof"), proof(0));
    let with_both = result(&desk, &[SRC], 1, Some("transparency-bad-proof"));
    assert_eq!(statuses(&with_both), ["passed", "failed"]);
    desk.remove(&format!("{SRC}.asc"));
    result(&desk, &[SRC], 1, Some("transparency-bad-proof"));
}

#[cfg(unix)]
#[test]
fn a_proof_that_cannot_be_read_is_not_passed_over() {
    let desk = desk();
    desk.remove(PROOF);
    result(&desk, &[NAME], 0, None);
    fs::create_dir(desk.home.work().join(PROOF)).unwrap();
    result(&desk, &[NAME], 5, Some("io"));
    fs::remove_dir(desk.home.work().join(PROOF)).unwrap();
    std::os::unix::fs::symlink("nothing", desk.home.work().join(PROOF)).unwrap();
    result(&desk, &[NAME], 5, Some("io"));
    desk.put("nothing", proof(0));
    assert_eq!(result(&desk, &[NAME], 0, None)["trust"], "signature+transparency");
}

#[cfg(feature = "net")]
#[test]
fn verifying_asks_no_log() {
    use support::server::Server;
    let desk = desk();
    let server = Server::start();
    log().write(&desk.home.work().join("log"), RECORDS);
    let key = log().key().text();
    for place in [server.url(), desk.home.work().join("log").to_str().unwrap().to_owned()] {
        let sumdb = format!("{key} {place}");
        assert_eq!(desk.result(&["--sumdb", &sumdb, ZIP], 0, None)["trust"], "transparency");
        desk.remove(&format!("{ZIP}.tlog-proof"));
        desk.result(&["--sumdb", &sumdb, ZIP], 3, Some("signature-not-published"));
        desk.put(&format!("{ZIP}.tlog-proof"), proof(1));
    }
    assert_eq!(server.requests().len(), 0);
}
