//! Faults of the machine: a kill after any system call, an error of any of them, full disks, and crowds of processes.
//! Whatever happens, the destination is as it was or complete, and the next run finishes the job and cleans up.

#![cfg(all(feature = "net", target_os = "linux"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "registers are read and set there alone"))]

mod crowd;
mod disks;
#[cfg(target_arch = "x86_64")]
mod errors;
mod ground;
#[cfg(target_arch = "x86_64")]
mod kills;
mod order;
#[path = "../support/mod.rs"]
mod support;
#[cfg(target_arch = "x86_64")]
mod swaps;
#[cfg(target_arch = "x86_64")]
mod tracer;
