//! Signatures may not be older than what they sign.
//!
//! Signing subkeys expire, and a stolen expired one could still sign with a date from its lifetime. Such a
//! signature betrays itself by being older than the release: Go 1.N (N ≥ 21) comes out in the half-year that
//! begins with 2023-08-01 + 6 months · (N − 21), release candidates two months before, so no signature is older
//! than that less three months; and none is older than the release's own time in `VERSION` less one day.

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use crate::release::Version;

/// The series that came out in August 2023.
const ANCHOR_MINOR: u32 = 21;

/// How a signature's time contradicts the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeFault {
    /// Before the series was in development.
    #[error("made {created}, before {version} could exist ({floor})")]
    BeforeSeries {
        /// When the signature was made.
        created: Timestamp,
        /// What it signs.
        version: Version,
        /// The earliest plausible time.
        floor: Timestamp,
    },
    /// Before the archive was made.
    #[error("made {created}, more than a day before the release it signs ({released})")]
    BeforeRelease {
        /// When the signature was made.
        created: Timestamp,
        /// When the release was made.
        released: Timestamp,
    },
}

pub(super) fn check(version: Version, created: Timestamp, released: Option<Timestamp>) -> Result<(), TimeFault> {
    if let Some(floor) = series_floor(version)
        && created < floor
    {
        return Err(TimeFault::BeforeSeries { created, version, floor });
    }
    match released {
        Some(released) if created < released.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(released) => {
            Err(TimeFault::BeforeRelease { created, released })
        }
        _ => Ok(()),
    }
}

/// `None` for series before the rule begins.
fn series_floor(version: Version) -> Option<Timestamp> {
    let half_years = match version.series() {
        (1, minor) => minor.checked_sub(ANCHOR_MINOR)?,
        _ => 0,
    };
    let months = 6 * i64::from(half_years) - 3;
    // A series so far in the future that no date can name it has no honest signature yet.
    let floor = Span::new().try_months(months).and_then(|span| date(2023, 8, 1).checked_add(span));
    Some(floor.and_then(|day| day.to_zoned(TimeZone::UTC)).map_or(Timestamp::MAX, |day| day.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn at(version: &str, created: &str, released: Option<&str>) -> Result<(), TimeFault> {
        check(version.parse().unwrap(), time(created), released.map(time))
    }

    #[test]
    fn a_signature_is_not_older_than_its_series() {
        for (version, floor) in [
            ("go1.21.0", "2023-05-01T00:00:00Z"),
            ("go1.21rc2", "2023-05-01T00:00:00Z"),
            ("go1.22.5", "2023-11-01T00:00:00Z"),
            ("go1.27.1", "2026-05-01T00:00:00Z"),
        ] {
            assert_eq!(at(version, floor, None), Ok(()));
            let (floor, version) = (time(floor), version.parse().unwrap());
            let created = floor - SignedDuration::from_secs(1);
            assert_eq!(check(version, created, None), Err(TimeFault::BeforeSeries { created, version, floor }));
        }
        assert_eq!(at("go1.20.14", "2001-01-01T00:00:00Z", None), Ok(()));
        assert!(at("go1.99999.0", "2026-01-01T00:00:00Z", None).is_err());
    }

    #[test]
    fn a_signature_is_not_older_than_its_release() {
        let released = "2026-08-28T16:20:06Z";
        assert_eq!(at("go1.27.1", "2026-08-28T20:09:44Z", Some(released)), Ok(()));
        assert_eq!(at("go1.27.1", "2026-08-27T16:20:06Z", Some(released)), Ok(()));
        let created = "2026-08-27T16:20:05Z";
        let fault = TimeFault::BeforeRelease { created: time(created), released: time(released) };
        assert_eq!(at("go1.27.1", created, Some(released)), Err(fault));
    }
}
