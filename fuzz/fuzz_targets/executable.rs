#![no_main]

use goverify_fuzz::{executable, plant};

libfuzzer_sys::fuzz_target!(init: plant(executable::seeds, executable::check), |input: &[u8]| {
    executable::check(input);
});
