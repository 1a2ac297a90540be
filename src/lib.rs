//! goverify
pub mod archive;
pub mod error;
pub mod events;
#[cfg(feature = "net")]
pub mod fetch;
pub mod install;
pub mod release;
pub mod trust;
