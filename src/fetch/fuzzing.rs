//! What fuzz targets reach of this room and nobody else does: the fields of an answer that are read here.

use std::time::{Duration, SystemTime};

use super::{resume, retry};

/// First byte, last byte and size of a `Content-Range`.
#[must_use]
pub fn content_range(value: &str) -> Option<(u64, u64, u64)> {
    resume::content_range(value)
}

/// The wait that a `Retry-After` asks for.
#[must_use]
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    retry::retry_after(value, now)
}
