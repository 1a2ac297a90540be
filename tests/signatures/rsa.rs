//! RSA signatures that are not the one that the key's owner made (PKCS #1 v1.5, RFC 8017 §8.2.2).
//!
//! Sequoia hands an OpenPGP signature's number and digest to the `rsa` crate by [`Key::verify`], which is where numbers
//! are put that no OpenPGP packet of ours could bear: there one signs the hash of data *and* of a trailer (RFC 9580
//! §5.2.4), while the vectors of others were made over data alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use goverify::error::Code;
use sequoia_openpgp::Packet;
use sequoia_openpgp::crypto::Signer as _;
use sequoia_openpgp::crypto::mpi::{self, MPI, PublicKey};
use sequoia_openpgp::packet::Key;
use sequoia_openpgp::packet::key::{Key4, PublicParts, SubordinateRole};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::MarshalInto;
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

use super::form::framed;
use super::support::keys::{HashAlgorithm, armor, dearmor};
use super::{Binding, CREATED, SIGNED, bound, bytes, judge_by, key_pair};

/// What stands before a SHA-256 digest in a padded message: its `DigestInfo` (RFC 8017 §9.2).
const SHA256_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
const MODULUS_BYTES: usize = 256;

/// `a + b`, both big-endian.
fn sum(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut sum: Vec<u8> = Vec::new();
    let mut carry = 0;
    let (mut a, mut b) = (a.iter().rev(), b.iter().rev());
    loop {
        let digits = (a.next(), b.next());
        if digits == (None, None) && carry == 0 {
            sum.reverse();
            return sum;
        }
        let digit = u16::from(*digits.0.unwrap_or(&0)) + u16::from(*digits.1.unwrap_or(&0)) + carry;
        sum.push(digit.to_le_bytes()[0]);
        carry = digit >> 8;
    }
}

/// `a * b`, both big-endian, in as many octets as both have together.
fn product(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut product = vec![0; a.len() + b.len()];
    for (i, &x) in a.iter().enumerate().rev() {
        let mut carry = 0;
        for (j, &y) in b.iter().enumerate().rev() {
            let digit = u32::from(product[i + j + 1]) + u32::from(x) * u32::from(y) + carry;
            product[i + j + 1] = digit.to_le_bytes()[0];
            carry = digit >> 8;
        }
        product[i] = carry.to_le_bytes()[0];
    }
    product
}

fn cube(root: &[u8]) -> Vec<u8> {
    product(&product(root, root), root)
}

/// The largest number whose cube is at most `bound`, bit by bit.
fn cube_root(bound: &[u8]) -> Vec<u8> {
    let mut root = vec![0; bound.len().div_ceil(3)];
    let bound = [&vec![0; 3 * root.len() - bound.len()][..], bound].concat();
    for bit in 0..root.len() * 8 {
        root[bit / 8] |= 0x80 >> (bit % 8);
        if cube(&root) > bound {
            root[bit / 8] &= !(0x80 >> (bit % 8));
        }
    }
    root
}

fn public_key(e: &[u8], n: &[u8]) -> Key<PublicParts, SubordinateRole> {
    Key4::import_public_rsa(e, n, None).unwrap().into()
}

fn is_good(key: &Key<PublicParts, SubordinateRole>, s: &[u8], hash: HashAlgorithm, digest: &[u8]) -> bool {
    key.verify(&mpi::Signature::RSA { s: MPI::new(s) }, hash, digest).is_ok()
}

#[test]
fn p20_rsa_signature_that_is_equal_modulo_n() {
    let key = key_pair(Key4::generate_rsa(2048).unwrap(), CREATED);
    let signer = bound(&key, &Binding::BackSignedBy(&key));
    let PublicKey::RSA { n, .. } = key.public().mpis() else { panic!("RSA") };
    let packet = dearmor(&signer.sign(bytes(), SIGNED));
    let Packet::Signature(signature) = Packet::from_bytes(&packet).unwrap() else { panic!("a signature") };
    let mpi::Signature::RSA { s } = signature.mpis() else { panic!("RSA") };
    let body = signature.to_vec().unwrap();
    let before_s = &body[..body.len() - 2 - s.value().len()];
    let with = |s: &[u8]| {
        let s = MarshalInto::to_vec(&MPI::new(s)).unwrap();
        judge_by(&armor(&framed(&[before_s, &s].concat())), signer.cert())
    };
    assert_eq!(with(s.value()), Ok(signer.signing_fingerprint()));
    assert_eq!(with(&sum(s.value(), n.value())), Err(Code::SignatureBad));
    assert_eq!(with(&sum(s.value(), &[1])), Err(Code::SignatureBad));
    assert_eq!(with(&[]), Err(Code::SignatureBad));
    assert_eq!(with(&[1]), Err(Code::SignatureBad));
}

/// Under an exponent of three anybody can find a number whose cube *begins* like a padded digest: whoever does not look
/// at what follows takes it for a signature (Bleichenbacher 2006, CVE-2006-4339).
#[test]
fn p20_cube_root_of_a_padded_digest() {
    let digest = Sha256::digest(bytes());
    // Any modulus that no cube of ours reaches will do, since nothing is reduced.
    let key = public_key(&[3], &[0xff; MODULUS_BYTES]);
    for padding_bytes in [0, 1, 8, 20] {
        let start = [&[0, 1][..], &vec![0xff; padding_bytes], &[0], &SHA256_INFO, &digest].concat();
        let largest = [&start[..], &vec![0xff; MODULUS_BYTES - start.len()]].concat();
        let root = cube_root(&largest);
        let message = cube(&root);
        let message = &message[message.len() - MODULUS_BYTES..];
        assert_eq!(message[..start.len()], start, "the forgery is one");
        assert!(!is_good(&key, &root, HashAlgorithm::SHA256, &digest), "{padding_bytes} octets of padding");
    }
    // The number that only the owner can find.
    let key = key_pair(Key4::generate_rsa(2048).unwrap(), CREATED);
    let PublicKey::RSA { e, n } = key.public().mpis() else { panic!("RSA") };
    let signature = key.clone().sign(HashAlgorithm::SHA256, &digest).unwrap();
    let mpi::Signature::RSA { s } = signature else { panic!("RSA") };
    let public = public_key(e.value(), n.value());
    assert!(is_good(&public, s.value(), HashAlgorithm::SHA256, &digest));
    assert!(!is_good(&public, &sum(s.value(), n.value()), HashAlgorithm::SHA256, &digest));
}

fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

#[test]
fn p20_wycheproof_rsa_signatures() {
    let Some(corpora) = std::env::var_os("GOVERIFY_CORPORA").map(PathBuf::from) else {
        // Past the test harness, which would swallow what a passing test prints.
        std::io::stderr().write_all(b"skipped: GOVERIFY_CORPORA is not set\n").unwrap();
        return;
    };
    let mut counts = BTreeMap::new();
    for (bits, sha) in [(2048, 256), (2048, 512), (3072, 256), (3072, 512), (4096, 256), (4096, 512)] {
        let name = format!("rsa_signature_{bits}_sha{sha}_test.json");
        let corpus = fs::read(corpora.join("wycheproof").join(&name)).unwrap();
        let corpus: Value = serde_json::from_slice(&corpus).unwrap();
        for group in corpus["testGroups"].as_array().unwrap() {
            let (e, n) = (octets(&group["publicKey"]["publicExponent"]), octets(&group["publicKey"]["modulus"]));
            let key = public_key(&e, &n);
            for case in group["tests"].as_array().unwrap() {
                let (message, s) = (octets(&case["msg"]), octets(&case["sig"]));
                let good = match sha {
                    256 => is_good(&key, &s, HashAlgorithm::SHA256, &Sha256::digest(&message)),
                    _ => is_good(&key, &s, HashAlgorithm::SHA512, &Sha512::digest(&message)),
                };
                // "Acceptable" is a digest without its algorithm's parameters, which RFC 8017 has in place.
                assert_eq!(good, case["result"] == "valid", "{name}: {case}");
                *counts.entry(good).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(counts, BTreeMap::from([(true, 47), (false, 1_507)]));
}
