//! The pax extended header, reduced to what releases hold: one record, `path` (POSIX pax, "pax Extended Header").
//!
//! A record is `LENGTH path=VALUE\n`, where LENGTH counts the whole record in decimal. Every other key,
//! every second record and every other way to write the length is refused: they are where tar readers
//! disagree (CVE-2025-62518, CVE-2026-33055, RUSTSEC-2026-0066). Records that make a sparse file of the next entry are
//! told apart, since they are a kind of entry and no mistake (CVE-2025-58183, CVE-2026-32288).

/// Largest extended header, in bytes; the path limit makes a larger one useless.
pub(super) const PAX_SIZE_LIMIT_BYTES: u64 = 64 << 10;

/// How an extended header is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaxFault {
    /// The length is not the record's, or not plain decimal.
    #[error("pax record with a wrong length")]
    Length,
    /// No `path=` or no final newline.
    #[error("pax record that is not a single \"path\"")]
    Record,
    /// NUL in the value, or no value.
    #[error("pax path that is empty or holds a NUL")]
    Value,
    /// The keys of GNU's sparse files, in any of their versions.
    #[error("pax records of a sparse file")]
    Sparse,
}

/// The path in the data of an extended header.
pub(super) fn parse(data: &[u8]) -> Result<&[u8], PaxFault> {
    const SPARSE: &[u8] = b" GNU.sparse.";
    path(data).map_err(|fault| match data.windows(SPARSE.len()).any(|window| window == SPARSE) {
        true => PaxFault::Sparse,
        false => fault,
    })
}

fn path(data: &[u8]) -> Result<&[u8], PaxFault> {
    let space = data.iter().position(|&b| b == b' ').ok_or(PaxFault::Length)?;
    let (digits, record) = data.split_at_checked(space).ok_or(PaxFault::Length)?;
    if digits != data.len().to_string().as_bytes() {
        return Err(PaxFault::Length);
    }
    let value = record.strip_prefix(b" path=").and_then(|v| v.strip_suffix(b"\n")).ok_or(PaxFault::Record)?;
    if value.is_empty() || value.contains(&0) || value.contains(&b'\n') {
        return Err(PaxFault::Value);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_record_is_read_and_all_else_refused() {
        assert_eq!(parse(b"14 path=go/\xc3\x9e\n"), Ok(&b"go/\xc3\x9e"[..]));
        assert_eq!(parse(b"25 path=go/a GNU.sparse.\n"), Ok(&b"go/a GNU.sparse."[..]));
        for (data, fault) in [
            (&b""[..], PaxFault::Length),
            (b"11path=go/x\n", PaxFault::Length),
            (b"13 path=go/x\n\0", PaxFault::Length),
            (b"12 path=go/x\n", PaxFault::Length),
            (b"+13 path=go/xx\n", PaxFault::Length),
            (b"013 path=go/x\n", PaxFault::Length),
            (b" 13 path=go/x\n", PaxFault::Length),
            (b"13 path=go/x\n13 path=go/x\n", PaxFault::Length),
            (b"13 path=go/x ", PaxFault::Record),
            (b"13 size=1234\n", PaxFault::Record),
            (b"12 pathgo/x\n", PaxFault::Record),
            (b"9 path=\n", PaxFault::Length),
            (b"8 path=\n", PaxFault::Value),
            (b"11 path=a\0\n", PaxFault::Value),
            (b"25 path=x\n13 path=go/xx\n\n", PaxFault::Value),
            (b"22 GNU.sparse.major=1\n", PaxFault::Sparse),
            (b"13 path=go/x\n22 GNU.sparse.major=1\n", PaxFault::Sparse),
        ] {
            assert_eq!(parse(data), Err(fault), "{}", data.escape_ascii());
        }
    }
}
