//! What `goverify fetch` remembers of a log, and what becomes of a log that shows another history.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};
use support::binary::{Run, assert_installed, check, snapshot};
use support::log::{TestKey, TestLog};
use support::logged::{FIRST_RECORD, LOOKUP, Logged, RECORDS};
use support::record::record;
use support::sdk::Sdk;

/// The log once it has grown: by so much that what joins a tree of [`RECORDS`] to it is in tiles that the record's
/// own proof does not need.
const GROWN: u64 = 1500;
/// A tile of those.
const GROWTH_TILE: &str = "tile/8/0/002";
/// The log before [`RECORDS`].
const EARLIER: u64 = 400;

fn sdk() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

/// A mirror, and a log of [`GROWN`] records that shows the first so many of them.
fn showing(size: u64) -> Logged {
    let mut logged = Logged::of(&[sdk()]);
    logged.log = TestLog::with(GROWN, &[(FIRST_RECORD, &record(&sdk()))]);
    show(&logged, &logged.log, size);
    logged
}

/// Lets the log answer with its first so many records; the tiles of later trees are there, too.
fn show(logged: &Logged, log: &TestLog, size: u64) {
    let _ = fs::remove_dir_all(logged.log_folder());
    for size in [EARLIER, RECORDS, GROWN, size] {
        log.write(&logged.log_folder(), size);
    }
}

fn remembered(logged: &Logged) -> String {
    fs::read_to_string(logged.remembered()).unwrap()
}

/// The size of the tree in which the release was found.
#[track_caller]
fn tree_size(run: Run) -> u64 {
    check(&run.exits(0).result(), "transparency")["tree_size"].as_u64().unwrap()
}

/// Asserts that a run ended so, and that nothing was installed.
#[track_caller]
fn assert_refused(logged: &Logged, exit: i32, code: &str, case: &str) -> Run {
    let run = logged.fetch(&[]).exits(exit);
    assert_eq!(run.error_code(), code, "{case}: {run:#?}");
    logged.depot.home.assert_untouched();
    run
}

#[test]
fn l07_the_largest_tree_head_that_was_proven_is_remembered() {
    let logged = showing(EARLIER);
    let tile = logged.log.tile("tile/8/0/001.p/144").unwrap();
    logged.put("tile/8/0/001.p/144", &tile[1..]);
    assert_refused(&logged, 1, "transparency-bad-proof", "before anything was proven");
    assert_eq!(logged.depot.home.cached(), []);
    logged.put("tile/8/0/001.p/144", &tile);
    for (shown, expected) in
        [(EARLIER, EARLIER), (EARLIER, EARLIER), (GROWN, GROWN), (RECORDS, GROWN), (EARLIER, GROWN), (GROWN, GROWN)]
    {
        show(&logged, &logged.log, shown);
        assert_eq!(tree_size(logged.fetch(&["--force"])), shown);
        assert_eq!(remembered(&logged), logged.log.head(expected), "after {shown} records were shown");
        assert_eq!(snapshot(logged.remembered().parent().unwrap()), ["latest", "lock"]);
    }
}

#[test]
fn l06_log_that_shows_another_history_is_convicted_and_the_evidence_is_kept() {
    // Which record differs, how many records were seen, how many are shown, and from whose tiles.
    for (case, seen, shown) in [
        ("same_size", RECORDS, RECORDS),
        ("larger", RECORDS, GROWN),
        ("larger_again", EARLIER, GROWN),
        ("smaller", GROWN, EARLIER),
    ] {
        let logged = showing(seen);
        logged.fetch(&[]).exits(0);
        fs::remove_dir_all(logged.depot.home.home().join("made")).unwrap();
        let (seen_head, fork) = (logged.log.head(seen), logged.log.fork(5));
        if shown < seen {
            // It must show tiles of the larger tree, which are the true ones, beside those of its own answer.
            fork.write(&logged.log_folder(), shown);
            logged.log.write(&logged.log_folder(), seen);
            logged.put(LOOKUP, fork.lookup(FIRST_RECORD, shown));
        } else {
            show(&logged, &fork, shown);
        }
        let before = snapshot(logged.remembered().parent().unwrap());
        assert_eq!(before, ["latest", "lock"], "{case}");
        let run = assert_refused(&logged, 1, "transparency-fork", case);
        assert_eq!(check(&run.result(), "transparency")["status"], "failed", "{case}");
        assert!(run.result()["error"]["hint"].as_str().is_some_and(|hint| hint.contains("keep the evidence")));
        assert_eq!(remembered(&logged), seen_head, "{case}: what is remembered stays");
        let names = snapshot(logged.remembered().parent().unwrap());
        let kept: Vec<_> = names.iter().filter(|name| name.starts_with("fork-")).collect();
        assert_eq!((kept.len(), names.len()), (1, 3), "{case}: {names:?}");
        let kept = logged.remembered().with_file_name(kept[0]);
        let notes = fs::read_to_string(&kept).unwrap();
        for note in [seen_head, fork.head(shown)] {
            assert!(notes.contains(&note), "{case}: {notes}");
        }
        assert!(run.stderr.contains(kept.to_str().unwrap()), "{case}: {run:#?}");

        // The log that was seen before is the one that is believed.
        show(&logged, &logged.log, shown);
        assert_eq!(tree_size(logged.fetch(&[])), shown, "{case}");
        assert_eq!(remembered(&logged), logged.log.head(seen.max(shown)), "{case}");
    }
}

/// A damaged memory is no matter of the bytes that were kept of a download, and nothing is tried again for it.
#[test]
fn l07_a_damaged_memory_is_told_of_when_the_download_is_continued() {
    const NAME: &str = "go1.22.5.linux-amd64.tar.gz";
    let logged = Logged::of(&[sdk()]);
    let server = logged.depot.serve();
    let fetch = || {
        let folder = logged.depot.home.cache().join("goverify");
        let stem = hex::encode(Sha256::digest(&logged.depot.files[NAME]));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{stem}.partial")), &logged.depot.files[NAME][..1000]).unwrap();
        fs::write(folder.join(format!("{stem}.etag")), format!("\"v1\"\n{}{NAME}\n", server.url())).unwrap();
        let log = logged.sumdb_at(&format!("{}log", server.url()));
        logged.depot.fetch(&server.url(), &["--sumdb", &log, "--json"])
    };
    logged.serve_log(&server, "/log/");
    fetch().exits(0);
    fs::remove_dir_all(logged.depot.home.home().join("made")).unwrap();
    fs::write(logged.remembered(), "no note").unwrap();
    let run = fetch().exits(1);
    assert_eq!(run.error_code(), "transparency-fork", "{run:#?}");
    assert!(!logged.depot.destination().exists());
}

#[test]
fn l06_proof_beside_the_archive_that_shows_another_history() {
    for (fork, exit) in [(true, 1), (false, 0)] {
        let mut logged = showing(RECORDS);
        logged.fetch(&[]).exits(0);
        let log = if fork { logged.log.fork(5) } else { logged.log.clone() };
        let proof = log.tlog_proof(FIRST_RECORD, RECORDS);
        logged.depot.files.insert("go1.22.5.linux-amd64.tar.gz.tlog-proof".to_owned(), proof.into());
        let flags = ["--sumdb", &logged.key(), "--json", "--offline", "--force"];
        let run = logged.depot.fetch(&logged.depot.write(), &flags).exits(exit);
        assert_eq!(run.result()["error"]["code"].as_str(), fork.then_some("transparency-fork"));
        assert_eq!(remembered(&logged), logged.log.head(RECORDS));
    }
}

#[test]
fn l06_proof_beside_the_archive_must_continue_what_is_remembered() {
    // Of which log the proof is, whose tiles are served if any, and which size is remembered in the end.
    for (case, of_fork, tiles_of_fork, exit, code, expected) in [
        ("grown", false, Some(false), 0, None, GROWN),
        ("forked", true, Some(true), 1, Some("transparency-fork"), RECORDS),
        ("forked_and_hidden", true, Some(false), 1, Some("transparency-bad-proof"), RECORDS),
        ("true_and_denied", false, Some(true), 1, Some("transparency-bad-proof"), RECORDS),
        ("grown_and_unreachable", false, None, 0, None, RECORDS),
        ("forked_and_unreachable", true, None, 0, None, RECORDS),
    ] {
        let mut logged = showing(RECORDS);
        logged.fetch(&[]).exits(0);
        fs::remove_dir_all(logged.depot.home.home().join("made")).unwrap();
        let fork = logged.log.fork(5);
        let proof = if of_fork { &fork } else { &logged.log }.tlog_proof(FIRST_RECORD, GROWN);
        logged.depot.files.insert("go1.22.5.linux-amd64.tar.gz.tlog-proof".to_owned(), proof.into());
        match tiles_of_fork {
            Some(true) => show(&logged, &fork, GROWN),
            Some(false) => show(&logged, &logged.log, GROWN),
            None => fs::remove_dir_all(logged.log_folder()).unwrap(),
        }
        let run = logged.fetch(&[]).exits(exit);
        let result = run.result();
        assert_eq!(result["error"]["code"].as_str(), code, "{case}: {result:#}");
        assert_eq!(remembered(&logged), logged.log.head(expected), "{case}");
        // Both notes of a fork are kept, and nothing else is.
        let kept = usize::from(code == Some("transparency-fork"));
        assert_eq!(result["warnings"].as_array().map_or(0, Vec::len), kept, "{case}");
        let names = snapshot(logged.remembered().parent().unwrap());
        assert_eq!(names.len(), 2 + kept, "{case}: {names:?}");
        if exit == 0 {
            assert_eq!(check(&result, "transparency")["tree_size"], GROWN, "{case}");
        } else {
            logged.depot.home.assert_untouched();
        }
    }
}

#[test]
fn l06_tiles_that_do_not_join_two_tree_heads() {
    let logged = showing(RECORDS);
    logged.fetch(&[]).exits(0);
    fs::remove_dir_all(logged.depot.home.home().join("made")).unwrap();
    show(&logged, &logged.log, GROWN);
    let mut tile = logged.log.tile(GROWTH_TILE).unwrap();
    tile[32 * 190] ^= 1;
    logged.put(GROWTH_TILE, &tile);
    assert_refused(&logged, 1, "transparency-bad-proof", "changed");
    logged.put(GROWTH_TILE, &tile[..32 * 255]);
    assert_refused(&logged, 1, "transparency-bad-proof", "shorter");
    logged.remove(GROWTH_TILE);
    let run = logged.fetch(&["--require", "transparency"]).exits(4);
    assert_eq!(run.error_code(), "network");
    let result = logged.fetch(&[]).exits(0).result();
    assert_eq!(check(&result, "transparency")["status"], "unavailable");
    assert_eq!(remembered(&logged), logged.log.head(RECORDS), "nothing of it is remembered");
    assert_eq!(snapshot(logged.remembered().parent().unwrap()), ["latest", "lock"]);
    show(&logged, &logged.log, GROWN);
    assert_eq!(tree_size(logged.fetch(&["--force"])), GROWN);
    assert_eq!(remembered(&logged), logged.log.head(GROWN));
}

#[test]
fn l07_memory_that_is_no_tree_head_of_the_log() {
    let log = TestLog::with(GROWN, &[(FIRST_RECORD, &record(&sdk()))]);
    let (head, text) = (log.head(RECORDS), log.head_text(RECORDS));
    for (case, content) in [
        ("empty", String::new()),
        ("truncated", head[..head.len() - 2].to_owned()),
        ("first_line", head[..21].to_owned()),
        ("changed", head.replacen("700", "701", 1)),
        ("unsigned", format!("{text}\n")),
        ("strangers", TestKey::new(TestLog::NAME, 8).note(&text)),
        ("another_logs", TestKey::new("log.example", 7).note(&text)),
        ("page", "<!DOCTYPE html>".to_owned()),
        ("not_a_tree_head", log.key().note("something else\n")),
        ("longer_than_a_note", head.clone() + &"x".repeat(2 << 20)),
    ] {
        let logged = showing(RECORDS);
        logged.fetch(&[]).exits(0);
        fs::remove_dir_all(logged.depot.home.home().join("made")).unwrap();
        fs::write(logged.remembered(), &content).unwrap();
        let run = assert_refused(&logged, 1, "transparency-fork", case);
        let message = run.result()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(logged.remembered().to_str().unwrap()), "{case}: {message}");
        assert_eq!(remembered(&logged), content, "{case}: it is not repaired");
        // Deleting the cache is safe.
        fs::remove_dir_all(logged.depot.home.cache()).unwrap();
        logged.fetch(&[]).exits(0);
        assert_eq!(remembered(&logged), head, "{case}");
    }
}

#[cfg(unix)]
#[test]
fn l07_memory_that_cannot_be_read() {
    use std::os::unix::fs::symlink;
    let cases: [(&str, fn(&Path)); 5] = [
        ("folder", |latest| fs::create_dir(latest).unwrap()),
        ("dangling_link", |latest| symlink("nowhere", latest).unwrap()),
        ("link_through_a_file", |latest| symlink("/dev/null/x", latest).unwrap()),
        ("link_to_itself", |latest| symlink("latest", latest).unwrap()),
        ("fifo", |latest| assert!(std::process::Command::new("mkfifo").arg(latest).status().unwrap().success())),
    ];
    for (case, make) in cases {
        let logged = showing(RECORDS);
        fs::create_dir_all(logged.remembered().parent().unwrap()).unwrap();
        make(&logged.remembered());
        assert_refused(&logged, 5, "io", case);
    }
    // One that leads to a tree head is as good as that.
    let logged = showing(RECORDS);
    fs::create_dir_all(logged.remembered().parent().unwrap()).unwrap();
    fs::write(logged.remembered().with_file_name("elsewhere"), logged.log.head(EARLIER)).unwrap();
    symlink("elsewhere", logged.remembered()).unwrap();
    logged.fetch(&[]).exits(0);
    assert_eq!(remembered(&logged), logged.log.head(RECORDS));
}

#[test]
fn a_cache_that_cannot_hold_a_memory_is_told_of_and_no_obstacle() {
    let levels: [fn(&Logged) -> PathBuf; 3] = [
        |logged| logged.depot.home.cache().join("goverify"),
        |logged| logged.depot.home.cache().join("goverify").join("sumdb"),
        |logged| logged.remembered().parent().unwrap().to_owned(),
    ];
    for level in levels {
        let logged = showing(RECORDS);
        let path = level(&logged);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "in the way").unwrap();
        let run = logged.fetch(&[]).exits(0);
        assert_eq!(run.result()["trust"], "signature+transparency", "{}", path.display());
        assert!(run.stderr.contains("warning: the log's tree head is not remembered: "), "{run:#?}");
        assert_installed(&logged.depot.destination(), &sdk(), true);
        assert_eq!(fs::read(&path).unwrap(), b"in the way");
    }
}

#[test]
fn l07_many_runs_at_once_remember_the_largest_of_what_they_saw() {
    let logged = showing(GROWN);
    let mirror = logged.depot.write();
    let sizes = [301, EARLIER, RECORDS, GROWN];
    let places = sizes.map(|size| {
        let folder = logged.depot.home.work().join(size.to_string());
        for earlier in sizes.into_iter().filter(|other| *other != size).chain([size]) {
            logged.log.write(&folder, earlier);
        }
        logged.sumdb_at(folder.to_str().unwrap())
    });
    let run = |number: usize| {
        let to = logged.depot.home.home().join(number.to_string());
        let flags = ["1.22.5", "linux/amd64", "--json", "--sumdb", &places[number % 4], "--to", to.to_str().unwrap()];
        let mut command = logged.depot.command(&mirror, &flags);
        (number, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    let started: Vec<_> = (0..16).map(run).collect();
    for (number, child) in started {
        assert_eq!(tree_size(Run::of(child.wait_with_output().unwrap())), sizes[number % 4]);
    }
    assert_eq!(remembered(&logged), logged.log.head(GROWN));
    assert_eq!(snapshot(logged.remembered().parent().unwrap()), ["latest", "lock"]);
}

#[test]
fn each_log_has_a_memory_of_its_own() {
    let logged = showing(RECORDS);
    logged.fetch(&[]).exits(0);
    // Another log has the same name and another history.
    let (other, fork) = (TestKey::new(TestLog::NAME, 8), logged.log.fork(5));
    show(&logged, &fork, RECORDS);
    let head = other.note(&fork.head_text(RECORDS));
    logged.put(LOOKUP, format!("{FIRST_RECORD}\n{}\n{head}", fork.record(FIRST_RECORD)));
    let sumdb = format!("{} {}", other.text(), logged.log_folder().display());
    logged.depot.fetch(&logged.depot.write(), &["--sumdb", &sumdb, "--force"]).exits(0);
    assert_eq!(remembered(&logged), logged.log.head(RECORDS));
    let mut memories = snapshot(&logged.depot.home.cache().join("goverify/sumdb"));
    memories.retain(|name| name.ends_with("/latest"));
    assert_eq!(memories.len(), 2, "{memories:?}");
    let of_other = memories.iter().find(|name| name.contains(&hex::encode(other.id()))).unwrap();
    assert_eq!(fs::read_to_string(logged.depot.home.cache().join("goverify/sumdb").join(of_other)).unwrap(), head);
}

#[test]
fn what_the_log_has_shown_is_remembered_whatever_becomes_of_the_archive() {
    // A tree head is a statement of the log about itself. Were it forgotten with an archive that is rejected, whoever
    // controls the mirror could choose what is known of the log's history.
    let mut logged = showing(RECORDS);
    let archive = logged.depot.files.get_mut("go1.22.5.linux-amd64.tar.gz").unwrap();
    let last = archive.len() - 1;
    archive[last] ^= 1;
    assert_refused(&logged, 1, "digest-mismatch", "changed archive");
    assert_eq!(remembered(&logged), logged.log.head(RECORDS));
}
