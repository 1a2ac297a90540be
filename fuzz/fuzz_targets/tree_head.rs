#![no_main]

use goverify_fuzz::{plant, tree_head};

libfuzzer_sys::fuzz_target!(init: plant(tree_head::seeds, tree_head::check), |input: &[u8]| {
    tree_head::check(input);
});
