//! The index that go.dev/dl serves as JSON (`?mode=json&include=all`).
//!
//! Read tolerantly as a whole, since it has real oddities (empty digests, sizes of zero, a release `go1`
//! for an operating system `4`), and strictly for the one file that is chosen:
//!
//! - the document is at most 8 MiB, nested at most 16 deep, without duplicate keys; unknown keys are ignored;
//! - it is a non-empty list of releases with a text `version`, a boolean `stable` and a list `files`;
//! - it has at most 5,000 releases, a release at most 1,000 files, and all together at most 40,000;
//! - no version and no file name occurs twice, and no pre-release is called stable;
//! - the chosen file's name is the published name of that version and platform, its own `version`, `os`,
//!   `arch` and `kind` say the same, its `sha256` is 64 lower-case hex digits, its size 1 byte to 512 MiB.
//!
//! What an index of 8 MiB can make of memory is bounded by the number of its values (`json.rs`), of which the known
//! fields alone are kept, and then by the number of releases and files, which is what a listing holds. Chosen by name
//! among at most 1,000, all files together are found in an instant.

use std::collections::BTreeSet;

use super::json::Json;
use super::{ArchiveName, ReleaseError, Target, Version};
use crate::error::escaped;

/// Largest index that is read, in bytes; the real one has about 3 MB.
pub const INDEX_SIZE_LIMIT_BYTES: u64 = 8 << 20;
/// Largest archive that an index may announce, in bytes; the largest real one has 208 MB.
const ARCHIVE_SIZE_LIMIT_BYTES: u64 = 512 << 20;
/// Most releases; there were 202 in November 2021, and ten or twenty a year are added.
const RELEASES_LIMIT: usize = 5_000;
/// Most files of one release; real ones stay below 100.
const RELEASE_FILES_LIMIT: usize = 1_000;
/// Most files of all releases; there were 2,971 in November 2021, and 8 MiB have room for 34,000 like them.
const FILES_LIMIT: usize = 40_000;

/// A parsed index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseIndex {
    releases: Vec<Release>,
}

/// One release of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    version: Version,
    stable: bool,
    files: Vec<ListedFile>,
}

/// A file as the index lists it, not yet checked: of a field of another type than it should have, there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ListedFile {
    filename: Box<str>,
    version: Option<Box<str>>,
    os: Option<Box<str>>,
    arch: Option<Box<str>>,
    kind: Option<Box<str>>,
    sha256: Option<Box<str>>,
    size: Option<u64>,
}

impl ListedFile {
    fn read(mut file: Json) -> Option<Self> {
        let mut text = |name| file.take(name).and_then(Json::into_text);
        Some(Self {
            filename: text("filename")?,
            version: text("version"),
            os: text("os"),
            arch: text("arch"),
            kind: text("kind"),
            sha256: text("sha256"),
            size: if let Some(Json::Integer(size)) = file.take("size") { Some(size) } else { None },
        })
    }

    /// Whether it claims to be of this platform and kind, as [`published_fields`] returns them.
    fn claims(&self, [os, arch, kind]: [&str; 3]) -> bool {
        (self.os.as_deref(), self.arch.as_deref(), self.kind.as_deref()) == (Some(os), Some(arch), Some(kind))
    }
}

/// A release as the index lists it, whose version need not be one.
struct ListedRelease {
    version: Box<str>,
    stable: bool,
    files: Vec<ListedFile>,
}

impl ListedRelease {
    fn read(mut release: Json) -> Result<Self, ReleaseError> {
        let version = release
            .take("version")
            .and_then(Json::into_text)
            .ok_or_else(|| malformed("a release without a version"))?;
        let shown = escaped(&version);
        let Some(Json::Bool(stable)) = release.take("stable") else {
            return Err(malformed(format!("{shown}: \"stable\" is not a boolean")));
        };
        let files = release
            .take("files")
            .and_then(Json::into_list)
            .ok_or_else(|| malformed(format!("{shown}: \"files\" is not a list")))?;
        if files.len() > RELEASE_FILES_LIMIT {
            return Err(malformed(format!("{shown}: more than {RELEASE_FILES_LIMIT} files")));
        }
        let files: Option<_> = files.into_iter().map(ListedFile::read).collect();
        let files = files.ok_or_else(|| malformed(format!("{shown}: a file without a name")))?;
        Ok(Self { version, stable, files })
    }
}

/// One archive of a release, as the index describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseFile {
    name: ArchiveName,
    sha256: [u8; 32],
    size_bytes: u64,
}

impl ReleaseFile {
    /// Which archive it is.
    #[must_use]
    pub fn name(&self) -> &ArchiveName {
        &self.name
    }

    /// The SHA-256 that the index promises.
    #[must_use]
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The size that the index promises.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

fn malformed(reason: impl Into<String>) -> ReleaseError {
    ReleaseError::Index(reason.into())
}

fn refuse_repeated<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), ReleaseError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(malformed(format!("{}: listed twice", escaped(name))));
        }
    }
    Ok(())
}

/// What the index calls a target: its `os`, `arch` and `kind`.
pub(super) fn published_fields(target: &Target) -> [&str; 3] {
    match target {
        Target::Source => ["", "", "source"],
        Target::Platform(p) => [p.os(), p.published_arch(), "archive"],
    }
}

impl ReleaseIndex {
    /// Parses an index.
    ///
    /// # Errors
    /// [`ReleaseError::Index`] when it breaks one of the rules of this module.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReleaseError> {
        if bytes.len() as u64 > INDEX_SIZE_LIMIT_BYTES {
            return Err(malformed(format!("larger than {INDEX_SIZE_LIMIT_BYTES} bytes")));
        }
        if bytes.trim_ascii_start().starts_with(b"<") {
            return Err(malformed("HTML instead of JSON"));
        }
        let json = Json::parse(bytes).map_err(|e| malformed(e.to_string()))?;
        let list =
            json.into_list().filter(|list| !list.is_empty()).ok_or_else(|| malformed("not a list of releases"))?;
        if list.len() > RELEASES_LIMIT {
            return Err(malformed(format!("more than {RELEASES_LIMIT} releases")));
        }
        let listed = list.into_iter().map(ListedRelease::read).collect::<Result<Vec<_>, _>>()?;
        if listed.iter().map(|release| release.files.len()).sum::<usize>() > FILES_LIMIT {
            return Err(malformed(format!("more than {FILES_LIMIT} files")));
        }
        refuse_repeated(listed.iter().map(|release| &*release.version))?;
        refuse_repeated(listed.iter().flat_map(|release| &release.files).map(|file| &*file.filename))?;
        // What is no version (the bootstrap archives under `go1`) can't be asked for.
        let version = |text: &str| text.parse().ok().filter(|version: &Version| version.to_string() == text);
        let releases: Vec<_> = listed
            .into_iter()
            .filter_map(|ListedRelease { version: text, stable, files }| {
                Some(Release { version: version(&text)?, stable, files })
            })
            .collect();
        if let Some(release) = releases.iter().find(|release| release.stable && release.version.is_prerelease()) {
            return Err(malformed(format!("{}: a pre-release that is called stable", release.version)));
        }
        Ok(Self { releases })
    }

    /// The releases, in the index's own order.
    #[must_use]
    pub fn releases(&self) -> &[Release] {
        &self.releases
    }
}

impl Release {
    /// The release's version.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Whether the index calls it stable, which no pre-release is.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        self.stable
    }

    /// The targets for which there is an archive, in the index's order.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.files.iter().filter_map(|file| {
            let name: ArchiveName = file.filename.parse().ok()?;
            (name.version() == &self.version).then(|| name.target().clone())
        })
    }

    /// The archive for `target`, checked by the rules of this module.
    ///
    /// # Errors
    /// [`ReleaseError::PlatformNotFound`], or [`ReleaseError::Index`] when the index's entry breaks a rule.
    pub fn file(&self, target: &Target) -> Result<ReleaseFile, ReleaseError> {
        let name = ArchiveName::new(self.version, target.clone());
        let published = name.to_string();
        let Some(file) = self.files.iter().find(|file| *file.filename == *published) else {
            return match self.renamed(target) {
                Some(filename) => Err(malformed(format!(
                    "{published}: the file for {target} has another name, \"{}\"",
                    escaped(filename)
                ))),
                None => Err(ReleaseError::PlatformNotFound {
                    version: self.version,
                    target: target.clone(),
                    offered: self.targets().map(|t| t.to_string()).collect(),
                }),
            };
        };
        let [os, arch, kind] = published_fields(target);
        for (field, value, expected) in [
            ("version", &file.version, self.version.to_string().as_str()),
            ("os", &file.os, os),
            ("arch", &file.arch, arch),
            ("kind", &file.kind, kind),
        ] {
            if value.as_deref() != Some(expected) {
                return Err(malformed(format!("{published}: \"{field}\" is not \"{expected}\"")));
            }
        }
        let sha256 = file.sha256.as_deref().filter(|text| !text.contains(|c: char| c.is_ascii_uppercase()));
        let mut digest = [0; 32];
        if sha256.is_none_or(|text| hex::decode_to_slice(text, &mut digest).is_err()) {
            return Err(malformed(format!("{published}: \"sha256\" is not 64 lower-case hex digits")));
        }
        match file.size {
            Some(size_bytes @ 1..=ARCHIVE_SIZE_LIMIT_BYTES) => Ok(ReleaseFile { name, sha256: digest, size_bytes }),
            _ => Err(malformed(format!("{published}: \"size\" is not a number from 1 to {ARCHIVE_SIZE_LIMIT_BYTES}"))),
        }
    }

    /// The name of a file that claims to be the archive for `target` but is not named so.
    fn renamed(&self, target: &Target) -> Option<&str> {
        let fields = published_fields(target);
        self.files.iter().find(|file| file.claims(fields)).map(|file| &*file.filename)
    }
}
