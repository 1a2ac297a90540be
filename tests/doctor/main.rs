//! `goverify doctor`: what it finds on machines that are not as they should be, and what becomes of its advice.

#![cfg(all(feature = "net", target_os = "linux"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod command;
mod findings;
mod world;
