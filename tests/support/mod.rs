//! What several test crates build their cases from.
#![allow(dead_code, unreachable_pub, reason = "every test crate compiles all of this and uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a builder that cannot build is a failed test"
)]

use goverify::trust::{Absence, Transparency};

/// For what nobody asks the log about.
pub const NO_LOG: Transparency = Transparency::Absent(Absence::NotRequested);

#[cfg(all(feature = "net", unix))]
pub mod audited;
pub mod binary;
#[cfg(feature = "net")]
pub mod depot;
pub mod desk;
pub mod executable;
pub mod figures;
pub mod keys;
pub mod log;
#[cfg(feature = "net")]
pub mod logged;
pub mod mirror;
#[cfg(feature = "net")]
pub mod pulled;
pub mod python;
pub mod real;
pub mod record;
pub mod refusal;
#[cfg(feature = "net")]
pub mod s3;
pub mod sdk;
#[cfg(feature = "net")]
pub mod server;
#[cfg(all(feature = "net", unix))]
pub mod started;
pub mod tar_entry;
#[cfg(feature = "net")]
pub mod tls;
#[cfg(feature = "net")]
pub mod world;
pub mod zip_entry;
