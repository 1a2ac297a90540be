//! What an earlier check has seen of a mirror, so that a later one need not read again what has not changed.
//!
//! - one file a mirror, `mirrors/DIGEST.json` in the cache, in a folder that is the owner's alone, as partial downloads
//!   are (`resume.rs`); whoever may write there could replace this program as well;
//! - it is of one location and of what was trusted when it was made: where either differs, nothing was seen;
//! - of an archive it has one digest, over everything that makes its verdict: what the index says, and the size and the
//!   stamp of each of its files. Only what was found good is remembered;
//! - a file that cannot be read as one is no memory. Deleting it is safe, and costs a check of everything.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::resume::{make_private, open_no_follow};
use crate::error::FileError;

/// Largest memory that is read: that of 3,000 archives has 0.6 MB.
const MEMORY_SIZE_LIMIT_BYTES: u64 = 16 << 20;

/// What was seen of one archive, and found good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Of everything that makes its verdict, in hex.
    pub digest: String,
    /// What its authenticity rests on.
    pub trust: String,
    /// The log's hash of it, where the mirror has evidence of the log.
    pub h1: Option<String>,
}

/// The memory of one mirror.
#[derive(Debug)]
pub struct MirrorMemory {
    path: PathBuf,
    stored: Stored,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// What was trusted.
    context: String,
    /// The state of the copy of the log.
    log: String,
    archives: BTreeMap<String, Seen>,
}

impl MirrorMemory {
    /// What was seen at `location`, under the same trust.
    #[must_use]
    pub fn of(location: &str, context: &str, cache: &Path) -> Self {
        let digest = hex::encode(Sha256::digest(location));
        let path = cache.join("mirrors").join(format!("{digest}.json"));
        let stored = read(&path).filter(|stored| stored.context == context);
        let stored = stored.unwrap_or_else(|| Stored { context: context.to_owned(), ..Stored::default() });
        Self { path, stored }
    }

    /// What was seen of an archive, if all that makes its verdict has this digest still.
    #[must_use]
    pub fn recall(&self, name: &str, digest: &str) -> Option<&Seen> {
        self.stored.archives.get(name).filter(|seen| seen.digest == digest)
    }

    /// Whether the copy of the log was in this state.
    #[must_use]
    pub fn has_log(&self, state: &str) -> bool {
        self.stored.log == state
    }

    /// Replaces everything that was seen; what is the same already is not written again.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be written; then the next check reads everything.
    pub fn replace(&mut self, log: String, archives: BTreeMap<String, Seen>) -> Result<(), FileError> {
        if (&self.stored.log, &self.stored.archives) == (&log, &archives) {
            return Ok(());
        }
        self.stored.log = log;
        self.stored.archives = archives;
        let folder = self.path.parent().unwrap_or(&self.path);
        make_private(folder).map_err(FileError::at(folder, "keep a memory in"))?;
        let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut new| {
            new.write_all(&serde_json::to_vec(&self.stored)?)?;
            Ok(new.persist(&self.path)?)
        });
        written.map(|_| ()).map_err(FileError::at(&self.path, "write"))
    }
}

fn read(path: &Path) -> Option<Stored> {
    make_private(path.parent()?).ok()?;
    let file = open_no_follow(path, OpenOptions::new().read(true)).ok()?;
    let mut text = Vec::new();
    file.take(MEMORY_SIZE_LIMIT_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(digest: &str) -> Seen {
        Seen { digest: digest.to_owned(), trust: "signature".to_owned(), h1: None }
    }

    #[test]
    fn what_was_seen_is_of_one_place_one_trust_and_one_content() {
        let cache = tempfile::tempdir().unwrap();
        let mut memory = MirrorMemory::of("/srv/go", "google", cache.path());
        assert_eq!(memory.recall("a", "1"), None);
        memory.replace("log".to_owned(), [("a".to_owned(), seen("1"))].into()).unwrap();
        let again = |location, context| MirrorMemory::of(location, context, cache.path());
        assert_eq!(again("/srv/go", "google").recall("a", "1"), Some(&seen("1")));
        assert!(again("/srv/go", "google").has_log("log") && !again("/srv/go", "google").has_log("other"));
        assert_eq!(again("/srv/go", "google").recall("a", "2"), None);
        assert_eq!(again("/srv/go", "google").recall("b", "1"), None);
        assert_eq!(again("/srv/go", "another").recall("a", "1"), None);
        assert_eq!(again("/srv/go2", "google").recall("a", "1"), None);
    }

    #[test]
    fn a_memory_that_is_damaged_or_a_link_is_none() {
        let cache = tempfile::tempdir().unwrap();
        let mut memory = MirrorMemory::of("x", "c", cache.path());
        memory.replace(String::new(), [("a".to_owned(), seen("1"))].into()).unwrap();
        let path = memory.path.clone();
        let text = std::fs::read_to_string(&path).unwrap();
        let recalled = || MirrorMemory::of("x", "c", cache.path()).recall("a", "1").cloned();
        assert_eq!(recalled(), Some(seen("1")));
        std::fs::write(&path, text.replace("trust", "trusT")).unwrap();
        assert_eq!(recalled(), None);
        std::fs::write(&path, &text).unwrap();
        assert_eq!(recalled(), Some(seen("1")));
        #[cfg(unix)]
        {
            let elsewhere = cache.path().join("elsewhere");
            std::fs::rename(&path, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
            assert_eq!(recalled(), None);
        }
    }
}
