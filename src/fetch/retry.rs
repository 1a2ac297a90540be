//! Patience: how long one job may take, when it is tried again, and how it is stopped.
//!
//! - Wait n (from 0) is `backoff * 2^n`, at most [`BACKOFF_CAP`], of which jitter takes up to half away.
//! - `Retry-After` (RFC 9110 §10.2.3) is seconds or an HTTP date; it can lengthen a wait, up to the caller's cap. What
//!   is neither, or lies in the past, is ignored.
//! - No wait is begun that would end after the deadline; the last error is returned instead.
//! - A wish to stop is noticed within [`CANCEL_POLL`], whatever the network does.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, interval, sleep, sleep_until};

use super::{FetchError, Limits, Wait};
use crate::events::{Event, Watch};

/// The longest wait between attempts that no server asked for.
const BACKOFF_CAP: Duration = Duration::from_secs(30);
/// The longest job; a clock that counts further may overflow.
const OVERALL_CAP: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often a wish to stop is looked for; below what a person notices.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// The bounds of one job.
pub(super) struct Patience<'a> {
    pub(super) limits: &'a Limits,
    pub(super) watch: &'a Watch,
    location: &'a str,
    deadline: Instant,
}

impl<'a> Patience<'a> {
    /// The clock starts now.
    pub(super) fn new(limits: &'a Limits, watch: &'a Watch, location: &'a str) -> Self {
        Self { limits, watch, location, deadline: Instant::now() + limits.overall.min(OVERALL_CAP) }
    }

    pub(super) fn location(&self) -> String {
        self.location.to_owned()
    }

    pub(super) fn timed_out(&self, wait: Wait) -> FetchError {
        let limit = match wait {
            Wait::Idle => self.limits.idle,
            Wait::Slow => self.limits.slowest_window,
            Wait::Overall => self.limits.overall,
        };
        FetchError::TimedOut { location: self.location(), wait, limit }
    }

    /// Awaits `work`, but not past the deadline nor past a wish to stop.
    pub(super) async fn bound<T>(&self, work: impl Future<Output = Result<T, FetchError>>) -> Result<T, FetchError> {
        let mut work = pin!(work);
        let mut poll = interval(CANCEL_POLL);
        loop {
            tokio::select! {
                biased;
                _ = poll.tick() => if self.watch.is_cancelled() { return Err(FetchError::Interrupted) },
                () = sleep_until(self.deadline) => return Err(self.timed_out(Wait::Overall)),
                done = &mut work => return done,
            }
        }
    }

    /// Makes attempts until one succeeds, fails for good, or was the last.
    pub(super) async fn persist<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let mut failures = 0;
        loop {
            let error = match attempt().await {
                Err(error) if error.is_transient() && failures < self.limits.retries => error,
                done => return done,
            };
            let asked = if let FetchError::Status { retry_after, .. } = &error { *retry_after } else { None };
            let pause = pause(self.limits, failures, asked);
            if Instant::now() + pause >= self.deadline {
                return Err(error);
            }
            self.watch.tell(Event::Retrying { reason: error.to_string() });
            self.bound(async {
                sleep(pause).await;
                Ok(())
            })
            .await?;
            failures += 1;
        }
    }
}

/// How fast a body arrives: bytes, and the time spent waiting for them alone.
#[derive(Debug, Default)]
pub(super) struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Counts a chunk, and says at the end of each window whether too little has arrived in it.
    pub(super) fn too_slow(&mut self, limits: &Limits, waited: Duration, bytes: usize) -> bool {
        self.waited += waited;
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.waited < limits.slowest_window {
            return false;
        }
        std::mem::take(self).bytes < limits.slowest_bytes
    }
}

/// The wait after failure number `failures`, counted from 0.
fn pause(limits: &Limits, failures: u32, asked: Option<Duration>) -> Duration {
    let longest = limits.backoff.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(BACKOFF_CAP);
    let backoff = longest.mul_f64(1.0 - fastrand::f64() / 2.0);
    backoff.max(asked.unwrap_or_default().min(limits.retry_after))
}

/// The wait that a `Retry-After` asks for.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_future_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let date = httpdate::fmt_http_date(now + Duration::from_secs(7));
        let past = httpdate::fmt_http_date(now - Duration::from_secs(7));
        for (value, expected) in [
            ("3", Some(3)),
            (" 3 ", Some(3)),
            ("1000000000", Some(1_000_000_000)),
            ("99999999999999999999", Some(u64::MAX)),
            (&date, Some(7)),
            (&past, None),
            ("-3", None),
            ("+3", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn waits_double_within_their_bounds() {
        let limits = Limits::default();
        for failures in 0..40 {
            let longest = (limits.backoff.as_secs_f64() * 2_f64.powi(failures)).min(BACKOFF_CAP.as_secs_f64());
            let waited = pause(&limits, u32::try_from(failures).unwrap(), None).as_secs_f64();
            assert!(waited <= longest && waited >= longest / 2.0 - 1e-6, "{failures}: {waited}");
        }
    }

    #[test]
    fn a_trickle_is_too_slow_and_a_brook_is_not() {
        let limits = Limits { slowest_bytes: 60, slowest_window: Duration::from_secs(60), ..Limits::default() };
        for (bytes_a_second, expected) in [(0, true), (1, false)] {
            let mut pace = Pace::default();
            let slow = (0..120).any(|_| pace.too_slow(&limits, Duration::from_secs(1), bytes_a_second));
            assert_eq!(slow, expected, "{bytes_a_second}");
        }
    }

    #[test]
    fn a_server_can_lengthen_a_wait_up_to_the_cap() {
        let limits = Limits::default();
        for (asked, expected) in [(60, 60), (1_000_000_000, 120), (u64::MAX, 120)] {
            assert_eq!(pause(&limits, 0, Some(Duration::from_secs(asked))), Duration::from_secs(expected));
        }
        assert!(pause(&limits, 0, Some(Duration::ZERO)) >= limits.backoff / 2);
    }
}
