//! The one thread of async, and the signals that end it.
//!
//! SIGINT, SIGTERM and, on Linux, SIGHUP ask the job to stop at its next safe point, where it undoes what it did; only
//! then does the process end, with 130, 143 or 129. A second signal changes nothing: the job is already stopping.

use std::future::Future;
use std::io;
use std::time::Duration;

use goverify::error::Code;
use goverify::events::Watch;

use super::failure::Failure;

/// How often a wish to stop is looked for; below what a person notices.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// Runs `work` to its end, or until a signal has made it stop.
pub(crate) fn run<T>(watch: &Watch, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Code::Io, format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let mut signals = Signals::new().map_err(|error| Failure::new(Code::Io, format!("signals: {error}")))?;
        let mut received = None;
        tokio::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result.map_err(|failure| match received {
                    Some(signal) if failure.code == Code::Interrupted => Failure::new(signal, failure.message),
                    _ => failure,
                }),
                signal = signals.next() => {
                    received = Some(signal);
                    watch.cancel();
                }
            }
        }
    })
}

/// Awaits `work`, which can be dropped at any point, but no longer than until somebody wishes to stop.
pub(crate) async fn until_cancelled<T, E>(watch: &Watch, work: impl Future<Output = Result<T, E>>) -> Result<T, Failure>
where
    Failure: From<E>,
{
    let mut poll = tokio::time::interval(CANCEL_POLL);
    tokio::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return Ok(result?),
            _ = poll.tick() => if watch.is_cancelled() { return Err(Failure::new(Code::Interrupted, "interrupted")) },
        }
    }
}

/// Runs what blocks, a wait for a lock or the unpacking of files, beside the thread that listens for signals.
pub(crate) async fn blocking<T: Send + 'static, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Failure>
where
    E: Send + 'static,
    Failure: From<E>,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Failure::new(Code::Io, error.to_string())),
        },
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` where it is left as it is.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = takes_hangup().then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    async fn next(&mut self) -> Code {
        tokio::select! {
            _ = self.interrupt.recv() => Code::Interrupted,
            _ = self.terminate.recv() => Code::Terminated,
            Some(_) = async { self.hangup.as_mut()?.recv().await } => Code::HungUp,
        }
    }
}

/// Whether a hangup is ours to act on: what `nohup` started is to outlive its terminal (POSIX, nohup), and a handler
/// would undo that.
#[cfg(target_os = "linux")]
fn takes_hangup() -> bool {
    /// The first of the 64 signals of proc_pid_status(5)'s masks.
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & HANGUP == 0)
}

/// Elsewhere nothing says so, and the system's own way is kept: the next run removes what this one leaves.
#[cfg(all(unix, not(target_os = "linux")))]
fn takes_hangup() -> bool {
    false
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Code {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Code::Interrupted,
            // Without a handler there is nothing to wait for.
            Err(_) => std::future::pending().await,
        }
    }
}
