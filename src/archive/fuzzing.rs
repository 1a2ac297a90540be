//! What fuzz targets reach of this room and nobody else does: each format's reader by itself, on the caller's thread.
//!
//! Through [`super::receive()`] alone, mutations would rarely get past CRC-32 and layout, and every one of them would
//! cost three threads. The targets that compare these readers with it see to it that they say the same.

use super::conveyor::Decode;
use super::gzip::Gunzip;
use super::profile::Profile;
use super::tarball::TarReader;
use super::zip::ZipReader;
use super::{ArchiveError, Manifest};
use crate::release::ArchiveName;

/// What a tar stream holds, whose layout need not be that of an SDK; it is fed in pieces of this size.
///
/// # Errors
/// The rule that the stream breaks first.
pub fn tar(stream: &[u8], name: &ArchiveName, piece_bytes: usize) -> Result<Manifest, ArchiveError> {
    let mut reader = TarReader::new(Profile::of(name));
    for piece in stream.chunks(piece_bytes.max(1)) {
        reader.push(piece)?;
    }
    Ok(reader.finish()?.manifest)
}

/// What a zip archive holds, whose layout need not be that of an SDK, and the decompressed stream.
///
/// # Errors
/// The rule that the archive breaks first.
pub fn zip(archive: &[u8], piece_bytes: usize) -> Result<(Manifest, Vec<u8>), ArchiveError> {
    let mut reader = ZipReader::new();
    let stream = decode(&mut reader, archive, piece_bytes)?;
    Ok((reader.into_contents().manifest, stream))
}

/// The content of a gzip member.
///
/// # Errors
/// The rule that the member breaks first.
pub fn gunzip(member: &[u8], piece_bytes: usize) -> Result<Vec<u8>, ArchiveError> {
    decode(&mut Gunzip::new(), member, piece_bytes)
}

/// Input and output in pieces of one size, so that either may be used up first.
fn decode(decoder: &mut impl Decode, input: &[u8], piece_bytes: usize) -> Result<Vec<u8>, ArchiveError> {
    let mut buffer = vec![0; piece_bytes.max(1)];
    let mut stream = Vec::new();
    for piece in input.chunks(piece_bytes.max(1)) {
        let mut rest = piece;
        loop {
            let (taken, made) = decoder.decode(rest, &mut buffer)?;
            if taken == 0 && made == 0 {
                break;
            }
            rest = rest.get(taken..).unwrap_or_default();
            stream.extend_from_slice(buffer.get(..made).unwrap_or_default());
        }
    }
    decoder.finish()?;
    Ok(stream)
}
