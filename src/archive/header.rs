//! One tar header block, by the profile that real releases fit (POSIX.1-1988 ustar).
//!
//! - magic `ustar\0`, version `00`; not v7, not GNU;
//! - type `0` (file), `5` (directory) or `x` (extended header for the next entry);
//! - every number is plain octal digits followed by NULs or spaces; nothing negative, blank or base-256;
//! - the checksum is the unsigned one;
//! - names end at the first NUL, with nothing but NULs behind it;
//! - mode 0644 or 0755, 0755 for directories; owner and times are well-formed but mean nothing here;
//! - no link name; unused bytes are zero.

use tar::UstarHeader;

use super::limits::FILE_SIZE_LIMIT_BYTES;
use super::pax::PAX_SIZE_LIMIT_BYTES;

/// Size of a block, in bytes.
pub(super) const BLOCK_BYTES: usize = 512;

/// What a header describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Header {
    File { name: Vec<u8>, size_bytes: u64, executable: bool },
    Directory { name: Vec<u8> },
    Extended { size_bytes: u64 },
}

/// How a header breaks the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// The stored checksum is not the sum of the bytes.
    #[error("wrong header checksum")]
    Checksum,
    /// Not POSIX ustar.
    #[error("header format other than ustar")]
    Magic,
    /// A link, device, fifo, sparse file or another kind that is no file or directory.
    #[error("entry of type {:?}", char::from(*.0))]
    ForbiddenType(u8),
    /// An extension of the format that no release uses.
    #[error("header extension of type {:?}", char::from(*.0))]
    Extension(u8),
    /// A numeric field that is not plain octal.
    #[error("\"{0}\" is not a plain octal number")]
    Number(&'static str),
    /// Neither 0644 nor 0755.
    #[error("mode {0:04o}: only 0644 and 0755 occur in releases")]
    Mode(u64),
    /// A directory with content, or a file named like a directory.
    #[error("the entry's type contradicts its size or its name")]
    TypeMismatch,
    /// Something where releases have zeros.
    #[error("\"{0}\" is not empty")]
    NotEmpty(&'static str),
    /// A NUL in a name, with more behind it.
    #[error("\"{0}\" goes on behind a NUL")]
    Nul(&'static str),
    /// The size exceeds the limit for its kind.
    #[error("size of {0} bytes")]
    Size(u64),
}

impl Header {
    /// Parses a block that is not all zeros. `read_only_modes` also allows 0444 and 0555.
    pub(super) fn parse(block: &[u8; BLOCK_BYTES], read_only_modes: bool) -> Result<Self, HeaderFault> {
        let header = tar::Header::from_byte_slice(block);
        let raw = header.as_old();
        let sum: u64 = block.iter().map(|&b| u64::from(b)).sum();
        let stored: u64 = raw.cksum.iter().map(|&b| u64::from(b)).sum();
        let blanks = raw.cksum.len() as u64 * u64::from(b' ');
        if octal(&raw.cksum, "checksum").ok() != Some(sum - stored + blanks) {
            return Err(HeaderFault::Checksum);
        }
        let type_flag = raw.linkflag[0];
        match type_flag {
            // A file to v7, whose headers are told by their magic.
            b'0' | b'5' | b'x' | 0 => {}
            b'g' | b'X' | b'L' | b'K' => {
                if let Err(fault @ HeaderFault::Size(_)) = size(&raw.size, PAX_SIZE_LIMIT_BYTES) {
                    return Err(fault);
                }
                return Err(HeaderFault::Extension(type_flag));
            }
            other => return Err(HeaderFault::ForbiddenType(other)),
        }
        let header = header.as_ustar().ok_or(HeaderFault::Magic)?;
        if header.version != *b"00" {
            return Err(HeaderFault::Magic);
        }
        if type_flag == 0 {
            return Err(HeaderFault::ForbiddenType(type_flag));
        }
        let mode = check_fields(header)?;
        let name = full_name(header)?;
        let size_bytes = match type_flag {
            b'x' => return size(&header.size, PAX_SIZE_LIMIT_BYTES).map(|size_bytes| Self::Extended { size_bytes }),
            b'0' => size(&header.size, FILE_SIZE_LIMIT_BYTES)?,
            _ => octal(&header.size, "size")?,
        };
        let directory_name = name.strip_suffix(b"/");
        let mode = if read_only_modes { mode | 0o200 } else { mode };
        match (type_flag, mode) {
            (b'0', 0o644 | 0o755) if directory_name.is_some() => Err(HeaderFault::TypeMismatch),
            (b'0', 0o644 | 0o755) => Ok(Self::File { name, size_bytes, executable: mode == 0o755 }),
            (b'5', 0o755) if size_bytes != 0 => Err(HeaderFault::TypeMismatch),
            (b'5', 0o755) => Ok(Self::Directory { name: directory_name.unwrap_or(&name).to_owned() }),
            _ => Err(HeaderFault::Mode(mode)),
        }
    }
}

/// Checks the fields whose values do not matter to an SDK, and returns the mode.
fn check_fields(header: &UstarHeader) -> Result<u64, HeaderFault> {
    octal(&header.uid, "uid")?;
    octal(&header.gid, "gid")?;
    octal(&header.mtime, "mtime")?;
    for (field, name) in [(&header.dev_major, "devmajor"), (&header.dev_minor, "devminor")] {
        if field.iter().any(|&b| b != 0) && octal(field, name)? != 0 {
            return Err(HeaderFault::NotEmpty(name));
        }
    }
    for (field, name) in [(&header.uname, "uname"), (&header.gname, "gname")] {
        if !text(field, name)?.iter().all(u8::is_ascii_graphic) {
            return Err(HeaderFault::NotEmpty(name));
        }
    }
    for (field, name) in [(&header.linkname[..], "linkname"), (&header.pad[..], "padding")] {
        if field.iter().any(|&b| b != 0) {
            return Err(HeaderFault::NotEmpty(name));
        }
    }
    octal(&header.mode, "mode")
}

fn full_name(header: &UstarHeader) -> Result<Vec<u8>, HeaderFault> {
    let name = text(&header.name, "name")?;
    let prefix = text(&header.prefix, "prefix")?;
    Ok(if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() })
}

/// A text field: up to the first NUL, with nothing behind it that another reader could take for more.
fn text<'a>(field: &'a [u8], name: &'static str) -> Result<&'a [u8], HeaderFault> {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    let (text, rest) = field.split_at_checked(end).unwrap_or((field, &[]));
    if rest.iter().any(|&b| b != 0) { Err(HeaderFault::Nul(name)) } else { Ok(text) }
}

/// The size, if it is not beyond `limit`. One that is beyond it is told to be, however it is written.
fn size(field: &[u8; 12], limit: u64) -> Result<u64, HeaderFault> {
    let plain = octal(field, "size");
    match plain.ok().or_else(|| claimed(field)) {
        Some(size) if size > limit => Err(HeaderFault::Size(size)),
        _ => plain,
    }
}

/// What other readers take for a size beyond eleven digits: a twelfth, or a positive base-256 number of 63 bits.
fn claimed(field: &[u8; 12]) -> Option<u64> {
    if field.iter().all(|b| matches!(b, b'0'..=b'7')) {
        return Some(value(field));
    }
    let number = u64::from_be_bytes(*field.strip_prefix(&[0x80, 0, 0, 0])?.first_chunk()?);
    (number <= i64::MAX.unsigned_abs()).then_some(number)
}

fn octal(field: &[u8], name: &'static str) -> Result<u64, HeaderFault> {
    let end = field.iter().position(|b| !matches!(b, b'0'..=b'7')).ok_or(HeaderFault::Number(name))?;
    let (digits, rest) = field.split_at_checked(end).ok_or(HeaderFault::Number(name))?;
    if digits.is_empty() || rest.iter().any(|b| !matches!(b, 0 | b' ')) {
        return Err(HeaderFault::Number(name));
    }
    Ok(value(digits))
}

/// Of octal digits; no field has more than twelve, so 36 bits.
fn value(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 8 + u64::from(digit - b'0'))
}

/// What a release's header of this type looks like.
#[cfg(test)]
pub(super) fn header_block(type_flag: u8, name: &str, size_bytes: usize) -> [u8; BLOCK_BYTES] {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).unwrap();
    header.set_mode(if type_flag == b'5' { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header.set_size(size_bytes as u64);
    header.set_entry_type(tar::EntryType::new(type_flag));
    header.set_cksum();
    *header.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A valid header of a file with the given name, changed by `change`, with a checksum that fits.
    fn block(change: impl FnOnce(&mut UstarHeader)) -> [u8; BLOCK_BYTES] {
        let mut header = tar::Header::from_byte_slice(&header_block(b'0', "go/x", 5)).clone();
        change(header.as_ustar_mut().unwrap());
        header.set_cksum();
        *header.as_bytes()
    }

    #[test]
    fn a_plain_file_a_directory_and_an_extended_header_are_read() {
        let file = |executable| Header::File { name: b"go/x".to_vec(), size_bytes: 5, executable };
        let directory = Header::Directory { name: b"go/x".to_vec() };
        for (block, header) in [
            (block(|_| {}), file(false)),
            (block(|h| h.mode = *b"0000755\0"), file(true)),
            (block(|h| h.mode = *b"000644 \0"), file(false)),
            (block(|h| h.uname[..4].copy_from_slice(b"root")), file(false)),
            (block(|h| h.uid = *b"0001000\0"), file(false)),
            (block(|h| (h.typeflag, h.mode, h.size) = ([b'5'], *b"0000755\0", *b"00000000000\0")), directory.clone()),
            (
                block(|h| (h.typeflag, h.mode, h.size, h.name[4]) = ([b'5'], *b"0000755\0", *b"00000000000\0", b'/')),
                directory,
            ),
            (block(|h| (h.typeflag, h.mode) = ([b'x'], *b"0000000\0")), Header::Extended { size_bytes: 5 }),
            (
                block(|h| h.size = *b"04000000000\0"),
                Header::File { name: b"go/x".to_vec(), size_bytes: FILE_SIZE_LIMIT_BYTES, executable: false },
            ),
            (
                block(|h| h.prefix[..2].copy_from_slice(b"go")),
                Header::File { name: b"go/go/x".to_vec(), size_bytes: 5, executable: false },
            ),
        ] {
            assert_eq!(Header::parse(&block, false), Ok(header));
        }
    }

    #[test]
    fn other_headers_are_refused() {
        for (block, fault) in [
            (block(|h| h.magic = *b"ustar "), HeaderFault::Magic),
            (block(|h| h.magic = [0; 6]), HeaderFault::Magic),
            (block(|h| h.version = [0; 2]), HeaderFault::Magic),
            (block(|h| h.typeflag = [b'1']), HeaderFault::ForbiddenType(b'1')),
            (block(|h| h.typeflag = [b'2']), HeaderFault::ForbiddenType(b'2')),
            (block(|h| h.typeflag = [0]), HeaderFault::ForbiddenType(0)),
            (block(|h| (h.typeflag, h.magic) = ([0], [0; 6])), HeaderFault::Magic),
            (block(|h| h.typeflag = [b'7']), HeaderFault::ForbiddenType(b'7')),
            (block(|h| h.typeflag = [b'S']), HeaderFault::ForbiddenType(b'S')),
            (block(|h| h.typeflag = [b'g']), HeaderFault::Extension(b'g')),
            (block(|h| h.typeflag = [b'L']), HeaderFault::Extension(b'L')),
            (block(|h| h.size[0] = 0x80), HeaderFault::Number("size")),
            (block(|h| h.size = *b"-0000000001\0"), HeaderFault::Number("size")),
            (block(|h| h.size = [b'0'; 12]), HeaderFault::Number("size")),
            (block(|h| h.size = [b'7'; 12]), HeaderFault::Size(0o777_777_777_777)),
            (block(|h| h.size = *b"\x80\0\0\0\0\0\0\x02\x80\0\0\0"), HeaderFault::Size(10 << 30)),
            (block(|h| h.size = *b"\x80\0\0\0\0\0\0\0\0\0\0\x05"), HeaderFault::Number("size")),
            (block(|h| h.size = *b"\x80\0\0\0\x80\0\0\0\0\0\0\0"), HeaderFault::Number("size")),
            (block(|h| (h.typeflag, h.size) = ([b'x'], *b"00000200001\0")), HeaderFault::Size(65_537)),
            (block(|h| (h.typeflag, h.size) = ([b'L'], *b"00000200001\0")), HeaderFault::Size(65_537)),
            (block(|h| (h.typeflag, h.size) = ([b'L'], *b"00000200000\0")), HeaderFault::Extension(b'L')),
            (block(|h| h.size = [b' '; 12]), HeaderFault::Number("size")),
            (block(|h| h.size = *b"00000000008\0"), HeaderFault::Number("size")),
            (block(|h| h.size = *b"5\x00000000000\0"), HeaderFault::Number("size")),
            (block(|h| h.size = *b"77777777777\0"), HeaderFault::Size(0o77_777_777_777)),
            (block(|h| h.size = *b"04000000001\0"), HeaderFault::Size(FILE_SIZE_LIMIT_BYTES + 1)),
            (block(|h| h.mode = *b"0000777\0"), HeaderFault::Mode(0o777)),
            (block(|h| h.mode = *b"0004755\0"), HeaderFault::Mode(0o4755)),
            (block(|h| h.mode = *b"0000000\0"), HeaderFault::Mode(0)),
            (block(|h| h.mode = *b"0000444\0"), HeaderFault::Mode(0o444)),
            (block(|h| h.mode = [0; 8]), HeaderFault::Number("mode")),
            (block(|h| h.mtime[0] = 0xff), HeaderFault::Number("mtime")),
            (block(|h| h.name[4] = b'/'), HeaderFault::TypeMismatch),
            (block(|h| (h.typeflag, h.mode) = ([b'5'], *b"0000755\0")), HeaderFault::TypeMismatch),
            (block(|h| h.linkname[0] = b'x'), HeaderFault::NotEmpty("linkname")),
            (block(|h| h.name[9] = b'x'), HeaderFault::Nul("name")),
            (block(|h| h.pad[11] = 1), HeaderFault::NotEmpty("padding")),
            (block(|h| h.uname[0] = 0x1b), HeaderFault::NotEmpty("uname")),
            (block(|h| h.dev_major = *b"0000001\0"), HeaderFault::NotEmpty("devmajor")),
        ] {
            assert_eq!(Header::parse(&block, false), Err(fault));
        }
        let mut wrong_sum = block(|_| {});
        wrong_sum[150] ^= 1;
        assert_eq!(Header::parse(&wrong_sum, false), Err(HeaderFault::Checksum));
    }

    #[test]
    fn read_only_modes_stand_for_writable_ones_where_they_are_allowed() {
        let read_only = block(|h| h.mode = *b"0000555\0");
        assert_eq!(Header::parse(&read_only, false), Err(HeaderFault::Mode(0o555)));
        let expected = Header::File { name: b"go/x".to_vec(), size_bytes: 5, executable: true };
        assert_eq!(Header::parse(&read_only, true), Ok(expected.clone()));
        assert_eq!(Header::parse(&block(|h| h.mode = *b"0000755\0"), true), Ok(expected));
        assert_eq!(Header::parse(&block(|h| h.mode = *b"0000577\0"), true), Err(HeaderFault::Mode(0o777)));
    }
}
