//! What fuzz targets reach of this room and nobody else does: an executable in memory.

use std::io::Cursor;

use super::input::Input;
use super::{InspectError, Inspection};

/// Inspects these bytes.
///
/// # Errors
/// As of [`super::inspect()`].
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    super::examine(&mut Input::new(Cursor::new(bytes.to_vec()))?)
}
