//! goverify
pub mod error;
pub mod events;
#[cfg(feature = "net")]
pub mod fetch;
pub mod release;
