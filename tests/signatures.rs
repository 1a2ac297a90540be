//! Signatures that must not count, each beside the one that differs least from it and does.
//!
//! Everything is judged as the paved path does it: parse, receive, verify, with one small archive and keys made here.
//! Codes are compared as values, since scripts rely on them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "signatures/form.rs"]
mod form;
#[path = "signatures/keyring.rs"]
mod keyring;
#[path = "signatures/rotation.rs"]
mod rotation;
#[path = "signatures/rsa.rs"]
mod rsa;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use goverify::archive::{Discard, receive};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::release::ArchiveName;
use goverify::trust::{
    Authenticator, DetachedSignature, DigestSource, Expectation, ExpectedDigest, GOOGLE_FINGERPRINT, Keyring,
    TrustError, verify,
};
use sequoia_openpgp::Fingerprint;
use sequoia_openpgp::cert::{CertBuilder, CertRevocationBuilder, SubkeyRevocationBuilder};
use sequoia_openpgp::crypto::KeyPair;
use sequoia_openpgp::packet::key::{Key4, SecretParts, SubordinateRole};
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketValue};
use sequoia_openpgp::packet::{Key, Packet, Trust};
use sequoia_openpgp::serialize::SerializeInto;
use sequoia_openpgp::types::{KeyFlags, ReasonForRevocation};
use sha2::{Digest, Sha256};
use support::NO_LOG;
use support::keys::{Cert, HashAlgorithm, SignatureType, Signer, armor, dearmor, time};
use support::sdk::Sdk;
use support::tar_entry::{TarEntry, gzip, tar};

const CREATED: &str = "2024-01-01T00:00:00Z";
const SIGNED: &str = "2024-07-02T00:00:00Z";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The signing key's fingerprint, or why the signature does not count.
type Judgement = Result<String, Code>;

static ARCHIVE: LazyLock<(ArchiveName, Vec<u8>)> = LazyLock::new(|| {
    let sdk = Sdk::minimal("go1.22.5", "src");
    (sdk.name().clone(), sdk.tar_gz())
});
static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new("trusted", CREATED));
static STRANGER: LazyLock<Signer> = LazyLock::new(|| Signer::new("stranger", CREATED));

fn bytes() -> &'static [u8] {
    &ARCHIVE.1
}

fn judge_archive(archive: &[u8], name: &ArchiveName, armored: &[u8], keyring: &Keyring) -> Judgement {
    let signature = DetachedSignature::parse(armored).map_err(|error| error.code())?;
    let received = receive(&mut &archive[..], name, &signature.hashes(), Discard, &Watch::silent());
    let by = Authenticator::Signature { signature: &signature, keyring };
    let verdict = verify(received.map_err(|error| error.code())?, &Expectation::default(), by, &NO_LOG);
    match verdict.outcome {
        Ok(verified) => Ok(verified.signature().unwrap().0.signing_key().to_owned()),
        Err(error) => Err(error.code()),
    }
}

fn judge_by(armored: &[u8], cert: &Cert) -> Judgement {
    let certificate = cert.clone().strip_secret_key_material().to_vec().unwrap();
    let keyring = Keyring::from_files([&certificate[..]]).unwrap();
    judge_archive(bytes(), &ARCHIVE.0, armored, &keyring)
}

/// With [`SIGNER`] trusted.
fn judge(armored: &[u8]) -> Judgement {
    judge_by(armored, SIGNER.cert())
}

/// `signer`'s signature made at `signed`, with its own certificate trusted.
fn judge_own(signer: &Signer, signed: &str) -> Judgement {
    judge_by(&signer.sign(bytes(), signed), signer.cert())
}

fn good() -> Judgement {
    Ok(SIGNER.signing_fingerprint())
}

/// A binary SHA-256 signature of `created`.
fn builder(kind: SignatureType, created: &str) -> SignatureBuilder {
    let builder = SignatureBuilder::new(kind).set_hash_algo(HashAlgorithm::SHA256);
    builder.set_signature_creation_time(time(created)).unwrap()
}

fn signed_with(edit: impl FnOnce(SignatureBuilder) -> sequoia_openpgp::Result<SignatureBuilder>) -> Vec<u8> {
    SIGNER.sign_with(bytes(), edit(builder(SignatureType::Binary, SIGNED)).unwrap())
}

fn now_and(ahead: Duration) -> String {
    jiff::Timestamp::try_from(SystemTime::now() + ahead).unwrap().to_string()
}

fn several(signatures: &[&[u8]]) -> Vec<u8> {
    armor(&signatures.iter().flat_map(|armored| dearmor(armored)).collect::<Vec<_>>())
}

/// How a signing subkey is tied to its primary.
enum Binding<'a> {
    None,
    WithoutBackSignature,
    BackSignedBy(&'a KeyPair),
    ForgedBy(&'a KeyPair),
}

/// A fresh certificate with `key` for its only subkey.
fn bound(key: &KeyPair, binding: &Binding<'_>) -> Signer {
    let owner = Signer::new("owner", CREATED);
    let subkey = key.public().clone().role_into_subordinate();
    let primary = owner.cert().primary_key().key().clone().parts_into_public();
    let back = |by: &KeyPair| {
        let back = builder(SignatureType::PrimaryKeyBinding, CREATED);
        back.sign_primary_key_binding(&mut by.clone(), &primary, &subkey).unwrap()
    };
    let plain = builder(SignatureType::SubkeyBinding, CREATED).set_key_flags(KeyFlags::empty().set_signing()).unwrap();
    let bind = |by: &KeyPair, embedded: Option<&KeyPair>| {
        let embed = |by| plain.clone().set_embedded_signature(back(by)).unwrap();
        embedded.map_or(plain.clone(), embed).sign_subkey_binding(&mut by.clone(), &primary, &subkey).unwrap()
    };
    let binding = match binding {
        Binding::None => None,
        Binding::WithoutBackSignature => Some(bind(&owner.primary(), None)),
        Binding::BackSignedBy(by) => Some(bind(&owner.primary(), Some(by))),
        Binding::ForgedBy(by) => Some(bind(by, Some(key))),
    };
    let packets = std::iter::once(Packet::from(subkey.clone())).chain(binding.map(Packet::from));
    let bare = owner.cert().clone().retain_subkeys(|_| false);
    let (cert, _) = bare.insert_packets(packets).unwrap();
    Signer::with_key(cert, key.clone())
}

fn key_pair(key: Key4<SecretParts, SubordinateRole>, created: &str) -> KeyPair {
    let mut key = Key::from(key);
    key.set_creation_time(time(created)).unwrap();
    key.into_keypair().unwrap()
}

/// A certificate with an unlimited primary and a signing subkey that lives for `validity`.
fn with_short_lived_subkey(created: &str, validity: Duration) -> Signer {
    let flags = KeyFlags::empty().set_signing();
    Signer::generate(CertBuilder::new().add_userid("short").add_subkey(flags, validity, None), created)
}

#[test]
fn p01_expired_subkey_that_was_live() {
    let signer = with_short_lived_subkey(CREATED, 365 * DAY);
    assert!(time(CREATED) + 365 * DAY < SystemTime::now());
    assert_eq!(judge_own(&signer, SIGNED), Ok(signer.signing_fingerprint()));
    assert_eq!(judge_own(&signer, &now_and(Duration::ZERO)), Err(Code::SignatureUntrustedKey));
    // Of two subkeys, each counts in its own time.
    let flags = || KeyFlags::empty().set_signing();
    let two = CertBuilder::new().add_userid("two").add_subkey(flags(), 365 * DAY, None).add_subkey(flags(), None, None);
    let two = Signer::generate(two, CREATED);
    let keys = two.cert().keys().subkeys().secret().map(|key| key.key().clone().into_keypair().unwrap());
    let fingerprints: BTreeSet<_> =
        keys.map(|key| judge_own(&Signer::with_key(two.cert().clone(), key), SIGNED).unwrap()).collect();
    assert_eq!(fingerprints.len(), 2);
    // A whole certificate that has expired since.
    let expired = CertBuilder::new().add_userid("old").set_validity_period(365 * DAY).add_signing_subkey();
    let expired = Signer::generate(expired, CREATED);
    assert_eq!(judge_own(&expired, SIGNED), Ok(expired.signing_fingerprint()));
    assert_eq!(judge_own(&expired, "2025-06-01T00:00:00Z"), Err(Code::SignatureUntrustedKey));
}

#[test]
fn p02_primary_that_signs_data() {
    let primary = Signer::primary_only("primary", CREATED);
    assert_eq!(judge_own(&primary, SIGNED), Ok(primary.fingerprint()));
    // A primary that only certifies does not sign, given or embedded.
    let certifying = Signer::with_key(SIGNER.cert().clone(), SIGNER.primary());
    assert_eq!(judge_own(&certifying, SIGNED), Err(Code::SignatureUntrustedKey));
    // Google's may, by its flags, and has never done so. What cannot be made here is its good signature; that a bad
    // one is no worse than unknown shows that it was not even tried.
    let google = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys/google-linux-packages.asc");
    let given = Keyring::from_files([&fs::read(google).unwrap()[..]]).unwrap();
    let embedded = Keyring::embedded().unwrap();
    let naming = |fingerprint: &str| {
        let fingerprint: Fingerprint = fingerprint.parse().unwrap();
        signed_with(|builder| builder.set_issuer_fingerprint(fingerprint))
    };
    let judge = |fingerprint, keyring| judge_archive(bytes(), &ARCHIVE.0, &naming(fingerprint), keyring);
    assert_eq!(judge(GOOGLE_FINGERPRINT, &embedded), Err(Code::SignatureUntrustedKey));
    assert_eq!(judge(GOOGLE_FINGERPRINT, &given), Err(Code::SignatureBad));
    let live_subkey = "0F06FF86BEEAF4E71866EE5232EE5355A6BC6E42";
    assert_eq!(judge(live_subkey, &embedded), Err(Code::SignatureBad));
}

#[test]
fn p03_unknown_key() {
    assert_eq!(judge(&SIGNER.sign(bytes(), SIGNED)), good());
    assert_eq!(judge(&STRANGER.sign(bytes(), SIGNED)), Err(Code::SignatureUntrustedKey));
    assert_eq!(judge_by(&STRANGER.sign(bytes(), SIGNED), STRANGER.cert()), Ok(STRANGER.signing_fingerprint()));
    let (own, other) = (SIGNER.key().public().clone(), STRANGER.key().public().clone());
    let key_id = |armored: Result<SignatureBuilder, _>| SIGNER.sign_with(bytes(), armored.unwrap());
    let plain = || builder(SignatureType::Binary, SIGNED);
    assert_eq!(judge(&key_id(plain().set_issuer(own.keyid()))), good(), "a key ID suffices");
    assert_eq!(judge(&key_id(plain().set_issuer_fingerprint(own.fingerprint()))), good());
    // The right key, and another's name.
    assert_eq!(judge(&key_id(plain().set_issuer(other.keyid()))), Err(Code::SignatureUntrustedKey));
    let wrong = plain().set_issuer_fingerprint(other.fingerprint());
    assert_eq!(judge(&key_id(wrong)), Err(Code::SignatureUntrustedKey));
    // The right name, and another key.
    let stolen = plain().set_issuer_fingerprint(own.fingerprint()).unwrap();
    assert_eq!(judge(&STRANGER.sign_with(bytes(), stolen)), Err(Code::SignatureBad));
}

#[test]
fn p03_same_key_id_and_another_fingerprint() {
    // Key IDs collide at will (evil32.com did so for 32 bits); a fingerprint, where there is one, says who it was.
    let (own, other) = (SIGNER.key().public().clone(), STRANGER.key().public().clone());
    let naming = |fingerprint: Fingerprint| {
        let named = builder(SignatureType::Binary, SIGNED).set_issuer_fingerprint(fingerprint).unwrap();
        named.set_issuer(own.keyid()).unwrap()
    };
    assert_eq!(judge(&SIGNER.sign_with(bytes(), naming(own.fingerprint()))), good());
    let colliding = STRANGER.sign_with(bytes(), naming(other.fingerprint()));
    assert_eq!(judge(&colliding), Err(Code::SignatureUntrustedKey));
    assert_eq!(judge(&several(&[&SIGNER.sign(bytes(), SIGNED), &colliding])), good());
    let misnamed = SIGNER.sign_with(bytes(), naming(other.fingerprint()));
    assert_eq!(judge(&misnamed), Err(Code::SignatureUntrustedKey));
}

#[test]
fn p03_nobody_named() {
    let unhashed = Subpacket::new(SubpacketValue::Issuer(SIGNER.key().public().keyid()), false).unwrap();
    let unhashed = signed_with(|builder| builder.modify_unhashed_area(|mut area| area.add(unhashed).map(|()| area)));
    assert_eq!(judge(&unhashed), good());
    let mut packet = dearmor(&unhashed);
    let hashed = usize::from(u16::from_be_bytes([packet[6], packet[7]]));
    packet.splice(8 + hashed..8 + hashed + 2 + 10, [0, 0]);
    packet[1] -= 10;
    assert_eq!(judge(&armor(&packet)), Err(Code::SignatureUntrustedKey));
}

#[test]
fn p04_subkey_that_is_not_bound() {
    let (key, other) = (SIGNER.key(), STRANGER.key());
    let good = Ok(SIGNER.signing_fingerprint());
    assert_eq!(judge_own(&bound(&key, &Binding::BackSignedBy(&key)), SIGNED), good);
    for (what, binding) in [
        ("no_binding", Binding::None),
        ("no_back_signature", Binding::WithoutBackSignature),
        ("forged_back_signature", Binding::BackSignedBy(&other)),
        ("forged_binding", Binding::ForgedBy(&other)),
        ("binding_by_the_subkey_itself", Binding::ForgedBy(&key)),
    ] {
        let signer = bound(&key, &binding);
        assert_eq!(judge_own(&signer, SIGNED), Err(Code::SignatureUntrustedKey), "{what}");
        // GnuPG keeps its own verdict in trust packets; from a stranger they say nothing.
        let mut packets: Vec<Packet> = signer.cert().clone().strip_secret_key_material().into_packets().collect();
        packets.push(Trust::from(vec![6, 0]).into());
        let trusted: Vec<u8> = packets.iter().flat_map(|packet| packet.to_vec().unwrap()).collect();
        let keyring = Keyring::from_files([&trusted[..]]).unwrap();
        let judgement = judge_archive(bytes(), &ARCHIVE.0, &signer.sign(bytes(), SIGNED), &keyring);
        assert_eq!(judgement, Err(Code::SignatureUntrustedKey), "{what}");
    }
}

#[test]
fn p05_revoked_key() {
    let before = "2024-07-01T00:00:00Z";
    let after = "2024-07-03T00:00:00Z";
    let untrusted = Err(Code::SignatureUntrustedKey);
    for (reason, revoked, expected) in [
        (ReasonForRevocation::KeyCompromised, before, untrusted.clone()),
        (ReasonForRevocation::KeyCompromised, after, untrusted.clone()),
        (ReasonForRevocation::Unspecified, after, untrusted.clone()),
        (ReasonForRevocation::KeyRetired, before, untrusted.clone()),
        (ReasonForRevocation::KeyRetired, after, good()),
        (ReasonForRevocation::KeySuperseded, before, untrusted),
        (ReasonForRevocation::KeySuperseded, after, good()),
    ] {
        let cert = SIGNER.cert();
        let subkey = cert.keys().subkeys().next().unwrap().key().clone();
        let of_subkey = SubkeyRevocationBuilder::new().set_reason_for_revocation(reason, b"").unwrap();
        let of_subkey = of_subkey.set_signature_creation_time(time(revoked)).unwrap();
        let of_subkey = of_subkey.build(&mut SIGNER.primary(), cert, &subkey, None).unwrap();
        let of_cert = CertRevocationBuilder::new().set_reason_for_revocation(reason, b"").unwrap();
        let of_cert = of_cert.set_signature_creation_time(time(revoked)).unwrap();
        let of_cert = of_cert.build(&mut SIGNER.primary(), cert, None).unwrap();
        for revocation in [of_subkey, of_cert] {
            let (revoked_cert, changed) = cert.clone().insert_packets([revocation.clone()]).unwrap();
            assert!(changed);
            let result = judge_by(&SIGNER.sign(bytes(), SIGNED), &revoked_cert);
            assert_eq!(result, expected, "{reason} {revoked} {}", revocation.typ());
        }
    }
    // Nobody can revoke another's key.
    let mut stranger = STRANGER.primary();
    let forged = CertRevocationBuilder::new().set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"");
    let forged = forged.unwrap().build(&mut stranger, SIGNER.cert(), None).unwrap();
    let (cert, _) = SIGNER.cert().clone().insert_packets([forged]).unwrap();
    assert_eq!(judge_by(&SIGNER.sign(bytes(), SIGNED), &cert), good());
}

#[test]
fn p06_signature_outside_the_life_of_its_key() {
    let signer = with_short_lived_subkey("2024-07-01T00:00:00Z", 30 * DAY);
    for (signed, live) in [
        ("2024-06-30T23:59:59Z", false),
        ("2024-07-01T00:00:00Z", true),
        ("2024-07-30T23:59:59Z", true),
        ("2024-07-31T00:00:00Z", false),
        ("2024-12-01T00:00:00Z", false),
    ] {
        let expected = if live { Ok(signer.signing_fingerprint()) } else { Err(Code::SignatureUntrustedKey) };
        assert_eq!(judge_own(&signer, signed), expected, "{signed}");
    }
}

#[test]
fn p07_signature_from_the_future_or_from_no_time() {
    let minutes = |minutes: u64| now_and(Duration::from_secs(60 * minutes));
    assert_eq!(judge(&SIGNER.sign(bytes(), &minutes(25))), good(), "clocks differ");
    assert_eq!(judge(&SIGNER.sign(bytes(), &minutes(35))), Err(Code::SignatureTime));
    assert_eq!(judge(&SIGNER.sign(bytes(), &minutes(60 * 24 * 365))), Err(Code::SignatureTime));
    let timeless = |builder: SignatureBuilder| builder.suppress_signature_creation_time();
    assert_eq!(judge(&signed_with(timeless)), Err(Code::SignatureTime));
    // A time that is not signed is none.
    let unhashed = SubpacketValue::SignatureCreationTime(time(SIGNED).try_into().unwrap());
    let unhashed = signed_with(|builder| {
        let unhashed = Subpacket::new(unhashed, false)?;
        timeless(builder)?.modify_unhashed_area(|mut area| area.add(unhashed).map(|()| area))
    });
    assert_eq!(judge(&unhashed), Err(Code::SignatureTime));
}

#[test]
fn p08_expired_signature() {
    let valid_for = |period: Duration| signed_with(|builder| builder.set_signature_validity_period(period));
    assert_eq!(judge(&valid_for(30 * DAY)), Err(Code::SignatureTime));
    assert_eq!(judge(&valid_for(100 * 365 * DAY)), good());
}

#[test]
fn p09_weak_algorithm() {
    let signed_as = |hash| judge(&SIGNER.sign_as(bytes(), SIGNED, hash, SignatureType::Binary));
    for hash in [HashAlgorithm::MD5, HashAlgorithm::RipeMD, HashAlgorithm::SHA1, HashAlgorithm::SHA224] {
        assert_eq!(signed_as(hash), Err(Code::SignatureBad), "{hash}");
    }
    for hash in [HashAlgorithm::SHA256, HashAlgorithm::SHA384, HashAlgorithm::SHA512] {
        assert_eq!(signed_as(hash), good(), "{hash}");
    }
    for (bits, counts) in [(1024, false), (2048, true)] {
        let key = key_pair(Key4::generate_rsa(bits).unwrap(), CREATED);
        let signer = bound(&key, &Binding::BackSignedBy(&key));
        let expected = if counts { Ok(signer.signing_fingerprint()) } else { Err(Code::SignatureUntrustedKey) };
        assert_eq!(judge_own(&signer, SIGNED), expected, "RSA-{bits}");
    }
}
#[test]
fn p22_backdated_signature() {
    let old_key = with_short_lived_subkey("2020-01-01T00:00:00Z", 3 * 365 * DAY);
    let live_key = Signer::new("live", "2020-01-01T00:00:00Z");
    let judge = |signer: &Signer, version: &str, released: &str, signed: &str| {
        let content = format!("{version}\ntime {released}\n");
        let sdk = Sdk::minimal(version, "src").with_file("VERSION", content, 0o644);
        let keyring = Keyring::from_files([&signer.certificate()[..]]).unwrap();
        let archive = sdk.tar_gz();
        judge_archive(&archive, sdk.name(), &signer.sign(&archive, signed), &keyring).map(|_| ())
    };
    // The thief of an expired key has to choose a time from its life, whatever VERSION says.
    let (now, then) = ("2024-06-27T20:11:12Z", "2021-06-27T20:11:12Z");
    assert_eq!(judge(&old_key, "go1.22.5", now, now), Err(Code::SignatureUntrustedKey));
    assert_eq!(judge(&old_key, "go1.22.5", now, then), Err(Code::SignatureTime));
    assert_eq!(judge(&old_key, "go1.22.5", then, then), Err(Code::SignatureTime));
    assert_eq!(judge(&old_key, "go1.20.5", then, then), Ok(()), "the rule begins with go1.21");
    for (released, signed, expected) in [
        (now, now, Ok(())),
        (now, "2024-06-26T20:11:12Z", Ok(())),
        (now, "2024-06-26T20:11:11Z", Err(Code::SignatureTime)),
        ("2023-10-01T00:00:00Z", "2023-11-01T00:00:00Z", Ok(())),
        ("2023-10-01T00:00:00Z", "2023-10-31T23:59:59Z", Err(Code::SignatureTime)),
    ] {
        assert_eq!(judge(&live_key, "go1.22.5", released, signed), expected, "{released} {signed}");
    }
}

#[test]
fn p23_good_signature_over_something_else() {
    let keyring = Keyring::from_files([&SIGNER.certificate()[..]]).unwrap();
    let judge = |archive: &[u8], name: &str| {
        judge_archive(archive, &name.parse().unwrap(), &SIGNER.sign(archive, SIGNED), &keyring)
    };
    let chrome = gzip(&tar(&[TarEntry::directory("opt/"), TarEntry::file("opt/google/chrome", "a browser")]));
    let (source, own) = ("go1.22.5.src.tar.gz", "go1.22.5.linux-amd64.tar.gz");
    assert_eq!(judge(&chrome, source), Err(Code::LayoutInvalid));
    assert_eq!(judge(&gzip(&tar(&[TarEntry::file("go/README", "")])), source), Err(Code::LayoutInvalid));
    assert_eq!(judge(b"!<arch>\ndebian-binary", source), Err(Code::ArchiveMalformed), "not even gzip");
    // A release is no other version and no other platform, however well it is signed.
    let archive = Sdk::minimal("go1.22.5", "linux/amd64").tar_gz();
    assert_eq!(judge(&archive, own), good());
    for name in ["go1.22.6.linux-amd64.tar.gz", "go1.22.5.linux-arm64.tar.gz", "go1.22.5.darwin-amd64.tar.gz", source] {
        assert_eq!(judge(&archive, name), Err(Code::LayoutInvalid), "{name}");
    }
}

#[test]
fn all_evidence_must_agree() {
    let signature = DetachedSignature::parse(&SIGNER.sign(bytes(), SIGNED)).unwrap();
    let keyring = Keyring::from_files([&SIGNER.certificate()[..]]).unwrap();
    let by = Authenticator::Signature { signature: &signature, keyring: &keyring };
    let digest = |sha256, source| ExpectedDigest { sha256, source };
    let (right, wrong) = (Sha256::digest(bytes()).into(), [7; 32]);
    for (index, user, size, expected) in [
        (right, right, 0, None),
        (wrong, right, 0, Some(Code::DigestMismatch)),
        (right, wrong, 0, Some(Code::DigestMismatch)),
        (right, right, 1, Some(Code::SizeMismatch)),
    ] {
        let digests = vec![digest(index, DigestSource::Index), digest(user, DigestSource::User)];
        let expectation = Expectation { digests, size_bytes: Some(bytes().len() as u64 + size) };
        let received = receive(&mut bytes(), &ARCHIVE.0, &signature.hashes(), Discard, &Watch::silent()).unwrap();
        assert_eq!(verify(received, &expectation, by, &NO_LOG).outcome.err().map(|error| error.code()), expected);
    }
}

#[test]
fn the_weaker_mode_needs_an_expected_digest() {
    let judge = |expectation: Expectation| {
        let received = receive(&mut &bytes()[..], &ARCHIVE.0, &[], Discard, &Watch::silent()).unwrap();
        verify(received, &expectation, Authenticator::DigestOnly, &NO_LOG)
            .outcome
            .map(|verified| verified.trust().as_str())
    };
    let of = |sha256| Expectation {
        digests: vec![ExpectedDigest { sha256, source: DigestSource::User }],
        size_bytes: Some(bytes().len() as u64),
    };
    assert_eq!(judge(of(Sha256::digest(bytes()).into())), Ok("digest-only"));
    let none = Expectation { digests: Vec::new(), ..of([0; 32]) };
    assert_eq!(judge(none), Err(TrustError::NoDigest));
    assert_eq!(judge(of([0; 32])).map_err(|error| error.code()), Err(Code::DigestMismatch));
}
