//! Figures that tests leave for whoever asks how much was tried, and how long a form of a test is asked for.
//!
//! `GOVERIFY_FIGURES` names a file that gets one line a figure: its name, a space, a number. Lines of one name add up.
//! `GOVERIFY_LONG=1` asks for every case of a sweep where the quick form takes some.

use std::fs::OpenOptions;
use std::io::Write;

/// Adds to a figure.
pub fn count(figure: &str, number: usize) {
    let Some(path) = std::env::var_os("GOVERIFY_FIGURES") else { return };
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    // In one call, since many processes append.
    file.write_all(format!("{figure} {number}\n").as_bytes()).unwrap();
}

/// Whether every case is wanted, however long that takes.
pub fn long() -> bool {
    std::env::var_os("GOVERIFY_LONG").is_some_and(|value| value == "1")
}

/// The distance between the cases of a sweep that are tried: `quick`, or 1 in the long form.
pub fn stride(quick: usize) -> usize {
    if long() { 1 } else { quick }
}
