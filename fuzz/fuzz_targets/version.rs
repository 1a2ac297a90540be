#![no_main]

use goverify_fuzz::{plant, version};

libfuzzer_sys::fuzz_target!(init: plant(version::seeds, version::check), |input: &[u8]| {
    version::check(input);
});
