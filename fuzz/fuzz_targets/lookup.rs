#![no_main]

use goverify_fuzz::{lookup, plant};

libfuzzer_sys::fuzz_target!(init: plant(lookup::seeds, lookup::check), |input: &[u8]| {
    lookup::check(input);
});
