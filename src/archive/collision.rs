//! No two entries may be one file on any system.
//!
//! Paths are compared after NFKC normalisation and full case folding, component by component, with the
//! directories that they imply. So a duplicate, a file where a directory is, `Tmp` beside `tmp`, `ß` beside
//! `ss` and `ﬁ` beside `fi` are all refused, whether or not this machine's file system would tell them apart
//! (node-tar CVE-2026-23950).
//!
//! A component is stored once, under the directory that it is in, as it is spelled and as it is compared. A path
//! may imply 63 directories, and folding may make a component eleven times as long (U+FDFA), so a small archive
//! could ask for much more than it holds. Hence what is stored is paid for from the archive's `EntryBudget`: at
//! most 100,000 entries and implied directories, and 8 MiB of paths as spelled and as compared together.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

use super::limits::EntryBudget;
use super::{ArchiveError, EntryPath};

/// How two entries collide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CollisionFault {
    /// The same path twice.
    #[error("the path occurs twice")]
    Duplicate,
    /// A file and a directory in one place.
    #[error("a file and a directory have the same path")]
    FileAndDirectory,
    /// Equal but for case or normalization.
    #[error("differs from \"{}\" in case or normalization alone", crate::error::escaped(.0))]
    Folded(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
    /// Known only from the paths below it, so that its own entry may still come (go1.19.8 does this).
    Implied,
}

/// Why a path is not taken in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Collision(#[from] CollisionFault),
    #[error(transparent)]
    TooLarge(#[from] ArchiveError),
}

/// The number of a directory among [`Paths::nodes`]; `None` is the one that the archive is unpacked in.
type Parent = Option<u32>;

struct Node {
    parent: Parent,
    spelling: Box<str>,
    kind: Kind,
}

/// The paths seen so far.
#[derive(Default)]
pub(super) struct Paths {
    nodes: Vec<Node>,
    /// The nodes' numbers by where they are and what they are compared by.
    ids: HashMap<(Parent, Box<str>), u32>,
    /// The directory of the entry before, or that entry if it is one, since most often this entry is in it too.
    last_directory: String,
    last_parent: Parent,
}

impl Paths {
    /// Takes in an entry's path, which `budget` has been charged for, and the directories that it implies, which it
    /// has not.
    pub(super) fn insert(
        &mut self,
        path: &EntryPath,
        is_directory: bool,
        budget: &mut EntryBudget,
    ) -> Result<(), Refusal> {
        let (directory, name) = path.split();
        if directory != self.last_directory {
            let mut parent = None;
            for component in directory.split('/').filter(|_| !directory.is_empty()) {
                parent = Some(self.component(parent, component, Kind::Implied, budget)?);
            }
            self.remember(directory, parent);
        }
        let kind = if is_directory { Kind::Directory } else { Kind::File };
        let id = self.component(self.last_parent, name, kind, budget)?;
        if is_directory {
            self.remember(path.as_str(), Some(id));
        }
        Ok(())
    }

    fn remember(&mut self, directory: &str, parent: Parent) {
        directory.clone_into(&mut self.last_directory);
        self.last_parent = parent;
    }

    fn component(
        &mut self,
        mut parent: Parent,
        component: &str,
        kind: Kind,
        budget: &mut EntryBudget,
    ) -> Result<u32, Refusal> {
        let folded = fold(component);
        let Some((through, last)) = folded.rsplit_once('/') else {
            return self.node(parent, component, folded.into(), kind, budget);
        };
        // `℀` is `a/c` to whoever normalises before splitting: a directory, and what is in it.
        for piece in through.split('/') {
            parent = Some(self.node(parent, component, piece.into(), Kind::Implied, budget)?);
        }
        self.node(parent, component, last.into(), kind, budget)
    }

    fn node(
        &mut self,
        parent: Parent,
        spelling: &str,
        folded: Box<str>,
        kind: Kind,
        budget: &mut EntryBudget,
    ) -> Result<u32, Refusal> {
        let folded_bytes = folded.len();
        let vacant = match self.ids.entry((parent, folded)) {
            Occupied(occupied) => {
                let id = *occupied.get();
                self.meet(id, spelling, kind)?;
                return Ok(id);
            }
            Vacant(vacant) => vacant,
        };
        budget.spend_stored(spelling.len() + folded_bytes, kind == Kind::Implied)?;
        // The budget ends long before the numbers do.
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        vacant.insert(id);
        self.nodes.push(Node { parent, spelling: spelling.into(), kind });
        Ok(id)
    }

    /// Checks what is to be where node `id` is already.
    fn meet(&mut self, id: u32, spelling: &str, kind: Kind) -> Result<(), CollisionFault> {
        let Some(known) = usize::try_from(id).ok().and_then(|id| self.nodes.get_mut(id)) else {
            return Err(CollisionFault::Duplicate);
        };
        if *known.spelling != *spelling {
            return Err(CollisionFault::Folded(self.spelling(id)));
        }
        match (known.kind, kind) {
            (Kind::Directory | Kind::Implied, Kind::Implied) => Ok(()),
            (Kind::Implied, Kind::Directory) => {
                known.kind = Kind::Directory;
                Ok(())
            }
            (Kind::File, Kind::File) | (Kind::Directory, Kind::Directory) => Err(CollisionFault::Duplicate),
            _ => Err(CollisionFault::FileAndDirectory),
        }
    }

    /// The whole path of a node, as it was spelled first.
    fn spelling(&self, id: u32) -> String {
        let node = |id: u32| usize::try_from(id).ok().and_then(|id| self.nodes.get(id));
        let up = std::iter::successors(node(id), |below| below.parent.and_then(node));
        let mut components: Vec<&str> = up.map(|node| &*node.spelling).collect();
        components.reverse();
        components.join("/")
    }
}

/// What a component is compared by.
fn fold(component: &str) -> String {
    if component.is_ascii() {
        return component.to_ascii_lowercase();
    }
    // Folding can undo normalization and the other way round, hence twice (Unicode §3.13, D146).
    component.chars().nfd().default_case_fold().nfkd().default_case_fold().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::super::limits::{ENTRIES_LIMIT, PATHS_LIMIT_BYTES};
    use super::*;

    /// Takes in paths as a reader does, directories with a final slash, until one is refused.
    fn insert_into(
        seen: &mut Paths,
        budget: &mut EntryBudget,
        paths: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<(), Refusal> {
        paths.into_iter().try_for_each(|path| {
            let (path, directory) = (path.as_ref(), path.as_ref().strip_suffix('/'));
            budget.spend(path.len())?;
            seen.insert(&EntryPath::parse(directory.unwrap_or(path).as_bytes()).unwrap(), directory.is_some(), budget)
        })
    }

    fn insert_all(paths: &[&str]) -> Result<(), Refusal> {
        insert_into(&mut Paths::default(), &mut EntryBudget::default(), paths)
    }

    fn stored_bytes(paths: &Paths) -> usize {
        let spelled: usize = paths.nodes.iter().map(|node| node.spelling.len()).sum();
        spelled + paths.ids.keys().map(|(_, folded)| folded.len()).sum::<usize>()
    }

    #[test]
    fn colliding_paths_are_refused() {
        let folded = |s: &str| CollisionFault::Folded(s.to_owned());
        for (paths, fault) in [
            (&["a", "a"][..], CollisionFault::Duplicate),
            (&["a/", "a/"], CollisionFault::Duplicate),
            (&["a/x", "a/", "a/"], CollisionFault::Duplicate),
            (&["a", "a/"], CollisionFault::FileAndDirectory),
            (&["a/", "a"], CollisionFault::FileAndDirectory),
            (&["a/x", "a"], CollisionFault::FileAndDirectory),
            (&["a", "a/x"], CollisionFault::FileAndDirectory),
            (&["a", "b", "a/x/y"], CollisionFault::FileAndDirectory),
            (&["Tmp", "tmp"], folded("Tmp")),
            (&["Tmp/x", "tmp/y"], folded("Tmp")),
            (&["a/ß", "a/ss"], folded("a/ß")),
            (&["ﬁ", "fi"], folded("ﬁ")),
            (&["É", "é"], folded("É")),
            (&["Å", "\u{e5}"], folded("Å")),
            (&["K", "k"], folded("K")),
            (&["go/a/Tmp/x", "go/a/y", "go/a/tmp/x"], folded("go/a/Tmp")),
            (&["go/", "go/A/", "go/A/x", "go/a/y"], folded("go/A")),
            (&["go/x/", "go/y", "go/x/", "go/z"], CollisionFault::Duplicate),
            (&["go/x/", "go/x"], CollisionFault::FileAndDirectory),
            (&["a／b", "a/b"], folded("a／b")),
            (&["a/c", "℀"], folded("a")),
        ] {
            assert_eq!(insert_all(paths), Err(fault.into()), "{paths:?}");
        }
    }

    #[test]
    fn their_neighbours_are_accepted() {
        for paths in [
            &["a", "b"][..],
            &["go/VERSION", "go/", "go/x"],
            &["a/x", "b/x", "a/y"],
            &["Tmp", "tmp2"],
            &["a/ß", "b/ss"],
            &["ab", "a/b"],
        ] {
            assert_eq!(insert_all(paths), Ok(()), "{paths:?}");
        }
    }

    #[test]
    fn a_small_archive_cannot_make_much_of_its_paths() {
        // 8,000 paths of 64 components and about 1,000 bytes, no two of which share a directory below go/.
        let hostile = |component: &str, top: &str| {
            let below = vec![component; 62].join("/");
            let top = top.to_owned();
            (0..8_000).map(move |n| format!("go/{top}{n:04}/{below}"))
        };
        let ascii = "a".repeat(15);
        // Each of these characters is 3 bytes as it is spelled and 33 as it is compared.
        let folding = "\u{fdfa}".repeat(5);
        for (paths, limit, accepted_at_least) in [
            (hostile(&ascii, "aaaaaaaaaaa"), ENTRIES_LIMIT, 1_000),
            (hostile(&folding, "\u{fdfa}\u{fdfa}"), PATHS_LIMIT_BYTES, 500),
        ] {
            let (mut seen, mut budget) = (Paths::default(), EntryBudget::default());
            let mut read = 0;
            let end = insert_into(&mut seen, &mut budget, paths.inspect(|_| read += 1));
            assert!(
                matches!(end, Err(Refusal::TooLarge(ArchiveError::TooLarge { limit: told, .. })) if told == limit),
                "{end:?}"
            );
            assert!((accepted_at_least..2_000).contains(&read), "{read}");
            assert!(seen.nodes.len() as u64 <= ENTRIES_LIMIT && seen.nodes.len() == seen.ids.len());
            assert!(stored_bytes(&seen) as u64 <= PATHS_LIMIT_BYTES, "{}", stored_bytes(&seen));
        }
    }

    #[test]
    fn a_tree_three_times_a_releases_is_accepted_and_stored_once() {
        // go1.27.1 has 17,353 entries, 1,714 of them directories, whose paths have 41 bytes on average.
        let files =
            |d: u32| (0..10).map(move |f| format!("go/src/internal/Area{}/package{d}/a_source_file_{f}.go", d % 40));
        let (mut seen, mut budget) = (Paths::default(), EntryBudget::default());
        assert_eq!(insert_into(&mut seen, &mut budget, (0..5_200).flat_map(files)), Ok(()));
        assert_eq!(seen.nodes.len(), 3 + 40 + 5_200 + 52_000);
        // The same directories with entries of their own, which come late, are stored already.
        let before = stored_bytes(&seen);
        let directories = (0..5_200).map(|d| format!("go/src/internal/Area{}/package{d}/", d % 40));
        assert_eq!(insert_into(&mut seen, &mut budget, directories), Ok(()));
        assert_eq!((seen.nodes.len(), stored_bytes(&seen)), (3 + 40 + 5_200 + 52_000, before));
    }
}
