//! The records of a zip archive, by the profile that real releases fit (APPNOTE.TXT 6.3.10 §4.3).
//!
//! - a local header, a central directory header, a data descriptor with its signature, and the end record; no other
//!   record exists here, so nothing of zip64, no archive extra data and no digital signature;
//! - version needed 20, made by Unix with version 20;
//! - flags 0x8 (sizes follow in a data descriptor), and 0x800 (UTF-8) exactly if the name is not ASCII; nothing is
//!   encrypted or patched;
//! - method 8 (deflate), for empty files too;
//! - CRC-32 and both sizes are zero in the local header;
//! - the extra field is one extended timestamp with a modification time (`UT`, 5 bytes), and that alone;
//! - a regular file of mode 0644 or 0755, and no attributes of DOS;
//! - one disk; no comment anywhere.

/// First bytes of every archive with an entry.
pub(super) const MAGIC: [u8; 4] = *b"PK\x03\x04";
pub(super) const SIGNATURE_BYTES: usize = 4;
/// Size of the extra field.
pub(super) const EXTRA_BYTES: usize = 9;
/// Size of a data descriptor with its signature.
pub(super) const DESCRIPTOR_BYTES: usize = 16;

const VERSION: u16 = 20;
/// Unix, which is 3, and version 20 (§4.4.2).
const MADE_BY: u16 = u16::from_be_bytes([3, 20]);
const DEFLATE: u16 = 8;
/// Sizes follow the content (§4.4.4, bit 3).
const STREAMED: u16 = 1 << 3;
/// The name is UTF-8 (§4.4.4, bit 11).
const UTF8: u16 = 1 << 11;
/// Encryption, patches, strong encryption and masked headers (§4.4.4, bits 0, 5, 6 and 13).
const FORBIDDEN_FLAGS: u16 = 0b0010_0000_0110_0001;
/// ID, size and flags of an extended timestamp with a modification time.
const EXTRA_START: [u8; 5] = *b"UT\x05\x00\x01";
/// The file type's bits in a Unix mode, and a regular file's type.
const TYPE_MASK: u16 = 0o170_000;
const REGULAR: u16 = 0o100_000;

/// How a record breaks the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// No record that belongs there: a gap, zip64, a data descriptor without its signature.
    #[error("no {0} there")]
    Missing(&'static str),
    /// Encrypted or patched.
    #[error("flags 0x{0:04x}: encrypted or patched")]
    ForbiddenFlags(u16),
    /// A compression method other than deflate.
    #[error("compression method {0}")]
    ForbiddenMethod(u16),
    /// A version that stands for features other than deflate.
    #[error("version needed is {0}")]
    Version(u16),
    /// A link, a directory or a device.
    #[error("mode {0:06o} is no regular file")]
    ForbiddenType(u16),
    /// Other flags than releases have, or a name that they contradict.
    #[error("flags 0x{0:04x}")]
    Flags(u16),
    /// Something where releases have zeros.
    #[error("\"{0}\" is not zero")]
    NotZero(&'static str),
    /// Another extra field than a modification time.
    #[error("extra field other than a modification time")]
    Extra,
    /// Made by another system or version.
    #[error("made by 0x{0:04x}")]
    MadeBy(u16),
    /// Neither 0644 nor 0755.
    #[error("mode {0:04o}: only 0644 and 0755 occur in releases")]
    Mode(u16),
}

/// A record that has a signature and is read before it is known what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Local,
    Central,
    End,
}

impl Kind {
    pub(super) fn of(signature: &[u8]) -> Option<Self> {
        match signature {
            b"PK\x03\x04" => Some(Self::Local),
            b"PK\x01\x02" => Some(Self::Central),
            b"PK\x05\x06" => Some(Self::End),
            _ => None,
        }
    }

    /// Size of the part behind the signature that every such record has.
    pub(super) fn fixed_bytes(self) -> usize {
        match self {
            Self::Local => 26,
            Self::Central => 42,
            Self::End => 18,
        }
    }
}

/// What a zip archive says twice of each entry, so that two readers could believe two different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) flags: u16,
    /// DOS time and date.
    pub(super) time: [u8; 4],
    /// The extended timestamp.
    pub(super) modified: [u8; 4],
    pub(super) crc: u32,
    pub(super) compressed_bytes: u32,
    pub(super) size_bytes: u32,
    /// Offset of the local header.
    pub(super) position: u32,
}

impl Facts {
    /// The name of what differs first.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            (self.position != other.position, "offset"),
            (self.flags != other.flags, "flags"),
            (self.time != other.time, "time"),
            (self.crc != other.crc, "CRC-32"),
            (self.compressed_bytes != other.compressed_bytes, "compressed size"),
            (self.size_bytes != other.size_bytes, "size"),
            (self.modified != other.modified, "extra field"),
        ]
        .into_iter()
        .find_map(|(differs, name)| differs.then_some(name))
    }
}

/// An entry's header of either kind, up to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) facts: Facts,
    pub(super) name_bytes: usize,
}

impl Header {
    /// Parses what follows a local header's signature.
    pub(super) fn parse_local(fixed: &[u8]) -> Result<Self, RecordFault> {
        let header = Self::parse_shared(&mut Fields(fixed))?;
        let Facts { crc, compressed_bytes, size_bytes, .. } = header.facts;
        zero(crc, "CRC-32 before the content")?;
        zero(compressed_bytes, "compressed size before the content")?;
        zero(size_bytes, "size before the content")?;
        Ok(header)
    }

    /// Parses what follows a central directory header's signature.
    pub(super) fn parse_central(fixed: &[u8]) -> Result<Self, RecordFault> {
        let mut fields = Fields(fixed);
        let made_by = fields.u16();
        let mut header = Self::parse_shared(&mut fields)?;
        if made_by != MADE_BY {
            return Err(RecordFault::MadeBy(made_by));
        }
        zero(fields.u16(), "comment length")?;
        zero(fields.u16(), "disk number")?;
        zero(fields.u16(), "internal attributes")?;
        let (dos_attributes, mode) = (fields.u16(), fields.u16());
        if mode & TYPE_MASK != REGULAR {
            return Err(RecordFault::ForbiddenType(mode));
        }
        if !matches!(mode ^ REGULAR, 0o644 | 0o755) {
            return Err(RecordFault::Mode(mode ^ REGULAR));
        }
        zero(dos_attributes, "DOS attributes")?;
        header.facts.position = fields.u32();
        Ok(header)
    }

    /// The fields from `version needed` to the lengths, which both kinds have.
    fn parse_shared(fields: &mut Fields<'_>) -> Result<Self, RecordFault> {
        let (version, flags, method) = (fields.u16(), fields.u16(), fields.u16());
        if flags & FORBIDDEN_FLAGS != 0 {
            return Err(RecordFault::ForbiddenFlags(flags));
        }
        if method != DEFLATE {
            return Err(RecordFault::ForbiddenMethod(method));
        }
        if version != VERSION {
            return Err(RecordFault::Version(version));
        }
        if flags & !UTF8 != STREAMED {
            return Err(RecordFault::Flags(flags));
        }
        let time = fields.array();
        let (crc, compressed_bytes, size_bytes) = (fields.u32(), fields.u32(), fields.u32());
        let (name_bytes, extra_bytes) = (usize::from(fields.u16()), usize::from(fields.u16()));
        if extra_bytes != EXTRA_BYTES {
            return Err(RecordFault::Extra);
        }
        let facts = Facts { flags, time, crc, compressed_bytes, size_bytes, ..Facts::default() };
        Ok(Self { facts, name_bytes })
    }

    /// Splits what follows the fixed part into the name and, taken into the facts, the extra field.
    pub(super) fn parse_name<'a>(&mut self, rest: &'a [u8]) -> Result<&'a [u8], RecordFault> {
        let (name, extra) = rest.split_at_checked(self.name_bytes).unwrap_or((rest, &[]));
        let modified = extra.strip_prefix(&EXTRA_START).ok_or(RecordFault::Extra)?;
        self.facts.modified = modified.try_into().map_err(|_| RecordFault::Extra)?;
        let says_utf8 = self.facts.flags & UTF8 != 0;
        if says_utf8 == name.is_ascii() { Err(RecordFault::Flags(self.facts.flags)) } else { Ok(name) }
    }
}

/// What is said of the content behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) crc: u32,
    pub(super) compressed_bytes: u32,
    pub(super) size_bytes: u32,
}

impl Descriptor {
    pub(super) fn parse(record: &[u8]) -> Result<Self, RecordFault> {
        let fields = record.strip_prefix(b"PK\x07\x08").ok_or(RecordFault::Missing("data descriptor"))?;
        let mut fields = Fields(fields);
        Ok(Self { crc: fields.u32(), compressed_bytes: fields.u32(), size_bytes: fields.u32() })
    }
}

/// The end record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Entries on this disk, and in all.
    pub(super) entries: [u16; 2],
    pub(super) directory_bytes: u32,
    pub(super) directory_position: u32,
}

impl End {
    /// Parses what follows the signature.
    pub(super) fn parse(fixed: &[u8]) -> Result<Self, RecordFault> {
        let mut fields = Fields(fixed);
        zero(fields.u16(), "disk number")?;
        zero(fields.u16(), "disk number of the central directory")?;
        let entries = [fields.u16(), fields.u16()];
        let (directory_bytes, directory_position) = (fields.u32(), fields.u32());
        zero(fields.u16(), "comment length")?;
        Ok(Self { entries, directory_bytes, directory_position })
    }
}

/// One entry as [`super::zip_writer`] writes it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written<'a> {
    pub(super) name: &'a str,
    pub(super) executable: bool,
    pub(super) crc: u32,
    pub(super) compressed_bytes: u32,
    pub(super) size_bytes: u32,
    /// Offset of the local header.
    pub(super) start: u32,
}

impl Written<'_> {
    /// The earliest DOS time and date, and the same moment in seconds since 1970 (§4.4.6).
    const TIME: [u8; 4] = [0, 0, 0x21, 0];
    const MODIFIED: u32 = 315_532_800;

    pub(super) fn local(&self) -> Vec<u8> {
        [&MAGIC[..], &self.shared([0; 3]), self.name.as_bytes(), &Self::extra()].concat()
    }

    pub(super) fn descriptor(&self) -> Vec<u8> {
        [&b"PK\x07\x08"[..], &self.numbers().map(u32::to_le_bytes).concat()].concat()
    }

    pub(super) fn central(&self) -> Vec<u8> {
        let mode = REGULAR | if self.executable { 0o755 } else { 0o644 };
        // Comment, disk, internal attributes and those of DOS, before the mode.
        let attributes = [0, 0, 0, 0, mode].map(u16::to_le_bytes).concat();
        let start = self.start.to_le_bytes();
        let fixed = [&MADE_BY.to_le_bytes()[..], &self.shared(self.numbers()), &attributes, &start].concat();
        [&b"PK\x01\x02"[..], &fixed, self.name.as_bytes(), &Self::extra()].concat()
    }

    fn numbers(&self) -> [u32; 3] {
        [self.crc, self.compressed_bytes, self.size_bytes]
    }

    fn shared(&self, numbers: [u32; 3]) -> Vec<u8> {
        let flags = STREAMED | if self.name.is_ascii() { 0 } else { UTF8 };
        // A name that is too long for its field is too long for any reader of ours, too.
        let name_bytes = u16::try_from(self.name.len()).unwrap_or(u16::MAX);
        let lengths = [name_bytes, EXTRA_BYTES as u16].map(u16::to_le_bytes).concat();
        let numbers = numbers.map(u32::to_le_bytes).concat();
        [&[VERSION, flags, DEFLATE].map(u16::to_le_bytes).concat()[..], &Self::TIME, &numbers, &lengths].concat()
    }

    fn extra() -> Vec<u8> {
        [&EXTRA_START[..], &Self::MODIFIED.to_le_bytes()].concat()
    }
}

/// The end record.
pub(super) fn written_end(entries: u16, directory_bytes: u32, directory_position: u32) -> Vec<u8> {
    let counts = [0, 0, entries, entries].map(u16::to_le_bytes).concat();
    let place = [directory_bytes, directory_position].map(u32::to_le_bytes).concat();
    [&b"PK\x05\x06"[..], &counts, &place, &[0; 2]].concat()
}

fn zero(number: impl Into<u32>, name: &'static str) -> Result<(), RecordFault> {
    if number.into() == 0 { Ok(()) } else { Err(RecordFault::NotZero(name)) }
}

/// Little-endian numbers one after another. Records are complete when they come here, so none is ever missing.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let Some((array, rest)) = self.0.split_first_chunk() else { return [0; N] };
        self.0 = rest;
        *array
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &[u8] = b"go/x";
    const EXTRA: &[u8] = b"UT\x05\x00\x01\x01\x02\x03\x04";

    /// The 26 bytes from `version needed` on, as real releases have them, with a name of four bytes.
    const SHARED: [u8; 26] = [20, 0, 8, 0, 8, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 9, 0];

    fn central() -> Vec<u8> {
        let mode: u16 = 0o100_644;
        let attributes = [0, 0, mode.to_le_bytes()[0], mode.to_le_bytes()[1]];
        [&[20, 3][..], &SHARED, &[0; 6], &attributes, &[9, 0, 0, 0]].concat()
    }

    /// `bytes` with the number at `at` replaced.
    fn with(bytes: &[u8], at: usize, number: u16) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[at..at + 2].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    #[test]
    fn what_releases_have_is_read() {
        let facts = Facts { flags: 8, time: [1, 2, 3, 4], ..Facts::default() };
        let mut local = Header::parse_local(&SHARED).unwrap();
        assert_eq!(local, Header { facts, name_bytes: 4 });
        assert_eq!(local.parse_name(&[NAME, EXTRA].concat()), Ok(NAME));
        assert_eq!(local.facts.modified, [1, 2, 3, 4]);
        let found = Header::parse_central(&central()).unwrap();
        assert_eq!(found, Header { facts: Facts { position: 9, ..facts }, name_bytes: 4 });
        assert!(Header::parse_central(&with(&central(), 36, 0o100_755)).is_ok());
        for (kind, fixed) in [(Kind::Local, SHARED.len()), (Kind::Central, central().len())] {
            assert_eq!(kind.fixed_bytes(), fixed);
        }
    }

    #[test]
    fn what_both_headers_say_is_checked_in_both() {
        let missing_bit = |flags| RecordFault::Flags(flags);
        let mut cases = vec![
            (0, 10, RecordFault::Version(10)),
            (0, 45, RecordFault::Version(45)),
            (4, 0, RecordFault::ForbiddenMethod(0)),
            (4, 9, RecordFault::ForbiddenMethod(9)),
            (4, 93, RecordFault::ForbiddenMethod(93)),
            (2, 0, missing_bit(0)),
            (24, 0, RecordFault::Extra),
            (24, 10, RecordFault::Extra),
        ];
        for bit in (0..16).filter(|bit| ![3, 11].contains(bit)) {
            let flags = STREAMED | 1 << bit;
            let forbidden = [0, 5, 6, 13].contains(&bit);
            let fault = if forbidden { RecordFault::ForbiddenFlags(flags) } else { RecordFault::Flags(flags) };
            cases.push((2, flags, fault));
        }
        for (at, number, fault) in cases {
            assert_eq!(Header::parse_local(&with(&SHARED, at, number)), Err(fault));
            assert_eq!(Header::parse_central(&with(&central(), at + 2, number)), Err(fault));
        }
    }

    #[test]
    fn what_is_nothing_must_be_zero() {
        for (at, name) in [
            (10, "CRC-32 before the content"),
            (14, "compressed size before the content"),
            (18, "size before the content"),
        ] {
            assert_eq!(Header::parse_local(&with(&SHARED, at, 1)), Err(RecordFault::NotZero(name)));
            assert!(Header::parse_central(&with(&central(), at + 2, 1)).is_ok());
        }
        for (at, name) in
            [(28, "comment length"), (30, "disk number"), (32, "internal attributes"), (34, "DOS attributes")]
        {
            assert_eq!(Header::parse_central(&with(&central(), at, 16)), Err(RecordFault::NotZero(name)));
        }
        let end = [&[0; 4][..], &[1, 0, 1, 0], &[51, 0, 0, 0, 9, 0, 0, 0], &[0; 2]].concat();
        assert_eq!(End::parse(&end), Ok(End { entries: [1, 1], directory_bytes: 51, directory_position: 9 }));
        for (at, name) in [(0, "disk number"), (2, "disk number of the central directory"), (16, "comment length")] {
            assert_eq!(End::parse(&with(&end, at, 1)), Err(RecordFault::NotZero(name)));
        }
    }

    #[test]
    fn an_entry_is_a_regular_file_made_by_unix() {
        for made_by in [20, 0x0a14, 0x0314 + 1, 0x1314] {
            assert_eq!(Header::parse_central(&with(&central(), 0, made_by)), Err(RecordFault::MadeBy(made_by)));
        }
        for mode in [0, 0o120_777, 0o040_755, 0o060_644, 0o010_644, 0o140_644, 0o644] {
            assert_eq!(Header::parse_central(&with(&central(), 36, mode)), Err(RecordFault::ForbiddenType(mode)));
        }
        for mode in [0, 0o777, 0o4755, 0o2755, 0o1755, 0o444, 0o645] {
            assert_eq!(Header::parse_central(&with(&central(), 36, REGULAR | mode)), Err(RecordFault::Mode(mode)));
        }
    }

    #[test]
    fn the_flags_fit_the_name_and_the_extra_field_is_a_time() {
        let header = |flags, name: &[u8]| Header { facts: Facts { flags, ..Facts::default() }, name_bytes: name.len() };
        for (flags, name, accepted) in [
            (0x8, &b"go/x"[..], true),
            (0x808, "go/é".as_bytes(), true),
            (0x8, "go/é".as_bytes(), false),
            (0x808, b"go/x", false),
        ] {
            let rest = [name, EXTRA].concat();
            let expected = if accepted { Ok(name) } else { Err(RecordFault::Flags(flags)) };
            assert_eq!(header(flags, name).parse_name(&rest), expected);
        }
        for extra in
            [&b"UT\x05\x00\x03\x01\x02\x03\x04"[..], b"ut\x05\x00\x01\x01\x02\x03\x04", b"\x01\x00\x05\x00abcde"]
        {
            assert_eq!(header(8, NAME).parse_name(&[NAME, extra].concat()), Err(RecordFault::Extra));
        }
    }

    #[test]
    fn a_descriptor_has_its_signature() {
        let numbers = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
        let parsed = Descriptor::parse(&[&b"PK\x07\x08"[..], &numbers].concat());
        assert_eq!(parsed, Ok(Descriptor { crc: 1, compressed_bytes: 2, size_bytes: 3 }));
        let without = Descriptor::parse(&[&numbers[..], b"PK\x03\x04"].concat());
        assert_eq!(without, Err(RecordFault::Missing("data descriptor")));
    }
}
