//! Go versions.
//!
//! The grammar is `go/version`'s, without suffixes: `goMAJOR.MINOR[.PATCH][(beta|rc)N]`, decimal numbers
//! without leading zeros. Up to Go 1.20 a series begins with `go1.20`; from 1.21 on with `go1.21.0`, and
//! `go1.21` alone names no release (<https://go.dev/doc/toolchain#version>).

use std::fmt;
use std::str::FromStr;

use super::ReleaseError;

/// The first series whose first release is written with `.0`.
const FIRST_SERIES_WITH_POINT_ZERO: (u32, u32) = (1, 21);
/// Longest number in a version; real ones have at most two digits.
const NUMBER_DIGITS_LIMIT: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    Beta(u32),
    Candidate(u32),
    Full,
}

/// The version of one release, such as `go1.22.5`, `go1.20` or `go1.23rc1`; ordered as Go orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    series: (u32, u32),
    patch: u32,
    stage: Stage,
    // Last, so that it decides the order only between `1.20` and the never published `1.20.0`.
    writes_patch: bool,
}

impl Version {
    /// Major and minor number: `(1, 22)` for `go1.22.5`.
    #[must_use]
    pub fn series(&self) -> (u32, u32) {
        self.series
    }

    /// What a series that begins with `.0` begins with: `go1.22.0`, of what was parsed from `1.22`.
    pub(super) fn first_of_series(self) -> Self {
        Self { writes_patch: true, ..self }
    }

    /// Whether this is a beta or a release candidate.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        self.stage != Stage::Full
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "go{}.{}", self.series.0, self.series.1)?;
        if self.writes_patch {
            write!(f, ".{}", self.patch)?;
        }
        match self.stage {
            Stage::Beta(n) => write!(f, "beta{n}"),
            Stage::Candidate(n) => write!(f, "rc{n}"),
            Stage::Full => Ok(()),
        }
    }
}

fn number(text: &str) -> Option<u32> {
    let canonical = !text.is_empty() && text.len() <= NUMBER_DIGITS_LIMIT && (text == "0" || !text.starts_with('0'));
    (canonical && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// What a version text says, before deciding whether it names a release or a series.
pub(super) fn parse_parts(text: &str) -> Option<(Version, bool)> {
    let text = text.strip_prefix("go").unwrap_or(text);
    let (numbers, stage) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        None => (text, Stage::Full),
        Some(at) => {
            let (numbers, suffix) = text.split_at_checked(at)?;
            let stage = if let Some(n) = suffix.strip_prefix("beta") {
                Stage::Beta(number(n)?)
            } else {
                Stage::Candidate(number(suffix.strip_prefix("rc")?)?)
            };
            (numbers, stage)
        }
    };
    let mut parts = numbers.split('.').map(number);
    let series = (parts.next()??, parts.next()??);
    let patch = match parts.next() {
        None => None,
        Some(patch) => Some(patch?),
    };
    if parts.next().is_some() {
        return None;
    }
    let version = Version { series, patch: patch.unwrap_or(0), stage, writes_patch: patch.is_some() };
    let is_release = patch.is_some() || stage != Stage::Full || series < FIRST_SERIES_WITH_POINT_ZERO;
    Some((version, is_release))
}

impl FromStr for Version {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        match parse_parts(text) {
            Some((version, true)) => Ok(version),
            _ => Err(ReleaseError::Version(text.to_owned())),
        }
    }
}
