//! What a mirror's keeper may call several releases at once.
//!
//! - whatever names one release ([`Selector`]) names that one;
//! - `all` is every full release, `all>=1.24` those from go1.24 on, in Go's own order. Pre-releases have to be named.

use std::fmt;
use std::str::FromStr;

use super::version::parse_parts;
use super::{Release, ReleaseError, ReleaseIndex, Selector, Version};

/// A way to choose any number of releases of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// This one.
    One(Selector),
    /// All full releases.
    All,
    /// The full releases from this one on; it need not exist.
    From(Version),
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(selector) => selector.fmt(f),
            Self::All => f.write_str("all"),
            Self::From(version) => write!(f, "all>={version}"),
        }
    }
}

impl FromStr for Selection {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        match text.strip_prefix("all") {
            Some("") => Ok(Self::All),
            Some(rest) => {
                let from = rest.strip_prefix(">=").and_then(parse_parts);
                from.map(|(version, _)| Self::From(version)).ok_or_else(|| ReleaseError::Version(text.to_owned()))
            }
            None => text.parse().map(Self::One),
        }
    }
}

impl ReleaseIndex {
    /// The releases that a selection names in this index.
    ///
    /// # Errors
    /// [`ReleaseError::ReleaseNotFound`] when there is none.
    pub fn select_all(&self, selection: &Selection) -> Result<Vec<&Release>, ReleaseError> {
        let from = match selection {
            Selection::One(selector) => return self.select(selector).map(|release| vec![release]),
            Selection::All => None,
            Selection::From(version) => Some(version),
        };
        let wanted = |release: &&Release| release.is_stable() && from.is_none_or(|from| release.version() >= from);
        let found: Vec<_> = self.releases().iter().filter(wanted).collect();
        if found.is_empty() {
            return Err(ReleaseError::ReleaseNotFound { selector: selection.to_string(), nearest: None });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_name_what_they_say() {
        let release = |version: &str, stable| format!(r#"{{"version":"{version}","stable":{stable},"files":[]}}"#);
        let listed = [
            ("go1.9.2", true),
            ("go1.23.9", true),
            ("go1.24rc2", false),
            ("go1.24.0", true),
            ("go1.24.5", true),
            ("go1.25rc1", false),
        ];
        let index = listed.map(|(version, stable)| release(version, stable)).join(",");
        let index = ReleaseIndex::parse(format!("[{index}]").as_bytes()).unwrap();
        let names = |text: &str| -> Vec<String> {
            let selection: Selection = text.parse().unwrap();
            index.select_all(&selection).unwrap().iter().map(|release| release.version().to_string()).collect()
        };
        assert_eq!(names("all"), ["go1.9.2", "go1.23.9", "go1.24.0", "go1.24.5"]);
        assert_eq!(names("all>=1.24"), ["go1.24.0", "go1.24.5"]);
        assert_eq!(names("all>=go1.24rc1"), ["go1.24.0", "go1.24.5"]);
        assert_eq!(names("all>=1.24.1"), ["go1.24.5"]);
        assert_eq!(names("1.24"), ["go1.24.5"]);
        assert_eq!(names("1.25rc1"), ["go1.25rc1"]);
        assert_eq!(names("oldstable"), ["go1.23.9"]);
        let none = index.select_all(&"all>=1.26".parse().unwrap()).unwrap_err();
        assert_eq!(none, ReleaseError::ReleaseNotFound { selector: "all>=go1.26".to_owned(), nearest: None });
        for bad in ["all>1.24", "all>=", "all>= 1.24", "all>=x", "allx", "ALL", "all>=1.24;rm"] {
            assert_eq!(bad.parse::<Selection>(), Err(ReleaseError::Version(bad.to_owned())), "{bad}");
        }
    }
}
