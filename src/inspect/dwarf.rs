//! The strings of debug information, whichever way its sections are stored.
//!
//! Sections that hold names of files are read: `line`, `line_str`, `str`, `info`, `types`, `macro` and the name of GDB's
//! script. They are plain, or a zlib stream (RFC 1950): behind ELF's header of compression, or, where the section's name
//! begins with `zdebug`, behind `ZLIB` and a length. The stream's checksum is not compared. Strings are runs between NULs;
//! the structure around them is not followed.

use super::InspectError;
use super::image::{Packing, Part, Section};
use super::input::Input;
use super::text::{Run, Runs};
use crate::archive::Inflate;

/// How many times the file's size its debug information may expand to; that of real ones expands to two or three.
const EXPANSION_LIMIT_TIMES: u64 = 32;
/// What it may expand to beyond that, in small files.
const EXPANSION_FREE_BYTES: u64 = 16 << 20;
const TELLING: [&str; 8] = ["line", "line_str", "str", "info", "types", "macro", "gdb_scripts", "gdb_scri"];
/// `ZLIB` and the length of the content, big-endian.
const ZDEBUG_HEADER_BYTES: u64 = 12;
/// The smallest zlib stream has more: two bytes of header, a block, a checksum.
const ZLIB_HEADER_BYTES: usize = 2;

/// How many bytes the debug information of a file may expand to.
pub(super) fn expansion_limit_bytes(size: u64) -> u64 {
    size.saturating_mul(EXPANSION_LIMIT_TIMES).saturating_add(EXPANSION_FREE_BYTES)
}

impl Section {
    /// The kind of debug information, and whether its name says that it is compressed.
    fn debug_kind(&self) -> Option<(&str, bool)> {
        let name = self.name.strip_prefix('.').or_else(|| self.name.strip_prefix("__"))?;
        match name.strip_prefix("debug_") {
            Some(kind) => Some((kind, false)),
            None => name.strip_prefix("zdebug_").map(|kind| (kind, true)),
        }
    }

    pub(super) fn is_debug(&self) -> bool {
        self.debug_kind().is_some()
    }
}

/// A section of debug information that is read.
pub(super) struct Debug<'a> {
    pub(super) section: &'a Section,
    packing: Packing,
    /// Whether it is numbers for the most part, which may look like text.
    pub(super) has_rare_strings: bool,
}

/// The sections of debug information that hold names of files.
pub(super) fn sections(part: &Part) -> impl Iterator<Item = Debug<'_>> {
    part.sections.iter().filter_map(|section| {
        let (kind, is_named_so) = section.debug_kind()?;
        let packing = match section.packing {
            Packing::Plain if is_named_so => Packing::Zlib { header_bytes: ZDEBUG_HEADER_BYTES },
            other => other,
        };
        let has_rare_strings = matches!(kind, "info" | "types");
        TELLING.contains(&kind).then_some(Debug { section, packing, has_rare_strings })
    })
}

/// Why a section was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("compressed in another way than zlib ({0})")]
    Packing(u32),
    #[error("not a zlib stream")]
    Invalid,
    #[error("its zlib stream has no end")]
    Cut,
    #[error("it leaves the file")]
    Outside,
    #[error("more debug information than any real binary has")]
    TooMuch,
}

impl Debug<'_> {
    /// Whether what it holds is compressed.
    pub(super) fn is_packed(&self) -> bool {
        self.packing != Packing::Plain
    }

    /// Tells each run of the content; offsets are in the file, or, of what is compressed, in the content. `left` is how
    /// many bytes may yet be made.
    pub(super) fn runs(
        &self,
        input: &mut Input,
        left: &mut u64,
        each: &mut dyn FnMut(Run<'_>),
    ) -> Result<Result<(), Unreadable>, InspectError> {
        let Section { offset, size, .. } = *self.section;
        if offset.checked_add(size).is_none_or(|end| end > input.size()) {
            return Ok(Err(Unreadable::Outside));
        }
        let mut runs = Runs::new();
        let read = match self.packing {
            Packing::Unknown(kind) => Err(Unreadable::Packing(kind)),
            Packing::Plain => {
                input.pieces(offset, size, |at, piece| {
                    runs.push(at, piece, each);
                    true
                })?;
                Ok(())
            }
            Packing::Zlib { header_bytes } => {
                let start = offset.saturating_add(header_bytes.min(size));
                let end = offset.saturating_add(size);
                let mut stream =
                    Zlib { header: Vec::new(), inflate: Inflate::new(), made: 0, result: Err(Unreadable::Cut) };
                input.pieces(start, end - start, |_, piece| {
                    stream.push(piece, left, &mut |at, content| runs.push(at, content, each))
                })?;
                stream.result
            }
        };
        runs.finish(each);
        Ok(read)
    }
}

/// A zlib stream on its way.
struct Zlib {
    header: Vec<u8>,
    inflate: Inflate,
    made: u64,
    result: Result<(), Unreadable>,
}

impl Zlib {
    /// Takes a piece; returns whether it wants another one.
    fn push(&mut self, piece: &[u8], left: &mut u64, content: &mut dyn FnMut(u64, &[u8])) -> bool {
        let missing = ZLIB_HEADER_BYTES - self.header.len();
        let (header, mut rest) = piece.split_at_checked(missing).unwrap_or((piece, &[]));
        self.header.extend_from_slice(header);
        let Some(&[method, flags]) = self.header.first_chunk().filter(|_| !rest.is_empty()) else { return true };
        // Deflate, no dictionary, and a check of these two bytes (RFC 1950 §2.2).
        if method & 0xf != 8 || flags & 0x20 != 0 || u16::from_be_bytes([method, flags]) % 31 != 0 {
            self.result = Err(Unreadable::Invalid);
            return false;
        }
        let mut buffer = [0; 16 << 10];
        loop {
            let Ok(step) = self.inflate.step(rest, &mut buffer) else {
                self.result = Err(Unreadable::Invalid);
                return false;
            };
            let made = step.made as u64;
            let Some(further) = left.checked_sub(made) else {
                self.result = Err(Unreadable::TooMuch);
                return false;
            };
            *left = further;
            content(self.made, buffer.get(..step.made).unwrap_or_default());
            self.made = self.made.saturating_add(made);
            rest = rest.get(step.taken..).unwrap_or_default();
            if step.ended {
                self.result = Ok(());
                return false;
            }
            if step.taken == 0 && step.made == 0 {
                return true;
            }
        }
    }
}
