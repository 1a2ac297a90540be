//! How a release is named on the command line.

use std::str::FromStr;

#[cfg(feature = "net")]
use goverify::release::Target;
use goverify::release::{ReleaseError, Selector};

/// A release, or what the project asks for.
#[derive(Clone)]
pub(crate) enum Choice {
    Auto,
    Release(Selector),
}

impl FromStr for Choice {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Release) }
    }
}

/// A word of `fetch`: a release, or a platform to fetch each of the releases for.
#[cfg(feature = "net")]
#[derive(Clone)]
pub(crate) enum Wanted {
    Release(Choice),
    Target(Target),
}

#[cfg(feature = "net")]
impl FromStr for Wanted {
    type Err = ReleaseError;

    /// No version is a platform, nor the other way round; what is neither is told as what it looks like.
    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        match (text.parse(), text.parse()) {
            (_, Ok(target)) => Ok(Self::Target(target)),
            (Ok(choice), _) => Ok(Self::Release(choice)),
            (Err(_), Err(error)) if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.contains('/') => {
                Err(error)
            }
            (Err(error), Err(_)) => Err(error),
        }
    }
}
