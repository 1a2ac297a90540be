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
}

impl Watch {
    /// Calls `observer` for every event, from whichever thread it happens on. One that unpacks can open no files but
    /// those that it makes, nor reach a network, where the system denies it ([`crate::files::Confinement`]).
    pub fn new(observer: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { observer: Arc::new(observer), cancelled: Arc::default() }
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
        Self { observer: Arc::new(both), cancelled: Arc::clone(&self.cancelled) }
    }

    /// Reports one event.
    pub fn tell(&self, event: Event) {
        (self.observer)(event);
    }

    /// Asks the job to stop at its next safe point and to leave nothing behind.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked the job to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
