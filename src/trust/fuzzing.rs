//! What fuzz targets reach of this room and nobody else does.

use super::{ArmorFault, armor};

/// The bytes inside the armor of a signature.
///
/// # Errors
/// The rule of the armor that the text breaks.
pub fn dearmor(armored: &[u8]) -> Result<Vec<u8>, ArmorFault> {
    armor::parse(armored)
}
