//! The pinned certificate, and what newer copies of it have added.
//!
//! A copy comes from anywhere: a web server, a stick, a file that lies in a home. Nothing of it is believed:
//!
//! - at most 1 MiB and [`PACKETS_LIMIT`] packets; armored, in one block or several with anything around them, as Google
//!   publishes it together with an older certificate, or not armored at all;
//! - only the certificate with the pinned primary key is looked at, and of that the primary key, user IDs, subkeys, and
//!   signatures over these by the primary that verify; a binding of a signing subkey needs the subkey's back-signature
//!   (RFC 9580 §5.2.1), in the words of `keyring.rs`. Trust packets, attributes, other people's signatures and what is
//!   not known are left out;
//! - of what a signature does not cover (its unhashed area) only back-signatures that verify are kept: else whoever
//!   passes a copy on could take them away, or fill the area up (CVE-2025-30258 is of that kind);
//! - what is known stays known: the result is the union. An older copy, a stripped one or one with packets of a
//!   stranger's takes nothing away and adds nothing.
//!
//! A revocation is something to know, too: once the primary has signed it, it counts, whatever it makes unusable, and no
//! later copy takes it away. Only the holder of the primary key can make one.
//!
//! Whether a hash or a key is strong enough is not asked here but whenever a key is used, so that a stricter policy of
//! tomorrow makes no file of today unreadable.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sequoia_openpgp as openpgp;

use openpgp::armor::{Kind, Reader, ReaderMode};
use openpgp::packet::key::{PrimaryRole, PublicParts, SubordinateRole};
use openpgp::packet::signature::subpacket::{Subpacket, SubpacketArea, SubpacketTag, SubpacketValue};
use openpgp::packet::{Key, Signature};
use openpgp::parse::{Dearmor, PacketParserBuilder, PacketParserResult, Parse};
use openpgp::serialize::SerializeInto;
use openpgp::{Cert, Fingerprint, Packet};

use super::keyring::{GOOGLE_CERTIFICATE, pinned};
use super::{
    CertificateSummary, GOOGLE_FINGERPRINT, KEYRING_SIZE_LIMIT_BYTES, Keyring, KeyringError, SigningKeySummary,
};
use crate::error::{Code, Coded};

/// Most packets of a copy; Google's has 16. Each signature that is out of place is tried on each component.
const PACKETS_LIMIT: usize = 1024;
const BEGIN: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &[u8] = b"-----END PGP PUBLIC KEY BLOCK-----";

/// Why a copy of the certificate is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyUpdateError {
    /// Too large.
    #[error("more than 1 MiB or {PACKETS_LIMIT} packets")]
    TooLarge,
    /// A web page.
    #[error("an HTML page instead of a certificate")]
    Html,
    /// Not OpenPGP, or cut off.
    #[error("not an OpenPGP certificate: {0}")]
    Malformed(String),
    /// Certificates, but not the one.
    #[error("the certificate {0} is not in it")]
    OtherCertificate(String),
    /// What was stored after verification does not verify.
    #[error("{good} of its {packets} packets verify, and all did when it was stored")]
    Altered {
        /// How many do.
        good: usize,
        /// Of how many.
        packets: usize,
    },
}

impl Coded for KeyUpdateError {
    fn code(&self) -> Code {
        Code::KeyUpdateRefused
    }
}

/// What one copy has that another has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChanges {
    /// Signing keys that were not known.
    pub added: Vec<SigningKeySummary>,
    /// Signing keys that were known and end at another time now, or are revoked.
    pub changed: Vec<SigningKeySummary>,
    /// Whether the certificate as a whole was revoked.
    pub revoked: bool,
}

/// Google's certificate as far as it is known.
#[derive(Clone, Debug)]
pub struct PinnedCertificate {
    built_in: Cert,
    known: Cert,
}

impl PinnedCertificate {
    /// As it is built into this program.
    ///
    /// # Errors
    /// [`KeyringError::NotPinned`] when the program was built with another one.
    pub fn google() -> Result<Self, KeyringError> {
        Self::pin(GOOGLE_CERTIFICATE, GOOGLE_FINGERPRINT)
    }

    fn pin(content: &[u8], fingerprint: &str) -> Result<Self, KeyringError> {
        let built_in = pinned(content, fingerprint)?;
        Ok(Self { known: built_in.clone(), built_in })
    }

    /// With what [`Self::to_armored`] wrote. The file is trusted no more than any other copy, but it was all good when it
    /// was written, so that any part that is not good now is an error and not passed over: what was lost may have been a
    /// revocation.
    ///
    /// # Errors
    /// [`KeyUpdateError`] when it is no copy, or holds anything that does not verify.
    pub fn restore(&self, stored: &[u8]) -> Result<Self, KeyUpdateError> {
        caught(|| {
            let (found, packets) = self.verified_copy(stored)?;
            let good = found.clone().into_packets().count();
            if good != packets {
                return Err(KeyUpdateError::Altered { good, packets });
            }
            self.with(found)
        })
    }

    /// With what is new and verifies in a copy of the certificate.
    ///
    /// # Errors
    /// [`KeyUpdateError`] when it is no copy. One that has nothing new is no error.
    pub fn update(&self, copy: &[u8]) -> Result<Self, KeyUpdateError> {
        caught(|| self.with(self.verified_copy(copy)?.0))
    }

    /// What is to be stored: all that is known, what is built in as well.
    ///
    /// # Errors
    /// None that can happen in practice: it is written into memory.
    pub fn to_armored(&self) -> Result<Vec<u8>, KeyUpdateError> {
        self.plain()?.armored().to_vec().map_err(malformed)
    }

    /// Whether all that `other` knows is known here, and nothing else.
    #[must_use]
    pub fn knows_the_same(&self, other: &Self) -> bool {
        match (self.to_armored(), other.to_armored()) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        }
    }

    /// What is known here and was not `before`.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> KeyChanges {
        let (before, now) = (before.summary(), self.summary());
        let mut changes = KeyChanges { revoked: before.revoked != now.revoked, ..KeyChanges::default() };
        for key in now.signing_keys {
            match before.signing_keys.iter().find(|known| known.fingerprint == key.fingerprint) {
                None => changes.added.push(key),
                Some(known) if (known.expires, known.revoked) != (key.expires, key.revoked) => {
                    changes.changed.push(key)
                }
                Some(_) => {}
            }
        }
        changes
    }

    /// What there is to show of it.
    #[must_use]
    pub fn summary(&self) -> CertificateSummary {
        CertificateSummary::of(&self.known, Some(&self.built_in), false)
    }

    /// The keyring that trusts it and nothing else.
    #[must_use]
    pub fn keyring(&self) -> Keyring {
        Keyring::of_pinned(self.known.clone(), self.built_in.clone())
    }

    fn with(&self, found: Cert) -> Result<Self, KeyUpdateError> {
        let known = self.known.clone().merge_public(found).map_err(malformed)?;
        Ok(Self { built_in: self.built_in.clone(), known })
    }

    /// All that is known, in the form that is the same wherever it came from.
    fn plain(&self) -> Result<Cert, KeyUpdateError> {
        verified(&self.known).map_err(malformed)
    }

    /// What verifies of the pinned certificate in `copy`, and how many packets the copy has in all.
    fn verified_copy(&self, copy: &[u8]) -> Result<(Cert, usize), KeyUpdateError> {
        if copy.len() as u64 > KEYRING_SIZE_LIMIT_BYTES {
            return Err(KeyUpdateError::TooLarge);
        }
        if copy.trim_ascii_start().starts_with(b"<") {
            return Err(KeyUpdateError::Html);
        }
        let pin = self.built_in.fingerprint();
        let mut packets = 0;
        // Each primary with what follows it.
        let mut copies: Vec<(Fingerprint, Vec<Packet>)> = Vec::new();
        for block in blocks(copy)? {
            let mut result = PacketParserBuilder::from_bytes(&block)
                .and_then(|b| b.dearmor(Dearmor::Disabled).build())
                .map_err(malformed)?;
            while let PacketParserResult::Some(parser) = result {
                let (packet, next) = parser.next().map_err(malformed)?;
                result = next;
                packets += 1;
                if packets > PACKETS_LIMIT {
                    return Err(KeyUpdateError::TooLarge);
                }
                match (packet, copies.last_mut()) {
                    (Packet::PublicKey(key), _) => copies.push((key.fingerprint(), vec![key.into()])),
                    (
                        packet @ (Packet::UserID(_) | Packet::PublicSubkey(_) | Packet::Signature(_)),
                        Some((_, copy)),
                    ) => {
                        copy.push(packet);
                    }
                    _ => {}
                }
            }
        }
        let mut found: Option<Cert> = None;
        for (_, copy) in copies.into_iter().filter(|(primary, _)| *primary == pin) {
            let copy = Cert::from_packets(copy.into_iter()).and_then(|cert| verified(&cert)).map_err(malformed)?;
            found = Some(match found {
                Some(found) => found.merge_public(copy).map_err(malformed)?,
                None => copy,
            });
        }
        found.map(|found| (found, packets)).ok_or_else(|| KeyUpdateError::OtherCertificate(pin.to_hex()))
    }
}

/// The parts of `cert` that its primary key vouches for, and itself.
fn verified(cert: &Cert) -> openpgp::Result<Cert> {
    let primary = cert.primary_key().key();
    let bundle = cert.primary_key().bundle();
    let mut packets = vec![Packet::from(primary.clone())];
    let mut keep = |component: Option<Packet>, signatures: Vec<&Signature>, subkey| -> openpgp::Result<()> {
        let plain = signatures.into_iter().map(|signature| plain(signature, primary, subkey));
        let plain = plain.filter_map(Result::transpose).collect::<openpgp::Result<Vec<_>>>()?;
        if !plain.is_empty() {
            packets.extend(component);
            packets.extend(plain.into_iter().map(Packet::from));
        }
        Ok(())
    };
    // Sequoia verifies what these iterators hand out.
    keep(None, bundle.self_revocations().chain(bundle.self_signatures()).collect(), None)?;
    for user_id in cert.userids() {
        let bundle = user_id.bundle();
        let signatures = bundle.self_revocations().chain(bundle.self_signatures()).collect();
        keep(Some(user_id.userid().clone().into()), signatures, None)?;
    }
    for subkey in cert.keys().subkeys() {
        let key = subkey.key();
        let signatures = subkey.bundle().self_revocations().chain(subkey.bundle().self_signatures()).collect();
        keep(Some(key.clone().into()), signatures, Some(key))?;
    }
    Cert::from_packets(packets.into_iter())
}

/// `signature` with nothing in its unhashed area but who made it and, for a binding of `subkey`, what that one says;
/// `None` for the binding of a signing subkey that does not say so.
fn plain(
    signature: &Signature,
    primary: &Key<PublicParts, PrimaryRole>,
    subkey: Option<&Key<PublicParts, SubordinateRole>>,
) -> openpgp::Result<Option<Signature>> {
    let mut result = signed_part(signature, primary.fingerprint())?;
    let embedded = signature.unhashed_area().subpackets(SubpacketTag::EmbeddedSignature).map(Subpacket::value);
    let mut backs = Vec::new();
    for value in embedded {
        let (SubpacketValue::EmbeddedSignature(back), Some(subkey)) = (value, subkey) else { continue };
        // The digest's first octets are no part of what is verified, and are there twice.
        let prefix = || -> openpgp::Result<bool> {
            let mut hash = back.hash_algo().context()?.for_signature(back.version());
            back.hash_primary_key_binding(&mut hash, primary, subkey)?;
            Ok(hash.into_digest()?.starts_with(back.digest_prefix()))
        };
        if prefix().unwrap_or(false) && back.verify_primary_key_binding(primary, subkey).is_ok() {
            backs.push(signed_part(back, subkey.fingerprint())?);
        }
    }
    backs.dedup();
    let signs = subkey.is_some() && signature.key_flags().is_some_and(|flags| flags.for_signing());
    if signs && backs.is_empty() && signature.hashed_area().subpacket(SubpacketTag::EmbeddedSignature).is_none() {
        return Ok(None);
    }
    for back in backs {
        result.unhashed_area_mut().add(Subpacket::new(SubpacketValue::EmbeddedSignature(back), false)?)?;
    }
    Ok(Some(result))
}

/// `signature` with nothing in its unhashed area but who made it.
fn signed_part(signature: &Signature, issuer: Fingerprint) -> openpgp::Result<Signature> {
    let mut unhashed = vec![Subpacket::new(SubpacketValue::Issuer((&issuer).into()), false)?];
    if signature.hashed_area().subpacket(SubpacketTag::IssuerFingerprint).is_none() {
        unhashed.push(Subpacket::new(SubpacketValue::IssuerFingerprint(issuer), false)?);
    }
    let mut signature = signature.clone();
    *signature.unhashed_area_mut() = SubpacketArea::new(unhashed)?;
    Ok(signature)
}

/// The packets of `copy`, armored or not.
fn blocks(copy: &[u8]) -> Result<Vec<Vec<u8>>, KeyUpdateError> {
    let position = |bytes: &[u8], line: &[u8]| bytes.windows(line.len()).position(|window| window == line);
    let (mut blocks, mut rest) = (Vec::new(), copy);
    while let Some(begin) = position(rest, BEGIN) {
        let block = rest.split_at(begin).1;
        let end = position(block, END).ok_or_else(|| KeyUpdateError::Malformed("a block does not end".to_owned()))?;
        let (block, after) = block.split_at(end + END.len());
        let mut packets = Vec::new();
        Reader::from_bytes(block, ReaderMode::Tolerant(Some(Kind::PublicKey)))
            .read_to_end(&mut packets)
            .map_err(|error| KeyUpdateError::Malformed(error.to_string()))?;
        blocks.push(packets);
        rest = after;
    }
    if blocks.is_empty() {
        blocks.push(copy.to_vec());
    }
    Ok(blocks)
}

fn malformed(error: openpgp::anyhow::Error) -> KeyUpdateError {
    KeyUpdateError::Malformed(error.to_string())
}

/// Sequoia has been fuzzed a lot, and past panics in its parser (RUSTSEC-2023-0038) are why this is caught.
fn caught<T>(work: impl FnOnce() -> Result<T, KeyUpdateError>) -> Result<T, KeyUpdateError> {
    let caught = catch_unwind(AssertUnwindSafe(work));
    caught.unwrap_or_else(|_| Err(KeyUpdateError::Malformed("it cannot be read".to_owned())))
}

#[cfg(test)]
pub(crate) mod tests;
