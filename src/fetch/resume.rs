//! Partial downloads: the bytes of an archive that arrived before its transfer broke.
//!
//! - `SHA256.partial` holds the bytes, `SHA256.etag` the validator and the URL that they came with, a line each. The
//!   folder is made for the owner alone, and not used where it is another's or others may write to it.
//! - Both are opened without following a link, must be regular files with one name, and the partial is locked; where that fails, the
//!   download goes on without one.
//! - Continued is only under a strong entity tag (RFC 9110 §8.8.3), visible ASCII, at most [`ETAG_SIZE_LIMIT_BYTES`],
//!   from the same URL; without one nothing is kept. The answer must be 206 and continue exactly: see `transfer.rs`.
//! - Kept bytes are a stranger's: nothing here vouches for them, they are read and judged again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// Longest entity tag that is used; real ones have 20 to 70 bytes.
const ETAG_SIZE_LIMIT_BYTES: usize = 256;
/// Longest validator file that is read: a tag and a URL of the length that servers still take.
const VALIDATOR_SIZE_LIMIT_BYTES: u64 = 8 << 10;
/// How many kept bytes are read at once.
const KEPT_CHUNK_BYTES: u64 = 256 << 10;

/// A request to go on where an earlier transfer ended, or will have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Continuation {
    pub(super) offset: u64,
    /// Where to stop; `None` for the end.
    pub(super) end: Option<u64>,
    pub(super) etag: String,
}

/// First byte, last byte and size of `bytes FIRST-LAST/SIZE` (RFC 9110 §14.4).
pub(super) fn content_range(value: &str) -> Option<(u64, u64, u64)> {
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let (unit, rest) = value.trim().split_once(' ')?;
    let (range, size) = rest.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size) = (number(first)?, number(last)?, number(size)?);
    (unit.eq_ignore_ascii_case("bytes") && first <= last && last < size).then_some((first, last, size))
}

/// Whether a tag identifies bytes, rather than a meaning.
pub(super) fn is_strong(etag: &str) -> bool {
    let inner = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    etag.len() <= ETAG_SIZE_LIMIT_BYTES
        && inner.is_some_and(|tag| tag.bytes().all(|b| b.is_ascii_graphic() && b != b'"'))
}

/// A locked partial download.
#[derive(Debug)]
pub(super) struct Partial {
    file: File,
    path: PathBuf,
    validator: PathBuf,
    url: String,
    etag: Option<String>,
    size_bytes: u64,
    /// Whether the bytes are still those of an earlier run, with more behind them perhaps.
    found: bool,
}

impl Partial {
    /// Opens, or makes, the partial download of the archive with this digest; `None` where it cannot be used.
    pub(super) fn open(folder: &Path, sha256: &[u8; 32], url: &str) -> Option<Self> {
        let stem = hex::encode(sha256);
        let (path, validator) = (folder.join(format!("{stem}.partial")), folder.join(format!("{stem}.etag")));
        make_private(folder).ok()?;
        let file = open_no_follow(&path, OpenOptions::new().read(true).write(true).create(true)).ok()?;
        file.try_lock().ok()?;
        let size_bytes = file.metadata().ok()?.len();
        let etag =
            read_validator(&validator).and_then(|(etag, from)| (from == url && is_strong(&etag)).then_some(etag));
        let found = size_bytes > 0 && etag.is_some();
        Some(Self { file, path, validator, url: url.to_owned(), etag, size_bytes, found })
    }

    /// Whether an earlier run left bytes, of which none was dropped since.
    pub(super) fn is_found(&self) -> bool {
        self.found
    }

    /// How to go on, if some of `size` bytes are here and can be identified.
    pub(super) fn continuation(&self, size: u64) -> Option<Continuation> {
        let etag = self.etag.clone()?;
        (self.size_bytes > 0 && self.size_bytes < size).then_some(Continuation {
            offset: self.size_bytes,
            end: None,
            etag,
        })
    }

    /// Drops all bytes; those that follow come with this entity tag.
    pub(super) fn restart(&mut self, etag: Option<&str>) {
        self.etag = None;
        self.size_bytes = 0;
        self.found = false;
        // The old validator goes first: it must never stand beside bytes that it does not belong to.
        let _ = fs::remove_file(&self.validator);
        let Some(etag) = etag.filter(|etag| is_strong(etag)) else {
            let _ = self.file.set_len(0);
            return;
        };
        let written = self.file.set_len(0).and_then(|()| {
            let mut file = open_no_follow(&self.validator, OpenOptions::new().write(true).create_new(true))?;
            write!(file, "{etag}\n{}\n", self.url)
        });
        self.etag = written.is_ok().then(|| etag.to_owned());
    }

    /// Keeps a chunk, unless nothing identifies it. A full disk ends the keeping, not the download.
    pub(super) fn append(&mut self, chunk: &[u8]) {
        if self.etag.is_none() {
            return;
        }
        let written = self.file.seek(SeekFrom::Start(self.size_bytes)).and_then(|_| self.file.write_all(chunk));
        if written.is_ok() {
            self.size_bytes += chunk.len() as u64;
        } else {
            self.restart(None);
        }
    }

    /// The kept bytes from `position` on, some of them and at least one.
    pub(super) fn kept(&mut self, position: u64) -> io::Result<Bytes> {
        self.file.seek(SeekFrom::Start(position))?;
        let mut chunk = Vec::new();
        let rest = self.size_bytes.saturating_sub(position);
        (&self.file).take(rest.min(KEPT_CHUNK_BYTES)).read_to_end(&mut chunk)?;
        if chunk.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(chunk.into()) }
    }

    /// Lets go of it: what can be continued stays if `keep`, all else is removed.
    pub(super) fn close(self, keep: bool) {
        if !keep || self.etag.is_none() || self.size_bytes == 0 {
            let _ = fs::remove_file(&self.validator);
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn read_validator(path: &Path) -> Option<(String, String)> {
    let file = open_no_follow(path, OpenOptions::new().read(true)).ok()?;
    let mut text = String::new();
    file.take(VALIDATOR_SIZE_LIMIT_BYTES).read_to_string(&mut text).ok()?;
    let (etag, url) = text.strip_suffix('\n')?.split_once('\n')?;
    Some((etag.to_owned(), url.to_owned()))
}

pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let metadata = fs::symlink_metadata(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if metadata.uid() != rustix::process::geteuid().as_raw() || metadata.mode() & 0o022 != 0 {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    }
    if metadata.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

pub(super) fn open_no_follow(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // Not to wait for the other end of a FIFO is as important as not to follow a link.
        options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    #[cfg(unix)]
    let alone = std::os::unix::fs::MetadataExt::nlink(&metadata) == 1;
    #[cfg(not(unix))]
    let alone = true;
    if alone && metadata.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_read_strictly() {
        for (value, expected) in [
            ("bytes 5-9/10", Some((5, 9, 10))),
            ("Bytes 0-0/1", Some((0, 0, 1))),
            ("bytes 5-9/*", None),
            ("bytes */10", None),
            ("bytes 5-10/10", None),
            ("bytes 9-5/10", None),
            ("bytes 5-/10", None),
            ("bytes +5-9/10", None),
            ("bytes 5-9", None),
            ("bytes=5-9/10", None),
            ("items 5-9/10", None),
            ("bytes 5-9/10, bytes 5-9/10", None),
            ("bytes 5-9/99999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(content_range(value), expected, "{value:?}");
        }
    }

    #[test]
    fn only_a_strong_tag_identifies_bytes() {
        let longest = format!("\"{}\"", "x".repeat(254));
        let longer = format!("\"{}\"", "x".repeat(255));
        for (etag, expected) in [
            ("\"a-1\"", true),
            ("\"\"", true),
            (&longest, true),
            (&longer, false),
            ("W/\"a-1\"", false),
            ("a-1", false),
            ("\"", false),
            ("\"a\"b\"", false),
            ("\"a\nb\"", false),
            ("\"a b\"", false),
            ("\"\u{e4}\"", false),
            ("", false),
        ] {
            assert_eq!(is_strong(etag), expected, "{etag:?}");
        }
    }

    const URL: &str = "http://a.example/x";

    fn kept(folder: &Path, etag: &str) -> Option<Continuation> {
        let mut partial = Partial::open(folder, &[7; 32], URL).unwrap();
        partial.restart(Some(etag));
        partial.append(b"hello");
        partial.close(true);
        Partial::open(folder, &[7; 32], URL).unwrap().continuation(10)
    }

    #[test]
    fn bytes_are_kept_with_what_identifies_them() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        assert_eq!(kept(&folder, "\"1\""), Some(Continuation { offset: 5, end: None, etag: "\"1\"".to_owned() }));
        let mut partial = Partial::open(&folder, &[7; 32], URL).unwrap();
        assert_eq!(partial.kept(1).unwrap(), "ello");
        assert!(partial.kept(5).is_err());
        assert_eq!(partial.continuation(5), None);
        drop(partial);
        assert_eq!(Partial::open(&folder, &[7; 32], "http://b.example/x").unwrap().continuation(10), None);
        assert_eq!(kept(&folder, "W/\"1\""), None);
    }

    #[test]
    fn what_another_process_holds_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let partial = Partial::open(folder.path(), &[7; 32], URL).unwrap();
        assert!(Partial::open(folder.path(), &[7; 32], URL).is_none());
        assert!(Partial::open(folder.path(), &[8; 32], URL).is_some());
        drop(partial);
        assert!(Partial::open(folder.path(), &[7; 32], URL).is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_partial_folder_is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        kept(&folder, "\"1\"");
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        for entry in fs::read_dir(&folder).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
