//! Work on a list by several threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Most threads: creating files gains little from more, and each holds a chain of open directories.
const THREADS_LIMIT: usize = 8;
/// How much a thread takes at once: enough neighbours to stay in few directories, little enough to end together.
const SHARE: u64 = 2 << 20;

/// How many threads do best. The answer is in files, which a confined thread may not open.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(THREADS_LIMIT)
}

/// Does `work` on every item, in shares of neighbours, by so many `threads`. Each thread has its own `state`. Where an
/// item weighs [`SHARE`], it is a share of its own.
///
/// # Errors
/// The first that `work` returned; the others stop before their next item.
pub(crate) fn for_each<'a, T: Sync, S, E: Send>(
    threads: usize,
    items: &'a [T],
    weight: impl Fn(&T) -> u64 + Sync,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &'a T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let rest = Mutex::new(items);
    let failed = AtomicBool::new(false);
    let first_error = Mutex::new(None);
    let take = || {
        let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = 0;
        let mut length = 0;
        for item in *rest {
            if taken >= SHARE {
                break;
            }
            taken += weight(item);
            length += 1;
        }
        let (share, others) = rest.split_at_checked(length).unwrap_or((*rest, &[]));
        *rest = others;
        share
    };
    let run = || {
        let mut state = state();
        loop {
            let share = take();
            if share.is_empty() {
                return;
            }
            for item in share {
                if failed.load(Ordering::Relaxed) {
                    return;
                }
                if let Err(error) = work(&mut state, item) {
                    failed.store(true, Ordering::Relaxed);
                    first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    return;
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    first_error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// The weight with which `count` items make one share.
pub(crate) const fn share_of(count: u64) -> u64 {
    SHARE / count
}
