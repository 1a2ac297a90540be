//! Zip archives, whole, the way of a download: never verified without the right digest, and accepted only if the
//! entries are.
//!
//! The first octet says whether what is said of the entries elsewhere is repaired (`repair.rs`).

use std::sync::LazyLock;

use goverify::archive::fuzzing;
use goverify::release::ArchiveName;

use crate::archives::{only_unsigned, piece_bytes, worth_the_way};
use crate::support::sdk::Sdk;
use crate::support::zip_entry::{ZipEntry, zip};
use crate::{Seed, repair};

static NAME: LazyLock<ArchiveName> = LazyLock::new(|| "go1.22.5.windows-amd64.zip".parse().unwrap());

pub fn seeds() -> Vec<Seed> {
    let sdk = Sdk::minimal("go1.22.5", "windows/amd64");
    let mut shadowed = sdk.zip_entries();
    shadowed.push(ZipEntry::file("go/src/shadow", "x").edit(|entry| entry.listed = 0));
    let seeds = [
        Seed::accepted("minimal", sdk.archive()),
        Seed::accepted("several", Sdk::windows_amd64("go1.22.5").archive()),
        Seed::rejected("other-version", Sdk::minimal("go1.22.6", "windows/amd64").archive()),
        Seed::rejected("shadow", zip(&shadowed)),
    ];
    let forms = [0, 3, 1, 0];
    seeds.into_iter().zip(forms).map(|(seed, form)| seed.in_form(form)).collect()
}

pub fn check(input: &[u8]) -> bool {
    let archive = &*repair::zip(input);
    let alone = fuzzing::zip(archive, piece_bytes(archive)).map(|(manifest, _)| manifest);
    if alone.is_err() && !worth_the_way(archive) {
        return false;
    }
    let Some(verified) = only_unsigned(archive, &NAME) else { return false };
    assert_eq!(alone.as_ref(), Ok(verified.manifest()), "the reader by itself");
    true
}
