//! Indexes, companions and folders: what a mirror answers, and what it lacks.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use goverify::error::{Code, Coded};
use goverify::events::{Event, Watch};
use goverify::fetch::{Access, FetchError, Mirror, index_at};
use goverify::release::{ReleaseFile, ReleaseIndex};
use support::server::{Fault, Response, Server};
use support::world::{NAME, PATH, SIZE, World, access, body, file_of, index_json, read_all, run};

const QUERY: &str = "/?mode=json&include=all";

fn index(query: Option<(Response, Fault)>, file: Option<(Response, Fault)>) -> Result<ReleaseIndex, FetchError> {
    let server = Server::start();
    for (path, served) in [(QUERY, query), ("/index.json", file)] {
        if let Some((response, fault)) = served {
            server.serve(path, response, std::iter::repeat_n(fault, 3));
        }
    }
    run(Mirror::at(&server.url(), &access()).unwrap().index())
}

fn json() -> Response {
    Response::document("application/json", index_json(&body()))
}

#[test]
fn an_index_is_found_by_query_or_else_in_a_file() {
    let html = || Response::document("text/html", "<html>a listing</html>");
    let listing = Response::document("application/json", r#"[{"name":"x","type":"file"}]"#);
    let good = |found: Result<ReleaseIndex, FetchError>| assert_eq!(file_of(&found.unwrap()).name().to_string(), NAME);
    good(index(Some((json(), Fault::None)), None));
    good(index(None, Some((json(), Fault::None))));
    good(index(Some((html(), Fault::None)), Some((json(), Fault::None))));
    good(index(Some((listing, Fault::None)), Some((json(), Fault::None))));
    good(index(Some((json(), Fault::Status(403, None))), Some((json(), Fault::None))));
    for (query, file, code) in [
        (Some(html()), None, Code::IndexMalformed),
        (None, Some(html()), Code::IndexMalformed),
        (Some(html()), Some(html()), Code::IndexMalformed),
        (None, Some(Response::document("application/json", "[{}]")), Code::IndexMalformed),
        (None, None, Code::Network),
    ] {
        let fault = |response| (response, Fault::None);
        assert_eq!(index(query.map(fault), file.map(fault)).unwrap_err().code(), code);
    }
}

#[test]
fn an_index_that_can_not_be_had_now_is_not_looked_for_elsewhere() {
    for (fault, code) in [
        (Fault::Status(503, None), Code::Network),
        (Fault::Encoding("gzip"), Code::TransportRefused),
        (Fault::TruncateAt(5), Code::TruncatedDownload),
        (Fault::Redirect("http://127.0.0.2/".to_owned()), Code::TransportRefused),
    ] {
        let found = index(Some((json(), fault.clone())), Some((json(), Fault::None)));
        assert_eq!(found.unwrap_err().code(), code, "{fault:?}");
    }
}

#[test]
fn an_index_that_is_too_large_is_not_read_to_its_end() {
    let large = Response::document("application/json", vec![b' '; (8 << 20) + 100]);
    assert_eq!(index(None, Some((large, Fault::StallAt((8 << 20) + 1)))).unwrap_err().code(), Code::IndexMalformed);
}

#[test]
fn an_index_given_on_its_own_is_read_where_it_is() {
    let server = Server::start();
    for path in ["/x/go.json", "/y/?mode=json", "/z/index.json"] {
        server.serve(path, json(), []);
    }
    for location in ["x/go.json", "y/?mode=json", "z/", "z"] {
        let found = run(index_at(&format!("{}{location}", server.url()), &access()));
        assert!(found.is_ok(), "{location}: {found:?}");
    }
    let missing = run(index_at(&format!("{}none.json", server.url()), &access()));
    assert_eq!(missing.unwrap_err().code(), Code::Network);
    assert_eq!(run(index_at("ftp://b.example/index.json", &access())).unwrap_err().code(), Code::Usage);

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("index.json"), index_json(&body())).unwrap();
    for location in [path(""), path("index.json"), format!("file://{}", path("index.json"))] {
        assert!(run(index_at(&location, &access())).is_ok(), "{location}");
    }
    assert_eq!(run(index_at(&path("none.json"), &access())).unwrap_err().code(), Code::Io);
}

#[test]
fn a_companion_is_there_or_was_never_published_or_can_not_be_had() {
    let world = World::faulty([]);
    let asc = format!("{NAME}.asc");
    let ask = |limit| run(world.mirror().companion(&asc, limit));
    assert_eq!(ask(9).unwrap(), None);
    let serve =
        |fault| world.server.serve(&format!("{PATH}.asc"), Response::file("signature"), std::iter::repeat_n(fault, 3));
    serve(Fault::None);
    assert_eq!(ask(9).unwrap().unwrap(), b"signature");
    assert_eq!(ask(4).unwrap().unwrap(), b"signa", "one byte more than the limit shows that there is more");
    serve(Fault::Status(410, None));
    assert_eq!(ask(9).unwrap(), None);
    for (fault, code) in [
        (Fault::Status(403, None), Code::Network),
        (Fault::Status(503, None), Code::Network),
        (Fault::TruncateAt(3), Code::TruncatedDownload),
        (Fault::Encoding("gzip"), Code::TransportRefused),
    ] {
        serve(fault.clone());
        assert_eq!(ask(9).unwrap_err().code(), code, "{fault:?}");
    }
    assert_eq!(run(world.mirror().companion("../x", 9)).unwrap_err().code(), Code::Usage);
}

fn folder_with(body: &[u8]) -> (tempfile::TempDir, Mirror, ReleaseFile) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("index.json"), index_json(&self::body())).unwrap();
    fs::write(folder.path().join(NAME), body).unwrap();
    let offline = Access { offline: true, ..access() };
    let mirror = Mirror::at(folder.path().to_str().unwrap(), &offline).unwrap();
    let file = file_of(&run(mirror.index()).unwrap());
    (folder, mirror, file)
}

fn read_from(mirror: &Mirror, file: &ReleaseFile, watch: &Watch) -> Result<io::Result<Vec<u8>>, FetchError> {
    run(mirror.download(file, None, watch, read_all))
}

#[test]
fn a_folder_is_a_mirror_that_needs_no_network() {
    let (folder, mirror, file) = folder_with(&body());
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let watch = Watch::new(move |event| told.lock().unwrap().push(event));
    assert!(read_from(&mirror, &file, &watch).unwrap().unwrap() == body());
    assert_eq!(*events.lock().unwrap().last().unwrap(), Event::Received { bytes: SIZE as u64 });
    assert_eq!(run(mirror.companion("x.asc", 9)).unwrap(), None);
    fs::write(folder.path().join("x.asc"), "signature").unwrap();
    assert_eq!(run(mirror.companion("x.asc", 9)).unwrap().unwrap(), b"signature");
    assert_eq!(run(mirror.companion("x.asc", 4)).unwrap().unwrap(), b"signa");
    assert_eq!(mirror.location("x"), folder.path().join("x").to_str().unwrap());
    assert_eq!(run(mirror.companion("../x", 9)).unwrap_err().code(), Code::Usage);
}

#[test]
fn a_folders_archive_has_the_size_of_the_index() {
    for (length, code) in
        [(SIZE - 1, Code::TruncatedDownload), (SIZE + 1, Code::SizeMismatch), (0, Code::TruncatedDownload)]
    {
        let (_folder, mirror, file) = folder_with(&vec![0; length]);
        assert_eq!(read_from(&mirror, &file, &Watch::silent()).unwrap_err().code(), code, "{length}");
    }
}

#[test]
fn what_a_folder_lacks_is_named() {
    let (folder, mirror, file) = folder_with(&body());
    let (archive, index) = (folder.path().join(NAME), folder.path().join("index.json"));
    fs::remove_file(&archive).unwrap();
    assert_eq!(read_from(&mirror, &file, &Watch::silent()).unwrap_err().code(), Code::ReleaseNotFound);
    fs::create_dir(&archive).unwrap();
    assert_eq!(read_from(&mirror, &file, &Watch::silent()).unwrap_err().code(), Code::Io);
    fs::write(&index, "<html>").unwrap();
    assert_eq!(run(mirror.index()).unwrap_err().code(), Code::IndexMalformed);
    fs::remove_file(&index).unwrap();
    let error = run(mirror.index()).unwrap_err();
    assert!(error.code() == Code::Io && error.to_string().contains("index.json"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_folders_links_are_followed_but_a_fifo_is_not_waited_for() {
    let (folder, mirror, file) = folder_with(&body());
    let archive = folder.path().join(NAME);
    let elsewhere: &Path = &folder.path().join("elsewhere");
    fs::rename(&archive, elsewhere).unwrap();
    std::os::unix::fs::symlink(elsewhere, &archive).unwrap();
    assert!(read_from(&mirror, &file, &Watch::silent()).unwrap().unwrap() == body());
    fs::remove_file(&archive).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &archive,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert_eq!(read_from(&mirror, &file, &Watch::silent()).unwrap_err().code(), Code::Io);
}

#[test]
fn reading_from_a_folder_can_be_stopped() {
    let (_folder, mirror, file) = folder_with(&body());
    let watch = Watch::silent();
    watch.cancel();
    assert_eq!(read_from(&mirror, &file, &watch).unwrap_err().code(), Code::Interrupted);
}
