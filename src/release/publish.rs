//! The index that a mirror of ours has: what go.dev/dl says of the archives that are there, and nothing else.
//!
//! - a release has the archives that were put there, by name; releases are in Go's order, the newest first;
//! - every field follows from the archive's name, its digest and its size, so that one text alone says the same: no
//!   white space, the keys in go.dev's order. A byte that changes is a fault that can be named;
//! - what another keeper has put there stays, as long as it is read at all.

use std::collections::BTreeMap;

use serde::Serialize;

use super::index::published_fields;
use super::{ArchiveName, ReleaseError, ReleaseFile, ReleaseIndex, Target, Version};

/// The archives of a mirror, to be published as an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    files: BTreeMap<(Version, Target), ReleaseFile>,
}

#[derive(Serialize)]
struct PublishedRelease {
    version: String,
    stable: bool,
    files: Vec<PublishedFile>,
}

#[derive(Serialize)]
struct PublishedFile {
    filename: String,
    os: String,
    arch: String,
    version: String,
    sha256: String,
    size: u64,
    kind: String,
}

impl Publication {
    /// What an index lists.
    ///
    /// # Errors
    /// [`ReleaseError::Index`] when one of its archives is not described as it should be.
    pub fn of(index: &ReleaseIndex) -> Result<Self, ReleaseError> {
        let mut publication = Self::default();
        for release in index.releases() {
            for target in release.targets() {
                publication.insert(release.file(&target)?);
            }
        }
        Ok(publication)
    }

    /// Adds an archive, or replaces what is said of it.
    pub fn insert(&mut self, file: ReleaseFile) {
        self.files.insert((*file.name().version(), file.name().target().clone()), file);
    }

    /// Takes an archive out.
    pub fn remove(&mut self, name: &ArchiveName) {
        self.files.remove(&(*name.version(), name.target().clone()));
    }

    /// What is said of an archive.
    #[must_use]
    pub fn file(&self, name: &ArchiveName) -> Option<&ReleaseFile> {
        self.files.get(&(*name.version(), name.target().clone()))
    }

    /// The archives, from the oldest release to the newest.
    pub fn files(&self) -> impl Iterator<Item = &ReleaseFile> {
        self.files.values()
    }

    /// The index's text. An empty one is no index.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut releases: Vec<PublishedRelease> = Vec::new();
        for file in self.files.values() {
            let version = file.name().version();
            let published = PublishedFile::of(file);
            match releases.last_mut().filter(|release| release.version == published.version) {
                Some(release) => release.files.push(published),
                None => releases.push(PublishedRelease {
                    version: version.to_string(),
                    stable: !version.is_prerelease(),
                    files: vec![published],
                }),
            }
        }
        releases.reverse();
        // Nothing in it can fail to be JSON.
        serde_json::to_string(&releases).unwrap_or_default()
    }
}

impl PublishedFile {
    fn of(file: &ReleaseFile) -> Self {
        let name = file.name();
        let [os, arch, kind] = published_fields(name.target()).map(str::to_owned);
        Self {
            filename: name.to_string(),
            os,
            arch,
            version: name.version().to_string(),
            sha256: hex::encode(file.sha256()),
            size: file.size_bytes(),
            kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(versions: &[(&str, &[&str])]) -> ReleaseIndex {
        let file = |version: &str, filename: &str| {
            let (os, arch) = filename.rsplit_once('.').map_or(("", ""), |_| ("linux", "amd64"));
            let (os, arch, kind) = if filename.contains(".src.") { ("", "", "source") } else { (os, arch, "archive") };
            format!(
                r#"{{"filename":"{filename}","os":"{os}","arch":"{arch}","version":"{version}","sha256":"{}","size":7,"kind":"{kind}"}}"#,
                "a1".repeat(32)
            )
        };
        let release = |(version, files): &(&str, &[&str])| {
            let files: Vec<_> = files.iter().map(|filename| file(version, filename)).collect();
            let stable = !version.contains("rc");
            format!(r#"{{"version":"{version}","stable":{stable},"files":[{}]}}"#, files.join(","))
        };
        let releases: Vec<_> = versions.iter().map(release).collect();
        ReleaseIndex::parse(format!("[{}]", releases.join(",")).as_bytes()).unwrap()
    }

    #[test]
    fn what_is_published_reads_as_what_it_was_made_of_and_has_one_text() {
        let mixed = index(&[
            ("go1.9.2", &["go1.9.2.linux-amd64.tar.gz"]),
            ("go1.22.5", &["go1.22.5.src.tar.gz", "go1.22.5.linux-amd64.tar.gz"]),
            ("go1.22rc1", &["go1.22rc1.src.tar.gz"]),
        ]);
        let publication = Publication::of(&mixed).unwrap();
        let text = publication.to_json();
        let again = ReleaseIndex::parse(text.as_bytes()).unwrap();
        assert_eq!(Publication::of(&again).unwrap(), publication);
        assert_eq!(Publication::of(&again).unwrap().to_json(), text);
        let order: Vec<_> = again.releases().iter().map(|release| release.version().to_string()).collect();
        assert_eq!(order, ["go1.22.5", "go1.22rc1", "go1.9.2"]);
        assert!(!text.contains(char::is_whitespace), "{text}");
    }

    #[test]
    fn archives_are_added_and_taken_out_one_by_one() {
        let mut publication = Publication::of(&index(&[("go1.9.2", &["go1.9.2.linux-amd64.tar.gz"])])).unwrap();
        let more = Publication::of(&index(&[("go1.9.2", &["go1.9.2.src.tar.gz"])])).unwrap();
        let source = more.files().next().unwrap();
        publication.insert(source.clone());
        assert_eq!(publication.files().count(), 2);
        assert_eq!(publication.file(source.name()), Some(source));
        publication.remove(source.name());
        assert_eq!(publication.file(source.name()), None);
        assert!(!publication.to_json().contains("src"));
    }

    #[test]
    fn what_cannot_be_described_is_not_published() {
        let text = r#"[{"version":"go1.9.2","stable":true,"files":[{"filename":"go1.9.2.src.tar.gz","os":"","arch":"",
            "version":"go1.9.2","sha256":"","size":7,"kind":"source"}]}]"#;
        let index = ReleaseIndex::parse(text.as_bytes()).unwrap();
        assert!(matches!(Publication::of(&index), Err(ReleaseError::Index(_))));
    }
}
