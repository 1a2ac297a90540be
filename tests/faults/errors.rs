//! An error of every system call that works on files.

use std::cell::{Cell, RefCell};
use std::fs;
use std::process::Command;

use nix::errno::Errno;
use nix::libc::{self, c_long};

use crate::ground::{Case, Ground, Which, evidence};
use crate::support::audited::Audited;
use crate::support::binary::{Home, Run};
use crate::support::desk::{Desk, NAME};
use crate::support::figures::{count, long, stride};
use crate::support::sdk::Sdk;
use crate::support::started::names;
use crate::tracer::{Action, Call, Moment, trace};

const ERRORS: [Errno; 6] = [Errno::ENOSPC, Errno::EIO, Errno::EDQUOT, Errno::EINTR, Errno::EMFILE, Errno::EACCES];
/// Calls whose first argument is not an open file that must be looked at.
const BY_NAME: [c_long; 13] = [
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_rmdir,
    libc::SYS_statx,
    libc::SYS_newfstatat,
];
const BY_HANDLE: [c_long; 16] = [
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_getdents64,
    libc::SYS_fchmod,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_copy_file_range,
    libc::SYS_flock,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_syncfs,
    libc::SYS_close,
];
/// What a run does with the lock's file before it knows that it holds the lock: until then the name may be
/// another's, and stays.
const BEFORE_THE_LOCK: [c_long; 4] = [libc::SYS_flock, libc::SYS_fstat, libc::SYS_statx, libc::SYS_newfstatat];
/// A prime, so that loops of the binary are met at every place.
const QUICK: usize = 29;

/// Whether a call works on a file, which a socket or what the runtime wakes itself with is not: those never say that
/// a disk is full.
fn is_of_files(call: &Call) -> bool {
    let on_file = || call.file().is_some_and(|file| file.is_absolute());
    BY_NAME.contains(&call.number) || (BY_HANDLE.contains(&call.number) && on_file())
}

/// Runs a command until each such call has failed once with each error, and lets `judge` see what came of it, with
/// the number of the call.
fn fail_each(home: &Home, mut command: impl FnMut() -> Command, mut judge: impl FnMut(Run, c_long)) {
    let mut injected = 0;
    for (number, error) in ERRORS.into_iter().enumerate() {
        // Another place for each in the quick form.
        let mut at = if long() { 1 } else { 1 + number * QUICK / ERRORS.len() };
        loop {
            let case = RefCell::new(Case(format!("{error} at call {at}")));
            let (mut calls, mut met) = (0, 0);
            let run = trace(home, &command(), |moment, call| {
                if moment == Moment::Exit || !is_of_files(call) {
                    return Action::Go;
                }
                calls += 1;
                if calls != at {
                    return Action::Go;
                }
                met = call.number;
                case.borrow_mut().0 += &format!(", system call {met} {:?}", call.file());
                Action::Fail(error)
            });
            case.borrow_mut().0 += &format!(": {run:#?}");
            if run.code != Some(0) {
                let code = run.error_code();
                assert_eq!(run.code, Some(5));
                assert!(["no-space", "permission-denied", "io"].contains(&code.as_str()), "{code}");
            }
            judge(run, met);
            if calls < at {
                break;
            }
            injected += 1;
            at += stride(QUICK);
        }
    }
    assert!(injected > 0);
    count("injections", injected);
}

/// Lets each call of an installation fail once; `next` says what is there, and what is to be installed.
fn sweep(ground: &Ground, further: &[&str], mut next: impl FnMut() -> (Option<Which>, Which)) {
    let undisturbed = [Which::Second, Which::First].map(|which| {
        let result = ground.run(which, &["--force"]).exits(0).result();
        (which, result)
    });
    let (state, mut failures) = (Cell::new((None, Which::First)), 0);
    let command = || {
        state.set(next());
        ground.command(state.get().1, further)
    };
    fail_each(&ground.depot.home, command, |run, met| {
        let (old, new) = state.get();
        let found = ground.installed();
        assert!(found == old || found == Some(new), "{found:?}");
        if run.code == Some(0) {
            let (_, expected) = undisturbed.iter().find(|(which, _)| *which == new).unwrap();
            assert_eq!(evidence(&run.exits(0).result()), evidence(expected), "nothing was left out");
            assert_eq!(found, Some(new));
        } else {
            failures += 1;
            if found == old && !(BEFORE_THE_LOCK.contains(&met) && ground.holds_but_a_lock()) {
                ground.is_tidy();
            }
        }
        ground.completes(new, further);
    });
    assert!(failures > 0, "no call matters");
}

#[test]
fn f07_an_error_of_any_system_call() {
    let ground = Ground::new();
    sweep(&ground, &[], || {
        ground.clear();
        (None, Which::First)
    });
}

#[test]
fn f07_an_error_of_any_system_call_of_a_replacement() {
    let ground = Ground::new();
    let mut installed = Which::First;
    sweep(&ground, &["--force"], || {
        let old = installed;
        installed = old.other();
        (Some(old), installed)
    });
}

/// One call that fails, the flags of the run, whether something stands at the destination, and the code of the end.
type Failing = (&'static str, c_long, Errno, &'static [&'static str], bool, Option<&'static str>);

#[track_caller]
fn check(cases: &[Failing]) {
    for &(what, number, error, further, occupied, code) in cases {
        let ground = Ground::new();
        let old = occupied.then_some(Which::Second);
        if let Some(old) = old {
            ground.completes(old, &[]);
        }
        let _case = Case(format!("{what}: {error}"));
        let mut met = 0;
        let run = trace(&ground.depot.home, &ground.command(Which::First, further), |moment, call| {
            let meant = moment == Moment::Entry && call.number == number;
            met += usize::from(meant);
            if meant && met == 1 { Action::Fail(error) } else { Action::Go }
        });
        assert!(met > 0, "the call is made");
        match code {
            Some(code) => {
                assert_eq!(run.exits(5).error_code(), code);
                assert_eq!(ground.installed(), old);
            }
            None => {
                run.exits(0);
                assert_eq!(ground.installed(), Some(Which::First));
            }
        }
        ground.is_tidy();
    }
}

#[test]
fn f06_what_cannot_be_renamed_is_not_copied() {
    check(&[
        ("another_file_system", libc::SYS_renameat2, Errno::EXDEV, &[], false, Some("io")),
        ("mount_point", libc::SYS_renameat2, Errno::EBUSY, &[], false, Some("io")),
        ("exchange_with_another_file_system", libc::SYS_renameat2, Errno::EXDEV, &["--force"], true, Some("io")),
        ("exchange_with_a_mount_point", libc::SYS_renameat2, Errno::EBUSY, &["--force"], true, Some("io")),
    ]);
}

#[test]
fn f09_a_file_system_that_cannot_exchange_keeps_what_it_has() {
    check(&[
        ("no_exchange", libc::SYS_renameat2, Errno::EINVAL, &["--force"], true, Some("io")),
        ("nothing_to_exchange", libc::SYS_renameat2, Errno::EINVAL, &["--force"], false, None),
        ("no_noreplace", libc::SYS_renameat2, Errno::EINVAL, &[], false, None),
    ]);
}

#[test]
fn f10_a_file_system_without_locks_is_an_error() {
    check(&[
        ("no_locks", libc::SYS_flock, Errno::EOPNOTSUPP, &[], false, Some("io")),
        ("no_call", libc::SYS_flock, Errno::ENOSYS, &[], false, Some("io")),
        // Not an error of the file system: somebody else holds it for a moment.
        ("held", libc::SYS_flock, Errno::EWOULDBLOCK, &[], false, None),
    ]);
}

/// Lets each call of a run that only reads fail once: either that changes nothing, or nothing is said of what was not
/// read.
fn sweep_reading(home: &Home, command: impl Fn() -> Command) {
    let undisturbed = Run::of(command().output().unwrap()).exits(0).result();
    fail_each(home, command, |run, _| {
        if run.code == Some(0) {
            assert_eq!(run.exits(0).result(), undisturbed);
        }
    });
}

#[test]
fn f07_an_error_of_any_system_call_of_a_download() {
    const NAMES: [&str; 3] = ["go.tar.gz", "go.tar.gz.asc", "go.tar.gz.sha256"];
    let ground = Ground::new();
    let folder = ground.depot.home.home();
    let file = folder.join(NAMES[0]);
    let arguments = ["1.22.5", "linux/amd64", "--json", "--download-only", "-o", file.to_str().unwrap()];
    let command = || ground.depot.command(&ground.mirror, &arguments);
    fail_each(&ground.depot.home, command, |run, met| {
        let left: Vec<_> =
            names(&folder).into_iter().filter(|name| !name.as_encoded_bytes().ends_with(b".lock")).collect();
        // A folder that cannot be synced is told after the names are there.
        if run.code == Some(0) || met == libc::SYS_fsync && !left.is_empty() {
            assert_eq!(left, NAMES);
            fs::remove_file(&file).unwrap();
        } else {
            assert_eq!(left, [""; 0]);
        }
        Run::of(command().output().unwrap()).exits(0);
        assert_eq!(names(&folder), NAMES);
        assert!(fs::read(&file).unwrap() == fs::read(ground.archive(Which::First)).unwrap());
        for name in NAMES {
            fs::remove_file(folder.join(name)).unwrap();
        }
        ground.is_tidy();
    });
}

#[test]
fn f17_an_error_of_any_system_call_of_an_audit_is_no_verdict() {
    let audited = Audited::of(&Sdk::minimal("go1.22.5", "linux/amd64"));
    let (home, root, key) = (&audited.logged.depot.home, audited.root(), audited.logged.key());
    sweep_reading(home, || home.command(["audit", "--offline", "--sumdb", &key, "--json", root.to_str().unwrap()]));
}

#[test]
fn f07_an_error_of_any_system_call_of_a_verification_is_no_verdict() {
    let desk = Desk::new();
    sweep_reading(&desk.home, || desk.home.command(["verify", "--keyring", "keyring.pgp", "--json", NAME]));
}
