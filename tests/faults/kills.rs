//! SIGKILL after every system call.

use std::fs;

use crate::ground::{Case, Ground, Which};
use crate::support::binary::Run;
use crate::support::figures::{count, stride};
use crate::support::started::names;
use crate::tracer::{Action, Moment, trace};

/// Kills a run of `which` after each of its calls in turn; `next` says what the following run asks for, and whether it
/// begins with nothing.
fn sweep(ground: &Ground, further: &[&str], mut before: impl FnMut() -> (Option<Which>, Which)) {
    let (mut at, mut seen) = (1, [0; 2]);
    loop {
        let (old, new) = before();
        let _case = Case(format!("{further:?}, killed after call {at}"));
        let mut calls = 0;
        let run = trace(&ground.depot.home, &ground.command(new, further), |moment, _| {
            calls += usize::from(moment == Moment::Exit);
            if calls == at { Action::Kill } else { Action::Go }
        });
        let found = ground.installed();
        assert!(found == old || found == Some(new), "{found:?}");
        if run.code.is_some() {
            run.exits(0);
            assert!(found == Some(new));
            break;
        }
        seen[usize::from(found == Some(new))] += 1;
        ground.completes(new, further);
        at += stride(QUICK);
    }
    assert!(seen[0] > 0 && seen[1] > 0, "killed before and after the rename: {seen:?}");
    count("kills", seen[0] + seen[1]);
}

/// A prime, so that loops of the binary are met at every place.
const QUICK: usize = 23;

#[test]
fn f08_killed_at_any_system_call() {
    let ground = Ground::new();
    sweep(&ground, &[], || {
        ground.clear();
        (None, Which::First)
    });
}

#[test]
fn f08_killed_at_any_system_call_of_a_replacement() {
    let ground = Ground::new();
    ground.completes(Which::First, &[]);
    let mut installed = Which::First;
    sweep(&ground, &["--force"], || {
        let old = installed;
        installed = old.other();
        (Some(old), installed)
    });
}

#[test]
fn f08_killed_at_any_system_call_of_a_download() {
    const NAMES: [&str; 3] = ["go.tar.gz", "go.tar.gz.asc", "go.tar.gz.sha256"];
    let ground = Ground::new();
    let folder = ground.depot.home.home();
    let file = folder.join(NAMES[0]);
    let arguments = ["1.22.5", "linux/amd64", "--json", "--download-only", "-o", file.to_str().unwrap()];
    let command = || ground.depot.command(&ground.mirror, &arguments);
    let (mut at, mut kills) = (1, 0);
    loop {
        let _case = Case(format!("killed after call {at}"));
        let mut calls = 0;
        let run = trace(&ground.depot.home, &command(), |moment, _| {
            calls += usize::from(moment == Moment::Exit);
            if calls == at { Action::Kill } else { Action::Go }
        });
        let complete = file.exists();
        if complete {
            assert!(NAMES.iter().all(|name| folder.join(name).exists()), "who sees the archive sees its companions");
            assert!(fs::read(&file).unwrap() == fs::read(ground.archive(Which::First)).unwrap());
            fs::remove_file(&file).unwrap();
        } else {
            assert_eq!(run.code, None);
        }
        Run::of(command().output().unwrap()).exits(0);
        assert_eq!(names(&folder), NAMES);
        assert!(fs::read(&file).unwrap() == fs::read(ground.archive(Which::First)).unwrap());
        for name in NAMES {
            fs::remove_file(folder.join(name)).unwrap();
        }
        ground.is_tidy();
        if run.code.is_some() {
            break;
        }
        kills += 1;
        at += stride(QUICK);
    }
    assert!(kills > 0);
    count("kills", kills);
}
