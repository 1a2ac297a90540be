//! Versions, platforms, targets, selectors, names of archives and hashes of the log: what is parsed says the same when
//! it is written and parsed again, and holds nothing that a path or a URL could take for more than a name.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use goverify::release::{ArchiveName, Platform, Selector, Target, Version};
use goverify::trust::H1;

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    let accepted = [
        "go1.22.5",
        "1.20",
        "go1.23rc1",
        "1.9beta2",
        "1.22",
        "stable",
        "oldstable",
        "linux/amd64",
        "linux-armv6l",
        "src",
        "go1.22.5.linux-amd64.tar.gz",
        "go1.22.5.windows-386.zip",
        "go1.20.src.tar.gz",
        "go1.6beta1.linux-arm6.tar.gz",
        "h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=",
    ];
    let rejected = ["go1.022.5", "go1.22.5.linux-arm.tar.gz", "go1.22.5;rm", "../go1.22.5.src.tar.gz", "Linux/amd64"];
    let name = |text: &str| text.replace(['/', ':'], "_");
    let accepted = accepted.iter().map(|&text| Seed::accepted(name(text), text));
    accepted.chain(rejected.iter().map(|&text| Seed::rejected(name(text), text))).collect()
}

pub fn check(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let version = again::<Version>(text);
    let selector = again::<Selector>(text);
    let platform = again::<Platform>(text);
    let target = again::<Target>(text);
    let name = again::<ArchiveName>(text);
    if let Some(version) = version {
        assert_eq!(selector, Some(Selector::Exact(version)));
    }
    if let Some(platform) = &platform {
        assert_eq!(target, Some(Target::Platform(platform.clone())));
    }
    if let Some(name) = &name {
        assert!(text == name.to_string() || text == "go1.6beta1.linux-arm6.tar.gz", "{text:?} is {name}");
        assert_eq!(*name, ArchiveName::new(*name.version(), name.target().clone()));
        plain(text);
    }
    if version.is_some() || platform.is_some() {
        plain(&text.replacen('/', "-", 1));
    }
    let h1 = again::<H1>(text);
    assert!(h1.is_none_or(|h1| h1.to_string() == text), "{text:?} is another text of a hash");
    selector.is_some() || target.is_some() || name.is_some() || h1.is_some()
}

fn again<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    let again = value.to_string().parse().ok();
    assert_eq!(again.as_ref(), Some(&value), "{text:?} is written as {value}");
    Some(value)
}

fn plain(text: &str) {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    assert!(text.chars().all(harmless) && text.len() <= 100 && !text.contains(".."), "{text:?}");
}
