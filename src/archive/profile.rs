//! What one release's archive may hold beyond the common rules: the few exceptions that were really published.

use crate::release::ArchiveName;

/// The rules for one archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Profile {
    /// Top-level directories beside `go` that are read and checked, but never unpacked.
    pub(super) stray_directories: &'static [&'static str],
    /// Modes of files and directories that stand for 0644 and 0755.
    pub(super) read_only_modes: bool,
}

/// One row an archive: its name, what it holds beyond the rules, and the source that says so.
const EXCEPTIONS: [(&str, Profile); 2] = [
    // golang/go#29906: a build cache and a temporary folder were packed as well.
    ("go1.11.5.linux-amd64.tar.gz", Profile { stray_directories: &["gocache", "tmp"], ..COMMON }),
    ("go1.10.8.linux-amd64.tar.gz", Profile { stray_directories: &["gocache", "tmp"], ..COMMON }),
];

/// golang/go#32519: this pre-release was packed with modes 0444 and 0555, for every platform.
const READ_ONLY_RELEASE: &str = "go1.13beta1";

const COMMON: Profile = Profile { stray_directories: &[], read_only_modes: false };

impl Profile {
    pub(super) fn of(name: &ArchiveName) -> Self {
        let text = name.to_string();
        let exception = EXCEPTIONS.iter().find(|(exception, _)| *exception == text);
        let profile = exception.map_or(COMMON, |(_, profile)| *profile);
        Self { read_only_modes: name.version().to_string() == READ_ONLY_RELEASE, ..profile }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_holds_for_its_release_alone() {
        let of = |name: &str| Profile::of(&name.parse().unwrap());
        assert_eq!(of("go1.11.5.linux-amd64.tar.gz").stray_directories, ["gocache", "tmp"]);
        assert!(of("go1.13beta1.linux-amd64.tar.gz").read_only_modes);
        for common in ["go1.11.5.linux-arm64.tar.gz", "go1.11.4.linux-amd64.tar.gz", "go1.13.linux-amd64.tar.gz"] {
            assert_eq!(of(common), COMMON, "{common}");
        }
    }
}
