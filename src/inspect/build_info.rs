//! The build info that the Go linker leaves in a binary, as Go's debug/buildinfo reads it.
//!
//! - It is in the section `.go.buildinfo` or `__go_buildinfo`, or else in the first segment of writable data; there, at
//!   a multiple of 16, a magic of 14 bytes, the size of pointers, and flags.
//! - Flag 2 (Go 1.18 and later): 32 bytes behind the magic, two strings, each behind its length as a varint.
//! - Without it (before): two pointers to Go strings, each a pointer and a length; flag 1 says that they are big-endian.
//! - The first string is the version, the second one the modules, between two sentinels of 16 bytes
//!   (cmd/go/internal/modload), or empty.
//!
//! What debug/buildinfo calls "not a Go executable" behind the magic is an error of its own here. A position-independent
//! executable from before 1.18 holds no pointers until it is loaded, and so is one of these.

use super::image::Part;
use super::input::{CHUNK_BYTES, Input};
use super::modules::{ModuleFault, Modules};
use super::{BuildInfo, InspectError};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGNMENT: usize = 16;
const HEADER_BYTES: usize = 32;
/// Longest version or list of modules, in bytes; kubernetes has 30 KB.
const STRING_LIMIT_BYTES: u64 = 1 << 20;
const VARINT_LIMIT_BYTES: usize = 10;
const INFO_START: [u8; 16] = *b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const INFO_END: [u8; 16] = *b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";

/// How a binary's build info contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildInfoFault {
    /// The file or its section ends within the header.
    #[error("it ends within its header")]
    HeaderCut,
    /// Pointers have neither 4 nor 8 bytes.
    #[error("pointers of {0} bytes")]
    PointerSize(u8),
    /// The length of a string is no varint.
    #[error("the length of the {what} is no number")]
    Length {
        /// Which string.
        what: &'static str,
    },
    /// A string is longer than any real one.
    #[error("the {what} has {length} bytes")]
    TooLong {
        /// Which string.
        what: &'static str,
        /// The length that it claims, in bytes.
        length: u64,
    },
    /// A string ends behind its segment or the file.
    #[error("the {what} has {length} bytes, of which {there} are there")]
    Cut {
        /// Which string.
        what: &'static str,
        /// The length that it claims, in bytes.
        length: u64,
        /// What there is, in bytes.
        there: u64,
    },
    /// A pointer leads to no part of the file.
    #[error("the {what} is at the address {address:#x}, which is not in the file")]
    Outside {
        /// Which string.
        what: &'static str,
        /// Where it would be.
        address: u64,
    },
    /// There is no version.
    #[error("the version is empty")]
    NoVersion,
    /// The modules do not stand between their sentinels.
    #[error("the modules do not stand between their sentinels")]
    Framing,
    /// A line of the modules.
    #[error("line {line}: {fault}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: ModuleFault,
    },
}

/// A string and where it begins in the file.
struct Placed {
    offset: u64,
    bytes: Vec<u8>,
}

/// The build info of `part`.
///
/// # Errors
/// Where there is none, and where there is one that contradicts itself.
pub(super) fn read(input: &mut Input, part: &Part) -> Result<BuildInfo, InspectError> {
    let named = part.section(&[".go.buildinfo", "__go_buildinfo"]).map(|section| (section.address, section.size));
    let (start, size) = named.or_else(|| part.data()).ok_or(InspectError::NoBuildInfo)?;
    let address = search(input, part, start, size)?;
    let mut reader = Reader { input, part };
    let header = reader.up_to(address, HEADER_BYTES as u64, "header")?.bytes;
    let (Some(&[pointer_bytes, flags]), Some(pointers)) = (header.get(14..16), header.get(16..HEADER_BYTES)) else {
        return Err(BuildInfoFault::HeaderCut.into());
    };
    let (version, modules) = if flags & 2 != 0 {
        let (version, next) = reader.inline(address.saturating_add(HEADER_BYTES as u64), "version")?;
        (version, reader.inline(next, "modules")?.0)
    } else {
        let pointer = Pointer::new(pointer_bytes, flags & 1 != 0)?;
        let second = pointers.get(pointer.bytes..).unwrap_or_default();
        (reader.pointed(&pointer, pointers, "version")?, reader.pointed(&pointer, second, "modules")?)
    };
    if version.bytes.is_empty() {
        return Err(BuildInfoFault::NoVersion.into());
    }
    let framed = modules.bytes.strip_prefix(&INFO_START).and_then(|rest| rest.strip_suffix(&INFO_END));
    let text = match framed {
        Some(text) => text,
        None if modules.bytes.is_empty() => &[],
        None => return Err(BuildInfoFault::Framing.into()),
    };
    let offset = modules.offset.saturating_add(INFO_START.len() as u64);
    let end = modules.offset.saturating_add(modules.bytes.len() as u64);
    Ok(BuildInfo {
        version: String::from_utf8_lossy(&version.bytes).into_owned(),
        modules: Modules::parse(text, offset)?,
        place: modules.offset..end,
    })
}

/// The address of the first magic that is aligned.
fn search(input: &mut Input, part: &Part, start: u64, size: u64) -> Result<u64, InspectError> {
    let aligned = start.checked_next_multiple_of(ALIGNMENT as u64).ok_or(InspectError::NoBuildInfo)?;
    let size = size.saturating_sub(aligned - start);
    let (offset, rest) = part.locate(aligned).ok_or(InspectError::NoBuildInfo)?;
    let mut found = None;
    // A piece is a multiple of the alignment long, so that no magic stands across two.
    const { assert!(CHUNK_BYTES.is_multiple_of(ALIGNMENT)) };
    input.pieces(offset, size.min(rest), |at, piece| {
        let number = piece.chunks(ALIGNMENT).position(|place| place.starts_with(MAGIC));
        found = number.map(|number| at - offset + (number * ALIGNMENT) as u64);
        found.is_none()
    })?;
    found.and_then(|within| aligned.checked_add(within)).ok_or(InspectError::NoBuildInfo)
}

/// How pointers are written.
struct Pointer {
    bytes: usize,
    big_endian: bool,
}

impl Pointer {
    fn new(bytes: u8, big_endian: bool) -> Result<Self, BuildInfoFault> {
        match bytes {
            4 | 8 => Ok(Self { bytes: bytes.into(), big_endian }),
            _ => Err(BuildInfoFault::PointerSize(bytes)),
        }
    }

    /// The first pointer of these bytes.
    fn read(&self, bytes: &[u8]) -> Option<u64> {
        let mut bytes = bytes.get(..self.bytes)?.to_vec();
        if self.big_endian {
            bytes.reverse();
        }
        bytes.resize(8, 0);
        bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }
}

struct Reader<'a> {
    input: &'a mut Input,
    part: &'a Part,
}

impl Reader<'_> {
    /// What there is at an address, of so many bytes.
    fn up_to(&mut self, address: u64, length: u64, what: &'static str) -> Result<Placed, InspectError> {
        let (offset, rest) = self.part.locate(address).ok_or(BuildInfoFault::Outside { what, address })?;
        let length = usize::try_from(length.min(rest)).unwrap_or(usize::MAX);
        Ok(Placed { offset, bytes: self.input.bytes(offset, length)? })
    }

    fn whole(&mut self, address: u64, length: u64, what: &'static str) -> Result<Placed, InspectError> {
        if length == 0 {
            return Ok(Placed { offset: 0, bytes: Vec::new() });
        }
        if length > STRING_LIMIT_BYTES {
            return Err(BuildInfoFault::TooLong { what, length }.into());
        }
        let found = self.up_to(address, length, what)?;
        let there = found.bytes.len() as u64;
        if there < length { Err(BuildInfoFault::Cut { what, length, there }.into()) } else { Ok(found) }
    }

    /// A string behind its length, and the address behind it.
    fn inline(&mut self, address: u64, what: &'static str) -> Result<(Placed, u64), InspectError> {
        let digits = self.up_to(address, VARINT_LIMIT_BYTES as u64, what)?.bytes;
        let (length, used) = varint(&digits).ok_or(BuildInfoFault::Length { what })?;
        let start = address.saturating_add(used);
        Ok((self.whole(start, length, what)?, start.saturating_add(length)))
    }

    /// The Go string that the first of these pointers leads to.
    fn pointed(&mut self, pointer: &Pointer, bytes: &[u8], what: &'static str) -> Result<Placed, InspectError> {
        let address = pointer.read(bytes).ok_or(BuildInfoFault::HeaderCut)?;
        let header = self.up_to(address, 2 * pointer.bytes as u64, what)?.bytes;
        let second = header.get(pointer.bytes..).unwrap_or_default();
        let (Some(start), Some(length)) = (pointer.read(&header), pointer.read(second)) else {
            return Err(BuildInfoFault::Outside { what, address }.into());
        };
        self.whole(start, length, what)
    }
}

/// A number as encoding/binary writes it, and how many bytes it has.
fn varint(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut number = 0u64;
    for (position, byte) in bytes.iter().enumerate() {
        let digit = u64::from(byte & 0x7f);
        let shift = u32::try_from(position).ok()?.checked_mul(7)?;
        number |= digit.checked_shl(shift).filter(|shifted| shifted >> shift == digit)?;
        if byte & 0x80 == 0 {
            return Some((number, position as u64 + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_is_read_as_go_reads_it() {
        let cases: [(&[u8], Option<(u64, u64)>); 7] = [
            (&[0], Some((0, 1))),
            (&[0x7f, 9], Some((127, 1))),
            (&[0x80, 1], Some((128, 2))),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Some((u64::MAX, 10))),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], None),
            (&[0x80], None),
            (&[], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(varint(bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn pointers_have_two_sizes_and_two_orders() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        for (size, big, expected) in [(4, false, 0x0403_0201), (4, true, 0x0102_0304), (8, true, 0x0102_0304_0506_0708)]
        {
            assert_eq!(Pointer::new(size, big).unwrap().read(&bytes), Some(expected));
        }
        assert_eq!(Pointer::new(8, false).unwrap().read(&bytes[..7]), None);
        assert!(Pointer::new(2, false).is_err_and(|fault| fault == BuildInfoFault::PointerSize(2)));
    }
}
