//! What a running job tells its caller, and how the caller stops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A step of a running job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Another process works on the same destination; this one waits.
    Waiting,
    /// An archive's bytes begin to arrive.
    Receiving {
        /// Its file name.
        name: String,
        /// Its whole size in bytes, where it is known.
        size_bytes: Option<u64>,
    },
    /// An earlier, broken download is continued: these bytes of it are used again.
    Resuming {
        /// Bytes that were kept.
        bytes: u64,
    },
    /// So many bytes of the archive have arrived, in all.
    Received {
        /// Bytes since the archive's first.
        bytes: u64,
    },
    /// A transfer failed and is tried again.
    Retrying {
        /// Why, in words.
        reason: String,
    },
    /// So many bytes of the archive were handed on to a mirror, in all.
    Deposited {
        /// Bytes since the archive's first.
        bytes: u64,
    },
    /// All checks passed; files are being written.
    Unpacking {
        /// How many files there are.
        files: u64,
    },
    /// So many files were written, in all.
    Unpacked {
        /// Files since the first.
        files: u64,
    },
    /// All files are written and are being made durable.
    Syncing,
}

/// The line between a job and its caller: events go out, a wish to stop comes in.
#[derive(Clone)]
pub struct Watch {
    observer: Arc<dyn Fn(Event) + Send + Sync>,
    cancelled: Arc<AtomicBool>,
    /// The job that this one is a part of.
    whole: Option<Arc<Watch>>,
}

impl Watch {
    /// Calls `observer` for every event, from whichever thread it happens on. One that unpacks can open no files but
    /// those that it makes, nor reach a network, where the system denies it ([`crate::files::Confinement`]).
    pub fn new(observer: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { observer: Arc::new(observer), cancelled: Arc::default(), whole: None }
    }

    /// Tells nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// A watch on the same job that calls `observer` for every event as well.
    #[must_use]
    pub fn with(&self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        let first = Arc::clone(&self.observer);
        let both = move |event: Event| {
            observer(&event);
            first(event);
        };
        Self { observer: Arc::new(both), ..self.clone() }
    }

    /// A watch on a part of the job: it can be asked to stop alone, and stops with the whole.
    #[must_use]
    pub fn part(&self) -> Self {
        let whole = Some(Arc::new(self.clone()));
        Self { observer: Arc::clone(&self.observer), cancelled: Arc::default(), whole }
    }

    /// Reports one event.
    pub fn tell(&self, event: Event) {
        (self.observer)(event);
    }

    /// Asks the job to stop at its next safe point and to leave nothing behind.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether this part of a job was asked to stop, alone: it is of no use any more.
    #[must_use]
    pub fn is_called_off(&self) -> bool {
        self.whole.as_ref().is_some_and(|whole| self.is_cancelled() && !whole.is_cancelled())
    }

    /// Whether somebody asked the job to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || self.whole.as_ref().is_some_and(|whole| whole.is_cancelled())
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stops_alone_and_with_the_whole() {
        let whole = Watch::silent();
        let (one, other) = (whole.part(), whole.part().part());
        one.cancel();
        assert_eq!([&whole, &one, &other].map(Watch::is_cancelled), [false, true, false]);
        assert_eq!([&whole, &one, &other].map(Watch::is_called_off), [false, true, false]);
        whole.cancel();
        assert_eq!([&whole, &one, &other].map(Watch::is_cancelled), [true, true, true]);
        assert_eq!([&whole, &one, &other].map(Watch::is_called_off), [false, false, false]);
    }
}
