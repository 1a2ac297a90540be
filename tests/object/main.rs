//! Object stores as mirrors: read over a server with faults, and read and written on an S3 server.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod faults;
mod rights;
#[cfg(unix)]
mod store;
