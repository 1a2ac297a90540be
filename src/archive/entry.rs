//! Paths of archive entries, as strict as the strictest system that could unpack them.
//!
//! A path is relative, `/`-separated and NFC-normalised UTF-8. Refused on every system, so that a verdict
//! does not depend on where it was reached:
//!
//! - empty paths and components, `.` and `..`, a leading `/`, components over 255 bytes, paths over 1,024
//!   bytes, more than 64 components;
//! - control characters, backslash and `: < > " | ? *`, which are separators, drives, streams or wildcards on
//!   Windows (GO-2023-2185, CVE-2026-29786);
//! - components that end in a dot or a space, which Windows strips;
//! - device names with any extension, superscript digits included (CVE-2024-51756, GO-2023-2186);
//! - names like `ANDROI~2`, which may be another file's 8.3 alias.
//!
//! Real releases lose nothing by this: their longest path has 108 bytes and 14 components.

use std::fmt;

use unicode_normalization::is_nfc;

/// Longest path in bytes.
const PATH_LENGTH_LIMIT_BYTES: usize = 1024;
/// Longest component in bytes: NAME_MAX of common file systems.
const COMPONENT_LENGTH_LIMIT_BYTES: usize = 255;
/// Most components of a path.
const DEPTH_LIMIT: usize = 64;

/// A path that cannot leave the directory it is resolved in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryPath(Box<str>);

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// Nothing there.
    #[error("empty path or component")]
    Empty,
    /// `.` or `..`.
    #[error("\".\" or \"..\" as a component")]
    Dots,
    /// Starts at a root.
    #[error("absolute path")]
    Absolute,
    /// A character that is special on some system.
    #[error("forbidden character")]
    Character,
    /// Would name another file on Windows.
    #[error("component that ends in a dot or a space")]
    TrailingDotOrSpace,
    /// CON, NUL and the like.
    #[error("name of a Windows device")]
    Device,
    /// `NAME~1`.
    #[error("looks like an 8.3 alias")]
    ShortName,
    /// Path, component or depth beyond the limits.
    #[error("too long or too deep")]
    TooLong,
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// UTF-8 in another form than NFC.
    #[error("not in Unicode's normalization form C")]
    NotNfc,
}

impl EntryPath {
    /// Parses the bytes of an entry's name, without a directory's final slash.
    ///
    /// # Errors
    /// The rule of this module that the path breaks.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathFault> {
        let path = std::str::from_utf8(bytes).map_err(|_| PathFault::NotUtf8)?;
        if path.starts_with('/') {
            return Err(PathFault::Absolute);
        }
        if path.len() > PATH_LENGTH_LIMIT_BYTES {
            return Err(PathFault::TooLong);
        }
        let mut depth = 0;
        for component in path.split('/') {
            depth += 1;
            check_component(component)?;
        }
        if depth > DEPTH_LIMIT {
            return Err(PathFault::TooLong);
        }
        if !path.is_ascii() && !is_nfc(path) {
            return Err(PathFault::NotNfc);
        }
        Ok(Self(path.into()))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below `directory`, if it is below it.
    #[must_use]
    pub fn below(&self, directory: &str) -> Option<Self> {
        let rest = self.0.strip_prefix(directory)?.strip_prefix('/')?;
        Some(Self(rest.into()))
    }

    /// The directory and the last component; the directory of a single component is empty.
    #[must_use]
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn check_component(component: &str) -> Result<(), PathFault> {
    match component {
        "" => return Err(PathFault::Empty),
        "." | ".." => return Err(PathFault::Dots),
        _ => {}
    }
    if component.len() > COMPONENT_LENGTH_LIMIT_BYTES {
        return Err(PathFault::TooLong);
    }
    let special = |b: u8| b.is_ascii_control() || matches!(b, b'\\' | b':' | b'<' | b'>' | b'"' | b'|' | b'?' | b'*');
    // The controls beyond ASCII are U+0080 to U+009F.
    if component.bytes().any(special) || !component.is_ascii() && component.contains(char::is_control) {
        return Err(PathFault::Character);
    }
    if component.ends_with(['.', ' ']) {
        return Err(PathFault::TrailingDotOrSpace);
    }
    if is_device(component) {
        return Err(PathFault::Device);
    }
    if is_short_name(component) {
        return Err(PathFault::ShortName);
    }
    Ok(())
}

/// Windows takes `NUL`, `nul.txt` and `COM¹ .c` for devices in every directory.
fn is_device(component: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let stem = component.split('.').next().unwrap_or_default().trim_end_matches(' ');
    if DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device)) {
        return true;
    }
    stem.split_at_checked(3).is_some_and(|(port, number)| {
        (port.eq_ignore_ascii_case("COM") || port.eq_ignore_ascii_case("LPT"))
            && matches!(number, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
    })
}

/// 8.3 aliases: up to six characters, a tilde and a number, before the extension.
fn is_short_name(component: &str) -> bool {
    if !component.contains('~') {
        return false;
    }
    let stem = component.split('.').next().unwrap_or_default();
    stem.rsplit_once('~').is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_leave_the_tree_or_name_another_file_is_refused() {
        let deep = vec!["a"; 65].join("/");
        let long_component = "a".repeat(256);
        let long_path = vec!["a".repeat(200); 6].join("/");
        for (path, fault) in [
            ("../x", PathFault::Dots),
            ("a/../../x", PathFault::Dots),
            ("go/..", PathFault::Dots),
            ("./x", PathFault::Dots),
            (".", PathFault::Dots),
            ("", PathFault::Empty),
            ("a//b", PathFault::Empty),
            ("a/", PathFault::Empty),
            ("/etc/x", PathFault::Absolute),
            ("//x", PathFault::Absolute),
            ("C:\\x", PathFault::Character),
            ("C:x", PathFault::Character),
            ("\\\\?\\x", PathFault::Character),
            ("a\\b", PathFault::Character),
            ("a\0b", PathFault::Character),
            ("a\u{7f}", PathFault::Character),
            ("a\u{85}", PathFault::Character),
            ("a*", PathFault::Character),
            ("a.", PathFault::TrailingDotOrSpace),
            ("a /b", PathFault::TrailingDotOrSpace),
            ("CON", PathFault::Device),
            ("a/nul.txt", PathFault::Device),
            ("Com1.c", PathFault::Device),
            ("COM¹", PathFault::Device),
            ("lpt².x", PathFault::Device),
            ("NUL .txt", PathFault::Device),
            ("ANDROI~2", PathFault::ShortName),
            ("a/x~10.go", PathFault::ShortName),
            (deep.as_str(), PathFault::TooLong),
            (long_component.as_str(), PathFault::TooLong),
            (long_path.as_str(), PathFault::TooLong),
            ("e\u{301}.go", PathFault::NotNfc),
        ] {
            assert_eq!(EntryPath::parse(path.as_bytes()), Err(fault), "{path:?}");
        }
        assert_eq!(EntryPath::parse(b"a\xff"), Err(PathFault::NotUtf8));
    }

    #[test]
    fn their_neighbours_are_accepted() {
        let deep = vec!["a"; 64].join("/");
        let long_component = "a".repeat(255);
        let longest_path = vec!["a".repeat(204); 5].join("/");
        assert_eq!(longest_path.len(), PATH_LENGTH_LIMIT_BYTES);
        for path in [
            "x",
            "a/..x",
            "a/x..y",
            "...x",
            ".gitattributes",
            "a b/c",
            "CONS",
            "nul_.txt",
            "COM10",
            "COM",
            "a/lpt.x",
            "x~",
            "x~1y",
            "~x/é.go",
            "go/test/fixedbugs/issue27836.dir/Þfoo.go",
            deep.as_str(),
            long_component.as_str(),
            longest_path.as_str(),
        ] {
            assert_eq!(EntryPath::parse(path.as_bytes()).map(|p| p.as_str().to_owned()), Ok(path.to_owned()));
        }
    }

    #[test]
    fn a_path_is_quoted_where_it_is_debugged() {
        assert_eq!(format!("{:?}", EntryPath::parse(b"go/a b").unwrap()), "\"go/a b\"");
    }
}
