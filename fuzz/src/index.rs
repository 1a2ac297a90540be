//! The index of releases: what is accepted, serde_json reads as well and counts as many releases in it; what can be
//! selected keeps the rules of a release's file.

use goverify::release::{ArchiveName, INDEX_SIZE_LIMIT_BYTES, ReleaseIndex, Selector};
use serde_json::Value;

use crate::Seed;

const FILES: &str = r#"[
  {"filename": "go1.22.5.linux-amd64.tar.gz", "os": "linux", "arch": "amd64", "version": "go1.22.5", "kind": "archive",
   "sha256": "904b924d435eaea086515bc63235b192ea441bd8c9b198c507e85009e6e4c7f0", "size": 68988925},
  {"filename": "go1.22.5.src.tar.gz", "os": "", "arch": "", "version": "go1.22.5", "kind": "source",
   "sha256": "ac9c723f224969aee624bc34fd34c9e13f2a212d75c71c807de644bb46e112f6", "size": 27551410},
  {"filename": "go1.22.5.linux-armv6l.tar.gz", "os": "linux", "arch": "armv6l", "version": "go1.22.5",
   "kind": "archive", "sha256": "", "size": 0}]"#;

pub fn seeds() -> Vec<Seed> {
    let release = |version: &str, stable: bool| {
        let files = FILES.replace("go1.22.5", version);
        format!(r#"{{"version": "{version}", "stable": {stable}, "files": {files}}}"#)
    };
    let (full, candidate) = (release("go1.22.5", true), release("go1.23rc1", false));
    vec![
        Seed::accepted("one", format!("[{full}]")),
        Seed::accepted("two", format!("[{candidate}, {full}]")),
        Seed::accepted("unknown-key", format!("[{}]", full.replacen('{', r#"{"more": [{"a": -1.5e3}, null], "#, 1))),
        Seed::accepted("escapes", format!("[{}]", full.replace("linux", r"l\u0069nux"))),
        Seed::accepted("bootstrap", format!("[{}]", full.replace("go1.22.5\", \"stable", "go1\", \"stable"))),
        Seed::rejected("repeated", format!("[{full}, {full}]")),
        Seed::rejected("repeated-key", format!("[{}]", full.replacen('{', r#"{"version": "go1.22.5", "#, 1))),
        Seed::rejected("stable-candidate", format!("[{}]", release("go1.23rc1", true))),
        Seed::rejected("deep", format!("[{}{}]", "[".repeat(20), "]".repeat(20))),
        Seed::rejected("page", "<!doctype html>"),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Ok(index) = ReleaseIndex::parse(input) else { return false };
    assert!(input.len() as u64 <= INDEX_SIZE_LIMIT_BYTES);
    let theirs: Value = serde_json::from_slice(input).unwrap();
    let listed: Vec<&str> = theirs.as_array().unwrap().iter().map(|r| r["version"].as_str().unwrap()).collect();
    assert!(index.releases().len() <= listed.len());
    for release in index.releases() {
        let version = release.version().to_string();
        assert_eq!(listed.iter().filter(|listed| **listed == version).count(), 1, "{version}");
        assert!(!(release.is_stable() && release.version().is_prerelease()), "{version}");
        assert_eq!(index.select(&version.parse().unwrap()), Ok(release));
        for target in release.targets() {
            let Ok(file) = release.file(&target) else { continue };
            assert_eq!((file.name().version(), file.name().target()), (release.version(), &target));
            assert_eq!(file.name().to_string().parse::<ArchiveName>().as_ref(), Ok(file.name()));
            assert!((1..=512 << 20).contains(&file.size_bytes()), "{}", file.name());
            let digest = hex::encode(file.sha256());
            let said = |value: &Value| value["sha256"] == *digest && value["filename"] == *file.name().to_string();
            let files = theirs.as_array().unwrap().iter().flat_map(|release| release["files"].as_array().unwrap());
            assert_eq!(files.filter(|value| said(value)).count(), 1, "{}", file.name());
        }
    }
    for selector in [Selector::Stable, Selector::OldStable, Selector::Series(1, 22)] {
        if let Ok(release) = index.select(&selector) {
            assert!(release.is_stable(), "{selector} is {}", release.version());
        }
    }
    true
}
