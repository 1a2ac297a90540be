//! Owners, times and attributes: what an archive says of them never reaches the disk.

use std::fs;
use std::time::{Duration, SystemTime};

use goverify::archive::{HeaderFault, PaxFault, Spool};
use goverify::events::Watch;
use goverify::{Destination, Durability, Occupied, ReceiptChoice};

use super::fields::{Victim, base_256, patched};
use super::{Row, SMALL, agree, pax, with};
use crate::case::{Case, check, verified};
use crate::support::binary::assert_installed;
use crate::support::tar_entry::{TarEntry, gzip, pax_record, tar};

/// What archivers of Linux, macOS and others put into extended headers.
const ATTRIBUTES: [(&str, &[u8]); 16] = [
    ("SCHILY.xattr.user.x", b"1"),
    ("SCHILY.xattr.security.capability", b"\x01\x00\x00\x02\x00\x20\x00\x00"),
    ("SCHILY.xattr.security.selinux", b"unconfined_u"),
    ("SCHILY.xattr.system.posix_acl_access", b"\x02\0\0\0"),
    ("SCHILY.acl.access", b"user::rwx,group::r-x,other::r-x"),
    ("SCHILY.acl.default", b"user::rwx"),
    ("SCHILY.acl.ace", b"owner@:rwxp::allow"),
    ("SCHILY.fflags", b"schg,uappnd"),
    ("SCHILY.dev", b"64768"),
    ("SCHILY.ino", b"1"),
    ("SCHILY.nlink", b"2"),
    ("SCHILY.filetype", b"sparse"),
    ("SCHILY.realsize", b"1048576"),
    ("LIBARCHIVE.xattr.user.x", b"MQ=="),
    ("RHT.security.selinux", b"unconfined_u"),
    ("MSWINDOWS.rawsd", b"AQAUgA=="),
];

/// Times that some field cannot hold, or that are none.
const TIMES: [&str; 12] = [
    "0",
    "-1",
    "-62135596801",
    "1719519072.123456789",
    "4294967296",
    "253402300800",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999999999",
    "0.0000000000000000000000001",
    "1e9",
    "now",
];

pub(crate) fn t29() -> Vec<Case> {
    let mut row = Row::default();
    for (key, value) in ATTRIBUTES {
        let entry = TarEntry::file("go/src/x", "").after(pax(key, value));
        row.malformed(format!("{key} of a file"), with([entry]), PaxFault::Record);
        let entry = TarEntry::directory("go/src/x/").after(pax(key, value));
        row.malformed(format!("{key} of a directory"), with([entry]), PaxFault::Record);
        let records = [pax_record(key, value), pax_record("path", b"go/src/x")].concat();
        let entry = TarEntry::file("go/src/y", "").after(TarEntry::extension(b'x', records));
        row.malformed(format!("{key} and a path"), with([entry]), PaxFault::Length);
    }
    for time in TIMES {
        for key in ["mtime", "atime", "ctime", "LIBARCHIVE.creationtime"] {
            let entry = TarEntry::file("go/src/x", "").after(pax(key, time));
            row.malformed(format!("{key} {time}"), with([entry]), PaxFault::Record);
        }
    }
    for (key, value) in [("uid", "0"), ("gid", "65534"), ("uid", "2097152"), ("uname", "root"), ("gname", "wheel")] {
        let entry = TarEntry::file("go/src/x", "").after(pax(key, value));
        row.malformed(format!("{key} {value}"), with([entry]), PaxFault::Record);
    }
    for victim in Victim::ALL {
        for (what, seconds) in [
            ("a second before 1902", -(1 << 31) - 1),
            ("after 2242", 1 << 33),
            ("of 2^40", 1 << 40),
            ("of -2^40", -(1 << 40)),
        ] {
            let archive = patched(victim, 136, &base_256(seconds, 12));
            row.malformed(format!("{victim:?}: time {what}"), archive, HeaderFault::Number("mtime"));
        }
        for (field, at) in [("uname", 265), ("gname", 297)] {
            for byte in [b'\x1b', b' ', b'\n', b'\x7f', 0x80, 0xff, b'\t', 1] {
                let what = format!("{victim:?}: byte 0x{byte:02x} in {field}");
                row.malformed(what, patched(victim, at, &[byte]), HeaderFault::NotEmpty(field));
            }
            for behind in [1, 2, 15, 31] {
                let what = format!("{victim:?}: letter behind an empty {field}, byte {behind}");
                row.malformed(what, patched(victim, at + behind, b"x"), HeaderFault::Nul(field));
            }
            let name = patched(victim, at, b"root\0x");
            row.malformed(format!("{victim:?}: letter behind a {field}"), name, HeaderFault::Nul(field));
            row.accepted(format!("{victim:?}: {field} root"), patched(victim, at, b"root"));
        }
        for (what, time) in [("1970", *b"00000000000\0"), ("2242", *b"77777777777\0")] {
            row.accepted(format!("{victim:?}: time in {what}"), patched(victim, 136, &time));
        }
        for (field, at) in [("uid", 108), ("gid", 116)] {
            row.accepted(format!("{victim:?}: {field} 65534"), patched(victim, at, b"0177776\0"));
        }
    }
    row.0
}

#[test]
fn t29_owners_times_and_attributes() {
    check(&t29(), agree);
}

/// Whatever the headers say, files are of now and of whoever installs them.
#[test]
fn t29_no_time_of_a_header_reaches_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let watch = Watch::silent();
    let before = SystemTime::now() - Duration::from_secs(60);
    for (name, time, id) in [("first", *b"00000000000\0", *b"0000000\0"), ("last", *b"77777777777\0", *b"7777777\0")] {
        let entries = SMALL.sdk.entries().into_iter().map(|entry| {
            entry.header(|h| {
                let h = h.as_old_mut();
                (h.mtime, h.uid, h.gid) = (time, id, id);
            })
        });
        let archive = gzip(&tar(&entries.collect::<Vec<_>>()));
        let to = folder.path().join(name);
        let destination = Destination::prepare(&to, Duration::from_secs(60), &watch).unwrap();
        let spool = Spool::new_in(destination.parent_path()).unwrap();
        let staged =
            destination.unpack(verified(SMALL.sdk.name(), &archive, spool).unwrap(), ReceiptChoice::Omit).unwrap();
        staged.commit(Occupied::Refuse, Durability::Synced).unwrap();
        assert_installed(&to, &SMALL.sdk, false);
        let own = fs::metadata(folder.path()).unwrap();
        let after = SystemTime::now() + Duration::from_secs(60);
        for path in SMALL.sdk.files().keys().map(String::as_str).chain(["", "bin", "src", "pkg/tool/linux_amd64"]) {
            let found = fs::metadata(to.join(path)).unwrap();
            let modified = found.modified().unwrap();
            assert!(before < modified && modified < after, "{path}: {modified:?}");
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt;
                assert_eq!((found.uid(), found.gid()), (own.uid(), own.gid()), "{path}");
            }
        }
        let _ = own;
    }
}
