//! Whose signatures count, whatever else a keyring holds and whoever added to it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use goverify::error::{Code, Coded};
use goverify::trust::{GOOGLE_FINGERPRINT, KEYRING_SIZE_LIMIT_BYTES, Keyring};
use sequoia_openpgp::Packet;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::serialize::SerializeInto;
use sequoia_openpgp::types::KeyFlags;

use super::support::keys::{SignatureType, Signer};
use super::{ARCHIVE, CREATED, SIGNED, SIGNER, STRANGER, builder, bytes, good, judge_archive, judge_by};

#[test]
fn p24_certificate_that_a_stranger_added_to() {
    // Others can upload subkeys and signatures to a key server; the good ones count as before (CVE-2025-30258).
    let cert = SIGNER.cert().clone().strip_secret_key_material();
    let strange: Vec<Packet> = STRANGER.cert().clone().strip_secret_key_material().into_packets().collect();
    let subkey = strange.iter().position(|packet| matches!(packet, Packet::PublicSubkey(_))).unwrap();
    let (flooded, changed) = cert.insert_packets(strange[subkey..].to_vec()).unwrap();
    assert!(changed && flooded.keys().subkeys().count() == 2);
    assert_eq!(judge_by(&SIGNER.sign(bytes(), SIGNED), &flooded), good());
    assert_eq!(judge_by(&STRANGER.sign(bytes(), SIGNED), &flooded), Err(Code::SignatureUntrustedKey));
}

#[test]
fn p24_subkey_that_a_stranger_claims() {
    // Whoever binds another's signing key to his own certificate must not thereby make its signatures unusable
    // (CVE-2025-30258), in whatever order the certificates come.
    let subkey = SIGNER.key().public().clone().role_into_subordinate();
    let claim = |edit: fn(SignatureBuilder) -> SignatureBuilder| {
        let binding = edit(builder(SignatureType::SubkeyBinding, CREATED));
        let binding = binding.sign_subkey_binding(&mut STRANGER.primary(), None, &subkey).unwrap();
        let cert = STRANGER.cert().clone().strip_secret_key_material();
        let (cert, changed) = cert.insert_packets([Packet::from(subkey.clone()), binding.into()]).unwrap();
        assert!(changed);
        cert.to_vec().unwrap()
    };
    let signing = |builder: SignatureBuilder| builder.set_key_flags(KeyFlags::empty().set_signing()).unwrap();
    let claims: [(&str, Vec<u8>); 3] = [
        ("without_back_signature", claim(signing)),
        ("for_encryption", claim(|b| b.set_key_flags(KeyFlags::empty().set_storage_encryption()).unwrap())),
        ("expired", claim(|b| b.set_key_validity_period(Duration::from_secs(1)).unwrap())),
    ];
    let own = SIGNER.cert().clone().strip_secret_key_material().to_vec().unwrap();
    let armored = SIGNER.sign(bytes(), SIGNED);
    for (what, claim) in claims {
        for (files, expected) in [
            (vec![&claim, &own], good()),
            (vec![&own, &claim], good()),
            (vec![&claim], Err(Code::SignatureUntrustedKey)),
        ] {
            let keyring = Keyring::from_files(files.iter().map(|file| &file[..])).unwrap();
            assert_eq!(judge_archive(bytes(), &ARCHIVE.0, &armored, &keyring), expected, "{what}");
        }
    }
}

#[test]
fn p24_flood_of_certificates_and_what_is_none() {
    let own = SIGNER.certificate();
    let stranger = STRANGER.cert().clone().strip_secret_key_material().to_vec().unwrap();
    let keybox = [&[0, 0, 0, 32, 1, 1, 0, 2][..], b"KBXf", &[0; 20]].concat();
    let ten_megabytes = stranger.repeat((10 << 20) / stranger.len());
    let limit = usize::try_from(KEYRING_SIZE_LIMIT_BYTES).unwrap();
    let filled_to = |bytes: usize| [&own[..], &vec![b'\n'; bytes - own.len()]].concat();
    let certificates = |number: usize| -> Vec<u8> {
        let certs = (0..number).map(|n| Signer::new(&n.to_string(), CREATED).cert().clone());
        certs.flat_map(|cert| cert.strip_secret_key_material().to_vec().unwrap()).collect()
    };
    let (most, too_many) = (certificates(64), certificates(65));
    for (what, files, good) in [
        ("none", vec![], false),
        ("empty", vec![&b""[..]], false),
        ("page", vec![b"<html>"], false),
        ("keybox", vec![&keybox], false),
        ("signature", vec![&SIGNER.sign(bytes(), SIGNED)], false),
        ("ten_megabytes", vec![&own, &ten_megabytes], false),
        ("one_octet_too_many", vec![&filled_to(limit + 1)], false),
        ("as_many_octets_as_can_be", vec![&filled_to(limit)], true),
        ("65_certificates", vec![&too_many], false),
        ("64_certificates", vec![&most], true),
        ("64_certificates_and_one", vec![&most, &own], false),
        ("one", vec![&own], true),
    ] {
        let keyring = Keyring::from_files(files).map_err(|error| error.code());
        assert_eq!(keyring.map(drop), if good { Ok(()) } else { Err(Code::Usage) }, "{what}");
    }
    let google = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys/google-linux-packages.asc");
    let given = Keyring::from_files([&fs::read(google).unwrap()[..]]).unwrap();
    assert!(given.trusts(GOOGLE_FINGERPRINT) && !given.summaries()[0].embedded);
}
