#![no_main]

use goverify_fuzz::{plant, tarball};

libfuzzer_sys::fuzz_target!(init: plant(tarball::seeds, tarball::check), |input: &[u8]| {
    tarball::check(input);
});
