//! Whether the release still gets fixes, as an index tells.
//!
//! The Go team supports each major release until there are two newer ones (<https://go.dev/doc/devel/release#policy>).

use super::super::Chain;
use super::super::finding::{Finding, Kind, fetch};
use super::super::program::first_word;
use crate::release::{ReleaseIndex, Selector, Version};

pub(super) fn check(chain: &Chain, index: &ReleaseIndex) -> Option<Finding> {
    // Of what the first go hands over to, if it does.
    let version: Version =
        first_word(&chain.env.text("GOVERSION")).parse().ok().or_else(|| chain.gos.first()?.release())?;
    let evidence = format!("GOROOT={} ({version})", chain.env.text("GOROOT"));
    let select = |selector| index.select(&selector).ok().map(|release| *release.version());
    let finding = |kind, message, to: Version| Some(Finding::new(kind, message, &evidence, fetch(&to.to_string())));
    let newest = select(Selector::Stable)?;
    let supported = select(Selector::OldStable).unwrap_or(newest).series();
    if version.series() < supported {
        let message = format!("{version} gets no security fixes any more; the newest release is {newest}");
        return finding(Kind::ReleaseUnsupported, message, newest);
    }
    let (major, minor) = version.series();
    if let Some(fixed) = select(Selector::Series(major, minor)).filter(|fixed| *fixed > version) {
        return finding(Kind::ReleaseOutdated, format!("{version} lacks the fixes of {fixed}"), fixed);
    }
    if select(Selector::Exact(version)).is_none() {
        return finding(Kind::ReleaseUnknown, format!("the index does not list {version}"), newest);
    }
    None
}
