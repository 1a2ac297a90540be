//! Versions as the `go` command compares them (internal/gover), which knows more of them than there are releases:
//! `1.22`, the language, before `1.22rc1`, before `1.22.0`.

/// Most digits of a number that is understood.
const DIGITS_LIMIT: usize = 9;
/// The first series whose language version is older than its first release.
const FIRST_WITH_LANGUAGE: (u32, u32) = (1, 21);

/// A version of Go or of its language. The order of the fields is that of comparison.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GoVersion {
    series: (u32, u32),
    patch: Option<u32>,
    /// Nothing, `alpha`, `beta` or `rc`.
    kind: String,
    number: Option<u32>,
}

impl GoVersion {
    /// Of a text without `go`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (major, rest) = number(text)?;
        let plain = |series, patch| Self { series, patch, kind: String::new(), number: None };
        if rest.is_empty() {
            return Some(plain((major, 0), Some(0)));
        }
        let (minor, rest) = number(rest.strip_prefix('.')?)?;
        let series = (major, minor);
        if rest.is_empty() {
            return Some(plain(series, (series < FIRST_WITH_LANGUAGE).then_some(0)));
        }
        if let Some(rest) = rest.strip_prefix('.') {
            let (patch, rest) = number(rest)?;
            return rest.is_empty().then(|| plain(series, Some(patch)));
        }
        let kind = rest.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = rest.strip_prefix(kind)?;
        if kind.is_empty() || !kind.chars().all(|c| c.is_ascii_lowercase()) {
            return None;
        }
        let number = match digits {
            "" => None,
            digits => Some(number(digits)?.0),
        };
        Some(Self { series, patch: None, kind: kind.to_owned(), number })
    }

    /// Of a tool chain's name: `go1.22.5`, with a suffix of whoever built it perhaps.
    pub(super) fn of_toolchain(name: &str) -> Option<Self> {
        if name.contains(['/', '\\']) {
            return None;
        }
        Self::parse(name.strip_prefix("go")?.split([' ', '\t', '-']).next()?)
    }

    /// Whether it is a language version, whose first release has another name.
    pub(super) fn is_language(&self) -> bool {
        self.patch.is_none() && self.kind.is_empty()
    }
}

/// A decimal number without leading zeros, and what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(length)?;
    let is_plain = length == 1 || (1..=DIGITS_LIMIT).contains(&length) && !digits.starts_with('0');
    Some((digits.parse().ok().filter(|_| is_plain)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_go_orders_them() {
        let ordered = ["1", "1.9rc1", "1.9", "1.20", "1.21", "1.21rc1", "1.21rc2", "1.21.0", "1.21.1", "1.22", "2.0.1"];
        let parsed: Vec<_> = ordered.iter().map(|text| GoVersion::parse(text).unwrap()).collect();
        assert!(parsed.is_sorted() && parsed.windows(2).all(|pair| pair[0] != pair[1]), "{parsed:#?}");
        assert_eq!(GoVersion::parse("1.20.0"), GoVersion::parse("1.20"));
        for bad in ["", "go1.2", "1.", "1.02", "1.2.3rc1", "1.2-x", "1.2.3.4", "x", "1.21RC1"] {
            assert_eq!(GoVersion::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn tool_chains_have_names() {
        assert_eq!(GoVersion::of_toolchain("go1.22.5-custom"), GoVersion::parse("1.22.5"));
        assert!(GoVersion::of_toolchain("go1.99").unwrap().is_language());
        for bad in ["1.22.5", "gox", "go1.22.5/x", "default"] {
            assert_eq!(GoVersion::of_toolchain(bad), None, "{bad}");
        }
    }
}
