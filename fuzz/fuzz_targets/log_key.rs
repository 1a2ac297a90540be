#![no_main]

use goverify_fuzz::{plant, log_key};

libfuzzer_sys::fuzz_target!(init: plant(log_key::seeds, log_key::check), |input: &[u8]| {
    log_key::check(input);
});
