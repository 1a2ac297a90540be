//! Mirrors that are written to: what is put appears whole or not at all, and nobody's part of an index is lost.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod folder;
mod object;
mod rules;
