//! The fuzz targets of goverify: a module each, with what it checks and the seeds that it starts from.
//!
//! - `check` is given any bytes. It fails where an invariant does not hold, and returns whether the input was accepted,
//!   as far as that goes in the target.
//! - `seeds` are built in code, by the builders of goverify's own tests. Each says whether it is accepted, and
//!   [`plant`] sees to it, so that no target can be one that rejects everything at its first check.
//! - Nothing is random: keys are fixed, and what depends on chance besides goverify itself would make crashes that
//!   nobody can reproduce. Signatures of OpenPGP are made for seeds alone.

#![forbid(unsafe_code)]

pub mod armor;
pub mod certificate;
pub mod entry_path;
pub mod executable;
pub mod gzip;
pub mod http_fields;
pub mod index;
pub mod log_key;
pub mod lookup;
pub mod merkle;
pub mod note;
pub mod project;
pub mod receipt;
pub mod signature;
pub mod tar_readers;
pub mod tarball;
pub mod tiles;
pub mod tlog_proof;
pub mod tree_head;
pub mod version;
pub mod zip;
pub mod zip_readers;

mod archives;
mod logged;
mod openpgp;
mod repair;

#[path = "../../tests/support"]
mod support {
    #![allow(dead_code, unreachable_pub, reason = "these builders serve goverify's tests as well")]

    pub mod executable;
    pub mod keys;
    pub mod log;
    pub mod sdk;
    pub mod tar_entry;
    pub mod zip_entry;
}

use std::path::Path;

/// Something to start from.
pub struct Seed {
    name: String,
    bytes: Vec<u8>,
    accepted: bool,
}

impl Seed {
    /// What the target accepts.
    pub fn accepted(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into(), accepted: true }
    }

    /// The same behind an octet that stands for the form of the rest.
    fn in_form(self, form: u8) -> Self {
        Self { name: format!("{}-{form}", self.name), bytes: [&[form], &self.bytes[..]].concat(), ..self }
    }

    /// What the target rejects, and where mutations may find more than from what it accepts.
    pub fn rejected(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { accepted: false, ..Self::accepted(name, bytes) }
    }
}

/// Writes a target's seeds into the folder that `GOVERIFY_FUZZ_SEEDS` names, once each of them was judged as it should.
///
/// # Panics
/// When one is not, or cannot be written.
pub fn plant(seeds: fn() -> Vec<Seed>, check: fn(&[u8]) -> bool) {
    let Some(folder) = std::env::var_os("GOVERIFY_FUZZ_SEEDS") else { return };
    let seeds = seeds();
    assert!(seeds.iter().any(|seed| seed.accepted), "no seed is accepted");
    std::fs::create_dir_all(&folder).unwrap();
    for Seed { name, bytes, accepted } in seeds {
        assert_eq!(check(&bytes), accepted, "seed {name}: expected whether it is accepted on the right");
        std::fs::write(Path::new(&folder).join(format!("seed-{name}")), bytes).unwrap();
    }
}
