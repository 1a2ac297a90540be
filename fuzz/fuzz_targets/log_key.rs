#![no_main]

use goverify_fuzz::{log_key, plant};

libfuzzer_sys::fuzz_target!(init: plant(log_key::seeds, log_key::check), |input: &[u8]| {
    log_key::check(input);
});
