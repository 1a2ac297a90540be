#![no_main]

use goverify_fuzz::{plant, zip_readers};

libfuzzer_sys::fuzz_target!(init: plant(zip_readers::seeds, zip_readers::check), |input: &[u8]| {
    zip_readers::check(input);
});
