//! Every fault that a transfer can have, through the public API, each beside a twin that succeeds.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::io::{self, BufRead, Read};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use goverify::error::{Code, Coded};
use goverify::events::{Event, Watch};
use goverify::fetch::{FetchError, Mirror};
use support::server::{Fault, Response};
use support::world::{NAME, PATH, SIZE, World, access, body, read_all, run};

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
    World::new(Response::file(&body()[..SIZE - 1]), [Fault::NoLength]).once().fails(Code::TruncatedDownload, 1);
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
fn a_transfer_that_breaks_at_any_point_recovers() {
    for fault in [Fault::HangUp, Fault::TruncateAt(0), Fault::ResetAt(0), Fault::ResetAt(60_000), Fault::Silence] {
        let world = World::faulty([fault.clone()]).hasty();
        assert!(world.download().unwrap() == body(), "{fault:?}");
        assert_eq!(world.server.requests().len(), 2, "{fault:?}");
        assert_eq!(world.files(), 0, "{fault:?}");
    }
}

#[test]
fn a_transfer_that_stalls_is_continued() {
    World::faulty([Fault::StallAt(70_000)]).hasty().succeeds_with_ranges(&[None, Some("bytes=70000-")]);
    World::faulty([Fault::StallAt(70_000)]).hasty().once().fails(Code::Network, 1);
}

#[test]
fn a_trickle_is_given_up() {
    let mut world = World::faulty([Fault::Trickle(Duration::from_millis(5))]).once();
    world.access.limits.slowest_window = Duration::from_millis(100);
    let error = world.download().map(|bytes| bytes.len()).unwrap_err();
    assert!(error.to_string().contains("too little arrived"), "{error}");
    let kept = world.kept().unwrap();
    assert!(world.download().unwrap() == body());
    assert_eq!(world.ranges()[1], Some(format!("bytes={kept}-")));
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
    // And not 30 years, or nobody would read this.
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[test]
fn the_overall_deadline_ends_everything() {
    let mut world = World::faulty([Fault::StallAt(10)]);
    world.access.limits.overall = Duration::from_secs(3);
    world.fails(Code::Network, 1);
    assert_eq!(world.kept(), Some(10));
    let mut world = World::faulty([Fault::Status(503, Some("60"))]);
    world.access.limits.retry_after = Duration::from_secs(60);
    world.access.limits.overall = Duration::from_secs(40);
    let began = Instant::now();
    world.fails(Code::Network, 1);
    assert!(began.elapsed() < world.access.limits.overall, "no wait is begun that can't end in time");
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
    World::faulty([Fault::EndlessHeaders]).once().fails(Code::Network, 1);
    World::faulty([Fault::EndlessHeaders]).succeeds_with_ranges(&[None, None]);
}

#[test]
fn failed_tls_is_final_and_never_retried_as_http() {
    // A TLS client's first bytes hold no end of a request, so the plain server answers nothing but a hung up
    // connection.
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
    let world = World::faulty([Fault::StallAt(10)]);
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
    world.access.limits.idle = Duration::from_secs(1);
    let slow = |reader: &mut dyn BufRead| {
        // Another thread's time, not a wait for something to happen: the transfer has to bear it.
        std::thread::sleep(Duration::from_millis(1500));
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
    assert_eq!(events[retried + 2], Event::Resuming { bytes: 100_000 });
    assert_eq!(events[retried + 3], Event::Received { bytes: 100_000 }, "the kept prefix counts");
    assert_eq!(*events.last().unwrap(), Event::Received { bytes: SIZE as u64 });
}

#[test]
fn what_arrived_is_kept_when_the_consumer_is_the_first_to_notice_a_wish_to_stop() {
    for cancels in [true, false] {
        // Never all of it, so that the end of the transfer comes from the consumer.
        let world = World::faulty([Fault::StallAt(100_000)]);
        let watch = Watch::silent();
        let stop = watch.clone();
        let consume = move |reader: &mut dyn BufRead| {
            reader.read_exact(&mut [0; 1000]).unwrap();
            if cancels {
                stop.cancel();
            }
        };
        let result = run(world.mirror().download(&world.file, Some(world.folder.path()), &watch, consume));
        // A consumer that has seen enough on its own account needs nothing to be continued.
        assert_eq!(result.map_err(|error| error.code()), if cancels { Err(Code::Interrupted) } else { Ok(()) });
        assert_eq!(world.kept().is_some_and(|bytes| bytes > 0), cancels);
    }
}

#[test]
fn a_wish_to_stop_is_noticed_while_the_body_stalls() {
    let world = World::faulty([Fault::StallAt(10)]);
    let quiet = Watch::silent();
    let stop = quiet.clone();
    let watch = quiet.with(move |event| {
        if matches!(event, Event::Received { .. }) {
            stop.cancel();
        }
    });
    let began = Instant::now();
    let result = run(world.mirror().download(&world.file, Some(world.folder.path()), &watch, read_all));
    assert_eq!(result.unwrap_err().code(), Code::Interrupted);
    assert!(began.elapsed() < world.access.limits.idle, "before the silence is noticed");
    assert_eq!(world.kept(), Some(10), "what arrived can be continued");
}
