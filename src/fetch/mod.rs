//! Where bytes come from, and where mirrors are made: the official source, a web mirror, an object store or a folder. The
//! only async room.
//!
//! What arrives here is never trusted; this room sees to it that it arrives whole, in bounded memory and in
//! bounded time, and leaves judging it to the consumer that it feeds.
//!
//! - Limits: [`Limits`] holds all patience; the index is at most [`INDEX_SIZE_LIMIT_BYTES`], an archive is exactly
//!   as long as the index says, a companion as long as its caller allows.
//! - Transport (`http.rs`, `redirect.rs`): TLS with the system's roots, no content coding (golang/go#76228), at
//!   most 5 redirects, never from https to http unless the user named an http mirror.
//! - Failures (`retry.rs`): 408, 425, 429, 5xx (RFC 9110 §15) and broken transfers are tried again with exponential
//!   backoff and jitter; `Retry-After` (RFC 9110 §10.2.3) is honoured up to a cap. All else is final.
//! - Partial downloads (`resume.rs`): continued only under `If-Range` with a strong validator (RFC 9110 §13.1.5), and
//!   their kept bytes are fed to the consumer again from the first.
//! - Lanes (`lanes.rs`): where one connection of a web mirror carries too little, further ones fetch ahead of it.
//! - The consumer is sync (`bridge.rs`): it runs on a thread of its own and sees an end of file only when the
//!   transfer said so; a failed transfer is an I/O error to it.
//!
//! - The log (`sumdb.rs`, `heads.rs`) is asked for a record and the tiles that prove it; [`crate::trust`] says which, and
//!   judges them.
//!
//! - What a mirror needs of the log is copied as files (`log_copy.rs`).
//!
//! - Object stores (`object/`) are asked in their own protocols, and answer as web mirrors do (`source.rs`).
//! - Mirrors are written to (`deposit/`) file by file, each of which appears whole or not at all.
//!
//! It does not check a digest or a signature, but for that of a file which it puts into a mirror.

mod bridge;
mod component;
mod deposit;
mod error;
mod folder;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod heads;
mod http;
mod lanes;
mod log_copy;
mod mirror;
mod object;
mod redirect;
mod remote;
mod resume;
mod retry;
mod seen;
mod source;
mod sumdb;
mod transfer;

use std::time::Duration;

pub use self::object::ObjectDeposit;
pub use deposit::{Deposit, Deposited, LISTING_LIMIT, Stamp};
pub use error::{FetchError, Wait};
pub use folder::FolderMirror;
pub use heads::{Heads, StateError};
pub use lanes::Lanes;
pub use log_copy::{LATEST, LogCopy, LogFiles};
pub use mirror::{Mirror, document_at, index_at};
pub use remote::HttpMirror;
pub use seen::{MirrorMemory, Seen};
pub use sumdb::{AskError, Asked, LogPlace, is_page};

#[cfg(doc)]
use crate::release::INDEX_SIZE_LIMIT_BYTES;

/// How long to wait for what, and how often to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the next byte.
    pub idle: Duration,
    /// For one index, companion or archive, with all attempts and the waits between them.
    pub overall: Duration,
    /// The fewest bytes that may arrive within one [`Self::slowest_window`].
    pub slowest_bytes: u64,
    /// The time over which [`Self::slowest_bytes`] are counted; a consumer that lags does not count.
    pub slowest_window: Duration,
    /// How many attempts may follow the first.
    pub retries: u32,
    /// The wait before the first of them; each further one doubles it, jitter takes up to half of it away.
    pub backoff: Duration,
    /// The longest wait that a server may ask for.
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            // 208 MB, the largest archive, at 60 KB/s: a line that is worth waiting for.
            overall: Duration::from_secs(3600),
            slowest_bytes: 60 << 10,
            slowest_window: Duration::from_secs(60),
            retries: 5,
            backoff: Duration::from_millis(500),
            retry_after: Duration::from_secs(120),
        }
    }
}

/// How locations may be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Patience and persistence.
    pub limits: Limits,
    /// How many connections one archive may have.
    pub lanes: Lanes,
    /// Every attempt to reach a network is an error.
    pub offline: bool,
}
