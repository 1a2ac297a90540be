//! Limits on what an archive may expand to; real releases stay far below each of them.

use super::ArchiveError;

/// Most entries, extended headers and directories that are implied but have no entry included; go1.27.1 has 17,353.
pub(super) const ENTRIES_LIMIT: u64 = 100_000;
/// Largest file in bytes; the largest real one has 28 MB.
pub(crate) const FILE_SIZE_LIMIT_BYTES: u64 = 512 << 20;
/// Most bytes of paths that are held in memory: whole ones in the manifest, and components as they are spelled and as
/// they are compared in `collision.rs`; go1.27.1 has 0.7 and 0.5 MB.
pub(super) const PATHS_LIMIT_BYTES: u64 = 8 << 20;
/// Largest decompressed stream in bytes; go1.27.1 has 257 MB.
const STREAM_LIMIT_BYTES: u64 = 2 << 30;
/// From here on the compression ratio counts.
const RATIO_FREE_BYTES: u64 = 64 << 20;
/// Largest ratio of decompressed to compressed bytes; real releases stay below 5.
const RATIO_LIMIT: u64 = 40;

/// Checks what a decompressor has made of its input so far.
pub(super) fn check_expansion(compressed_bytes: u64, decompressed_bytes: u64) -> Result<(), ArchiveError> {
    if decompressed_bytes > STREAM_LIMIT_BYTES {
        return Err(ArchiveError::TooLarge { limit: STREAM_LIMIT_BYTES, unit: "decompressed bytes" });
    }
    if decompressed_bytes > RATIO_FREE_BYTES && decompressed_bytes / RATIO_LIMIT > compressed_bytes {
        return Err(ArchiveError::TooLarge { limit: RATIO_LIMIT, unit: "times its compressed size" });
    }
    Ok(())
}

/// Counts entries and the bytes of their paths, before either is stored.
#[derive(Default)]
pub(super) struct EntryBudget {
    entries: u64,
    path_bytes: u64,
}

impl EntryBudget {
    /// For an entry, and its path in the manifest.
    pub(super) fn spend(&mut self, path_bytes: usize) -> Result<(), ArchiveError> {
        self.count(1, path_bytes)
    }

    /// For a component that is remembered; unless it is implied, an entry has been counted for it.
    pub(super) fn spend_stored(&mut self, bytes: usize, implied: bool) -> Result<(), ArchiveError> {
        self.count(u64::from(implied), bytes)
    }

    fn count(&mut self, entries: u64, path_bytes: usize) -> Result<(), ArchiveError> {
        self.entries += entries;
        self.path_bytes += path_bytes as u64;
        if self.entries > ENTRIES_LIMIT {
            return Err(ArchiveError::TooLarge { limit: ENTRIES_LIMIT, unit: "entries" });
        }
        if self.path_bytes > PATHS_LIMIT_BYTES {
            return Err(ArchiveError::TooLarge { limit: PATHS_LIMIT_BYTES, unit: "bytes of paths" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_told_from_a_release() {
        assert_eq!(check_expansion(70_553_950, 256_690_176), Ok(()));
        assert_eq!(check_expansion(1, RATIO_FREE_BYTES), Ok(()));
        assert_eq!(check_expansion(RATIO_FREE_BYTES / RATIO_LIMIT, RATIO_FREE_BYTES + 1), Ok(()));
        assert!(check_expansion(RATIO_FREE_BYTES / RATIO_LIMIT - 1, RATIO_FREE_BYTES + RATIO_LIMIT).is_err());
        assert_eq!(check_expansion(STREAM_LIMIT_BYTES, STREAM_LIMIT_BYTES), Ok(()));
        assert!(check_expansion(STREAM_LIMIT_BYTES, STREAM_LIMIT_BYTES + 1).is_err());
    }

    #[test]
    fn entries_and_paths_are_counted() {
        let mut budget = EntryBudget::default();
        for _ in 0..ENTRIES_LIMIT {
            assert_eq!(budget.spend(10), Ok(()));
        }
        assert!(budget.spend(0).is_err());
        assert_eq!(
            budget.spend_stored(1, false),
            Err(ArchiveError::TooLarge { limit: ENTRIES_LIMIT, unit: "entries" })
        );
        let too_many = Err(ArchiveError::TooLarge { limit: PATHS_LIMIT_BYTES, unit: "bytes of paths" });
        assert_eq!(EntryBudget::default().spend(8 << 20), Ok(()));
        assert_eq!(EntryBudget::default().spend((8 << 20) + 1), too_many);

        let mut budget = EntryBudget::default();
        for _ in 0..ENTRIES_LIMIT {
            assert_eq!((budget.spend_stored(10, true), budget.spend_stored(10, false)), (Ok(()), Ok(())));
        }
        assert!(budget.spend_stored(0, true).is_err());
        assert!(EntryBudget::default().spend_stored(9 << 20, false).is_err());
    }
}
