//! Hostile archives: every row of the tables of attacks on archive formats is a test of its name.
//!
//! A row is a list of cases, each an archive that is rejected with the code it says, or a twin that differs in the
//! smallest way and is accepted. Whatever is accepted, other readers must see as we do.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[cfg(all(feature = "net", target_os = "linux"))]
mod canary;
mod case;
mod corpora;
mod gzip;
#[cfg(all(feature = "net", target_os = "linux"))]
mod jail;
#[cfg(target_os = "linux")]
mod memory;
mod names;
mod patchwork;
mod readers;
#[path = "../support/mod.rs"]
mod support;
mod tar;
#[cfg(all(feature = "net", target_os = "linux"))]
mod trace;
mod zip;

/// Every row of every format.
#[cfg(all(feature = "net", target_os = "linux"))]
fn rows() -> impl Iterator<Item = &'static (&'static str, fn() -> Vec<case::Case>)> {
    tar::ROWS.iter().chain(gzip::ROWS).chain(zip::ROWS)
}
