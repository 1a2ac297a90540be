use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use super::*;
use crate::error::{Code, Coded};
use crate::events::Event;
use crate::install::{Durability, Occupied};

fn reserve(path: &Path) -> Result<Destination, InstallError> {
    Destination::prepare(path, PATIENCE, &Watch::silent())
}

#[test]
fn f15_a_path_without_a_name_is_refused() {
    for path in ["/", "..", "/tmp/x/..", "../.."] {
        let error = reserve(Path::new(path)).unwrap_err();
        assert!(matches!(error, InstallError::Unnamed { .. }), "{path}: {error}");
        assert_eq!(error.code(), Code::Usage);
    }
    let home = home();
    for path in ["go", "go/", "./go/.", "made/../go"] {
        let destination = reserve(&home.path().join(path)).unwrap();
        assert!(destination.path().ends_with("go"), "{path}");
    }
    assert_eq!(names(home.path()), [""; 0]);
}

#[test]
fn f10_of_many_who_race_for_one_destination_exactly_one_installs() {
    let home = home();
    let root = home.path().join("made/too/go");
    let start = Barrier::new(16);
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    stage(&root)?.commit(Occupied::Refuse, Durability::Unsynced)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.into_iter().filter_map(Result::err) {
        assert_eq!(error.code(), Code::DestinationExists, "{error}");
    }
    assert_eq!(names(&home.path().join("made/too")), ["go"]);
}

#[test]
fn f10_two_never_hold_one_destination_though_its_lock_file_comes_and_goes() {
    let home = home();
    // The parents come and go as well.
    let root = home.path().join("made/go");
    let inside = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let destination = reserve(&root);
                    if let Ok(destination) = destination {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(destination);
                    }
                }
            });
        }
    });
    reserve(&root).unwrap();
}

#[test]
fn f10_a_held_destination_is_locked_after_one_word_of_waiting_and_free_afterwards() {
    let home = home();
    let root = home.path().join("go");
    let holder = reserve(&root).unwrap();
    assert_eq!(names(home.path()), [".go.goverify.lock"]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let watch = Watch::new({
        let heard = Arc::clone(&heard);
        move |event| heard.lock().unwrap().push(event)
    });
    let error = Destination::prepare(&root, Duration::from_millis(20), &watch).unwrap_err();
    assert_eq!(error.code(), Code::Locked);
    assert_eq!(*heard.lock().unwrap(), [Event::Waiting]);
    // Another destination is another lock.
    reserve(&home.path().join("go2")).unwrap();
    drop(holder);
    assert_eq!(names(home.path()), [""; 0]);
    Destination::prepare(&root, Duration::ZERO, &watch).unwrap();
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[test]
fn f10_a_cancel_ends_the_wait_for_the_lock() {
    let home = home();
    let root = home.path().join("go");
    let _holder = reserve(&root).unwrap();
    let own = Arc::new(Mutex::new(None::<Watch>));
    let watch = Watch::new({
        let own = Arc::clone(&own);
        move |_| own.lock().unwrap().as_ref().unwrap().cancel()
    });
    *own.lock().unwrap() = Some(watch.clone());
    let error = Destination::prepare(&root, PATIENCE, &watch).unwrap_err();
    assert!(matches!(error, InstallError::Interrupted), "{error}");
}

#[cfg(unix)]
#[test]
fn f11_the_next_run_takes_over_from_a_killed_one() {
    const VARIABLE: &str = "GOVERIFY_TEST_DESTINATION";
    if let Some(root) = std::env::var_os(VARIABLE) {
        let _tree = stage(Path::new(&root)).unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
    }
    let home = home();
    let root = home.path().join("go");
    let name = "install::tests::reserving::f11_the_next_run_takes_over_from_a_killed_one";
    let output = run_alone(name, VARIABLE, root.to_str().unwrap());
    assert_eq!(output.status.code(), None);
    let left = names(home.path());
    assert_eq!(left.len(), 2, "lock file and staging: {left:?}");
    let destination = Destination::prepare(&root, Duration::ZERO, &Watch::silent()).unwrap();
    assert_eq!(names(home.path()), [".go.goverify.lock"]);
    drop(destination);
    assert_eq!(names(home.path()), [""; 0]);
}

#[test]
fn f03_no_name_of_staging_can_be_told_from_an_earlier_one() {
    let home = home();
    let name = |_| stage(&home.path().join("go")).unwrap().debris.name().to_owned();
    let names: std::collections::HashSet<_> = (0..32).map(name).collect();
    assert_eq!(names.len(), 32);
}

#[test]
fn f08_stale_staging_of_this_destination_alone_is_removed() {
    let home = home();
    let stale = [".go.goverify-0123456789abcdef", ".go.goverify-ffffffffffffffff"];
    let foreign = [
        ".go.goverify-0123456789ABCDEF",
        ".go.goverify-0123456789abcde",
        ".go.goverify-0123456789abcdef0",
        ".go.goverify-x.goverify-0123456789abcdef",
        ".go2.goverify-0123456789abcdef",
        "go.goverify-0123456789abcdef",
    ];
    let (full, file) = (home.path().join(stale[0]), home.path().join(stale[1]));
    fs::create_dir_all(full.join("src/cmd")).unwrap();
    fs::write(full.join("src/cmd/main.go"), "package main").unwrap();
    fs::write(file, "was replaced").unwrap();
    for name in foreign {
        fs::create_dir(home.path().join(name)).unwrap();
    }
    reserve(&home.path().join("go")).unwrap();
    let mut expected = foreign.to_vec();
    expected.sort_unstable();
    assert_eq!(names(home.path()), expected);
}

#[cfg(unix)]
#[test]
fn f13_links_in_stale_staging_or_in_the_lock_files_place_are_not_followed() {
    use std::os::unix::fs::symlink;
    let (home, outside) = (home(), super::home());
    fs::write(outside.path().join("kept"), "kept").unwrap();
    let stale = home.path().join(".go.goverify-0123456789abcdef");
    fs::create_dir(&stale).unwrap();
    symlink(outside.path(), stale.join("link")).unwrap();
    symlink(outside.path(), home.path().join(".go.goverify-ffffffffffffffff")).unwrap();
    reserve(&home.path().join("go")).unwrap();
    assert_eq!(names(home.path()), [""; 0]);
    symlink(outside.path().join("lock"), home.path().join(".go.goverify.lock")).unwrap();
    let error = reserve(&home.path().join("go")).unwrap_err();
    assert_eq!(error.code(), Code::Io);
    assert_eq!(names(outside.path()), ["kept"]);
}

#[cfg(unix)]
#[test]
fn f03_what_another_user_planted_is_neither_walked_through_nor_believed() {
    use std::os::unix::fs::chown;
    const NOBODY: u32 = 65_534;
    let home = home();
    let (lock, stale) = (home.path().join(".go.goverify.lock"), home.path().join(".go.goverify-0123456789abcdef"));
    fs::create_dir(&stale).unwrap();
    if chown(&stale, Some(NOBODY), None).is_err() {
        std::io::stderr().write_all(b"skipped: only root can give files away\n").unwrap();
        return;
    }
    reserve(&home.path().join("go")).unwrap();
    assert!(stale.exists());
    fs::write(&lock, "").unwrap();
    chown(&lock, Some(NOBODY), None).unwrap();
    assert_eq!(reserve(&home.path().join("go")).unwrap_err().code(), Code::PermissionDenied);
    chown(&lock, Some(0), None).unwrap();
    fs::hard_link(&lock, home.path().join("another name")).unwrap();
    assert_eq!(reserve(&home.path().join("go")).unwrap_err().code(), Code::PermissionDenied);
    fs::remove_file(home.path().join("another name")).unwrap();
    reserve(&home.path().join("go")).unwrap();
}

#[cfg(unix)]
#[test]
fn f13_what_is_deeper_than_any_tree_is_left_where_it_is() {
    let home = home();
    let stale = home.path().join(".go.goverify-0123456789abcdef");
    let deep = |levels: usize| stale.join(vec!["d"; levels].join("/"));
    fs::create_dir_all(deep(300)).unwrap();
    reserve(&home.path().join("go")).unwrap();
    assert!(stale.exists());
    fs::remove_dir_all(deep(200)).unwrap();
    reserve(&home.path().join("go")).unwrap();
    assert_eq!(names(home.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn f03_a_parent_in_which_others_could_exchange_the_tree_is_refused() {
    use crate::files::ParentFault;
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    let parent = home.path().join("parent");
    fs::create_dir(&parent).unwrap();
    let attempt = |mode| {
        fs::set_permissions(&parent, fs::Permissions::from_mode(mode)).unwrap();
        reserve(&parent.join("go")).map(|_| ())
    };
    let error = attempt(0o777).unwrap_err();
    assert!(matches!(error, InstallError::UnsafeParent { fault: ParentFault::WritableByOthers, .. }), "{error}");
    assert_eq!(error.code(), Code::PermissionDenied);
    attempt(0o1777).unwrap();
    attempt(0o755).unwrap();
    // Only root can give a directory away.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&parent, Some(12345), None).unwrap();
        let error = attempt(0o755).unwrap_err();
        let fault = ParentFault::Owner { uid: 12345 };
        assert!(matches!(error, InstallError::UnsafeParent { fault: f, .. } if f == fault), "{error}");
    }
    assert_eq!(names(&parent), [""; 0]);
}

#[test]
fn f15_a_parent_that_is_a_file_is_an_error_and_leaves_nothing() {
    let home = home();
    fs::write(home.path().join("file"), "").unwrap();
    for path in [home.path().join("file/go"), home.path().join("file/made/go")] {
        assert_eq!(reserve(&path).unwrap_err().code(), Code::Io);
    }
    let too_long: PathBuf = home.path().join("made").join("x".repeat(255));
    assert_eq!(reserve(&too_long).unwrap_err().code(), Code::Io);
    assert_eq!(names(home.path()), ["file"]);
}
