//! Decides whether a Go SDK is the one the Go team released, and installs it only if it is.
//!
//! # What *verified* means
//!
//! An archive is verified when all of this holds for the very bytes that are then unpacked:
//!
//! - **signature**: a key bound to a trusted certificate, live when the signature says it was made, signed these
//!   bytes, and the signature is not older than the release ([`trust`]);
//! - **digest**: every SHA-256 and size that was expected, by the release index or by the caller, is the archive's;
//! - **format**: the archive is one strict gzip member around one strict tar stream, or one strict zip archive, whose
//!   entries are files and directories with safe, distinct paths ([`archive`]);
//! - **layout**: `VERSION`, `pkg/tool/GOOS_GOARCH` and the headers of `bin/go` and `bin/gofmt` say the very version
//!   and platform that were asked for. A signature alone binds none of these;
//! - **transparency**: where there is evidence of the transparency log, the log has recorded the hash of these very
//!   files for this release. A `.zip` has no signature, so there it must.
//!
//! A check that could not be made is not a check that passed: a missing signature, a parse error, an empty answer
//! and a web page are all failures. The one weaker mode, [`trust::Authenticator::DigestOnly`], has to be asked for
//! by name, needs an expected digest, and is named in every report.
//!
//! # The paved path
//!
//! Each step consumes what the one before made, and is the only one that can make its result:
//!
//! ```no_run
//! use goverify::*;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let name: ArchiveName = "go1.22.5.linux-amd64.tar.gz".parse()?;
//! let signature = DetachedSignature::parse(&std::fs::read(format!("{name}.asc"))?)?;
//! let keyring = Keyring::embedded()?;
//! let watch = Watch::silent();
//! let destination = Destination::prepare("/opt/go".as_ref(), std::time::Duration::from_secs(60), &watch)?;
//!
//! let spool = Spool::new_in(destination.parent_path())?;
//! let mut input = std::fs::File::open(name.to_string())?;
//! let received = receive(&mut input, &name, &signature.hashes(), spool, &watch)?;
//! let by = Authenticator::Signature { signature: &signature, keyring: &keyring };
//! let log = Transparency::Absent(Absence::NotRequested);
//! let verified = verify(received, &Expectation::default(), by, &log).outcome?;
//! let staged = destination.unpack(verified, ReceiptChoice::Write)?;
//! let installation = staged.commit(Occupied::Refuse, Durability::Synced)?;
//! println!("{} files in {}", installation.files, installation.path.display());
//! # Ok(())
//! # }
//! ```
//!
//! Where the archive comes from a mirror, [`fetch`] feeds `receive` while the bytes arrive (feature `net`).
//!
//! # What it does not do
//!
//! It does not judge the Go team's own work, it does not protect an installed tree from whoever may write to it,
//! and it does not run any program of the archive.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        reason = "a test that cannot go on has failed"
    )
)]

pub mod archive;
pub mod audit;
pub mod doctor;
pub mod error;
pub mod events;
#[cfg(feature = "net")]
pub mod fetch;
pub mod files;
pub mod inspect;
pub mod install;
pub mod keystore;
#[cfg(feature = "net")]
pub mod lockfile;
pub mod release;
pub mod trust;

pub use archive::{Spool, UnverifiedArchive, receive};
pub use events::Watch;
#[cfg(feature = "net")]
pub use fetch::Mirror;
pub use install::{Destination, Durability, Occupied, ReceiptChoice, StagedTree};
pub use release::{ArchiveName, ReleaseIndex};
pub use trust::{
    Absence, Authenticator, DetachedSignature, Expectation, Keyring, Transparency, VerifiedArchive, verify,
};
