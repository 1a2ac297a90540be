//! Ed25519 signatures, by the strictest rules (RFC 8032 §5.1.7, and more).
//!
//! - a public key is the canonical encoding of a point, and of one that is not of small order: under such a weak
//!   key one signature could be good for several texts;
//! - a signature has 64 bytes; S is below the group's order; R is canonical and not of small order;
//! - the equation is checked without the cofactor, so that all implementations that accept at all agree.

use ed25519_dalek::{Signature, VerifyingKey};

/// How 32 bytes are not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PublicKeyFault {
    /// Not the canonical encoding of a point.
    NotAPoint,
    /// A point of small order.
    Weak,
}

/// A public key that is not weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PublicKey(VerifyingKey);

impl PublicKey {
    pub(super) fn parse(bytes: &[u8; 32]) -> Result<Self, PublicKeyFault> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| PublicKeyFault::NotAPoint)?;
        if key.is_weak() {
            return Err(PublicKeyFault::Weak);
        }
        // Decoding reduces coordinates that are too large; encoding again tells.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(PublicKeyFault::NotAPoint);
        }
        Ok(Self(key))
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Proof that this key signed `message`.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Option<Signed> {
        let signature = Signature::from_slice(signature).ok()?;
        self.0.verify_strict(message, &signature).ok().map(|()| Signed(()))
    }
}

/// Proof that a signature is good; only [`PublicKey::verify`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signed(());
#[cfg(test)]
#[path = "ed25519_tests.rs"]
mod tests;
