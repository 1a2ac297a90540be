//! Files and folders that are exchanged under a run between one of its system calls and the next.

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use nix::libc;

use crate::ground::{Case, Ground, Which};
use crate::support::binary::snapshot;
use crate::support::figures::stride;
use crate::support::started::{names, noise, staging};
use crate::tracer::{Action, Call, Moment, trace};

/// With an archive that takes many reads.
fn ground() -> Ground {
    Ground::of(|sdk| sdk.with_file("src/noise", noise(100_000, 1), 0o644))
}

/// Changes one byte in place.
fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

/// Another archive under this one's name.
fn swap(ground: &Ground) {
    let swapped = Path::new(&ground.mirror).join("swapped");
    fs::copy(ground.archive(Which::Second), &swapped).unwrap();
    fs::rename(swapped, ground.archive(Which::First)).unwrap();
}

/// Runs a fetch of the first release, with `disturb` once, at the first moment that `is_meant`.
fn disturbed(
    ground: &Ground,
    mut is_meant: impl FnMut(Moment, &Call) -> bool,
    disturb: impl FnOnce(&Call),
) -> crate::support::binary::Run {
    let mut disturb = Some(disturb);
    let run = trace(&ground.depot.home, &ground.command(Which::First, &[]), |moment, call| {
        if disturb.is_some() && is_meant(moment, call) {
            disturb.take().unwrap()(call);
        }
        Action::Go
    });
    assert!(disturb.is_none(), "the moment came");
    run
}

/// The archive has been opened.
fn opened(ground: &Ground) -> impl FnMut(Moment, &Call) -> bool {
    let archive = fs::canonicalize(ground.archive(Which::First)).unwrap();
    move |moment, call| {
        let is_open = moment == Moment::Exit && call.number == libc::SYS_openat;
        is_open && call.result_file().is_some_and(|file| file == archive)
    }
}

/// Everything is verified: staging is about to be made.
fn verified(moment: Moment, call: &Call) -> bool {
    moment == Moment::Entry && call.number == libc::SYS_mkdirat
}

#[test]
fn f01_an_archive_whose_path_is_given_to_another_one_is_installed_or_rejected_as_what_was_opened() {
    let ground = ground();
    let run = disturbed(&ground, opened(&ground), |_| swap(&ground));
    run.exits(0);
    assert_eq!(ground.installed(), Some(Which::First));
    ground.is_tidy();

    let ground = Ground::new();
    disturbed(&ground, verified, |_| swap(&ground)).exits(0);
    assert_eq!(ground.installed(), Some(Which::First));

    let ground = Ground::new();
    swap(&ground);
    let code = ground.run(Which::First, &[]).exits(1).error_code();
    assert!(["digest-mismatch", "size-mismatch"].contains(&code.as_str()), "{code}");
    ground.is_tidy();
}

#[test]
fn f02_an_archive_that_is_changed_while_it_is_read_is_installed_as_it_was_or_rejected() {
    let (mut rejected, mut installed) = (0, 0);
    for place in [10, 400_000, 799_000] {
        for reads in [0, 1, 2, 4] {
            let ground = ground();
            let _case = Case(format!("byte {place} after {reads} reads"));
            let archive = fs::canonicalize(ground.archive(Which::First)).unwrap();
            let (mut left, mut is_open) = (reads, opened(&ground));
            let mut open = false;
            let meant = |moment: Moment, call: &Call| {
                open |= is_open(moment, call);
                let read = moment == Moment::Exit && [libc::SYS_read, libc::SYS_pread64].contains(&call.number);
                if open && left > 0 && read && call.file().is_some_and(|file| file == archive) {
                    left -= 1;
                }
                open && left == 0
            };
            let run = disturbed(&ground, meant, |_| flip(&archive, place));
            if run.code == Some(0) {
                assert_eq!(ground.installed(), Some(Which::First));
                installed += 1;
            } else {
                let code = run.exits(1).error_code();
                assert!(["digest-mismatch", "archive-malformed", "signature-bad"].contains(&code.as_str()), "{code}");
                assert_eq!(ground.installed(), None);
                rejected += 1;
            }
            ground.is_tidy();
        }
    }
    assert!(rejected > 0 && installed > 0, "{rejected} and {installed}");
}

/// The spool, which has no name, by the way that its owner could find it.
fn spool(call: &Call) -> PathBuf {
    let nameless = |file: &Path| file.to_str().is_some_and(|file| file.ends_with(" (deleted)"));
    call.open_files().into_iter().find(|(_, file)| nameless(file)).unwrap().0
}

#[test]
fn f02_a_spool_that_is_changed_after_it_was_verified_is_rejected() {
    let tar = ground().sdk(Which::First).tar();
    let content = tar.windows(9).position(|bytes| bytes == b"go1.22.5\n").unwrap() as u64;
    // What follows a short file to the end of its block is no part of any file.
    for (case, place, code) in [("content", content, Some("digest-mismatch")), ("padding", content + 300, None)] {
        let ground = ground();
        let _case = Case(case.to_owned());
        let run = disturbed(&ground, verified, |call| flip(&spool(call), place));
        match code {
            Some(code) => assert_eq!(run.exits(1).error_code(), code),
            None => drop(run.exits(0)),
        }
        assert_eq!(ground.installed(), code.is_none().then_some(Which::First));
        ground.is_tidy();
    }
}

/// A folder that must not change, and that links could lead to.
fn outside(ground: &Ground) -> PathBuf {
    let outside = ground.depot.home.work().join("outside");
    fs::create_dir_all(outside.join("cmd")).unwrap();
    for name in ["kept", "make.bash", "cmd/kept"] {
        fs::write(outside.join(name), "years of work").unwrap();
    }
    outside
}

/// Puts a link to `outside` where a folder of staging was, if it is there.
fn divert(staging: &Path, folder: &str, outside: &Path) {
    if fs::rename(staging.join(folder), staging.join("moved")).is_ok() {
        symlink(outside, staging.join(folder)).unwrap();
    }
}

#[test]
fn f04_a_folder_of_staging_that_becomes_a_link_leads_nothing_out() {
    for folder in ["src", "pkg"] {
        let (mut at, mut failures) = (1, 0);
        loop {
            let ground = Ground::new();
            let outside = outside(&ground);
            let before = snapshot(&outside);
            let _case = Case(format!("{folder} becomes a link before call {at} in staging"));
            let mut calls = 0;
            let run = trace(&ground.depot.home, &ground.command(Which::First, &[]), |moment, call| {
                let changes = [libc::SYS_openat, libc::SYS_mkdirat, libc::SYS_fchmod].contains(&call.number);
                let Some(staging) = staging(&ground.depot).filter(|_| changes && moment == Moment::Entry) else {
                    return Action::Go;
                };
                if call.file().is_some_and(|file| file.starts_with(&staging)) {
                    calls += 1;
                    if calls == at {
                        divert(&staging, folder, &outside);
                    }
                }
                Action::Go
            });
            assert_eq!(snapshot(&outside), before);
            if run.code != Some(0) {
                // Only the owner can do this; whoever does so late enough has changed their own tree.
                run.exits(5);
                ground.is_tidy();
                failures += 1;
            }
            if calls < at {
                break;
            }
            at += stride(7);
        }
        assert!(failures > 0);
    }
}

#[test]
fn f13_a_folder_that_becomes_a_link_while_it_is_removed_is_not_followed() {
    // CVE-2022-21658, RUSTSEC-2023-0018.
    let ground = Ground::new();
    let outside = outside(&ground);
    let before = snapshot(&outside);
    ground.completes(Which::Second, &[]);
    let (mut at, mut old, mut diverted) = (1, Which::Second, 0);
    loop {
        let _case = Case(format!("before call {at} of the removal"));
        let (calls, met) = (RefCell::new(0), RefCell::new(false));
        let mut exchanged = false;
        let run = trace(&ground.depot.home, &ground.command(old.other(), &["--force"]), |moment, call| {
            exchanged |= moment == Moment::Exit && call.number == libc::SYS_renameat2;
            if exchanged && moment == Moment::Entry {
                *calls.borrow_mut() += 1;
                if *calls.borrow() == at
                    && let Some(staging) = staging(&ground.depot)
                {
                    divert(&staging, "src", &outside);
                    *met.borrow_mut() = staging.join("src").is_symlink();
                }
            }
            Action::Go
        });
        run.exits(0);
        old = old.other();
        assert_eq!(snapshot(&outside), before);
        assert_eq!(ground.installed(), Some(old));
        ground.completes(old, &[]);
        diverted += usize::from(*met.borrow());
        if *calls.borrow() < at {
            break;
        }
        at += stride(5);
    }
    assert!(diverted > 0);
    assert_eq!(names(&outside), ["cmd", "kept", "make.bash"]);
}
