//! Files of settings: the one that `go env -w` writes, and `go.env` in a GOROOT.
//!
//! - one `NAME=VALUE` a line, the value up to the line's end as it is; a line without `=`, or that does not begin with a
//!   capital letter, says nothing (`readEnvFile` in cmd/go/internal/cfg);
//! - of several lines for one name the last counts in the user's file, and the first in `go.env`;
//! - a file that cannot be read says nothing, to Go as well; one that is longer than any is not read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::files::{open_regular, read_bounded};

/// Longest file of settings that is read, in bytes; `go env -w` knows some eighty names.
const SIZE_LIMIT_BYTES: u64 = 1 << 20;

/// A file of settings.
#[derive(Clone, Debug, Default)]
pub(super) struct EnvFile {
    pub(super) path: PathBuf,
    /// Values with the numbers of their lines.
    settings: BTreeMap<String, (usize, OsString)>,
}

/// Which of several lines counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    First,
    Last,
}

impl EnvFile {
    pub(super) fn read(path: PathBuf, counts: Counts) -> Self {
        let content = open_regular(&path).and_then(|file| read_bounded(file, &path, SIZE_LIMIT_BYTES));
        let content = content.ok().filter(|content| content.len() as u64 <= SIZE_LIMIT_BYTES).unwrap_or_default();
        Self { path, settings: parse(&content, counts) }
    }

    pub(super) fn find(&self, name: &str) -> Option<(usize, &OsString)> {
        self.settings.get(name).map(|(line, value)| (*line, value))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn parse(content: &[u8], counts: Counts) -> BTreeMap<String, (usize, OsString)> {
    let mut settings = BTreeMap::new();
    for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
        let Some(at) = line.iter().position(|byte| *byte == b'=') else { continue };
        let Some((name, value)) = line.split_at_checked(at) else { continue };
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if !name.starts_with(|c: char| c.is_ascii_uppercase())
            || (counts == Counts::First && settings.contains_key(name))
        {
            continue;
        }
        settings.insert(name.to_owned(), (number, os_string(value.get(1..).unwrap_or_default())));
    }
    settings
}

/// Bytes of a file as the system's own text.
fn os_string(bytes: &[u8]) -> OsString {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        std::ffi::OsStr::from_bytes(bytes).to_owned()
    }
    #[cfg(not(unix))]
    {
        String::from_utf8_lossy(bytes).into_owned().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_as_they_do_for_go() {
        let content = b"# GOBIN=/no\nGOBIN=/a\n GOPATH=/no\nGOPATH\n=x\nGOBIN=/b=c \r\nlower=x\nGOFLAGS=\nGOPROXY=off";
        let values = |counts| -> Vec<(String, usize, OsString)> {
            parse(content, counts).into_iter().map(|(name, (line, value))| (name, line, value)).collect()
        };
        let setting = |name: &str, line, value: &str| (name.to_owned(), line, OsString::from(value));
        let others = [setting("GOFLAGS", 8, ""), setting("GOPROXY", 9, "off")];
        assert_eq!(values(Counts::Last), [&[setting("GOBIN", 6, "/b=c \r")], &others[..]].concat());
        assert_eq!(values(Counts::First), [&[setting("GOBIN", 2, "/a")], &others[..]].concat());
    }

    #[test]
    fn what_cannot_be_read_or_is_longer_than_any_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        assert!(EnvFile::read(path.clone(), Counts::Last).settings.is_empty());
        let line = "GOBIN=/a\n";
        std::fs::write(&path, line).unwrap();
        assert!(EnvFile::read(path.clone(), Counts::Last).find("GOBIN").is_some());
        let long = usize::try_from(SIZE_LIMIT_BYTES).unwrap() + 1 - line.len();
        std::fs::write(&path, format!("{line}{}", "#".repeat(long))).unwrap();
        assert!(EnvFile::read(path, Counts::Last).settings.is_empty());
        assert!(EnvFile::read(folder.path().to_owned(), Counts::Last).settings.is_empty());
    }
}
