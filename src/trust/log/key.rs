//! The key of a transparency log, and which log is asked (GOSUMDB's syntax, `go help module-auth`).
//!
//! - a key is `NAME+ID+BASE64`: the id has eight lower-case hex digits, the base64 is of 0x01 (Ed25519) and the 32
//!   bytes of the public key, and the id is the beginning of SHA-256(NAME ‖ newline ‖ those 33 bytes)
//!   (c2sp.org/signed-note);
//! - names are not empty and hold neither white space, control characters nor `+`;
//! - weak public keys are refused;
//! - a log is `off`, or a key, or the name of a known one, each but `off` with a URL behind one space if it is not
//!   served at `https://NAME`. The names known are `sum.golang.org`, and `sum.golang.google.cn`, where the same log is
//!   served under the same key.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::ed25519::{PublicKey, PublicKeyFault, Signed};
use crate::error::{Code, Coded, escaped};

/// The key of Go's checksum database, as `cmd/go` has it built in.
const GO_KEY: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
const GO_NAME: &str = "sum.golang.org";
/// Serves the same log where the other is out of reach.
const GO_CHINA_NAME: &str = "sum.golang.google.cn";
/// The signature type of Ed25519.
const ED25519: u8 = 1;
/// Longest key or URL in bytes; a host has at most 253.
const TEXT_LIMIT_BYTES: usize = 1 << 10;

/// Why a text names no log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\": {fault}", escaped(.text))]
pub struct LogKeyError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub fault: LogKeyFault,
}

/// What is wrong with a log's key or place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogKeyFault {
    /// Not `NAME+ID+BASE64`.
    #[error("not the key of a log: expected NAME+ID+BASE64")]
    Syntax,
    /// A name that no key has.
    #[error("not the name of a key")]
    Name,
    /// Another algorithm, or another length than its keys have.
    #[error("not an Ed25519 key")]
    Algorithm,
    /// The id is not that of the key and its name.
    #[error("the key does not match its id")]
    Id,
    /// Not a public key.
    #[error("not a point of the curve")]
    NotAPoint,
    /// A public key under which signatures mean nothing.
    #[error("weak key")]
    Weak,
    /// Not `https://…` or `http://…`.
    #[error("not a URL of a log: expected one like https://sum.golang.org")]
    Url,
    /// More than a key and a URL.
    #[error("expected a key and at most one URL")]
    Fields,
}

impl Coded for LogKeyError {
    fn code(&self) -> Code {
        Code::Usage
    }
}

/// Under whose signature a log's tree heads count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKey {
    name: String,
    id: [u8; 4],
    key: PublicKey,
}

impl LogKey {
    /// The key of Go's checksum database.
    ///
    /// # Errors
    /// Never, as a test shows; without one this could only be written with a panic.
    pub fn sum_golang_org() -> Result<Self, LogKeyError> {
        GO_KEY.parse()
    }

    /// The key's name, which is the log's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn id(&self) -> [u8; 4] {
        self.id
    }

    pub(super) fn verify(&self, text: &[u8], signature: &[u8]) -> Option<Signed> {
        self.key.verify(text, signature)
    }

    fn parse(text: &str) -> Result<Self, LogKeyFault> {
        if text.len() > TEXT_LIMIT_BYTES {
            return Err(LogKeyFault::Syntax);
        }
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(base64)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(LogKeyFault::Syntax);
        };
        if !is_key_name(name) {
            return Err(LogKeyFault::Name);
        }
        let typed = STANDARD.decode(base64).map_err(|_| LogKeyFault::Syntax)?;
        let expected = key_id(name, &typed);
        if id != hex::encode(expected) {
            return Err(LogKeyFault::Id);
        }
        let Some((&ED25519, key)) = typed.split_first() else { return Err(LogKeyFault::Algorithm) };
        let key = key.try_into().map_err(|_| LogKeyFault::Algorithm)?;
        let key = PublicKey::parse(key).map_err(|fault| match fault {
            PublicKeyFault::NotAPoint => LogKeyFault::NotAPoint,
            PublicKeyFault::Weak => LogKeyFault::Weak,
        })?;
        Ok(Self { name: name.to_owned(), id: expected, key })
    }
}

impl FromStr for LogKey {
    type Err = LogKeyError;

    fn from_str(text: &str) -> Result<Self, LogKeyError> {
        Self::parse(text).map_err(|fault| LogKeyError { text: text.to_owned(), fault })
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[ED25519], &self.key.as_bytes()[..]].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), STANDARD.encode(typed))
    }
}

/// The beginning of SHA-256 over the name, a newline, the algorithm and the key.
fn key_id(name: &str, typed: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..]: [u8; 32] =
        Sha256::new().chain_update(name).chain_update("\n").chain_update(typed).finalize().into();
    [a, b, c, d]
}

pub(super) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control())
}

/// The log that is asked: its key, and where it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSource {
    key: LogKey,
    url: Option<String>,
}

impl LogSource {
    /// Go's own log at its own place.
    ///
    /// # Errors
    /// Never, as for [`LogKey::sum_golang_org`].
    pub fn sum_golang_org() -> Result<Self, LogKeyError> {
        Ok(Self { key: LogKey::sum_golang_org()?, url: None })
    }

    /// Under whose signature its tree heads count.
    #[must_use]
    pub fn key(&self) -> &LogKey {
        &self.key
    }

    /// Where it is served, if that was said.
    #[must_use]
    pub fn explicit_url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Where it is served, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone().unwrap_or_else(|| format!("https://{}", self.key.name))
    }
}

/// A choice of `--sumdb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sumdb {
    /// No log is asked.
    Off,
    /// This one.
    Log(Box<LogSource>),
}

impl Sumdb {
    fn parse(text: &str) -> Result<Self, LogKeyFault> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let (key, url) = match text.split_once(' ') {
            None => (text, None),
            Some((_, rest)) if rest.contains(' ') => return Err(LogKeyFault::Fields),
            Some((key, place)) => (key, Some(place_of(place)?)),
        };
        let (key, url) = match key {
            GO_NAME => (LogKey::parse(GO_KEY)?, url),
            GO_CHINA_NAME => (LogKey::parse(GO_KEY)?, url.or_else(|| Some(format!("https://{GO_CHINA_NAME}")))),
            key => (LogKey::parse(key)?, url),
        };
        let source = LogSource { key, url };
        // A name may be any text, and becomes part of a URL where no other is given.
        if source.url.is_none() {
            url_of(&source.url())?;
        }
        Ok(Self::Log(Box::new(source)))
    }
}

impl FromStr for Sumdb {
    type Err = LogKeyError;

    /// Parses `off`, `KEY`, `KEY URL`, or one of the known names in place of a key.
    fn from_str(text: &str) -> Result<Self, LogKeyError> {
        Self::parse(text).map_err(|fault| LogKeyError { text: text.to_owned(), fault })
    }
}

/// A web address, or else a folder, of which whoever reads it knows more.
fn place_of(text: &str) -> Result<String, LogKeyFault> {
    let is_web = text.split_once("://").is_some_and(|(scheme, _)| scheme != "file");
    match text {
        "" => Err(LogKeyFault::Url),
        _ if is_web => url_of(text),
        _ => Ok(text.to_owned()),
    }
}

/// The URL without slashes at its end, if it has a scheme, a host and no more than a path.
fn url_of(text: &str) -> Result<String, LogKeyFault> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(LogKeyFault::Url)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:[]%".contains(c);
    let host = rest.split('/').next().unwrap_or_default();
    let walks = rest.split('/').any(|element| matches!(element, "." | ".."));
    if text.len() > TEXT_LIMIT_BYTES || host.is_empty() || walks || !rest.chars().all(plain) {
        return Err(LogKeyFault::Url);
    }
    Ok(text.trim_end_matches('/').to_owned())
}
