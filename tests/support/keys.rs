//! OpenPGP certificates and detached signatures for tests, genuine or with a fault of the test's choosing.
#![allow(dead_code, unreachable_pub, reason = "every test crate compiles all of this and uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a builder that cannot build is a failed test")]

use std::io::{Read, Write};
use std::time::SystemTime;

use sequoia_openpgp::armor;
use sequoia_openpgp::cert::{CertBuilder, CipherSuite};
use sequoia_openpgp::crypto::KeyPair;
use sequoia_openpgp::packet::Packet;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::{Serialize, SerializeInto};
use sequoia_openpgp::types::KeyFlags;

pub use sequoia_openpgp::Cert;
pub use sequoia_openpgp::types::{HashAlgorithm, SignatureType};

/// A certificate with its secret keys, and the one of them that signs data.
pub struct Signer {
    cert: Cert,
    key: KeyPair,
}

impl Signer {
    /// An Ed25519 primary that only certifies, and a signing subkey; both made at `created` (RFC 3339) and without
    /// expiry.
    pub fn new(user_id: &str, created: &str) -> Self {
        Self::generate(CertBuilder::new().add_userid(user_id).add_signing_subkey(), created)
    }

    /// A certificate whose primary signs data itself.
    pub fn primary_only(user_id: &str, created: &str) -> Self {
        let flags = KeyFlags::empty().set_certification().set_signing();
        Self::generate(CertBuilder::new().add_userid(user_id).set_primary_key_flags(flags), created)
    }

    /// What `builder` describes, with Ed25519 keys made at `created`.
    pub fn generate(builder: CertBuilder, created: &str) -> Self {
        let builder = builder.set_creation_time(time(created)).set_cipher_suite(CipherSuite::Cv25519);
        let (cert, _revocation) = builder.generate().unwrap();
        Self::of(cert)
    }

    /// What [`Self::secret`] wrote.
    pub fn from_secret(armored: &[u8]) -> Self {
        Self::of(Cert::from_bytes(armored).unwrap())
    }

    fn of(cert: Cert) -> Self {
        let policy = StandardPolicy::new();
        // At the creation time, so that certificates that have expired since can still be used.
        let created = cert.primary_key().key().creation_time();
        let valid = cert.with_policy(&policy, created).unwrap();
        let key = valid.keys().secret().for_signing().next().expect("a signing key").key().clone();
        let key = key.into_keypair().unwrap();
        Self { cert, key }
    }

    /// `cert` with `key` as the one that signs, whether or not the certificate knows it or lets it sign.
    pub fn with_key(cert: Cert, key: KeyPair) -> Self {
        Self { cert, key }
    }

    /// The key that signs.
    pub fn key(&self) -> KeyPair {
        self.key.clone()
    }

    /// The primary key, which certifies.
    pub fn primary(&self) -> KeyPair {
        self.cert.primary_key().key().clone().parts_into_secret().unwrap().into_keypair().unwrap()
    }

    /// The certificate, secret keys included.
    pub fn cert(&self) -> &Cert {
        &self.cert
    }

    /// The primary's fingerprint in upper-case hex digits.
    pub fn fingerprint(&self) -> String {
        self.cert.fingerprint().to_hex()
    }

    /// The fingerprint of the key that signs, in upper-case hex digits.
    pub fn signing_fingerprint(&self) -> String {
        self.key.public().fingerprint().to_hex()
    }

    /// The armored certificate, without secrets.
    pub fn certificate(&self) -> Vec<u8> {
        self.cert.clone().strip_secret_key_material().armored().to_vec().unwrap()
    }

    /// The armored certificate with its secret keys, which no password protects.
    pub fn secret(&self) -> Vec<u8> {
        self.cert.as_tsk().armored().to_vec().unwrap()
    }

    /// An armored detached signature as releases have it: binary, SHA-256, made at `created` (RFC 3339).
    pub fn sign(&self, bytes: &[u8], created: &str) -> Vec<u8> {
        self.sign_as(bytes, created, HashAlgorithm::SHA256, SignatureType::Binary)
    }

    /// An armored detached signature of any type and algorithm, made at `created`, valid or not.
    pub fn sign_as(&self, bytes: &[u8], created: &str, hash: HashAlgorithm, kind: SignatureType) -> Vec<u8> {
        let builder = SignatureBuilder::new(kind).set_signature_creation_time(time(created)).unwrap();
        self.sign_with(bytes, builder.set_hash_algo(hash))
    }

    /// The armored detached signature that `builder` describes; a text signature hashes lines that end in CR LF.
    pub fn sign_with(&self, bytes: &[u8], builder: SignatureBuilder) -> Vec<u8> {
        let mut hash = builder.hash_algo().context().unwrap().for_signature(4);
        if builder.typ() == SignatureType::Text {
            hash.update(&with_crlf(bytes));
        } else {
            hash.update(bytes);
        }
        let signature = builder.sign_hash(&mut self.key.clone(), hash).unwrap();
        let mut packets = Vec::new();
        Packet::from(signature).serialize(&mut packets).unwrap();
        armor(&packets)
    }
}

/// Packets in the armor of a signature.
pub fn armor(packets: &[u8]) -> Vec<u8> {
    let mut writer = armor::Writer::new(Vec::new(), armor::Kind::Signature).unwrap();
    writer.write_all(packets).unwrap();
    writer.finalize().unwrap()
}

/// The packets inside an armor of any kind.
pub fn dearmor(armored: &[u8]) -> Vec<u8> {
    let mut packets = Vec::new();
    armor::Reader::from_bytes(armored, None).read_to_end(&mut packets).unwrap();
    packets
}

/// An RFC 3339 time.
pub fn time(text: &str) -> SystemTime {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes.len());
    let mut previous = 0;
    for &byte in bytes {
        match byte {
            b'\n' if previous == b'\r' => {}
            b'\n' | b'\r' => lines.extend(b"\r\n"),
            _ => lines.push(byte),
        }
        previous = byte;
    }
    lines
}
