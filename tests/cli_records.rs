//! `--summary` and `--attest`: what a run leaves for those who were not there.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::binary::{Home, Run};
use support::desk::{ASC, Desk, NAME, changed, genuine, sha256};
use support::python::{programs, python};
use support::sdk::Sdk;

const FILE: &str = "statements.jsonl";
/// Reads a file of statements as in-toto's own library does, and each part by its published definition.
const IN_TOTO: &str = r#"
import json, sys
from google.protobuf import json_format
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import resource_descriptor_pb2, statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

for line in open(sys.argv[1]):
    Statement.copy_from_pb(json_format.Parse(line, statement_pb2.Statement())).validate()
    predicate = json.loads(line)["predicate"]
    for described in [predicate["policy"]] + predicate.get("inputAttestations", []):
        described = json_format.ParseDict(described, resource_descriptor_pb2.ResourceDescriptor())
        ResourceDescriptor.copy_from_pb(described).validate()
    # The specification has a list of levels, this definition a single one, and names what it does not know.
    del predicate["verifiedLevels"]
    summary = json_format.ParseDict(predicate, vsa_pb2.VerificationSummary(), ignore_unknown_fields=True)
    print(summary.verification_result, summary.verifier.id, summary.time_verified.seconds > 0, summary.resource_uri)
"#;

fn demo(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/mirror").join(name).to_str().unwrap().to_owned()
}

fn run(desk: &Desk, arguments: &[&str]) -> Run {
    desk.home.run([&["verify", "--keyring", "keyring.pgp"], arguments].concat())
}

/// The statements of a file, each of which must be what the specification asks for.
#[track_caller]
fn statements(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n') && !text.contains("\n\n"));
    let statements: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    statements.iter().for_each(assert_is_vsa);
    if let Some(programs) = programs() {
        let read = python(&programs, IN_TOTO, &[path.to_str().unwrap()]);
        let expected = statements.iter().map(|statement| {
            let predicate = &statement["predicate"];
            let [result, uri] = ["verificationResult", "resourceUri"].map(|field| predicate[field].as_str().unwrap());
            format!("{result} pkg:cargo/goverify True {uri}\n")
        });
        assert_eq!(read, expected.collect::<String>());
    }
    statements
}

/// <https://slsa.dev/verification_summary/v1>, its fields in their order: required ones, their types, and the rules.
#[track_caller]
fn assert_is_vsa(statement: &Value) {
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/verification_summary/v1");
    let is_digest = |value: &Value| {
        let hex = value["sha256"].as_str().unwrap();
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    // A summary is about one resource.
    let [subject] = &statement["subject"].as_array().unwrap()[..] else { panic!("{statement:#}") };
    assert!(is_digest(&subject["digest"]) && !subject["name"].as_str().unwrap().is_empty());
    let predicate = &statement["predicate"];
    let is_uri = |value: &Value| {
        let (scheme, rest) = value.as_str().unwrap().split_once(':').unwrap();
        scheme.bytes().all(|b| b.is_ascii_lowercase()) && rest.bytes().all(|b| b.is_ascii_graphic() && b != b'"')
    };
    assert!(
        is_uri(&predicate["verifier"]["id"])
            && is_uri(&predicate["resourceUri"])
            && is_uri(&predicate["policy"]["uri"])
    );
    let time = predicate["timeVerified"].as_str().unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok() && time.ends_with('Z'), "{time}");
    let levels: Vec<_> = predicate["verifiedLevels"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    let of_slsa: Vec<_> = levels.iter().filter(|level| level.starts_with("SLSA_")).collect();
    match predicate["verificationResult"].as_str().unwrap() {
        "PASSED" => assert_eq!(of_slsa, [&"SLSA_BUILD_LEVEL_0"]),
        "FAILED" => assert_eq!(levels, ["FAILED"]),
        other => panic!("{other}"),
    }
    assert_eq!(predicate["slsaVersion"], "1.1");
    for input in predicate.get("inputAttestations").map_or(&[][..], |inputs| inputs.as_array().unwrap()) {
        assert!(is_digest(&input["digest"]), "{input}");
    }
}

#[track_caller]
fn results(statements: &[Value]) -> Vec<(&str, &str)> {
    statements
        .iter()
        .map(|s| (s["subject"][0]["name"].as_str().unwrap(), s["predicate"]["verificationResult"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_verified_archive_has_passed_and_the_statement_says_why() {
    let desk = Desk::new();
    run(&desk, &[NAME, "--attest", FILE]).exits(0);
    let path = desk.home.work().join(FILE);
    let [statement] = &statements(&path)[..] else { panic!("one statement") };
    let archive = genuine().tar_gz();
    assert_eq!(statement["subject"], json!([{"name": NAME, "digest": {"sha256": sha256(&archive)}}]));
    let predicate = &statement["predicate"];
    assert_eq!(predicate["verificationResult"], "PASSED");
    assert_eq!(predicate["verifiedLevels"], json!(["SLSA_BUILD_LEVEL_0", "GOVERIFY_SIGNATURE"]));
    let signature = fs::read(desk.home.work().join(ASC)).unwrap();
    assert_eq!(predicate["inputAttestations"], json!([{"name": ASC, "digest": {"sha256": sha256(&signature)}}]));
    assert_eq!(
        predicate["policy"]["annotations"],
        json!({"trust": "signature", "certificate": desk.signer.fingerprint()})
    );
    // It is not Go's own: somebody else has signed it.
    let uri = format!("file://{}/{NAME}", desk.home.work().canonicalize().unwrap().display());
    assert_eq!(predicate["resourceUri"].as_str().unwrap(), uri);
    // With the log, and with nothing.
    let (key, log) = (demo("keys/demo.asc"), fs::read_to_string(demo("keys/demo-log.txt")).unwrap());
    let (archive, log) = (demo(NAME), log.trim().to_owned());
    desk.home.run(["verify", &archive, "--keyring", &key, "--sumdb", &log, "--attest", FILE]).exits(0);
    let [statement] = &statements(&path)[..] else { panic!("one statement") };
    let inputs = [".asc", ".tlog-proof"].map(|suffix| {
        let content = fs::read(format!("{archive}{suffix}")).unwrap();
        json!({"name": format!("{NAME}{suffix}"), "digest": {"sha256": sha256(&content)}})
    });
    assert_eq!(statement["predicate"]["inputAttestations"], json!(inputs));
    let levels = json!(["SLSA_BUILD_LEVEL_0", "GOVERIFY_SIGNATURE", "GOVERIFY_TRANSPARENCY"]);
    assert_eq!(statement["predicate"]["verifiedLevels"], levels);
    assert_eq!(statement["predicate"]["resourceUri"].as_str().unwrap(), format!("file://{archive}"));
    desk.remove(ASC);
    let digest = sha256(&genuine().tar_gz());
    run(&desk, &[NAME, "--unsigned", "--sha256", &digest, "--attest", FILE]).exits(0);
    let [statement] = &statements(&path)[..] else { panic!("one statement") };
    assert_eq!(statement["predicate"]["verifiedLevels"], json!(["SLSA_BUILD_LEVEL_0", "GOVERIFY_DIGEST_ONLY"]));
    assert_eq!(statement["predicate"].get("inputAttestations"), None);
}

#[test]
fn what_google_has_signed_is_gos_own_wherever_it_lies() {
    use std::io::Write;
    let Some(folder) = std::env::var_os("GOVERIFY_REAL_RELEASES").map(PathBuf::from) else {
        return std::io::stderr().write_all(b"skipped: GOVERIFY_REAL_RELEASES is not set\n").unwrap();
    };
    let home = Home::new();
    let source = "go1.27.1.src.tar.gz";
    home.run([Path::new("verify"), &folder.join(source), Path::new("--attest"), Path::new(FILE)]).exits(0);
    let [statement] = &statements(&home.work().join(FILE))[..] else { panic!("one statement") };
    assert_eq!(statement["predicate"]["resourceUri"].as_str().unwrap(), format!("https://dl.google.com/go/{source}"));
}

#[test]
fn each_archive_has_a_statement_of_its_own_if_anything_can_be_said_of_it() {
    let desk = Desk::new();
    let bad = "go1.22.6.linux-amd64.tar.gz";
    desk.put(bad, changed());
    desk.put(&format!("{bad}.asc"), fs::read(desk.home.work().join(ASC)).unwrap());
    desk.put_signed(&Sdk::source("go1.22.7"));
    desk.put("go1.22.8.src.tar.gz", "no archive");
    desk.put("go1.22.9.src.tar.gz", genuine().tar_gz());
    run(&desk, &[".", "--attest", FILE]).exits(1);
    let statements = statements(&desk.home.work().join(FILE));
    let expected = [(NAME, "PASSED"), (bad, "FAILED"), ("go1.22.7.src.tar.gz", "PASSED")];
    assert_eq!(results(&statements), expected);
    assert_eq!(statements[1]["subject"][0]["digest"]["sha256"], sha256(&changed()));
    assert_eq!(statements[1]["predicate"]["policy"]["annotations"], json!({"code": "signature-bad"}));
}

#[test]
fn no_statement_of_an_earlier_run_stands_for_a_later_one() {
    let desk = Desk::new();
    let path = desk.home.work().join(FILE);
    let passed = || {
        desk.put_signed(&genuine());
        run(&desk, &[NAME, "--attest", FILE]).exits(0);
        assert_eq!(results(&statements(&path)), [(NAME, "PASSED")]);
    };
    passed();
    desk.put(NAME, changed());
    run(&desk, &[NAME, "--attest", FILE]).exits(1);
    assert_eq!(results(&statements(&path)), [(NAME, "FAILED")]);
    for (content, exit) in [(None, 5), (Some(&b"no archive"[..]), 1), (Some(&genuine().tar_gz()[..]), 3)] {
        passed();
        match content {
            None => desk.remove(NAME),
            Some(content) => desk.put(NAME, content),
        }
        if exit == 3 {
            desk.remove(ASC);
        }
        run(&desk, &[NAME, "--attest", FILE]).exits(exit);
        assert!(!path.exists(), "{exit}");
    }
    // Nothing that is no statement is taken away, whatever it was named for.
    desk.put_signed(&genuine());
    for content in ["", "{\"_type\":\"https://in-toto.io/Statement/v2\"}\n", "text"] {
        desk.put(FILE, content);
        let run = run(&desk, &[NAME, "--attest", FILE, "--json"]);
        if content.is_empty() {
            run.exits(0);
        } else {
            assert_eq!(run.exits(5).error_code(), "io");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
    let archive = fs::read(desk.home.work().join(NAME)).unwrap();
    run(&desk, &["keyring.pgp", "--attest", NAME]).exits(5);
    assert!(fs::read(desk.home.work().join(NAME)).unwrap() == archive);
    // What cannot be written is known before anything is verified.
    for place in ["missing/statements.jsonl", "."] {
        let run = run(&desk, &[NAME, "--attest", place, "--json"]).exits(5);
        assert_eq!(run.result()["archive"], Value::Null, "{place}");
    }
}

#[cfg(all(feature = "net", unix))]
#[test]
fn no_statement_of_an_earlier_run_stands_for_one_that_was_killed() {
    use std::process::Stdio;

    let desk = Desk::new();
    let path = desk.home.work().join(FILE);
    run(&desk, &[NAME, "--attest", FILE]).exits(0);
    assert!(path.exists());
    let waits =
        ["verify", "-", "--version", "1.22.5", "--platform", "linux/amd64", "--signature", ASC, "--attest", FILE];
    let mut child = desk.home.command(waits).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    support::started::wait_until("the old statement to go", || !path.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!path.exists());
}

/// The cells of the rows of each table in a summary.
#[track_caller]
fn rows(summary: &str) -> Vec<Vec<String>> {
    let rows = summary.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect());
    let rows: Vec<Vec<String>> = cells.collect();
    assert!(rows.iter().all(|row| row.len() == 6), "{summary}");
    rows.into_iter().filter(|row| row[0] != "archive").collect()
}

#[test]
fn a_summary_is_appended_as_a_table() {
    let desk = Desk::new();
    let bad = "go1.22.6.linux-amd64.tar.gz";
    desk.put_as(bad, b"no archive");
    desk.put("summary.md", "# Before\n");
    run(&desk, &[NAME, "--summary", "summary.md"]).exits(0);
    run(&desk, &[NAME, bad, "--summary", "summary.md"]).exits(1);
    let summary = fs::read_to_string(desk.home.work().join("summary.md")).unwrap();
    assert!(summary.starts_with("# Before\n### goverify verify\n\n|"), "{summary}");
    let good = [NAME, "verified", "signature", &desk.signer.signing_fingerprint(), "", &sha256(&genuine().tar_gz())];
    let rows = rows(&summary);
    assert_eq!(
        (rows.len(), &rows[0][..], &rows[1][..]),
        (3, &good.map(str::to_owned)[..], &good.map(str::to_owned)[..])
    );
    assert_eq!(rows[2][..2], [bad, "rejected"]);
    assert_eq!(summary.lines().filter(|line| line.starts_with("- archive-malformed")).count(), 1, "{summary}");
    // With the log.
    let (key, log) = (demo("keys/demo.asc"), fs::read_to_string(demo("keys/demo-log.txt")).unwrap());
    desk.home.run(["verify", &demo(NAME), "--keyring", &key, "--sumdb", log.trim(), "--summary", "log.md"]).exits(0);
    let summary = fs::read_to_string(desk.home.work().join("log.md")).unwrap();
    assert!(self::rows(&summary)[0][4].ends_with(" of log.example&#47;sumdb"), "{summary}");
}

#[test]
fn the_variable_of_github_names_the_summary_where_nothing_else_does() {
    let desk = Desk::new();
    let by_variable = |value: &str, arguments: &[&str]| {
        let mut command = desk.home.command(["verify", NAME, "--keyring", "keyring.pgp"]);
        Run::of(command.args(arguments).env("GITHUB_STEP_SUMMARY", value).output().unwrap())
    };
    let count = |name: &str| fs::read_to_string(desk.home.work().join(name)).map_or(0, |text| rows(&text).len());
    by_variable("variable.md", &[]).exits(0);
    by_variable("variable.md", &["--summary", "typed.md"]).exits(0);
    assert_eq!((count("variable.md"), count("typed.md")), (1, 1));
    by_variable("", &[]).exits(0);
    assert_eq!(desk.home.run(["keys", "list"]).exits(0).stderr, "", "nothing is verified, nothing recorded");
    // Nobody asked for it, so it is no error; what was typed is one.
    let run = by_variable("missing/x.md", &["--json"]).exits(0);
    assert!(run.stderr.contains("warning: missing/x.md: cannot write"), "{run:#?}");
    assert!(run.result()["warnings"][0].as_str().unwrap().contains("missing/x.md"));
    let run = by_variable("variable.md", &["--summary", "missing/x.md"]).exits(5);
    assert!(run.stdout.starts_with(&format!("OK {NAME}\nERROR missing/x.md: cannot write")), "{run:#?}");
    desk.put(NAME, changed());
    by_variable("variable.md", &["--summary", "missing/x.md"]).exits(1);
    assert_eq!(count("variable.md"), 1);
}

#[cfg(unix)]
#[test]
fn names_are_escaped_in_a_summary() {
    let desk = Desk::new();
    for name in ["a|b.tar.gz", "`c`<img src=x>.tar.gz", "[d](http:x).zip", "e\n| f |.zip", "www.g.tar.gz"] {
        desk.put(name, "x");
    }
    run(&desk, &[".", "--summary", "summary.md"]).exits(2);
    let summary = fs::read_to_string(desk.home.work().join("summary.md")).unwrap();
    assert_eq!(rows(&summary).len(), 6);
    assert!(!summary.contains(['<', '`', '[', '\u{1b}']) && !summary.contains("www."), "{summary}");
    assert_eq!(summary.lines().filter(|line| line.starts_with("- ")).count(), 5, "{summary}");
}

#[cfg(feature = "net")]
#[test]
fn a_fetch_leaves_the_same_records_as_a_verification() {
    use support::logged::Logged;

    let logged = Logged::of(&[genuine()]);
    let work = logged.depot.home.work();
    let records = ["--attest", FILE, "--summary", "summary.md"];
    logged.fetch(&records).exits(0);
    let first = statements(&work.join(FILE));
    assert_eq!(results(&first), [(NAME, "PASSED")]);
    assert_eq!(first[0]["subject"][0]["digest"]["sha256"], sha256(&genuine().tar_gz()));
    let location = format!("file://{}/{NAME}", logged.depot.home.mirror().display());
    assert_eq!(first[0]["predicate"]["resourceUri"].as_str().unwrap(), location);
    assert_eq!(first[0]["predicate"]["inputAttestations"].as_array().unwrap().len(), 2);
    // What is installed already rests on what it was installed by, and says so.
    logged.fetch(&records).exits(0);
    let second = statements(&work.join(FILE));
    assert_eq!(second[0]["predicate"]["inputAttestations"], first[0]["predicate"]["inputAttestations"]);
    assert_eq!(second[0]["predicate"]["policy"]["annotations"]["source"], "receipt");
    assert_eq!(first[0]["predicate"]["policy"]["annotations"].get("source"), None);
    // A downloaded archive has these very inputs beside it.
    let (mirror, sumdb) = (logged.depot.write(), logged.sumdb());
    let download = ["1.22.5", "linux/amd64", "--download-only", "--sumdb", &sumdb, "--attest", FILE];
    logged.depot.run(&mirror, &download).exits(0);
    for input in statements(&work.join(FILE))[0]["predicate"]["inputAttestations"].as_array().unwrap() {
        let content = fs::read(work.join(input["name"].as_str().unwrap())).unwrap();
        assert_eq!(input["digest"]["sha256"], sha256(&content), "{input}");
    }
    let summary = fs::read_to_string(work.join("summary.md")).unwrap();
    assert_eq!(rows(&summary).len(), 2);
    assert!(rows(&summary).iter().all(|row| row[2] == "signature&#43;transparency" && row[4].starts_with("300 of ")));
    // A rejected one leaves the mirror's word and nothing installed.
    let mut logged = logged;
    fs::remove_dir_all(logged.depot.destination()).unwrap();
    logged.depot.files.insert(NAME.to_owned(), changed());
    logged.fetch(&records).exits(1);
    assert_eq!(results(&statements(&work.join(FILE))), [(NAME, "FAILED")]);
    assert!(!logged.depot.destination().exists());
    logged.depot.files.remove(NAME);
    logged.fetch(&records).exits(3);
    assert!(!work.join(FILE).exists());
}

#[cfg(all(feature = "net", unix))]
#[test]
fn an_audit_leaves_a_summary() {
    use support::audited::Audited;

    let audited = Audited::of(&genuine());
    let root = audited.root();
    audited
        .audit(&[root.to_str().unwrap(), "--offline", "--sumdb", &audited.logged.key(), "--summary", "summary.md"])
        .exits(0);
    let path = audited.logged.depot.home.work().join("summary.md");
    let rows = rows(&fs::read_to_string(path).unwrap());
    assert_eq!((rows.len(), rows[0][0].as_str(), rows[0][1].as_str()), (1, NAME, "verified"));
}
