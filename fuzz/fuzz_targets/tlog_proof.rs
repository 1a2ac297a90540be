#![no_main]

use goverify_fuzz::{plant, tlog_proof};

libfuzzer_sys::fuzz_target!(init: plant(tlog_proof::seeds, tlog_proof::check), |input: &[u8]| {
    tlog_proof::check(input);
});
