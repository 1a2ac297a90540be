//! What a user may call a release: an exact version, a series, or a word.

use std::fmt;
use std::str::FromStr;

use super::version::parse_parts;
use super::{Release, ReleaseError, ReleaseIndex, Version};

/// A way to choose one release of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// This very release.
    Exact(Version),
    /// The newest full release of a series: `1.22`. Up to 1.20 such a text names the series' first release instead.
    Series(u32, u32),
    /// The newest full release (`stable`, `latest`).
    Stable,
    /// The newest full release of the series before the stable one.
    OldStable,
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(version) => version.fmt(f),
            Self::Series(major, minor) => write!(f, "go{major}.{minor}"),
            Self::Stable => f.write_str("stable"),
            Self::OldStable => f.write_str("oldstable"),
        }
    }
}

impl FromStr for Selector {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        match text {
            "stable" | "latest" => Ok(Self::Stable),
            "oldstable" => Ok(Self::OldStable),
            _ => match parse_parts(text) {
                Some((version, true)) => Ok(Self::Exact(version)),
                Some((version, false)) => Ok(Self::Series(version.series().0, version.series().1)),
                None => Err(ReleaseError::Version(text.to_owned())),
            },
        }
    }
}

impl ReleaseIndex {
    /// The release that `selector` names in this index.
    ///
    /// # Errors
    /// [`ReleaseError::ReleaseNotFound`] when there is none.
    pub fn select(&self, selector: &Selector) -> Result<&Release, ReleaseError> {
        let newest = |wanted: &dyn Fn(&Release) -> bool| {
            self.releases().iter().filter(|r| wanted(r)).max_by_key(|r| *r.version())
        };
        let stable = || newest(&|r| r.is_stable());
        let found = match selector {
            Selector::Exact(version) => self.releases().iter().find(|r| r.version() == version),
            Selector::Series(major, minor) => newest(&|r| r.is_stable() && r.version().series() == (*major, *minor)),
            Selector::Stable => stable(),
            Selector::OldStable => {
                stable().and_then(|s| newest(&|r| r.is_stable() && r.version().series() < s.version().series()))
            }
        };
        found.ok_or_else(|| {
            let nearest = match selector {
                Selector::Exact(version) => newest(&|r| r.version().series() == version.series()),
                Selector::Series(major, minor) => newest(&|r| r.version().series() == (*major, *minor)),
                Selector::Stable | Selector::OldStable => None,
            };
            ReleaseError::ReleaseNotFound {
                selector: selector.to_string(),
                nearest: nearest.or_else(stable).map(|r| *r.version()),
            }
        })
    }
}
