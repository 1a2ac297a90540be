//! A failure as the command line reports it: a code, a message, and what to do next.

use goverify::error::{Code, Coded, printable};

/// An error on its way to the user.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure of an input, which the message names first.
    pub(crate) fn of(name: &str, error: &impl Coded) -> Self {
        Self::new(error.code(), format!("{name}: {error}"))
    }

    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let message = printable(&message.into());
        let hint = hint(code, &message).map(str::to_owned);
        Self { code, message, hint }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl<E: Coded> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// The next step that helps most people who meet this code.
fn hint(code: Code, message: &str) -> Option<&'static str> {
    let page = ["HTML", "not a gzip stream", "not a zip archive", "not JSON"].iter().any(|sign| message.contains(sign));
    Some(match code {
        Code::IndexMalformed
        | Code::SignatureMalformed
        | Code::ArchiveMalformed
        | Code::TransportRefused
        | Code::KeyUpdateRefused
            if page =>
        {
            "is a captive portal or a proxy answering with a page of its own? open the location in a browser"
        }
        Code::DigestMismatch | Code::SizeMismatch => {
            "do not use this archive; if another mirror serves other bytes, one of the two was tampered with"
        }
        Code::SignatureBad => "do not use this archive: it is not what was signed",
        Code::SignatureUntrustedKey => {
            "`goverify keys list` shows whose signatures count; --keyring FILE trusts other certificates instead"
        }
        Code::SignatureTime => "is this machine's clock right?",
        Code::SignatureNotPublished => {
            "releases before go1.9 were never signed, and .zip archives never are: for these the transparency log can vouch, \
             online or by a .tlog-proof; --unsigned accepts an archive on its digest alone"
        }
        Code::TransparencyMismatch => "do not use these files: they are not what the log has recorded for the release",
        Code::TransparencyBadProof => "the evidence is wrong or of something else; do not use the files on its account",
        Code::TransparencyFork => {
            "the log has shown two histories, or its memory here was tampered with: keep the evidence, and tell others"
        }
        Code::TransparencyNotLogged => {
            "the log holds releases from go1.21 on; --unsigned accepts an archive on its digest alone"
        }
        Code::NoEvidence => {
            "an audit needs a receipt with a proof of the log, the log itself, or --archive FILE to compare with"
        }
        Code::TreeModified => "`goverify fetch --force` installs the release anew",
        Code::LeakFound => {
            "`go build -trimpath` leaves paths out of file table and debug information, `-ldflags=-w` the latter as a whole"
        }
        Code::LayoutInvalid => "the archive may be genuine and yet another release than its name says",
        Code::LockMismatch => {
            "it is not what the lock file was written for; whoever has made sure that it is genuine all the same removes its \
             entry there, and locks it anew"
        }
        Code::NotLocked => "`goverify fetch --lock FILE` adds to a lock file",
        Code::ReleaseNotFound | Code::PlatformNotFound => "`goverify list [VERSION]` shows what there is",
        Code::Network | Code::TruncatedDownload => {
            "try again later; what has arrived is kept and resumed where the server allows it"
        }
        Code::DestinationExists => "--force replaces it, --to DIR installs elsewhere",
        Code::NoSpace => "free some space: an SDK needs about twice its unpacked size while it is installed",
        Code::Locked => "another goverify works on the same destination",
        _ => return None,
    })
}
