//! ASCII armor of a detached signature, read strictly (RFC 9580 §6.2).
//!
//! - the text is exactly one block `PGP SIGNATURE`; before it nothing, after it at most empty lines;
//! - lines end in LF or CRLF; armor headers are `Key: value` in printable ASCII and mean nothing here;
//! - base64 in lines of at most 76 characters, padded only at its end, no unused bits set;
//! - a CRC24 line may follow; it is ignored, as RFC 9580 §6.1 asks;
//! - at most 16 KiB in all.
//!
//! Lenient readers skip what surrounds a block, take any label and read several blocks, so that a person and a
//! program could see two different signatures (HTML pages included).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longest armored signature in bytes; real ones have 833.
pub(super) const ARMOR_LIMIT_BYTES: usize = 16 << 10;
/// Longest base64 line (RFC 9580 §6.2).
const LINE_LIMIT_BYTES: usize = 76;

/// How a text is not the armor of one signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArmorFault {
    /// Nothing there.
    #[error("the file is empty")]
    Empty,
    /// Longer than any signature.
    #[error("longer than 16 KiB")]
    TooLong,
    /// Looks like a web page.
    #[error("HTML instead of a signature")]
    Html,
    /// Does not begin with the right line.
    #[error("does not begin with -----BEGIN PGP SIGNATURE-----")]
    Begin,
    /// An armor header that is not one.
    #[error("malformed armor header")]
    Header,
    /// Not base64.
    #[error("malformed base64")]
    Base64,
    /// The block does not end, or something follows it.
    #[error("does not end with -----END PGP SIGNATURE-----")]
    End,
}

/// The bytes inside the armor.
pub(super) fn parse(armored: &[u8]) -> Result<Vec<u8>, ArmorFault> {
    if armored.is_empty() {
        return Err(ArmorFault::Empty);
    }
    if armored.len() > ARMOR_LIMIT_BYTES {
        return Err(ArmorFault::TooLong);
    }
    if armored.trim_ascii_start().starts_with(b"<") {
        return Err(ArmorFault::Html);
    }
    let mut lines = armored.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if lines.next() != Some(b"-----BEGIN PGP SIGNATURE-----") {
        return Err(ArmorFault::Begin);
    }
    loop {
        match lines.next() {
            Some(b"") => break,
            Some(header) if is_header(header) => {}
            _ => return Err(ArmorFault::Header),
        }
    }
    let mut base64 = Vec::with_capacity(armored.len());
    let mut line = lines.next();
    while let Some(text) = line.filter(|text| !text.starts_with(b"=") && !text.starts_with(b"-")) {
        if text.is_empty() || text.len() > LINE_LIMIT_BYTES {
            return Err(ArmorFault::Base64);
        }
        base64.extend_from_slice(text);
        line = lines.next();
    }
    if line.is_some_and(is_crc24) {
        line = lines.next();
    }
    if line != Some(b"-----END PGP SIGNATURE-----") || lines.any(|line| !line.is_empty()) {
        return Err(ArmorFault::End);
    }
    let bytes = STANDARD.decode(base64).map_err(|_| ArmorFault::Base64)?;
    if bytes.is_empty() { Err(ArmorFault::Base64) } else { Ok(bytes) }
}

fn is_header(line: &[u8]) -> bool {
    let key = line.iter().position(|&b| b == b':').and_then(|at| line.split_at_checked(at));
    key.is_some_and(|(key, value)| {
        !key.is_empty() && key.iter().all(u8::is_ascii_alphanumeric) && value.starts_with(b": ")
    }) && line.iter().all(|b| b.is_ascii_graphic() || *b == b' ')
}

fn is_crc24(line: &[u8]) -> bool {
    line.len() == 5 && line.strip_prefix(b"=").is_some_and(|crc| STANDARD.decode(crc).is_ok_and(|crc| crc.len() == 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "-----BEGIN PGP SIGNATURE-----\n";
    const END: &str = "-----END PGP SIGNATURE-----\n";

    #[test]
    fn one_block_is_read_in_its_lawful_variants() {
        for text in [
            format!("{BEGIN}\nQUJD\n{END}"),
            format!("{BEGIN}\nQUJD\n=njUN\n{END}"),
            format!("{BEGIN}\nQUJD\n=AAAA\n{END}"),
            format!("{BEGIN}Version: GnuPG v1\nComment: a: b\n\nQU\nJD\n{END}\n\n"),
            format!("{BEGIN}\nQUJD\n{END}").replace('\n', "\r\n"),
            format!("{BEGIN}\nQUJD\n{}", END.trim_end()),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(b"ABC".to_vec()), "{text}");
        }
        let longest_line = format!("{BEGIN}\n{}\n{END}", "QUJD".repeat(19));
        assert_eq!(parse(longest_line.as_bytes()), Ok(b"ABC".repeat(19)));
        let block = format!("{BEGIN}\nQUJD\n{END}");
        let longest = block.clone() + &"\n".repeat(ARMOR_LIMIT_BYTES - block.len());
        assert_eq!(parse(longest.as_bytes()), Ok(b"ABC".to_vec()));
        assert_eq!(parse(format!("{longest}\n").as_bytes()), Err(ArmorFault::TooLong));
    }

    #[test]
    fn what_lenient_readers_let_pass_is_refused() {
        let block = format!("{BEGIN}\nQUJD\n{END}");
        let long = "QUJD".repeat(20);
        for (text, fault) in [
            (String::new(), ArmorFault::Empty),
            ("x".repeat(ARMOR_LIMIT_BYTES + 1), ArmorFault::TooLong),
            ("<!DOCTYPE html>".to_owned(), ArmorFault::Html),
            (format!("\n{block}"), ArmorFault::Begin),
            (format!("junk\n{block}"), ArmorFault::Begin),
            (format!("\u{feff}{block}"), ArmorFault::Begin),
            (format!(" {block}"), ArmorFault::Begin),
            (block.replace("SIGNATURE", "MESSAGE"), ArmorFault::Begin),
            (block.replacen("SIGNATURE", "PUBLIC KEY BLOCK", 1), ArmorFault::Begin),
            ("-----BEGIN PGP SIGNED MESSAGE-----\n".to_owned() + &block, ArmorFault::Begin),
            ("4e408abae126d916b6164627193f2c54f0e3ca1312d693b86db45f862ab238b1".to_owned(), ArmorFault::Begin),
            (format!("{block}{block}"), ArmorFault::End),
            (format!("{block}x"), ArmorFault::End),
            (block.replace(END, "").trim_end().to_owned(), ArmorFault::End),
            (block.replace(END, "-----END PGP MESSAGE-----\n"), ArmorFault::End),
            (format!("{BEGIN}\nQUJD\n=AAA\n{END}"), ArmorFault::End),
            (format!("{BEGIN}\nQUJD\n=AAAA\n=AAAA\n{END}"), ArmorFault::End),
            (format!("{BEGIN}\nQUJD\n=A!AA\n{END}"), ArmorFault::End),
            (format!("{BEGIN}\nQUJD\n=AA==\n{END}"), ArmorFault::End),
            (format!("{BEGIN}QUJD\n{END}"), ArmorFault::Header),
            (format!("{BEGIN}: no key\n\nQUJD\n{END}"), ArmorFault::Header),
            (format!("{BEGIN}a key: x\n\nQUJD\n{END}"), ArmorFault::Header),
            (format!("{BEGIN}Comment:x\n\nQUJD\n{END}"), ArmorFault::Header),
            (format!("{BEGIN}Comment: \u{1b}[2J\n\nQUJD\n{END}"), ArmorFault::Header),
            (format!("{BEGIN}\n\nQUJD\n{END}"), ArmorFault::Base64),
            (format!("{BEGIN}\n{END}"), ArmorFault::Base64),
            (format!("{BEGIN}\n{long}\n{END}"), ArmorFault::Base64),
            (format!("{BEGIN}\nQUI\n{END}"), ArmorFault::Base64),
            (format!("{BEGIN}\nQUI=\nQUJD\n{END}"), ArmorFault::Base64),
            (format!("{BEGIN}\nQUJ=\n{END}"), ArmorFault::Base64),
            (format!("{BEGIN}\nQU JD\n{END}"), ArmorFault::Base64),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(fault), "{text}");
        }
    }
}
