//! The deflate stream and all of the file: bombs, what a digest covers, and what no compressor makes.

use std::io::{self, Read};

use goverify::archive::{
    ARCHIVE_SIZE_LIMIT_BYTES, ArchiveError, Discard, GzipFault, HeaderFault, ReceiveError, receive,
};
use goverify::error::Code;
use goverify::events::Watch;
use goverify::trust::{Authenticator, DigestSource, Expectation, ExpectedDigest, verify};
use sha2::{Digest, Sha256};

use super::{HEADER_BYTES, Row, TRAILER_BYTES, member};
use crate::case::{Case, Fault, check};
use crate::patchwork::{Patchwork, Piece};
use crate::support::NO_LOG;
use crate::support::sdk::Sdk;
use crate::support::tar_entry::{END, TarEntry, gzip};
use crate::support::zip_entry::deflate;

fn small() -> Sdk {
    Sdk::minimal("go1.22.5", "linux/amd64")
}

/// The small SDK's archive with more blocks, and mebibytes of zeros as a file's content or behind the end.
fn zeros(before: &[u8], mebibytes: usize, after: &[u8]) -> Vec<u8> {
    let stream = small().tar();
    let mut patchwork = Patchwork::new();
    patchwork.add_content(&[&stream[..stream.len() - END.len()], before].concat());
    patchwork.add(&Piece::new(&vec![0; 1 << 20]), mebibytes);
    patchwork.add_content(after);
    patchwork.finish()
}

pub(crate) fn bomb(mebibytes: usize) -> Vec<u8> {
    let file = TarEntry::file("go/src/zeros", "").header(|h| h.set_size((mebibytes as u64) << 20));
    zeros(&file.blocks(), mebibytes, &END)
}

pub(crate) fn g07() -> Vec<Case> {
    let mut row = Row::default();
    let (ratio, times) = (40, "times its compressed size");
    for mebibytes in [64, 65, 100, 256, 512] {
        row.too_large(format!("a file of {mebibytes} MiB of zeros"), bomb(mebibytes), ratio, times);
    }
    let files = (0..70).map(|n| TarEntry::file(format!("go/src/{n}"), vec![0; 1 << 20]));
    row.too_large("70 files of 1 MiB of zeros", small().with_entries(files).tar_gz(), ratio, times);
    // Which is no file's content, and behind the end: 64 KiB may be there.
    let malformed =
        |what: &str, archive, fault: Fault| Case::rejected(what, archive, Code::ArchiveMalformed).because(fault);
    let behind = goverify::archive::TarFault::TrailingData;
    row.0.push(malformed("100 MiB of zeros behind the end", zeros(&END, 100, b""), Fault::Tar(behind)));
    let no_tar = || Fault::Tar(HeaderFault::Checksum.into());
    let archive = small().tar_gz();
    let mut nested = archive.clone();
    for depth in 1..=8 {
        nested = gzip(&nested);
        row.0.push(malformed(&format!("gzip in gzip, {depth} deep"), nested.clone(), no_tar()));
    }
    row.0.push(malformed("a bomb in gzip", gzip(&bomb(100)), no_tar()));
    // Content is not looked into.
    row.accepted("a bomb as content", small().with_file("src/bomb.gz", bomb(512), 0o644).tar_gz());
    row.accepted("gzip in gzip as content", small().with_file("src/x.gz.gz", nested, 0o644).tar_gz());
    row.accepted("a file of 63 MiB of zeros", bomb(63));
    row.0
}

#[test]
fn g07_bombs() {
    check(&g07(), |_, _| {});
}

/// What is behind what the formats need.
fn tails() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("three zeros", vec![0; 3]),
        ("a word", b"more".to_vec()),
        ("a member", gzip(b"more")),
        ("a mebibyte", vec![7; 1 << 20]),
    ]
}

pub(crate) fn g08() -> Vec<Case> {
    let mut row = Row::default();
    let archive = small().tar_gz();
    for (what, tail) in tails() {
        row.malformed(format!("{what} behind it"), [&archive[..], &tail].concat(), GzipFault::TrailingData);
    }
    row.accepted("all of it is read", archive);
    row.0
}

/// Digest and size are those of the file, however early the formats have seen enough.
#[test]
fn g08_the_digest_covers_every_byte() {
    check(&g08(), |_, _| {});
    let archive = small().tar_gz();
    let early_fault = small().with_entries([TarEntry::link("go/src/link", "/etc")]).tar_gz();
    for archive in [archive, early_fault] {
        for (what, tail) in tails().into_iter().chain([("nothing", Vec::new())]) {
            let whole = [&archive[..], &tail].concat();
            let receive = || receive(&mut &whole[..], small().name(), &[], Discard, &Watch::silent()).unwrap();
            let received = receive();
            assert_eq!(received.size_bytes(), whole.len() as u64, "{what}");
            assert_eq!(received.sha256()[..], Sha256::digest(&whole)[..], "{what}");
            // The digest of what a reader needs of it is another, and is told before what is wrong with the rest.
            let code = |bytes: &[u8], size_bytes| {
                let digests = vec![ExpectedDigest { sha256: Sha256::digest(bytes).into(), source: DigestSource::User }];
                let verdict =
                    verify(receive(), &Expectation { digests, size_bytes }, Authenticator::DigestOnly, &NO_LOG);
                verdict.outcome.err().map(|error| goverify::error::Coded::code(&error))
            };
            if !tail.is_empty() {
                assert_eq!(code(&archive, None), Some(Code::DigestMismatch), "{what}");
                assert_eq!(code(&whole, Some(archive.len() as u64)), Some(Code::SizeMismatch), "{what}");
            }
        }
    }
}

pub(crate) fn g09() -> Vec<Case> {
    let mut row = Row::default();
    let content = small().tar();
    let zlib = [&[0x78, 0x9c][..], &deflate(&content)].concat();
    // RFC 1951 §3.2: kinds of blocks, stored lengths, distances, and the codes of codes.
    let invalid: [(&str, &[u8]); 17] = [
        ("a reserved kind of block", &[0x07]),
        ("a reserved kind of block, not the last", &[0x06]),
        ("a stored block of two lengths", &[1, 5, 0, 5, 0]),
        ("a stored block with a bit wrong in its length", &[1, 1, 0, 0xff, 0xff]),
        ("a distance before the beginning", &[0x03, 0x02, 0x00]),
        ("a distance too far", &[0x4b, 0x04, 0x12, 0x00]),
        ("a length that is reserved", &[0x1b, 0x03, 0x00]),
        ("a distance that is reserved", &[0x03, 0x3e, 0x00]),
        ("more lengths than there are", &[0xfd, 0xff, 0xff, 0xff]),
        ("codes of no length", &[&[0x05][..], &[0; 40]].concat()),
        ("codes of too many lengths", &[0x05, 0xe0, 0xff, 0xff, 0xff, 0xff]),
        ("bits alone", &[0xff; 32]),
        ("a zlib stream", &zlib),
        ("a gzip member", &gzip(&content)),
        ("the content itself", &content),
        ("the name of another method", b"BZh9"),
        ("nothing", &[]),
    ];
    for (what, data) in invalid {
        // Of nothing the trailer is left, which is taken for the stream.
        row.malformed(what, member(data, &content), GzipFault::Deflate);
    }
    // Where content came before it, what is wrong is still the stream.
    let half = Piece::new(&content[..2048]).compressed;
    for (what, data) in
        invalid.into_iter().filter(|(_, data)| data.first().is_some_and(|byte| byte & 7 > 5 || *byte == 1))
    {
        row.malformed(
            format!("{what} behind four blocks"),
            member(&[&half[..], data].concat(), &content),
            GzipFault::Deflate,
        );
    }
    for (what, data) in [
        ("a stored block beyond the end", [&[0, 0xff, 0xff, 0, 0][..], b"x"].concat()),
        ("stored blocks without end", [0, 0, 0, 0xff, 0xff].repeat(100_000)),
        ("a stream without its last block", half.clone()),
        ("half a stream", deflate(&content)[..200].to_vec()),
    ] {
        row.malformed(what, [&gzip(b"")[..HEADER_BYTES], &data].concat(), GzipFault::Truncated);
    }
    let stored: Vec<u8> = content
        .chunks(1000)
        .flat_map(|chunk| {
            let length = u16::try_from(chunk.len()).unwrap();
            [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), chunk].concat()
        })
        .collect();
    let ended = [&stored[..], &[1, 0, 0, 0xff, 0xff]].concat();
    row.accepted("stored blocks", member(&ended, &content));
    let empty = [0, 0, 0, 0xff, 0xff].repeat(10_000);
    row.accepted("empty blocks in front", member(&[&empty[..], &ended].concat(), &content));
    row.malformed("a byte behind the last block", member(&[&ended[..], b"x"].concat(), &content), GzipFault::Crc);
    row.malformed(
        "an empty block behind the last",
        member(&[&ended[..], &[1, 0, 0, 0xff, 0xff]].concat(), &content),
        GzipFault::Crc,
    );
    let without_trailer = member(&ended, &content);
    row.malformed(
        "no trailer",
        without_trailer[..without_trailer.len() - TRAILER_BYTES].to_vec(),
        GzipFault::Truncated,
    );
    row.0
}

/// One empty stored block after another, for as long as anybody asks.
struct NeverEnding(Vec<u8>, u64);

impl Read for NeverEnding {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(self.1.checked_sub(10).map_or(0, |behind| behind % 5)).unwrap();
        let source = if self.1 < 10 { &self.0[usize::try_from(self.1).unwrap()..10] } else { &self.0[10 + start..] };
        let length = source.len().min(buffer.len());
        buffer[..length].copy_from_slice(&source[..length]);
        self.1 += length as u64;
        Ok(length)
    }
}

#[test]
fn g09_what_is_no_deflate() {
    check(&g09(), |_, _| {});
    // It makes nothing, so that only the size of the file can end it.
    let blocks = [0, 0, 0, 0xff, 0xff].repeat(200_000);
    let mut endless = NeverEnding([&gzip(b"")[..HEADER_BYTES], &blocks].concat(), 0);
    let error = receive(&mut endless, small().name(), &[], Discard, &Watch::silent()).unwrap_err();
    let limit = ArchiveError::TooLarge { limit: ARCHIVE_SIZE_LIMIT_BYTES, unit: "bytes" };
    assert!(matches!(&error, ReceiveError::Archive(found) if *found == limit), "{error}");
    assert!(endless.1 < ARCHIVE_SIZE_LIMIT_BYTES + (1 << 20));
}
