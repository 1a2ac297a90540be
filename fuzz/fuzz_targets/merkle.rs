#![no_main]

use goverify_fuzz::{merkle, plant};

libfuzzer_sys::fuzz_target!(init: plant(merkle::seeds, merkle::check), |input: &[u8]| {
    merkle::check(input);
});
