//! A mirror in a folder: `index.json`, archives and companions, flat.
//!
//! Links are followed, since whoever made the folder may have arranged it so; but what is opened must be a regular
//! file. It is opened once, and its size is compared with the index before a byte is read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Take};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use super::{FetchError, component};
use crate::error::FileError;
use crate::events::{Event, Watch};
use crate::files::{open_regular, read_bounded};
use crate::release::{INDEX_SIZE_LIMIT_BYTES, ReleaseFile, ReleaseIndex};

/// How much is read at once.
const READ_BUFFER_BYTES: usize = 256 << 10;
/// How much is read between two events.
const EVENT_BYTES: u64 = 64 << 10;

/// A mirror that is a folder.
#[derive(Clone, Debug)]
pub struct FolderMirror {
    folder: PathBuf,
}

impl FolderMirror {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn index(&self) -> Result<ReleaseIndex, FetchError> {
        index_file(&self.folder.join("index.json"))
    }

    pub(super) fn companion(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FetchError> {
        self.nested(component::component(name)?, limit_bytes)
    }

    /// The folder at `path` below this one.
    pub(super) fn below(&self, path: &str) -> Result<Self, FetchError> {
        Ok(Self { folder: self.folder.join(component::path(path)?) })
    }

    /// A small file at a path below the folder.
    pub(super) fn nested(&self, path: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FetchError> {
        let path = self.folder.join(component::path(path)?);
        match open_regular(&path) {
            // A link that leads nowhere, and a folder that is not there, cannot be read, which is not to say that
            // nothing was ever published.
            Err(error)
                if error.source.kind() == io::ErrorKind::NotFound && !path.is_symlink() && self.folder.is_dir() =>
            {
                Ok(None)
            }
            opened => Ok(Some(read_bounded(opened?, &path, limit_bytes)?)),
        }
    }

    pub(super) fn location(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    pub(super) async fn download<T, F>(&self, file: &ReleaseFile, watch: &Watch, consume: F) -> Result<T, FetchError>
    where
        F: Fn(&mut dyn BufRead) -> T + Send + 'static,
        T: Send + 'static,
    {
        let name = file.name().to_string();
        let path = self.folder.join(&name);
        let opened = match open_regular(&path) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => {
                return Err(FetchError::NotPublished { location: self.location(&name) });
            }
            opened => opened?,
        };
        let expected = file.size_bytes();
        let actual = opened.metadata().map_err(FileError::at(&path, "examine"))?.len();
        if actual != expected {
            return Err(FetchError::Size { path, expected, actual });
        }
        watch.tell(Event::Receiving { name, size_bytes: Some(expected) });
        let inner = BufReader::with_capacity(READ_BUFFER_BYTES, opened.take(expected.saturating_add(1)));
        let mut reader = Watched { inner, watch: watch.clone(), bytes: 0, told: 0 };
        let consumed = spawn_blocking(move || consume(&mut reader)).await;
        match consumed {
            Ok(_) if watch.is_cancelled() => Err(FetchError::Interrupted),
            Ok(value) => Ok(value),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(FetchError::Interrupted),
            },
        }
    }
}

/// Reads an index from a file of its own.
pub(super) fn index_file(path: &Path) -> Result<ReleaseIndex, FetchError> {
    let bytes = read_bounded(open_regular(path)?, path, INDEX_SIZE_LIMIT_BYTES)?;
    ReleaseIndex::parse(&bytes).map_err(|source| FetchError::Index { location: path.display().to_string(), source })
}

/// A file that tells how far it was read, and that can be stopped.
struct Watched {
    inner: BufReader<Take<File>>,
    watch: Watch,
    bytes: u64,
    told: u64,
}

impl BufRead for Watched {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.watch.is_cancelled() {
            // Not `Interrupted`, which readers take as an invitation to go on.
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "interrupted"));
        }
        let buffer = self.inner.fill_buf()?;
        if self.bytes - self.told >= EVENT_BYTES || (buffer.is_empty() && self.bytes > self.told) {
            self.told = self.bytes;
            self.watch.tell(Event::Received { bytes: self.bytes });
        }
        Ok(buffer)
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
        self.bytes += count as u64;
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
