//! Whose signatures count.
//!
//! The embedded certificate is Google's, trusted by the fingerprint of its primary key alone: signing subkeys
//! come and go, and each is accepted only through the primary's binding signature and its own back-signature.
//! The primary itself has never signed a release, so its own signatures over data do not count. No keyserver
//! is ever asked, and no configuration of the system is read.

use std::sync::LazyLock;

use sequoia_openpgp as openpgp;

use openpgp::Cert;
use openpgp::cert::CertParser;
use openpgp::parse::Parse;
use openpgp::policy::{HashAlgoSecurity, Policy, StandardPolicy};
use openpgp::types::HashAlgorithm;

use super::CertificateSummary;
use crate::error::{Code, Coded};

/// The primary key of "Google Inc. (Linux Packages Signing Authority)", RSA-4096, made in 2016.
pub const GOOGLE_FINGERPRINT: &str = "EB4C1BFD4F042F6DDDCCEC917721F63BD38B4796";
pub(super) const GOOGLE_CERTIFICATE: &[u8] = include_bytes!("../../keys/google-linux-packages.asc");
/// Largest certificate file in bytes; Google's has 17 KB.
pub const KEYRING_SIZE_LIMIT_BYTES: u64 = 1 << 20;
/// Most certificates of a keyring.
const CERTIFICATES_LIMIT: usize = 64;
/// Google's subkeys of 2016 and 2017, whose back-signatures were made with SHA-1. They signed go1.9 to go1.13.
/// No other key's SHA-1 binding is accepted.
const SHA1_BACK_SIGNATURES: [&str; 2] =
    ["3B068FB4789ABE4AEFA3BB491397BC53640DB551", "3E50F6D3EC278FDEB655C8CA6494C6D6997C215E"];

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// Not OpenPGP certificates.
    #[error("not an OpenPGP certificate: {0}")]
    Malformed(String),
    /// Too large, or too many.
    #[error("more than 1 MiB or 64 certificates")]
    TooLarge,
    /// No certificate in it.
    #[error("no certificate in it")]
    Empty,
    /// The certificate built into this program is not the one that was pinned.
    #[error("the embedded certificate is not {GOOGLE_FINGERPRINT}")]
    NotPinned,
}

impl Coded for KeyringError {
    fn code(&self) -> Code {
        Code::Usage
    }
}

/// The trusted certificates.
#[derive(Clone, Debug)]
pub struct Keyring {
    certificates: Vec<Cert>,
    /// The certificate of this program, if it is trusted, from before anything was added to it.
    built_in: Option<Cert>,
}

impl Keyring {
    /// Google's certificate, as built into this program.
    ///
    /// # Errors
    /// [`KeyringError::NotPinned`] when the program was built with another one.
    pub fn embedded() -> Result<Self, KeyringError> {
        Self::pinned(GOOGLE_CERTIFICATE)
    }

    /// The text of the certificate that is built into this program.
    #[must_use]
    pub fn embedded_text() -> &'static [u8] {
        GOOGLE_CERTIFICATE
    }

    fn pinned(content: &[u8]) -> Result<Self, KeyringError> {
        let built_in = pinned(content, GOOGLE_FINGERPRINT)?;
        Ok(Self::of_pinned(built_in.clone(), built_in))
    }

    /// The certificate `known`, which is `built_in` with all that was added to it.
    pub(super) fn of_pinned(known: Cert, built_in: Cert) -> Self {
        Self { certificates: vec![known], built_in: Some(built_in) }
    }

    /// The certificates of these files, armored or binary, in place of the embedded one.
    ///
    /// # Errors
    /// [`KeyringError`] when a file is not made of certificates, or there are none.
    pub fn from_files<'a>(contents: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, KeyringError> {
        let mut certificates = Vec::new();
        for content in contents {
            certificates.extend(parse(content)?);
        }
        if certificates.is_empty() {
            return Err(KeyringError::Empty);
        }
        if certificates.len() > CERTIFICATES_LIMIT {
            return Err(KeyringError::TooLarge);
        }
        Ok(Self { certificates, built_in: None })
    }

    /// Whether this certificate is trusted.
    #[must_use]
    pub fn trusts(&self, fingerprint: &str) -> bool {
        self.certificates.iter().any(|c| c.fingerprint().to_hex() == fingerprint)
    }

    /// What there is to show of each certificate.
    #[must_use]
    pub fn summaries(&self) -> Vec<CertificateSummary> {
        let summary = |cert| CertificateSummary::of(cert, self.built_in.as_ref(), self.primary_may_sign());
        self.certificates.iter().map(summary).collect()
    }

    pub(super) fn certificates(&self) -> &[Cert] {
        &self.certificates
    }

    /// Whether primary keys may sign archives.
    pub(super) fn primary_may_sign(&self) -> bool {
        self.built_in.is_none()
    }
}

/// The one certificate that `content` has, which must be the one with this fingerprint.
pub(super) fn pinned(content: &[u8], fingerprint: &str) -> Result<Cert, KeyringError> {
    let mut certificates = parse(content)?.into_iter();
    match (certificates.next(), certificates.next()) {
        (Some(only), None) if only.fingerprint().to_hex() == fingerprint => Ok(only),
        _ => Err(KeyringError::NotPinned),
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<Cert>, KeyringError> {
    if bytes.len() as u64 > KEYRING_SIZE_LIMIT_BYTES {
        return Err(KeyringError::TooLarge);
    }
    let malformed = |error: openpgp::anyhow::Error| KeyringError::Malformed(error.to_string());
    let certificates: Result<Vec<Cert>, _> = CertParser::from_bytes(bytes).map_err(malformed)?.collect();
    let certificates = certificates.map_err(malformed)?;
    if certificates.is_empty() { Err(KeyringError::Empty) } else { Ok(certificates) }
}

/// Sequoia's standard policy as of now, never as of the signature's own time, which its signer chooses; for the two
/// subkeys named above it lets a SHA-1 back-signature pass.
#[derive(Debug)]
pub(super) struct KeyPolicy {
    standard: StandardPolicy<'static>,
    pub(super) sha1_back_signature: bool,
}

static STANDARD: LazyLock<KeyPolicy> =
    LazyLock::new(|| KeyPolicy { standard: StandardPolicy::new(), sha1_back_signature: false });
static LEGACY: LazyLock<KeyPolicy> =
    LazyLock::new(|| KeyPolicy { standard: StandardPolicy::new(), sha1_back_signature: true });

impl KeyPolicy {
    /// The policy for the key with this fingerprint.
    pub(super) fn of(fingerprint: &str) -> &'static Self {
        if SHA1_BACK_SIGNATURES.contains(&fingerprint) { &LEGACY } else { &STANDARD }
    }

    /// The policy for signatures over data.
    pub(super) fn for_data() -> &'static Self {
        &STANDARD
    }
}

impl Policy for KeyPolicy {
    fn signature(&self, signature: &openpgp::packet::Signature, security: HashAlgoSecurity) -> openpgp::Result<()> {
        use openpgp::types::SignatureType::PrimaryKeyBinding;
        if self.sha1_back_signature
            && signature.typ() == PrimaryKeyBinding
            && signature.hash_algo() == HashAlgorithm::SHA1
        {
            let mut legacy = self.standard.clone();
            legacy.accept_hash(HashAlgorithm::SHA1);
            return legacy.signature(signature, security);
        }
        self.standard.signature(signature, security)
    }

    fn key(
        &self,
        key: &openpgp::cert::prelude::ValidErasedKeyAmalgamation<openpgp::packet::key::PublicParts>,
    ) -> openpgp::Result<()> {
        self.standard.key(key)
    }
}

#[cfg(test)]
mod tests {
    use openpgp::cert::CertBuilder;
    use openpgp::serialize::SerializeInto;

    use super::*;

    #[test]
    fn the_embedded_certificate_is_the_one_that_was_pinned_and_no_other() {
        let (other, _) =
            CertBuilder::new().add_userid("Google Inc. (Linux Packages Signing Authority)").generate().unwrap();
        let other = other.to_vec().unwrap();
        let keyring = Keyring::pinned(GOOGLE_CERTIFICATE).unwrap();
        assert!(keyring.trusts(GOOGLE_FINGERPRINT) && !keyring.trusts("3B068FB4789ABE4AEFA3BB491397BC53640DB551"));
        let google = &keyring.certificates()[..1][0].to_vec().unwrap();
        for content in [&other, &[&google[..], &other].concat(), &[&google[..], google].concat()] {
            assert!(matches!(Keyring::pinned(content), Err(KeyringError::NotPinned)));
        }
        assert!(matches!(Keyring::pinned(b""), Err(KeyringError::Empty | KeyringError::Malformed(_))));
    }
}
