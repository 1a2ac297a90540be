//! A mirror that is written to: a folder, or a prefix of an object store's bucket.
//!
//! - A file appears whole or not at all, and is durable when the call returns: a failure, a kill or a power cut leaves
//!   what was there before. In which order files appear is the caller's; the index belongs last.
//! - What is written by several at once, as the index is, is written by [`Deposit::update`] alone: read, merged and
//!   replaced, and nobody's part is lost.
//! - Archives go in through [`Deposit::put_file`], which hashes them once more on the way and completes nothing else
//!   than what was verified.
//! - Names are those of a mirror (`component.rs`): components of letters, digits and `._+-@`, none of which begins
//!   with a dot.
//! - What is read is bounded, and a listing too ([`LISTING_LIMIT`]).
//!
//! It judges nothing: what a deposit holds is a stranger's when it is read again.

mod folder;

use std::fs::File;
use std::path::Path;

use tokio::task::spawn_blocking;

use super::mirror::{Place, as_folder, place, refused};
use super::object::Bucket;
use super::{Access, FetchError, ObjectDeposit};
use crate::events::Watch;
use folder::FolderDeposit;

/// The most files that are listed; a mirror of all releases, with its log, has some tens of thousands.
pub const LISTING_LIMIT: usize = 1 << 20;

/// A mirror that is written to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Deposit {
    /// In a folder, which need not exist yet.
    Folder(FolderDeposit),
    /// In an object store.
    Object(ObjectDeposit),
}

/// A file of a mirror, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposited {
    /// Its path below the mirror, with slashes.
    pub path: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// What tells this content from another one of the same path.
    pub stamp: Stamp,
}

/// What changes whenever a file does: an object store's entity tag, or a folder's times and inode. Two equal stamps of one
/// path stand for the same bytes, as far as the store, or whoever may write to the folder, is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(pub(super) String);

impl Stamp {
    /// As text, to be remembered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deposit {
    /// The deposit at a path, a `file://` or an object store's URL.
    ///
    /// # Errors
    /// [`FetchError::Location`] when it is none that can be written to. Nothing is looked up yet.
    pub fn at(location: &str, access: &Access) -> Result<Self, FetchError> {
        match place(location)? {
            Place::Path(folder) => Ok(Self::Folder(FolderDeposit::at(folder))),
            Place::Object(url) => Ok(Self::Object(ObjectDeposit::at(Bucket::of(&url, access)?, as_folder(url)))),
            Place::Web(_) => Err(refused(location, "nothing can be written there")),
        }
    }

    /// The folder that it is, where it is one: what waits there unnamed is on the same file system.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(deposit) => Some(deposit.root()),
            Self::Object(_) => None,
        }
    }

    /// Where a file of this deposit is, for reports.
    #[must_use]
    pub fn location(&self, path: &str) -> String {
        match self {
            Self::Folder(deposit) => deposit.location(path),
            Self::Object(deposit) => deposit.location(path),
        }
    }

    /// All files below a path, in order of their paths; with an empty one all of the deposit. Where nothing is yet, the
    /// listing is empty. What begins with a dot is not of the mirror.
    ///
    /// # Errors
    /// [`FetchError`] when it cannot be listed, holds more than [`LISTING_LIMIT`] files, or `watch` was cancelled.
    pub async fn list(&self, below: &str, watch: &Watch) -> Result<Vec<Deposited>, FetchError> {
        match self {
            Self::Folder(deposit) => deposit.list(below, watch).await,
            Self::Object(deposit) => deposit.list(below, watch).await,
        }
    }

    /// What is at a path; `None` where nothing is.
    ///
    /// # Errors
    /// [`FetchError`] when that cannot be told.
    pub async fn find(&self, path: &str) -> Result<Option<Deposited>, FetchError> {
        match self {
            Self::Folder(deposit) => deposit.find(path),
            Self::Object(deposit) => deposit.find(path).await,
        }
    }

    /// A small file; `None` where there is none. What is larger than `limit_bytes` comes as its first `limit_bytes + 1`.
    ///
    /// # Errors
    /// [`FetchError`] when it could not be had now.
    pub async fn read(&self, path: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, FetchError> {
        match self {
            Self::Folder(deposit) => deposit.read(path, limit_bytes as u64),
            Self::Object(deposit) => deposit.read(path, limit_bytes as u64).await,
        }
    }

    /// A file of any size, whole, to be read from its first byte; `None` where there is none.
    ///
    /// # Errors
    /// [`FetchError`] when it could not be had now, or `watch` was cancelled before it was.
    pub async fn open(&self, path: &str, watch: &Watch) -> Result<Option<File>, FetchError> {
        match self {
            Self::Folder(deposit) => deposit.open(path),
            Self::Object(deposit) => deposit.open(path, watch).await,
        }
    }

    /// Puts a small file in the place of whatever is there.
    ///
    /// # Errors
    /// [`FetchError`] when it was not put, or `watch` was cancelled before it was.
    pub async fn put(&self, path: &str, content: Vec<u8>, watch: &Watch) -> Result<Deposited, FetchError> {
        match self {
            Self::Folder(deposit) => deposit.put(path, content, watch).await,
            Self::Object(deposit) => deposit.put(path, content, watch).await,
        }
    }

    /// Puts a file of any size, read from its first byte to its end, in the place of whatever is there. `watch` learns how
    /// many bytes are on their way.
    ///
    /// # Errors
    /// [`FetchError::Changed`] when its SHA-256 is not this one; [`FetchError`] when it was not put, or `watch` was
    /// cancelled before it was.
    pub async fn put_file(
        &self,
        path: &str,
        content: File,
        sha256: &[u8; 32],
        watch: &Watch,
    ) -> Result<Deposited, FetchError> {
        match self {
            Self::Folder(deposit) => deposit.put_file(path, content, *sha256, watch).await,
            Self::Object(deposit) => deposit.put_file(path, content, *sha256, watch).await,
        }
    }

    /// Replaces a small file by what `merge` makes of it, where nobody else does so in between; else `merge` is called again
    /// with what is there then. It gets `None` where nothing is, and no more than `limit_bytes + 1`. Nothing is written
    /// where it returns what is there. Returns whether something was written.
    ///
    /// # Errors
    /// [`FetchError::Contended`] when others were faster too often, or for too long; [`FetchError`] when it could not
    /// be read or written, or `watch` was cancelled before it was; whatever `merge` fails with.
    pub async fn update<E: From<FetchError>>(
        &self,
        path: &str,
        limit_bytes: usize,
        watch: &Watch,
        merge: impl FnMut(Option<&[u8]>) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        match self {
            Self::Folder(deposit) => deposit.update(path, limit_bytes as u64, watch, merge).await,
            Self::Object(deposit) => deposit.update(path, limit_bytes as u64, watch, merge).await,
        }
    }

    /// Removes a file. Returns whether there was one.
    ///
    /// # Errors
    /// [`FetchError`] when it could not be removed.
    pub async fn remove(&self, path: &str) -> Result<bool, FetchError> {
        match self {
            Self::Folder(deposit) => deposit.remove(path).await,
            Self::Object(deposit) => deposit.remove(path).await,
        }
    }
}

/// Files are waited for on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(FetchError::Interrupted),
        },
    }
}
