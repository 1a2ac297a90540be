#![no_main]

use goverify_fuzz::{plant, tiles};

libfuzzer_sys::fuzz_target!(init: plant(tiles::seeds, tiles::check), |input: &[u8]| {
    tiles::check(input);
});
