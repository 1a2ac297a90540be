//! What several test crates share; none uses all of it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, unreachable_pub)]

pub mod server;
#[cfg(feature = "net")]
pub mod world;
