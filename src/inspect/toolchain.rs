//! What kind of toolchain a version names.
//!
//! A release calls itself by its version (`go1.22.5`), behind which experiments may stand (` X:nodwarf5`). A toolchain
//! built from a checkout has `devel` in it; whoever builds a release with a name of their own adds a suffix
//! (`go1.22.5-custom`). Whether a release was ever published is for an index to say.

use std::fmt;

use crate::release::{ReleaseIndex, Selector, Version};

/// What a version text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// A release, with the experiments that it was built with.
    Release {
        /// Its version.
        version: Version,
        /// Names of experiments.
        experiments: Vec<String>,
    },
    /// Some state of development.
    Development,
    /// Anything else.
    Other,
}

impl Toolchain {
    /// Of the text in a binary.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        let experiments = match rest.strip_prefix("X:") {
            Some(names) => names.split(',').map(str::to_owned).collect(),
            None => Vec::new(),
        };
        let is_whole = rest.is_empty() || !experiments.is_empty();
        match name.starts_with("go").then(|| name.parse()) {
            Some(Ok(version)) if is_whole => Self::Release { version, experiments },
            _ if name == "devel" || name.contains("-devel") => Self::Development,
            _ => Self::Other,
        }
    }

    /// The word in the report.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Release { version, .. } if version.is_prerelease() => "pre-release",
            Self::Release { .. } => "release",
            Self::Development => "development",
            Self::Other => "other",
        }
    }
}

/// What an index says of a release. Go supports the two newest series (<https://go.dev/doc/devel/release#policy>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is in the index, and its series is one of the two newest.
    Supported,
    /// It is in the index, and of an older series, or a pre-release.
    Unsupported,
    /// It is not in the index.
    Unlisted,
}

impl Standing {
    /// Of a release in an index.
    #[must_use]
    pub fn of(version: &Version, index: &ReleaseIndex) -> Self {
        if index.select(&Selector::Exact(*version)).is_err() {
            return Self::Unlisted;
        }
        let supported = [Selector::Stable, Selector::OldStable]
            .iter()
            .any(|selector| index.select(selector).is_ok_and(|newest| newest.version().series() == version.series()));
        if supported && !version.is_prerelease() { Self::Supported } else { Self::Unsupported }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Supported => "supported",
            Self::Unsupported => "unsupported",
            Self::Unlisted => "unlisted",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_told_from_what_others_built() {
        for (text, kind, experiments) in [
            ("go1.27.1", "release", 0),
            ("go1.20", "release", 0),
            ("go1.23rc1", "pre-release", 0),
            ("go1.22.5 X:nodwarf5,aliastypeparams", "release", 2),
            ("devel go1.23-0123456789 Mon Jan 1 00:00:00 2024 +0000", "development", 0),
            ("go1.26-devel_0123456789 Mon Jan 1", "development", 0),
            ("go1.22.5-custom", "other", 0),
            ("go1.22.5 (Red Hat 1.22.5-1)", "other", 0),
            ("1.22.5", "other", 0),
            ("go1.21", "other", 0),
            ("", "other", 0),
        ] {
            let toolchain = Toolchain::of(text);
            assert_eq!(toolchain.as_str(), kind, "{text}");
            let found = match toolchain {
                Toolchain::Release { experiments, .. } => experiments.len(),
                _ => 0,
            };
            assert_eq!(found, experiments, "{text}");
        }
    }
}
