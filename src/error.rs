//! The stable codes of every failure, and the failures of files that several rooms share.
//!
//! Each room has its own error enum; what they have in common is that each of their values maps to
//! one [`Code`], and each code to one exit code. Scripts may rely on both.

use std::io;
use std::path::{Path, PathBuf};

/// A stable, machine-readable reason for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The archive's SHA-256 is not the expected one.
    DigestMismatch,
    /// The archive's size is not the expected one.
    SizeMismatch,
    /// The signature does not match the archive.
    SignatureBad,
    /// The signature file is not one well-formed detached OpenPGP signature.
    SignatureMalformed,
    /// No trusted key made the signature.
    SignatureUntrustedKey,
    /// The signature's time contradicts the release or the clock.
    SignatureTime,
    /// The archive is not laid out like the Go release it should be.
    LayoutInvalid,
    /// The archive breaks the rules of its format.
    ArchiveMalformed,
    /// An entry's path could leave the tree or collide on some system.
    ArchiveUnsafePath,
    /// An entry is of a kind that no Go release holds.
    ArchiveForbiddenEntry,
    /// The archive exceeds a limit.
    ArchiveTooLarge,
    /// The transparency log has another hash for the release.
    TransparencyMismatch,
    /// What should prove that the release is in the transparency log does not.
    TransparencyBadProof,
    /// The transparency log has signed two histories.
    TransparencyFork,
    /// An installed tree is no longer the one that was released.
    TreeModified,
    /// The chain of Go paths is broken, or can be changed by others.
    ChainUnsound,
    /// The lock file names another archive.
    LockMismatch,
    /// New certificates would make the keyring worse.
    KeyUpdateRefused,
    /// A binary holds paths of the machine that built it, and must not.
    LeakFound,
    /// A binary, or what it says of itself, breaks the rules of its format.
    BinaryMalformed,
    /// A part of a binary cannot be read, so that it is not known to hold no paths.
    BinaryUnread,
    /// The file is no Go binary.
    NotAGoBinary,
    /// The index does not list the release.
    ReleaseNotFound,
    /// The lock file does not name the archive.
    NotLocked,
    /// The release has no archive for the platform.
    PlatformNotFound,
    /// No signature exists for the archive.
    SignatureNotPublished,
    /// The transparency log does not know the release.
    TransparencyNotLogged,
    /// There is nothing that an installed tree could be compared with.
    NoEvidence,
    /// The network could not be reached, or gave up.
    Network,
    /// A download ended early or went on too long.
    TruncatedDownload,
    /// The index is not what go.dev/dl serves.
    IndexMalformed,
    /// A transfer that goverify will not make: a redirect to http, a content coding, a network while offline.
    TransportRefused,
    /// The destination holds something already.
    DestinationExists,
    /// The file system is full.
    NoSpace,
    /// The operating system forbids it.
    PermissionDenied,
    /// Another process holds the destination for too long.
    Locked,
    /// Any other failure of this machine.
    Io,
    /// The call makes no sense.
    Usage,
    /// The user pressed Ctrl-C, or SIGINT arrived otherwise.
    Interrupted,
    /// SIGTERM arrived.
    Terminated,
    /// The terminal went away.
    HungUp,
}

impl Code {
    /// What a failed file operation is called.
    #[must_use]
    pub fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::PermissionDenied,
            _ => Self::Io,
        }
    }

    /// The kebab-case word in the JSON report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DigestMismatch => "digest-mismatch",
            Self::SizeMismatch => "size-mismatch",
            Self::SignatureBad => "signature-bad",
            Self::SignatureMalformed => "signature-malformed",
            Self::SignatureUntrustedKey => "signature-untrusted-key",
            Self::SignatureTime => "signature-time",
            Self::LayoutInvalid => "layout-invalid",
            Self::ArchiveMalformed => "archive-malformed",
            Self::ArchiveUnsafePath => "archive-unsafe-path",
            Self::ArchiveForbiddenEntry => "archive-forbidden-entry",
            Self::ArchiveTooLarge => "archive-too-large",
            Self::TransparencyMismatch => "transparency-mismatch",
            Self::TransparencyBadProof => "transparency-bad-proof",
            Self::TransparencyFork => "transparency-fork",
            Self::TreeModified => "tree-modified",
            Self::ChainUnsound => "chain-unsound",
            Self::LockMismatch => "lock-mismatch",
            Self::KeyUpdateRefused => "key-update-refused",
            Self::LeakFound => "leak-found",
            Self::BinaryMalformed => "binary-malformed",
            Self::BinaryUnread => "binary-unread",
            Self::NotAGoBinary => "not-a-go-binary",
            Self::ReleaseNotFound => "release-not-found",
            Self::NotLocked => "not-locked",
            Self::PlatformNotFound => "platform-not-found",
            Self::SignatureNotPublished => "signature-not-published",
            Self::TransparencyNotLogged => "transparency-not-logged",
            Self::NoEvidence => "no-evidence",
            Self::Network => "network",
            Self::TruncatedDownload => "truncated-download",
            Self::IndexMalformed => "index-malformed",
            Self::TransportRefused => "transport-refused",
            Self::DestinationExists => "destination-exists",
            Self::NoSpace => "no-space",
            Self::PermissionDenied => "permission-denied",
            Self::Locked => "locked",
            Self::Io => "io",
            Self::Usage => "usage",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
            Self::HungUp => "hung-up",
        }
    }

    /// The process's exit code: 1 rejected, 2 usage, 3 not found, 4 network, 5 local, 129, 130 and 143 interrupted.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::DigestMismatch
            | Self::SizeMismatch
            | Self::SignatureBad
            | Self::SignatureMalformed
            | Self::SignatureUntrustedKey
            | Self::SignatureTime
            | Self::LayoutInvalid
            | Self::ArchiveMalformed
            | Self::ArchiveUnsafePath
            | Self::ArchiveForbiddenEntry
            | Self::ArchiveTooLarge
            | Self::TransparencyMismatch
            | Self::TransparencyBadProof
            | Self::TransparencyFork
            | Self::TreeModified
            | Self::ChainUnsound
            | Self::LockMismatch
            | Self::KeyUpdateRefused
            | Self::LeakFound
            | Self::BinaryMalformed
            | Self::BinaryUnread => 1,
            Self::Usage => 2,
            Self::ReleaseNotFound
            | Self::NotAGoBinary
            | Self::NotLocked
            | Self::PlatformNotFound
            | Self::SignatureNotPublished
            | Self::TransparencyNotLogged
            | Self::NoEvidence => 3,
            Self::Network | Self::TruncatedDownload | Self::IndexMalformed | Self::TransportRefused => 4,
            Self::DestinationExists | Self::NoSpace | Self::PermissionDenied | Self::Locked | Self::Io => 5,
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::HungUp => 129,
        }
    }

    /// Whether the bytes were judged and found wrong, as opposed to a job that could not be done.
    #[must_use]
    pub fn is_rejection(self) -> bool {
        self.exit_code() == 1
    }
}

/// An error that has a stable code.
pub trait Coded: std::error::Error {
    /// The reason, for scripts.
    fn code(&self) -> Code;
}

/// A file operation that failed: which file, what was tried, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {verb}: {source}", .path.display())]
pub struct FileError {
    /// The file or directory.
    pub path: PathBuf,
    /// What was tried, as a verb: `open`, `create`, `rename`.
    pub verb: &'static str,
    /// What the operating system said.
    pub source: io::Error,
}

impl FileError {
    /// Returns a function for `map_err` that names the file and the verb.
    pub fn at(path: &Path, verb: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { path: path.to_owned(), verb, source }
    }
}

impl Coded for FileError {
    fn code(&self) -> Code {
        Code::of_io(&self.source)
    }
}

/// Text from a stranger, made safe to print: control characters, quotes' escapes and non-ASCII are escaped.
#[must_use]
pub fn escaped(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_default).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Text that may name files of a stranger's folder: what could move a terminal's cursor or turn the order of its
/// words round is escaped, and nothing else, so that ordinary paths stay readable.
#[must_use]
pub fn printable(text: &str) -> String {
    // Unicode's bidirectional controls (UAX #9 §2).
    let turns =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_contradicts_is_a_rejection_and_one_that_does_not_know_is_not() {
        for (code, exit, rejection) in [
            (Code::TransparencyMismatch, 1, true),
            (Code::TransparencyBadProof, 1, true),
            (Code::TransparencyFork, 1, true),
            (Code::TreeModified, 1, true),
            (Code::LockMismatch, 1, true),
            (Code::KeyUpdateRefused, 1, true),
            (Code::TransparencyNotLogged, 3, false),
            (Code::NoEvidence, 3, false),
            (Code::NotLocked, 3, false),
        ] {
            assert_eq!((code.exit_code(), code.is_rejection()), (exit, rejection), "{}", code.as_str());
        }
    }

    #[test]
    fn a_full_disk_has_a_code_of_its_own() {
        let error = FileError::at(Path::new("x"), "write")(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.code(), Code::NoSpace);
        let error = FileError::at(Path::new("x"), "write")(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(error.code(), Code::Io);
    }

    #[test]
    fn terminal_escapes_are_never_printed_raw() {
        assert_eq!(escaped("a\u{1b}[2J\u{202e}"), "a\\u{1b}[2J\\u{202e}");
        assert_eq!(escaped(&"x".repeat(300)).chars().count(), 201);
        assert_eq!(printable("é/a\u{1b}[2J\n\u{202e}"), "é/a\\u{1b}[2J\\n\\u{202e}");
    }
}
