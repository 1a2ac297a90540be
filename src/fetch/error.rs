//! Every way in which bytes can fail to arrive, and which of them are worth another attempt.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::http::Url;
use crate::error::{Code, Coded, FileError, escaped};
use crate::release::ReleaseError;

/// Why an index, an archive or a companion could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Not a place that goverify can read from.
    #[error("\"{}\" is not a mirror: {reason}", escaped(.location))]
    Location {
        /// What was given, without a password.
        location: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not the name of a file that a mirror holds.
    #[error("\"{}\" is not the name of a file in a mirror", escaped(.0))]
    Name(String),
    /// An object store that cannot be asked, since too little is known of it.
    #[error("\"{}\" cannot be used: {reason}", escaped(.location))]
    Store {
        /// The store's URL.
        location: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// An object store would be asked over plain http, without leave.
    #[error(
        "{location}: refused to ask over plain http; AWS_ALLOW_HTTP, GOOGLE_ALLOW_HTTP or AZURE_ALLOW_HTTP=true allows it"
    )]
    Insecure {
        /// What was asked for.
        location: String,
    },
    /// The network was needed, and it was not to be used.
    #[error("{location}: not fetched, since no network may be used")]
    Offline {
        /// What was asked for.
        location: String,
    },
    /// A redirect that is not followed.
    #[error("{from}: redirect to \"{}\" refused: {reason}", escaped(.to))]
    Redirect {
        /// Who redirects.
        from: String,
        /// Where to.
        to: String,
        /// Which rule forbids it.
        reason: &'static str,
    },
    /// The body comes in a coding, so its bytes are not the file's.
    #[error("{location}: expected the bytes as they are, got the coding \"{}\"", escaped(.coding))]
    ContentCoding {
        /// What was asked for.
        location: String,
        /// The coding.
        coding: String,
    },
    /// The transport failed: name resolution, connection, TLS or HTTP itself.
    #[error("{location}: {reason}")]
    Transport {
        /// What was asked for.
        location: String,
        /// The failure and its causes, in the transport's words.
        reason: String,
        /// Whether another attempt may succeed; a bad certificate stays bad.
        transient: bool,
    },
    /// Nothing arrived for too long, or too little.
    #[error("{location}: {wait} after {} s", .limit.as_secs_f32())]
    TimedOut {
        /// What was asked for.
        location: String,
        /// Which patience ended.
        wait: Wait,
        /// How long it was.
        limit: Duration,
    },
    /// The server answered, but not with the file.
    #[error("{location}: HTTP status {status}")]
    Status {
        /// What was asked for.
        location: String,
        /// The status.
        status: u16,
        /// How long the server wishes to be left alone.
        retry_after: Option<Duration>,
    },
    /// The mirror does not have the archive.
    #[error("{location}: the mirror has no such archive")]
    NotPublished {
        /// Where it should be.
        location: String,
    },
    /// A page instead of an archive; a captive portal, most often.
    #[error("{location}: expected an archive, got an HTML page")]
    Html {
        /// What was asked for.
        location: String,
    },
    /// A page instead of the log's answer.
    #[error("{location}: expected an answer of the log, got an HTML page")]
    Page {
        /// What was asked for.
        location: String,
    },
    /// The log does not have a part of its own tree.
    #[error("{location}: the log has no such tile")]
    NoTile {
        /// Where it should be.
        location: String,
    },
    /// The server announces another size than the index.
    #[error("{location}: expected {expected} bytes, the server announces {announced}")]
    AnnouncedSize {
        /// What was asked for.
        location: String,
        /// The index's size, in bytes.
        expected: u64,
        /// The server's, in bytes.
        announced: u64,
    },
    /// The body ended early.
    #[error("{location}: expected {expected} bytes, the transfer ended after {actual}")]
    Truncated {
        /// What was asked for.
        location: String,
        /// The announced size, in bytes.
        expected: u64,
        /// How many arrived.
        actual: u64,
    },
    /// The body goes on past the size of the index.
    #[error("{location}: expected {expected} bytes, the transfer goes on after them")]
    Overlong {
        /// What was asked for.
        location: String,
        /// The index's size, in bytes.
        expected: u64,
    },
    /// The server could not continue where an earlier transfer ended.
    #[error("{location}: the answer does not continue the partial download at byte {offset}")]
    Range {
        /// What was asked for.
        location: String,
        /// Where it should have continued.
        offset: u64,
    },
    /// A folder's archive has another size than the index says.
    #[error("{}: expected {expected} bytes, it has {actual}", .path.display())]
    Size {
        /// The archive.
        path: PathBuf,
        /// The index's size, in bytes.
        expected: u64,
        /// The file's, in bytes.
        actual: u64,
    },
    /// What should be an index is none.
    #[error("{location}: {source}")]
    Index {
        /// Where it came from.
        location: String,
        /// What is wrong with it.
        source: ReleaseError,
    },
    /// Other writers of the same file were faster every time, or took too long.
    #[error("{location}: others are writing to it")]
    Contended {
        /// The file.
        location: String,
    },
    /// What was to be written is not what was verified.
    #[error("{location}: not written, since its bytes changed after they were verified")]
    Changed {
        /// The file.
        location: String,
    },
    /// A file of this machine failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody asked the job to stop.
    #[error("interrupted")]
    Interrupted,
}

/// A patience that can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For the next byte.
    Idle,
    /// For a decent number of bytes.
    Slow,
    /// For the whole job, with all its attempts.
    Overall,
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Idle => "nothing arrived",
            Self::Slow => "too little arrived",
            Self::Overall => "not done",
        })
    }
}

impl FetchError {
    /// The failure of a file without a name, which holds what is, or will be, at a store's URL.
    pub(super) fn spool(url: &Url, error: io::Error) -> Self {
        FileError::at(Path::new(url.as_str()), "hold")(error).into()
    }

    /// Whether the same request may succeed later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Transport { transient, .. } => *transient,
            Self::TimedOut { wait, .. } => *wait != Wait::Overall,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Truncated { .. } | Self::Range { .. } => true,
            _ => false,
        }
    }

    /// Whether the bytes so far are good to be continued: nothing was refused, they only did not all arrive.
    pub(super) fn leaves_partial(&self) -> bool {
        self.is_transient()
            || matches!(self, Self::Transport { .. } | Self::TimedOut { .. } | Self::Offline { .. } | Self::Interrupted)
    }
}

impl Coded for FetchError {
    fn code(&self) -> Code {
        match self {
            Self::Location { .. } | Self::Name(_) | Self::Store { .. } => Code::Usage,
            Self::Insecure { .. } | Self::Offline { .. } | Self::Redirect { .. } | Self::ContentCoding { .. } => {
                Code::TransportRefused
            }
            Self::Transport { .. }
            | Self::TimedOut { .. }
            | Self::Status { .. }
            | Self::Range { .. }
            | Self::Page { .. }
            | Self::NoTile { .. } => Code::Network,
            Self::NotPublished { .. } => Code::ReleaseNotFound,
            Self::Html { .. } => Code::ArchiveMalformed,
            Self::AnnouncedSize { .. } | Self::Truncated { .. } | Self::Overlong { .. } => Code::TruncatedDownload,
            Self::Size { expected, actual, .. } if actual < expected => Code::TruncatedDownload,
            Self::Size { .. } => Code::SizeMismatch,
            Self::Index { source, .. } => source.code(),
            Self::Contended { .. } => Code::Locked,
            Self::Changed { .. } => Code::Io,
            Self::File(error) => error.code(),
            Self::Interrupted => Code::Interrupted,
        }
    }
}
