#![no_main]

use goverify_fuzz::{note, plant};

libfuzzer_sys::fuzz_target!(init: plant(note::seeds, note::check), |input: &[u8]| {
    note::check(input);
});
