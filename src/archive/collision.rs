//! No two entries may be one file on any system.
//!
//! Paths are compared after NFKC normalisation and full case folding, component by component, with the
//! directories that they imply. So a duplicate, a file where a directory is, `Tmp` beside `tmp`, `ß` beside
//! `ss` and `ﬁ` beside `fi` are all refused, whether or not this machine's file system would tell them apart
//! (node-tar CVE-2026-23950).

use std::collections::HashMap;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

use super::EntryPath;

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

/// The paths seen so far.
#[derive(Default)]
pub(super) struct Paths {
    seen: HashMap<Box<str>, (Box<str>, Kind)>,
    /// The directory of the entry before, which is most often this entry's too.
    last_directory: String,
}

impl Paths {
    pub(super) fn insert(&mut self, path: &EntryPath, is_directory: bool) -> Result<(), CollisionFault> {
        let (directory, _) = path.split();
        if !directory.is_empty() && directory != self.last_directory {
            let ends = directory.match_indices('/').map(|(at, _)| at).chain([directory.len()]);
            for end in ends {
                self.insert_one(directory.get(..end).unwrap_or_default(), Kind::Implied)?;
            }
            directory.clone_into(&mut self.last_directory);
        }
        self.insert_one(path.as_str(), if is_directory { Kind::Directory } else { Kind::File })
    }

    fn insert_one(&mut self, path: &str, kind: Kind) -> Result<(), CollisionFault> {
        let Some((spelling, known)) = self.seen.get_mut(fold(path).as_str()) else {
            self.seen.insert(fold(path).into(), (path.into(), kind));
            return Ok(());
        };
        if **spelling != *path {
            return Err(CollisionFault::Folded(spelling.to_string()));
        }
        match (*known, kind) {
            (Kind::Directory | Kind::Implied, Kind::Implied) => Ok(()),
            (Kind::Implied, Kind::Directory) => {
                *known = Kind::Directory;
                Ok(())
            }
            (Kind::File, Kind::File) | (Kind::Directory, Kind::Directory) => Err(CollisionFault::Duplicate),
            _ => Err(CollisionFault::FileAndDirectory),
        }
    }
}

fn fold(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    // Folding can undo normalization and the other way round, hence twice (Unicode §3.13, D146).
    path.chars().nfd().default_case_fold().nfkd().default_case_fold().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert_all(paths: &[&str]) -> Result<(), CollisionFault> {
        let mut seen = Paths::default();
        paths.iter().try_for_each(|path| {
            let directory = path.strip_suffix('/');
            seen.insert(&EntryPath::parse(directory.unwrap_or(path).as_bytes()).unwrap(), directory.is_some())
        })
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
        ] {
            assert_eq!(insert_all(paths), Err(fault), "{paths:?}");
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
}
