//! `goverify mirror pull`: what is in a mirror that it made, and what becomes of one that it is made again into.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};

use goverify::release::ReleaseIndex;
use support::binary::{Home, Run, assert_installed, snapshot};
use support::desk::sha256;
use support::pulled::{Pulled, TARGETS, result_of};
use support::record::record;
use support::sdk::Sdk;

const LINUX: &str = "go1.22.5.linux-amd64.tar.gz";
const WINDOWS: &str = "go1.22.5.windows-amd64.zip";
const SOURCE: &str = "go1.22.5.src.tar.gz";
/// What the copy of the log is below.
const LOG: &str = "sumdb/log.example/sumdb";
const MODULE: &str = "golang.org/toolchain/@v/v0.0.1-go1.22.5.linux-amd64";

/// The versions and targets that a mirror's index names.
fn offered(pulled: &Pulled) -> Vec<String> {
    let index = ReleaseIndex::parse(&pulled.read("index.json")).unwrap();
    let names = |release: &goverify::release::Release| {
        release.targets().map(|target| release.file(&target).unwrap().name().to_string()).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = index.releases().iter().flat_map(names).collect();
    all.sort();
    all
}

#[test]
fn a_pulled_mirror_is_all_that_a_machine_without_a_network_needs() {
    let pulled = Pulled::of_one_release();
    let run = pulled.pull_all(&["--goproxy"]).exits(0);
    let expected: Vec<_> = TARGETS.map(|target| Sdk::new("go1.22.5", target).name().to_string()).into();
    let printed = expected.iter().map(|name| format!("{}/{name}\n", pulled.location())).collect::<String>();
    assert_eq!(run.stdout, printed);
    let certificate = format!("keys/{}.asc", pulled.logged.depot.signer.fingerprint());
    let mut names: Vec<String> = [
        LINUX.to_owned(),
        format!("{LINUX}.asc"),
        format!("{LINUX}.sha256"),
        format!("{LINUX}.tlog-proof"),
        SOURCE.to_owned(),
        format!("{SOURCE}.asc"),
        format!("{SOURCE}.sha256"),
        WINDOWS.to_owned(),
        format!("{WINDOWS}.sha256"),
        format!("{WINDOWS}.tlog-proof"),
        "index.json".to_owned(),
        format!("{certificate}.sha256"),
        certificate,
        format!("{LOG}/latest"),
        format!("{LOG}/supported"),
    ]
    .into();
    for target in ["linux-amd64", "windows-amd64"] {
        names.extend(
            ["info", "mod", "zip"].map(|part| format!("golang.org/toolchain/@v/v0.0.1-go1.22.5.{target}.{part}")),
        );
        names.push(format!("{LOG}/lookup/golang.org/toolchain@v0.0.1-go1.22.5.{target}"));
    }
    let mut found = pulled.names();
    assert!(found.iter().any(|name| name.starts_with(&format!("{LOG}/tile/8/0/"))), "{found:#?}");
    found.retain(|name| !name.starts_with(&format!("{LOG}/tile/")));
    names.sort();
    assert_eq!(found, names);
    assert_eq!(pulled.logged.depot.home.cached().len(), 3, "the log's head with its lock, and what was seen");
    pulled.logged.depot.home.assert_untouched();

    // Another machine, which has never seen a network.
    let other = Home::new();
    fs::write(other.work().join("keyring.pgp"), pulled.logged.depot.signer.certificate()).unwrap();
    let (location, key) = (pulled.location(), pulled.logged.key());
    let trust = ["--keyring", "keyring.pgp", "--sumdb", &key, "--offline"];
    for target in TARGETS {
        let to = other.home().join(target.replace('/', "-"));
        let common = ["fetch", "1.22.5", target, "--mirror", &location, "--to", to.to_str().unwrap(), "--json"];
        let further: &[&str] = if target == "src" { &[] } else { &["--require", "transparency"] };
        other.run([&common[..], &trust, further].concat()).exits(0);
        assert_installed(&to, &Sdk::new("go1.22.5", target), true);
    }
    other.run([&["verify", &location], &trust[..]].concat()).exits(0);
    let check = other.run([&["mirror", "check", &location], &trust[..]].concat()).exits(0);
    // In the index's order.
    let mut lines: Vec<_> = check.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, [LINUX, SOURCE, WINDOWS].map(|name| format!("OK {name}")));
}

#[test]
fn the_module_holds_what_the_log_has_recorded() {
    let pulled = Pulled::of_one_release();
    pulled.pull_all(&["--goproxy"]).exits(0);
    let zip = pulled.read(&format!("{MODULE}.zip"));
    let mut reader = zip::ZipArchive::new(Cursor::new(&zip)).unwrap();
    let top = "golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64/";
    let mut lines = BTreeMap::new();
    for index in 0..reader.len() {
        let mut file = reader.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        let name = file.name().unwrap().into_owned();
        assert!(name.starts_with(top), "{name}");
        lines.insert(name.clone(), format!("{}  {name}\n", sha256(&content)));
    }
    assert!(lines.contains_key(&format!("{top}bin/go")) && !lines.keys().any(|name| name.contains("/test/")));
    // golang.org/x/mod/sumdb/dirhash, by hand.
    use base64::prelude::{BASE64_STANDARD, Engine};
    use sha2::{Digest, Sha256};
    let h1 = format!("h1:{}", BASE64_STANDARD.encode(Sha256::digest(lines.into_values().collect::<String>())));
    assert!(record(&Sdk::linux_amd64("go1.22.5")).contains(&h1), "{h1}");
    assert_eq!(pulled.read(&format!("{MODULE}.mod")), b"module golang.org/toolchain\n");
    assert_eq!(pulled.read(&format!("{MODULE}.info")), b"{\"Version\":\"v0.0.1-go1.22.5.linux-amd64\"}\n");
}

#[cfg(unix)]
#[test]
fn a_second_pull_moves_only_what_has_changed() {
    use std::os::unix::fs::MetadataExt;
    let pulled = Pulled::of_one_release();
    let server = pulled.logged.depot.serve();
    let targets = TARGETS.map(|target| ["--platform", target]).concat();
    let pull = || pulled.pull_from(&server.url(), &[&["1.22.5", "--goproxy", "--json"], &targets[..]].concat());
    let stamps = || -> BTreeMap<String, (u64, i64)> {
        let stamp = |name: String| {
            let found = fs::metadata(pulled.folder().join(&name)).unwrap();
            (name, (found.ino(), found.mtime_nsec()))
        };
        pulled.names().into_iter().map(stamp).collect()
    };
    pull().exits(0);
    let before = stamps();
    let asked = || server.requests().iter().filter(|request| request.path.starts_with("/go1.")).count();
    let asked_before = asked();
    let document = pull().exits(0).json();
    for name in [LINUX, WINDOWS, SOURCE] {
        assert_eq!(result_of(&document, name)["mirrored"]["already"], true, "{document:#}");
    }
    assert_eq!((stamps(), asked()), (before.clone(), asked_before));

    // Nothing is taken for good because it was good once.
    let mut archive = pulled.read(LINUX);
    archive[300] ^= 1;
    pulled.put(LINUX, &archive);
    pulled.put(&format!("{WINDOWS}.tlog-proof"), "not a proof");
    let document = pull().exits(0).json();
    let already = |name| result_of(&document, name)["mirrored"]["already"].clone();
    assert_eq!([already(LINUX), already(WINDOWS), already(SOURCE)], [false, false, true], "{document:#}");
    pulled.check(&["--fresh"]).exits(0);
    let after = stamps();
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert_eq!(after[SOURCE], before[SOURCE]);
}

#[test]
fn selections_are_added_to_what_is_there_and_prune_takes_away_what_none_names() {
    let sdk = |version: &str, target: &str| Sdk::new(version, target);
    let pulled = Pulled::from(&[
        sdk("go1.20", "linux/amd64"),
        sdk("go1.21.0", "linux/amd64"),
        sdk("go1.21.0", "darwin/arm64"),
        sdk("go1.22.4", "linux/amd64"),
        sdk("go1.22.5", "linux/amd64"),
        sdk("go1.23rc1", "linux/amd64"),
    ]);
    let name = |version: &str, target: &str| format!("{version}.{target}.tar.gz");
    let linux = |version: &str| name(version, "linux-amd64");
    let both = ["--platform", "linux/amd64", "--platform", "darwin/arm64"];
    pulled.pull(&["1.22", "oldstable", "--platform", "linux/amd64"]).exits(0);
    assert_eq!(offered(&pulled), [linux("go1.21.0"), linux("go1.22.5")]);
    pulled.pull(&["1.20", "1.23rc1", "--platform", "linux/amd64"]).exits(0);
    assert_eq!(offered(&pulled), ["go1.20", "go1.21.0", "go1.22.5", "go1.23rc1"].map(linux));
    pulled.pull(&[&["all>=1.21"], &both[..]].concat()).exits(0);
    let darwin = name("go1.21.0", "darwin-arm64");
    let mut all = ["go1.20", "go1.21.0", "go1.22.4", "go1.22.5", "go1.23rc1"].map(linux).to_vec();
    all.insert(1, darwin.clone());
    assert_eq!(offered(&pulled), all);
    pulled.check(&[]).exits(0);

    // One that names none is a mistake, also beside others that do, and takes nothing away.
    let run = pulled.pull(&[&["1.21.0", "all>=1.22"], &both[..], &["--json"]].concat()).exits(3);
    assert_eq!(run.error_code(), "platform-not-found");
    pulled.pull(&["1.24", "--prune"]).exits(3);
    pulled.pull(&["1.20", "--platform", "darwin/arm64", "--prune"]).exits(3);
    assert_eq!(offered(&pulled), all);
    pulled.pull(&["1.22.5", "1.21.0", "--platform", "linux/amd64", "--prune"]).exits(0);
    assert_eq!(offered(&pulled), [linux("go1.21.0"), linux("go1.22.5")]);
    let left: Vec<_> = pulled.names().into_iter().filter(|name| name.contains("go1.2")).collect();
    assert!(left.iter().all(|name| name.contains("go1.21.0.linux") || name.contains("go1.22.5.linux")), "{left:#?}");
    pulled.check(&["--fresh"]).exits(0);
}

#[test]
fn what_is_copied_of_the_log_is_what_was_proven() {
    // A byte of what answers, or of what proves it: the first is the record's number, the last of a note's signature.
    let proving = |pulled: &Pulled| {
        pulled.pull_all(&[]).exits(0);
        let copied =
            pulled.names().into_iter().filter_map(|name| name.strip_prefix(&format!("{LOG}/")).map(str::to_owned));
        copied.filter(|name| name.starts_with("tile/") || name.starts_with("lookup/")).collect::<Vec<_>>()
    };
    let names = proving(&Pulled::of_one_release());
    assert!(names.iter().any(|name| name.starts_with("tile/8/1/")), "{names:#?}");
    for name in names {
        let pulled = Pulled::of_one_release();
        let mut content = fs::read(pulled.logged.log_folder().join(&name)).unwrap();
        content[0] ^= 1;
        pulled.logged.put(&name, content);
        assert_ne!(pulled.pull_all(&[]).code, Some(0), "{name}");
        let copied: Vec<_> = pulled.names().into_iter().filter(|copied| copied.ends_with(&name)).collect();
        assert_eq!(copied, [""; 0], "{name}");
    }
}

#[test]
fn an_archive_that_is_rejected_is_not_there_and_the_others_are() {
    let mut pulled = Pulled::of_one_release();
    let signature = pulled.logged.depot.signer.sign(b"something else", support::mirror::SIGNED);
    pulled.logged.depot.files.insert(format!("{LINUX}.asc"), signature);
    pulled.logged.depot.write();
    let document = pulled.pull_all(&["--goproxy", "--prune", "--json"]).exits(1).json();
    assert_eq!(result_of(&document, LINUX)["error"]["code"], "signature-bad");
    assert_eq!(result_of(&document, WINDOWS)["verdict"], "verified");
    assert_eq!(offered(&pulled), [SOURCE, WINDOWS]);
    let traces: Vec<_> = pulled.names().into_iter().filter(|name| name.contains("linux")).collect();
    assert_eq!(traces, [""; 0]);
    pulled.check(&[]).exits(0);
}

#[test]
fn what_was_there_stays_when_its_successor_is_rejected() {
    let mut pulled = Pulled::of_one_release();
    pulled.pull_all(&[]).exits(0);
    let before: BTreeMap<_, _> = pulled.names().into_iter().map(|name| (name.clone(), pulled.read(&name))).collect();
    // Another archive of that name, which the index describes and nobody has signed.
    let other = Sdk::linux_amd64("go1.22.5").with_file("src/more.go", "package more", 0o644);
    let files = support::mirror::mirror_files(std::slice::from_ref(&other), &pulled.logged.depot.signer);
    let depot = &mut pulled.logged.depot;
    depot.files.insert(LINUX.to_owned(), files[LINUX].clone());
    depot.files.insert("index.json".to_owned(), files["index.json"].clone());
    depot.write();
    let run = pulled.pull(&["1.22.5", "--platform", "linux/amd64", "--prune", "--json"]).exits(1);
    assert_eq!(run.error_code(), "signature-bad");
    let after: BTreeMap<_, _> = pulled.names().into_iter().map(|name| (name.clone(), pulled.read(&name))).collect();
    assert!(before == after, "{:#?}", after.keys());
}

#[cfg(unix)]
#[test]
fn a_pull_that_is_killed_half_way_leaves_the_mirror_readable_and_the_next_one_ends_it() {
    use support::server::Fault;
    use support::started::{Started, heavy, wait_until};

    let pulled = Pulled::from(&[Sdk::new("go1.21.3", "linux/amd64"), heavy()]);
    pulled.pull(&["1.21.3", "--platform", "linux/amd64"]).exits(0);
    let content =
        || -> BTreeMap<_, _> { pulled.names().into_iter().map(|name| (name.clone(), pulled.read(&name))).collect() };
    let before = content();
    let depot = &pulled.logged.depot;
    let half = depot.files[LINUX].len() / 2;
    for stage in [LINUX.to_owned(), format!("{LINUX}.asc")] {
        let server = depot.serve();
        depot.break_path(&server, &format!("/{stage}"), [Fault::StallAt(half.min(depot.files[&stage].len() / 2))]);
        let (url, to, sumdb) = (server.url(), pulled.location(), pulled.logged.sumdb());
        let arguments = ["mirror", "pull", "1.22.5", "--platform", "linux/amd64", "--mirror", &url, "--to", &to];
        let trust = ["--keyring", "keyring.pgp", "--sumdb", &sumdb];
        let started = Started::new(depot.home.command([&arguments[..], &trust].concat()));
        wait_until("it is asked for", || server.requests().iter().any(|request| request.path == format!("/{stage}")));
        drop(started);
        assert!(content() == before, "{:#?}", pulled.names());
        pulled.check(&["--fresh"]).exits(0);
    }
    pulled.pull(&["1.22.5", "--platform", "linux/amd64"]).exits(0);
    assert_eq!(offered(&pulled), ["go1.21.3.linux-amd64.tar.gz", LINUX]);
    pulled.check(&["--fresh"]).exits(0);
}

#[test]
fn an_index_that_is_none_is_not_replaced() {
    let pulled = Pulled::of_one_release();
    fs::create_dir(pulled.folder()).unwrap();
    pulled.put("index.json", "my own notes");
    let run = pulled.pull_all(&["--json"]).exits(4);
    assert_eq!(run.error_code(), "index-malformed");
    assert_eq!((pulled.names(), pulled.read("index.json")), (vec!["index.json".to_owned()], b"my own notes".to_vec()));
}

#[test]
fn calls_that_make_no_sense_are_usage_errors() {
    let pulled = Pulled::of_one_release();
    pulled.pull_all(&["--goproxy", "--sumdb", "off"]).exits(2);
    pulled.pull(&["all>1.20"]).exits(2);
    let mirror = pulled.logged.depot.home.mirror();
    for to in ["http://127.0.0.1:1/", "ftp://x/", ""] {
        let arguments = ["mirror", "pull", "1.22.5", "--mirror", mirror.to_str().unwrap(), "--to", to];
        pulled.logged.depot.home.run(arguments).exits(2);
    }
    assert!(!pulled.folder().exists());
    let run: Run = pulled.pull_all(&["--offline", "--sumdb", &pulled.logged.sumdb_at("http://127.0.0.1:1/")]);
    // The windows archive rests on the log alone.
    assert_eq!(run.exits(4).stdout.lines().count(), 2);
    assert_eq!(snapshot(&pulled.logged.depot.home.temporary()), [""; 0]);
}
