//! Many runs for one destination at once, some of which are killed.

use std::time::{SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use rustix::process::Signal;

use crate::ground::{Case, Ground, Which};
use crate::support::figures::{count, long};
use crate::support::started::{Started, wait_until};

const PROCESSES: usize = 64;

#[test]
fn f10_of_a_crowd_with_deaths_in_it_each_installs_or_waits() {
    let ground = Ground::new();
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut rng = Rng::with_seed(seed);
    let (mut killed, mut succeeded, mut errors) = (0, 0, Vec::new());
    for round in 0..if long() { 50 } else { 2 } {
        let _case = Case(format!("round {round} of the seed {seed}"));
        ground.clear();
        let mut runs: Vec<(Started, bool)> = Vec::new();
        let mut to_kill = rng.usize(8..32);
        let mut strike = |runs: &[(Started, bool)]| {
            if to_kill > 0 && !runs.is_empty() && rng.u8(..4) == 0 {
                to_kill -= 1;
                runs[rng.usize(..runs.len())].0.signal(Signal::KILL);
            }
        };
        for number in 0..PROCESSES {
            // Some replace what others have just installed, and some have no patience.
            let further: &[&str] = match number % 8 {
                0 => &["--force"],
                1 => &["--lock-timeout", "0"],
                _ => &[],
            };
            runs.push((Started::new(ground.command(Which::First, further)), number % 8 == 1));
            strike(&runs);
        }
        while !runs.is_empty() {
            let mut ended = None;
            wait_until("one more run ends", || {
                strike(&runs);
                ended = runs.iter_mut().position(|(run, _)| run.has_ended());
                ended.is_some()
            });
            let (run, is_impatient) = runs.swap_remove(ended.unwrap());
            let run = run.end();
            match run.code {
                None => killed += 1,
                Some(0) => succeeded += 1,
                Some(5) if is_impatient && run.error_code() == "locked" => {}
                Some(_) => errors.push(run),
            }
        }
        ground.completes(Which::First, &[]);
    }
    count("concurrent-installs", succeeded);
    count("concurrent-kills", killed);
    count("concurrent-errors", errors.len());
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(killed > 0 && succeeded > 0, "{killed} killed, {succeeded} succeeded");
}
