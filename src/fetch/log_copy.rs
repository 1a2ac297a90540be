//! What a mirror needs of a log: answers about releases and the tiles that prove them, as files of the log's own paths.
//!
//! - all answers stand under one tree head, the largest that was seen, which is `latest`. So whoever reads several of
//!   them, be it the `go` command, never needs more than what is here to see that they are of one history;
//! - every answer is proven under that head before it becomes a file; what is copied is what was proven;
//! - tiles are those that the proofs need, each cut to the width that it has in that tree;
//! - the head must be of the history that is remembered on this machine.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use super::{AskError, Heads, LogPlace, is_page};
use crate::error::FileError;
use crate::trust::{NOTE_SIZE_LIMIT_BYTES, SignedTreeHead, Tiles, ToolchainModule};

/// The file that holds a log's tree head.
pub const LATEST: &str = "latest";

/// How many answers are asked for at once.
const LOOKUPS_IN_FLIGHT: usize = 16;

/// Files of a log, by their paths below it.
#[derive(Debug, Default)]
pub struct LogCopy {
    /// The files; empty where the log holds none of the releases.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The releases among those asked for that the log holds.
    pub logged: Vec<ToolchainModule>,
    /// Why the tree head could not be remembered, if so.
    pub forgotten: Option<FileError>,
}

impl LogPlace {
    /// Copies what proves `modules`, as far as the log holds them.
    ///
    /// # Errors
    /// [`AskError`] as for [`LogPlace::ask`].
    pub async fn copy(&self, modules: &[ToolchainModule], heads: Option<&Heads>) -> Result<LogCopy, AskError> {
        let mut lookups = Vec::new();
        for some in modules.chunks(LOOKUPS_IN_FLIGHT) {
            let found = try_join_all(some.iter().map(|module| self.look_up(module))).await?;
            lookups.extend(some.iter().zip(found).filter_map(|(module, lookup)| Some((module, lookup?))));
        }
        let Some(head) = self.largest(lookups.iter().map(|(_, lookup)| lookup.head())).await? else {
            return Ok(LogCopy::default());
        };
        let mut copy = LogCopy::default();
        let mut tiles = Tiles::default();
        for (module, lookup) in &lookups {
            // The head is the largest of all.
            let Some(lookup) = lookup.under(&head) else { continue };
            tiles = self.fetch_all(lookup.tiles(), tiles).await?;
            lookup.prove(&tiles)?;
            copy.files.insert(module.lookup_path(), lookup.text().into_bytes());
            copy.logged.push((*module).clone());
        }
        copy.files.extend(tiles.files().map(|(tile, bytes)| (tile.path(), bytes)));
        copy.files.insert(LATEST.to_owned(), head.note().into());
        if let Some(heads) = heads {
            copy.forgotten = self.compare(&head, heads, tiles).await?;
        }
        Ok(copy)
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
