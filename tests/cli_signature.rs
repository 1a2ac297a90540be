//! What `goverify verify` says of signatures to people and to scripts: nothing that a signature, a key or a name holds
//! can pass for a verdict.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::Value;
use support::desk::{ASC, Desk, KEY_CREATED, NAME, PAGE, genuine};
use support::keys::{HashAlgorithm, SignatureType, Signer, armor, dearmor};
use support::mirror::SIGNED;

/// A line of GnuPG's status output, which programs have taken for its verdict wherever it came from (CVE-2018-12020).
const STATUS: &str = "[GNUPG:] GOODSIG 7721F63BD38B4796 Google";

#[test]
fn p07_clock_that_is_far_behind() {
    let desk = Desk::new();
    let archive = genuine().tar_gz();
    // To a clock that stands at 1970, or at the day it was made, every signature is one from the future.
    for (signed, exit, code) in [("2100-01-01T00:00:00Z", 1, Some("signature-time")), (SIGNED, 0, None)] {
        desk.put(ASC, desk.signer.sign(&archive, signed));
        let result = desk.result(&[NAME], exit, code);
        let hint = result["error"]["hint"].as_str();
        assert_eq!(hint.is_some_and(|hint| hint.contains("this machine's clock")), exit == 1, "{result:#}");
        assert_eq!(desk.verify(&[NAME]).exits(exit).stderr.contains("hint: is this machine's clock right?"), exit == 1);
    }
}

/// A signature file by its fault.
type Fault = (&'static str, fn(&[u8]) -> Vec<u8>);

/// `packet`, with one octet of it changed, in an armor.
fn with_octet(good: &[u8], at: usize, octet: u8) -> Vec<u8> {
    let mut packet = dearmor(good);
    packet[at] = octet;
    armor(&packet)
}

#[test]
fn p21_signature_that_cannot_be_parsed_is_no_success() {
    const FAULTS: [Fault; 12] = [
        ("empty", |_| Vec::new()),
        ("page", |_| PAGE.into()),
        ("octets", |_| vec![0xff; 600]),
        ("no_armor", dearmor),
        ("cut_in_the_middle", |good| good[..good.len() / 2].to_vec()),
        ("no_end", |good| good[..good.len() - 10].to_vec()),
        ("no_packets", |_| b"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n".to_vec()),
        ("cut_packet", |good| armor(&dearmor(good)[..40])),
        ("version_3", |good| with_octet(good, 2, 3)),
        ("version_5", |good| with_octet(good, 2, 5)),
        ("another_packet", |good| with_octet(good, 0, 0xc0 | 11)),
        ("twice", |good| good.repeat(2)),
    ];
    let desk = Desk::new();
    let good = desk.signer.sign(&genuine().tar_gz(), SIGNED);
    for (fault, make) in FAULTS {
        desk.put(ASC, make(&good));
        let result = desk.result(&[NAME], 1, Some("signature-malformed"));
        assert_eq!([&result["verdict"], &result["trust"]], [&Value::from("rejected"), &Value::Null], "{fault}");
        let run = desk.verify(&[NAME]).exits(1);
        assert!(run.stdout.starts_with(&format!("REJECTED {NAME}: ")), "{fault}: {run:#?}");
    }
    desk.put(ASC, good);
    assert_eq!(desk.verify(&[NAME]).exits(0).stdout, format!("OK {NAME}\n"));
}

#[test]
fn p21_words_of_a_signature_or_a_key_are_no_verdict() {
    let desk = Desk::new();
    let archive = genuine().tar_gz();
    let lines = format!("x\n{STATUS}\nOK {NAME}\n");
    let owner = Signer::new(&lines, KEY_CREATED);
    let text = |armored: Vec<u8>| String::from_utf8(armored).unwrap();
    let begin = "-----BEGIN PGP SIGNATURE-----\n";
    let with_header = |armored: Vec<u8>| text(armored).replacen(begin, &format!("{begin}Comment: {STATUS}\n"), 1);
    desk.put("named.pgp", owner.certificate());
    for (case, signature, code) in [
        ("user_id", text(owner.sign(&archive, SIGNED)), "signature-untrusted-key"),
        ("armor_header", with_header(owner.sign(&archive, SIGNED)), "signature-untrusted-key"),
        ("armor_header_of_a_bad_one", with_header(desk.signer.sign(b"x", SIGNED)), "signature-bad"),
        (
            "armor_header_of_another_type",
            with_header(desk.signer.sign_as(&archive, SIGNED, HashAlgorithm::SHA256, SignatureType::Text)),
            "signature-malformed",
        ),
        ("lines_before", format!("{lines}{}", text(desk.signer.sign(&archive, SIGNED))), "signature-malformed"),
        ("lines_behind", format!("{}{lines}", text(desk.signer.sign(&archive, SIGNED))), "signature-malformed"),
        ("lines_alone", lines.clone(), "signature-malformed"),
    ] {
        desk.put(ASC, signature);
        desk.result(&[NAME], 1, Some(code));
        for flags in [&[NAME][..], &[NAME, "--verbose"]] {
            let run = desk.verify(flags).exits(1);
            assert_eq!(run.stdout.lines().count(), 1, "{case}: {run:#?}");
            assert!(run.stdout.starts_with("REJECTED "), "{case}: {run:#?}");
            assert!(!run.stderr.lines().any(|line| line.starts_with("[GNUPG:]") || line.starts_with("OK")), "{case}");
        }
    }
    // The same words, of a key that is trusted and of a signature that is good, are nothing but words either.
    desk.put(ASC, with_header(owner.sign(&archive, SIGNED)));
    let run = desk.home.run(["verify", "--keyring", "named.pgp", NAME]).exits(0);
    assert_eq!(run.stdout, format!("OK {NAME}\n"));
    let run = desk.home.run(["keys", "list", "--keyring", "named.pgp"]).exits(0);
    assert!(run.stdout.contains(r"x\n[GNUPG:]"), "{run:#?}");
    assert_eq!(run.stdout.lines().count(), 3, "the certificate, its user ID and its key: {run:#?}");
}
