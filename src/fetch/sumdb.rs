//! Asking the transparency log for a release, wherever the log is served.
//!
//! - A place has the log's own paths below it: `lookup/…` and `tile/…`. That is the log itself, a module proxy's
//!   `sumdb/NAME`, or a folder.
//! - One round trip for the record, one for all tiles at once: which are needed follows from the tree's size. A partial
//!   tile that is gone is taken out of the full one (C2SP tlog-tiles).
//! - The record's tree head and the remembered one must be of one history, whichever is larger, before the answer
//!   counts; only then is the larger remembered.
//! - 404 and 410 for the record mean that the log does not hold the release. For a tile they mean nothing but that the
//!   place is incomplete.
//!
//! It does not judge anything: [`crate::trust`] does.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::heads::Advance;
use super::{Access, FetchError, Heads, Mirror, StateError};
use crate::error::{Code, Coded, FileError};
use crate::trust::{
    LOOKUP_SIZE_LIMIT_BYTES, LogAnswer, LogError, LogKey, Lookup, SignedTreeHead, Tile, Tiles, ToolchainModule,
    check_growth,
};

/// How often another process may be quicker to remember a head.
const ADVANCE_TRIES: usize = 64;
/// The pause while another process remembers one, which takes it a moment.
const ADVANCE_PAUSE: Duration = Duration::from_millis(25);

/// Where a log is served.
#[derive(Debug)]
pub struct LogPlace {
    pub(super) key: LogKey,
    pub(super) files: Mirror,
}

/// What came of asking.
#[derive(Debug)]
pub enum Asked {
    /// The log holds the release.
    Answer {
        /// What it holds, proven.
        answer: Box<LogAnswer>,
        /// Why the tree head could not be remembered, if so.
        forgotten: Option<FileError>,
    },
    /// It does not.
    NotLogged,
}

/// Why there is no answer that could be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// What came is wrong.
    #[error("{error}{}", .kept.as_ref().map(|path| format!("; both notes are in {}", path.display())).unwrap_or_default())]
    Log {
        /// In which way.
        error: LogError,
        /// Where the evidence of a fork is kept.
        kept: Option<PathBuf>,
    },
    /// Nothing came.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The log's history so far cannot be told.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<LogError> for AskError {
    fn from(error: LogError) -> Self {
        Self::Log { error, kept: None }
    }
}

impl Coded for AskError {
    fn code(&self) -> Code {
        match self {
            Self::Log { error, .. } => error.code(),
            Self::Fetch(error) => error.code(),
            Self::State(error) => error.code(),
        }
    }
}

impl LogPlace {
    /// The log of `key` at a URL or path.
    ///
    /// # Errors
    /// [`FetchError::Location`], as for [`Mirror::at`].
    pub fn at(location: &str, key: &LogKey, access: &Access) -> Result<Self, FetchError> {
        Ok(Self { key: key.clone(), files: Mirror::of_log(location, access)? })
    }

    /// The copy of the log that a mirror may hold, at `sumdb/NAME`.
    ///
    /// # Errors
    /// [`FetchError::Name`] when no mirror can hold a log of this name.
    pub fn in_mirror(mirror: &Mirror, key: &LogKey, access: &Access) -> Result<Self, FetchError> {
        Ok(Self { key: key.clone(), files: mirror.below(&format!("sumdb/{}", key.name()), access)? })
    }

    /// Asks for `module`. With `heads`, the memory of the log, the answer must be of the history that is known.
    ///
    /// # Errors
    /// [`AskError`] when nothing came, or what came is wrong, or of another history.
    pub async fn ask(&self, module: &ToolchainModule, heads: Option<&Heads>) -> Result<Asked, AskError> {
        let Some(lookup) = self.look_up(module).await? else { return Ok(Asked::NotLogged) };
        let tiles = self.fetch_all(lookup.tiles(), Tiles::default()).await?;
        let answer = Box::new(lookup.prove(&tiles)?);
        let forgotten = match heads {
            Some(heads) => self.compare(lookup.head(), heads, tiles).await?,
            None => None,
        };
        Ok(Asked::Answer { answer, forgotten })
    }

    /// What the log answers about `module`, of which nothing is proven yet; `None` where it does not hold it.
    pub(super) async fn look_up(&self, module: &ToolchainModule) -> Result<Option<Lookup>, AskError> {
        let path = module.lookup_path();
        let Some(bytes) = self.files.nested(&path, LOOKUP_SIZE_LIMIT_BYTES).await? else { return Ok(None) };
        if is_page(&bytes) {
            return Err(FetchError::Page { location: self.files.location(&path) }.into());
        }
        Ok(Some(Lookup::parse(&bytes, module, &self.key)?))
    }

    /// Compares a head that came by another way with the remembered one, by tiles of this place, and remembers the
    /// larger. Returns why it could not be remembered, if so.
    ///
    /// # Errors
    /// [`AskError`] when the tiles cannot be had, or the two are of different histories.
    pub async fn accept(&self, head: &SignedTreeHead, heads: &Heads) -> Result<Option<FileError>, AskError> {
        self.compare(head, heads, Tiles::default()).await
    }

    /// Compares a head with the remembered one, and remembers the larger.
    pub(super) async fn compare(
        &self,
        head: &SignedTreeHead,
        heads: &Heads,
        mut tiles: Tiles,
    ) -> Result<Option<FileError>, AskError> {
        let mut seen = heads.read(&self.key)?;
        for _ in 0..ADVANCE_TRIES {
            let latest = match &seen {
                None => head.clone(),
                Some(seen) => {
                    let growth = check_growth(seen, head).map_err(|error| heads.convict(error))?;
                    tiles = self.fetch_all(growth.tiles(), tiles).await?;
                    growth.prove(&tiles).map_err(|error| heads.convict(error))?.latest().clone()
                }
            };
            match heads.advance(&self.key, seen.as_ref(), &latest) {
                Ok(Advance::Done) => return Ok(None),
                Ok(Advance::Moved(now)) => seen = Some(*now),
                Ok(Advance::Busy) => tokio::time::sleep(ADVANCE_PAUSE).await,
                // A memory that cannot be written contradicts nobody.
                Err(StateError::File(error)) => return Ok(Some(error)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(FileError::at(&heads.file(), "replace")(io::ErrorKind::WouldBlock.into())))
    }

    /// Adds to `tiles` those of `needed` that are not in it.
    pub(super) async fn fetch_all(&self, needed: Vec<Tile>, mut tiles: Tiles) -> Result<Tiles, AskError> {
        let missing = needed.into_iter().filter(|tile| !tiles.contains(tile));
        let fetched = try_join_all(missing.map(|tile| self.fetch(tile))).await?;
        for (tile, bytes) in fetched {
            tiles.insert(tile, &bytes).map_err(LogError::from)?;
        }
        Ok(tiles)
    }

    async fn fetch(&self, tile: Tile) -> Result<(Tile, Vec<u8>), FetchError> {
        let limit_bytes = tile.full().size_bytes();
        let whole = |bytes: &Vec<u8>| bytes.len() == tile.size_bytes() || bytes.len() == limit_bytes;
        for path in [tile.path(), tile.full().path()] {
            match self.files.nested(&path, limit_bytes).await? {
                // Hashes may begin with any byte, but not be of any length.
                Some(bytes) if !whole(&bytes) && is_page(&bytes) => {
                    return Err(FetchError::Page { location: self.files.location(&path) });
                }
                Some(bytes) => return Ok((tile, bytes)),
                None if tile.is_partial() => {}
                None => break,
            }
        }
        Err(FetchError::NoTile { location: self.files.location(&tile.path()) })
    }
}

/// Whether this is a web page: some servers have one in place of every file that they do not have.
#[must_use]
pub fn is_page(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"<")
}
