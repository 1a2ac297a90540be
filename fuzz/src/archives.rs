//! Archives around mutated contents, and what may become of them.

use std::collections::BTreeMap;

use goverify::Watch;
use goverify::archive::{Discard, Manifest, SignatureHash, UnverifiedArchive, receive};
use goverify::release::ArchiveName;
use goverify::trust::{
    Absence, Authenticator, DigestSource, Expectation, ExpectedDigest, Transparency, VerifiedArchive, verify,
};
use sha2::{Digest, Sha256};

use crate::openpgp;

/// For what nobody asks the log about.
pub(crate) const NO_LOG: Transparency = Transparency::Absent(Absence::NotRequested);

/// Digest, size and executability of each file by its path in the archive.
pub(crate) type Files = BTreeMap<String, ([u8; 32], u64, bool)>;

/// The archive as it was received; `None` where it is not of its format at all.
pub(crate) fn received(
    archive: &[u8],
    name: &ArchiveName,
    hashes: &[SignatureHash],
) -> Option<UnverifiedArchive<Discard>> {
    receive(&mut &archive[..], name, hashes, Discard, &Watch::silent()).ok()
}

/// The archive, if nothing speaks against it but that nobody vouches for it. Then neither a wrong digest, nor none at
/// all, nor the genuine signature of another archive is enough for that.
pub(crate) fn only_unsigned(archive: &[u8], name: &ArchiveName) -> Option<VerifiedArchive<Discard>> {
    let sha256: [u8; 32] = Sha256::digest(archive).into();
    let judged = |digests: &[[u8; 32]], by: Authenticator<'_>, hashes: &[SignatureHash]| {
        let expected = |&sha256| ExpectedDigest { sha256, source: DigestSource::User };
        let expectation = Expectation { digests: digests.iter().map(expected).collect(), size_bytes: None };
        verify(received(archive, name, hashes)?, &expectation, by, &NO_LOG).outcome.ok()
    };
    let verified = judged(&[sha256], Authenticator::DigestOnly, &[])?;
    let mut other = sha256;
    other[31] ^= 1;
    for digests in [&[][..], &[other], &[sha256, other]] {
        assert!(judged(digests, Authenticator::DigestOnly, &[]).is_none(), "verified by {digests:?}");
    }
    let (signature, keyring) = (openpgp::genuine(), openpgp::keyring());
    let by = Authenticator::Signature { signature, keyring };
    assert!(judged(&[sha256], by, &signature.hashes()).is_none(), "verified by a signature over something else");
    assert!(judged(&[sha256], Authenticator::Transparency, &[]).is_none(), "verified by a log that said nothing");
    assert_eq!((verified.sha256(), verified.size_bytes()), (&sha256, archive.len() as u64));
    assert_eq!(verified.name(), name);
    Some(verified)
}

/// The files of a manifest.
pub(crate) fn files_of(manifest: &Manifest) -> Files {
    let file = |file: goverify::archive::FileEntry<'_>| {
        (format!("go/{}", file.path), (*file.sha256, file.size_bytes, file.executable))
    };
    let files: Files = manifest.file_entries().map(file).collect();
    assert_eq!(files.len() as u64, manifest.files(), "a path twice");
    assert_eq!(files.values().map(|(_, size, _)| size).sum::<u64>(), manifest.unpacked_bytes());
    files
}

/// A size of pieces that the input itself decides, from one byte to more than all.
pub(crate) fn piece_bytes(input: &[u8]) -> usize {
    let sum = input.iter().fold(0_usize, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    [1, 7, 64, 511, 512, 513, 4096, usize::MAX][sum % 8].min(input.len() + 1)
}

/// Whether what was rejected by a part alone is tried with an archive as well, to be rejected there: some of it is,
/// since a pass with its threads takes many times as long.
pub(crate) fn worth_the_way(input: &[u8]) -> bool {
    crc32fast::hash(input).is_multiple_of(16)
}

/// A gzip member of stored blocks, which say the content as it is (RFC 1951 §3.2.4, RFC 1952 §2.3).
pub(crate) fn stored_gzip(content: &[u8]) -> Vec<u8> {
    const BLOCK_LIMIT_BYTES: usize = u16::MAX as usize;
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = content.chunks(BLOCK_LIMIT_BYTES).peekable();
    if blocks.peek().is_none() {
        member.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap();
        member.push(u8::from(blocks.peek().is_none()));
        member.extend([length, !length].map(u16::to_le_bytes).concat());
        member.extend(block);
    }
    member.extend(trailer(content));
    member
}

/// CRC-32 and length of a member's content.
pub(crate) fn trailer(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [crc32fast::hash(content), length].map(u32::to_le_bytes).concat()
}
