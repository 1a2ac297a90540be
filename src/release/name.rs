//! File names of release archives: `goVERSION.OS-ARCH.tar.gz`, `.zip`, and `goVERSION.src.tar.gz`.

use std::fmt;
use std::str::FromStr;

use super::{Platform, ReleaseError, Target, Version};

/// The container format of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArchiveFormat {
    /// A gzip-compressed tar archive.
    TarGz,
    /// A zip archive, published for Windows alone.
    Zip,
}

/// Which archive of which release; its text is the published file name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArchiveName {
    version: Version,
    target: Target,
}

impl ArchiveName {
    /// The archive of `version` for `target`.
    #[must_use]
    pub fn new(version: Version, target: Target) -> Self {
        Self { version, target }
    }

    /// The release.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The platform, or source.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The format that the Go team publishes for this target.
    #[must_use]
    pub fn format(&self) -> ArchiveFormat {
        match &self.target {
            Target::Platform(platform) if platform.os() == "windows" => ArchiveFormat::Zip,
            _ => ArchiveFormat::TarGz,
        }
    }
}

impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extension = match self.format() {
            ArchiveFormat::TarGz => "tar.gz",
            ArchiveFormat::Zip => "zip",
        };
        match &self.target {
            Target::Source => write!(f, "{}.src.{extension}", self.version),
            Target::Platform(p) => write!(f, "{}.{}-{}.{extension}", self.version, p.os(), p.published_arch()),
        }
    }
}

impl FromStr for ArchiveName {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        let invalid = || ReleaseError::ArchiveName(text.to_owned());
        let stem = text.strip_suffix(".tar.gz").or_else(|| text.strip_suffix(".zip")).ok_or_else(invalid)?;
        let (version, target) = stem.rsplit_once('.').ok_or_else(invalid)?;
        let target = match target.split_once('-') {
            None if target == "src" => Target::Source,
            None => return Err(invalid()),
            Some((os, arch)) => Target::Platform(Platform::new(os, arch).map_err(|_| invalid())?),
        };
        let name = Self { version: version.parse().map_err(|_| invalid())?, target };
        // Only the published spelling is a name: no `1.22.5` without `go`, no `linux-arm`, no `windows-amd64.tar.gz`.
        let published = name.to_string() == text || text == "go1.6beta1.linux-arm6.tar.gz";
        if published { Ok(name) } else { Err(invalid()) }
    }
}
