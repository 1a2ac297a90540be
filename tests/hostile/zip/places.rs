//! Where entries are, and whether each is listed: overlaps, gaps, shadows and ghosts.

use goverify::archive::{RecordFault, ZipFault};

use super::fields::Record::Central;
use super::fields::sweep;
use super::{Row, SMALL, agree, count, edited, ended, entries, malformed, with};
use crate::case::{Case, check};
use crate::support::zip_entry::{ZipEntry, offset_of, zip};

pub(crate) fn z02() -> Vec<Case> {
    let mut row = Row::default();
    sweep(&mut row, &[Central], "offset", |_| malformed(ZipFault::Central("offset")));
    one_place_for_two(&mut row);
    other_orders(&mut row);
    quoted_overlaps(&mut row);
    gaps(&mut row);
    row.accepted("one behind another", SMALL.archive.clone());
    row.0
}

/// An entry of the directory is where another is, which has the other's name or not.
fn one_place_for_two(row: &mut Row) {
    let originals = entries();
    let offset = ZipFault::Central("offset");
    for index in 0..originals.len() {
        let next = (index + 1) % originals.len();
        let place = offset_of(&originals, next);
        let mut entries = originals.clone();
        entries[index].central.offset = Some(place);
        row.malformed(format!("entry {index} is said to be where {next} is"), zip(&entries), offset.clone());
        entries[index].central = originals[next].central.clone();
        entries[index].central.offset = Some(place);
        row.malformed(format!("entry {next} is listed for {index} too"), zip(&entries), ZipFault::Central("name"));
    }
    // Every entry of the directory is one and the same kernel, as Fifield's bombs have it.
    let mut kernel = originals.clone();
    for entry in &mut kernel[1..] {
        entry.central.offset = Some(0);
    }
    row.malformed("every entry in one place", zip(&kernel), offset.clone());
    let inside = edited(|e| e.central.offset = Some(30 + u32::try_from(e.local.name.len()).unwrap() + 9));
    row.malformed("an entry inside its own content", inside, offset);
}

fn other_orders(row: &mut Row) {
    let originals = entries();
    let listed_as = |order: &[usize]| {
        let mut entries = originals.clone();
        for (to, &from) in order.iter().enumerate() {
            entries[to].central = originals[from].central.clone();
            entries[to].central.offset = Some(offset_of(&originals, from));
        }
        zip(&entries)
    };
    let straight: Vec<usize> = (0..originals.len()).collect();
    for index in 1..originals.len() {
        let mut order = straight.clone();
        order.swap(index - 1, index);
        let what = format!("entry {index} is listed before the one in front of it");
        row.malformed(what, listed_as(&order), ZipFault::Central("name"));
    }
    let reversed: Vec<usize> = straight.iter().rev().copied().collect();
    row.malformed("listed in reverse", listed_as(&reversed), ZipFault::Central("name"));
    let mut rotated = straight.clone();
    rotated.rotate_left(1);
    row.malformed("listed from the second on", listed_as(&rotated), ZipFault::Central("name"));
    let mut stored_in_reverse = originals.clone();
    stored_in_reverse.reverse();
    row.accepted("stored and listed in reverse", zip(&stored_in_reverse));
}

/// Content that is a whole archive again, in a stored block of the deflate stream, so that its records lie in the open
/// (Fifield, "A better zip bomb").
fn quoting(path: &str, quoted: &[u8]) -> ZipEntry {
    let length = u16::try_from(quoted.len()).unwrap();
    let block = [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), quoted].concat();
    ZipEntry::deflated(path.as_bytes(), block, crc32fast::hash(quoted), length.into())
}

fn quoted_overlaps(row: &mut Row) {
    for depth in 1..=5 {
        // The innermost file, in an archive, in a file, in an archive, ...
        let mut hidden = vec![ZipEntry::file("go/src/hidden0", "hidden")];
        for n in 1..=depth {
            let inside = zip(&hidden[n - 1..]);
            hidden.push(quoting(&format!("go/src/hidden{n}"), &inside));
        }
        let outer = hidden.pop().unwrap();
        let quoted = with([outer.clone()]);
        let ghosts = hidden.iter().map(|entry| {
            let records = zip(std::slice::from_ref(entry));
            let at = quoted.windows(records.len()).position(|window| window == records).unwrap();
            entry.clone().edit(|e| (e.stored, e.central.offset) = (false, Some(u32::try_from(at).unwrap())))
        });
        let listed: Vec<_> = std::iter::once(outer.clone()).chain(ghosts).collect();
        let fault = ZipFault::Listed { found: count() + 1, listed: count() + 2 };
        row.malformed(format!("{depth} entries quoted by another and listed"), with(listed), fault);
        row.accepted(format!("{depth} entries quoted by another and not listed"), quoted);
    }
}

fn gaps(row: &mut Row) {
    let inside = zip(&[ZipEntry::file("go/src/other", "")]);
    let page = [0; 4096];
    let nothing = RecordFault::Missing("entry or central directory");
    // Records of other kinds than an entry's: data of the archive, a signature of the directory, a second descriptor
    // (§4.3.11, §4.3.13).
    let junk: [(&str, &[u8]); 8] = [
        ("a zero", b"\0"),
        ("a line end", b"\n"),
        ("four letters", b"junk"),
        ("a page of zeros", &page),
        ("half a signature", b"PK"),
        ("data of the archive", b"PK\x06\x08\x04\x00\x00\x00data"),
        ("a digital signature", b"PK\x05\x05\x04\x00data"),
        ("another descriptor", b"PK\x07\x08\0\0\0\0\0\0\0\0\0\0\0\0"),
    ];
    // The last gap is the one before the directory, whose offset counts it.
    let with_gap = |index: usize, bytes: &[u8]| {
        let mut entries = entries();
        match entries.get_mut(index) {
            Some(entry) => entry.before = bytes.to_vec(),
            None => entries[index - 1].descriptor.extend(bytes),
        }
        zip(&entries)
    };
    for index in 1..=entries().len() {
        for (what, bytes) in junk {
            row.malformed(format!("{what} before record {index}"), with_gap(index, bytes), nothing);
        }
        // A whole archive in between brings its own directory, which lists one entry of those before.
        let archive = with_gap(index, &inside);
        row.malformed(format!("an archive before record {index}"), archive, ZipFault::Central("name"));
    }
    for (what, bytes) in junk {
        let archive = ended(|end| end.before = bytes.to_vec());
        let fault = RecordFault::Missing("entry of the central directory or end record");
        row.malformed(format!("{what} before the end record"), archive, fault);
    }
}

#[test]
fn z02_overlaps_and_gaps() {
    check(&z02(), agree);
}

pub(crate) fn z05() -> Vec<Case> {
    let mut row = Row::default();
    let shadow = || ZipEntry::file("go/src/shadow", "shadow");
    let (there, name) = (count(), ZipFault::Central("name"));
    let at = |index: usize, entry: ZipEntry| {
        let mut entries = entries();
        entries.insert(index, entry);
        zip(&entries)
    };
    for index in 0..=entries().len() {
        let last = index == entries().len();
        let unlisted = if last { ZipFault::Listed { found: there + 1, listed: there } } else { name.clone() };
        let shadow_at = at(index, shadow().edit(|e| e.listed = 0));
        row.malformed(format!("unlisted entry before entry {index}"), shadow_at, unlisted);
        let ghost = if last { ZipFault::Listed { found: there, listed: there + 1 } } else { name.clone() };
        let ghost_at = at(index, shadow().edit(|e| e.stored = false));
        row.malformed(format!("listed before entry {index}, and not there"), ghost_at, ghost);
        row.accepted(format!("there and listed before entry {index}"), at(index, shadow()));
    }
    for index in 0..entries().len() {
        let last = index + 1 == entries().len();
        let listed = |times| {
            let mut entries = entries();
            entries[index].listed = times;
            zip(&entries)
        };
        let twice = if last { ZipFault::Listed { found: there, listed: there + 1 } } else { name.clone() };
        row.malformed(format!("entry {index} is listed twice"), listed(2), twice);
        let never = if last { ZipFault::Listed { found: there, listed: there - 1 } } else { name.clone() };
        row.malformed(format!("entry {index} is not listed"), listed(0), never);
    }
    // The number of entries is right, and one of them is another.
    let mut instead = entries();
    instead[0].listed = 0;
    instead.push(shadow().edit(|e| e.stored = false));
    row.malformed("one is listed instead of another", zip(&instead), name);
    let none: Vec<_> = entries().into_iter().map(|e| e.edit(|e| e.listed = 0)).collect();
    row.malformed("no directory", zip(&none), RecordFault::Missing("entry or central directory"));
    let directory = &SMALL.archive[SMALL.directory_start()..SMALL.end_start()];
    // The end record counts whatever lies between the entries and it.
    let then = |more: &[u8]| {
        ended(|end| {
            end.before = more.to_vec();
            end.directory_bytes += u32::try_from(more.len()).unwrap();
        })
    };
    let fault = ZipFault::Listed { found: there, listed: there + 1 };
    row.malformed("the directory twice", then(directory), fault);
    let local = zip(&[shadow().edit(|e| e.listed = 0)]);
    let fault = RecordFault::Missing("entry of the central directory or end record");
    row.malformed("an entry behind the directory", then(&local[..local.len() - 22]), fault);
    let in_between = [&local[..local.len() - 22], directory].concat();
    row.malformed("an entry between two directories", then(&in_between), fault);
    row.malformed("the directory first", [directory, &SMALL.archive].concat(), ZipFault::Magic);
    row.0
}

#[test]
fn z05_entries_that_are_not_listed() {
    check(&z05(), agree);
}
