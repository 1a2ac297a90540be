//! The one exception for SHA-1: the back-signatures of two subkeys that signed go1.9 to go1.13.
//!
//! Sequoia is asked directly what it thinks of the embedded certificate, so that these tests show what the exception
//! is for, and that it is not wider than that.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use goverify::archive::{Discard, receive};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::trust::{Authenticator, DetachedSignature, Expectation, Keyring, verify};
use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::amalgamation::ValidateAmalgamation;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::policy::{Policy, StandardPolicy};
use sequoia_openpgp::types::KeyFlags;
use support::NO_LOG;
use support::keys::{HashAlgorithm, SignatureType, Signer, time};
use support::sdk::Sdk;

/// Google's subkeys of 2016 and 2017.
const SHA1_BOUND: [&str; 2] = ["3B068FB4789ABE4AEFA3BB491397BC53640DB551", "3E50F6D3EC278FDEB655C8CA6494C6D6997C215E"];
const SIGNING_SUBKEYS: usize = 7;
const CREATED: &str = "2024-01-01T00:00:00Z";
const SIGNED: &str = "2024-07-02T00:00:00Z";

fn google() -> Cert {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys/google-linux-packages.asc");
    Cert::from_bytes(&fs::read(path).unwrap()).unwrap()
}

/// The subkeys that may sign in their first second, as Sequoia sees it under `policy`.
fn signing_subkeys(policy: &dyn Policy) -> BTreeSet<String> {
    let google = google();
    let signs = google.keys().subkeys().filter(|key| {
        let created: SystemTime = key.key().creation_time();
        key.clone().with_policy(policy, created).is_ok_and(|valid| valid.for_signing())
    });
    signs.map(|key| key.key().fingerprint().to_hex()).collect()
}

/// The subkeys that any binding signature calls signing keys, whatever a policy makes of it.
fn claimed_signing_subkeys() -> BTreeSet<String> {
    let google = google();
    let claims = |flags: Option<KeyFlags>| flags.is_some_and(|flags| flags.for_signing());
    let keys = google.keys().subkeys().filter(|key| key.bundle().self_signatures().any(|s| claims(s.key_flags())));
    keys.map(|key| key.key().fingerprint().to_hex()).collect()
}

fn sha1_bound() -> BTreeSet<String> {
    SHA1_BOUND.map(str::to_owned).into()
}

#[test]
fn the_exception_is_shown_for_two_embedded_subkeys_and_no_other() {
    let [google] = &Keyring::embedded().unwrap().summaries()[..] else { panic!("one certificate") };
    assert_eq!(google.signing_keys.len(), SIGNING_SUBKEYS);
    let (by_exception, by_rule): (Vec<_>, Vec<_>) = google.signing_keys.iter().partition(|key| key.sha1_back_signature);
    assert_eq!(by_exception.iter().map(|key| key.fingerprint.clone()).collect::<BTreeSet<_>>(), sha1_bound());
    assert_eq!(by_rule.len(), SIGNING_SUBKEYS - SHA1_BOUND.len());
}

#[test]
fn sequoias_policy_alone_rejects_these_two_and_no_other() {
    let all = claimed_signing_subkeys();
    let standard = signing_subkeys(&StandardPolicy::new());
    assert_eq!(all.len(), SIGNING_SUBKEYS);
    assert_eq!(all.difference(&standard).cloned().collect::<BTreeSet<_>>(), sha1_bound());
    assert!(standard.is_subset(&all));
    // What the exception makes of the certificate is all of it, and nothing but it.
    let [summary] = &Keyring::embedded().unwrap().summaries()[..] else { panic!("one certificate") };
    assert_eq!(summary.signing_keys.iter().map(|key| key.fingerprint.clone()).collect::<BTreeSet<_>>(), all);
}

#[test]
fn sha1_in_the_back_signature_is_all_that_is_wrong_with_them() {
    let mut with_sha1 = StandardPolicy::new();
    with_sha1.accept_hash(HashAlgorithm::SHA1);
    assert_eq!(signing_subkeys(&with_sha1), claimed_signing_subkeys());
    for key in google().keys().subkeys() {
        let fingerprint = key.key().fingerprint().to_hex();
        let bindings: Vec<_> =
            key.bundle().self_signatures().filter(|s| s.key_flags().is_some_and(|f| f.for_signing())).collect();
        let back = bindings.iter().flat_map(|binding| binding.embedded_signatures());
        let back: BTreeSet<_> = back.map(|signature| signature.hash_algo().to_string()).collect();
        assert!(bindings.iter().all(|binding| binding.hash_algo() != HashAlgorithm::SHA1), "{fingerprint}");
        if !bindings.is_empty() {
            assert_eq!(back.contains("SHA1"), SHA1_BOUND.contains(&fingerprint.as_str()), "{fingerprint}: {back:?}");
        }
    }
}

/// A certificate whose subkey is bound with `binding` and back-signed with `back`.
fn bound_with(binding: HashAlgorithm, back: HashAlgorithm) -> Signer {
    let signer = Signer::new("test", CREATED);
    let (primary, subkey) = (signer.primary(), signer.key());
    let public = signer.cert().clone().strip_secret_key_material();
    let key = subkey.public().clone().role_into_subordinate();
    let dated = |kind, hash| {
        let builder = SignatureBuilder::new(kind).set_hash_algo(hash);
        builder.set_signature_creation_time(time(CREATED)).unwrap()
    };
    let back = dated(SignatureType::PrimaryKeyBinding, back)
        .sign_primary_key_binding(&mut subkey.clone(), public.primary_key().key(), &key)
        .unwrap();
    let binding = dated(SignatureType::SubkeyBinding, binding)
        .set_key_flags(KeyFlags::empty().set_signing())
        .unwrap()
        .set_embedded_signature(back)
        .unwrap()
        .sign_subkey_binding(&mut primary.clone(), None, &key)
        .unwrap();
    let bare = public.retain_subkeys(|_| false);
    let (cert, changed) = bare.insert_packets([sequoia_openpgp::Packet::from(key), binding.into()]).unwrap();
    assert!(changed);
    Signer::with_key(cert, subkey)
}

#[test]
fn sha1_binds_no_other_key() {
    let sdk = Sdk::minimal("go1.22.5", "src");
    let archive = sdk.tar_gz();
    let judge = |signer: &Signer| {
        let certificate = signer.certificate();
        let keyring = Keyring::from_files([&certificate[..]]).unwrap();
        let signature = DetachedSignature::parse(&signer.sign(&archive, SIGNED)).unwrap();
        let received = receive(&mut &archive[..], sdk.name(), &[], Discard, &Watch::silent()).unwrap();
        let by = Authenticator::Signature { signature: &signature, keyring: &keyring };
        let verdict = verify(received, &Expectation::default(), by, &NO_LOG);
        let shown: Vec<_> = keyring.summaries().iter().map(|summary| summary.signing_keys.len()).collect();
        (verdict.outcome.map(|_| ()).map_err(|error| error.code()), shown)
    };
    let (sha1, sha256) = (HashAlgorithm::SHA1, HashAlgorithm::SHA256);
    assert_eq!(judge(&bound_with(sha256, sha256)), (Ok(()), vec![1]));
    for (binding, back) in [(sha256, sha1), (sha1, sha256), (sha1, sha1)] {
        let result = judge(&bound_with(binding, back));
        assert_eq!(result, (Err(Code::SignatureUntrustedKey), vec![0]), "binding {binding}, back {back}");
    }
}
