//! SIGKILL after every system call.

use crate::ground::{Case, Ground, Which};
use crate::support::figures::{count, stride};
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
    count("partial-trees", 0);
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
