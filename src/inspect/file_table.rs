//! The names of source files in a Go binary's table of program counters (runtime.pclntab), which tracebacks use.
//!
//! - The table is the section `.gopclntab` or `__gopclntab`; where there is none (PE), it is looked for by its header, at
//!   multiples of 4, in every section that is no debug information.
//! - Its header tells the version by a magic: 1.2, 1.16, 1.18 or 1.20 (debug/gosym). From 1.16 on the names stand one
//!   behind another, each with a NUL at its end; before, a list of offsets leads to them.
//!
//! A table that is missing, or whose magic is another one (as obfuscators write), is reported as not read.

use std::ops::Range;

use super::InspectError;
use super::image::{Part, Section};
use super::input::Input;
use super::text::Names;

/// Longest name that is read; longer than any path that Linux opens, with room to spare.
const NAME_LIMIT_BYTES: usize = 4096;
/// Most names of a table of the older kind, each of which takes a read of its own; go1.15 itself has 2,000.
const OLD_NAMES_LIMIT: u32 = 100_000;
/// Most places of one section that begin as a table does and are none; real binaries have two or three.
const CANDIDATES_LIMIT: usize = 4096;
const HEADER_BYTES: usize = 8 + 8 * 8;
const ALIGNMENT: usize = 4;

/// Where the names are.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// One behind another.
    Row(Range<u64>),
    /// At these offsets from the table's start, which are listed there, so many of them.
    Listed { table: u64, list: u64, count: u32, big_endian: bool },
}

/// Tells each name and its place in the file; returns the part of the file that holds nothing else, as far as that is
/// known, or `None` without a table.
pub(super) fn read(
    input: &mut Input,
    part: &Part,
    each: &mut dyn FnMut(&[u8], u64),
) -> Result<Option<Range<u64>>, InspectError> {
    let named =
        part.section(&[".gopclntab", ".data.rel.ro.gopclntab", "__gopclntab"]).map(|table| (table.offset, table.size));
    let place = match named {
        Some((offset, size)) => place(input, offset, size)?,
        None => part
            .sections
            .iter()
            .filter(|section| !section.is_debug())
            .try_fold(None, |found, section| if found.is_some() { Ok(found) } else { search(input, section) })?,
    };
    match place {
        None => Ok(None),
        Some(Place::Row(range)) => {
            let mut names = Names::new(NAME_LIMIT_BYTES);
            input.pieces(range.start, range.end - range.start, |at, piece| {
                names.push(at, piece, each);
                true
            })?;
            Ok(Some(range))
        }
        Some(Place::Listed { table, list, count, big_endian }) => {
            let listed = usize::try_from(count).unwrap_or_default().saturating_mul(4);
            let offsets = input.bytes(list, listed)?;
            // The first one is their number.
            for offset in offsets.chunks_exact(4).skip(1).filter_map(<[u8]>::first_chunk) {
                let start = table.saturating_add(number(offset, big_endian).into());
                let bytes = input.bytes(start, NAME_LIMIT_BYTES)?;
                Names::new(NAME_LIMIT_BYTES).push(start, first_name(&bytes), each);
            }
            Ok(Some(named.map_or(list..list, |(offset, size)| offset..offset.saturating_add(size))))
        }
    }
}

/// A name with its NUL, if that is there.
fn first_name(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == 0).map_or(0, |nul| nul + 1);
    bytes.get(..end).unwrap_or_default()
}

fn number(bytes: &[u8; 4], big_endian: bool) -> u32 {
    if big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) }
}

/// The first table in a section that has no name for it.
fn search(input: &mut Input, section: &Section) -> Result<Option<Place>, InspectError> {
    let mut candidates = Vec::new();
    input.pieces(section.offset, section.size, |at, piece| {
        let starts = piece.chunks_exact(ALIGNMENT).enumerate().filter(|(_, start)| version(start).is_some());
        let new = starts.map(|(number, _)| at + (number * ALIGNMENT) as u64);
        candidates.extend(new.take(CANDIDATES_LIMIT.saturating_sub(candidates.len())));
        candidates.len() < CANDIDATES_LIMIT
    })?;
    for start in candidates {
        let rest = section.offset.saturating_add(section.size).saturating_sub(start);
        if let Some(place) = place(input, start, rest)? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// The version that a magic says, as the release that began it, and whether numbers are big-endian.
fn version(magic: &[u8]) -> Option<(u32, bool)> {
    let magic = magic.first_chunk()?;
    [false, true].into_iter().find_map(|big_endian| match number(magic, big_endian) {
        0xffff_fffb => Some((2, big_endian)),
        0xffff_fffa => Some((16, big_endian)),
        0xffff_fff0 => Some((18, big_endian)),
        0xffff_fff1 => Some((20, big_endian)),
        _ => None,
    })
}

/// A table's header.
struct Header {
    version: u32,
    big_endian: bool,
    pointer_bytes: u8,
    words: Vec<u8>,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (version, big_endian) = version(bytes)?;
        // Two zeros, the size of an instruction, the size of a pointer.
        let [0, 0, 1 | 2 | 4, pointer_bytes @ (4 | 8)] = *bytes.get(4..8)? else { return None };
        Some(Self { version, big_endian, pointer_bytes, words: bytes.get(8..)?.to_vec() })
    }

    fn word(&self, number: usize) -> Option<u64> {
        let size = usize::from(self.pointer_bytes);
        let mut bytes = self.words.get(number * size..(number + 1) * size)?.to_vec();
        if self.big_endian {
            bytes.reverse();
        }
        bytes.resize(8, 0);
        bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }
}

/// Where the names of the table at `start` are, if it is one and they are within its `size` bytes.
fn place(input: &mut Input, start: u64, size: u64) -> Result<Option<Place>, InspectError> {
    let size = size.min(input.size().saturating_sub(start));
    let header = input.bytes(start, HEADER_BYTES)?;
    let Some(header) = Header::parse(&header) else { return Ok(None) };
    if header.version == 2 {
        return listed(input, start, size, &header);
    }
    // nfunc, nfiles, since 1.18 textStart; then the offsets of names of functions, of units, of files, and of counters.
    let files = if header.version == 16 { 4 } else { 5 };
    let (Some(files), Some(next)) = (header.word(files), header.word(files + 1)) else { return Ok(None) };
    let within = files <= next && next <= size && files >= 8;
    Ok(within.then(|| Place::Row(start.saturating_add(files)..start.saturating_add(next))))
}

/// The older kind: nfunc, that many pairs of pointers, one more pointer, and the offset of the list.
fn listed(input: &mut Input, table: u64, size: u64, header: &Header) -> Result<Option<Place>, InspectError> {
    let (big_endian, pointer) = (header.big_endian, u64::from(header.pointer_bytes));
    let mut number_at = |offset: u64| {
        let bytes = input.bytes(table.saturating_add(offset), 4)?;
        Ok::<_, InspectError>(bytes.first_chunk().filter(|_| offset < size).map(|bytes| number(bytes, big_endian)))
    };
    let pairs = header.word(0).and_then(|functions| functions.checked_mul(2)?.checked_add(2)?.checked_mul(pointer));
    let Some(offset) = pairs.and_then(|bytes| bytes.checked_add(8)) else { return Ok(None) };
    let Some(list) = number_at(offset)?.map(u64::from) else { return Ok(None) };
    let count = number_at(list)?.filter(|count| *count <= OLD_NAMES_LIMIT);
    Ok(count.map(|count| Place::Listed { table, list: table.saturating_add(list), count, big_endian }))
}
