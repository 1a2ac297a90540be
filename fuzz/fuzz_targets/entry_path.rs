#![no_main]

use goverify_fuzz::{entry_path, plant};

libfuzzer_sys::fuzz_target!(init: plant(entry_path::seeds, entry_path::check), |input: &[u8]| {
    entry_path::check(input);
});
