//! The subkeys that Google's certificate has had, each in its own time and in no other.
//!
//! Nobody but Google can make their good signatures. So the certificate itself is asked by forged ones, which are
//! told "bad" where the key was live and its signature was tried, and "untrusted" where it was not even tried; and a
//! certificate that is made here with the very same dates is asked by good ones.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use goverify::error::Code;
use goverify::release::ArchiveName;
use goverify::trust::{GOOGLE_FINGERPRINT, Keyring};
use sequoia_openpgp::packet::Packet;
use sequoia_openpgp::packet::key::Key4;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::types::KeyFlags;

use super::support::keys::{HashAlgorithm, SignatureType, Signer, time};
use super::support::sdk::Sdk;
use super::{Judgement, STRANGER, builder, judge_archive, key_pair};

/// Fingerprint, creation, expiry, and whether the back-signature is the exception for SHA-1.
const SUBKEYS: [(&str, &str, &str, bool); 7] = [
    ("3B068FB4789ABE4AEFA3BB491397BC53640DB551", "2016-04-12T05:55:20Z", "2019-04-12T05:55:20Z", true),
    ("3E50F6D3EC278FDEB655C8CA6494C6D6997C215E", "2017-01-24T02:45:32Z", "2020-01-24T02:45:32Z", true),
    ("2F528D36D67B69EDF998D85778BD65473CB3BD13", "2019-07-22T18:13:02Z", "2022-07-21T18:13:02Z", false),
    ("8461EFA0E74ABAE010DE66994EB27DB2A3B88B8B", "2021-10-26T14:11:43Z", "2024-10-25T14:11:43Z", false),
    ("A5F483CD733A4EBAEA378B2AE88979FB9B30ACF2", "2023-02-15T15:25:12Z", "2026-02-14T15:25:12Z", false),
    ("0F06FF86BEEAF4E71866EE5232EE5355A6BC6E42", "2024-01-30T20:22:14Z", "2027-01-29T20:22:14Z", false),
    ("0E225917414670F4442C250DFD533C07C264648F", "2025-01-07T16:53:01Z", "2028-01-07T16:53:01Z", false),
];

/// Releases, the days they came out (<https://go.dev/doc/devel/release>), and which subkeys could sign them then.
const RELEASES: [(&str, &str, &[usize]); 9] = [
    ("go1.9", "2017-08-24T20:00:00Z", &[0, 1]),
    ("go1.12.4", "2019-04-11T20:00:00Z", &[0, 1]),
    ("go1.12.5", "2019-05-06T20:00:00Z", &[1]),
    ("go1.13", "2019-09-03T20:00:00Z", &[1, 2]),
    ("go1.14", "2020-02-25T20:00:00Z", &[2]),
    ("go1.18", "2022-03-15T20:00:00Z", &[2, 3]),
    ("go1.19.8", "2023-04-04T20:00:00Z", &[3, 4]),
    ("go1.20.14", "2024-02-06T20:00:00Z", &[3, 4, 5]),
    ("go1.24.0", "2025-02-11T20:00:00Z", &[4, 5, 6]),
];

/// Before every release, so that the age of the release stands in no key's way.
fn archive() -> (ArchiveName, Vec<u8>) {
    let sdk = Sdk::minimal("go1.9", "src");
    (sdk.name().clone(), sdk.tar_gz())
}

/// The times at which something changes for a key, and whether it is live then.
fn borders(created: &str, expires: &str) -> [(SystemTime, bool); 4] {
    let (created, expires, second) = (time(created), time(expires), Duration::from_secs(1));
    [(created - second, false), (created, true), (expires - second, true), (expires, false)]
}

/// What is said of a signature of a key that is live, or is not, at the time of the signature.
fn expected(when: SystemTime, live: bool, otherwise: Judgement) -> Judgement {
    match live {
        false => Err(Code::SignatureUntrustedKey),
        // The last subkeys have time left.
        true if when > SystemTime::now() => Err(Code::SignatureTime),
        true => otherwise,
    }
}

fn at(when: SystemTime) -> SignatureBuilder {
    let builder = SignatureBuilder::new(SignatureType::Binary).set_hash_algo(HashAlgorithm::SHA256);
    builder.set_signature_creation_time(when).unwrap()
}

/// What Google's own certificate makes of a stranger's signature in the name of one of its subkeys.
fn forged(fingerprint: &str, when: SystemTime) -> Judgement {
    let (name, archive) = archive();
    let signature = at(when).set_issuer_fingerprint(fingerprint.parse().unwrap()).unwrap();
    let armored = STRANGER.sign_with(&archive, signature);
    judge_archive(&archive, &name, &armored, &Keyring::embedded().unwrap())
}

/// A certificate with a subkey for each of Google's, of the same dates.
fn twin() -> Vec<Signer> {
    let owner = Signer::new("twin", "2016-04-12T05:55:20Z");
    let primary = owner.cert().primary_key().key().clone().parts_into_public();
    let mut packets: Vec<Packet> = Vec::new();
    let keys = SUBKEYS.map(|(_, created, expires, _)| {
        let key = key_pair(Key4::generate_ed25519().unwrap(), created);
        let subkey = key.public().clone().role_into_subordinate();
        let back = builder(SignatureType::PrimaryKeyBinding, created);
        let back = back.sign_primary_key_binding(&mut key.clone(), &primary, &subkey).unwrap();
        let binding = builder(SignatureType::SubkeyBinding, created);
        let binding = binding.set_key_flags(KeyFlags::empty().set_signing()).unwrap();
        let lives = time(expires).duration_since(time(created)).unwrap();
        let binding = binding.set_key_validity_period(lives).unwrap().set_embedded_signature(back).unwrap();
        let binding = binding.sign_subkey_binding(&mut owner.primary(), &primary, &subkey).unwrap();
        packets.extend([Packet::from(subkey), binding.into()]);
        key
    });
    let bare = owner.cert().clone().retain_subkeys(|_| false);
    let (cert, _) = bare.insert_packets(packets).unwrap();
    keys.map(|key| Signer::with_key(cert.clone(), key)).into()
}

#[test]
fn p06_googles_subkeys_count_from_their_first_second_to_their_last() {
    let [google] = &Keyring::embedded().unwrap().summaries()[..] else { panic!("one certificate") };
    assert_eq!(google.fingerprint, GOOGLE_FINGERPRINT);
    let keys = google.signing_keys.iter().map(|key| {
        let expires = key.expires.unwrap().to_string();
        (key.fingerprint.clone(), key.created.to_string(), expires, key.sha1_back_signature)
    });
    let expected_keys =
        SUBKEYS.map(|(key, created, expires, sha1)| (key.to_owned(), created.to_owned(), expires.to_owned(), sha1));
    assert_eq!(keys.collect::<Vec<_>>(), expected_keys);
    for (fingerprint, created, expires, _) in SUBKEYS {
        for (when, live) in borders(created, expires) {
            let judgement = forged(fingerprint, when);
            assert_eq!(judgement, expected(when, live, Err(Code::SignatureBad)), "{fingerprint} {when:?}");
        }
    }
}

#[test]
fn p06_subkeys_of_the_same_dates_sign_from_their_first_second_to_their_last() {
    let (name, archive) = archive();
    for (signer, (_, created, expires, _)) in twin().iter().zip(SUBKEYS) {
        let keyring = Keyring::from_files([&signer.certificate()[..]]).unwrap();
        for (when, live) in borders(created, expires) {
            let judgement = judge_archive(&archive, &name, &signer.sign_with(&archive, at(when)), &keyring);
            assert_eq!(judgement, expected(when, live, Ok(signer.signing_fingerprint())), "{created} {when:?}");
        }
    }
}

#[test]
fn p01_each_release_by_the_subkeys_of_its_day() {
    let twins = twin();
    for (version, released, live) in RELEASES {
        let sdk = Sdk::minimal(version, "src");
        let archive = sdk.tar_gz();
        let mut by_name = BTreeSet::new();
        for (number, (signer, (fingerprint, ..))) in twins.iter().zip(SUBKEYS).enumerate() {
            let keyring = Keyring::from_files([&signer.certificate()[..]]).unwrap();
            let judgement = judge_archive(&archive, sdk.name(), &signer.sign(&archive, released), &keyring);
            let is_live = live.contains(&number);
            let expected = if is_live { Ok(signer.signing_fingerprint()) } else { Err(Code::SignatureUntrustedKey) };
            assert_eq!(judgement, expected, "{version} by subkey {number}");
            if forged(fingerprint, time(released)) == Err(Code::SignatureBad) {
                by_name.insert(number);
            }
        }
        assert_eq!(by_name, live.iter().copied().collect(), "{version} by Google's own");
    }
}
