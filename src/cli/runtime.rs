//! The one thread of async, and the signals that end it.
//!
//! SIGINT and SIGTERM ask the job to stop at its next safe point, where it undoes what it did; only then does the
//! process end, with 130 or 143. A second signal changes nothing: the job is already stopping.

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
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Code {
        tokio::select! {
            _ = self.interrupt.recv() => Code::Interrupted,
            _ = self.terminate.recv() => Code::Terminated,
        }
    }
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
