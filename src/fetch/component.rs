//! Names of files in a mirror: one component, of letters, digits and `._+-`, not beginning with a dot.

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
}
