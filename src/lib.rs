//! goverify
pub mod archive;
pub mod error;
pub mod events;
pub mod release;
pub mod trust;
