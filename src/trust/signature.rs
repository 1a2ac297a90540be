//! Detached OpenPGP signatures over archives (RFC 9580 §5.2).
//!
//! - the file is one strictly parsed armor block of 1 to 16 signature packets;
//! - each is version 4 of type Binary (0x00) with SHA-256, SHA-384 or SHA-512; version 6 is reported but never
//!   counts, since no trusted key makes it; all other versions and types are malformed;
//! - the signing key is found by the issuer that the signature names, and judged as of the signature's creation
//!   time: bound by its primary, with a back-signature, live, not revoked, able to sign;
//! - the creation time is in the hashed area and not in the future (30 minutes of clock skew are allowed);
//! - sequoia's standard policy has the last word on algorithms, key sizes and critical subpackets;
//! - all signatures at hand must agree: one good signature by a trusted key is needed, one bad signature by a
//!   trusted key is fatal, and well-formed signatures by unknown keys change nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sequoia_openpgp as openpgp;

use jiff::Timestamp;
use openpgp::cert::amalgamation::key::PrimaryKey;
use openpgp::cert::amalgamation::{ValidAmalgamation, ValidateAmalgamation};
use openpgp::packet::Signature;
use openpgp::parse::{PacketParser, PacketParserResult, Parse};
use openpgp::policy::{HashAlgoSecurity, Policy};
use openpgp::types::{HashAlgorithm, RevocationStatus, SignatureType};
use openpgp::{KeyHandle, Packet};

use super::keyring::{KeyPolicy, Keyring};
use super::{ArmorFault, PacketFault, armor, packets};
use crate::archive::{SignatureHash, UnverifiedArchive};
use crate::error::{Code, Coded};

/// Largest signature file that is read, in bytes.
pub const SIGNATURE_SIZE_LIMIT_BYTES: usize = armor::ARMOR_LIMIT_BYTES;

/// Why a signature proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The armor.
    #[error("signature: {0}")]
    Armor(#[from] ArmorFault),
    /// The packets inside.
    #[error("signature: {0}")]
    Packet(#[from] PacketFault),
    /// A signature of a kind that signs no archive.
    #[error("signature: {0}")]
    Kind(&'static str),
    /// A time that cannot be.
    #[error("signature: {0}")]
    Time(String),
    /// No trusted key made it.
    #[error("signature by {issuer}: {reason}")]
    UntrustedKey {
        /// Whom the signature names.
        issuer: String,
        /// Why that key does not count.
        reason: String,
    },
    /// It does not match the archive, or policy forbids it.
    #[error("bad signature by {issuer}: {reason}")]
    Bad {
        /// The key that should have made it.
        issuer: String,
        /// What does not hold.
        reason: String,
    },
}

impl Coded for SignatureError {
    fn code(&self) -> Code {
        match self {
            Self::Armor(_) | Self::Packet(_) | Self::Kind(_) => Code::SignatureMalformed,
            Self::Time(_) => Code::SignatureTime,
            Self::UntrustedKey { .. } => Code::SignatureUntrustedKey,
            Self::Bad { .. } => Code::SignatureBad,
        }
    }
}

/// A well-formed signature file that was not yet compared with anything.
#[derive(Clone, Debug)]
pub struct DetachedSignature {
    armored: String,
    signatures: Vec<Parsed>,
}

#[derive(Clone, Debug)]
enum Parsed {
    /// Version 4: what is hashed after the archive's bytes (§5.2.4), and how.
    V4 { signature: Box<Signature>, suffix: Vec<u8>, hash: SignatureHash },
    /// Version 6.
    Unsupported { issuer: String },
}

impl DetachedSignature {
    /// Parses an `.asc` file by the rules of this module.
    ///
    /// # Errors
    /// [`SignatureError`] with the code `signature-malformed`, or `signature-bad` for a hash algorithm that is too weak.
    pub fn parse(armored: &[u8]) -> Result<Self, SignatureError> {
        let bytes = armor::parse(armored)?;
        let signatures = packets::signature_bodies(&bytes)?.into_iter().map(parse_body).collect::<Result<_, _>>()?;
        Ok(Self { armored: String::from_utf8_lossy(armored).into_owned(), signatures })
    }

    /// The hash algorithms that have to be computed over the archive.
    #[must_use]
    pub fn hashes(&self) -> Vec<SignatureHash> {
        let hash = |parsed: &Parsed| if let Parsed::V4 { hash, .. } = parsed { Some(*hash) } else { None };
        self.signatures.iter().filter_map(hash).collect()
    }

    /// The file's text.
    #[must_use]
    pub fn armored(&self) -> &str {
        &self.armored
    }
}

/// Proof that a trusted key signed the very bytes that were received; only this module can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureProof {
    certificate: String,
    signing_key: String,
    created: Timestamp,
    hash: &'static str,
    sha1_back_signature: bool,
}

impl SignatureProof {
    /// Fingerprint of the trusted primary key.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Fingerprint of the key that made the signature.
    #[must_use]
    pub fn signing_key(&self) -> &str {
        &self.signing_key
    }

    /// When the signature says it was made.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// The hash algorithm's name in RFC 9580 §9.5.
    #[must_use]
    pub fn hash(&self) -> &'static str {
        self.hash
    }

    /// Whether the key counts only by the exception for two old subkeys with SHA-1 back-signatures.
    #[must_use]
    pub fn sha1_back_signature(&self) -> bool {
        self.sha1_back_signature
    }
}

fn parse_body(body: &[u8]) -> Result<Parsed, SignatureError> {
    let unreadable = || SignatureError::Kind("unreadable signature packet");
    match body.first() {
        Some(4) => {}
        Some(6) => return Ok(Parsed::Unsupported { issuer: "a version 6 key".to_owned() }),
        _ => return Err(SignatureError::Kind("neither version 4 nor version 6")),
    }
    // Sequoia has been fuzzed a lot, and past panics in its parser (RUSTSEC-2023-0038) are why this is caught.
    let signature = catch_unwind(|| sequoia_signature(body)).ok().flatten().ok_or_else(unreadable)?;
    if signature.typ() != SignatureType::Binary {
        return Err(SignatureError::Kind("not a signature over a binary document (type 0x00)"));
    }
    let hash = match signature.hash_algo() {
        HashAlgorithm::SHA256 => SignatureHash::Sha256,
        HashAlgorithm::SHA384 => SignatureHash::Sha384,
        HashAlgorithm::SHA512 => SignatureHash::Sha512,
        _ => {
            let reason = "its hash algorithm is weaker than SHA-256 or unknown".to_owned();
            return Err(SignatureError::Bad { issuer: issuer(&signature), reason });
        }
    };
    // Version, type, both algorithms, and the hashed area behind its two octets of length.
    let hashed = match body {
        [_, _, _, _, high, low, ..] => body.get(..6 + usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    };
    let hashed = hashed.ok_or_else(unreadable)?;
    let length = u32::try_from(hashed.len()).map_err(|_| unreadable())?;
    let suffix = [hashed, &[4, 0xff], &length.to_be_bytes()].concat();
    Ok(Parsed::V4 { signature: Box::new(signature), suffix, hash })
}

fn sequoia_signature(body: &[u8]) -> Option<Signature> {
    let length = u32::try_from(body.len()).ok()?.to_be_bytes();
    let packet = [&[0xc2, 255][..], &length, body].concat();
    let PacketParserResult::Some(parser) = PacketParser::from_bytes(&packet).ok()? else { return None };
    match parser.next().ok()? {
        (Packet::Signature(signature), PacketParserResult::EOF(_)) => Some(signature),
        _ => None,
    }
}

fn issuer(signature: &Signature) -> String {
    // A fingerprint says more than a key ID, and comes first.
    signature.get_issuers().first().map_or_else(|| "nobody".to_owned(), ToString::to_string)
}

/// Whether `signature` proves that a key of `keyring` signed `archive`.
pub(super) fn check<K>(
    archive: &UnverifiedArchive<K>,
    signature: &DetachedSignature,
    keyring: &Keyring,
) -> Result<SignatureProof, SignatureError> {
    let mut proof = None;
    let mut unknown = None;
    for parsed in &signature.signatures {
        // Whatever a panic leaves behind is dropped with the error.
        let result = catch_unwind(AssertUnwindSafe(|| check_one(archive, parsed, keyring)));
        match result {
            Ok(Ok(good)) => proof = proof.or(Some(good)),
            Ok(Err(error @ SignatureError::UntrustedKey { .. })) => unknown = unknown.or(Some(error)),
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(SignatureError::Kind("signature that cannot be checked")),
        }
    }
    match (proof, unknown) {
        (Some(proof), _) => Ok(proof),
        (None, Some(error)) => Err(error),
        (None, None) => Err(SignatureError::Kind("no signature")),
    }
}

fn check_one<K>(
    archive: &UnverifiedArchive<K>,
    parsed: &Parsed,
    keyring: &Keyring,
) -> Result<SignatureProof, SignatureError> {
    let (signature, suffix, hash) = match parsed {
        Parsed::V4 { signature, suffix, hash } => (signature, suffix, *hash),
        Parsed::Unsupported { issuer } => {
            return Err(SignatureError::UntrustedKey {
                issuer: issuer.clone(),
                reason: "not a trusted key".to_owned(),
            });
        }
    };
    let issuer = issuer(signature);
    let created = signature
        .signature_creation_time()
        .ok_or_else(|| SignatureError::Time("no creation time in its hashed area".to_owned()))?;
    let untrusted = |reason: String| SignatureError::UntrustedKey { issuer: issuer.clone(), reason };
    let bad = |reason: String| SignatureError::Bad { issuer: issuer.clone(), reason };
    let mut issuers = signature.get_issuers();
    // Key IDs can be made to collide; where a fingerprint says who it was, they say nothing.
    if issuers.iter().any(|issuer| matches!(issuer, KeyHandle::Fingerprint(_))) {
        issuers.retain(|issuer| matches!(issuer, KeyHandle::Fingerprint(_)));
    }
    let mut refusal = "not a trusted key".to_owned();
    let keys = keyring.certificates().iter().flat_map(|c| c.keys().key_handles(issuers.iter()));
    // Without this, sequoia would offer every key where a signature names nobody.
    for key in keys.filter(|_| !issuers.is_empty()) {
        let fingerprint = key.key().fingerprint().to_hex();
        let policy = KeyPolicy::of(&fingerprint);
        let key = match key.with_policy(policy, created) {
            Ok(key) => key,
            Err(error) => {
                refusal = format!("key {fingerprint} did not count at {}: {error}", shown(created));
                continue;
            }
        };
        let live = key.valid_cert().alive().and_then(|()| key.alive());
        let revoked = matches!(key.valid_cert().revocation_status(), RevocationStatus::Revoked(_))
            || matches!(key.revocation_status(), RevocationStatus::Revoked(_));
        if let Err(error) = live {
            refusal = format!("key {fingerprint} was not live at {}: {error}", shown(created));
        } else if revoked {
            refusal = format!("key {fingerprint} is revoked");
        } else if !key.for_signing() || key.primary() && !keyring.primary_may_sign() {
            refusal = format!("key {fingerprint} does not sign archives");
        } else {
            // The cheap default-tolerance check: not in the future by more than half an hour, not expired.
            signature.signature_alive(None, None).map_err(|error| SignatureError::Time(error.to_string()))?;
            let digest = archive.signed_digest(hash, suffix).ok_or_else(|| bad("hash not computed".to_owned()))?;
            if !digest.starts_with(signature.digest_prefix()) {
                return Err(bad("it was made over other bytes".to_owned()));
            }
            signature.verify_digest(key.key(), &digest).map_err(|error| bad(error.to_string()))?;
            KeyPolicy::for_data()
                .signature(signature, HashAlgoSecurity::CollisionResistance)
                .map_err(|error| bad(error.to_string()))?;
            return Ok(SignatureProof {
                certificate: key.cert().fingerprint().to_hex(),
                signing_key: fingerprint,
                created: created.try_into().map_err(|_| SignatureError::Time("out of range".to_owned()))?,
                hash: match hash {
                    SignatureHash::Sha256 => "SHA256",
                    SignatureHash::Sha384 => "SHA384",
                    SignatureHash::Sha512 => "SHA512",
                },
                sha1_back_signature: policy.sha1_back_signature,
            });
        }
    }
    Err(untrusted(refusal))
}

fn shown(time: std::time::SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "an unknown time".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_tells_of_the_exception_that_it_rests_on() {
        for sha1_back_signature in [true, false] {
            let (certificate, signing_key) = ("certificate".to_owned(), "signing key".to_owned());
            let created = Timestamp::UNIX_EPOCH;
            let proof = SignatureProof { certificate, signing_key, created, hash: "SHA256", sha1_back_signature };
            assert_eq!(proof.sha1_back_signature(), sha1_back_signature);
        }
    }
}
