//! Copies of a certificate that is made here, genuine, stripped, added to and forged.

use std::time::Duration;

use super::openpgp;

use openpgp::cert::{CertBuilder, CertRevocationBuilder, SubkeyRevocationBuilder};
use openpgp::crypto::KeyPair;
use openpgp::packet::key::{Key4, SecretParts};
use openpgp::packet::signature::SignatureBuilder;
use openpgp::packet::{Trust, UserAttribute, user_attribute};
use openpgp::types::{KeyFlags, ReasonForRevocation};

use super::*;
use crate::archive::{Discard, receive};
use crate::events::Watch;
use crate::trust::{
    Absence, Authenticator, DetachedSignature, Expectation, KeyOrigin, Revocation, Transparency, verify,
};

#[path = "../../../tests/support/keys.rs"]
mod keys;
use keys::{HashAlgorithm, SignatureType, Signer, time};

const CREATED: &str = "2024-01-01T00:00:00Z";
const RENEWED: &str = "2024-05-01T00:00:00Z";
/// After [`RENEWED`], and after the time that the archive names.
const SIGNED: &str = "2024-07-02T00:00:00Z";
const LATER: &str = "2024-08-01T00:00:00Z";
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Whoever holds the pinned primary key, and what this program has been built with: one signing subkey.
pub(crate) struct Owner {
    signer: Signer,
    pub(crate) pinned: PinnedCertificate,
}

impl Owner {
    pub(crate) fn new() -> Self {
        let flags = KeyFlags::empty().set_signing();
        let signer = Signer::generate(CertBuilder::new().add_userid("owner").add_subkey(flags, YEAR, None), CREATED);
        let pinned = PinnedCertificate::pin(&signer.certificate(), &signer.fingerprint()).unwrap();
        Self { signer, pinned }
    }

    /// A copy with a signing subkey that nobody knows yet.
    pub(crate) fn renewed(&self) -> Vec<u8> {
        self.with(self.subkey(&new_key()))
    }

    fn cert(&self) -> Cert {
        self.signer.cert().clone().strip_secret_key_material()
    }

    /// The certificate with these packets added.
    fn with(&self, packets: Vec<Packet>) -> Vec<u8> {
        binary(&self.cert().insert_packets(packets).unwrap().0)
    }

    /// The packets of another signing subkey.
    fn subkey(&self, key: &KeyPair) -> Vec<Packet> {
        self.bound(key, &self.signer.primary(), Some(key), |binding| binding)
    }

    /// `key` as a subkey that `by` has bound, with a back-signature of `back`.
    fn bound(
        &self,
        key: &KeyPair,
        by: &KeyPair,
        back: Option<&KeyPair>,
        edit: impl FnOnce(SignatureBuilder) -> SignatureBuilder,
    ) -> Vec<Packet> {
        let cert = self.cert();
        let (primary, subkey) = (cert.primary_key().key(), key.public().clone().role_into_subordinate());
        let mut binding = builder(SignatureType::SubkeyBinding).set_key_flags(KeyFlags::empty().set_signing()).unwrap();
        if let Some(back) = back {
            let signature = builder(SignatureType::PrimaryKeyBinding);
            let signature = signature.sign_primary_key_binding(&mut back.clone(), primary, &subkey).unwrap();
            // Where GnuPG puts it.
            let embedded = Subpacket::new(SubpacketValue::EmbeddedSignature(signature), false).unwrap();
            binding = binding.modify_unhashed_area(|mut area| area.add(embedded).map(|()| area)).unwrap();
        }
        let binding = edit(binding).sign_subkey_binding(&mut by.clone(), primary, &subkey).unwrap();
        vec![subkey.into(), binding.into()]
    }

    fn revocation(&self, reason: ReasonForRevocation) -> Packet {
        let cert = self.cert();
        let key = cert.keys().subkeys().next().unwrap().key().clone();
        let builder = SubkeyRevocationBuilder::new().set_reason_for_revocation(reason, b"").unwrap();
        let builder = builder.set_signature_creation_time(time(LATER)).unwrap();
        builder.build(&mut self.signer.primary(), &cert, &key, None).unwrap().into()
    }
}

fn builder(kind: SignatureType) -> SignatureBuilder {
    let builder = SignatureBuilder::new(kind).set_hash_algo(HashAlgorithm::SHA256);
    builder.set_signature_creation_time(time(RENEWED)).unwrap()
}

fn new_key() -> KeyPair {
    let mut key: Key<SecretParts, SubordinateRole> = Key4::generate_ed25519().unwrap().into();
    key.set_creation_time(time(RENEWED)).unwrap();
    key.into_keypair().unwrap()
}

fn binary_secret(owner: &Owner) -> Vec<u8> {
    owner.signer.cert().as_tsk().to_vec().unwrap()
}

fn binary(cert: &Cert) -> Vec<u8> {
    cert.to_vec().unwrap()
}

fn serialized(packets: &[Packet]) -> Vec<u8> {
    packets.iter().flat_map(|packet| packet.to_vec().unwrap()).collect()
}

fn fingerprint(key: &KeyPair) -> String {
    key.public().fingerprint().to_hex()
}

/// Whether a signature of `signer` at `signed` counts for who trusts this certificate.
fn counts(pinned: &PinnedCertificate, signer: &Signer, signed: &str) -> bool {
    const ARCHIVE: &[u8] = include_bytes!("../../../testdata/mirror/go1.22.5.src.tar.gz");
    let name = "go1.22.5.src.tar.gz".parse().unwrap();
    let signature = DetachedSignature::parse(&signer.sign(ARCHIVE, signed)).unwrap();
    let received = receive(&mut &ARCHIVE[..], &name, &signature.hashes(), Discard, &Watch::silent()).unwrap();
    let keyring = pinned.keyring();
    let by = Authenticator::Signature { signature: &signature, keyring: &keyring };
    verify(received, &Expectation::default(), by, &Transparency::Absent(Absence::NotRequested)).outcome.is_ok()
}

#[track_caller]
fn assert_nothing_new(owner: &Owner, known: &PinnedCertificate, copy: &[u8], what: &str) {
    let updated = known.update(copy).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(updated.knows_the_same(known), "{what}");
    assert_eq!(updated.changes_since(known), KeyChanges::default(), "{what}");
    assert!(counts(&updated, &owner.signer, SIGNED), "{what}");
}

#[test]
fn a_subkey_that_the_primary_has_bound_is_added_and_signs() {
    let owner = Owner::new();
    let key = new_key();
    let new = Signer::with_key(owner.signer.cert().clone(), key.clone());
    let copy = owner.with(owner.subkey(&key));
    let updated = owner.pinned.update(&copy).unwrap();
    assert!(!counts(&owner.pinned, &new, SIGNED) && counts(&updated, &new, SIGNED));
    assert!(counts(&updated, &owner.signer, SIGNED));
    let changes = updated.changes_since(&owner.pinned);
    let [added] = &changes.added[..] else { panic!("{changes:?}") };
    assert_eq!((&added.fingerprint, added.origin, added.expires), (&fingerprint(&key), KeyOrigin::Update, None));
    assert_eq!(added.created.to_string(), RENEWED);
    assert_eq!((changes.changed.len(), changes.revoked), (0, false));
    let origins: Vec<_> = updated.summary().signing_keys.iter().map(|key| key.origin).collect();
    assert_eq!(origins, [KeyOrigin::Embedded, KeyOrigin::Update]);
    // The primary still signs nothing but certificates.
    assert!(!counts(&updated, &Signer::with_key(owner.cert(), owner.signer.primary()), SIGNED));
    // Whatever is learned first, it comes to the same; and learning it again changes nothing.
    let other = owner.with(owner.subkey(&new_key()));
    let (one, two) = (updated.update(&other).unwrap(), owner.pinned.update(&other).unwrap().update(&copy).unwrap());
    assert!(one.knows_the_same(&two) && !one.knows_the_same(&updated));
    assert!(one.update(&copy).unwrap().update(&other).unwrap().knows_the_same(&one));
}

#[test]
fn a_subkey_that_signs_nothing_is_learned_and_not_shown_among_those_that_do() {
    let owner = Owner::new();
    let key = new_key();
    let encrypts = KeyFlags::empty().set_transport_encryption();
    let flags = |builder: SignatureBuilder| builder.set_key_flags(encrypts.clone()).unwrap();
    let copy = owner.with(owner.bound(&key, &owner.signer.primary(), None, flags));
    let updated = owner.pinned.update(&copy).unwrap();
    assert!(!updated.knows_the_same(&owner.pinned));
    assert_eq!(updated.changes_since(&owner.pinned), KeyChanges::default());
    assert_eq!(updated.summary().signing_keys.len(), 1);
    assert!(!counts(&updated, &Signer::with_key(owner.cert(), key), SIGNED));
}

#[test]
fn p24_a_stripped_copy_takes_nothing_away() {
    let owner = Owner::new();
    let known = owner.pinned.update(&owner.with(owner.subkey(&new_key()))).unwrap();
    let packets: Vec<Packet> = known.known.clone().into_packets().collect();
    for (number, packet) in packets.iter().enumerate().skip(1) {
        let without: Vec<_> =
            packets.iter().enumerate().filter(|(at, _)| *at != number).map(|(_, p)| p.clone()).collect();
        assert_nothing_new(&owner, &known, &serialized(&without), &format!("without {:?}", packet.tag()));
    }
    for length in 1..packets.len() {
        assert_nothing_new(&owner, &known, &serialized(&packets[..length]), &format!("{length} packets"));
    }
    // Without back-signatures, which nobody's signature covers.
    let bare: Vec<Packet> = packets
        .iter()
        .map(|packet| match packet.clone() {
            Packet::Signature(mut signature) => {
                signature.unhashed_area_mut().clear();
                signature.into()
            }
            other => other,
        })
        .collect();
    assert_ne!(serialized(&bare), serialized(&packets));
    assert_nothing_new(&owner, &known, &serialized(&bare), "without unhashed areas");
    // And where that one comes first, the whole one is still news.
    let first = owner.pinned.update(&serialized(&bare)).unwrap();
    assert!(first.knows_the_same(&owner.pinned));
    assert!(first.update(&serialized(&packets)).unwrap().knows_the_same(&known));
}

#[test]
fn p04_p24_what_the_primary_has_not_bound_is_left_out() {
    let owner = Owner::new();
    let (key, primary) = (new_key(), owner.signer.primary());
    let stranger = Signer::new("stranger", CREATED);
    let image = user_attribute::Image::JPEG(vec![0; 100].into_boxed_slice());
    let unbound = Packet::from(key.public().clone().role_into_subordinate());
    let of_another = vec![unbound.clone(), owner.subkey(&new_key()).remove(1)];
    let trust = || Packet::from(Trust::from(vec![0, 3, 255]));
    let strangers: Vec<Packet> = stranger.cert().clone().strip_secret_key_material().into_packets().skip(1).collect();
    for (what, packets) in [
        ("unbound", vec![unbound.clone()]),
        ("bound by a stranger", owner.bound(&key, &stranger.primary(), Some(&key), |b| b)),
        ("bound by itself", owner.bound(&key, &key, Some(&key), |b| b)),
        ("without back-signature", owner.bound(&key, &primary, None, |b| b)),
        ("back-signed by a stranger", owner.bound(&key, &primary, Some(&stranger.key()), |b| b)),
        ("with another's binding", of_another),
        ("a stranger's user ID and subkey", strangers),
        ("user ID alone", vec![openpgp::packet::UserID::from("somebody").into()]),
        ("trust", vec![trust(), unbound, trust()]),
        ("attribute", vec![UserAttribute::new(&[user_attribute::Subpacket::Image(image)]).unwrap().into()]),
    ] {
        let copy = [binary(&owner.cert()), serialized(&packets)].concat();
        assert_nothing_new(&owner, &owner.pinned, &copy, what);
    }
    assert!(!owner.pinned.update(&owner.with(owner.subkey(&key))).unwrap().knows_the_same(&owner.pinned));
}

#[test]
fn p24_what_no_signature_covers_is_not_kept() {
    let owner = Owner::new();
    let key = new_key();
    let genuine = owner.with(owner.subkey(&key));
    let expected = owner.pinned.update(&genuine).unwrap();
    let bogus = {
        let other = owner.bound(&key, &owner.signer.primary(), Some(&Signer::new("x", CREATED).key()), |b| b);
        let Some(Packet::Signature(other)) = other.last().cloned() else { panic!() };
        other.embedded_signatures().next().unwrap().clone()
    };
    let crafted: Vec<Packet> = Cert::from_bytes(&genuine).unwrap().into_packets().collect();
    let craft = |edit: &dyn Fn(&mut SubpacketArea)| -> Vec<u8> {
        let edited = crafted.iter().cloned().map(|packet| match packet {
            Packet::Signature(mut signature) => {
                edit(signature.unhashed_area_mut());
                signature.into()
            }
            other => other,
        });
        serialized(&edited.collect::<Vec<_>>())
    };
    let add = |area: &mut SubpacketArea, value| area.add(Subpacket::new(value, false).unwrap()).unwrap();
    let stranger = Signer::new("stranger", CREATED);
    for (what, copy) in [
        (
            "bogus back-signatures first",
            craft(&|area| {
                let kept: Vec<_> = area.iter().cloned().collect();
                area.clear();
                (0..3).for_each(|_| add(area, SubpacketValue::EmbeddedSignature(bogus.clone())));
                kept.into_iter().for_each(|subpacket| area.add(subpacket).unwrap());
            }),
        ),
        (
            "notations",
            craft(&|area| {
                let unknown =
                    |number| SubpacketValue::Unknown { tag: SubpacketTag::Private(100 + number), body: vec![7; 9000] };
                (0..5).for_each(|number: u8| add(area, unknown(number)));
            }),
        ),
        ("another issuer", craft(&|area| add(area, SubpacketValue::Issuer(stranger.cert().keyid())))),
        (
            "an expiry",
            craft(&|area| add(area, SubpacketValue::KeyExpirationTime(Duration::new(1, 0).try_into().unwrap()))),
        ),
    ] {
        assert_ne!(copy, genuine, "{what}");
        let updated = owner.pinned.update(&copy).unwrap();
        assert!(updated.knows_the_same(&expected), "{what}");
        assert!(updated.update(&genuine).unwrap().knows_the_same(&expected), "{what}");
        assert!(counts(&updated, &Signer::with_key(owner.cert(), key.clone()), SIGNED), "{what}");
    }
}

#[test]
fn p05_a_revocation_by_the_primary_is_learned_and_never_forgotten() {
    use ReasonForRevocation::{KeyCompromised, KeyRetired};
    let owner = Owner::new();
    let before = binary(&owner.cert());
    for (reason, hard) in [(KeyCompromised, true), (KeyRetired, false)] {
        let updated = owner.pinned.update(&owner.with(vec![owner.revocation(reason)])).unwrap();
        let changes = updated.changes_since(&owner.pinned);
        assert_eq!(
            changes.changed.iter().map(|key| key.revoked).collect::<Vec<_>>(),
            [Some(Revocation { since: LATER.parse().unwrap(), hard })]
        );
        assert!(changes.added.is_empty() && !changes.revoked);
        // A retired key's older signatures still count.
        assert_eq!(counts(&updated, &owner.signer, SIGNED), !hard);
        assert!(!counts(&updated, &owner.signer, "2024-08-02T00:00:00Z"));
        let again = updated.update(&before).unwrap();
        assert!(again.knows_the_same(&updated));
        let stored = owner.pinned.restore(&updated.to_armored().unwrap()).unwrap();
        assert_eq!(counts(&stored, &owner.signer, SIGNED), !hard);
    }
    // One that a stranger has made is not learned.
    let mut forged = owner.revocation(KeyCompromised);
    if let Packet::Signature(signature) = &mut forged {
        let stranger = SignatureBuilder::new(SignatureType::SubkeyRevocation);
        let cert = owner.cert();
        let key = cert.keys().subkeys().next().unwrap();
        let mut by = Signer::new("stranger", CREATED).primary();
        let made = stranger.sign_subkey_binding(&mut by, cert.primary_key().key(), key.key()).unwrap();
        *signature = made;
    }
    assert_nothing_new(&owner, &owner.pinned, &owner.with(vec![forged]), "forged revocation");
    // The whole certificate.
    let revocation = CertRevocationBuilder::new().set_reason_for_revocation(KeyCompromised, b"").unwrap();
    let revocation = revocation.build(&mut owner.signer.primary(), &owner.cert(), None).unwrap();
    let revoked = owner.pinned.update(&owner.with(vec![revocation.into()])).unwrap();
    assert!(revoked.changes_since(&owner.pinned).revoked && !counts(&revoked, &owner.signer, SIGNED));
}

#[test]
fn p24_what_is_no_copy_of_the_pinned_certificate_is_refused() {
    use KeyUpdateError::{Html, Malformed, OtherCertificate, TooLarge};
    let owner = Owner::new();
    let other = Signer::new("other", CREATED);
    let others = binary(&other.cert().clone().strip_secret_key_material());
    let own = owner.with(owner.subkey(&new_key()));
    let armored = Cert::from_bytes(&own).unwrap().armored().to_vec().unwrap();
    let flood = others.repeat((10 << 20) / others.len());
    let limit = usize::try_from(KEYRING_SIZE_LIMIT_BYTES).unwrap();
    let filled_to = |bytes: usize| [&armored[..], &vec![b'\n'; bytes - armored.len()]].concat();
    let packets = |number: usize| {
        let user_ids = (0..number).map(|n| Packet::from(openpgp::packet::UserID::from(n.to_string())));
        [&own[..], &serialized(&user_ids.collect::<Vec<_>>())].concat()
    };
    let of_own = Cert::from_bytes(&own).unwrap().into_packets().count();
    let keybox = [&[0, 0, 0, 32, 1, 1, 0, 2][..], b"KBXf", &[0; 20]].concat();
    type Expected = Option<fn(&KeyUpdateError) -> bool>;
    let cases: [(&str, Vec<u8>, Expected); 17] = [
        ("own", own.clone(), None),
        ("armored", armored.clone(), None),
        ("in a text", [b"Hello.\n", &armored[..], b"\nBye."].concat(), None),
        ("after another block", [&other.certificate()[..], &armored].concat(), None),
        ("between others", [&others[..], &own, &others].concat(), None),
        ("filled to the limit", filled_to(limit), None),
        ("as many packets as can be", packets(PACKETS_LIMIT - of_own), None),
        ("twice", [&binary(&owner.cert())[..], &own].concat(), None),
        ("filled past the limit", filled_to(limit + 1), Some(|e| matches!(e, TooLarge))),
        ("one packet too many", packets(PACKETS_LIMIT - of_own + 1), Some(|e| matches!(e, TooLarge))),
        ("flood", [&own[..], &flood].concat(), Some(|e| matches!(e, TooLarge))),
        ("another", others.clone(), Some(|e| matches!(e, OtherCertificate(_)))),
        ("empty", Vec::new(), Some(|e| matches!(e, Malformed(_) | OtherCertificate(_)))),
        ("page", b" <!DOCTYPE html>".to_vec(), Some(|e| matches!(e, Html))),
        ("keybox", keybox, Some(|e| matches!(e, Malformed(_) | OtherCertificate(_)))),
        ("secret", binary_secret(&owner), Some(|e| matches!(e, OtherCertificate(_)))),
        ("half a block", armored[..armored.len() / 2].to_vec(), Some(|e| matches!(e, Malformed(_)))),
    ];
    for (what, copy, expected) in cases {
        match (owner.pinned.update(&copy), expected) {
            (Ok(updated), None) => assert_eq!(updated.changes_since(&owner.pinned).added.len(), 1, "{what}"),
            (Err(error), Some(is)) => {
                assert!(is(&error), "{what}: {error}");
                assert_eq!(error.code(), Code::KeyUpdateRefused);
            }
            (result, _) => panic!("{what}: {:?}", result.map(|updated| updated.summary())),
        }
    }
    // Cut off anywhere, it is refused, or has less to tell.
    let whole = owner.pinned.update(&own).unwrap();
    for length in 0..own.len() {
        if let Ok(updated) = owner.pinned.update(&own[..length]) {
            assert!(updated.knows_the_same(&owner.pinned) && !updated.knows_the_same(&whole), "{length}");
        }
    }
}

#[test]
fn what_was_stored_is_read_again_and_any_change_of_it_is_told() {
    let owner = Owner::new();
    let key = new_key();
    let learned = [owner.subkey(&key), vec![owner.revocation(ReasonForRevocation::KeyRetired)]].concat();
    let known = owner.pinned.update(&owner.with(learned)).unwrap();
    let stored = known.to_armored().unwrap();
    let restored = owner.pinned.restore(&stored).unwrap();
    assert!(restored.knows_the_same(&known) && restored.to_armored().unwrap() == stored);
    assert_eq!(restored.summary(), known.summary());
    assert!(counts(&restored, &Signer::with_key(owner.cert(), key), SIGNED));
    let packets = binary(&known.plain().unwrap());
    assert!(owner.pinned.restore(&packets).is_ok());
    let mut missed = Vec::new();
    for at in 0..packets.len() {
        for bit in [0, 7] {
            let mut changed = packets.clone();
            changed[at] ^= 1 << bit;
            if owner.pinned.restore(&changed).is_ok_and(|restored| !restored.knows_the_same(&known)) {
                missed.push(at);
            }
        }
    }
    assert_eq!(missed, [0; 0], "of {}", packets.len());
    let stranger = [&packets[..], &serialized(&[openpgp::packet::UserID::from("x").into()])].concat();
    assert!(matches!(owner.pinned.restore(&stranger), Err(KeyUpdateError::Altered { .. })));
}
