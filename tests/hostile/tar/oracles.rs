//! Other readers of tar archives.
//!
//! - GNU tar unpacks, and so does bsdtar; Python's `tarfile` reads as it comes, and going back and forth; the `tar` crate
//!   and its asynchronous descendant read one gzip member, or all there are.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::{GzDecoder, MultiGzDecoder};

use super::fields::{Victim, edited};
use super::{ROWS, agree, files, with_implied};
use crate::case::Case;
use crate::readers::{
    Difference, Files, Seen, Views, assert_different, available, python, run, scratch, seen, unpacked, written,
};
use crate::support::figures::stride;

/// What the `tar` crate reads from one gzip member.
pub(super) fn tar_crate(archive: &[u8]) -> Seen {
    tar_crate_from(GzDecoder::new(archive))
}

fn tar_crate_from(stream: impl Read) -> Seen {
    let mut files = Files::new();
    for entry in ::tar::Archive::new(stream).entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| error.to_string())?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        add(&mut files, path, entry.header().entry_type().is_dir(), &content)?;
    }
    Ok(with_implied(files))
}

fn add(files: &mut Files, path: String, is_directory: bool, content: &[u8]) -> Result<(), String> {
    let path = if is_directory { format!("{}/", path.trim_end_matches('/')) } else { path };
    let twice = files.insert(path, seen(content)).is_some();
    if twice { Err("twice the same name".to_owned()) } else { Ok(()) }
}

/// There is no runtime for it without the network.
#[cfg(not(feature = "net"))]
fn tokio_tar(_: &[u8]) -> Option<Seen> {
    None
}

/// What astral-tokio-tar reads of all gzip members there are.
#[cfg(feature = "net")]
fn tokio_tar(archive: &[u8]) -> Option<Seen> {
    let mut stream = Vec::new();
    let unzipped = MultiGzDecoder::new(archive).read_to_end(&mut stream).map_err(|error| error.to_string());
    Some(unzipped.and_then(|_| tokio_tar_from(&stream)))
}

#[cfg(feature = "net")]
fn tokio_tar_from(stream: &[u8]) -> Seen {
    use std::future::poll_fn;
    use std::pin::Pin;

    use futures_util::Stream;
    use tokio_tar::{Archive, EntryType};

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut files = Files::new();
        let mut entries = Archive::new(stream).entries().map_err(|error| error.to_string())?;
        while let Some(entry) = poll_fn(|context| Pin::new(&mut entries).poll_next(context)).await {
            let mut entry = entry.map_err(|error| error.to_string())?;
            let mut content = Vec::new();
            tokio::io::AsyncReadExt::read_to_end(&mut entry, &mut content).await.map_err(|error| error.to_string())?;
            let path = entry.path_bytes().map_err(|error| error.to_string())?;
            let path = String::from_utf8_lossy(&path).into_owned();
            add(&mut files, path, entry.header().entry_type() == EntryType::Directory, &content)?;
        }
        Ok(with_implied(files))
    })
}

/// Both ways of Python to read: as a stream, and with seeking.
fn python_script(mode: &str) -> String {
    format!(
        r#"
import hashlib, json, sys, tarfile
for path in sys.argv[1:]:
    try:
        files = {{}}
        with tarfile.open(path, "{mode}", encoding="utf-8") as archive:
            for info in archive:
                content = b"" if info.isdir() else archive.extractfile(info).read()
                name = info.name.rstrip("/") + "/" if info.isdir() else info.name
                assert name not in files, "twice the same name"
                files[name] = [hashlib.sha256(content).hexdigest(), len(content)]
        print(json.dumps([files, ""]))
    except Exception as error:
        print(json.dumps([None, f"{{type(error).__name__}}: {{error}}"]))
"#
    )
}

/// What a program unpacks into an empty folder, from a pipe.
fn unpacking(program: &str, options: &str, archive: &[u8]) -> Seen {
    let folder = scratch();
    let to = folder.path().to_str().unwrap();
    run(program, &[options, "-f", "-", "--no-same-owner", "-C", to], archive)?;
    Ok(unpacked(folder.path()))
}

/// What every reader at hand makes of each archive.
fn views(archives: &[&[u8]]) -> Vec<Views> {
    let folder = scratch();
    let paths = written(&folder, archives, "tar.gz");
    let of = |archive: &&[u8]| {
        let mut views = vec![
            ("tar crate", tar_crate(archive)),
            ("tar crate, all members", tar_crate_from(MultiGzDecoder::new(*archive))),
        ];
        views.extend(tokio_tar(archive).map(|seen| ("tokio-tar", seen)));
        views
    };
    let mut views: Vec<Views> = archives.iter().map(of).collect();
    let mut add = |reader, seen: Vec<Seen>| {
        views.iter_mut().zip(seen).for_each(|(views, seen)| views.push((reader, seen)));
    };
    if available("python3", "--version") {
        for (reader, mode) in [("python", "r:gz"), ("python at a pipe", "r|gz")] {
            let seen = python(&python_script(mode), &paths);
            add(reader, seen.into_iter().map(|seen| seen.map(with_implied)).collect());
        }
    }
    for (reader, program, options) in
        [("GNU tar", "tar", "-xz"), ("GNU tar past zeros", "tar", "-xzi"), ("bsdtar", "bsdtar", "-xz")]
    {
        if available(program, "--version") {
            add(reader, archives.iter().map(|archive| unpacking(program, options, archive)).collect());
        }
    }
    views
}

#[test]
fn whatever_is_accepted_every_reader_sees_alike() {
    let mut known = BTreeSet::new();
    let rows = ROWS.iter().flat_map(|(_, row)| row());
    let twins = rows.filter(|case| case.rejected.is_none() && known.insert(case.archive.clone()));
    let cases: Vec<_> = twins.collect();
    let views = views(&cases.iter().map(|case| &case.archive[..]).collect::<Vec<_>>());
    for (case, views) in cases.iter().zip(views) {
        let ours = Ok(files(&case.judge().unwrap()));
        for (reader, seen) in views {
            assert_eq!(seen, ours, "{reader}: {}", case.what);
        }
    }
    assert!(cases.len() > 60, "{}", cases.len());
}

/// Whatever one bit of a header makes of an archive, with a checksum that fits.
#[test]
fn a_flipped_bit_that_is_accepted_is_seen_alike() {
    let bits = Victim::ALL.into_iter().flat_map(|victim| (0..512 * 8).map(move |bit| (victim, bit)));
    let (mut accepted, mut tried) = (0, 0);
    // Prime to 8, so that every bit of a byte has its turn.
    for (victim, bit) in bits.step_by(stride(13)) {
        let archive = edited(victim, |block| block[bit / 8] ^= 1 << (bit % 8));
        let case = Case::accepted(format!("{victim:?}: bit {bit}"), archive);
        tried += 1;
        if let Ok(found) = case.judge() {
            agree(&case, &found);
            accepted += 1;
        }
    }
    // Times and owners mean nothing, and another letter makes another name.
    assert!((1..tried / 4).contains(&accepted), "{accepted} of {tried}");
}

/// Who believes one header sees one thing, who believes another one something else, and neither complains: this is what
/// the rows are about.
#[test]
fn readers_see_different_files_in_what_is_rejected() {
    const HIDDEN: &[&str] = &["go/src/hidden"];
    const CRATE: &str = "tar crate";
    const PYTHON: &str = "python";
    const GNU: &str = "GNU tar";
    let of_tar: [(&str, &str, &str, &[&str], &str, &[&str]); 14] = [
        ("t11", "size \"-1\" of 512 bytes", CRATE, &[], PYTHON, HIDDEN),
        ("t13", "0: one too few", CRATE, &["go/src/y"], PYTHON, &["go/src"]),
        ("t13", "39: a NUL in its value", CRATE, &["go/sr\0c/x"], GNU, &["go/sr"]),
        ("t13", "48: the same key twice", CRATE, &["go/src/x"], "tokio-tar", &["go/src/y"]),
        ("t13", "48: the same key twice", CRATE, &["go/src/x"], GNU, &["go/src/y"]),
        ("t14", "two in a row", PYTHON, &["go/src/x"], GNU, &["go/src/z"]),
        ("t15", "g with a path", CRATE, &["go/PaxHeaders.0/x"], GNU, &["go/src/a"]),
        ("t15", "a pax path, and L with a name", CRATE, &["go/src/a"], "bsdtar", &["go/src/b"]),
        ("t20", "Extension: v7", CRATE, &["go/PaxHeaders.0/x"], PYTHON, &[]),
        ("t21", "file go/src/x/ by pax", CRATE, &["go/src/x/"], PYTHON, &["go/src/x"]),
        ("t21", "file go/src/x/ that holds an entry", CRATE, &[], GNU, HIDDEN),
        ("t21", "directory that holds 1 entries", CRATE, &[], GNU, &["go/src/0"]),
        ("t28", "an entry and zeros behind 1024 zeros", GNU, &[], "GNU tar past zeros", &["go/src/x"]),
        ("t28", "2 zero blocks before entry 5", GNU, &[], "GNU tar past zeros", &["go/src/make.bash"]),
    ];
    let of_gzip: [(&str, &str, &str, &[&str], &str, &[&str]); 3] = [
        ("g01", "an entry and the end in a second member", CRATE, &[], GNU, &["go/src/evil"]),
        ("g01", "an entry and the end in a second member", PYTHON, &["go/src/evil"], "python at a pipe", &[]),
        ("g01", "in two members, cut at block 4", CRATE, &[], "tar crate, all members", &["go/bin/go"]),
    ];
    let named = |(row, what, one, by_one, other, by_other)| Difference {
        row,
        what,
        one: (one, by_one),
        other: (other, by_other),
    };
    assert_different(ROWS, &of_tar.map(named), views);
    assert_different(crate::gzip::ROWS, &of_gzip.map(named), views);
}
