//! Patience with files that somebody else holds open for a moment, as virus scanners and indexers on Windows do.
//!
//! There a rename fails while any file below the directory is open without leave to delete it. Such an error is met
//! by trying again, ten times in about a second; any other error is one at once.

use std::io;
use std::time::Duration;

/// Tries of a rename before its error counts.
const TRIES: u32 = 10;
/// The pause after the first try; each further one is longer by as much.
const PAUSE: Duration = Duration::from_millis(20);
/// winerror.h; Rust has no kind of error for it.
const ERROR_SHARING_VIOLATION: i32 = 32;

/// Whether somebody else holds what was to be opened or renamed; a scanner that denies it for a moment looks the same
/// as somebody who denies it for good.
pub(super) fn is_held(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) || error.kind() == io::ErrorKind::PermissionDenied
}

/// Tries until it succeeds, fails for another reason, or has failed often enough; `pause` waits in between.
pub(super) fn patiently<T>(
    mut pause: impl FnMut(Duration),
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    for tries in 1..TRIES {
        match attempt() {
            Err(error) if is_held(&error) => pause(PAUSE * tries),
            result => return result,
        }
    }
    attempt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> io::Error {
        io::Error::from_raw_os_error(ERROR_SHARING_VIOLATION)
    }

    /// How many tries were made, how long all pauses took, and what came of it.
    fn run(mut results: impl FnMut(u32) -> io::Result<()>) -> (u32, Duration, Result<(), io::ErrorKind>) {
        let (mut tries, mut paused) = (0, Duration::ZERO);
        let result = patiently(
            |pause| paused += pause,
            || {
                tries += 1;
                results(tries)
            },
        );
        (tries, paused, result.map_err(|error| error.kind()))
    }

    #[test]
    fn f14_a_rename_that_a_scanner_holds_up_is_tried_ten_times() {
        assert_eq!(run(|_| Ok(())), (1, Duration::ZERO, Ok(())));
        assert_eq!(run(|tries| if tries < 3 { Err(held()) } else { Ok(()) }), (3, PAUSE * 3, Ok(())));
        assert_eq!(run(|tries| if tries < TRIES { Err(held()) } else { Ok(()) }), (TRIES, PAUSE * 45, Ok(())));
        assert_eq!(run(|_| Err(held())), (TRIES, PAUSE * 45, Err(held().kind())));
        assert!(PAUSE * 45 < Duration::from_secs(1));
    }

    #[test]
    fn f14_what_nobody_holds_is_not_tried_again() {
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::AlreadyExists, io::ErrorKind::StorageFull] {
            assert_eq!(run(|_| Err(kind.into())), (1, Duration::ZERO, Err(kind)));
        }
        let denied = io::ErrorKind::PermissionDenied;
        assert_eq!(run(|_| Err(denied.into())).0, TRIES);
    }
}
