#![no_main]

use goverify_fuzz::{plant, signature};

libfuzzer_sys::fuzz_target!(init: plant(signature::seeds, signature::check), |input: &[u8]| {
    signature::check(input);
});
