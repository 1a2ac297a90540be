//! The last tree head that was seen of each log, so that the log cannot tell two machines, or one machine twice, two
//! histories.
//!
//! - one file a log, `sumdb/NAME+ID/latest` in the cache: the signed note itself, which is opened under the log's key
//!   again whenever it is read; the file is not trusted;
//! - a file that is not such a note fails: whoever could damage it could have rolled it back, too;
//! - it is replaced under a lock, and only where it still holds what the new head was proven to continue; if another
//!   process was quicker, the proof is made anew from what that one left. If it went *back*, that fails;
//! - the two notes of a fork are kept beside it, since together they convict the log;
//! - no file, no memory: the first head is believed as it is. Deleting the cache is safe, and forgets; so does a file
//!   that is in the way of its folders.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::AskError;
use crate::error::{Code, Coded, FileError};
use crate::files::{open_regular, read_bounded};
use crate::trust::{LogError, LogKey, NOTE_SIZE_LIMIT_BYTES, SignedTreeHead};

/// Why the memory of a log cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It holds something else than a head that the log has signed.
    #[error("{}: not a tree head that this log has signed ({source}); was it damaged, or exchanged?", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<LogError>,
    },
    /// Somebody set it back while it was in use.
    #[error("{}: was set back from {from} records to {to} while it was in use", .path.display())]
    RolledBack {
        /// The file.
        path: PathBuf,
        /// What it held.
        from: u64,
        /// What it holds.
        to: u64,
    },
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Coded for StateError {
    fn code(&self) -> Code {
        match self {
            Self::Corrupt { .. } | Self::RolledBack { .. } => Code::TransparencyFork,
            Self::File(error) => error.code(),
        }
    }
}

/// What became of a head that was to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Advance {
    /// It is remembered, or a later one is.
    Done,
    /// Another process has remembered this one meanwhile.
    Moved(Box<SignedTreeHead>),
    /// Another process is about to.
    Busy,
}

/// The memory of one log.
#[derive(Clone, Debug)]
pub struct Heads {
    folder: PathBuf,
}

impl Heads {
    /// The memory of the log of `key` in a cache folder, which need not exist.
    #[must_use]
    pub fn of(key: &LogKey, cache: &Path) -> Self {
        let text = key.to_string();
        // The name and the key's id, which both are in it, tell logs apart.
        let name = text.rsplit_once('+').map_or(text.as_str(), |(name, _)| name);
        let plain = |c: char| if c.is_ascii_alphanumeric() || ".-+".contains(c) { c } else { '_' };
        Self { folder: cache.join("sumdb").join(name.chars().map(plain).collect::<String>()) }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("latest")
    }

    /// The head that was remembered last; `None` where none was.
    ///
    /// # Errors
    /// [`StateError`] when there is something and it cannot be read as one.
    pub(super) fn read(&self, key: &LogKey) -> Result<Option<SignedTreeHead>, StateError> {
        let path = self.file();
        let is_absence = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        let file = match open_regular(&path) {
            Err(error) if is_absence(error.source.kind()) && !path.is_symlink() => return Ok(None),
            opened => opened?,
        };
        let note = read_bounded(file, &path, NOTE_SIZE_LIMIT_BYTES as u64)?;
        let opened = SignedTreeHead::open(&note, key);
        opened.map(Some).map_err(|source| StateError::Corrupt { path, source: Box::new(source) })
    }

    /// The error, with the notes of a fork kept as evidence.
    pub(super) fn convict(&self, error: LogError) -> AskError {
        let kept = match &error {
            LogError::Fork { smaller, larger } => self.keep_fork(smaller, larger),
            _ => None,
        };
        AskError::Log { error, kept }
    }

    /// Remembers `latest`, which was proven to continue `seen`, unless something else is remembered by now.
    ///
    /// # Errors
    /// [`StateError`] when what is remembered is no head or an earlier one than `seen`, or cannot be replaced.
    pub(super) fn advance(
        &self,
        key: &LogKey,
        seen: Option<&SignedTreeHead>,
        latest: &SignedTreeHead,
    ) -> Result<Advance, StateError> {
        fs::create_dir_all(&self.folder).map_err(FileError::at(&self.folder, "create"))?;
        let lock = self.folder.join("lock");
        let held = File::options().write(true).create(true).truncate(false).open(&lock);
        let held = held.map_err(FileError::at(&lock, "open"))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Advance::Busy),
            Err(TryLockError::Error(error)) => return Err(FileError::at(&lock, "lock")(error).into()),
        }
        let path = self.file();
        match (self.read(key)?, seen) {
            (Some(now), _) if now == *latest => return Ok(Advance::Done),
            (Some(now), Some(seen)) if now.size() < seen.size() => {
                return Err(StateError::RolledBack { path, from: seen.size(), to: now.size() });
            }
            (Some(now), seen) if Some(&now) != seen => return Ok(Advance::Moved(Box::new(now))),
            // Gone meanwhile, as a cache may be, or as it was.
            _ => {}
        }
        let replaced = tempfile::NamedTempFile::new_in(&self.folder).and_then(|mut new| {
            new.write_all(latest.note().as_bytes())?;
            new.as_file().sync_all()?;
            Ok(new.persist(&path)?)
        });
        replaced.map_err(FileError::at(&path, "write"))?;
        Ok(Advance::Done)
    }

    /// Keeps the notes of a fork; says where, if they could be kept.
    fn keep_fork(&self, one: &SignedTreeHead, other: &SignedTreeHead) -> Option<PathBuf> {
        let digits = |head: &SignedTreeHead| hex::encode(head.root().get(..4).unwrap_or_default());
        let name = format!("fork-{}-{}-{}-{}", one.size(), digits(one), other.size(), digits(other));
        let path = self.folder.join(name);
        let both = format!("{}\n{}", one.note(), other.note());
        fs::create_dir_all(&self.folder).and_then(|()| fs::write(&path, both)).is_ok().then_some(path)
    }
}

#[cfg(test)]
#[path = "../../tests/support/log.rs"]
mod log;

#[cfg(test)]
mod tests {
    use super::log::TestLog;
    use super::*;

    #[test]
    fn l07_memory_that_was_set_back_while_it_was_in_use() {
        let home = tempfile::tempdir().unwrap();
        let log = TestLog::with(30, &[]);
        let key: LogKey = log.key().text().parse().unwrap();
        let head = |size| SignedTreeHead::open(log.head(size).as_bytes(), &key).unwrap();
        let heads = Heads::of(&key, home.path());
        assert_eq!(heads.advance(&key, None, &head(10)).unwrap(), Advance::Done);
        // Another process may go on, and then what it has seen is what has to be continued.
        let now = Advance::Moved(Box::new(head(10)));
        assert_eq!(heads.advance(&key, Some(&head(5)), &head(30)).unwrap(), now);
        let error = heads.advance(&key, Some(&head(20)), &head(30)).unwrap_err();
        assert!(matches!(error, StateError::RolledBack { from: 20, to: 10, .. }), "{error}");
        assert_eq!(error.code(), Code::TransparencyFork);
        assert_eq!(heads.read(&key).unwrap(), Some(head(10)), "and nothing is remembered");
        assert_eq!(heads.advance(&key, Some(&head(10)), &head(30)).unwrap(), Advance::Done);
        assert_eq!(heads.read(&key).unwrap(), Some(head(30)));
    }
}
