//! goverify
pub mod archive;
pub mod error;
pub mod events;
pub mod install;
pub mod release;
