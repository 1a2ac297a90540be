//! Gzip members, for two readers. The first octet says what the rest is: a whole member, or a deflate stream that header
//! and right trailer are put around. What is accepted, flate2 reads alike, and nothing is behind it; what flate2 reads
//! of a stream with right header and trailer is accepted.

use std::io::Read;

use flate2::bufread::{DeflateDecoder, GzDecoder};
use goverify::archive::fuzzing;

use crate::Seed;
use crate::archives::{piece_bytes, stored_gzip, trailer};
use crate::support::tar_entry::gzip;
use crate::support::zip_entry::deflate;

/// What one input may expand to, so that it is quick.
const CONTENT_LIMIT_BYTES: u64 = 8 << 20;

pub fn seeds() -> Vec<Seed> {
    let text: Vec<u8> = (0..200_u32).flat_map(|n| format!("{n} words, and {} more\n", n * n).into_bytes()).collect();
    let whole = |member: Vec<u8>| [&[0], &member[..]].concat();
    let bare = |stream: &[u8]| [&[1], stream].concat();
    vec![
        Seed::accepted("whole", whole(gzip(b"words"))),
        Seed::accepted("stored", whole(stored_gzip(&text))),
        Seed::accepted("nothing", whole(stored_gzip(b""))),
        Seed::accepted("bare", bare(&deflate(&text))),
        Seed::accepted("bare-fixed", bare(&deflate(b"a"))),
        Seed::accepted("bare-zeros", bare(&deflate(&[0; 70_000]))),
        Seed::rejected("two", whole(gzip(b"words").repeat(2))),
        Seed::rejected("padded", whole([&gzip(b"words")[..], &[0]].concat())),
        Seed::rejected("bare-open", bare(&deflate(&text)[..40])),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Some((&form, rest)) = input.split_first() else { return false };
    if form & 1 == 0 { check_member(rest) } else { check_deflate(rest) }
}

fn check_member(member: &[u8]) -> bool {
    let result = fuzzing::gunzip(member, piece_bytes(member).max(64));
    assert_eq!(result.is_ok(), fuzzing::gunzip(member, 4096).is_ok(), "in pieces");
    let Ok(content) = result else { return false };
    let mut decoder = GzDecoder::new(member);
    let mut theirs = Vec::new();
    decoder.read_to_end(&mut theirs).unwrap();
    assert!(theirs == content, "flate2 reads other content");
    assert!(decoder.into_inner().is_empty(), "something is behind it");
    true
}

fn check_deflate(stream: &[u8]) -> bool {
    let mut decoder = DeflateDecoder::new(stream);
    let mut content = Vec::new();
    let theirs = decoder.by_ref().take(CONTENT_LIMIT_BYTES + 1).read_to_end(&mut content);
    if content.len() as u64 > CONTENT_LIMIT_BYTES {
        return false;
    }
    let complete = theirs.is_ok() && decoder.total_in() == stream.len() as u64;
    let member = [&stored_gzip(b"")[..10], stream, &trailer(&content)].concat();
    let ours = fuzzing::gunzip(&member, piece_bytes(stream).max(64));
    if complete {
        assert!(ours.as_ref() == Ok(&content), "{ours:?}");
    }
    if ours.is_ok() { check_member(&member) } else { false }
}
