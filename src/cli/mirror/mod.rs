//! `goverify mirror`: mirrors for machines that have no network.
//!
//! - `pull.rs` copies archives that were verified on the way, `log.rs` what proves them in the log, `module.rs` what the
//!   `go` command reads, `keys.rs` the certificates; the index comes last;
//! - `check.rs` verifies what is there, and `memory.rs` remembers what it saw.

mod check;
mod companions;
mod contents;
mod keys;
mod log;
mod memory;
mod module;
mod pull;

use std::path::PathBuf;
use std::sync::Arc;

use goverify::events::Watch;
use goverify::fetch::Mirror;
use goverify::install::{Durability, Occupied};
use goverify::release::ReleaseFile;
use goverify::trust::{Keyring, Sumdb};

pub(crate) use check::run as check;
pub(crate) use pull::run as pull;

use super::args::{Common, Source};
use super::failure::Failure;
use super::order::{Demands, Order, Placing};
use super::transparency;

/// A mirror that is read, and what is trusted there.
#[derive(Clone)]
struct Site {
    source: Source,
    mirror: Arc<Mirror>,
    keyring: Arc<Keyring>,
    sumdb: Sumdb,
    common: Common,
}

impl Site {
    /// How `file` is verified when it is read from here.
    fn order(&self, file: ReleaseFile, demands: Demands, watch: &Watch) -> Order {
        Order {
            demands,
            // Nothing is installed.
            placing: Placing {
                occupied: Occupied::Refuse,
                durability: Durability::Synced,
                lock_timeout: std::time::Duration::ZERO,
            },
            source: self.source.clone(),
            mirror: Arc::clone(&self.mirror),
            file,
            requested: None,
            keyring: Arc::clone(&self.keyring),
            sumdb: self.sumdb.clone(),
            common: self.common.clone(),
            watch: watch.clone(),
        }
    }

    /// A mirror that is read alone: nobody else is asked, the log neither.
    fn alone(location: &str, mirror: Mirror, keyring: Arc<Keyring>, sumdb: Sumdb, common: &Common) -> Self {
        let source = Source { mirror: Some(location.to_owned()), index: None };
        let common = Common { offline: true, ..common.clone() };
        Self { source, mirror: Arc::new(mirror), keyring, sumdb, common }
    }
}

/// How many archives are worked on at once.
fn side_by_side() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Where bytes wait that have no name yet.
fn workspace(deposit: &goverify::fetch::Deposit) -> Result<PathBuf, Failure> {
    let folder = match deposit.folder() {
        Some(folder) => folder.to_owned(),
        None => transparency::cache().ok_or_else(|| {
            Failure::usage("no folder for temporary files is known: neither XDG_CACHE_HOME nor HOME is set")
        })?,
    };
    std::fs::create_dir_all(&folder).map_err(goverify::error::FileError::at(&folder, "create"))?;
    Ok(folder)
}
