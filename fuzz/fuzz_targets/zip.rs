#![no_main]

use goverify_fuzz::{plant, zip};

libfuzzer_sys::fuzz_target!(init: plant(zip::seeds, zip::check), |input: &[u8]| {
    zip::check(input);
});
