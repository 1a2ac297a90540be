//! The strict profile of zip archives: each rule broken in the smallest way, and its neighbour kept.
//!
//! Whatever is accepted, another reader has to see it as we do: the `zip` crate, which begins at the end, must find the
//! same files with the same content.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "zip_profile/names.rs"]
mod names;
mod support;
#[path = "zip_profile/whole.rs"]
mod whole;

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};

use flate2::{Compress, Compression, FlushCompress};
use goverify::archive::{
    ArchiveError, Discard, EntryKind, Keep, Manifest, ReceiveError, RecordFault, ZipFault, receive,
};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::trust::{Authenticator, DigestSource, Expectation, ExpectedDigest, TrustError, VerifiedArchive, verify};
use sha2::{Digest, Sha256};
use support::NO_LOG;
use support::sdk::Sdk;
use support::zip_entry::{End, Header, ZipEntry, deflate, descriptor, offset_of, zip, zip_with};

const VERSION: &str = "go1.22.5";
/// The entry that is edited: a file of every SDK, first in its archive.
const VICTIM: usize = 0;

/// Keeps the decompressed archive where a test can see it.
#[derive(Debug, Default)]
struct Collected(Vec<u8>);

impl Keep for Collected {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn sdk() -> Sdk {
    Sdk::minimal(VERSION, "windows/amd64")
}

/// Judges `archive` with its own digest, so that nothing but its contents can be wrong.
fn verified<K: Keep>(archive: &[u8], keep: K) -> Result<VerifiedArchive<K>, ArchiveError> {
    let received = match receive(&mut &archive[..], sdk().name(), &[], keep, &Watch::silent()) {
        Ok(received) => received,
        Err(ReceiveError::Archive(error)) => return Err(error),
        Err(other) => panic!("{other}"),
    };
    let digests = vec![ExpectedDigest { sha256: Sha256::digest(archive).into(), source: DigestSource::User }];
    match verify(received, &Expectation { digests, size_bytes: None }, Authenticator::DigestOnly, &NO_LOG).outcome {
        Ok(verified) => Ok(verified),
        Err(TrustError::Archive(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

fn judge(archive: &[u8]) -> Result<Manifest, ArchiveError> {
    verified(archive, Discard).map(|verified| verified.manifest().clone())
}

/// The fault of a zip, and its code.
#[track_caller]
fn fault(archive: &[u8]) -> (ZipFault, Code) {
    match judge(archive) {
        Err(ArchiveError::Zip { entry, position, fault }) => {
            let code = ArchiveError::Zip { entry, position, fault: fault.clone() }.code();
            (fault, code)
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_fault(archive: &[u8], expected: impl Into<ZipFault>, code: Code, what: impl std::fmt::Debug) {
    assert_eq!(fault(archive), (expected.into(), code), "{what:?}");
}

#[track_caller]
fn assert_malformed(archive: &[u8], expected: impl Into<ZipFault>, what: impl std::fmt::Debug) {
    assert_fault(archive, expected, Code::ArchiveMalformed, what);
}

/// What an independent reader finds: digest and size of each file, relative to `go/`.
fn oracle(archive: &[u8]) -> BTreeMap<String, ([u8; 32], u64)> {
    let mut reader = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..reader.len() {
        let mut file = reader.by_index(index).unwrap();
        assert!(file.is_file());
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        let path = file.name().unwrap().strip_prefix("go/").unwrap().to_owned();
        assert!(files.insert(path, (Sha256::digest(&content).into(), content.len() as u64)).is_none());
    }
    files
}

/// Asserts that `archive` is accepted, that another reader finds the same in it, and that the manifest's positions
/// are those of the contents in what is kept.
#[track_caller]
fn assert_accepted(archive: &[u8], what: impl std::fmt::Debug) {
    let verified = verified(archive, Collected::default()).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    let kept = &verified.kept().0;
    let mut found = BTreeMap::new();
    let mut end = 0;
    for entry in verified.manifest().entries() {
        let EntryKind::File { size_bytes, sha256, position, .. } = entry.kind else { panic!("{entry:?}") };
        assert_eq!(position, end, "one behind another");
        end += size_bytes;
        let content = &kept[usize::try_from(position).unwrap()..usize::try_from(end).unwrap()];
        assert_eq!(sha256[..], Sha256::digest(content)[..], "{what:?}: {}", entry.path);
        assert!(found.insert(entry.path.to_string(), (sha256, size_bytes)).is_none());
    }
    assert_eq!(kept.len() as u64, end);
    assert_eq!(found, oracle(archive), "{what:?}");
}

/// The small SDK's archive with one entry edited.
fn edited(edit: impl FnOnce(&mut ZipEntry)) -> Vec<u8> {
    let mut entries = sdk().zip_entries();
    edit(&mut entries[VICTIM]);
    zip(&entries)
}

/// The same with both headers edited alike.
fn edited_in_both(edit: impl Fn(&mut Header)) -> Vec<u8> {
    edited(|entry| *entry = entry.clone().both(edit))
}

/// The small SDK's archive with an edited end.
fn ended(edit: impl FnOnce(&mut End)) -> Vec<u8> {
    zip_with(&sdk().zip_entries(), edit)
}

/// The small SDK's archive with more entries, last.
fn with(more: impl IntoIterator<Item = ZipEntry>) -> Vec<u8> {
    zip(&sdk().zip_entries().into_iter().chain(more).collect::<Vec<_>>())
}

fn count() -> u64 {
    sdk().files().len() as u64
}

#[test]
fn z01_headers_and_directory_disagree() {
    let differs = ZipFault::Central;
    let cases: [(&str, fn(&mut ZipEntry), ZipFault); 16] = [
        ("local_name", |e| e.local.name[4] ^= 1, differs("name")),
        ("central_name", |e| e.central.name[4] ^= 1, differs("name")),
        ("longer_central_name", |e| e.central.name.push(b'x'), differs("name")),
        ("central_name_without_go", |e| _ = e.central.name.drain(..3), differs("name")),
        ("local_time", |e| e.local.time ^= 1, differs("time")),
        ("central_time", |e| e.central.time ^= 1, differs("time")),
        ("local_date", |e| e.local.date ^= 1, differs("time")),
        ("central_date", |e| e.central.date ^= 1, differs("time")),
        ("local_extra", |e| e.local.extra[8] ^= 1, differs("extra field")),
        ("central_extra", |e| e.central.extra[8] ^= 1, differs("extra field")),
        ("central_crc", |e| e.central.crc ^= 1, differs("CRC-32")),
        ("central_size", |e| e.central.size += 1, differs("size")),
        ("central_compressed_size", |e| e.central.compressed += 1, differs("compressed size")),
        ("local_flags", |e| e.local.flags = 0x808, RecordFault::Flags(0x808).into()),
        ("central_flags", |e| e.central.flags = 0x808, RecordFault::Flags(0x808).into()),
        ("local_crc", |e| e.local.crc = e.central.crc, RecordFault::NotZero("CRC-32 before the content").into()),
    ];
    for (what, edit, expected) in cases {
        assert_malformed(&edited(edit), expected, what);
    }
    let twins: [(&str, fn(&mut Header)); 4] = [
        ("name", |h| h.name[4] ^= 1),
        ("time", |h| h.time ^= 1),
        ("date", |h| h.date ^= 1),
        ("extra", |h| h.extra[8] ^= 1),
    ];
    // Another name for a file that no rule needs.
    let index = sdk().zip_entries().iter().position(|e| e.local.name.ends_with("Þfoo.go".as_bytes())).unwrap();
    for (what, edit) in twins {
        let mut entries = sdk().zip_entries();
        entries[index] = entries[index].clone().both(edit);
        assert_accepted(&zip(&entries), what);
    }
}

#[test]
fn z02_overlaps_and_gaps() {
    let entries = sdk().zip_entries();
    let at = |index| offset_of(&entries, index);
    // Two directory entries for one place.
    let mut same_place = entries.clone();
    same_place[1].central.offset = Some(at(0));
    assert_malformed(&zip(&same_place), ZipFault::Central("offset"), "same_place");
    let mut swapped = entries.clone();
    (swapped[0].central, swapped[1].central) = (entries[1].central.clone(), entries[0].central.clone());
    (swapped[0].central.offset, swapped[1].central.offset) = (Some(at(1)), Some(at(0)));
    assert_malformed(&zip(&swapped), ZipFault::Central("name"), "another_order");
    // One entry quotes another in a stored block of its deflate stream (Fifield).
    let hidden = ZipEntry::file("go/src/hidden", "hidden");
    let quoted = zip(std::slice::from_ref(&hidden));
    let length = u16::try_from(quoted.len()).unwrap();
    let block = [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), &quoted].concat();
    let quoting = ZipEntry::deflated(b"go/src/quoting", block, crc32fast::hash(&quoted), length.into());
    let quoted_at = |archive: &[u8]| {
        let at = archive.windows(quoted.len()).position(|window| window == quoted).unwrap();
        Some(u32::try_from(at).unwrap())
    };
    assert_accepted(&with([quoting.clone()]), "content that looks like a zip is content");
    let listed = hidden.clone().edit(|e| (e.stored, e.central.offset) = (false, quoted_at(&with([quoting.clone()]))));
    let expected = ZipFault::Listed { found: count() + 1, listed: count() + 2 };
    assert_malformed(&with([quoting, listed]), expected, "quoted_overlap");
    assert_accepted(&with([hidden]), "quoted_overlap without overlap");
    // Gaps, of any content.
    assert_accepted(&zip(&entries), "no gap");
    let inside = zip(&[ZipEntry::file("go/src/other", "")]);
    for junk in [&b"\0"[..], b"junk", &inside] {
        for index in [1, entries.len() - 1] {
            let mut entries = entries.clone();
            entries[index].before = junk.to_vec();
            let expected = match junk {
                // A whole archive in between brings its own directory, which lists one entry of those before.
                [b'P', ..] => ZipFault::Central("name"),
                _ => RecordFault::Missing("entry or central directory").into(),
            };
            assert_malformed(&zip(&entries), expected, (index, junk));
        }
    }
    let expected = ZipFault::Record(RecordFault::Missing("entry of the central directory or end record"));
    assert_malformed(&ended(|end| end.before = vec![0]), expected, "gap before the end record");
}

#[test]
fn z03_several_ends_and_what_is_around_them() {
    let archive = sdk().archive();
    let foreign = zip(&[ZipEntry::file("go/other", "other")]);
    let mut an_end = None;
    ended(|end| an_end = Some(end.bytes()));
    let an_end = an_end.unwrap();
    let comment = RecordFault::NotZero("comment length");
    let cases: Vec<(&str, Vec<u8>, ZipFault)> = vec![
        ("two_ends", ended(|end| end.after = an_end.clone()), ZipFault::TrailingData),
        ("end_in_comment", ended(|end| (end.comment_bytes, end.after) = (22, an_end.clone())), comment.into()),
        ("comment", ended(|end| (end.comment_bytes, end.after) = (1, b"x".to_vec())), comment.into()),
        ("comment_that_is_not_there", ended(|end| end.comment_bytes = 1), comment.into()),
        ("trailing_junk", [&archive[..], b"x"].concat(), ZipFault::TrailingData),
        ("trailing_zero", [&archive[..], b"\0"].concat(), ZipFault::TrailingData),
        ("archive_twice", archive.repeat(2), ZipFault::TrailingData),
        ("two_archives", [&foreign[..], &archive].concat(), ZipFault::TrailingData),
        ("prefix", [b"MZ", &archive[..]].concat(), ZipFault::Magic),
        ("empty_archive", an_end.clone(), ZipFault::Magic),
        ("web_page", b"<!DOCTYPE html><title>Log in</title>".to_vec(), ZipFault::Magic),
        ("nothing", Vec::new(), ZipFault::Magic),
        ("entry_comment", edited(|e| e.central.comment = b"x".to_vec()), comment.into()),
    ];
    for (what, archive, expected) in cases {
        assert_malformed(&archive, expected, what);
    }
    assert_accepted(&archive, "nothing around it");
}

#[test]
fn z04_zip64_and_lies_of_the_end_record() {
    let entries = ZipFault::End("number of entries");
    let (size, offset) = ("size of the central directory", "offset of the central directory");
    let disk = |name| ZipFault::Record(RecordFault::NotZero(name));
    let ends: [(&str, fn(&mut End), ZipFault); 13] = [
        ("fewer_entries", |e| (e.entries_here, e.entries) = (e.entries - 1, e.entries - 1), entries.clone()),
        ("more_entries", |e| (e.entries_here, e.entries) = (e.entries + 1, e.entries + 1), entries.clone()),
        ("fewer_entries_here", |e| e.entries_here -= 1, entries.clone()),
        ("fewer_entries_in_all", |e| e.entries -= 1, entries.clone()),
        ("entries_as_zip64_says", |e| (e.entries_here, e.entries) = (u16::MAX, u16::MAX), entries),
        ("shorter_directory", |e| e.directory_bytes -= 1, ZipFault::End(size)),
        ("longer_directory", |e| e.directory_bytes += 1, ZipFault::End(size)),
        ("size_as_zip64_says", |e| e.directory_bytes = u32::MAX, ZipFault::End(size)),
        ("earlier_directory", |e| e.directory_offset -= 1, ZipFault::End(offset)),
        ("later_directory", |e| e.directory_offset += 1, ZipFault::End(offset)),
        ("offset_as_zip64_says", |e| e.directory_offset = u32::MAX, ZipFault::End(offset)),
        ("another_disk", |e| e.disk = 1, disk("disk number")),
        ("another_disk_for_the_directory", |e| e.directory_disk = 1, disk("disk number of the central directory")),
    ];
    for (what, edit, expected) in ends {
        assert_malformed(&ended(edit), expected, what);
    }
    // The records of zip64, which would say otherwise.
    let entries = sdk().zip_entries();
    let zip64 = |end: &End| {
        let (count, position) = (u64::from(end.entries), u64::from(end.directory_offset + end.directory_bytes));
        let mut record = [&b"PK\x06\x06"[..], &44u64.to_le_bytes(), &[45, 3, 45, 0], &[0; 8]].concat();
        let directory = [end.directory_bytes, end.directory_offset].map(u64::from);
        record.extend([count, count, directory[0], directory[1]].map(u64::to_le_bytes).concat());
        record.extend([&b"PK\x06\x07"[..], &[0; 4], &position.to_le_bytes(), &[1, 0, 0, 0]].concat());
        record
    };
    let missing = RecordFault::Missing("entry of the central directory or end record");
    assert_malformed(&zip_with(&entries, |end| end.before = zip64(end)), missing, "zip64_end");
    let extra = [&[1, 0, 16, 0][..], &[0; 16]].concat();
    for (what, archive) in [
        ("zip64_extra_beside", edited_in_both(|h| h.extra.extend(&extra))),
        ("zip64_extra_alone", edited_in_both(|h| h.extra.clone_from(&extra))),
        ("zip64_extra_in_the_directory", edited(|e| e.central.extra.clone_from(&extra))),
        ("extra_of_the_same_length", edited_in_both(|h| h.extra = [&[1, 0, 5, 0][..], &[0; 5]].concat())),
        ("no_extra", edited_in_both(|h| h.extra.clear())),
        ("extra_with_more_times", edited_in_both(|h| h.extra[4] = 3)),
    ] {
        assert_malformed(&archive, RecordFault::Extra, what);
    }
    let size_is_elsewhere = edited(|e| e.central.size = u32::MAX);
    assert_malformed(&size_is_elsewhere, ZipFault::Central("size"), "size as zip64 says");
    assert_accepted(&zip(&entries), "as it is");
}

#[test]
fn z05_entries_that_are_not_listed() {
    let shadow = ZipEntry::file("go/src/shadow", "shadow");
    let unlisted = shadow.clone().edit(|e| e.listed = 0);
    let (found, listed) = (count() + 1, count());
    assert_malformed(&with([unlisted.clone()]), ZipFault::Listed { found, listed }, "last");
    let first: Vec<_> = std::iter::once(unlisted).chain(sdk().zip_entries()).collect();
    assert_malformed(&zip(&first), ZipFault::Central("name"), "first");
    let ghost = shadow.clone().edit(|e| e.stored = false);
    assert_malformed(&with([ghost]), ZipFault::Listed { found: listed, listed: found }, "listed and not there");
    let twice = shadow.clone().edit(|e| e.listed = 2);
    assert_malformed(&with([twice]), ZipFault::Listed { found, listed: found + 1 }, "listed twice");
    let none: Vec<_> = sdk().zip_entries().into_iter().map(|e| e.edit(|e| e.listed = 0)).collect();
    assert_malformed(&zip(&none), RecordFault::Missing("entry or central directory"), "no directory");
    assert_accepted(&with([shadow]), "listed");
}

#[test]
fn z06_encrypted_and_patched_entries() {
    for bit in [0, 5, 6, 13] {
        let flags = 0x8 | 1 << bit;
        let expected = RecordFault::ForbiddenFlags(flags);
        for (what, archive) in [
            ("both", edited_in_both(|h| h.flags = flags)),
            ("local", edited(|e| e.local.flags = flags)),
            ("central", edited(|e| e.central.flags = flags)),
        ] {
            assert_fault(&archive, expected, Code::ArchiveForbiddenEntry, (bit, what));
        }
    }
    for bit in [1, 2, 4, 7, 12, 14, 15] {
        let flags = 0x8 | 1 << bit;
        assert_malformed(&edited_in_both(|h| h.flags = flags), RecordFault::Flags(flags), bit);
    }
    assert_malformed(&edited_in_both(|h| h.flags = 0), RecordFault::Flags(0), "sizes in front");
    assert_accepted(&edited_in_both(|h| h.flags = 0x8), "as it is");
}

#[test]
fn z07_other_methods_and_versions() {
    for method in [0, 1, 9, 12, 14, 93, 95, 98, 99] {
        let expected = RecordFault::ForbiddenMethod(method);
        for (what, archive) in [
            ("both", edited_in_both(|h| h.method = method)),
            ("local", edited(|e| e.local.method = method)),
            ("central", edited(|e| e.central.method = method)),
        ] {
            assert_fault(&archive, expected, Code::ArchiveForbiddenEntry, (method, what));
        }
    }
    // Stored as it should be, and an empty file, which most writers store.
    for content in [&b"content"[..], b""] {
        let (crc, size) = (crc32fast::hash(content), u32::try_from(content.len()).unwrap());
        let stored = ZipEntry::deflated(b"go/src/x", content.to_vec(), crc, size).both(|h| h.method = 0);
        let expected = RecordFault::ForbiddenMethod(0);
        assert_fault(&with([stored]), expected, Code::ArchiveForbiddenEntry, content);
        assert_accepted(&with([ZipEntry::file("go/src/x", content)]), content);
    }
    for version in [0, 10, 21, 45, 51, 63] {
        let expected = RecordFault::Version(version);
        for archive in [edited(|e| e.local.version = version), edited(|e| e.central.version = version)] {
            assert_fault(&archive, expected, Code::ArchiveForbiddenEntry, version);
        }
    }
    for made_by in [20, 0x0a14, 0x1314, 0x0315] {
        assert_malformed(&edited(|e| e.central.made_by = made_by), RecordFault::MadeBy(made_by), made_by);
    }
}

#[test]
fn z08_links_and_devices() {
    for mode in [0o120_777, 0o120_644, 0o040_755, 0o020_644, 0o060_644, 0o010_644, 0o140_644, 0o000_644, 0] {
        let archive = edited(|e| e.central.external = u32::from(mode) << 16);
        assert_fault(&archive, RecordFault::ForbiddenType(mode), Code::ArchiveForbiddenEntry, mode);
    }
    for mode in [0o777, 0o4755, 0o2755, 0o1755, 0o600, 0] {
        let archive = edited(|e| *e = e.clone().mode(u32::from(mode)));
        assert_malformed(&archive, RecordFault::Mode(mode), mode);
    }
    let dos_directory = edited(|e| e.central.external |= 0x10);
    assert_malformed(&dos_directory, RecordFault::NotZero("DOS attributes"), "DOS directory");
    let text = edited(|e| e.central.internal = 1);
    assert_malformed(&text, RecordFault::NotZero("internal attributes"), "text");
    let disk = edited(|e| e.central.disk = 1);
    assert_malformed(&disk, RecordFault::NotZero("disk number"), "disk");
    for mode in [0o644, 0o755] {
        assert_accepted(&edited(|e| *e = e.clone().mode(mode)), mode);
    }
}

#[test]
fn z10_data_descriptors() {
    let missing = || ZipFault::Record(RecordFault::Missing("data descriptor"));
    let wrong = ZipFault::Descriptor;
    let cases: [(&str, fn(&mut ZipEntry), ZipFault); 12] = [
        ("unsigned", |e| _ = e.descriptor.drain(..4), missing()),
        ("none", |e| e.descriptor.clear(), missing()),
        ("another_signature", |e| e.descriptor[3] = 7, missing()),
        ("byte_after_deflate_end", |e| e.data.push(0), missing()),
        ("second_deflate_stream", |e| e.data.extend(deflate(b"more")), missing()),
        ("crc", |e| e.descriptor[4] ^= 1, wrong("CRC-32")),
        ("compressed_size", |e| e.descriptor[8] ^= 1, wrong("compressed size")),
        ("size", |e| e.descriptor[12] ^= 1, wrong("size")),
        ("sizes_of_zip64", |e| e.descriptor = zip64_descriptor(&e.central), wrong("size")),
        ("invalid_deflate", |e| e.data[0] = 0x07, ZipFault::Deflate),
        ("byte_after_deflate_end_is_counted", with_counted_byte_after_deflate_end, missing()),
        ("compressed_size_counts_more", compressed_size_counts_more, wrong("compressed size")),
    ];
    for (what, edit, expected) in cases {
        assert_malformed(&edited(edit), expected, what);
    }
    let other_content = edited(|e| e.data = deflate(b"another content"));
    assert_malformed(&other_content, wrong("CRC-32"), "another content");
    assert_accepted(&edited(|e| e.descriptor = descriptor(e.central.crc, e.central.compressed, e.central.size)), "");
}

fn zip64_descriptor(header: &Header) -> Vec<u8> {
    let sizes = [header.compressed, header.size].map(|size| u64::from(size).to_le_bytes()).concat();
    [&b"PK\x07\x08"[..], &header.crc.to_le_bytes(), &sizes].concat()
}

/// All sizes agree that there is one byte more than the deflate stream has.
fn with_counted_byte_after_deflate_end(entry: &mut ZipEntry) {
    entry.data.push(b'P');
    compressed_size_counts_more(entry);
}

fn compressed_size_counts_more(entry: &mut ZipEntry) {
    entry.central.compressed += 1;
    entry.descriptor = descriptor(entry.central.crc, entry.central.compressed, entry.central.size);
}

#[test]
fn z12_more_than_any_release_needs() {
    #[track_caller]
    fn limit(archive: &[u8]) -> (u64, &'static str) {
        match judge(archive) {
            Err(error @ ArchiveError::TooLarge { limit, unit }) => {
                assert_eq!(error.code(), Code::ArchiveTooLarge);
                (limit, unit)
            }
            other => panic!("{other:?}"),
        }
    }
    let empty = ZipEntry::file("", "");
    let many = |count: u64, name: &dyn Fn(u64) -> String| {
        let named = |n| empty.clone().both(|h| h.name = name(n).into_bytes());
        with((0..count).map(named))
    };
    let rest = |all: u64| all - count();
    let long = "a".repeat(150);
    assert_eq!(limit(&many(rest(65_534), &|n| format!("go/{long}{n}"))), (8 << 20, "bytes of paths"));
    assert_eq!(limit(&many(60_000, &|n| format!("go/{n}/a"))), (100_000, "entries"));
    // As many as can be told without zip64, and one more.
    assert_accepted(&many(rest(65_534), &|n| format!("go/{n}")), "65,534 entries");
    let expected = ZipFault::End("number of entries");
    assert_malformed(&many(rest(65_535), &|n| format!("go/{n}")), expected, "65,535 entries");

    let zeros = |mebibytes: usize| with([ZipEntry::file("go/zeros", vec![0; mebibytes << 20])]);
    assert_eq!(limit(&zeros(65)), (40, "times its compressed size"));
    assert_accepted(&zeros(63), "small enough for its ratio not to matter");

    // Files of half a gibibyte, put together of blocks with some noise in them, so that the ratio does not matter.
    let (block, crc) = noisy_mebibyte();
    let whole = 512;
    let file = |more: &[u8]| {
        let mut crc_of_all = crc32fast::Hasher::new();
        (0..whole).for_each(|_| crc_of_all.combine(&crc));
        crc_of_all.update(more);
        let size = (whole << 20) + u32::try_from(more.len()).unwrap();
        let data = [&block.repeat(usize::try_from(whole).unwrap())[..], &deflate(more)].concat();
        ZipEntry::deflated(b"go/large", data, crc_of_all.finalize(), size)
    };
    assert_eq!(limit(&with([file(b"x")])), (512 << 20, "bytes in one file"));
    assert!(judge(&with([file(b"")])).is_ok());
}

/// One mebibyte as a deflate stream that goes on, and its CRC-32.
fn noisy_mebibyte() -> (Vec<u8>, crc32fast::Hasher) {
    let mut state = 1u32;
    let mut content = vec![0; 1 << 20];
    for byte in content.iter_mut().step_by(16) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = state.to_le_bytes()[3];
    }
    let mut block = Vec::with_capacity(1 << 20);
    let mut deflate = Compress::new(Compression::fast(), false);
    deflate.compress_vec(&content, &mut block, FlushCompress::Full).unwrap();
    assert_eq!(deflate.total_in(), 1 << 20);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&content);
    (block, crc)
}
