//! Certificates of a keyring, armored or not: whatever is in there, all of it can be shown, and the genuine signature of
//! the seeds counts through the certificate that made it and no other. Nobody but Google adds to Google's.

use std::sync::LazyLock;

use goverify::trust::{Authenticator, Expectation, KEYRING_SIZE_LIMIT_BYTES, Keyring, PinnedCertificate, verify};

use crate::Seed;
use crate::archives::{NO_LOG, received, worth_the_way};
use crate::openpgp::{self, ARCHIVE};
use crate::support::keys;

/// A real certificate of many subkeys, user IDs and old signatures.
const GOOGLE: &[u8] = include_bytes!("../../keys/google-linux-packages.asc");

pub fn seeds() -> Vec<Seed> {
    let signer = openpgp::signer();
    let binary = keys::dearmor(&signer.certificate());
    vec![
        Seed::accepted("armored", signer.certificate()),
        Seed::accepted("twice", binary.repeat(2)),
        Seed::accepted("binary", binary),
        Seed::rejected("google", GOOGLE),
        Seed::rejected("signature", signer.sign(b"seed", openpgp::SIGNED)),
    ]
}

pub fn check(input: &[u8]) -> bool {
    static BUILT_IN: LazyLock<PinnedCertificate> = LazyLock::new(|| PinnedCertificate::google().unwrap());
    if let Ok(updated) = BUILT_IN.update(input) {
        assert!(updated.knows_the_same(&BUILT_IN), "who has Google's primary key?");
    }
    let Ok(keyring) = Keyring::from_files([input]) else { return false };
    assert!(input.len() as u64 <= KEYRING_SIZE_LIMIT_BYTES);
    let summaries = keyring.summaries();
    assert!((1..=64).contains(&summaries.len()));
    assert!(summaries.iter().all(|summary| keyring.trusts(&summary.fingerprint) && !summary.embedded));

    let (certificate, signing_key) = openpgp::fingerprints();
    if !keyring.trusts(certificate) && !worth_the_way(input) {
        return false;
    }
    let signature = openpgp::genuine();
    let archive = received(&ARCHIVE.1, &ARCHIVE.0, &signature.hashes()).unwrap();
    let by = Authenticator::Signature { signature, keyring: &keyring };
    let Ok(verified) = verify(archive, &Expectation::default(), by, &NO_LOG).outcome else { return false };
    let (proof, _) = verified.signature().unwrap();
    assert_eq!((proof.certificate(), proof.signing_key()), (&certificate[..], &signing_key[..]));
    // A keyring may hold a certificate twice, and not all of it in each.
    let mut keys = summaries.iter().filter(|s| s.fingerprint == *certificate).flat_map(|summary| &summary.signing_keys);
    assert!(keys.any(|key| key.fingerprint == *signing_key), "a key that signs is shown");
    true
}
