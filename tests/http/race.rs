//! Files of different moments, as a mirror has them on the day of a release: the index, the signature and the archive
//! are fetched once more, and what is said of them then is final.

use std::collections::BTreeMap;

use super::ASC_PATH;
use super::support::binary::{INDEX_QUERY, assert_installed};
use super::support::depot::{Depot, requests_for};
use super::support::desk::{ASC, genuine, sha256, strangers};
use super::support::mirror::mirror_files;
use super::support::refusal::assert_refused;
use super::support::sdk::Sdk;
use super::support::server::{Fault, Response, Server};
use super::support::world::{NAME, PATH};

const DIGEST: (i32, &str) = (1, "digest-mismatch");
const SIGNATURE: (i32, &str) = (1, "signature-bad");
const SIZE: (i32, &str) = (4, "truncated-download");

/// The path at which a file of the mirror is asked for first.
fn path_of(name: &str) -> String {
    if name == "index.json" { INDEX_QUERY.to_owned() } else { format!("/{name}") }
}

/// Another build of the same release, by the same makers.
fn other_build(depot: &Depot, content: &str) -> BTreeMap<String, Vec<u8>> {
    let sdk: Sdk = genuine().with_file("src/moment.go", content, 0o644);
    mirror_files(&[sdk], &depot.signer)
}

/// How often index, signature and archive were asked for.
fn requests(server: &Server) -> [usize; 3] {
    [INDEX_QUERY, ASC_PATH, PATH].map(|path| requests_for(server, path))
}

#[test]
fn h13_files_of_two_moments() {
    for content in ["package moment\n".to_owned(), "// A moment.\n".repeat(900)] {
        for odd in [&["index.json"][..], &[ASC], &[NAME], &["index.json", ASC], &["index.json", NAME], &[ASC, NAME]] {
            let depot = Depot::of(&[genuine()]);
            let (server, other) = (depot.serve(), other_build(&depot, &content));
            for name in odd {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", other[*name].len());
                let once = Fault::Raw([head.as_bytes(), &other[*name]].concat());
                depot.break_path(&server, &path_of(name), [once]);
            }
            let result = depot.fetch(&server.url(), &["--json"]).exits(0).result();
            assert_eq!(result["archive"]["sha256"], sha256(&depot.files[NAME]), "{odd:?}: {result:#}");
            assert_eq!(result["archive"]["size"], depot.files[NAME].len(), "{odd:?}");
            assert_installed(&depot.destination(), &genuine(), true);
            assert_eq!(requests(&server)[0], 2, "{odd:?}");
            assert!(requests(&server).iter().all(|&number| number == 2), "{odd:?}: {:?}", requests(&server));
            assert_eq!(depot.home.cached(), [], "{odd:?}");
        }
    }
}

#[test]
fn h13_files_that_never_belong_together() {
    const BOTH: &str = "the archive disagrees with both the index and the signature";
    const INDEX: &str = "the archive and its signature agree, the index disagrees with both";
    const ASC_ALONE: &str = "the archive and the index agree, the signature disagrees with both";
    const PAIR: &str = "the archive and the index disagree";
    let with_digest = |depot: &Depot, bytes: &[u8]| {
        let index = String::from_utf8(depot.files["index.json"].clone()).unwrap();
        index.replace(&sha256(&depot.files[NAME]), &sha256(bytes)).into_bytes()
    };
    let changed = |depot: &Depot| {
        let mut archive = depot.files[NAME].clone();
        let at = archive.len() - 20;
        archive[at] ^= 1;
        archive
    };
    let another = |depot: &Depot, name: &str| other_build(depot, "package moment\n").remove(name).unwrap();
    type Broken<'a> = &'a dyn Fn(&Depot) -> (&'static str, Vec<u8>);
    let cases: [(&str, Broken, &[&str], (i32, &str), &str); 7] = [
        ("digest", &|depot| ("index.json", with_digest(depot, b"x")), &[], DIGEST, INDEX),
        ("signature", &|depot| (ASC, another(depot, ASC)), &[], SIGNATURE, ASC_ALONE),
        ("archive", &|depot| (NAME, changed(depot)), &[], DIGEST, BOTH),
        ("size", &|depot| ("index.json", another(depot, "index.json")), &[], SIZE, PAIR),
        ("archive_of_another_size", &|depot| (NAME, another(depot, NAME)), &[], SIZE, PAIR),
        ("download_only", &|depot| (ASC, another(depot, ASC)), &["--download-only"], SIGNATURE, ASC_ALONE),
        ("unsigned", &|depot| (NAME, changed(depot)), &["--unsigned"], DIGEST, PAIR),
    ];
    for (case, broken, further, expected, words) in cases {
        let mut depot = Depot::of(&[genuine()]);
        let (name, content) = broken(&depot);
        if case == "unsigned" {
            depot.files.remove(ASC);
        }
        let healthy = depot.files.insert(name.to_owned(), content).unwrap();
        let server = depot.serve();
        let destination = depot.destination();
        let to: &[&str] = if further == ["--download-only"] { &[] } else { &["--to", destination.to_str().unwrap()] };
        let arguments = [&["1.22.5", "linux/amd64", "--json"], further, to].concat();
        let run = depot.run(&server.url(), &arguments);
        assert!(run.stdout.contains(words) && run.stderr.contains(words), "{case}: {run:#?}");
        assert_refused(&depot.home, run, expected, case);
        assert_eq!(requests(&server), [2, 2, 2], "{case}: once more, and not again");
        // A folder does not change under our hands: it is read once, and says the same.
        let run = depot.run(&depot.write(), &arguments);
        assert!(run.code == Some(expected.0) || expected == SIZE, "{case}: {run:#?}");
        assert!(expected == SIZE || run.stdout.contains(words), "{case}: {run:#?}");
        assert!(!run.stderr.contains("once more"), "{case}: {run:#?}");
        // The same call once it is mended.
        let folder = if name == "index.json" { INDEX_QUERY.to_owned() } else { format!("/{name}") };
        depot.files.insert(name.to_owned(), healthy);
        depot.break_path(&server, &folder, []);
        depot.run(&server.url(), &arguments).exits(0);
    }
}

#[test]
fn h13_what_fails_to_arrive_again_hides_nothing() {
    for (path, status) in [(INDEX_QUERY, 403), (ASC_PATH, 404), (PATH, 404), (PATH, 403)] {
        let depot = Depot::of(&[genuine()]);
        let server = depot.serve();
        let mut forged = depot.files[NAME].clone();
        let at = forged.len() - 20;
        forged[at] ^= 1;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", forged.len());
        let forged = Fault::Raw([head.as_bytes(), &forged].concat());
        let gone = || Fault::Status(status, None);
        // The index has a second place, which must be gone as well.
        match path {
            INDEX_QUERY => {
                depot.break_path(&server, PATH, [forged]);
                depot.break_path(&server, INDEX_QUERY, [Fault::None, gone()]);
                server.serve("/index.json", Response::file(""), [gone()]);
            }
            ASC_PATH => {
                depot.break_path(&server, PATH, [forged]);
                depot.break_path(&server, ASC_PATH, [Fault::None, gone()]);
            }
            _ => depot.break_path(&server, PATH, [forged, gone()]),
        }
        assert_refused(&depot.home, depot.fetch(&server.url(), &["--json"]), DIGEST, path);
        depot.break_path(&server, INDEX_QUERY, []);
        depot.fetch(&server.url(), &[]).exits(0);
    }
}

/// Only files that a race can explain are asked for again.
#[test]
fn h13_other_refusals_are_final_at_once() {
    let wrong = sha256(b"x");
    let stranger = |depot: &Depot| strangers(&depot.files[NAME]);
    for (case, further, expected) in [
        ("expectation", vec!["--sha256", wrong.as_str()], DIGEST),
        ("stranger", vec![], (1, "signature-untrusted-key")),
    ] {
        let mut depot = Depot::of(&[genuine()]);
        if case == "stranger" {
            let signature = stranger(&depot);
            depot.files.insert(ASC.to_owned(), signature);
        }
        let server = depot.serve();
        let run = depot.fetch(&server.url(), &[&["--json"], &further[..]].concat());
        assert_refused(&depot.home, run, expected, case);
        assert_eq!(requests(&server), [1, 1, 1], "{case}");
    }
}
