//! Several releases and platforms in one call of `goverify fetch`.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;
use support::binary::{INDEX_QUERY, Run, assert_installed};
use support::depot::{Depot, requests_for};
use support::desk::strangers;
use support::sdk::Sdk;
use support::server::Fault;

const VERSIONS: [&str; 2] = ["go1.21.13", "go1.22.5"];
const TARGETS: [&str; 2] = ["linux/arm64", "darwin/arm64"];

fn sdks() -> Vec<Sdk> {
    VERSIONS.iter().flat_map(|version| TARGETS.map(|target| Sdk::minimal(version, target))).collect()
}

fn default_place(depot: &Depot, sdk: &Sdk) -> PathBuf {
    let name = sdk.name();
    depot.home.home().join("sdk").join(format!("{}.{}", name.version(), name.target().to_string().replace('/', "-")))
}

fn archives(run: &Run) -> Vec<Value> {
    run.json()["results"].as_array().unwrap().iter().map(|result| result["archive"]["filename"].clone()).collect()
}

fn codes(run: &Run) -> Vec<Value> {
    run.json()["results"].as_array().unwrap().iter().map(|result| result["error"]["code"].clone()).collect()
}

#[test]
fn every_release_is_fetched_for_every_platform_in_the_order_asked() {
    let sdks = sdks();
    let depot = Depot::of(&sdks);
    let server = depot.serve();
    // Platforms and releases may stand in any order among each other.
    let run = depot.run(&server.url(), &["linux/arm64", "1.21", "darwin-arm64", "1.22.5"]).exits(0);
    let places: Vec<_> = sdks.iter().map(|sdk| default_place(&depot, sdk)).collect();
    let lines: String = places.iter().map(|place| format!("{}\n", place.display())).collect();
    assert_eq!(run.stdout, lines);
    for (sdk, place) in sdks.iter().zip(&places) {
        assert_installed(place, sdk, true);
        assert!(run.stderr.contains(&sdk.name().to_string()));
    }
    assert_eq!(requests_for(&server, INDEX_QUERY), 1, "the index is asked once");
    let run = depot.run(&server.url(), &["1.22", "1.21.13", "darwin/arm64", "linux/arm64", "--json"]).exits(0);
    let order = [&sdks[3], &sdks[2], &sdks[1], &sdks[0]].map(|sdk| Value::from(sdk.name().to_string()));
    assert_eq!(archives(&run), order);
    let document = run.json();
    assert_eq!([&document["verdict"], &document["command"]], ["verified", "fetch"]);
    for result in document["results"].as_array().unwrap() {
        assert_eq!([&result["verdict"], &result["trust"]], ["verified", "signature"]);
        assert_eq!(result["installed"]["already"], true);
        assert_eq!(result["checks"].as_array().unwrap().len(), 4);
    }
    assert_eq!(server.requests().iter().filter(|request| request.path.ends_with(".gz")).count(), 4);
}

#[test]
fn what_two_words_choose_is_fetched_once() {
    let depot = Depot::of(&sdks());
    let server = depot.serve();
    let run = depot.run(&server.url(), &["1.22", "1.22.5", "stable", "linux/arm64", "linux-arm64", "--json"]).exits(0);
    assert_eq!(archives(&run), ["go1.22.5.linux-arm64.tar.gz"]);
}

#[test]
fn downloads_go_on_side_by_side() {
    let sdks = &sdks()[..2];
    let depot = Depot::of(sdks);
    let server = depot.serve();
    if std::thread::available_parallelism().is_ok_and(|processors| processors.get() < 2) {
        std::io::stderr().write_all(b"skipped: with one processor, one archive is fetched after the other\n").unwrap();
        return;
    }
    // Each archive is sent once the other one was asked for.
    let paths: Vec<_> = sdks.iter().map(|sdk| format!("/{}", sdk.name())).collect();
    depot.break_path(&server, &paths[0], [Fault::After(paths[1].clone())]);
    depot.break_path(&server, &paths[1], [Fault::After(paths[0].clone())]);
    depot.run(&server.url(), &["1.21.13", TARGETS[0], TARGETS[1]]).exits(0);
    for sdk in sdks {
        assert_installed(&default_place(&depot, sdk), sdk, true);
    }
}

#[test]
fn one_failure_stops_nothing_else_and_the_worst_is_the_exit_code() {
    let sdks = sdks();
    let mut depot = Depot::of(&sdks);
    let [first, second, third] = [0, 1, 2].map(|number| sdks[number].name().to_string());
    let signature = strangers(&depot.files[&first]);
    depot.files.insert(format!("{first}.asc"), signature);
    fs::create_dir_all(default_place(&depot, &sdks[1]).join("somebody's")).unwrap();
    depot.files.remove(&format!("{third}.asc")).unwrap();
    let mirror = depot.write();
    let words = [&["1.21.13", "1.22.5", "1.30.1"][..], &TARGETS].concat();
    let run = depot.run(&mirror, &[&words[..], &["--json"]].concat()).exits(1);
    let expected = [
        "signature-untrusted-key",
        "destination-exists",
        "signature-not-published",
        "",
        "release-not-found",
        "release-not-found",
    ];
    let expected = expected.map(|code| if code.is_empty() { Value::Null } else { code.into() });
    assert_eq!(codes(&run), expected);
    for (number, sdk) in sdks.iter().enumerate() {
        assert_eq!(default_place(&depot, sdk).exists(), matches!(number, 1 | 3), "{}", sdk.name());
    }
    assert_installed(&default_place(&depot, &sdks[3]), &sdks[3], true);
    // Errors say what they are about, and stdout has what succeeded.
    let run = depot.run(&mirror, &words).exits(1);
    assert_eq!(run.stdout, format!("{}\n", default_place(&depot, &sdks[3]).display()));
    for name in [&first, &second, &third] {
        let line = run.stderr.lines().find(|line| line.starts_with(&format!("error: {name}: ")));
        assert!(line.is_some(), "{name}: {run:#?}");
    }
    depot.run(&mirror, &["1.22.5", "1.30.1", TARGETS[1]]).exits(3);
    depot.run(&mirror, &["1.21.13", "1.22.5", TARGETS[1]]).exits(5);
}

#[test]
fn archives_alone_go_under_their_own_names() {
    let sdks = sdks();
    let depot = Depot::of(&sdks);
    let mirror = depot.write();
    let run = depot.run(&mirror, &[&VERSIONS[..], &TARGETS, &["--download-only"]].concat()).exits(0);
    assert_eq!(run.stdout.lines().count(), 4);
    for sdk in &sdks {
        let name = sdk.name().to_string();
        assert!(fs::read(depot.home.work().join(&name)).unwrap() == depot.files[&name], "{name}");
    }
}

#[test]
fn what_is_about_one_archive_is_refused_for_several() {
    let depot = Depot::of(&sdks());
    let server = depot.serve();
    let digest = "0".repeat(64);
    let both = [&VERSIONS[..], &TARGETS[..1]].concat();
    for flags in [
        &["--to", "x"][..],
        &["--download-only", "-o", "x"],
        &["--sha256", &digest],
        #[cfg(unix)]
        &["--switch", "current"],
    ] {
        for words in [&both, &[&VERSIONS[..1], &TARGETS[..]].concat()] {
            let run = depot.run(&server.url(), &[words, flags, &["--json"]].concat()).exits(2);
            assert_eq!(run.error_code(), "usage", "{flags:?}");
        }
    }
    // Nor is there anything to fetch for platforms alone.
    assert_eq!(depot.run(&server.url(), &["linux/amd64", "--json"]).exits(2).error_code(), "usage");
    assert_eq!(server.requests().len(), 0);
    depot.home.assert_untouched();
    let to = depot.destination();
    depot.run(&server.url(), &[VERSIONS[0], TARGETS[0], "--to", to.to_str().unwrap()]).exits(0);
}

#[test]
fn what_concerns_the_whole_call_is_one_result() {
    let depot = Depot::of(&sdks());
    let mirror = depot.write();
    fs::write(depot.home.mirror().join("index.json"), "[").unwrap();
    let run = depot.run(&mirror, &[&VERSIONS[..], &TARGETS, &["--json"]].concat()).exits(4);
    assert_eq!(run.error_code(), "index-malformed");
}

#[cfg(unix)]
#[test]
fn f16_a_signal_ends_them_all_and_says_which_it_was() {
    use rustix::process::Signal;
    use support::started::{Started, wait_until};
    let sdks = sdks();
    let depot = Depot::of(&sdks);
    for (signal, exit, code) in [(Signal::INT, 130, "interrupted"), (Signal::TERM, 143, "terminated")] {
        let server = depot.serve();
        for sdk in &sdks {
            depot.break_path(&server, &format!("/{}", sdk.name()), [Fault::StallAt(100)]);
        }
        let run = Started::new(depot.command(&server.url(), &[&VERSIONS[..], &TARGETS, &["--json"]].concat()));
        let asked = || server.requests().iter().any(|request| request.path.ends_with(".gz"));
        wait_until("an archive is asked for", asked);
        run.signal(signal);
        let run = run.end().exits(exit);
        assert_eq!(codes(&run), [code; 4]);
        depot.home.assert_untouched();
    }
}
