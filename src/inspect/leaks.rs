//! The absolute paths that a binary holds, where each was found, and the root that it belongs to.

use std::collections::BTreeMap;

use super::paths::{Known, RootKind, home, is_absolute, is_plain, is_telling, mentioned, within};
use super::text::Run;

/// Most bytes of distinct paths that are kept, with what each takes besides; a program of 15,000 files has 3 MB.
const PATHS_LIMIT_BYTES: usize = 32 << 20;
const PATH_COST_BYTES: usize = 128;
/// Most parts of a binary that are kept of one path; there are not as many names of sections, and of flags.
const PARTS_LIMIT: usize = 64;
/// Most roots that the rest of a file is searched for.
const ROOTS_LIMIT: usize = 64;

/// The part of a binary that a path was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The build info's list of modules.
    BuildInfo,
    /// A setting in the build info, a flag or a variable.
    Flag,
    /// What `runtime.GOROOT` says.
    Goroot,
    /// The names of source files for tracebacks.
    FileTable,
    /// Debug information.
    Dwarf,
    /// Any other string.
    Data,
}

impl Source {
    /// The word in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuildInfo => "build-info",
            Self::Flag => "flag",
            Self::Goroot => "goroot",
            Self::FileTable => "file-table",
            Self::Dwarf => "dwarf",
            Self::Data => "data",
        }
    }
}

/// Where a path was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// The part of the binary.
    pub source: Source,
    /// The setting's key, or the section.
    pub detail: Option<String>,
    /// The first place in the file, in bytes; of a compressed section, where that begins.
    pub offset: u64,
    /// The first place in what a compressed section holds, in bytes.
    pub inside: Option<u64>,
    /// How often it is there.
    pub times: u64,
}

/// A path, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakedPath {
    /// The path.
    pub path: String,
    /// Each part of the binary that it is in.
    pub found: Vec<Occurrence>,
}

/// The paths of one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakGroup {
    /// What the root is.
    pub kind: RootKind,
    /// The root itself.
    pub root: String,
    /// What is in it, sorted.
    pub paths: Vec<LeakedPath>,
}

/// Where something was found that may be a path.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    pub(super) source: Source,
    pub(super) detail: Option<&'a str>,
    pub(super) offset: u64,
    pub(super) inside: Option<u64>,
}

impl Spot<'_> {
    /// A place so many bytes further on.
    pub(super) fn further(self, bytes: usize) -> Self {
        let add = |offset: u64| offset.saturating_add(bytes as u64);
        match self.inside {
            Some(inside) => Self { inside: Some(add(inside)), ..self },
            None => Self { offset: add(self.offset), ..self },
        }
    }
}

/// Gathers paths.
#[derive(Default)]
pub(super) struct Leaks {
    found: BTreeMap<String, Vec<Occurrence>>,
    bytes: usize,
    known: Known,
    /// Whether there were more than are kept.
    pub(super) is_cut: bool,
}

impl Leaks {
    /// What is a path as a whole, if it is absolute.
    pub(super) fn whole(&mut self, path: &str, spot: Spot<'_>) {
        if is_absolute(path) {
            self.known.learn(path);
            self.add(path, spot);
        }
    }

    /// The paths that a text mentions.
    pub(super) fn mentioned(&mut self, text: &str, spot: Spot<'_>) {
        for (at, path) in mentioned(text) {
            self.add(path, spot.further(at));
        }
    }

    /// A run of debug information: a path as a whole, or a text that mentions home folders. Where strings are `rare` among
    /// numbers, a NUL has to stand before a path, too.
    pub(super) fn debug(&mut self, run: &Run<'_>, spot: Spot<'_>, rare: bool) {
        if run.is_ended && (run.is_whole || !rare) && is_plain(run.text) {
            self.known.learn(run.text);
            return self.add(run.text, spot);
        }
        self.searched(run, spot, |path| run.is_whole && home(path).is_some());
    }

    /// A run of anything else: what is in a root of these, and home folders in what stands between two NULs.
    pub(super) fn data(&mut self, run: &Run<'_>, spot: Spot<'_>, roots: &[String]) {
        if run.is_whole && self.known.goroot.as_deref() == Some(run.text) {
            return self.add(run.text, Spot { source: Source::Goroot, ..spot });
        }
        let telling = |path: &str| roots.iter().any(|root| within(path, root));
        self.searched(run, spot, |path| telling(path) || run.is_whole && home(path).is_some());
    }

    fn searched(&mut self, run: &Run<'_>, spot: Spot<'_>, wanted: impl Fn(&str) -> bool) {
        for (at, path) in mentioned(run.text) {
            if at < run.fresh_bytes && wanted(path) {
                self.add(path, spot.further(at));
            }
        }
    }

    fn add(&mut self, path: &str, spot: Spot<'_>) {
        if !self.found.contains_key(path) {
            let bytes = self.bytes.saturating_add(path.len()).saturating_add(PATH_COST_BYTES);
            if bytes > PATHS_LIMIT_BYTES {
                self.is_cut = true;
                return;
            }
            self.bytes = bytes;
        }
        let found = self.found.entry(path.to_owned()).or_default();
        let is_full = found.len() >= PARTS_LIMIT;
        let same = found.iter_mut().find(|known| (known.source, known.detail.as_deref()) == (spot.source, spot.detail));
        match same {
            Some(known) => known.times = known.times.saturating_add(1),
            None if is_full => self.is_cut = true,
            None => found.push(Occurrence {
                source: spot.source,
                detail: spot.detail.map(str::to_owned),
                offset: spot.offset,
                inside: spot.inside,
                times: 1,
            }),
        }
    }

    /// Whether the table of files held an absolute path.
    pub(super) fn has_absolute_files(&self) -> bool {
        self.found.values().flatten().any(|known| known.source == Source::FileTable)
    }

    /// The roots of all paths so far that are telling enough to be looked for elsewhere.
    pub(super) fn roots(&self) -> Vec<String> {
        let roots = self.found.keys().map(|path| self.known.root(path)).filter(|(kind, root)| is_telling(*kind, root));
        let mut roots: Vec<String> = roots.map(|(_, root)| root.to_owned()).collect();
        roots.dedup();
        roots.truncate(ROOTS_LIMIT);
        roots
    }

    /// All paths, by their roots.
    pub(super) fn groups(self) -> Vec<LeakGroup> {
        let mut groups: BTreeMap<(RootKind, String), Vec<LeakedPath>> = BTreeMap::new();
        for (path, mut found) in self.found {
            found.sort();
            let (kind, root) = self.known.root(&path);
            groups.entry((kind, root.to_owned())).or_default().push(LeakedPath { path, found });
        }
        groups.into_iter().map(|((kind, root), paths)| LeakGroup { kind, root, paths }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_paths_and_of_their_places_has_a_limit() {
        let spot = Spot { source: Source::FileTable, detail: None, offset: 0, inside: None };
        let mut leaks = Leaks { bytes: PATHS_LIMIT_BYTES - 2 * (PATH_COST_BYTES + 4), ..Leaks::default() };
        for path in ["/a/1", "/a/2", "/a/1"] {
            leaks.whole(path, spot);
        }
        assert!(!leaks.is_cut);
        leaks.whole("/a/3", spot);
        assert!(leaks.is_cut);
        assert_eq!(leaks.groups().iter().map(|group| group.paths.len()).sum::<usize>(), 2);

        let mut leaks = Leaks::default();
        let sections: Vec<String> = (0..PARTS_LIMIT).map(|number| number.to_string()).collect();
        for section in sections.iter().chain(&sections) {
            leaks.whole("/a/b", Spot { detail: Some(section), ..spot });
        }
        assert!(!leaks.is_cut);
        leaks.whole("/a/b", Spot { detail: Some("another"), ..spot });
        assert!(leaks.is_cut);
        let found = &leaks.groups()[0].paths[0].found;
        assert_eq!((found.len(), found[0].times), (PARTS_LIMIT, 2));
    }
}
