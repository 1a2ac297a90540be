//! Signed notes, opened under one key (c2sp.org/signed-note).
//!
//! - at most 64 KiB of UTF-8 without control characters other than newline;
//! - the last blank line separates the text, which ends in a newline, from 1 to 100 signature lines;
//! - each of these is `— NAME BASE64`, ended by a newline; names are not empty and hold neither white space nor `+`;
//!   the base64 is standard, padded, without unused bits, and of at least five bytes: the key's id and a signature;
//! - every signature by the key's name and id must be good, and there must be at least one;
//! - lines of other keys mean nothing, but have to be well-formed.
//!
//! The specification forbids only the ASCII control characters; the others are refused here as well, since they have no
//! use in a log and could move a terminal's cursor.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::ed25519::Signed;
use super::key::{LogKey, is_key_name};

/// Longest note in bytes; those of Go's log have about 200.
pub const NOTE_SIZE_LIMIT_BYTES: usize = 64 << 10;
/// Most signature lines; witnesses may add some, and golang.org/x/mod has the same limit.
const SIGNATURES_LIMIT: usize = 100;
/// The bytes of a key's id before a signature.
const ID_BYTES: usize = 4;

/// How a text is not a note signed by the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteFault {
    /// Longer than any note.
    #[error("longer than 64 KiB")]
    TooLong,
    /// Not UTF-8, or with control characters.
    #[error("not plain UTF-8 text")]
    Text,
    /// No blank line between a text and its signatures.
    #[error("no signatures after a blank line")]
    Unsigned,
    /// A signature line that is not one.
    #[error("malformed signature line")]
    SignatureLine,
    /// More than anyone needs.
    #[error("more than 100 signatures")]
    TooMany,
    /// The trusted key did not sign it.
    #[error("not signed by the log's key")]
    UnknownKey,
    /// A signature that says that it is by the trusted key, and is not.
    #[error("bad signature under the log's key")]
    BadSignature,
}

impl LogKey {
    /// The text of a note that this key has signed, its last newline included.
    ///
    /// # Errors
    /// [`NoteFault`] when it breaks a rule of signed notes, or this key did not sign it.
    pub fn open<'a>(&self, note: &'a [u8]) -> Result<&'a str, NoteFault> {
        self.open_signed(note).map(|(text, _)| text)
    }

    /// The text of a note, and the line with this key's signature.
    pub(super) fn open_signed<'a>(&self, note: &'a [u8]) -> Result<(&'a str, &'a str), NoteFault> {
        if note.len() > NOTE_SIZE_LIMIT_BYTES {
            return Err(NoteFault::TooLong);
        }
        let note = plain_text(note).ok_or(NoteFault::Text)?;
        // The separator's first newline is the text's last one.
        let at = note.rfind("\n\n").ok_or(NoteFault::Unsigned)?;
        let (text, rest) = note.split_at_checked(at + 1).ok_or(NoteFault::Unsigned)?;
        let lines = rest.strip_prefix('\n').filter(|lines| !lines.is_empty()).ok_or(NoteFault::Unsigned)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteFault::SignatureLine)?;
        if lines.split('\n').count() > SIGNATURES_LIMIT {
            return Err(NoteFault::TooMany);
        }
        let mut signed: Option<(Signed, &'a str)> = None;
        for line in lines.split('\n') {
            let (name, bytes) = signature_line(line).ok_or(NoteFault::SignatureLine)?;
            let (id, signature) = bytes.split_first_chunk::<ID_BYTES>().ok_or(NoteFault::SignatureLine)?;
            if signature.is_empty() {
                return Err(NoteFault::SignatureLine);
            }
            if name == self.name() && *id == self.id() {
                let by_key = self.verify(text.as_bytes(), signature).ok_or(NoteFault::BadSignature)?;
                signed.get_or_insert((by_key, line));
            }
        }
        signed.map(|(_, line)| (text, line)).ok_or(NoteFault::UnknownKey)
    }
}

/// The text, if it is UTF-8 and its only control characters are newlines.
pub(super) fn plain_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.chars().all(|c| c == '\n' || !c.is_control()).then_some(text)
}

fn signature_line(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = STANDARD.decode(base64).ok()?;
    is_key_name(name).then_some((name, bytes))
}
