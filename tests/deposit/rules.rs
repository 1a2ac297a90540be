//! What holds for every deposit, wherever it is.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use goverify::error::{Code, Coded};
use goverify::events::{Event, Watch};
use goverify::fetch::{Deposit, FetchError};
use sha2::{Digest, Sha256};

use crate::support::world::run;

/// An open file with this content, read to its end.
pub(crate) fn spool(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

pub(crate) fn sha256(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

pub(crate) fn read(deposit: &Deposit, path: &str) -> Option<Vec<u8>> {
    run(deposit.read(path, 64 << 20)).unwrap()
}

pub(crate) fn paths(deposit: &Deposit, below: &str) -> Vec<String> {
    run(deposit.list(below, &Watch::silent())).unwrap().into_iter().map(|found| found.path).collect()
}

/// Small files: put, found, read, listed, replaced and removed.
pub(crate) fn small_files_come_and_go(deposit: &Deposit) {
    let quiet = Watch::silent();
    assert_eq!(paths(deposit, ""), [""; 0]);
    assert!(run(deposit.find("index.json")).unwrap().is_none() && read(deposit, "index.json").is_none());
    assert!(!run(deposit.remove("index.json")).unwrap());
    let first = run(deposit.put("index.json", b"[]".to_vec(), &quiet)).unwrap();
    assert_eq!((first.path.as_str(), first.size_bytes), ("index.json", 2));
    assert_eq!(run(deposit.find("index.json")).unwrap().unwrap(), first);
    let log = "sumdb/sum.golang.org/tile/8/0/x001/234.p/5";
    for path in [log, "go1.22.5.src.tar.gz.asc", "sumdb/sum.golang.org/latest"] {
        run(deposit.put(path, path.as_bytes().to_vec(), &quiet)).unwrap();
        assert_eq!(read(deposit, path).unwrap(), path.as_bytes());
    }
    let all = ["go1.22.5.src.tar.gz.asc", "index.json", "sumdb/sum.golang.org/latest", log];
    assert_eq!(paths(deposit, ""), all);
    assert_eq!(paths(deposit, "sumdb/sum.golang.org"), all[2..]);
    assert_eq!(paths(deposit, "sumdb/sum.golang"), [""; 0]);
    assert_eq!(run(deposit.list("", &quiet)).unwrap()[1], first);
    assert_eq!(run(deposit.read("index.json", 1)).unwrap().unwrap().len(), 2, "one byte more than allowed");

    let second = run(deposit.put("index.json", b"{}".to_vec(), &quiet)).unwrap();
    assert_ne!(second.stamp, first.stamp);
    assert_eq!(read(deposit, "index.json").unwrap(), b"{}");
    assert!(run(deposit.remove("index.json")).unwrap());
    assert!(run(deposit.remove(log)).unwrap());
    assert_eq!(paths(deposit, ""), [all[0], all[2]]);
}

/// Large files are those that were verified, or are not there.
pub(crate) fn only_what_was_verified_appears(deposit: &Deposit, content: &[u8]) {
    let (name, quiet) = ("go1.22.5.linux-amd64.tar.gz", Watch::silent());
    let error = run(deposit.put_file(name, spool(content), &sha256(b"other"), &quiet)).unwrap_err();
    assert!(matches!(error, FetchError::Changed { .. }), "{error}");
    assert_eq!(paths(deposit, ""), [""; 0]);

    let stopped = Watch::silent();
    let at_once = {
        let stopped = stopped.clone();
        stopped.clone().with(move |_| stopped.cancel())
    };
    let error = run(deposit.put_file(name, spool(content), &sha256(content), &at_once)).unwrap_err();
    assert_eq!(error.code(), Code::Interrupted);
    assert_eq!(paths(deposit, ""), [""; 0]);

    let seen = std::sync::Arc::new(std::sync::Mutex::new(0));
    let last = seen.clone();
    let watch = Watch::new(move |event| {
        if let Event::Deposited { bytes } = event {
            *last.lock().unwrap() = bytes;
        }
    });
    let mut file = spool(content);
    file.seek(SeekFrom::Start(7)).unwrap();
    let put = run(deposit.put_file(name, file, &sha256(content), &watch)).unwrap();
    assert_eq!((put.path.as_str(), put.size_bytes), (name, content.len() as u64));
    assert_eq!(*seen.lock().unwrap(), content.len() as u64);
    assert_eq!(run(deposit.find(name)).unwrap().unwrap(), put);
    assert!(read(deposit, name).unwrap() == content);

    run(deposit.put_file(name, spool(content), &sha256(b"other"), &quiet)).unwrap_err();
    assert_eq!(run(deposit.find(name)).unwrap().unwrap(), put, "what was there stays");
}

/// Writers at once, each of which adds lines to one file.
pub(crate) fn no_writer_loses_anothers_part(deposit: &Deposit) {
    const WRITERS: usize = 4;
    const LINES: usize = 5;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                for line in 0..LINES {
                    let merge = |current: Option<&[u8]>| {
                        let mut text = current.unwrap_or_default().to_vec();
                        text.extend_from_slice(format!("{writer}.{line}\n").as_bytes());
                        Ok::<_, FetchError>(text)
                    };
                    assert!(run(deposit.update("index.json", 1 << 20, &Watch::silent(), merge)).unwrap());
                }
            });
        }
    });
    let text = String::from_utf8(read(deposit, "index.json").unwrap()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let all = (0..WRITERS).flat_map(|writer| (0..LINES).map(move |line| format!("{writer}.{line}")));
    assert_eq!(lines, all.collect::<Vec<_>>());

    let stamp = run(deposit.find("index.json")).unwrap().unwrap().stamp;
    let same = |current: Option<&[u8]>| Ok::<_, FetchError>(current.unwrap().to_vec());
    assert!(!run(deposit.update("index.json", 1 << 20, &Watch::silent(), same)).unwrap());
    assert_eq!(run(deposit.find("index.json")).unwrap().unwrap().stamp, stamp, "what is the same is not written");
    let refuse = |_: Option<&[u8]>| Err(FetchError::Interrupted);
    run(deposit.update("index.json", 1 << 20, &Watch::silent(), refuse)).unwrap_err();
    assert_eq!(read(deposit, "index.json").unwrap(), text.as_bytes());
}

/// Names that are not a mirror's.
pub(crate) fn nothing_is_put_outside(deposit: &Deposit) {
    for path in ["", "../x", "/x", "a/../../x", ".x", "a//b", "a\\b", "a/.x", "a?b", "a\nb"] {
        let put = run(deposit.put(path, b"x".to_vec(), &Watch::silent()));
        assert!(matches!(put, Err(FetchError::Name(_))), "{path:?}");
        assert!(matches!(run(deposit.read(path, 9)), Err(FetchError::Name(_))), "{path:?}");
        assert!(matches!(run(deposit.remove(path)), Err(FetchError::Name(_))), "{path:?}");
    }
    assert_eq!(paths(deposit, ""), [""; 0]);
}
