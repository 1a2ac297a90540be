#![no_main]

use goverify_fuzz::{gzip, plant};

libfuzzer_sys::fuzz_target!(init: plant(gzip::seeds, gzip::check), |input: &[u8]| {
    gzip::check(input);
});
