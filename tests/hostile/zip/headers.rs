//! Local headers and central headers: what they say twice, and what neither may say.

use goverify::archive::{EntryFault, PathFault, RecordFault, ZipFault};
use goverify::error::Code;

use super::fields::Record::{Central, Descriptor, Local};
use super::fields::{sweep, sweep_values};
use super::{Row, SMALL, agree, edited, entries, forbidden, malformed, with};
use crate::case::{Case, check};
use crate::support::sdk::NON_ASCII_PATH;
use crate::support::zip_entry::{Header, ZipEntry, zip};

/// Where something can be wrong that both headers say.
const SIDES: [&[super::fields::Record]; 3] = [&[Local], &[Central], &[Local, Central]];
/// Every method with a number in APPNOTE.TXT 6.3.10 §4.4.5.
const METHODS: [u32; 26] =
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 93, 94, 95, 96, 97, 98];
/// Every version of §4.4.3.2 but that of deflate.
const VERSIONS: [u32; 12] = [10, 11, 21, 25, 27, 45, 46, 50, 51, 52, 62, 63];

pub(crate) fn z01() -> Vec<Case> {
    let mut row = Row::default();
    names(&mut row);
    let differs = |what| move |_| malformed(ZipFault::Central(what));
    for side in [Local, Central] {
        for field in ["time", "date"] {
            sweep(&mut row, &[side], field, differs("time"));
        }
    }
    for field in ["CRC-32", "compressed size", "size"] {
        sweep(&mut row, &[Central], field, differs(field));
        let fault = match field {
            "CRC-32" => RecordFault::NotZero("CRC-32 before the content"),
            "size" => RecordFault::NotZero("size before the content"),
            _ => RecordFault::NotZero("compressed size before the content"),
        };
        sweep(&mut row, &[Local], field, |_| malformed(fault));
        // What the content really has, which a reader without data descriptors would need there.
        row.malformed(format!("local {field} as it is"), edited(|e| copy(field, &e.central, &mut e.local)), fault);
        let wrong = |_| malformed(ZipFault::Descriptor(field));
        sweep_values(&mut row, &[Descriptor, Central], field, [0, 1, u32::MAX], wrong);
    }
    for at in 5..9 {
        for (what, archive) in
            [("local", edited(|e| e.local.extra[at] ^= 1)), ("central", edited(|e| e.central.extra[at] ^= 0x80))]
        {
            row.malformed(format!("{what} modification time, byte {at}"), archive, ZipFault::Central("extra field"));
        }
    }
    let utf8 = || RecordFault::Flags(0x808);
    row.malformed("local name is said to be UTF-8", edited(|e| e.local.flags = 0x808), utf8());
    row.malformed("central name is said to be UTF-8", edited(|e| e.central.flags = 0x808), utf8());
    lengths(&mut row);

    let twins: [(&str, fn(&mut Header)); 4] = [
        ("another name in both", |h| h.name[4] ^= 1),
        ("another time in both", |h| h.time ^= 1),
        ("another date in both", |h| h.date ^= 1),
        ("another modification time in both", |h| h.extra[8] ^= 1),
    ];
    for (what, edit) in twins {
        let mut entries = entries();
        // The one file that no rule needs.
        let optional = entries.iter_mut().find(|e| e.local.name.ends_with(NON_ASCII_PATH.as_bytes())).unwrap();
        *optional = optional.clone().both(edit);
        row.accepted(what, zip(&entries));
    }
    row.0
}

fn copy(field: &str, from: &Header, to: &mut Header) {
    match field {
        "CRC-32" => to.crc = from.crc,
        "size" => to.size = from.size,
        _ => to.compressed = from.compressed,
    }
}

/// One header alone has another name than the other.
fn names(row: &mut Row) {
    let edits: [(&str, fn(&mut Vec<u8>)); 16] = [
        ("another letter", |n| n[4] ^= 1),
        ("another case", |n| n[4] |= 0x20),
        ("longer", |n| n.push(b'x')),
        ("shorter", |n| _ = n.pop()),
        ("below a directory", |n| n.extend(b"/x")),
        ("without go/", |n| _ = n.drain(..3)),
        ("without the slash", |n| _ = n.remove(2)),
        ("twice the slash", |n| n.insert(2, b'/')),
        ("from the root", |n| n.insert(0, b'/')),
        ("from here", |n| _ = n.splice(..0, *b"./")),
        ("from above", |n| _ = n.splice(..3, *b"../")),
        ("a directory", |n| n.push(b'/')),
        ("with a backslash", |n| n[2] = b'\\'),
        ("with a NUL behind it", |n| n.push(0)),
        ("with a NUL and more behind it", |n| n.extend(b"\0.txt")),
        ("empty", Vec::clear),
    ];
    for (what, edit) in edits {
        row.malformed(format!("central name {what}"), edited(|e| edit(&mut e.central.name)), ZipFault::Central("name"));
    }
    // The local name meets the rules of paths first; where they let it pass, it differs.
    for (what, edit) in edits
        .iter()
        .filter(|(what, _)| ["another letter", "another case", "longer", "shorter", "below a directory"].contains(what))
    {
        row.malformed(format!("local name {what}"), edited(|e| edit(&mut e.local.name)), ZipFault::Central("name"));
    }
    // An entry that two readers would take for each other's neighbour.
    let swapped = |edit: fn(&mut ZipEntry, &mut ZipEntry)| {
        let (mut first, mut second) = (ZipEntry::file("go/src/a", "a"), ZipEntry::file("go/src/b", "b"));
        edit(&mut first, &mut second);
        with([first, second])
    };
    row.malformed(
        "central names swapped",
        swapped(|a, b| std::mem::swap(&mut a.central.name, &mut b.central.name)),
        ZipFault::Central("name"),
    );
    row.malformed(
        "local names swapped",
        swapped(|a, b| std::mem::swap(&mut a.local.name, &mut b.local.name)),
        ZipFault::Central("name"),
    );
    row.accepted("names of neighbours", swapped(|_, _| {}));
    row.accepted(
        "names swapped in both",
        swapped(|a, b| {
            std::mem::swap(&mut a.local.name, &mut b.local.name);
            std::mem::swap(&mut a.central.name, &mut b.central.name);
        }),
    );
}

/// Lengths that move the border between name, extra field and what follows.
fn lengths(row: &mut Row) {
    let right = u32::try_from("go/bin/go.exe".len()).unwrap();
    sweep(row, &[Local], "name length", |length| match length {
        0 => (Code::ArchiveUnsafePath, path("", PathFault::Empty)),
        1 => (Code::LayoutInvalid, EntryFault::OutsideTop("g".to_owned()).into()),
        length if length <= right + 1 => malformed(RecordFault::Extra),
        // What is then the name reaches into the content.
        length if length == 2 * right => {
            let name = &SMALL.archive[Local.start() + 30..][..26];
            malformed(path(&String::from_utf8_lossy(name), PathFault::NotUtf8))
        }
        _ => malformed(ZipFault::Truncated),
    });
    sweep(row, &[Central], "name length", |length| match length {
        length if length <= 2 * right => malformed(RecordFault::Extra),
        _ => malformed(ZipFault::Truncated),
    });
    for side in SIDES {
        sweep(row, side, "extra length", |_| malformed(RecordFault::Extra));
    }
}

fn path(path: &str, fault: PathFault) -> ZipFault {
    EntryFault::Path { path: path.to_owned(), fault }.into()
}

#[test]
fn z01_headers_and_directory_disagree() {
    check(&z01(), agree);
}

pub(crate) fn z06() -> Vec<Case> {
    let mut row = Row::default();
    let verdict = |flags: u32| {
        let flags = u16::try_from(flags).unwrap();
        // Bits 0, 5, 6 and 13: encrypted, patched, strongly encrypted, masked.
        if flags & 0x2061 == 0 {
            malformed(RecordFault::Flags(flags))
        } else {
            forbidden(RecordFault::ForbiddenFlags(flags))
        }
    };
    // Each bit beside the one that releases have; that one and UTF-8's alone; strong encryption as it is specified.
    let bits = (0..16).map(|bit| 0x8 ^ 1 << bit).filter(|&flags| flags != 0x808);
    let flags: Vec<u32> = bits.chain([0x800, 0x9, 0x49, 0x2049, 0x2041, 0x869, 0x7fff, 0xffff]).collect();
    for side in SIDES {
        let mut flags = flags.clone();
        flags.sort_unstable();
        flags.dedup();
        sweep_values(&mut row, side, "flags", flags, verdict);
    }
    let victim = |edit: fn(&mut ZipEntry)| with([ZipEntry::file("go/src/secret", "secret").edit(edit)]);
    // Encrypted as PKZIP does it, with twelve bytes in front of the content (§6.1.3).
    let encrypted = victim(|e| {
        *e = e.clone().both(|h| h.flags |= 1);
        e.data.splice(..0, [0xa5; 12]);
        e.central.compressed += 12;
    });
    row.forbidden("encrypted, with the header that belongs to it", encrypted, RecordFault::ForbiddenFlags(0x9));
    let sizes_in_front = victim(|e| {
        let crc_and_sizes = e.central.clone();
        *e = e.clone().both(|h| h.flags = 0);
        (e.local.crc, e.local.compressed, e.local.size) =
            (crc_and_sizes.crc, crc_and_sizes.compressed, crc_and_sizes.size);
        e.descriptor.clear();
    });
    row.malformed("sizes in front, as most writers have them", sizes_in_front, RecordFault::Flags(0));
    let named = |path: &str, flags| with([ZipEntry::file(path, "").both(|h| h.flags = flags)]);
    for (path, flags) in [("go/src/é", 0x8), ("go/src/e", 0x808)] {
        row.malformed(format!("{path} with flags 0x{flags:x}"), named(path, flags), RecordFault::Flags(flags));
        row.accepted(format!("{path} with flags 0x{:x}", flags ^ 0x800), named(path, flags ^ 0x800));
    }
    row.accepted("not encrypted", victim(|_| {}));
    row.0
}

#[test]
fn z06_encrypted_and_patched_entries() {
    check(&z06(), agree);
}

pub(crate) fn z07() -> Vec<Case> {
    let mut row = Row::default();
    let method = |method| forbidden(RecordFault::ForbiddenMethod(u16::try_from(method).unwrap()));
    sweep_values(&mut row, &[Local, Central], "method", (0..=99).chain([0xff, 0x108, 0x800, 0xffff]), method);
    for side in &SIDES[..2] {
        sweep_values(&mut row, side, "method", METHODS.into_iter().chain([99, 0xffff]), method);
    }
    for content in [&b"content"[..], b"", &zip(&entries())] {
        let size = u32::try_from(content.len()).unwrap();
        let stored = ZipEntry::deflated(b"go/src/x", content.to_vec(), crc32fast::hash(content), size);
        let fault = RecordFault::ForbiddenMethod(0);
        row.forbidden(format!("{size} bytes stored"), with([stored.clone().both(|h| h.method = 0)]), fault);
        // As most writers store what is empty or incompressible.
        let usual = stored.edit(|e| {
            let Header { crc, compressed, size, .. } = e.central.clone();
            *e = e.clone().both(|h| (h.method, h.flags, h.version) = (0, 0, 10));
            (e.local.crc, e.local.compressed, e.local.size) = (crc, compressed, size);
            e.descriptor.clear();
        });
        row.forbidden(format!("{size} bytes stored, the usual way"), with([usual]), fault);
        row.accepted(format!("{size} bytes deflated"), with([ZipEntry::file("go/src/x", content)]));
    }
    let version = |version| forbidden(RecordFault::Version(u16::try_from(version).unwrap()));
    for side in SIDES {
        sweep(&mut row, side, "version", version);
    }
    // The sweep has 21 already; 0x314 would say the system, as `made by` does.
    let versions = || VERSIONS.into_iter().filter(|&version| version != 21).chain([0x314]);
    for side in SIDES {
        sweep_values(&mut row, side, "version", versions(), version);
    }
    let made_by = |value| malformed(RecordFault::MadeBy(u16::try_from(value).unwrap()));
    // Every system of §4.4.2, each with the version that releases have, and other versions on Unix.
    let systems = (0..=19).chain([30, 255]).map(|system| system << 8 | 20);
    let versions = VERSIONS.into_iter().chain([0, 255]).map(|version| 3 << 8 | version);
    sweep_values(&mut row, &[Central], "made by", systems.chain(versions), made_by);
    row.accepted("deflate, version 20, made by Unix", with([]));
    row.0
}

#[test]
fn z07_other_methods_and_versions() {
    check(&z07(), agree);
}
