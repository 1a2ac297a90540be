#![no_main]

use goverify_fuzz::{plant, receipt};

libfuzzer_sys::fuzz_target!(init: plant(receipt::seeds, receipt::check), |input: &[u8]| {
    receipt::check(input);
});
