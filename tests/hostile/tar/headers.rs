//! Headers: modes, numbers, checksums and generations of the format.

use goverify::archive::HeaderFault;
use goverify::error::Code;

use super::fields::{Victim, edited, patched, sweep_numbers};
use super::{BLOCK_BYTES, Row, SMALL, agree, with};
use crate::case::{Case, check};
use crate::support::figures::stride;
use crate::support::tar_entry::{TarEntry, gzip, pax_record};

pub(crate) fn t10() -> Vec<Case> {
    let mut row = Row::default();
    // Each bit of 0644 and of 0755 the other way, and modes that files have elsewhere; a type's bits, too.
    let near = |mode: u32| (0..21).map(move |bit| mode ^ 1 << bit);
    let others = [0, 1, 0o400, 0o444, 0o555, 0o600, 0o666, 0o700, 0o777, 0o1777, 0o2755, 0o4755, 0o6755, 0o7777];
    let types = [0o100_644, 0o100_755, 0o120_777, 0o040_755, 0o1_000_644, 0o7_777_777];
    let (mut tried, right) = (Vec::new(), [0o644, 0o755]);
    for mode in near(0o644).chain(near(0o755)).chain(others).chain(types) {
        if tried.contains(&mode) || right.contains(&mode) {
            continue;
        }
        tried.push(mode);
        let fault = HeaderFault::Mode(mode.into());
        row.malformed(format!("file of mode {mode:04o}"), with([TarEntry::file("go/src/x", "").mode(mode)]), fault);
        let directory = TarEntry::directory("go/src/x/").mode(mode);
        row.malformed(format!("directory of mode {mode:04o}"), with([directory]), fault);
    }
    let private = TarEntry::directory("go/src/x/").mode(0o644);
    row.malformed("directory of mode 0644", with([private]), HeaderFault::Mode(0o644));
    for mode in right {
        row.accepted(format!("file of mode {mode:04o}"), with([TarEntry::file("go/src/x", "").mode(mode)]));
    }
    row.accepted("directory of mode 0755", with([TarEntry::directory("go/src/x/")]));
    row.0
}

#[test]
fn t10_modes() {
    check(&t10(), agree);
}

pub(crate) fn t18() -> Vec<Case> {
    let mut row = Row::default();
    sweep_numbers(&mut row);
    for (field, at) in [("devmajor", 329), ("devminor", 337)] {
        for victim in Victim::ALL {
            for number in [&b"0000001\0"[..], b"0000010\0", b"7777777\0", b"1\0\0\0\0\0\0\0"] {
                let fault = HeaderFault::NotEmpty(field);
                let what = format!("{victim:?}: {field} is {}", number.escape_ascii());
                row.malformed(what, patched(victim, at, number), fault);
            }
            row.accepted(format!("{victim:?}: {field} is nothing"), patched(victim, at, &[0; 8]));
        }
    }
    for (what, value) in [("a NUL", b"000644\0\0"), ("a blank", b"000644 \0"), ("two blanks", b"000644  ")] {
        row.accepted(format!("mode ends in {what}"), patched(Victim::Extension, 100, value));
    }
    row.0
}

#[test]
fn t18_numbers_that_are_not_plain_octal() {
    check(&t18(), agree);
}

pub(crate) fn t19() -> Vec<Case> {
    let mut row = Row::default();
    let raw = |victim: Victim, edit: &dyn Fn(&mut [u8])| {
        let mut stream = SMALL.stream.clone();
        edit(&mut stream[victim.start()..][..BLOCK_BYTES]);
        gzip(&stream)
    };
    let mut wrong = |what: String, archive| row.malformed(what, archive, HeaderFault::Checksum);
    for victim in Victim::ALL {
        // Prime to 8, so that every bit of a byte has its turn.
        for bit in (0..BLOCK_BYTES * 8).step_by(stride(61)) {
            let checksum_alone = (148..156).contains(&(bit / 8));
            if !checksum_alone {
                wrong(format!("{victim:?}: bit {bit}"), raw(victim, &|b| b[bit / 8] ^= 1 << (bit % 8)));
            }
        }
        let block = &SMALL.stream[victim.start()..][..BLOCK_BYTES];
        let right: i64 = block[..148].iter().chain(&block[156..]).map(|&b| i64::from(b)).sum::<i64>() + 8 * 32;
        let sums = [right - 1, right + 1, right - 256, right + 256, 0, 1, right << 1, right >> 1];
        for sum in sums {
            let text = format!("{sum:06o}\0 ");
            wrong(
                format!("{victim:?}: {}", text.escape_debug()),
                raw(victim, &|b| b[148..156].copy_from_slice(text.as_bytes())),
            );
        }
        for (what, text) in [
            ("decimal", format!("{right:06}\0 ")),
            ("hexadecimal", format!("0x{right:04x}\0 ")),
            ("with a minus", format!("-{right:05o}\0 ")),
            ("behind a blank", format!(" {right:06o}\0")),
            ("behind a NUL", format!("\0{right:06o} ")),
            ("without an end", format!("{right:08o}")),
            ("with a digit behind its end", format!("{right:06o}\x005")),
            ("blank", " ".repeat(8)),
            ("nothing", "\0".repeat(8)),
            ("with another number behind it", format!("{right:05o}\0 1")),
        ] {
            wrong(format!("{victim:?}: {what}"), raw(victim, &|b| b[148..156].copy_from_slice(text.as_bytes())));
        }
        let base_256 = super::fields::base_256(right.into(), 8);
        wrong(format!("{victim:?}: in base 256"), raw(victim, &|b| b[148..156].copy_from_slice(&base_256)));
    }
    signed(&mut row);
    for (what, text) in [("blank and NUL", " \0"), ("NUL and blank", "\0 "), ("two NULs", "\0\0"), ("two blanks", "  ")]
    {
        let block = &SMALL.stream[Victim::File.start()..][..BLOCK_BYTES];
        let sum = tar::Header::from_byte_slice(block).cksum().unwrap();
        let digits = format!("{sum:06o}");
        let text = digits + text;
        row.accepted(format!("ends in {what}"), raw(Victim::File, &|b| b[148..156].copy_from_slice(text.as_bytes())));
    }
    row.0
}

/// Some old writers summed signed bytes, and most readers take either sum: one header with two meanings of its bytes
/// is one too many.
fn signed(row: &mut Row) {
    let raw_name = |path: &str| {
        TarEntry::file("go/src/x", "").header(|h| h.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes()))
    };
    for path in ["go/src/é", "go/src/日本語", "go/src/Þfoo.go", "go/src/\u{7ff}"] {
        let sum = |block: &[u8], of: fn(u8) -> i64| {
            let bytes = block[..148].iter().chain(&[b' '; 8]).chain(&block[156..512]);
            bytes.map(|&byte| of(byte)).sum::<i64>()
        };
        let blocks = raw_name(path).blocks();
        let (plain, signed) = (sum(&blocks, i64::from), sum(&blocks, |byte| i64::from(byte.cast_signed())));
        assert_ne!(plain, signed);
        let mut wrong = blocks.clone();
        wrong[148..156].copy_from_slice(format!("{signed:06o}\0 ").as_bytes());
        row.malformed(format!("signed sum of {path}"), super::with_blocks(&wrong), HeaderFault::Checksum);
        row.accepted(format!("unsigned sum of {path}"), super::with_blocks(&blocks));
    }
}

#[test]
fn t19_checksums() {
    check(&t19(), agree);
}

pub(crate) fn t20() -> Vec<Case> {
    let mut row = Row::default();
    let magics: [(&str, [u8; 8]); 18] = [
        ("v7", [0; 8]),
        ("GNU", *b"ustar  \0"),
        ("GNU with a NUL", *b"ustar \0\0"),
        ("NUL version", *b"ustar\0\0\0"),
        ("blank version", *b"ustar\0  "),
        ("version 0", *b"ustar\x000\0"),
        ("version 01", *b"ustar\x0001"),
        ("version 10", *b"ustar\x0010"),
        ("version 000", *b"ustar000"),
        ("version of bytes", *b"ustar\0\0\x01"),
        ("version of letters", *b"ustar\0OO"),
        ("no NUL", *b"ustar 00"),
        ("capitals", *b"USTAR\x0000"),
        ("half in capitals", *b"Ustar\x0000"),
        ("star's", *b"tar\0\0\0\0\0"),
        ("shorter", *b"usta\0\x0000"),
        ("blanks", [b' '; 8]),
        ("one byte later", *b"\0ustar\x000"),
    ];
    for (what, magic) in magics {
        for victim in Victim::ALL {
            row.malformed(format!("{victim:?}: {what}"), patched(victim, 257, &magic), HeaderFault::Magic);
        }
        // As a whole, as such writers have it, with the type that v7 has for files.
        let old = |victim: Victim| {
            edited(victim, |block| {
                block[257..265].copy_from_slice(&magic);
                block[156] = 0;
            })
        };
        row.malformed(format!("File of type NUL: {what}"), old(Victim::File), HeaderFault::Magic);
    }
    let old = patched(Victim::File, 156, b"\0");
    row.add("type NUL in ustar", old, (Code::ArchiveForbiddenEntry, HeaderFault::ForbiddenType(0)));
    // star's own fields, and its mark, in ustar's last bytes; GNU's times and offsets.
    for victim in Victim::ALL {
        row.malformed(
            format!("{victim:?}: star's mark"),
            patched(victim, 508, b"tar\0"),
            HeaderFault::NotEmpty("padding"),
        );
        for at in 500..512 {
            let fault = HeaderFault::NotEmpty("padding");
            row.malformed(format!("{victim:?}: byte {at}"), patched(victim, at, b"0"), fault);
        }
    }
    let plain = [TarEntry::extension(b'x', pax_record("path", b"go/src/x")), TarEntry::file("go/src/y", "")];
    row.accepted("ustar", with(plain));
    row.0
}

#[test]
fn t20_other_generations_of_headers() {
    check(&t20(), agree);
}
