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

impl Selector {
    /// Which of these is meant, each of which comes with whether it is a full release.
    #[must_use]
    pub fn choose(&self, offered: &[(Version, bool)]) -> Option<Version> {
        let newest = |wanted: &dyn Fn(&Version) -> bool| {
            offered.iter().filter(|(version, is_full)| *is_full && wanted(version)).map(|(version, _)| *version).max()
        };
        let stable = || newest(&|_| true);
        match self {
            Self::Exact(version) => offered.iter().map(|(version, _)| *version).find(|offered| offered == version),
            Self::Series(major, minor) => newest(&|version| version.series() == (*major, *minor)),
            Self::Stable => stable(),
            Self::OldStable => stable().and_then(|stable| newest(&|version| version.series() < stable.series())),
        }
    }
}

impl ReleaseIndex {
    /// The release that `selector` names in this index.
    ///
    /// # Errors
    /// [`ReleaseError::ReleaseNotFound`] when there is none.
    pub fn select(&self, selector: &Selector) -> Result<&Release, ReleaseError> {
        let offered: Vec<_> = self.releases().iter().map(|r| (*r.version(), r.is_stable())).collect();
        let chosen = selector.choose(&offered);
        chosen.and_then(|chosen| self.releases().iter().find(|r| *r.version() == chosen)).ok_or_else(|| {
            let series = match selector {
                Selector::Exact(version) => Some(version.series()),
                Selector::Series(major, minor) => Some((*major, *minor)),
                Selector::Stable | Selector::OldStable => None,
            };
            let in_series = offered.iter().map(|(version, _)| *version).filter(|v| Some(v.series()) == series).max();
            ReleaseError::ReleaseNotFound {
                selector: selector.to_string(),
                nearest: in_series.or_else(|| Selector::Stable.choose(&offered)),
            }
        })
    }
}
