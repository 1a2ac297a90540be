//! What a verdict says of each check, and what a verified archive says that it rests on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::LazyLock;

use goverify::archive::{Discard, receive};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::trust::{
    Authenticator, Check, CheckKind, CheckStatus, DetachedSignature, DigestSource, Evidence, Expectation,
    ExpectedDigest, Keyring, SignatureError, Transparency, Trust, TrustError, Verdict, verify,
};
use sha2::{Digest, Sha256};
use support::NO_LOG;
use support::keys::Signer;
use support::log::TestLog;
use support::mirror::SIGNED;
use support::record::{h1, record};
use support::sdk::Sdk;

const CREATED: &str = "2024-01-01T00:00:00Z";
/// Where the log has the release.
const AT: u64 = 300;

static SDK: LazyLock<(Sdk, Vec<u8>)> = LazyLock::new(|| {
    let sdk = Sdk::linux_amd64("go1.22.5");
    let archive = sdk.tar_gz();
    (sdk, archive)
});
static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new("trusted", CREATED));
static STRANGER: LazyLock<Signer> = LazyLock::new(|| Signer::new("stranger", CREATED));

fn judge(by: Authenticator<'_>, expectation: &Expectation, transparency: &Transparency) -> Verdict<Discard> {
    let (sdk, archive) = &*SDK;
    let received = receive(&mut &archive[..], sdk.name(), &[], Discard, &Watch::silent()).unwrap();
    verify(received, expectation, by, transparency)
}

fn keyring() -> Keyring {
    Keyring::from_files([&SIGNER.certificate()[..]]).unwrap()
}

fn logged(log: &TestLog) -> Transparency {
    let key = log.key().text().parse().unwrap();
    Transparency::stored(log.tlog_proof(AT, 700).as_bytes(), &key)
}

fn log() -> TestLog {
    TestLog::with(700, &[(AT, &record(&SDK.0))])
}

fn digest(sha256: [u8; 32]) -> Expectation {
    let digests = vec![ExpectedDigest { sha256, source: DigestSource::User }];
    Expectation { digests, size_bytes: None }
}

fn statuses(checks: &[Check]) -> Vec<(CheckKind, CheckStatus)> {
    checks.iter().map(|check| (check.kind, check.status)).collect()
}

/// The statuses of all checks, in their order.
fn all(digest: CheckStatus, signature: CheckStatus, transparency: CheckStatus) -> Vec<(CheckKind, CheckStatus)> {
    vec![
        (CheckKind::Digest, digest),
        (CheckKind::Signature, signature),
        (CheckKind::Layout, CheckStatus::Passed),
        (CheckKind::Transparency, transparency),
    ]
}

use CheckStatus::{Failed, NotPublished, NotRequested, Passed};

#[test]
fn a_signed_archive_says_who_signed_it_and_what_it_is() {
    let armored = SIGNER.sign(&SDK.1, SIGNED);
    let signature = DetachedSignature::parse(&armored).unwrap();
    assert_eq!(signature.armored().as_bytes(), armored);
    let keyring = keyring();
    assert!(keyring.trusts(&SIGNER.fingerprint()) && !keyring.trusts(&STRANGER.fingerprint()));
    let by = Authenticator::Signature { signature: &signature, keyring: &keyring };
    let verdict = judge(by, &Expectation::default(), &NO_LOG);
    assert_eq!(statuses(&verdict.checks), all(NotRequested, Passed, NotRequested));
    let verified = verdict.outcome.unwrap();
    let sha256: [u8; 32] = Sha256::digest(&SDK.1).into();
    assert_eq!((verified.name(), verified.size_bytes()), (SDK.0.name(), SDK.1.len() as u64));
    assert_eq!((verified.sha256(), verified.trust()), (&sha256, Trust::Signature));
    assert_eq!((verified.unauthenticated_files(), verified.transparency()), (None, None));
    let (proof, text) = verified.signature().unwrap();
    assert_eq!(text.as_bytes(), armored);
    let keys = (SIGNER.fingerprint(), SIGNER.signing_fingerprint());
    assert_eq!((proof.certificate(), proof.signing_key()), (keys.0.as_str(), keys.1.as_str()));
    assert_eq!((proof.created(), proof.hash()), (SIGNED.parse().unwrap(), "SHA256"));
    assert!(!proof.sha1_back_signature());
    assert_eq!(verdict.checks[1].evidence, Evidence::Signature(proof.clone()));
    let expected = Evidence::Digest { expected: vec![], actual: sha256 };
    assert_eq!(verdict.checks[0].evidence, expected);
}

#[test]
fn a_logged_archive_says_what_the_log_leaves_out() {
    let log = log();
    let verdict = judge(Authenticator::Transparency, &Expectation::default(), &logged(&log));
    assert_eq!(statuses(&verdict.checks), all(NotRequested, NotPublished, Passed));
    let verified = verdict.outcome.unwrap();
    let proof = verified.transparency().unwrap();
    assert_eq!((proof.record_number(), proof.tree_size(), proof.log()), (AT, 700, TestLog::NAME));
    assert_eq!((proof.h1().to_string(), verified.trust()), (h1(&SDK.0), Trust::Transparency));
    assert!(verified.signature().is_none());
    let left_out = |path: &&String| ["api", "doc", "misc", "test"].contains(&path.split('/').next().unwrap());
    let expected = SDK.0.files().keys().filter(left_out).count() as u64;
    assert_eq!(verified.unauthenticated_files(), Some(expected));
    assert!(expected > 1 && expected < verified.manifest().files());
    let armored = SIGNER.sign(&SDK.1, SIGNED);
    let (signature, keyring) = (DetachedSignature::parse(&armored).unwrap(), keyring());
    let by = Authenticator::SignatureAndTransparency { signature: &signature, keyring: &keyring };
    let both = judge(by, &Expectation::default(), &logged(&log)).outcome.unwrap();
    assert_eq!((both.trust(), both.unauthenticated_files()), (Trust::SignatureAndTransparency, None));
    assert!(both.transparency() == Some(proof) && both.signature().unwrap().1.as_bytes() == armored);
}

#[test]
fn the_check_of_the_digest_fails_with_the_digest_or_with_the_size() {
    let (size, right) = (SDK.1.len() as u64, digest(Sha256::digest(&SDK.1).into()));
    let wrong = digest([7; 32]);
    let nothing = Expectation::default();
    for (expected, size_bytes, status, code) in [
        (&nothing, None, NotRequested, Some(Code::Usage)),
        (&nothing, Some(size), NotRequested, Some(Code::Usage)),
        (&nothing, Some(size + 1), Failed, Some(Code::SizeMismatch)),
        (&right, None, Passed, None),
        (&right, Some(size), Passed, None),
        (&right, Some(size - 1), Failed, Some(Code::SizeMismatch)),
        (&wrong, None, Failed, Some(Code::DigestMismatch)),
        (&wrong, Some(size), Failed, Some(Code::DigestMismatch)),
        (&wrong, Some(size + 1), Failed, Some(Code::SizeMismatch)),
    ] {
        let expectation = Expectation { size_bytes, ..expected.clone() };
        let verdict = judge(Authenticator::DigestOnly, &expectation, &NO_LOG);
        assert_eq!(statuses(&verdict.checks), all(status, NotPublished, NotRequested), "{expectation:?}");
        match verdict.outcome {
            Ok(verified) => assert_eq!((verified.trust(), code), (Trust::DigestOnly, None)),
            Err(error) => assert_eq!(Some(error.code()), code),
        }
    }
}

#[test]
fn the_check_of_the_signature_fails_with_its_time_and_names_the_key_that_does_not_count() {
    let keyring = keyring();
    let judge = |armored: &[u8]| {
        let signature = DetachedSignature::parse(armored).unwrap();
        let by = Authenticator::Signature { signature: &signature, keyring: &keyring };
        let verdict = judge(by, &Expectation::default(), &NO_LOG);
        assert_eq!(statuses(&verdict.checks), all(NotRequested, Failed, NotRequested));
        verdict.outcome.unwrap_err()
    };
    // The key is there, and the release is not yet.
    assert_eq!(judge(&SIGNER.sign(&SDK.1, "2024-01-02T00:00:00Z")).code(), Code::SignatureTime);
    let untrusted =
        SignatureError::UntrustedKey { issuer: STRANGER.signing_fingerprint(), reason: "not a trusted key".to_owned() };
    assert_eq!(judge(&STRANGER.sign(&SDK.1, SIGNED)), TrustError::Signature(untrusted));
    let bad =
        SignatureError::Bad { issuer: SIGNER.signing_fingerprint(), reason: "it was made over other bytes".to_owned() };
    assert_eq!(judge(&SIGNER.sign(b"other bytes", SIGNED)), TrustError::Signature(bad));
    let TrustError::Signature(SignatureError::UntrustedKey { issuer, reason }) =
        judge(&SIGNER.sign(&SDK.1, "2023-01-01T00:00:00Z"))
    else {
        panic!("the key was not there yet")
    };
    assert_eq!(issuer, SIGNER.signing_fingerprint());
    assert!(reason.contains(" at 2023-01-01T00:00:00Z: "), "{reason}");
}
