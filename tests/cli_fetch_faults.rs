//! Everything that a mirror can do wrong, as the user of `goverify fetch` meets it: a code, an exit code, a hint, and
//! nothing left. What a server does wrong rather than a mirror's files is in `tests/http`.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use support::binary::{assert_installed, check, snapshot};
use support::depot::{Depot, WANTED, requests_for};
use support::desk::{PAGE, changed_signature, early, sha256, strangers};
use support::mirror::{SIGNED, mirror_files};
use support::refusal::assert_refused;
use support::sdk::Sdk;
use support::server::Fault;
use support::tar_entry::TarEntry;
use support::world::{NAME, PATH};

const ASC: &str = "go1.22.5.linux-amd64.tar.gz.asc";

fn sdk() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

/// A fault in a mirror's files, its exit code and error code in a folder, and those over HTTP where they differ.
type Row = (&'static str, (i32, &'static str), Option<(i32, &'static str)>);

const FAULTS: [Row; 24] = [
    ("changed_byte", (1, "digest-mismatch"), None),
    ("changed_last_byte", (1, "digest-mismatch"), None),
    ("index_with_another_digest", (1, "digest-mismatch"), None),
    ("index_without_digest", (4, "index-malformed"), None),
    ("index_with_a_path", (4, "index-malformed"), None),
    ("index_with_trailing_data", (4, "index-malformed"), None),
    ("changed_signature", (1, "signature-bad"), None),
    ("signature_of_other_bytes", (1, "signature-bad"), None),
    ("signature_by_a_stranger", (1, "signature-untrusted-key"), None),
    ("signature_before_the_release", (1, "signature-time"), None),
    ("digest_as_signature", (1, "signature-malformed"), None),
    ("no_signature", (3, "signature-not-published"), None),
    ("no_archive", (3, "release-not-found"), None),
    ("truncated", (4, "truncated-download"), None),
    ("half", (4, "truncated-download"), None),
    ("longer", (1, "size-mismatch"), Some((4, "truncated-download"))),
    ("page_as_index", (4, "index-malformed"), None),
    ("page_as_signature", (1, "signature-malformed"), None),
    ("page_as_archive_of_the_same_size", (1, "archive-malformed"), None),
    ("renamed_to_go1.22.6", (1, "layout-invalid"), None),
    ("amd64_as_arm64", (1, "layout-invalid"), None),
    ("link", (1, "archive-forbidden-entry"), None),
    ("parent_component", (1, "archive-unsafe-path"), None),
    ("receipt_in_the_archive", (1, "layout-invalid"), None),
];

/// Makes the one fault of this name, and returns what is to be asked for so that it shows.
fn break_mirror(depot: &mut Depot, fault: &str) -> [&'static str; 2] {
    let mut archive = depot.files[NAME].clone();
    let signer = &depot.signer;
    let digest = sha256(&archive);
    let index = String::from_utf8(depot.files["index.json"].clone()).unwrap();
    let length = archive.len();
    let rename = |from: &str, to: &str| {
        // With everything that names it, and genuinely signed.
        let name = NAME.replace(from, to);
        [("index.json".to_owned(), index.replace(from, to).into_bytes()), (name.clone(), depot.files[NAME].clone())]
            .into_iter()
            .chain([(format!("{name}.asc"), depot.files[ASC].clone())])
    };
    let with = |entry| mirror_files(&[sdk().with_entries([entry])], signer);
    let (name, content) = match fault {
        "changed_byte" => (NAME, {
            archive[4] ^= 1;
            archive
        }),
        "changed_last_byte" => (NAME, {
            archive[length - 1] ^= 1;
            archive
        }),
        "truncated" => (NAME, archive[..length - 1].to_vec()),
        "half" => (NAME, archive[..length / 2].to_vec()),
        "longer" => (NAME, [&archive[..], b"x"].concat()),
        "page_as_archive_of_the_same_size" => (NAME, format!("{PAGE:length$}").into()),
        "index_with_another_digest" => ("index.json", index.replace(&digest, &sha256(b"x")).into()),
        "index_without_digest" => ("index.json", index.replace(&digest, "").into()),
        "index_with_a_path" => ("index.json", index.replace(NAME, "../x.tar.gz").into()),
        "index_with_trailing_data" => ("index.json", (index + "[]").into()),
        "page_as_index" => ("index.json", PAGE.into()),
        "changed_signature" => (ASC, changed_signature(depot.files[ASC].clone()).into()),
        "signature_of_other_bytes" => (ASC, signer.sign(b"x", SIGNED)),
        "signature_by_a_stranger" => (ASC, strangers(&archive)),
        "signature_before_the_release" => (ASC, early(signer, &archive)),
        "digest_as_signature" => (ASC, digest.into()),
        "page_as_signature" => (ASC, PAGE.into()),
        other => {
            let mut wanted = WANTED;
            match other {
                "no_signature" => drop(depot.files.remove(ASC).unwrap()),
                "no_archive" => drop(depot.files.remove(NAME).unwrap()),
                "renamed_to_go1.22.6" => {
                    wanted[0] = "1.22.6";
                    depot.files = rename("go1.22.5", "go1.22.6").collect();
                }
                "amd64_as_arm64" => {
                    wanted[1] = "linux/arm64";
                    depot.files = rename("amd64", "arm64").collect();
                }
                "link" => depot.files = with(TarEntry::link("go/src/passwd", "/etc/passwd")),
                "parent_component" => depot.files = with(TarEntry::file("go/../../escaped", "x")),
                "receipt_in_the_archive" => depot.files = with(TarEntry::file("go/.goverify.json", "{}")),
                _ => panic!("no such fault: {other}"),
            }
            return wanted;
        }
    };
    let healthy = depot.files.insert(name.to_owned(), content);
    assert!(healthy.unwrap() != depot.files[name], "{fault}");
    WANTED
}

#[test]
fn a_mirror_with_a_fault_in_its_files_is_refused() {
    for (fault, in_folder, over_http) in FAULTS {
        let mut depot = Depot::of(&[sdk()]);
        let healthy = depot.files.clone();
        let wanted = break_mirror(&mut depot, fault);
        let destination = depot.destination();
        let to = [&wanted[..], &["--json", "--to", destination.to_str().unwrap()]].concat();
        let download = [&wanted[..], &["--json", "--download-only"]].concat();
        let (folder, server) = (depot.write(), depot.serve());
        for arguments in [&to, &download] {
            assert_refused(&depot.home, depot.run(&folder, arguments), in_folder, fault);
            assert_refused(&depot.home, depot.run(&server.url(), arguments), over_http.unwrap_or(in_folder), fault);
        }
        // The same once the mirror is in order.
        depot.files = healthy;
        depot.fetch(&depot.write(), &[]).exits(0);
        assert_installed(&destination, &sdk(), true);
    }
}

#[test]
fn a_transfer_that_breaks_is_continued() {
    for fault in [Fault::TruncateAt(1000), Fault::ResetAt(1000)] {
        let depot = Depot::of(&[sdk()]);
        let server = depot.serve();
        depot.break_path(&server, PATH, vec![fault.clone()]);
        depot.fetch(&server.url(), &[]).exits(0);
        assert_installed(&depot.destination(), &sdk(), true);
        assert_eq!(requests_for(&server, PATH), 2, "{fault:?}");
        assert_eq!(depot.home.cached(), []);
    }
}

#[test]
fn what_the_cache_holds_is_checked_as_if_it_came_from_a_stranger() {
    let depot = Depot::of(&[sdk()]);
    let server = depot.serve();
    let digest = sha256(&depot.files[NAME]);
    let keep = |bytes: &[u8]| {
        let folder = depot.home.cache().join("goverify");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{digest}.partial")), bytes).unwrap();
        fs::write(folder.join(format!("{digest}.etag")), format!("\"v1\"\n{}{NAME}\n", server.url())).unwrap();
    };
    // The mirror is not to blame for what the cache holds, so it is asked once more for all of it. With another first
    // byte what is there is not even an archive.
    for at in [500, 0] {
        let mut forged = depot.files[NAME][..1000].to_vec();
        forged[at] ^= 1;
        keep(&forged);
        depot.fetch(&server.url(), &["--force"]).exits(0);
        assert_installed(&depot.destination(), &sdk(), true);
    }
    keep(&depot.files[NAME][..1000]);
    depot.fetch(&server.url(), &["--force"]).exits(0);
    assert_installed(&depot.destination(), &sdk(), true);
    let ranges = server.requests().into_iter().filter(|request| request.path == PATH);
    let ranges: Vec<_> = ranges.map(|request| request.header("range").map(str::to_owned)).collect();
    let continued = || Some("bytes=1000-".to_owned());
    assert_eq!(ranges, [continued(), None, continued(), None, continued()]);
    assert_eq!(depot.home.cached(), []);
}

#[test]
fn a_forged_archive_stays_rejected_when_its_download_was_continued() {
    let mut depot = Depot::of(&[sdk()]);
    let at = depot.files[NAME].len() - 20;
    depot.files.get_mut(NAME).unwrap()[at] ^= 1;
    let server = depot.serve();
    depot.break_path(&server, PATH, vec![Fault::TruncateAt(1000)]);
    assert_refused(&depot.home, depot.fetch(&server.url(), &["--json"]), (1, "digest-mismatch"), "continued");
    assert_eq!(requests_for(&server, PATH), 3);
    assert_eq!(depot.home.cached(), []);
}

#[test]
fn a_rejection_tells_which_evidence_disagrees() {
    for (fault, digest, signature, layout) in [
        ("index_with_another_digest", "failed", "passed", "passed"),
        ("signature_of_other_bytes", "passed", "failed", "passed"),
        ("changed_last_byte", "failed", "failed", "failed"),
        ("renamed_to_go1.22.6", "passed", "passed", "failed"),
    ] {
        let mut depot = Depot::of(&[sdk()]);
        let wanted = break_mirror(&mut depot, fault);
        let result = depot.run(&depot.write(), &[&wanted[..], &["--json"]].concat()).exits(1).result();
        let statuses = ["digest", "signature", "layout"].map(|name| check(&result, name)["status"].clone());
        assert_eq!(statuses, [digest, signature, layout], "{fault}: {result:#}");
    }
}

#[cfg(unix)]
#[test]
fn a_cache_that_cannot_be_used_is_no_obstacle() {
    use std::os::unix::fs::symlink;
    use std::path::Path;
    let digest = sha256(&sdk().tar_gz());
    let partial = format!("goverify/{digest}.partial");
    let cases: [(&str, &dyn Fn(&Path)); 5] = [
        ("file", &|cache| fs::write(cache.join("goverify"), "mine").unwrap()),
        ("dangling_link", &|cache| symlink("nowhere", cache.join("goverify")).unwrap()),
        ("partial_that_is_a_link", &|cache| {
            fs::create_dir(cache.join("goverify")).unwrap();
            fs::write(cache.join("precious"), "mine").unwrap();
            symlink("../precious", cache.join(&partial)).unwrap();
        }),
        ("partial_that_is_a_folder", &|cache| fs::create_dir_all(cache.join(&partial)).unwrap()),
        ("partial_that_is_a_fifo", &|cache| {
            fs::create_dir(cache.join("goverify")).unwrap();
            let made = std::process::Command::new("mkfifo").arg(cache.join(&partial)).status().unwrap();
            assert!(made.success());
        }),
    ];
    for (case, make) in cases {
        let depot = Depot::of(&[sdk()]);
        make(&depot.home.cache());
        let before = snapshot(&depot.home.cache());
        let run = depot.fetch(&depot.serve().url(), &[]);
        assert_eq!(run.code, Some(0), "{case}: {run:#?}");
        assert_installed(&depot.destination(), &sdk(), true);
        assert_eq!(snapshot(&depot.home.cache()), before, "{case}");
        let precious = depot.home.cache().join("precious");
        assert!(!precious.exists() || fs::read(&precious).unwrap() == b"mine", "{case}");
    }
}
