//! The form of a signature file: its type, its armor, its packets and their number.

use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use goverify::error::{Code, Coded};
use goverify::trust::DetachedSignature;
use sequoia_openpgp::cert::CertBuilder;
use sequoia_openpgp::crypto::Signer as _;
use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketTag, SubpacketValue};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::serialize::stream::{LiteralWriter, Message, Signer as MessageSigner};
use sequoia_openpgp::{Packet, Profile};
use sha2::{Digest, Sha256};

use super::support::keys::{HashAlgorithm, SignatureType, Signer, armor, dearmor, time};
use super::{CREATED, DAY, SIGNED, SIGNER, STRANGER, builder, bytes, good, judge, judge_by, several, signed_with};

#[test]
fn p10_text_signature() {
    let signed_as = |kind| judge(&SIGNER.sign_as(bytes(), SIGNED, HashAlgorithm::SHA256, kind));
    assert_eq!(signed_as(SignatureType::Binary), good());
    assert_eq!(signed_as(SignatureType::Text), Err(Code::SignatureMalformed));
}

#[test]
fn p11_signature_of_another_type() {
    for kind in [0x02, 0x10, 0x11, 0x12, 0x13, 0x18, 0x19, 0x1f, 0x20, 0x28, 0x30, 0x40, 0x50, 0x60, 0xff] {
        let signature = SIGNER.sign_as(bytes(), SIGNED, HashAlgorithm::SHA256, SignatureType::from(kind));
        assert_eq!(judge(&signature), Err(Code::SignatureMalformed), "type {kind:#04x}");
    }
    assert_eq!(judge(&SIGNER.sign_as(bytes(), SIGNED, HashAlgorithm::SHA256, SignatureType::from(0))), good());
}

#[test]
fn p12_message_instead_of_a_detached_signature() {
    let detached = dearmor(&SIGNER.sign(bytes(), SIGNED));
    let literal = [&[0xcb, 9, b'b', 0, 0, 0, 0, 0][..], b"abc"].concat();
    let compressed = [&[0xc8, u8::try_from(detached.len() + 1).unwrap(), 0][..], &detached].concat();
    let mut inline = Vec::new();
    let signer = MessageSigner::new(Message::new(&mut inline), SIGNER.key()).unwrap();
    let mut writer = LiteralWriter::new(signer.build().unwrap()).build().unwrap();
    writer.write_all(bytes()).unwrap();
    writer.finalize().unwrap();
    for (what, packets) in [
        ("inline_signed", inline),
        ("literal_then_signature", [&literal[..], &detached].concat()),
        ("signature_then_literal", [&detached[..], &literal].concat()),
        ("compressed_signature", compressed),
        ("marker_then_signature", [&[0xca, 3, b'P', b'G', b'P'][..], &detached].concat()),
        ("signature_then_padding", [&detached[..], &[0xd5, 2, 0, 0]].concat()),
        ("signature_then_octet", [&detached[..], &[0]].concat()),
        ("certificate", SIGNER.cert().clone().strip_secret_key_material().to_vec().unwrap()),
    ] {
        assert_eq!(judge(&armor(&packets)), Err(Code::SignatureMalformed), "{what}");
    }
    assert_eq!(judge(&armor(&detached)), good());
    let mut cleartext = Vec::new();
    let signer = MessageSigner::new(Message::new(&mut cleartext), SIGNER.key()).unwrap().cleartext();
    let mut writer = signer.build().unwrap();
    writer.write_all(b"hello").unwrap();
    writer.finalize().unwrap();
    assert_eq!(judge(&cleartext), Err(Code::SignatureMalformed));
    let hiding = [b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n", &SIGNER.sign(bytes(), SIGNED)[..]].concat();
    assert_eq!(judge(&hiding), Err(Code::SignatureMalformed));
}

#[test]
fn p13_junk_around_the_armor() {
    let text = String::from_utf8(SIGNER.sign(bytes(), SIGNED)).unwrap();
    let (begin, end) = ("-----BEGIN PGP SIGNATURE-----\n", "-----END PGP SIGNATURE-----\n");
    let with_header = |header: &str| text.replacen(begin, &format!("{begin}{header}\n"), 1);
    let crc_at = text.rfind("\n=").unwrap();
    for (what, text) in [
        ("junk_before", format!("junk\n{text}")),
        ("junk_after", format!("{text}junk\n")),
        ("html_before", format!("<!DOCTYPE html>\n{text}")),
        ("newline_before", format!("\n{text}")),
        ("two_blocks", text.repeat(2)),
        ("byte_order_mark", format!("\u{feff}{text}")),
        ("message_label", text.replace("SIGNATURE", "MESSAGE")),
        ("begin_label", text.replacen("SIGNATURE", "MESSAGE", 1)),
        ("key_label", text.replace("SIGNATURE", "PUBLIC KEY BLOCK")),
        ("no_end", text.replace(end, "")),
        ("terminal_escapes_in_header", with_header("Comment: \u{1b}[2J")),
        ("header_that_is_none", with_header("no colon")),
        ("space_in_base64", text.replacen("\nw", "\n w", 1)),
        ("binary", String::from_utf8_lossy(&dearmor(text.as_bytes())).into_owned()),
    ] {
        assert_eq!(judge(text.as_bytes()), Err(Code::SignatureMalformed), "{what}");
    }
    for (what, text) in [
        ("as_it_is", text.clone()),
        ("header", with_header("Version: GnuPG v1")),
        ("crlf", text.replace('\n', "\r\n")),
        ("newline_after", format!("{text}\n")),
        ("no_crc24", format!("{}\n{end}", &text[..crc_at])),
        ("wrong_crc24", format!("{}\n=AAAA\n{end}", &text[..crc_at])),
    ] {
        assert_eq!(judge(text.as_bytes()), good(), "{what}");
    }
}

#[test]
fn p14_something_else_instead_of_a_signature() {
    let digest = hex::encode(Sha256::digest(bytes()));
    for (what, text) in [
        ("empty", ""),
        ("newline", "\n"),
        ("not_found_page", "<!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title>"),
        ("sha256_file", &digest),
        ("armor_of_nothing", "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"),
    ] {
        assert_eq!(judge(text.as_bytes()), Err(Code::SignatureMalformed), "{what}");
    }
    assert_eq!(judge(bytes()), Err(Code::SignatureMalformed), "the archive itself");
    let one = SIGNER.sign(bytes(), SIGNED);
    let filled_to = |length: usize| [&one[..], &vec![b'\n'; length - one.len()]].concat();
    assert_eq!(judge(&filled_to(16 << 10)), good());
    assert_eq!(judge(&filled_to((16 << 10) + 1)), Err(Code::SignatureMalformed));
    assert_eq!(judge(&several(&[&one[..]; 16])), good());
    assert_eq!(judge(&several(&[&one[..]; 17])), Err(Code::SignatureMalformed));
}

#[test]
fn p15_several_signatures_agree() {
    let (one, other) = (SIGNER.sign(bytes(), SIGNED), SIGNER.sign(bytes(), "2024-07-03T00:00:00Z"));
    let stranger = STRANGER.sign(bytes(), SIGNED);
    let (bad, strangers_bad) = (SIGNER.sign(b"another", SIGNED), STRANGER.sign(b"another", SIGNED));
    let expired = signed_with(|builder| builder.set_signature_validity_period(DAY));
    for (signatures, expected) in [
        (vec![&one, &other], good()),
        (vec![&one, &stranger], good()),
        (vec![&stranger, &one], good()),
        (vec![&strangers_bad, &one], good()),
        (vec![&one, &bad], Err(Code::SignatureBad)),
        (vec![&bad, &one], Err(Code::SignatureBad)),
        (vec![&stranger, &bad], Err(Code::SignatureBad)),
        (vec![&one, &expired], Err(Code::SignatureTime)),
        (vec![&stranger, &strangers_bad], Err(Code::SignatureUntrustedKey)),
    ] {
        let signatures: Vec<&[u8]> = signatures.into_iter().map(|signature| &signature[..]).collect();
        assert_eq!(judge(&several(&signatures)), expected);
    }
}

#[test]
fn p16_signature_of_another_version() {
    // Version 6 by a version 6 key, which may be trusted for other things.
    let six = CertBuilder::new().set_profile(Profile::RFC9580).unwrap().add_userid("six").add_signing_subkey();
    let six = Signer::generate(six, CREATED);
    let v6 = builder(SignatureType::Binary, SIGNED).sign_message(&mut six.key(), bytes()).unwrap();
    assert_eq!(v6.version(), 6);
    let v6 = armor(&Packet::from(v6).to_vec().unwrap());
    assert_eq!(judge(&v6), Err(Code::SignatureUntrustedKey));
    assert_eq!(judge_by(&v6, six.cert()), Err(Code::SignatureUntrustedKey));
    assert_eq!(judge(&several(&[&v6, &SIGNER.sign(bytes(), SIGNED)])), good());
    // Version 3, as good as it can be (RFC 9580 §5.2.2): it hashes the data, its type and its time.
    let seconds = u32::try_from(time(SIGNED).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let hashed = [&[0][..], &seconds.to_be_bytes()].concat();
    let digest = Sha256::new().chain_update(bytes()).chain_update(&hashed).finalize();
    let mut key = SIGNER.key();
    let mpis = key.sign(HashAlgorithm::SHA256, &digest).unwrap();
    let mpis = MarshalInto::to_vec(&mpis).unwrap();
    let algorithms = [u8::from(key.public().pk_algo()), u8::from(HashAlgorithm::SHA256)];
    let key_id = key.public().keyid();
    let body = [&[3, 5][..], &hashed, key_id.as_bytes(), &algorithms, &digest[..2], &mpis].concat();
    let v3 = [&[0xc2, u8::try_from(body.len()).unwrap()][..], &body].concat();
    assert!(matches!(Packet::from_bytes(&v3), Ok(Packet::Signature(signature)) if signature.version() == 3));
    assert_eq!(judge(&armor(&v3)), Err(Code::SignatureMalformed));
    for (version, expected) in [(2, Code::SignatureMalformed), (5, Code::SignatureMalformed)] {
        let mut packet = dearmor(&SIGNER.sign(bytes(), SIGNED));
        packet[2] = version;
        assert_eq!(judge(&armor(&packet)), Err(expected), "{version}");
    }
}

#[test]
fn p17_critical_subpacket_that_nobody_knows() {
    let private =
        |critical| Subpacket::new(SubpacketValue::Unknown { tag: SubpacketTag::Private(100), body: vec![1] }, critical);
    for (critical, expected) in [(false, good()), (true, Err(Code::SignatureBad))] {
        let notation = signed_with(|builder| builder.set_notation("x@goverify.invalid", b"y", None, critical));
        assert_eq!(judge(&notation), expected);
        let unknown = private(critical).unwrap();
        let unknown = signed_with(|builder| builder.modify_hashed_area(|mut area| area.add(unknown).map(|()| area)));
        assert_eq!(judge(&unknown), expected);
    }
    // Anybody can add to the area that is not hashed, so that nothing in there can be critical.
    let unhashed = private(true).unwrap();
    let unhashed = signed_with(|builder| builder.modify_unhashed_area(|mut area| area.add(unhashed).map(|()| area)));
    assert_eq!(judge(&unhashed), good());
}

/// A signature packet with this body and a five-octet length.
pub(super) fn framed(body: &[u8]) -> Vec<u8> {
    [&[0xc2, 255][..], &u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

/// A good packet's body, with these octets for its unhashed area.
fn with_unhashed_area(area: &[u8]) -> Vec<u8> {
    let body = &dearmor(&SIGNER.sign(bytes(), SIGNED))[2..];
    let hashed = usize::from(u16::from_be_bytes([body[4], body[5]]));
    let (front, back) = body.split_at(6 + hashed);
    assert_eq!(back[..2], [0, 0]);
    [front, &u16::try_from(area.len()).unwrap().to_be_bytes(), area, &back[2..]].concat()
}

#[test]
fn p18_framing_that_parsers_stumble_over() {
    let body = with_unhashed_area(&[]);
    let length = u8::try_from(body.len()).unwrap();
    let framed = |header: &[u8]| judge(&armor(&[header, &body].concat()));
    for header in [
        &[0xc2, length][..],
        &[0xc2, 255, 0, 0, 0, length],
        &[0x88, length],
        &[0x89, 0, length],
        &[0x8a, 0, 0, 0, length],
    ] {
        assert_eq!(framed(header), good(), "{header:x?}");
    }
    for header in [
        &[0x8b][..],
        &[0xc2, 0xe7],
        &[0xc2, 255, 255, 255, 255, 255],
        &[0x8a, 255, 255, 255, 255],
        &[0x89, 255, 255],
        &[0xc2, length + 1],
        &[0xc2, length - 1],
        &[0xc2, 0],
        &[0x02, length],
    ] {
        assert_eq!(framed(header), Err(Code::SignatureMalformed), "{header:x?}");
    }
    for id in (0..64).filter(|id| *id != 2) {
        assert_eq!(framed(&[0xc0 | id, length]), Err(Code::SignatureMalformed), "as a packet of type {id}");
    }
    let partial = [&[0xc2, 0xe0 + 6][..], &body[..64], &[length - 64], &body[64..]].concat();
    assert_eq!(judge(&armor(&partial)), Err(Code::SignatureMalformed));
}

/// What bounds everything that packets may claim is the size of the file.
#[test]
fn p18_floods_are_refused_in_no_time() {
    let hundred_thousand = [1, 100].repeat(100_000);
    // Version 6 has four octets for the length of what is not hashed; version 4 has two.
    let length = u32::try_from(hundred_thousand.len()).unwrap().to_be_bytes();
    let v6 = [&[6, 0, 27, 8][..], &[0; 4], &length, &hundred_thousand, &[0; 2]].concat();
    let lists = [0xc0 | 2, 255, 255, 255, 255, 255].repeat(1_000);
    for (what, packets) in [
        ("a_hundred_thousand_subpackets", framed(&v6)),
        ("an_area_as_long_as_can_be", framed(&with_unhashed_area(&[1, 100].repeat(32_767)))),
        ("four_gib", [&[0xc2, 255, 255, 255, 255, 255][..], &with_unhashed_area(&[])].concat()),
        ("four_gib_often", lists),
        ("empty_packets", [0xc2, 0].repeat(5_000)),
        ("partial_lengths", [0xc2, 0xe0, 0].repeat(3_000)),
        ("nested_compression", [0xc8, 255, 255, 255, 255, 255, 2].repeat(1_000)),
    ] {
        let armored = armor(&packets);
        // The quickest of some runs, since other processes may get in the way of one.
        let took = (0..5).map(|_| {
            let started = Instant::now();
            let code = DetachedSignature::parse(&armored).map(drop).map_err(|error| error.code());
            assert_eq!(code, Err(Code::SignatureMalformed), "{what}");
            started.elapsed()
        });
        assert!(took.min() < Some(Duration::from_millis(100)), "{what}");
    }
    assert_eq!(judge(&armor(&framed(&with_unhashed_area(&[])))), good());
}

#[test]
fn p18_subpackets_without_number_or_end() {
    let framed = |body: &[u8]| judge(&armor(&framed(body)));
    // As many as 16 KiB of armor hold.
    assert_eq!(framed(&with_unhashed_area(&[1, 100].repeat(5500))), good());
    assert_eq!(framed(&with_unhashed_area(&[0].repeat(5500))), Err(Code::SignatureMalformed));
    assert_eq!(framed(&with_unhashed_area(&[255, 255, 255, 255, 255, 100])), Err(Code::SignatureMalformed));
    // Signatures within signatures (RFC 9580 §5.2.3.34), as a back-signature is, and as deep as they fit.
    let nested = |depth: usize| {
        (0..depth).fold(with_unhashed_area(&[]), |inner, _| {
            let length = u32::try_from(inner.len() + 1).unwrap().to_be_bytes();
            with_unhashed_area(&[&[255][..], &length, &[32], &inner].concat())
        })
    };
    assert_eq!(framed(&nested(1)), good());
    assert_eq!(framed(&nested(2)), Err(Code::SignatureMalformed), "no signature embeds one that embeds one");
    let deepest = nested(50);
    assert!((8 << 10..12 << 10).contains(&deepest.len()), "{}", deepest.len());
    assert_eq!(framed(&deepest), Err(Code::SignatureMalformed));
}
