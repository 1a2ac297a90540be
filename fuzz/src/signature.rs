//! Detached signatures: the packets inside the armor, which is put around them here so that mutations need not be
//! base64. What verifies was made by the key that is trusted, and verifies no other archive.

use goverify::trust::{Authenticator, DetachedSignature, Expectation, SignatureProof, verify};
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::types::{HashAlgorithm, SignatureType};

use crate::Seed;
use crate::archives::{NO_LOG, received};
use crate::openpgp::{self, ARCHIVE, SIGNED};
use crate::support::keys;

pub fn seeds() -> Vec<Seed> {
    let (signer, archive) = (openpgp::signer(), &ARCHIVE.1);
    let sign = |hash, kind| keys::dearmor(&signer.sign_as(archive, SIGNED, hash, kind));
    let genuine = sign(HashAlgorithm::SHA256, SignatureType::Binary);
    let noted = SignatureBuilder::new(SignatureType::Binary)
        .set_hash_algo(HashAlgorithm::SHA256)
        .set_signature_creation_time(keys::time(SIGNED))
        .and_then(|builder| builder.add_notation("note@goverify.invalid", b"seed", None, false))
        .unwrap();
    vec![
        Seed::accepted("sha512", sign(HashAlgorithm::SHA512, SignatureType::Binary)),
        Seed::accepted("sha384", sign(HashAlgorithm::SHA384, SignatureType::Binary)),
        Seed::accepted("notation", keys::dearmor(&signer.sign_with(archive, noted))),
        Seed::accepted("twice", genuine.repeat(2)),
        Seed::accepted("sha256", genuine),
        Seed::rejected("text", sign(HashAlgorithm::SHA256, SignatureType::Text)),
        Seed::rejected("sha1", sign(HashAlgorithm::SHA1, SignatureType::Binary)),
        Seed::rejected("other", keys::dearmor(&signer.sign(b"other", SIGNED))),
        Seed::rejected("certificate", keys::dearmor(&signer.certificate())),
    ]
}

pub fn check(packets: &[u8]) -> bool {
    let armored = keys::armor(packets);
    let Ok(signature) = DetachedSignature::parse(&armored) else { return false };
    assert_eq!(signature.armored().as_bytes(), armored);
    let Some(proof) = proof(&signature, &ARCHIVE.1) else { return false };
    let (certificate, signing_key) = openpgp::fingerprints();
    assert_eq!((proof.certificate(), proof.signing_key()), (&certificate[..], &signing_key[..]));
    assert!(!proof.sha1_back_signature());
    let mut other = ARCHIVE.1.clone();
    // The gzip header's time, which means nothing.
    other[4] ^= 1;
    assert_eq!(self::proof(&signature, &other), None, "one signature verifies two archives");
    true
}

fn proof(signature: &DetachedSignature, archive: &[u8]) -> Option<SignatureProof> {
    let received = received(archive, &ARCHIVE.0, &signature.hashes()).unwrap();
    let by = Authenticator::Signature { signature, keyring: openpgp::keyring() };
    let verified = verify(received, &Expectation::default(), by, &NO_LOG).outcome.ok()?;
    verified.signature().map(|(proof, _)| proof.clone())
}
