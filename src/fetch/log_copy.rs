//! What a mirror needs of a log: answers about releases and the tiles that prove them, as files of the log's own paths.
//!
//! - all answers stand under one tree head, the largest that was seen, which is `latest`. So whoever reads several of
//!   them, be it the `go` command, never needs more than what is here to see that they are of one history;
//! - every answer is proven under that head before it becomes a file; what is copied is what was proven;
//! - tiles are those that the proofs need and those above them, each cut to the width that it has in that tree;
//! - the head must be of the history that is remembered on this machine.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::{AskError, Heads, LogPlace, is_page};
use crate::error::FileError;
use crate::trust::{LogError, Lookup, NOTE_SIZE_LIMIT_BYTES, SignedTreeHead, Tiles, ToolchainModule};

/// The file that holds a log's tree head.
pub const LATEST: &str = "latest";
/// How many answers are asked for, and proven, at once; what proves so many is held in memory.
const ANSWERS_AT_ONCE: usize = 16;

/// A copy that is being made.
#[derive(Debug)]
pub struct LogCopy<'a> {
    place: &'a LogPlace,
    head: SignedTreeHead,
    /// What is yet to be proven, under that head.
    lookups: Vec<(ToolchainModule, Lookup)>,
    /// Why the tree head could not be remembered, if so.
    pub forgotten: Option<FileError>,
}

/// Files by their paths below the log, in the order in which they may be published: what proves comes before what it
/// proves.
pub type LogFiles = Vec<(String, Vec<u8>)>;

impl LogPlace {
    /// Begins to copy what proves `modules`, as far as the log holds them; `None` where it holds none.
    ///
    /// # Errors
    /// [`AskError`] as for [`LogPlace::ask`].
    pub async fn copy(
        &self,
        modules: &[ToolchainModule],
        heads: Option<&Heads>,
    ) -> Result<Option<LogCopy<'_>>, AskError> {
        let mut lookups = Vec::new();
        for some in modules.chunks(ANSWERS_AT_ONCE) {
            let found = try_join_all(some.iter().map(|module| self.look_up(module))).await?;
            lookups.extend(some.iter().cloned().zip(found).filter_map(|(module, lookup)| Some((module, lookup?))));
        }
        let Some(head) = self.largest(lookups.iter().map(|(_, lookup)| lookup.head())).await? else { return Ok(None) };
        // The head is the largest of all, so that none is lost.
        let lookups = lookups.into_iter().filter_map(|(module, lookup)| Some((module, lookup.under(&head)?))).collect();
        let forgotten = match heads {
            Some(heads) => self.compare(&head, heads, Tiles::default()).await?,
            None => None,
        };
        Ok(Some(LogCopy { place: self, head, lookups, forgotten }))
    }

    /// The largest of these heads and of the one that the place itself shows; `None` where there are no answers.
    async fn largest<'a>(
        &self,
        heads: impl Iterator<Item = &'a SignedTreeHead>,
    ) -> Result<Option<SignedTreeHead>, AskError> {
        let Some(largest) = heads.max_by_key(|head| head.size()) else { return Ok(None) };
        let shown = self.files.nested(LATEST, NOTE_SIZE_LIMIT_BYTES).await?;
        // Some servers have a page in place of every file that they do not have.
        let shown = shown.filter(|note| !is_page(note));
        let shown = shown.map(|note| SignedTreeHead::open(&note, &self.key)).transpose()?;
        Ok(shown.filter(|shown| shown.size() > largest.size()).or_else(|| Some(largest.clone())))
    }
}

impl LogCopy<'_> {
    /// Proves some of the answers, and returns them with what proves them; `None` once all of them were returned.
    ///
    /// # Errors
    /// [`AskError`] when tiles cannot be had or do not prove the answers.
    pub async fn next(&mut self) -> Result<Option<LogFiles>, AskError> {
        if self.lookups.is_empty() {
            return Ok(None);
        }
        let some: Vec<_> = self.lookups.drain(..self.lookups.len().min(ANSWERS_AT_ONCE)).collect();
        let size = self.head.size();
        let needed: BTreeSet<_> = some.iter().flat_map(|(_, lookup)| lookup.tiles()).collect();
        let mut tiles = self.place.fetch_all(needed.into_iter().collect(), Tiles::default()).await?;
        for (_, lookup) in &some {
            lookup.prove(&tiles)?;
        }
        tiles = self.place.fetch_all(tiles.missing_above(size), tiles).await?;
        tiles.check(size).map_err(LogError::from)?;
        let mut files: LogFiles = tiles.files().map(|(tile, bytes)| (tile.path(), bytes)).collect();
        files.extend(some.iter().map(|(module, lookup)| (module.lookup_path(), lookup.text().into_bytes())));
        Ok(Some(files))
    }

    /// The head that all of it stands under, to be published last.
    #[must_use]
    pub fn latest(&self) -> (String, Vec<u8>) {
        (LATEST.to_owned(), self.head.note().into())
    }
}
