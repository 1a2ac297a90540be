//! Every fault that a network or a mirror can have, through the public API, each beside a twin that succeeds.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use goverify::error::{Code, Coded};
use goverify::events::{Event, Watch};
use goverify::fetch::{Access, FetchError, Limits, Mirror, index_at};
use goverify::release::{ReleaseFile, ReleaseIndex};
use sha2::{Digest, Sha256};
use support::server::{Fault, Response, Server};

const NAME: &str = "go1.22.5.linux-amd64.tar.gz";
const PATH: &str = "/go1.22.5.linux-amd64.tar.gz";
const QUERY: &str = "/?mode=json&include=all";
const SIZE: usize = 200_000;

fn body() -> Vec<u8> {
    (0..SIZE as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn index_json(body: &[u8]) -> String {
    let (sha256, size) = (hex::encode(Sha256::digest(body)), body.len());
    format!(
        r#"[{{"version":"go1.22.5","stable":true,"files":[{{"filename":"{NAME}","os":"linux","arch":"amd64",
           "version":"go1.22.5","sha256":"{sha256}","size":{size},"kind":"archive"}}]}}]"#
    )
}

fn file_of(index: &ReleaseIndex) -> ReleaseFile {
    index.releases()[0].file(&"linux/amd64".parse().unwrap()).unwrap()
}

fn access() -> Access {
    let short = Duration::from_millis(1);
    let limits = Limits {
        connect: Duration::from_millis(250),
        idle: Duration::from_millis(150),
        retries: 2,
        backoff: short,
        retry_after: short,
        ..Limits::default()
    };
    Access { limits, ..Access::default() }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn read_all(reader: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map(|_| bytes)
}

/// A mirror with one archive and a folder for its partial downloads.
struct World {
    server: Server,
    folder: tempfile::TempDir,
    file: ReleaseFile,
    access: Access,
}

impl World {
    fn new(response: Response, faults: impl IntoIterator<Item = Fault>) -> Self {
        let server = Server::start();
        server.serve(PATH, response, faults);
        let file = file_of(&ReleaseIndex::parse(index_json(&body()).as_bytes()).unwrap());
        Self { server, folder: tempfile::tempdir().unwrap(), file, access: access() }
    }

    fn faulty(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self::new(Response::file(body()), faults)
    }

    fn patient(mut self, retries: u32) -> Self {
        self.access.limits.retries = retries;
        self
    }

    fn mirror(&self) -> Mirror {
        Mirror::at(&self.server.url(), &self.access).unwrap()
    }

    /// What one process would do.
    fn download(&self) -> Result<Vec<u8>, FetchError> {
        run(self.mirror().download(&self.file, Some(self.folder.path()), &Watch::silent(), read_all))
            .map(Result::unwrap)
    }

    fn partial(&self, extension: &str) -> PathBuf {
        self.folder.path().join(format!("{}.{extension}", hex::encode(self.file.sha256())))
    }

    fn kept(&self) -> Option<usize> {
        fs::read(self.partial("partial")).ok().map(|bytes| bytes.len())
    }

    fn files(&self) -> usize {
        fs::read_dir(self.folder.path()).unwrap().count()
    }

    /// The `Range` of every request for the archive.
    fn ranges(&self) -> Vec<Option<String>> {
        self.server.requests().iter().map(|request| request.header("range").map(str::to_owned)).collect()
    }

    #[track_caller]
    fn succeeds_with_ranges(&self, ranges: &[Option<&str>]) {
        assert!(self.download().unwrap() == body());
        assert_eq!(self.ranges(), ranges.iter().map(|range| range.map(str::to_owned)).collect::<Vec<_>>());
        assert_eq!(self.files(), 0, "a complete download leaves nothing behind");
    }

    #[track_caller]
    fn fails(&self, code: Code, requests: usize) {
        let error = self.download().map(|bytes| bytes.len()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(self.server.requests().len(), requests, "{error}");
    }
}

#[test]
fn a_healthy_transfer_arrives_whole() {
    let world = World::faulty([]);
    world.succeeds_with_ranges(&[None]);
    let request = &world.server.requests()[0];
    assert_eq!((request.method.as_str(), request.header("accept-encoding")), ("GET", Some("identity")));
    assert_eq!(request.header("user-agent"), Some(concat!("goverify/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("authorization"), None);
}

#[test]
fn a_body_without_announced_length_is_measured() {
    World::faulty([Fault::NoLength]).succeeds_with_ranges(&[None]);
    World::faulty([Fault::Chunked]).succeeds_with_ranges(&[None]);
    World::faulty([Fault::Surplus(1)]).fails(Code::TruncatedDownload, 1);
    World::new(Response::file(&body()[..SIZE - 1]), [Fault::NoLength]).patient(0).fails(Code::TruncatedDownload, 1);
}

#[test]
fn an_announced_length_that_contradicts_the_index_is_final() {
    for length in [SIZE as u64 - 1, SIZE as u64 + 1, 0, u64::MAX / 2] {
        let world = World::faulty([Fault::ContentLength(length)]);
        world.fails(Code::TruncatedDownload, 1);
        assert_eq!(world.files(), 0);
    }
    World::faulty([Fault::ContentLength(SIZE as u64)]).succeeds_with_ranges(&[None]);
}

#[test]
fn a_truncated_transfer_is_continued() {
    let world = World::faulty([Fault::TruncateAt(100_000)]);
    world.succeeds_with_ranges(&[None, Some("bytes=100000-")]);
    assert_eq!(world.server.requests()[1].header("if-range"), Some("\"v1\""));
    World::faulty([Fault::TruncateAt(100_000), Fault::TruncateAt(50_000)]).succeeds_with_ranges(&[
        None,
        Some("bytes=100000-"),
        Some("bytes=150000-"),
    ]);
}

#[test]
fn a_transfer_that_breaks_at_any_point_recovers() {
    for fault in [Fault::HangUp, Fault::TruncateAt(0), Fault::ResetAt(0), Fault::ResetAt(60_000), Fault::Silence] {
        let world = World::faulty([fault.clone()]);
        assert!(world.download().unwrap() == body(), "{fault:?}");
        assert_eq!(world.server.requests().len(), 2, "{fault:?}");
        assert_eq!(world.files(), 0, "{fault:?}");
    }
}

#[test]
fn a_transfer_that_stalls_is_continued() {
    World::faulty([Fault::StallAt(70_000)]).succeeds_with_ranges(&[None, Some("bytes=70000-")]);
    World::faulty([Fault::StallAt(70_000)]).patient(0).fails(Code::Network, 1);
}

#[test]
fn a_trickle_is_given_up() {
    let mut world = World::faulty([Fault::Trickle(Duration::from_millis(5))]).patient(0);
    world.access.limits.slowest_window = Duration::from_millis(100);
    let error = world.download().map(|bytes| bytes.len()).unwrap_err();
    assert!(error.to_string().contains("too little arrived"), "{error}");
    let kept = world.kept().unwrap();
    assert!(world.download().unwrap() == body());
    assert_eq!(world.ranges()[1], Some(format!("bytes={kept}-")));
}

#[test]
fn attempts_are_limited_and_their_bytes_stay() {
    let world = World::faulty([Fault::TruncateAt(10), Fault::TruncateAt(10), Fault::TruncateAt(10)]);
    world.fails(Code::TruncatedDownload, 3);
    assert_eq!(world.kept(), Some(30));
    assert_eq!(fs::read_to_string(world.partial("etag")).unwrap(), format!("\"v1\"\n{}{NAME}\n", world.server.url()));
}

#[test]
fn another_process_continues_what_one_left() {
    let world = World::faulty([Fault::TruncateAt(100_000)]).patient(0);
    world.fails(Code::TruncatedDownload, 1);
    assert_eq!(world.kept(), Some(100_000));
    world.succeeds_with_ranges(&[None, Some("bytes=100000-")]);
}

#[test]
fn a_partial_of_another_url_is_not_continued() {
    let world = World::faulty([Fault::TruncateAt(100_000)]).patient(0);
    world.fails(Code::TruncatedDownload, 1);
    world.server.serve(&format!("/other{PATH}"), Response::file(body()), []);
    let other = Mirror::at(&format!("{}other", world.server.url()), &world.access).unwrap();
    let bytes = run(other.download(&world.file, Some(world.folder.path()), &Watch::silent(), read_all));
    assert!(bytes.unwrap().unwrap() == body());
    assert_eq!(world.ranges(), [None, None]);
}

#[test]
fn a_changed_entity_tag_restarts_with_that_very_answer() {
    let world = World::faulty([Fault::TruncateAt(100_000), Fault::ETag("\"v2\"")]);
    world.succeeds_with_ranges(&[None, Some("bytes=100000-")]);
}

#[test]
fn a_weak_or_absent_entity_tag_keeps_nothing() {
    for etag in [Some("W/\"v1\""), Some("unquoted"), None] {
        let response = Response { etag: etag.map(str::to_owned), ..Response::file(body()) };
        World::new(response.clone(), [Fault::TruncateAt(100_000)]).succeeds_with_ranges(&[None, None]);
        let world = World::new(response, [Fault::TruncateAt(100_000)]).patient(0);
        world.fails(Code::TruncatedDownload, 1);
        assert_eq!(world.files(), 0, "{etag:?}");
    }
}

#[test]
fn a_server_that_ignores_ranges_starts_anew() {
    World::faulty([Fault::TruncateAt(100_000), Fault::IgnoreRange])
        .succeeds_with_ranges(&[None, Some("bytes=100000-")]);
    let plain = Response { ranges: false, ..Response::file(body()) };
    World::new(plain, [Fault::TruncateAt(100_000)]).succeeds_with_ranges(&[None, Some("bytes=100000-")]);
}

#[test]
fn a_partial_answer_that_does_not_fit_is_dropped() {
    for fault in [
        Fault::ContentRange("bytes 99999-199999/200000"),
        Fault::ContentRange("bytes 100001-199999/200000"),
        Fault::ContentRange("bytes 100000-199998/200000"),
        Fault::ContentRange("bytes 100000-199999/200001"),
        Fault::ContentRange("bytes 100000-199999/*"),
        Fault::ContentRange("bytes 0-199999/200000"),
        Fault::NoContentRange,
        Fault::MultipartRange,
        Fault::ShortRange,
        Fault::RangeNotSatisfiable,
    ] {
        let world = World::faulty([Fault::TruncateAt(100_000), fault]);
        world.succeeds_with_ranges(&[None, Some("bytes=100000-"), None]);
    }
    let fits = Fault::ContentRange("bytes 100000-199999/200000");
    World::faulty([Fault::TruncateAt(100_000), fits]).succeeds_with_ranges(&[None, Some("bytes=100000-")]);
}

#[test]
fn a_partial_answer_with_another_entity_tag_is_dropped() {
    // The tag changes, but the server heeds no If-Range: it sends the rest of another entity.
    let world = World::faulty([Fault::TruncateAt(100_000)]).patient(0);
    world.fails(Code::TruncatedDownload, 1);
    let changed =
        Response { headers: vec!["ETag: \"v2\"".to_owned()], etag: None, ..Response::file(&body()[100_000..]) };
    world.server.serve(PATH, changed, [Fault::ContentRange("bytes 100000-199999/200000")]);
    let error = world.download().map(|bytes| bytes.len()).unwrap_err();
    assert!(matches!(error, FetchError::Range { offset: 100_000, .. }), "{error}");
    assert_eq!(world.files(), 0);
}

#[test]
fn a_partial_answer_to_a_plain_request_is_not_used() {
    let range = || Fault::ContentRange("bytes 0-199999/200000");
    World::faulty([range()]).patient(0).fails(Code::Network, 1);
    World::faulty([range()]).succeeds_with_ranges(&[None, None]);
}

#[test]
fn a_corrupted_partial_is_read_again_by_the_consumer() {
    let world = World::faulty([Fault::TruncateAt(100_000)]).patient(0);
    world.fails(Code::TruncatedDownload, 1);
    let mut kept = fs::read(world.partial("partial")).unwrap();
    kept[5] ^= 1;
    fs::write(world.partial("partial"), &kept).unwrap();
    let bytes = world.download().unwrap();
    assert_ne!(Sha256::digest(&bytes).as_slice(), world.file.sha256(), "a digest check sees the corruption");
    assert!(bytes[5] == body()[5] ^ 1 && bytes[6..] == body()[6..]);
    assert_eq!(world.files(), 0, "and it is not kept for next time");
    assert!(world.download().unwrap() == body());
}

#[test]
fn a_partial_as_long_as_the_archive_is_not_continued() {
    for length in [SIZE, SIZE + 1] {
        let world = World::faulty([Fault::TruncateAt(100_000)]).patient(0);
        world.fails(Code::TruncatedDownload, 1);
        fs::write(world.partial("partial"), vec![0; length]).unwrap();
        world.succeeds_with_ranges(&[None, None]);
    }
}

#[cfg(unix)]
#[test]
fn a_partial_that_is_a_link_is_not_followed() {
    for extension in ["partial", "etag"] {
        let world = World::faulty([Fault::TruncateAt(100_000)]).patient(0);
        world.fails(Code::TruncatedDownload, 1);
        let path = world.partial(extension);
        let victim = world.folder.path().join("victim");
        fs::rename(&path, &victim).unwrap();
        let before = fs::read(&victim).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        assert!(world.download().unwrap() == body());
        assert_eq!(world.ranges(), [None, None], "{extension}");
        assert_eq!(fs::read(&victim).unwrap(), before, "{extension}");
    }
}

#[test]
fn a_partial_folder_that_cannot_be_made_stops_nothing() {
    let world = World::faulty([Fault::TruncateAt(100_000)]);
    fs::write(world.folder.path().join("file"), "").unwrap();
    for partials in [Some(world.folder.path().join("file/partials")), None] {
        let bytes = run(world.mirror().download(&world.file, partials.as_deref(), &Watch::silent(), read_all));
        assert!(bytes.unwrap().unwrap() == body());
    }
    assert_eq!(world.ranges(), [None, None, None]);
}

#[test]
fn refusals_are_final_and_keep_nothing() {
    for (fault, code) in [
        (Fault::Html, Code::ArchiveMalformed),
        (Fault::Encoding("gzip"), Code::TransportRefused),
        (Fault::Encoding("identity, br"), Code::TransportRefused),
        (Fault::Status(404, None), Code::ReleaseNotFound),
        (Fault::Status(410, None), Code::ReleaseNotFound),
        (Fault::Status(403, None), Code::Network),
        (Fault::Status(451, None), Code::Network),
        (Fault::Status(304, None), Code::Network),
        (Fault::Redirect("ftp://127.0.0.1/x".to_owned()), Code::TransportRefused),
    ] {
        let world = World::faulty([Fault::TruncateAt(100_000), fault.clone()]);
        world.fails(code, 2);
        assert_eq!(world.files(), 0, "{fault:?}");
    }
    World::faulty([Fault::Encoding("identity")]).succeeds_with_ranges(&[None]);
}

#[test]
fn passing_troubles_are_tried_again() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        World::faulty([Fault::Status(status, None)]).succeeds_with_ranges(&[None, None]);
        World::faulty([(); 3].map(|()| Fault::Status(status, None))).fails(Code::Network, 3);
    }
}

#[test]
fn retry_after_is_honoured_up_to_the_cap() {
    let mut world = World::faulty([Fault::Status(503, Some("1000000000")), Fault::Status(429, Some("-5"))]);
    world.access.limits.retry_after = Duration::from_millis(200);
    let began = Instant::now();
    world.succeeds_with_ranges(&[None, None, None]);
    assert!((Duration::from_millis(200)..Duration::from_millis(1500)).contains(&began.elapsed()));
}

#[test]
fn the_overall_deadline_ends_everything() {
    let mut world = World::faulty([Fault::StallAt(10)]);
    world.access.limits.idle = Duration::from_secs(60);
    world.access.limits.overall = Duration::from_millis(200);
    world.fails(Code::Network, 1);
    assert_eq!(world.kept(), Some(10));
    let mut world = World::faulty([Fault::Status(503, Some("60"))]);
    world.access.limits.retry_after = Duration::from_secs(60);
    world.access.limits.overall = Duration::from_secs(1);
    let began = Instant::now();
    world.fails(Code::Network, 1);
    assert!(began.elapsed() < Duration::from_millis(500), "no wait is begun that can't end in time");
}

#[test]
fn redirects_are_followed_within_the_rules() {
    let world = World::faulty([Fault::Redirect("/a".to_owned())]);
    for (from, to) in [("/a", "/b"), ("/b", "/c"), ("/c", "/d")] {
        world.server.serve(from, Response::file(""), [Fault::Redirect(to.to_owned())]);
    }
    let last = format!("{}e", world.server.url());
    world.server.serve("/d", Response::file(""), [Fault::Redirect(last)]);
    world.server.serve("/e", Response::file(body()), []);
    assert!(world.download().unwrap() == body());
    assert_eq!(world.server.requests().len(), 6);

    let world = World::faulty((0..9).map(|_| Fault::Redirect(PATH.to_owned())));
    world.fails(Code::TransportRefused, 6);
    for to in ["http://127.0.0.2/x", "http://u:p@127.0.0.1/x", "https://[::1]/x", "file:///etc/passwd", "http://"] {
        World::faulty([Fault::Redirect(to.to_owned())]).fails(Code::TransportRefused, 1);
    }
}

#[test]
fn endless_headers_are_cut() {
    World::faulty([Fault::EndlessHeaders]).patient(0).fails(Code::Network, 1);
    World::faulty([Fault::EndlessHeaders]).succeeds_with_ranges(&[None, None]);
}

#[test]
fn failed_tls_is_final_and_never_retried_as_http() {
    // A TLS client's first bytes hold no end of a request, so the plain server answers nothing but a hung up connection.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let location = format!("https://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let mut hello = Vec::new();
        let _ = stream.read_to_end(&mut hello);
        listener.set_nonblocking(true).unwrap();
        (hello, listener.accept().is_err())
    });
    let error = run(Mirror::at(&location, &access()).unwrap().index()).unwrap_err();
    assert!(matches!(error, FetchError::Transport { transient: false, .. }), "{error}");
    assert_eq!(error.code(), Code::Network);
    let (hello, alone) = server.join().unwrap();
    assert!(hello.starts_with(&[22, 3, 1]) && alone, "one TLS handshake, nothing else");
}

#[test]
fn offline_means_that_nothing_is_asked() {
    let mut world = World::faulty([]);
    world.access.offline = true;
    world.fails(Code::TransportRefused, 0);
    assert_eq!(run(world.mirror().index()).unwrap_err().code(), Code::TransportRefused);
    assert_eq!(run(world.mirror().companion("x", 1)).unwrap_err().code(), Code::TransportRefused);
    assert!(world.server.requests().is_empty());
}

#[test]
fn a_consumer_that_stops_early_is_believed() {
    // The server would stall for ever, so only the consumer's going away can end this.
    let mut world = World::faulty([Fault::StallAt(10)]);
    world.access.limits.idle = Duration::from_secs(60);
    let first = |reader: &mut dyn BufRead| {
        let mut byte = [0];
        reader.read_exact(&mut byte).map(|()| byte[0])
    };
    let byte = run(world.mirror().download(&world.file, Some(world.folder.path()), &Watch::silent(), first));
    assert_eq!(byte.unwrap().unwrap(), body()[0]);
    assert_eq!(world.files(), 0, "bytes that a consumer refused are not continued");
}

#[test]
fn a_failed_transfer_is_an_error_to_the_consumer_and_its_result_is_dropped() {
    let world = World::faulty([Fault::TruncateAt(1000)]);
    let results = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&results);
    let consume = move |reader: &mut dyn BufRead| {
        let result = read_all(reader).map(|bytes| bytes.len()).map_err(|error| error.kind());
        seen.lock().unwrap().push(result);
        result
    };
    let result = run(world.mirror().download(&world.file, Some(world.folder.path()), &Watch::silent(), consume));
    assert_eq!(result.unwrap(), Ok(SIZE));
    assert_eq!(*results.lock().unwrap(), [Err(io::ErrorKind::ConnectionAborted), Ok(SIZE)]);
}

#[test]
#[should_panic(expected = "the consumer's own")]
fn a_panic_of_the_consumer_is_passed_on() {
    let world = World::faulty([]);
    let panic = |_: &mut dyn BufRead| panic!("the consumer's own");
    let () = run(world.mirror().download(&world.file, None, &Watch::silent(), panic)).unwrap();
}

#[test]
fn a_slow_consumer_is_not_a_slow_network() {
    let mut world = World::faulty([]);
    world.access.limits.idle = Duration::from_millis(100);
    let slow = |reader: &mut dyn BufRead| {
        // Another thread's time, not a wait for something to happen: the transfer has to bear it.
        std::thread::sleep(Duration::from_millis(300));
        read_all(reader).map(|bytes| bytes.len())
    };
    assert_eq!(run(world.mirror().download(&world.file, None, &Watch::silent(), slow)).unwrap().unwrap(), SIZE);
    assert_eq!(world.server.requests().len(), 1);
}

#[test]
fn events_tell_of_every_attempt() {
    let world = World::faulty([Fault::TruncateAt(100_000)]);
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let watch = Watch::new(move |event| told.lock().unwrap().push(event));
    run(world.mirror().download(&world.file, Some(world.folder.path()), &watch, read_all)).unwrap().unwrap();
    let events = events.lock().unwrap();
    let receiving = Event::Receiving { name: NAME.to_owned(), size_bytes: Some(SIZE as u64) };
    assert_eq!(events.iter().filter(|event| **event == receiving).count(), 2);
    let retried = events.iter().position(|event| matches!(event, Event::Retrying { .. })).unwrap();
    assert_eq!(events[retried - 1], Event::Received { bytes: 100_000 });
    assert_eq!(events[retried + 2], Event::Received { bytes: 100_000 }, "the kept prefix counts");
    assert_eq!(*events.last().unwrap(), Event::Received { bytes: SIZE as u64 });
}

#[test]
fn a_wish_to_stop_is_noticed_while_the_body_stalls() {
    let mut world = World::faulty([Fault::StallAt(10)]);
    world.access.limits.idle = Duration::from_secs(60);
    let watch = Watch::silent();
    let (stop, began) = (watch.clone(), Instant::now());
    let result = run(async {
        let stopping = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            stop.cancel();
        });
        let result = world.mirror().download(&world.file, Some(world.folder.path()), &watch, read_all).await;
        stopping.await.unwrap();
        result
    });
    assert_eq!(result.unwrap_err().code(), Code::Interrupted);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(world.kept(), Some(10), "what arrived can be continued");
}

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
    assert_eq!(run(index_at("s3://bucket/index.json", &access())).unwrap_err().code(), Code::Usage);

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
