//! Archives made consistent again after a mutation, so that not every one of them ends at a checksum.
//!
//! The first octet of an input decides: with its lowest bit set, what follows is repaired, else it is left as it is.
//! Nothing else is added, and goverify sees the repaired archive alone.

use std::borrow::Cow;

use flate2::{Decompress, FlushDecompress, Status};

const BLOCK_BYTES: usize = 512;
/// What one entry of a zip may expand to, so that an input is quick.
const CONTENT_LIMIT_BYTES: usize = 4 << 20;
/// Version, flags, method, time, date, CRC-32, sizes and lengths: what both headers of an entry have (APPNOTE §4.3.7).
const SHARED_BYTES: usize = 26;
const DESCRIPTOR_BYTES: usize = 16;

/// A tar stream whose headers have the checksums that they should.
pub(crate) fn tar(input: &[u8]) -> Cow<'_, [u8]> {
    let Some((form, stream)) = input.split_first() else { return Cow::Borrowed(&[]) };
    if form & 1 == 0 {
        return Cow::Borrowed(stream);
    }
    let mut stream = stream.to_owned();
    let mut position = 0;
    while let Some(block) = stream.get_mut(position..position + BLOCK_BYTES) {
        position += BLOCK_BYTES;
        if block.iter().all(|&b| b == 0) {
            continue;
        }
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes().copy_from_slice(block);
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
        let size = header.entry_size().ok().and_then(|size| usize::try_from(size).ok());
        // A size may be as large as its field can say.
        position += size.unwrap_or(0).min(stream.len()).next_multiple_of(BLOCK_BYTES);
    }
    Cow::Owned(stream)
}

/// A zip whose data descriptors, central directory and end record fit the local headers and the deflate streams, as far
/// as these go; the second lowest bit of the first octet makes all files executable.
pub(crate) fn zip(input: &[u8]) -> Cow<'_, [u8]> {
    let Some((form, archive)) = input.split_first() else { return Cow::Borrowed(&[]) };
    if form & 1 == 0 {
        return Cow::Borrowed(archive);
    }
    let mode: u32 = if form & 2 == 0 { 0o100_644 } else { 0o100_755 };
    let (mut whole, mut directory, mut entries) = (Vec::with_capacity(archive.len()), Vec::new(), 0_u16);
    let mut rest = archive;
    while let Some((header, behind)) = local_header(rest) {
        let Some((content_crc, size, compressed)) = inflate(behind) else { break };
        let numbers = [content_crc, compressed, size].map(u32::to_le_bytes).concat();
        let offset = u32::try_from(whole.len()).unwrap();
        let (shared, name_and_extra) = header[4..].split_at(SHARED_BYTES);
        directory.extend([&b"PK\x01\x02\x14\x03"[..], &shared[..10], &numbers, &shared[22..]].concat());
        directory.extend([0; 6]);
        directory.extend([mode << 16, offset].map(u32::to_le_bytes).concat());
        directory.extend(name_and_extra);
        let (data, behind) = behind.split_at(usize::try_from(compressed).unwrap());
        whole.extend([header, data, b"PK\x07\x08", &numbers].concat());
        rest = behind.get(DESCRIPTOR_BYTES..).unwrap_or_default();
        entries += 1;
    }
    let places = [directory.len(), whole.len()].map(|n| u32::try_from(n).unwrap().to_le_bytes()).concat();
    whole.extend(directory);
    whole.extend([&b"PK\x05\x06\0\0\0\0"[..], &[entries; 2].map(u16::to_le_bytes).concat(), &places, &[0; 2]].concat());
    Cow::Owned(whole)
}

/// A local header with its name and extra field, and what is behind it.
fn local_header(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let fixed = bytes.strip_prefix(b"PK\x03\x04")?.get(..SHARED_BYTES)?;
    let length = |at: usize| usize::from(u16::from_le_bytes([fixed[at], fixed[at + 1]]));
    bytes.split_at_checked(4 + SHARED_BYTES + length(22) + length(24))
}

/// CRC-32 and length of a deflate stream's content, and the stream's own length.
fn inflate(stream: &[u8]) -> Option<(u32, u32, u32)> {
    let mut decoder = Decompress::new(false);
    let (mut buffer, mut crc) = (vec![0; 32 << 10], crc32fast::Hasher::new());
    loop {
        let (taken, made) = (usize::try_from(decoder.total_in()).ok()?, decoder.total_out());
        let status = decoder.decompress(&stream[taken..], &mut buffer, FlushDecompress::None).ok()?;
        let new = usize::try_from(decoder.total_out() - made).ok()?;
        crc.update(&buffer[..new]);
        let size = u32::try_from(decoder.total_out()).ok()?;
        match status {
            Status::StreamEnd => return Some((crc.finalize(), size, u32::try_from(decoder.total_in()).ok()?)),
            _ if new == 0 || size as usize > CONTENT_LIMIT_BYTES => return None,
            _ => {}
        }
    }
}
