#![no_main]

use goverify_fuzz::{plant, project};

libfuzzer_sys::fuzz_target!(init: plant(project::seeds, project::check), |input: &[u8]| {
    project::check(input);
});
