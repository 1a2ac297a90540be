//! The fields of HTTP answers that are read by hand: `Content-Range` and `Retry-After`. What is accepted is what the
//! field says when it is written again (RFC 9110 §14.4 and §10.2.3).

use std::time::{Duration, SystemTime};

use goverify::fetch::fuzzing::{content_range, retry_after};

use crate::Seed;

/// Sun, 06 Nov 1994 08:49:30 GMT, seven seconds before the example of RFC 9110 §5.6.7.
const NOW: u64 = 784_111_770;

pub fn seeds() -> Vec<Seed> {
    vec![
        Seed::accepted("range", "bytes 42-1233/1234"),
        Seed::accepted("range-large", "Bytes 0-18446744073709551613/18446744073709551614"),
        Seed::accepted("seconds", "120"),
        Seed::accepted("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        Seed::accepted("date-rfc850", "Sunday, 06-Nov-94 08:49:37 GMT"),
        Seed::accepted("date-asctime", "Sun Nov  6 08:49:37 1994"),
        Seed::rejected("range-unsatisfied", "bytes */1234"),
        Seed::rejected("range-unknown", "bytes 42-1233/*"),
        Seed::rejected("range-backwards", "bytes 9-3/10"),
        Seed::rejected("past", "Sun, 06 Nov 1994 08:49:07 GMT"),
        Seed::rejected("negative", "-1"),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Ok(value) = std::str::from_utf8(input) else { return false };
    let range = content_range(value);
    if let Some((first, last, size)) = range {
        assert!(first <= last && last < size, "{value:?}");
        assert_eq!(content_range(&format!("bytes {first}-{last}/{size}")), range, "{value:?}");
        let digits = |text: &str| text.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).count();
        assert_eq!(digits(value), 3, "{value:?}");
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let wait = retry_after(value, now);
    if let Some(wait) = wait {
        assert!(range.is_none(), "{value:?} is both");
        assert_eq!(wait.subsec_nanos(), 0, "{value:?}");
        let seconds = wait.as_secs().to_string();
        assert_eq!(retry_after(&seconds, now), Some(wait), "{value:?}");
    }
    range.is_some() || wait.is_some()
}
