//! Hostile archives: every row of the tables of attacks on archive formats is a test of its name.
//!
//! A row is a list of cases, each an archive that is rejected with the code it says, or a twin that differs in the
//! smallest way and is accepted. Whatever is accepted, other readers must see as we do.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[cfg(target_os = "linux")]
mod canary;
mod case;
#[cfg(target_os = "linux")]
mod jail;
mod names;
mod readers;
#[path = "../support/mod.rs"]
mod support;
#[cfg(target_os = "linux")]
mod trace;
mod zip;

#[test]
fn skeleton() {
    use goverify::error::Code;
    let good = support::sdk::Sdk::minimal("go1.22.5", "linux/amd64").tar_gz();
    let bad = [&good[..], b"x"].concat();
    case::check(
        &[case::Case::accepted("genuine", good), case::Case::rejected("junk", bad, Code::ArchiveMalformed)],
        |case, found| {
            assert!(!case.what.is_empty() && found.manifest.files() > 0 && !found.stream.is_empty());
            let _ = case::Case::named;
        },
    );
}

fn cases() -> impl Iterator<Item = case::Case> {
    use goverify::error::Code;
    let good = support::sdk::Sdk::minimal("go1.22.5", "linux/amd64");
    let bad = good.clone().with_entries([support::tar_entry::TarEntry::link("go/src/link", "/etc/passwd")]).tar_gz();
    let bad2 = good.clone().with_entries([support::tar_entry::TarEntry::file("../../../x", "hello")]).tar_gz();
    [
        case::Case::accepted("genuine", good.tar_gz()),
        case::Case::rejected("link", bad, Code::ArchiveForbiddenEntry),
        case::Case::rejected("up", bad2, Code::ArchiveUnsafePath),
    ]
    .into_iter()
    .chain(zip::ROWS.iter().flat_map(|(_, row)| row()))
}
