//! Platforms in Go's own names, and the one archive that is published under another.
//!
//! The archives of linux/arm are built with `GOARM=6` and are published as `linux-armv6l`; every other
//! archive bears GOOS and GOARCH as they are.

use std::fmt;
use std::str::FromStr;

use super::ReleaseError;

/// Longest GOOS or GOARCH accepted; the longest real one is `dragonfly`.
const NAME_LENGTH_LIMIT: usize = 16;

/// A pair of GOOS and GOARCH.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: String,
    arch: String,
}

impl Platform {
    /// The platform with these names, which may be Go's or those of a published file.
    ///
    /// # Errors
    /// [`ReleaseError::Platform`] when a name is not lower-case ASCII letters and digits.
    pub fn new(os: &str, arch: &str) -> Result<Self, ReleaseError> {
        let fits = |name: &str| {
            (1..=NAME_LENGTH_LIMIT).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if !fits(os) || !fits(arch) {
            return Err(ReleaseError::Platform(format!("{os}/{arch}")));
        }
        // go1.6beta1 alone was published as `arm6`.
        let arch = if os == "linux" && matches!(arch, "armv6l" | "arm6") { "arm" } else { arch };
        Ok(Self { os: os.to_owned(), arch: arch.to_owned() })
    }

    /// The machine that this program was built for, in Go's names.
    #[must_use]
    pub fn host() -> Self {
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            os => os,
        };
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "powerpc64" => "ppc64",
            "loongarch64" => "loong64",
            arch => arch,
        };
        Self { os: os.to_owned(), arch: arch.to_owned() }
    }

    /// GOOS.
    #[must_use]
    pub fn os(&self) -> &str {
        &self.os
    }

    /// GOARCH.
    #[must_use]
    pub fn arch(&self) -> &str {
        &self.arch
    }

    /// The architecture as it is written in file names and in the index.
    #[must_use]
    pub fn published_arch(&self) -> &str {
        if self.os == "linux" && self.arch == "arm" { "armv6l" } else { &self.arch }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)
    }
}

impl FromStr for Platform {
    type Err = ReleaseError;

    /// Parses `os/arch` or `os-arch`.
    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        let invalid = || ReleaseError::Platform(text.to_owned());
        let (os, arch) = text.split_once(['/', '-']).ok_or_else(invalid)?;
        Self::new(os, arch).map_err(|_| invalid())
    }
}

/// What an archive of a release holds: a built SDK, or the source alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// An SDK that runs on this platform.
    Platform(Platform),
    /// The source archive.
    Source,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform(platform) => platform.fmt(f),
            Self::Source => f.write_str("src"),
        }
    }
}

impl FromStr for Target {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        if text == "src" { Ok(Self::Source) } else { text.parse().map(Self::Platform) }
    }
}
