//! Whole archives: what becomes of an accepted one, and of one that is changed or cut short anywhere.

use std::time::Duration;

use flate2::{Decompress, FlushDecompress, Status};
use goverify::archive::{ArchiveError, Discard, EntryKind, Manifest, Spool, ZipFault, receive};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::trust::{Authenticator, DigestSource, Expectation, ExpectedDigest, verify};
use goverify::{Destination, Durability, Occupied, ReceiptChoice};
use sha2::{Digest, Sha256};

use super::{SMALL, VERSION, agree, entries, oracles};
use crate::case::{Case, each, manifest, verified};
use crate::support::NO_LOG;
use crate::support::binary::assert_installed;
use crate::support::figures::stride;
use crate::support::sdk::Sdk;
use crate::support::zip_entry::{offset_of, zip};

fn judge(archive: &[u8]) -> Result<Manifest, ArchiveError> {
    manifest(SMALL.sdk.name(), archive)
}

#[test]
fn a_release_is_accepted_and_read_as_others_read_it() {
    for sdk in [SMALL.sdk.clone(), Sdk::windows_amd64(VERSION)] {
        let case = Case::accepted("release", sdk.archive()).named(&sdk.name().to_string());
        agree(&case, &case.judge().unwrap());
        let expected = sdk.files().iter();
        let expected =
            expected.map(|(path, (c, _))| (format!("go/{path}"), (Sha256::digest(c).into(), c.len() as u64)));
        assert_eq!(oracles::zip_crate(&sdk.archive()), Ok(expected.collect()));
    }
}

#[test]
fn a_zip_is_unpacked_like_any_archive() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("sdk");
    let watch = Watch::silent();
    let sdk = Sdk::windows_amd64(VERSION);
    let destination = Destination::prepare(&to, Duration::from_secs(60), &watch).unwrap();
    let verified = verified(sdk.name(), &sdk.archive(), Spool::new_in(destination.parent_path()).unwrap()).unwrap();
    let staged = destination.unpack(verified, ReceiptChoice::Omit).unwrap();
    staged.commit(Occupied::Refuse, Durability::Synced).unwrap();
    assert_installed(&to, &sdk, false);
}

#[test]
fn modes_follow_from_paths_whatever_the_zip_says_of_them() {
    let executable = |archive: &[u8]| -> Vec<String> {
        let manifest = judge(archive).unwrap();
        let entries = manifest.entries().iter();
        let executable = entries.filter(|e| matches!(e.kind, EntryKind::File { executable: true, .. }));
        executable.map(|e| e.path.to_string()).collect()
    };
    let expected = executable(&SMALL.archive);
    assert!(expected.iter().any(|path| path == "bin/go.exe") && expected.iter().any(|path| path == "src/make.bash"));
    assert_eq!(expected.len(), 6);
    for mode in [0o644, 0o755] {
        let entries: Vec<_> = entries().into_iter().map(|entry| entry.mode(mode)).collect();
        assert_eq!(executable(&zip(&entries)), expected, "{mode:o}");
    }
}

/// Deflate can say the same in several ways (RFC 1951 §3.2), and its last byte may have bits that say nothing. Every
/// other bit counts: nothing else of a zip may be flipped, not even in its times and modes.
#[test]
fn one_flipped_bit_is_rejected_unless_another_inflater_sees_no_difference() {
    let (archive, entries) = (&SMALL.archive, &SMALL.entries);
    let manifest = judge(archive).unwrap();
    let inflated = |data: &[u8]| {
        let (mut content, mut inflate) = (Vec::with_capacity(4096), Decompress::new(false));
        let status = inflate.decompress_vec(data, &mut content, FlushDecompress::Finish);
        let whole = matches!(status, Ok(Status::StreamEnd)) && inflate.total_in() == data.len() as u64;
        whole.then_some(content)
    };
    let data_of = |bit: usize| {
        (0..entries.len()).find_map(|index| {
            let start = usize::try_from(offset_of(entries, index)).unwrap() + 30 + entries[index].local.name.len() + 9;
            let range = start..start + entries[index].data.len();
            range.contains(&(bit / 8)).then_some(range)
        })
    };
    // Prime to 8, so that every bit of a byte has its turn.
    let results = each((0..archive.len() * 8).step_by(stride(7)), |bit| {
        let mut flipped = archive.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let harmless = data_of(bit).is_some_and(|range| {
            inflated(&archive[range.clone()]).is_some_and(|c| inflated(&flipped[range]) == Some(c))
        });
        (judge(&flipped), harmless)
    });
    let (mut accepted, tried) = (0, results.len());
    for (bit, (result, harmless)) in results {
        match result {
            Ok(found) => {
                assert!(harmless && found == manifest, "bit {bit}");
                accepted += 1;
            }
            Err(error) => {
                assert!(!harmless && error.code().is_rejection(), "bit {bit}: {error}");
            }
        }
    }
    assert!((1..tried / 100).contains(&accepted), "{accepted} of {tried}");
}

#[test]
fn a_zip_cut_short_anywhere_ends_too_early() {
    let archive = &SMALL.archive;
    for (length, result) in each(0..archive.len(), |length| judge(&archive[..length])) {
        let Err(ArchiveError::Zip { position, fault, .. }) = result else { panic!("{length}: {result:?}") };
        let expected = if length < 4 { (0, ZipFault::Magic) } else { (length as u64, ZipFault::Truncated) };
        assert_eq!((position, fault), expected, "{length}");
    }
    // That is told before the digest, which differs too; any other fault is not.
    let judge = |archive: &[u8]| {
        let received = receive(&mut &archive[..], SMALL.sdk.name(), &[], Discard, &Watch::silent()).unwrap();
        let digests = vec![ExpectedDigest { sha256: [0; 32], source: DigestSource::User }];
        verify(received, &Expectation { digests, size_bytes: None }, Authenticator::DigestOnly, &NO_LOG)
            .outcome
            .unwrap_err()
            .code()
    };
    assert_eq!(judge(&archive[..archive.len() - 1]), Code::ArchiveMalformed);
    assert_eq!(judge(&[archive, &b"x"[..]].concat()), Code::DigestMismatch);
}

#[test]
fn the_name_tells_the_format() {
    let (windows, linux) = (&SMALL.sdk, Sdk::minimal(VERSION, "linux/amd64"));
    for (archive, name) in [(linux.tar_gz(), windows.name()), (windows.archive(), linux.name())] {
        let error = receive(&mut &archive[..], name, &[], Discard, &Watch::silent()).unwrap_err();
        assert_eq!(error.code(), Code::ArchiveMalformed);
        assert!(error.to_string().ends_with("not a zip archive") || error.to_string().ends_with("not a gzip stream"));
    }
}
