//! The armor of a signature: what is accepted holds the bytes that another reader finds in it, and so does the armor
//! that another writer puts around these bytes.

use goverify::trust::{SIGNATURE_SIZE_LIMIT_BYTES, fuzzing};
use sequoia_openpgp::armor::{Kind, Reader, ReaderMode};
use std::io::Read;

use crate::support::keys;
use crate::{Seed, openpgp};

pub fn seeds() -> Vec<Seed> {
    let armored = openpgp::signer().sign(b"seed", openpgp::SIGNED);
    let text = String::from_utf8(armored.clone()).unwrap();
    let with_header = text.replacen("\n\n", "\nVersion: GnuPG v1\nComment: a: b\n\n", 1);
    vec![
        Seed::accepted("signature", armored),
        Seed::accepted("crlf", text.replace('\n', "\r\n")),
        Seed::accepted("headers", with_header),
        Seed::accepted("padding", keys::armor(b"a")),
        Seed::rejected("twice", text.repeat(2)),
        Seed::rejected("page", format!("<html>{text}")),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Ok(bytes) = fuzzing::dearmor(input) else { return false };
    assert!(input.len() <= SIGNATURE_SIZE_LIMIT_BYTES && !bytes.is_empty());
    let mut theirs = Vec::new();
    let mut reader = Reader::from_bytes(input, ReaderMode::Tolerant(Some(Kind::Signature)));
    if reader.read_to_end(&mut theirs).is_ok() {
        assert_eq!(theirs, bytes, "sequoia's reader sees other bytes");
    }
    let again = keys::armor(&bytes);
    // Headers and line lengths are gone, so it can only be longer where lines were.
    if again.len() <= SIGNATURE_SIZE_LIMIT_BYTES {
        assert_eq!(fuzzing::dearmor(&again).as_ref(), Ok(&bytes));
    }
    true
}
