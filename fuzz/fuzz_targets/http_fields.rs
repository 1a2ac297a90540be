#![no_main]

use goverify_fuzz::{http_fields, plant};

libfuzzer_sys::fuzz_target!(init: plant(http_fields::seeds, http_fields::check), |input: &[u8]| {
    http_fields::check(input);
});
