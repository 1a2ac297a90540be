//! Tarballs, whole: the input is the tar stream, in a gzip member whose CRC-32 and length are right, and goes the way
//! of a download. It is never verified without its right digest, and is accepted only if its entries are.
//!
//! The first octet says whether the headers' checksums are repaired (`repair.rs`).

use std::sync::LazyLock;

use goverify::archive::fuzzing;
use goverify::release::ArchiveName;

use crate::archives::{only_unsigned, piece_bytes, stored_gzip, worth_the_way};
use crate::support::sdk::Sdk;
use crate::support::tar_entry::{TarEntry, tar};
use crate::{Seed, repair};

static NAME: LazyLock<ArchiveName> = LazyLock::new(|| "go1.22.5.src.tar.gz".parse().unwrap());

pub fn seeds() -> Vec<Seed> {
    let sdk = Sdk::minimal("go1.22.5", "src");
    let extended = TarEntry::extension(b'x', crate::support::tar_entry::pax_record("path", b"go/src/long"));
    let file = TarEntry::file("go/src/short", "content");
    let seeds = [
        Seed::accepted("minimal", sdk.tar()),
        Seed::accepted("several", Sdk::source("go1.22.5").tar()),
        Seed::accepted("pax", sdk.clone().with_entries([file.clone().after(extended)]).tar()),
        Seed::accepted("tail", [sdk.tar(), vec![0; 8 << 10]].concat()),
        Seed::rejected("other-version", Sdk::minimal("go1.22.6", "src").tar()),
        Seed::rejected("link", sdk.with_entries([TarEntry::link("go/src/link", "../../x")]).tar()),
        Seed::rejected("one-file", tar(&[file])),
    ];
    seeds.into_iter().enumerate().map(|(n, seed)| seed.in_form(u8::from(n % 2 == 1))).collect()
}

pub fn check(input: &[u8]) -> bool {
    let stream = &*repair::tar(input);
    let alone = fuzzing::tar(stream, &NAME, piece_bytes(stream));
    if alone.is_err() && !worth_the_way(stream) {
        return false;
    }
    let archive = stored_gzip(stream);
    let Some(verified) = only_unsigned(&archive, &NAME) else { return false };
    assert_eq!(alone.as_ref(), Ok(verified.manifest()), "the reader by itself");
    true
}
