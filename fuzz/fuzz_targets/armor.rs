#![no_main]

use goverify_fuzz::{armor, plant};

libfuzzer_sys::fuzz_target!(init: plant(armor::seeds, armor::check), |input: &[u8]| {
    armor::check(input);
});
