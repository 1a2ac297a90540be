//! Names of files in a mirror: one component, of letters, digits and `._+-`, not beginning with a dot. The paths of a
//! log's files are several of them, in which `@` may stand as well.

use super::FetchError;

/// Longest name of a file in a mirror, in bytes; file systems take no longer one.
const NAME_SIZE_LIMIT_BYTES: usize = 255;

/// Admits the name of one file in a mirror.
pub(super) fn component(name: &str) -> Result<&str, FetchError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
    let fits = (1..=NAME_SIZE_LIMIT_BYTES).contains(&name.len());
    if fits && name.bytes().all(allowed) && !name.starts_with('.') {
        Ok(name)
    } else {
        Err(FetchError::Name(name.to_owned()))
    }
}

/// Admits the path of a log's file, relative to where the log is.
pub(super) fn path(path: &str) -> Result<&str, FetchError> {
    let fits = |element: &str| component(&element.replacen('@', "+", 1)).is_ok();
    if path.split('/').all(fits) { Ok(path) } else { Err(FetchError::Name(path.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_single_components() {
        let longest = "x".repeat(255);
        for name in ["go1.22.5.linux-amd64.tar.gz.asc", "index.json", longest.as_str()] {
            assert!(component(name).is_ok(), "{name}");
        }
        let longer = "x".repeat(256);
        for name in ["", ".", "..", ".x", "a/b", "a\\b", "/a", "a:b", "a?b", "a%2fb", "a\0", longer.as_str()] {
            assert!(component(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn paths_are_several_components() {
        for good in ["latest", "tile/8/0/x001/234.p/5", "lookup/golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64"] {
            assert!(path(good).is_ok(), "{good}");
            assert!(component(good).is_err() || !good.contains(['/', '@']), "{good}");
        }
        for bad in ["", "/latest", "tile/", "tile//0", "tile/../x", "tile/./0", "a?b", "a#b", "a:b/c", "a/@@", ".x/y"] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
    }
}
