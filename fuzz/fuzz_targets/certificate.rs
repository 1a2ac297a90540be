#![no_main]

use goverify_fuzz::{certificate, plant};

libfuzzer_sys::fuzz_target!(init: plant(certificate::seeds, certificate::check), |input: &[u8]| {
    certificate::check(input);
});
