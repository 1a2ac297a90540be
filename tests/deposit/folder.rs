//! Deposits in folders.

use std::fs;
use std::path::Path;

use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::fetch::{Access, Deposit, FetchError};

use super::rules;
use crate::support::binary::snapshot;
use crate::support::world::run;

const HIDDEN: &str = ".index.json.goverify-incoming";

fn deposit(folder: &Path) -> Deposit {
    Deposit::at(folder.to_str().unwrap(), &Access::default()).unwrap()
}

#[test]
fn a_folder_keeps_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &str| deposit(&folder.path().join(name));
    rules::small_files_come_and_go(&below("a/b"));
    rules::only_what_was_verified_appears(&below("c"), &vec![7; 3 << 20]);
    rules::no_writer_loses_anothers_part(&below("d"));
    rules::nothing_is_put_outside(&below("e"));
    let left: Vec<_> = snapshot(folder.path()).into_iter().filter(|name| name.contains("/.")).collect();
    assert_eq!(left, [""; 0], "no temporary file stays");
}

#[test]
fn what_a_killed_writer_left_is_neither_listed_nor_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let deposit = deposit(folder.path());
    run(deposit.put("index.json", b"[1]".to_vec(), &Watch::silent())).unwrap();
    fs::write(folder.path().join(HIDDEN), "half of something that was longer").unwrap();
    assert_eq!(rules::paths(&deposit, ""), ["index.json"]);
    assert_eq!(rules::read(&deposit, "index.json").unwrap(), b"[1]");
    run(deposit.put("index.json", b"[2]".to_vec(), &Watch::silent())).unwrap();
    assert_eq!(snapshot(folder.path()), ["index.json"]);
    assert_eq!(rules::read(&deposit, "index.json").unwrap(), b"[2]");
}

#[test]
fn a_writer_waits_for_the_lock_of_another_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let deposit = deposit(folder.path());
    let held = fs::File::create(folder.path().join(HIDDEN)).unwrap();
    held.lock().unwrap();
    let watch = Watch::silent();
    watch.cancel();
    let error = run(deposit.put("index.json", b"[]".to_vec(), &watch)).unwrap_err();
    assert_eq!(error.code(), Code::Interrupted);
    run(deposit.put("other.json", b"[]".to_vec(), &Watch::silent())).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| run(deposit.put("index.json", b"[]".to_vec(), &Watch::silent())));
        drop(held);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(snapshot(folder.path()), ["index.json", "other.json"]);
}

#[cfg(unix)]
#[test]
fn nobody_is_led_out_of_the_folder_by_a_link() {
    use std::os::unix::fs::{MetadataExt, symlink};

    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let deposit = deposit(folder.path());
    symlink(outside.path(), folder.path().join("sumdb")).unwrap();
    symlink(outside.path().join("target"), folder.path().join("index.json")).unwrap();
    fs::write(outside.path().join("target"), "old").unwrap();
    let error = run(deposit.put("sumdb/latest", b"x".to_vec(), &Watch::silent())).unwrap_err();
    assert!(matches!(error, FetchError::File(_)), "{error}");
    run(deposit.put("index.json", b"new".to_vec(), &Watch::silent())).unwrap();
    assert_eq!(fs::read(outside.path().join("target")).unwrap(), b"old");
    assert_eq!(snapshot(outside.path()), ["target"]);
    let put = fs::symlink_metadata(folder.path().join("index.json")).unwrap();
    assert_eq!((put.is_file(), put.mode() & 0o777), (true, 0o644));

    // Nor by one that somebody laid where the next file will come in.
    symlink(outside.path().join("target"), folder.path().join(HIDDEN)).unwrap();
    run(deposit.put("index.json", b"newer".to_vec(), &Watch::silent())).unwrap_err();
    assert_eq!(fs::read(outside.path().join("target")).unwrap(), b"old");
    assert_eq!(rules::read(&deposit, "index.json").unwrap(), b"new");
}

#[test]
fn what_cannot_be_written_to_is_no_deposit() {
    for location in ["", "https://a.example/golang/", "http://127.0.0.1/", "ftp://a.example/"] {
        let error = Deposit::at(location, &Access::default()).unwrap_err();
        assert_eq!(error.code(), Code::Usage, "{location}");
    }
}
