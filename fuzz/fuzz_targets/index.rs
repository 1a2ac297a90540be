#![no_main]

use goverify_fuzz::{index, plant};

libfuzzer_sys::fuzz_target!(init: plant(index::seeds, index::check), |input: &[u8]| {
    index::check(input);
});
