//! One bit is enough: every bit of a signed archive and of its signature, flipped, and every length cut short.
//!
//! What may change without harm is computed here from the formats (RFC 9580 §5.2.3, §6.2) and compared with what was
//! accepted, bit for bit: bytes that nothing vouches for are allowed exactly where nobody relies on them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::num::NonZero;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use goverify::archive::{Discard, receive};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::release::ArchiveName;
use goverify::trust::{Authenticator, DetachedSignature, DigestSource, Expectation, ExpectedDigest, Keyring, verify};
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketValue};
use sha2::{Digest, Sha256};
use support::NO_LOG;
use support::figures::{count, long, stride};
use support::keys::{HashAlgorithm, SignatureType, Signer, armor, dearmor, time};
use support::mirror::SIGNED;
use support::sdk::Sdk;

/// The armor header of the fixture, as GnuPG of the time of go1.9 wrote it.
const ARMOR_HEADER: &str = "Version: GnuPG v1";
/// Bit flips of that header after which it is still a header: `Key: printable ASCII`.
const HARMLESS_HEADER_FLIPS: usize = 91;
/// The size of the archive of which every bit is flipped in the long form; the archive of the other tests is small
/// enough for that in either form.
const LARGE_BYTES: usize = 64 << 10;
/// The quick form's distance between flips: odd, so that every position in an octet has its turn, and prime, so that
/// no structure of the formats keeps step with it.
const QUICK_STRIDE: usize = 127;
/// What a gzip member begins with (RFC 1952 §2.3).
const GZIP_HEADER_BITS: usize = 80;
/// Octets of the gzip header that mean nothing: MTIME, XFL and OS (RFC 1952 §2.3.1).
const GZIP_MEANINGLESS: std::ops::Range<usize> = 4..10;
/// Subpacket types whose own formats no eight octets of a key ID can have (RFC 9580 §5.2.3), critical or not.
const TYPES_OF_OTHER_LENGTHS: [u8; 12] = [2, 3, 4, 5, 6, 7, 9, 12, 20, 25, 32, 37];
/// The subpacket type of an issuer's key ID, and the bit that makes a subpacket critical, which means nothing outside
/// the hashed area (RFC 9580 §5.2.3.7 and §5.2.3.12).
const ISSUER_KEY_ID: u8 = 16;
const CRITICAL: u8 = 0x80;

/// A small release, its signature, and whom to trust.
struct Fixture {
    name: ArchiveName,
    archive: Vec<u8>,
    keyring: Keyring,
    signer: Signer,
}

/// Where a signature names its issuer.
#[derive(Clone, Copy, PartialEq)]
enum Issuer {
    /// By fingerprint in the hashed area and by key ID in the other, as GnuPG does since 2.1.
    HashedAndUnhashed,
    /// By key ID in the unhashed area alone, as the signatures up to go1.19 do.
    UnhashedAlone,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self::of(&Sdk::minimal("go1.22.5", "src"));
        assert!(fixture.archive.len() < 800, "{} bytes take too long", fixture.archive.len());
        fixture
    }

    /// With an archive of exactly this size, most of which is a file that cannot be compressed.
    fn of_size(bytes: usize) -> Self {
        let noise: Vec<u8> = (0_u32..).flat_map(|n| Sha256::digest(n.to_be_bytes())).take(2 * bytes).collect();
        let mut length = bytes - 1_000;
        // Compression does not pass over every size; other noise passes over others.
        for start in 0..100 {
            for _ in 0..4 {
                let noise = &noise[start..start + length];
                let sdk = Sdk::minimal("go1.22.5", "src").with_file("src/noise", noise, 0o644);
                let actual = sdk.tar_gz().len();
                if actual == bytes {
                    return Self::of(&sdk);
                }
                length = length + bytes - actual;
            }
        }
        panic!("no archive of {bytes} bytes");
    }

    fn of(sdk: &Sdk) -> Self {
        count_panics();
        // The same key ID every time, since some flips turn it into other things.
        let demo_key = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo-key.secret.asc");
        let signer = Signer::from_secret(&fs::read(demo_key).unwrap());
        let keyring = Keyring::from_files([&signer.certificate()[..]]).unwrap();
        let archive = sdk.tar_gz();
        assert!(sdk.entries().iter().any(|entry| entry.blocks()[156] == b'x'), "a pax entry");
        Self { name: sdk.name().clone(), archive, keyring, signer }
    }

    /// The one signature packet, with its header in the OpenPGP format and a one-octet length.
    fn packet(&self, issuer: Issuer) -> Vec<u8> {
        let key = self.signer.key();
        let key_id = Subpacket::new(SubpacketValue::Issuer(key.public().keyid()), false).unwrap();
        let builder = SignatureBuilder::new(SignatureType::Binary).set_hash_algo(HashAlgorithm::SHA256);
        let mut builder = builder.set_signature_creation_time(time(SIGNED)).unwrap();
        if issuer == Issuer::HashedAndUnhashed {
            builder = builder.set_issuer_fingerprint(key.public().fingerprint()).unwrap();
        }
        let builder = builder.modify_unhashed_area(|mut area| {
            area.add(key_id)?;
            Ok(area)
        });
        let packet = dearmor(&self.signer.sign_with(&self.archive, builder.unwrap()));
        assert_eq!(packet[..2], [0xc2, u8::try_from(packet.len() - 2).unwrap()]);
        packet
    }

    fn armored(&self) -> Vec<u8> {
        let text = String::from_utf8(armor(&self.packet(Issuer::HashedAndUnhashed))).unwrap();
        let begin = "-----BEGIN PGP SIGNATURE-----\n";
        text.replacen(begin, &format!("{begin}{ARMOR_HEADER}\n"), 1).into_bytes()
    }

    fn judge(&self, archive: &[u8], expectation: &Expectation, by: Authenticator<'_>) -> Result<(), Code> {
        let received = receive(&mut &archive[..], &self.name, &[], Discard, &Watch::silent());
        let received = received.map_err(|error| error.code())?;
        verify(received, expectation, by, &NO_LOG).outcome.map(|_| ()).map_err(|error| error.code())
    }

    fn judge_signed(&self, archive: &[u8], armored: &[u8]) -> Result<(), Code> {
        let signature = DetachedSignature::parse(armored).map_err(|error| error.code())?;
        let by = Authenticator::Signature { signature: &signature, keyring: &self.keyring };
        self.judge(archive, &Expectation::default(), by)
    }

    fn judge_by_digest(&self, archive: &[u8], digest_of: &[u8]) -> Result<(), Code> {
        let expected = ExpectedDigest { sha256: Sha256::digest(digest_of).into(), source: DigestSource::User };
        let expectation = Expectation { digests: vec![expected], size_bytes: None };
        self.judge(archive, &expectation, Authenticator::DigestOnly)
    }
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Panics are counted, since the ones of the OpenPGP parser would be caught and become mere errors.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.location().is_none_or(|at| at.file() != file!()) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            shown(panic);
        }));
    });
}

/// Where the type of the only unhashed subpacket is; its length octet is before it, its key ID behind.
fn unhashed_type_at(packet: &[u8]) -> usize {
    // Two octets of header, and four before the hashed area's length (RFC 9580 §5.2.3).
    let hashed = usize::from(u16::from_be_bytes([packet[6], packet[7]]));
    let unhashed = 2 + 4 + 2 + hashed + 2;
    assert_eq!(packet[unhashed - 2..unhashed + 2], [0, 10, 9, ISSUER_KEY_ID]);
    unhashed + 1
}

/// Whether a signature is as good when its packet is changed to `changed`.
fn is_harmless(issuer: Issuer, packet: &[u8], changed: &[u8]) -> bool {
    let type_at = unhashed_type_at(packet);
    let differs = |at: &usize| packet[*at] != changed[*at];
    if packet.len() != changed.len()
        || !(0..packet.len()).filter(differs).all(|at| (type_at..type_at + 9).contains(&at))
    {
        return false;
    }
    let kind = changed[type_at] & !CRITICAL;
    match issuer {
        // The hashed fingerprint tells the key, so that what is not hashed may say anything well-formed.
        Issuer::HashedAndUnhashed => !TYPES_OF_OTHER_LENGTHS.contains(&kind),
        Issuer::UnhashedAlone => kind == ISSUER_KEY_ID && changed[type_at + 1..] == packet[type_at + 1..],
    }
}

fn with_flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// `judge` for every number below `count`, on all cores; a panic anywhere, caught or not, fails the test.
fn each(count: usize, judge: impl Fn(usize) -> Result<(), Code> + Sync) -> Vec<Result<(), Code>> {
    assert!(count > 0);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                let judge = &judge;
                scope.spawn(move || (first..count).step_by(threads).map(|n| (n, judge(n))).collect::<Vec<_>>())
            })
            .collect();
        let results: BTreeMap<_, _> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
        assert_eq!((results.len(), PANICS.load(Ordering::SeqCst)), (count, 0));
        results.into_values().collect()
    })
}

/// The numbers of what was accepted.
fn accepted(results: &[Result<(), Code>]) -> BTreeSet<usize> {
    (0..results.len()).filter(|&n| results[n].is_ok()).collect()
}

/// The numbers of what `is_harmless`.
fn harmless(count: usize, is_harmless: impl Fn(usize) -> bool) -> BTreeSet<usize> {
    (0..count).filter(|&n| is_harmless(n)).collect()
}

/// How often each code occurs; each of them says "rejected".
fn codes(results: &[Result<(), Code>]) -> BTreeMap<Code, usize> {
    let mut codes = BTreeMap::new();
    for code in results.iter().filter_map(|result| result.err()) {
        assert!(code.is_rejection(), "{code:?}");
        *codes.entry(code).or_default() += 1;
    }
    codes
}

/// A wrong archive is told by what vouches for it; only one whose stream has no end any more is malformed first.
fn assert_mostly(code: Code, mut codes: BTreeMap<Code, usize>) {
    let told = codes.remove(&code).unwrap();
    let malformed = codes.remove(&Code::ArchiveMalformed).unwrap_or_default();
    assert!(told > 8 * malformed && codes.is_empty(), "{told} {malformed} {codes:?}");
}

#[test]
fn no_bit_of_a_signed_archive_of_64_kib_can_be_flipped() {
    let fixture = Fixture::of_size(LARGE_BYTES);
    let armored = fixture.armored();
    assert_eq!(fixture.judge_signed(&fixture.archive, &armored), Ok(()));
    // The gzip header whole, and from there on every bit or every so many.
    let bits: Vec<usize> =
        (0..GZIP_HEADER_BITS).chain((GZIP_HEADER_BITS..LARGE_BYTES * 8).step_by(stride(QUICK_STRIDE))).collect();
    let results = each(bits.len(), |n| fixture.judge_signed(&with_flip(&fixture.archive, bits[n]), &armored));
    count("bit-flips-tried", results.len());
    count("bit-flips-accepted", accepted(&results).len());
    assert_eq!(accepted(&results), BTreeSet::new());
    assert_eq!(bits.len() == LARGE_BYTES * 8, long());
    // The first three octets say that it is gzip.
    assert!(results[..24].iter().all(|result| *result == Err(Code::ArchiveMalformed)));
    assert_mostly(Code::SignatureBad, codes(&results[24..]));
}

#[test]
fn an_archive_with_one_flipped_bit_is_never_verified_by_its_digest() {
    let fixture = Fixture::new();
    assert_eq!(fixture.judge_by_digest(&fixture.archive, &fixture.archive), Ok(()));
    let flipped = |bit| with_flip(&fixture.archive, bit);
    let results = each(fixture.archive.len() * 8, |bit| fixture.judge_by_digest(&flipped(bit), &fixture.archive));
    assert_eq!(accepted(&results), BTreeSet::new());
    assert!(results[..24].iter().all(|result| *result == Err(Code::ArchiveMalformed)));
    assert_mostly(Code::DigestMismatch, codes(&results[24..]));
}

#[test]
fn what_the_formats_let_pass_in_a_flipped_archive_is_the_same_content() {
    let fixture = Fixture::new();
    let unzip = |archive: &[u8]| {
        let (mut content, mut decoder) = (Vec::new(), flate2::bufread::GzDecoder::new(archive));
        decoder.read_to_end(&mut content).is_ok().then_some(content)
    };
    let content = unzip(&fixture.archive);
    let bits = fixture.archive.len() * 8;
    let results = each(bits, |bit| {
        let archive = with_flip(&fixture.archive, bit);
        fixture.judge_by_digest(&archive, &archive)
    });
    // Deflate can say the same in many ways (RFC 1951 §3.2), and any of them will do; but the format and the flags
    // in front (RFC 1952 §2.3.1) have to be these.
    let same = |bit: usize| bit >= GZIP_MEANINGLESS.start * 8 && unzip(&with_flip(&fixture.archive, bit)) == content;
    let expected = harmless(bits, same);
    assert_eq!(accepted(&results), expected);
    assert!(GZIP_MEANINGLESS.flat_map(|octet| octet * 8..octet * 8 + 8).all(|bit| expected.contains(&bit)));
    assert!(expected.len() < bits / 20, "{} of {bits}", expected.len());
}

#[test]
fn an_archive_cut_short_anywhere_is_malformed() {
    let fixture = Fixture::new();
    let armored = fixture.armored();
    let whole = fixture.archive.len();
    let results = each(whole, |length| fixture.judge_signed(&fixture.archive[..length], &armored));
    assert_eq!(codes(&results), [(Code::ArchiveMalformed, whole)].into());
    let results = each(whole, |length| fixture.judge_by_digest(&fixture.archive[..length], &fixture.archive));
    assert_eq!(codes(&results), [(Code::ArchiveMalformed, whole)].into());
    // Where a size was promised, its absence says more than the formats do, unless it is no gzip at all.
    let expectation = Expectation { digests: Vec::new(), size_bytes: Some(whole as u64) };
    let signature = DetachedSignature::parse(&armored).unwrap();
    let by = Authenticator::Signature { signature: &signature, keyring: &fixture.keyring };
    let results = each(whole, |length| fixture.judge(&fixture.archive[..length], &expectation, by));
    assert_eq!(codes(&results), [(Code::ArchiveMalformed, 3), (Code::SizeMismatch, whole - 3)].into());
    assert_eq!(fixture.judge(&fixture.archive, &expectation, by), Ok(()));
}

#[test]
fn an_archive_with_one_more_octet_is_not_what_was_signed() {
    let fixture = Fixture::new();
    let armored = fixture.armored();
    let longer = |octet| [&fixture.archive[..], &[u8::try_from(octet).unwrap()]].concat();
    let results = each(256, |octet| fixture.judge_signed(&longer(octet), &armored));
    assert_eq!(codes(&results), [(Code::SignatureBad, 256)].into());
    let results = each(256, |octet| fixture.judge_by_digest(&longer(octet), &longer(octet)));
    assert_eq!(codes(&results), [(Code::ArchiveMalformed, 256)].into());
}

#[test]
fn p19_signature_packet_with_one_flipped_bit() {
    let fixture = Fixture::new();
    for (issuer, pinned) in [(Issuer::HashedAndUnhashed, 8 * 8 + 7), (Issuer::UnhashedAlone, 1)] {
        let packet = fixture.packet(issuer);
        let judge = |packet: &[u8]| fixture.judge_signed(&fixture.archive, &armor(packet));
        assert_eq!(judge(&packet), Ok(()));
        let bits = packet.len() * 8;
        let results = each(bits, |bit| judge(&with_flip(&packet, bit)));
        let expected = harmless(bits, |bit| is_harmless(issuer, &packet, &with_flip(&packet, bit)));
        assert_eq!(accepted(&results), expected);
        assert_eq!(expected.len(), pinned);
        let codes = codes(&results);
        for code in [Code::SignatureBad, Code::SignatureMalformed, Code::SignatureUntrustedKey, Code::SignatureTime] {
            assert!(codes.contains_key(&code), "{code:?} in {codes:?}");
        }
        assert_eq!(codes.len(), 4, "{codes:?}");
        // The type of the unhashed subpacket is the one octet where a flip may do this or that: all its values.
        let with_type = |kind: usize| {
            let mut changed = packet.clone();
            changed[unhashed_type_at(&packet)] = u8::try_from(kind).unwrap();
            changed
        };
        let results = each(256, |kind| judge(&with_type(kind)));
        assert_eq!(accepted(&results), harmless(256, |kind| is_harmless(issuer, &packet, &with_type(kind))));
        // Cut short, it is no packet.
        let results = each(packet.len(), |length| judge(&packet[..length]));
        assert_eq!(self::codes(&results), [(Code::SignatureMalformed, packet.len())].into());
    }
}

/// The line that a bit is in, from 0, and the bounds of that line.
fn line_of(text: &[u8], bit: usize) -> (usize, std::ops::Range<usize>) {
    let before = &text[..bit / 8];
    let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    let length = text[start..].iter().position(|&b| b == b'\n').unwrap();
    (before.iter().filter(|&&b| b == b'\n').count(), start..start + length)
}

/// The octets that these lines of base64 stand for.
fn decode(lines: &[&[u8]]) -> Option<Vec<u8>> {
    STANDARD.decode(lines.concat()).ok()
}

#[test]
fn p19_armored_signature_with_one_flipped_bit() {
    let fixture = Fixture::new();
    let text = fixture.armored();
    assert_eq!(fixture.judge_signed(&fixture.archive, &text), Ok(()));
    let lines: Vec<&[u8]> = text.split(|&b| b == b'\n').collect();
    let [b"-----BEGIN PGP SIGNATURE-----", header, b"", base64 @ .., crc, b"-----END PGP SIGNATURE-----", b""] =
        &lines[..]
    else {
        panic!("{}", text.escape_ascii());
    };
    assert_eq!((*header, crc[0], crc.len()), (ARMOR_HEADER.as_bytes(), b'=', 5));
    let packet = decode(base64).unwrap();
    let (header_line, base64_lines, crc_line) = (1, 3..3 + base64.len(), 3 + base64.len());

    let bits = text.len() * 8;
    let results = each(bits, |bit| fixture.judge_signed(&fixture.archive, &with_flip(&text, bit)));
    let is_in = |bit: usize, wanted: usize| line_of(&text, bit).0 == wanted;
    let expected = harmless(bits, |bit| {
        let (line, bounds) = line_of(&text, bit);
        if !bounds.contains(&(bit / 8)) {
            return false; // A newline.
        }
        let flipped = with_flip(&text, bit);
        let (octet, column) = (flipped[bit / 8], bit / 8 - bounds.start);
        if line == header_line {
            match column {
                0..7 => octet.is_ascii_alphanumeric(),
                7 | 8 => false, // The colon and the space.
                _ => matches!(octet, b' '..=b'~'),
            }
        } else if base64_lines.contains(&line) {
            let changed: Vec<&[u8]> = flipped.split(|&b| b == b'\n').skip(3).take(base64.len()).collect();
            let padding_or_dash = matches!(octet, b'=' | b'-' | b'\n');
            !padding_or_dash
                && decode(&changed).is_some_and(|changed| is_harmless(Issuer::HashedAndUnhashed, &packet, &changed))
        } else {
            // RFC 9580 §6.1: the checksum of the armor must not be relied on, if only it looks like one.
            line == crc_line && column > 0 && (octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/'))
        }
    });
    assert_eq!(accepted(&results), expected);
    let count = |wanted: usize| expected.iter().filter(|&&bit| is_in(bit, wanted)).count();
    assert_eq!(count(header_line), HARMLESS_HEADER_FLIPS);
    assert!(count(crc_line) > 0);
    assert!(base64_lines.map(count).sum::<usize>() > 0);
    let codes = codes(&results);
    assert!(codes.keys().all(|code| code.as_str().starts_with("signature-")), "{codes:?}");
}

#[test]
fn an_armored_signature_cut_short_lacks_at_most_its_last_newline() {
    let fixture = Fixture::new();
    let lf = fixture.armored();
    let crlf = String::from_utf8(lf.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    for (text, harmless_cuts) in [(lf, 1), (crlf, 2)] {
        assert_eq!(fixture.judge_signed(&fixture.archive, &text), Ok(()));
        let results = each(text.len(), |length| fixture.judge_signed(&fixture.archive, &text[..length]));
        assert_eq!(accepted(&results), (text.len() - harmless_cuts..text.len()).collect());
        assert_eq!(codes(&results), [(Code::SignatureMalformed, text.len() - harmless_cuts)].into());
    }
}
