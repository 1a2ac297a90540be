#![no_main]

use goverify_fuzz::{plant, tar_readers};

libfuzzer_sys::fuzz_target!(init: plant(tar_readers::seeds, tar_readers::check), |input: &[u8]| {
    tar_readers::check(input);
});
