//! Every field of a header with what is near its right value, or what some reader takes for a number or a text.

use goverify::archive::HeaderFault;

use super::{BLOCK_BYTES, Row, SMALL};
use crate::support::tar_entry::gzip;

/// An entry of the small SDK whose header is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    /// `go/src/make.bash`.
    File,
    /// `go/src/`.
    Directory,
    /// The extended header of the last file.
    Extension,
}

impl Victim {
    pub(super) const ALL: [Self; 3] = [Self::File, Self::Directory, Self::Extension];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::File => "go/src/make.bash",
            Self::Directory => "go/src/",
            Self::Extension => "go/PaxHeaders.0/x",
        }
    }

    /// Where its header begins in the small SDK's stream.
    pub(super) fn start(self) -> usize {
        let name = [self.name().as_bytes(), b"\0"].concat();
        SMALL.stream.chunks(BLOCK_BYTES).position(|block| block.starts_with(&name)).unwrap() * BLOCK_BYTES
    }
}

/// Where a numeric field is in a header, and its width (POSIX.1-1988 §10.1.1).
pub(super) const NUMBERS: [(&str, usize, usize); 7] = [
    ("mode", 100, 8),
    ("uid", 108, 8),
    ("gid", 116, 8),
    ("size", 124, 12),
    ("mtime", 136, 12),
    ("devmajor", 329, 8),
    ("devminor", 337, 8),
];

/// The small SDK's archive with an edited header, the checksum of which fits.
pub(super) fn edited(victim: Victim, edit: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut stream = SMALL.stream.clone();
    let block = &mut stream[victim.start()..][..BLOCK_BYTES];
    edit(block);
    put_checksum(block);
    gzip(&stream)
}

pub(super) fn put_checksum(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// The small SDK's archive with another text in a field, up to the field's end.
pub(super) fn patched(victim: Victim, at: usize, text: &[u8]) -> Vec<u8> {
    edited(victim, |block| block[at..][..text.len()].copy_from_slice(text))
}

/// A base-256 number as GNU tar writes it, and others by its example; negative ones are in two's complement.
pub(super) fn base_256(value: i128, width: usize) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let mut field = bytes[bytes.len() - width..].to_vec();
    field[0] |= 0x80;
    field
}

/// What is no plain octal number, and is one in some way to some reader. No two are the same, and none begins like
/// the number that it should be and ends like it, too.
pub(super) fn suspicious_numbers(width: usize, right: &[u8]) -> Vec<(String, Vec<u8>)> {
    let digits = &right[..width - 1];
    let text = |text: &[u8]| {
        let mut field = text.to_vec();
        field.resize(width, 0);
        field
    };
    let value = digits.iter().fold(0, |value, digit| value << 3 | i128::from(digit - b'0'));
    let with = |at: usize, byte: u8| {
        let mut field = right.to_vec();
        field[at] = byte;
        field
    };
    let padded = |pad: u8| [&[pad][..], &digits[1..], b"\0"].concat();
    let hexadecimal = format!("0x{value:x}");
    let numbers = vec![
        ("a base-256 number of its value", base_256(value, width)),
        ("a base-256 five", base_256(5, width)),
        ("a base-256 zero with a bit before it", {
            let mut field = base_256(0, width);
            field[0] |= 0x40;
            field
        }),
        ("a negative base-256 number", base_256(-1, width)),
        ("the most negative base-256 number", base_256(-(1 << 62), width)),
        ("nothing but ones", vec![0xff; width]),
        ("a minus", text(b"-1")),
        ("a minus and zeros", with(0, b'-')),
        ("a plus", with(0, b'+')),
        ("blanks", vec![b' '; width]),
        ("a blank and its digits", padded(b' ')),
        ("a tab and its digits", padded(b'\t')),
        ("a NUL and its digits", padded(0)),
        ("a line end and its digits", padded(b'\n')),
        ("an eight", with(width - 2, b'8')),
        ("a nine", with(0, b'9')),
        ("a letter", with(width - 2, b'a')),
        ("a point", with(width - 2, b'.')),
        ("an exponent", with(1, b'e')),
        ("hexadecimal", text(hexadecimal.as_bytes())),
        ("octal with a letter", with(1, b'o')),
        ("a blank among its digits", with(width / 2, b' ')),
        ("a NUL among its digits", with(width / 2, 0)),
        ("a line end behind it", with(width - 1, b'\n')),
        ("a letter behind it", with(width - 1, b'x')),
        ("a digit behind it", with(width - 1, b'0')),
        ("full-width digits", text("４".as_bytes())),
        ("nothing", vec![0; width]),
    ];
    numbers.into_iter().map(|(what, field)| (what.to_owned(), field)).collect()
}

/// Cases with every suspicious number in every numeric field of every kind of header.
pub(super) fn sweep_numbers(row: &mut Row) {
    for victim in Victim::ALL {
        let start = victim.start();
        for (field, at, width) in NUMBERS {
            let right = &SMALL.stream[start + at..][..width];
            let (mut known, mut number) = (vec![right.to_vec()], 0);
            for (what, value) in suspicious_numbers(width, right) {
                // Of a number of zeros some are the same; and a file has no device's number.
                if known.contains(&value) || what == "nothing" && field.starts_with("dev") {
                    continue;
                }
                row.malformed(
                    format!("{victim:?}: {field} is {what}"),
                    patched(victim, at, &value),
                    HeaderFault::Number(field),
                );
                known.push(value);
                number += 1;
            }
            assert!(number > 20, "{victim:?} {field}");
        }
    }
}
