//! What an object store says, and what becomes of it, on the fault server.

use std::process::Command;

use crate::support::binary::{Run, assert_installed};
use crate::support::depot::{Depot, requests_for};
use crate::support::sdk::Sdk;
use crate::support::server::{Fault, Response, Server};
use crate::support::world::NAME;

const MIRROR: &str = "s3://bucket/go";
const ARCHIVE: &str = "/bucket/go/go1.22.5.linux-amd64.tar.gz";

pub(crate) fn sdk() -> Sdk {
    Sdk::linux_amd64("go1.22.5")
}

/// The files of a mirror, each where a store has it.
fn serve(depot: &Depot) -> Server {
    let server = Server::start();
    for (name, content) in &depot.files {
        server.serve(&format!("/bucket/go/{name}"), stored(content), []);
        server.serve(&format!("/bucket/{}", as_google_writes(&format!("go/{name}"))), stored(content), []);
    }
    server
}

fn as_google_writes(key: &str) -> String {
    let plain = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
    key.bytes().map(plain).collect()
}

fn stored(content: &[u8]) -> Response {
    Response::file(content)
}

/// The variables that let everybody ask this server.
fn at<'a>(server: &Server, command: &'a mut Command) -> &'a mut Command {
    let url = server.url();
    let url = url.trim_end_matches('/');
    command
        .envs([("AWS_ENDPOINT_URL", url), ("AWS_SKIP_SIGNATURE", "true"), ("AWS_ALLOW_HTTP", "true")])
        .envs([("GOOGLE_BASE_URL", url), ("GOOGLE_SKIP_SIGNATURE", "true"), ("GOOGLE_ALLOW_HTTP", "true")])
        .envs([("AZURE_STORAGE_ENDPOINT", url), ("AZURE_SKIP_SIGNATURE", "true"), ("AZURE_ALLOW_HTTP", "true")])
        .env("AZURE_STORAGE_ACCOUNT_NAME", "account")
}

fn fetch(depot: &Depot, server: &Server, mirror: &str, further: &[&str]) -> Run {
    Run::of(at(server, &mut depot.fetch_command(mirror, further)).output().unwrap())
}

#[test]
fn every_kind_of_store_is_a_mirror() {
    for mirror in [MIRROR, "s3://bucket/go/", "gs://bucket/go", "az://bucket/go"] {
        let depot = Depot::of(&[sdk()]);
        let server = serve(&depot);
        let run = fetch(&depot, &server, mirror, &["--json"]).exits(0);
        assert_eq!(run.result()["archive"]["location"], format!("{}/{NAME}", mirror.trim_end_matches('/')));
        assert_installed(&depot.destination(), &sdk(), true);
        let list = depot.home.command(["list", "1.22.5", "--mirror", mirror]);
        let list = Run::of(at(&server, &mut { list }).output().unwrap()).exits(0);
        assert!(list.stdout.contains(NAME), "{list:#?}");
        let index = format!("{}/index.json", mirror.trim_end_matches('/'));
        let list = depot.home.command(["list", "--index", index.as_str()]);
        assert_eq!(Run::of(at(&server, &mut { list }).output().unwrap()).exits(0).stdout, "go1.22.5\n");
        assert!(server.requests().iter().all(|request| request.header("accept-encoding") == Some("identity")));
    }
}

#[test]
fn a_broken_transfer_goes_on_where_it_ended_if_the_object_is_still_the_same() {
    let depot = Depot::of(&[sdk().with_file("src/noise", vec![7; 300_000], 0o644)]);
    let whole = depot.files[NAME].len();
    let part = whole / 2;
    let cases: [(&[Fault], usize); 4] = [
        (&[Fault::TruncateAt(part)], 2),
        (&[Fault::TruncateAt(part), Fault::Status(412, None)], 3),
        (&[Fault::TruncateAt(part), Fault::RangeNotSatisfiable], 3),
        (&[Fault::TruncateAt(part), Fault::IgnoreRange], 2),
    ];
    for (faults, requests) in cases {
        let server = serve(&depot);
        server.serve(ARCHIVE, stored(&depot.files[NAME]), faults.iter().cloned());
        let _ = std::fs::remove_dir_all(depot.destination());
        fetch(&depot, &server, MIRROR, &[]).exits(0);
        let asked: Vec<_> = server.requests().into_iter().filter(|request| request.path == ARCHIVE).collect();
        assert_eq!(asked.len(), requests, "{faults:?}");
        assert_eq!(asked[0].header("range"), None);
        let range = format!("bytes={part}-");
        assert_eq!((asked[1].header("range"), asked[1].header("if-match")), (Some(&*range), Some("\"v1\"")));
        assert!(asked.get(2).is_none_or(|request| request.header("range").is_none()), "{faults:?}");
        assert_eq!(depot.home.cached(), [], "a complete download leaves nothing behind");
    }
}

#[test]
fn what_a_store_says_has_the_codes_of_any_mirror() {
    let depot = Depot::of(&[sdk()]);
    let path = |name: &str| format!("/bucket/go/{name}");
    let (index, signature) = (path("index.json"), path(&format!("{NAME}.asc")));
    let whole = depot.files[NAME].len() as u64;
    let cases: [(&str, Fault, i32, &str, usize); 11] = [
        (&index, Fault::Status(404, None), 4, "network", 1),
        (&index, Fault::Status(403, None), 4, "network", 1),
        (&index, Fault::Status(301, None), 4, "network", 1),
        (&index, Fault::Html, 4, "index-malformed", 1),
        (&index, Fault::Encoding("gzip"), 4, "transport-refused", 1),
        (&signature, Fault::Status(404, None), 3, "signature-not-published", 1),
        (&signature, Fault::Status(403, None), 4, "network", 1),
        (ARCHIVE, Fault::Status(404, None), 3, "release-not-found", 1),
        (ARCHIVE, Fault::Status(403, None), 4, "network", 1),
        (ARCHIVE, Fault::Encoding("gzip"), 4, "transport-refused", 1),
        // What the index says otherwise is looked up again.
        (ARCHIVE, Fault::ContentLength(whole + 1), 4, "truncated-download", 2),
    ];
    for (path, fault, exit, code, requests) in cases {
        let server = serve(&depot);
        let name = path.strip_prefix("/bucket/go/").unwrap();
        server.serve(path, stored(&depot.files[name]), std::iter::repeat_n(fault.clone(), 9));
        let run = fetch(&depot, &server, MIRROR, &["--json"]).exits(exit);
        assert_eq!(run.error_code(), code, "{path} {fault:?}");
        assert!(run.result()["error"]["message"].as_str().unwrap().contains("s3://bucket/go/"), "{run:#?}");
        assert_eq!(requests_for(&server, path), requests, "{path} {fault:?}");
        depot.home.assert_untouched();
    }
    // The twin of them all, and of what is worth another attempt.
    for fault in [Fault::None, Fault::Status(503, None), Fault::Status(429, Some("0")), Fault::HangUp] {
        let server = serve(&depot);
        server.serve(&index, stored(&depot.files["index.json"]), [fault.clone()]);
        server.serve(ARCHIVE, stored(&depot.files[NAME]), [fault]);
        fetch(&depot, &server, MIRROR, &[]).exits(0);
        std::fs::remove_dir_all(depot.home.home().join("made")).unwrap();
    }
}

#[test]
fn a_wrong_byte_in_a_bucket_is_rejected() {
    let mut depot = Depot::of(&[sdk()]);
    let archive = depot.files.get_mut(NAME).unwrap();
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    let server = serve(&depot);
    for mirror in [MIRROR, "gs://bucket/go", "az://bucket/go"] {
        let run = fetch(&depot, &server, mirror, &["--json"]).exits(1);
        assert_eq!(run.result()["verdict"], "rejected");
        depot.home.assert_untouched();
    }
}
