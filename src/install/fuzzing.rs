//! What fuzz targets reach of this room and nobody else does: receipts without a tree around them.

use super::Receipt;
use super::receipt::write_document;

/// What a receipt's bytes say, if they are one.
#[must_use]
pub fn read_receipt(bytes: &[u8]) -> Option<Receipt> {
    Receipt::parse(bytes)
}

/// The bytes of a receipt that says this.
///
/// # Errors
/// Whatever serialization says.
pub fn write_receipt(receipt: &Receipt) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write_document(&mut bytes, &receipt.manifest, &receipt.origin)?;
    Ok(bytes)
}
