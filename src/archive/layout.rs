//! What makes a tree an SDK of one version for one platform.
//!
//! A signature binds neither name, version nor platform of what it signs, and the same key signs other
//! software, so these are read from inside (golang.org/doc/install/source, cmd/distpack):
//!
//! - `VERSION`'s first line is the version; from go1.21 on, a second line `time RFC3339` follows;
//! - an SDK has `bin/go` and `bin/gofmt`, executable and for the platform by their headers; the tools `asm`,
//!   `compile` and `link` in `pkg/tool/GOOS_GOARCH`, and no other directory there; files in `pkg/include` and `src`;
//! - on Windows the names of all these programs end in `.exe`;
//! - a source archive has `src/make.bash`, and neither `bin` nor `pkg`;
//! - from go1.21 on, both have `go.env`;
//! - nothing is named `.goverify…`: such names are ours;
//! - the rules begin with go1.5, whose tools were the first to have these names.

use jiff::Timestamp;

use super::platform_header::{self, HEADER_BYTES};
use super::{ArchiveError, EntryKind, EntryPath, Manifest};
use crate::error::escaped;
use crate::release::{ArchiveName, Platform, Target, Version};

/// The directory that every release puts everything in.
pub(super) const TOP: &str = "go";
/// Longest `VERSION` in bytes; real ones have 36.
const VERSION_FILE_LIMIT_BYTES: usize = 4096;
/// The programs whose headers are looked at, as they are named on some platform.
const PROGRAMS: [&str; 4] = ["bin/go", "bin/go.exe", "bin/gofmt", "bin/gofmt.exe"];
/// The tools that every SDK since go1.5 has.
const TOOLS: [&str; 3] = ["asm", "compile", "link"];
/// The first series whose tools are named like this.
const FIRST_SERIES: (u32, u32) = (1, 5);
/// The first series that has `go.env` and a time in `VERSION`.
const FIRST_SERIES_WITH_TIME: (u32, u32) = (1, 21);

/// How a tree differs from the SDK it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutFault {
    /// A file that every such SDK has.
    #[error("{0} is missing")]
    Missing(String),
    /// A program without its executable bits.
    #[error("{0} is not executable")]
    NotExecutable(String),
    /// A file or directory that no such SDK has.
    #[error("\"{}\" does not belong there", escaped(.0))]
    Unexpected(String),
    /// `VERSION` is longer than any.
    #[error("VERSION is too long")]
    VersionTooLong,
    /// `VERSION` names another release.
    #[error("expected {expected}, VERSION says \"{}\"", escaped(.actual))]
    Version {
        /// What it should say.
        expected: Version,
        /// What it says.
        actual: String,
    },
    /// `VERSION` says nothing intelligible about the release's time.
    #[error("VERSION has no valid \"time\" line")]
    Time,
    /// A program for another platform.
    #[error("{path} is not an executable for {expected}")]
    Platform {
        /// Which program.
        path: String,
        /// The platform it should be for.
        expected: Platform,
    },
    /// Older than the rules.
    #[error("{0} is older than go1.5, the first release whose layout is known here")]
    TooOld(Version),
}

/// What a whole archive held.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) manifest: Manifest,
    pub(super) pieces: Pieces,
    /// Entries of any kind; tar's extended headers are not counted.
    pub(super) entries: u64,
}

/// The pieces of content that the rules look at, set aside while an archive streams by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pieces {
    version: Vec<u8>,
    /// The first bytes of [`PROGRAMS`], each in its own place: `bin/go.exe` does not speak for `bin/go`.
    programs: [Vec<u8>; PROGRAMS.len()],
}

impl Pieces {
    /// Takes the next bytes of the file at `path`.
    pub(super) fn content(&mut self, path: &EntryPath, bytes: &[u8]) -> Result<(), ArchiveError> {
        let (piece, limit) = match path.as_str() {
            "VERSION" if self.version.len() + bytes.len() > VERSION_FILE_LIMIT_BYTES => {
                return Err(LayoutFault::VersionTooLong.into());
            }
            "VERSION" => (&mut self.version, VERSION_FILE_LIMIT_BYTES),
            other => match PROGRAMS.iter().zip(&mut self.programs).find(|(program, _)| **program == other) {
                Some((_, head)) => (head, HEADER_BYTES),
                None => return Ok(()),
            },
        };
        piece.extend(bytes.iter().take(limit - piece.len()));
        Ok(())
    }

    fn head(&self, path: &str) -> &[u8] {
        let found = PROGRAMS.iter().zip(&self.programs).find(|(program, _)| **program == path);
        found.map_or(&[], |(_, head)| head)
    }
}

/// Proof that a manifest is laid out like the very SDK it should be; only this module can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutProof {
    released: Option<Timestamp>,
}

impl LayoutProof {
    /// When the release was made, by its `VERSION`; always there from go1.21 on.
    #[must_use]
    pub fn released(&self) -> Option<Timestamp> {
        self.released
    }
}

pub(super) fn check(manifest: &Manifest, pieces: &Pieces, name: &ArchiveName) -> Result<LayoutProof, LayoutFault> {
    let version = *name.version();
    if version.series() < FIRST_SERIES {
        return Err(LayoutFault::TooOld(version));
    }
    let ours = |e: &&super::Entry| e.path.as_str().split('/').any(|c| c.to_lowercase().starts_with(".goverify"));
    if let Some(entry) = manifest.entries().iter().find(ours) {
        return Err(LayoutFault::Unexpected(entry.path.to_string()));
    }
    let tree = Tree(manifest);
    tree.file("VERSION")?;
    let released = check_version(&pieces.version, version)?;
    match name.target() {
        Target::Source => check_source(&tree)?,
        Target::Platform(platform) => check_sdk(&tree, pieces, platform)?,
    }
    // Pre-releases of 1.21 came before the new packaging was complete.
    if version.series() > FIRST_SERIES_WITH_TIME
        || version.series() == FIRST_SERIES_WITH_TIME && !version.is_prerelease()
    {
        tree.file("go.env")?;
        if released.is_none() {
            return Err(LayoutFault::Time);
        }
    }
    Ok(LayoutProof { released })
}

struct Tree<'a>(&'a Manifest);

impl Tree<'_> {
    fn find_file(&self, path: &str) -> Option<bool> {
        self.0.entries().iter().find_map(|entry| match entry.kind {
            EntryKind::File { executable, .. } if entry.path.as_str() == path => Some(executable),
            _ => None,
        })
    }

    fn file(&self, path: &str) -> Result<(), LayoutFault> {
        self.find_file(path).map(|_| ()).ok_or_else(|| LayoutFault::Missing(path.to_owned()))
    }

    fn program(&self, path: &str) -> Result<(), LayoutFault> {
        match self.find_file(path) {
            Some(true) => Ok(()),
            Some(false) => Err(LayoutFault::NotExecutable(path.to_owned())),
            None => Err(LayoutFault::Missing(path.to_owned())),
        }
    }

    /// The paths below `directory`, relative to it.
    fn below(&self, directory: &str) -> impl Iterator<Item = EntryPath> {
        self.0.entries().iter().filter_map(move |entry| entry.path.below(directory))
    }

    fn files_below(&self, directory: &str) -> Result<(), LayoutFault> {
        let found = self
            .0
            .entries()
            .iter()
            .any(|entry| matches!(entry.kind, EntryKind::File { .. }) && entry.path.below(directory).is_some());
        if found { Ok(()) } else { Err(LayoutFault::Missing(directory.to_owned())) }
    }
}

fn check_source(tree: &Tree<'_>) -> Result<(), LayoutFault> {
    tree.file("src/make.bash")?;
    let built = |e: &&super::Entry| matches!(e.path.as_str().split('/').next(), Some("bin" | "pkg"));
    match tree.0.entries().iter().find(built) {
        Some(entry) => Err(LayoutFault::Unexpected(entry.path.to_string())),
        None => Ok(()),
    }
}

fn check_sdk(tree: &Tree<'_>, pieces: &Pieces, platform: &Platform) -> Result<(), LayoutFault> {
    let suffix = if platform.os() == "windows" { ".exe" } else { "" };
    for path in ["bin/go", "bin/gofmt"].map(|path| format!("{path}{suffix}")) {
        tree.program(&path)?;
        if !platform_header::matches(platform, pieces.head(&path)) {
            return Err(LayoutFault::Platform { path, expected: platform.clone() });
        }
    }
    let tools = format!("{}_{}", platform.os(), platform.arch());
    if let Some(other) = tree.below("pkg/tool").find(|path| path.as_str().split('/').next() != Some(&tools)) {
        return Err(LayoutFault::Unexpected(format!("pkg/tool/{other}")));
    }
    for tool in TOOLS {
        tree.program(&format!("pkg/tool/{tools}/{tool}{suffix}"))?;
    }
    tree.files_below("pkg/include")?;
    tree.files_below("src")
}

fn check_version(content: &[u8], expected: Version) -> Result<Option<Timestamp>, LayoutFault> {
    let text = String::from_utf8_lossy(content);
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    if first != expected.to_string() {
        return Err(LayoutFault::Version { expected, actual: first.to_owned() });
    }
    let Some(line) = lines.next().filter(|line| !line.is_empty()) else { return Ok(None) };
    let time = line.strip_prefix("time ").and_then(|time| time.parse::<Timestamp>().ok()).ok_or(LayoutFault::Time)?;
    if lines.any(|line| !line.is_empty()) { Err(LayoutFault::Time) } else { Ok(Some(time)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_set_aside_of_a_program_than_its_header() {
        let path = |text: &str| EntryPath::parse(text.as_bytes()).unwrap();
        let mut pieces = Pieces::default();
        for byte in 0..20 {
            assert_eq!(pieces.content(&path("bin/go"), &[byte; 100]), Ok(()));
            assert_eq!(pieces.content(&path("bin/gofmt"), &[7; 3]), Ok(()));
            assert_eq!(pieces.content(&path("bin/other"), &[8; 3]), Ok(()));
        }
        let header: Vec<u8> = (0..20).flat_map(|byte| [byte; 100]).take(HEADER_BYTES).collect();
        assert_eq!((pieces.head("bin/go"), pieces.head("bin/gofmt")), (&header[..], &[7; 60][..]));
        assert_eq!((pieces.head("bin/go.exe"), pieces.head("bin/other")), (&[][..], &[][..]));
    }
}
