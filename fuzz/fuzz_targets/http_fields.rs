#![no_main]

use goverify_fuzz::{plant, http_fields};

libfuzzer_sys::fuzz_target!(init: plant(http_fields::seeds, http_fields::check), |input: &[u8]| {
    http_fields::check(input);
});
