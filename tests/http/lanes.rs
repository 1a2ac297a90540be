//! Several connections for one archive: when they are taken, and that whatever is odd with one of them never mixes the
//! bytes of two entities.

use std::io::BufRead;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use goverify::error::{Code, Coded};
use goverify::events::{Event, Watch};
use goverify::fetch::{FetchError, Lanes};
use tokio::sync::Notify;

use super::support::server::{Fault, Response};
use super::support::world::{PATH, SIZE, World, body, read_all, run};

/// Where the first connection stalls: behind the first segment, which begins a window after what has come in a part
/// and in two read buffers of the transport, at the latest.
const STALL: usize = 100_000;
/// The number of a request that lies behind that, where one segment is asked for at a time.
const LATE: usize = 10;

/// Lanes that are worth it wherever they are possible.
fn lanes(number: usize) -> Lanes {
    let window_bytes = 10_000 * number as u64;
    Lanes {
        number,
        segment_bytes: 10_000,
        window_bytes,
        part_bytes: 10_000,
        in_flight_bytes: 0,
        backlog_bytes: u64::MAX,
    }
}

fn world(number: usize, faults: impl IntoIterator<Item = Fault>) -> World {
    let mut world = World::faulty(faults).hasty();
    world.access.lanes = lanes(number);
    world
}

/// Downloads, and counts the attempts.
fn download(world: &World) -> (Result<Vec<u8>, FetchError>, usize) {
    let attempts = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&attempts);
    let watch =
        Watch::new(move |event| *counted.lock().unwrap() += usize::from(matches!(event, Event::Receiving { .. })));
    let bytes = run(world.mirror().download(&world.file, Some(world.folder.path()), &watch, read_all));
    (bytes.map(Result::unwrap), *attempts.lock().unwrap())
}

#[track_caller]
fn succeeds(world: &World, attempts: usize, case: &str) {
    let (bytes, took) = download(world);
    assert!(bytes.unwrap() == body(), "{case}");
    assert_eq!(took, attempts, "{case}: attempts");
    assert_eq!(world.files(), 0, "{case}: a complete download leaves nothing behind");
}

/// The first and last bytes that were asked for beside all of them, in order.
fn segments(world: &World) -> Vec<(usize, usize)> {
    let range = |range: String| {
        let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        (first.parse().unwrap(), last.parse().unwrap())
    };
    let mut segments: Vec<_> = world.ranges().into_iter().flatten().map(range).collect();
    segments.sort_unstable();
    segments
}

/// Waits for what other threads bring about.
#[track_caller]
fn wait_until(mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "in vain");
        std::thread::yield_now();
    }
}

#[test]
fn lanes_bring_what_the_first_connection_does_not() {
    for number in [1, 2, 3] {
        let world = world(number, [Fault::StallAt(STALL)]);
        succeeds(&world, 1, &format!("{number}"));
        let segments = segments(&world);
        let needed: Vec<_> = segments.iter().filter(|(_, last)| *last >= STALL).collect();
        assert!(needed[0].0 <= STALL && needed.last().unwrap().1 == SIZE - 1, "{segments:?}");
        assert!(needed.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{segments:?}");
        assert!(segments.iter().all(|(first, last)| last - first < 10_000), "{segments:?}");
        let requests = world.server.requests();
        assert!(requests[0].header("range").is_none() && requests[0].header("if-range").is_none());
        assert!(requests[1..].iter().all(|request| request.header("if-range") == Some("\"v1\"")));
    }
}

#[test]
fn lanes_are_beside_each_other() {
    // Nobody answers a lane before the others have asked, too.
    let together = Fault::AfterRequests(4);
    succeeds(&world(3, [Fault::StallAt(STALL), together.clone(), together.clone(), together]), 1, "together");
}

#[test]
fn the_rest_of_a_continued_download_has_lanes_as_well() {
    let world = world(3, [Fault::TruncateAt(10_000), Fault::StallAt(STALL - 10_000)]);
    succeeds(&world, 2, "continued");
    assert_eq!(world.ranges()[1], Some("bytes=10000-".to_owned()));
    assert!(world.ranges().len() > 2);
}

#[test]
fn lanes_ask_where_the_first_connection_was_led_to() {
    let world = world(3, [Fault::Redirect("/elsewhere?signed".to_owned())]);
    world.server.serve("/elsewhere?signed", Response::file(body()), [Fault::StallAt(STALL)]);
    succeeds(&world, 1, "redirected");
    let paths: Vec<_> = world.server.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths[0], PATH);
    assert!(paths.len() > 2 && paths[1..].iter().all(|path| path == "/elsewhere?signed"), "{paths:?}");
}

#[test]
fn a_tag_means_nothing_at_another_place() {
    let world = world(1, [Fault::PauseAt(STALL, 3), Fault::Redirect("/other".to_owned())]);
    let other: Vec<_> = body().into_iter().map(|byte| !byte).collect();
    world.server.serve("/other", Response::file(other), []);
    succeeds(&world, 1, "led elsewhere");
    let requests = world.server.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!((requests[2].path.as_str(), requests[2].header("if-range")), ("/other", Some("\"v1\"")));
}

#[test]
fn lanes_are_taken_only_where_they_may_help() {
    type Change = (&'static str, bool, fn(&mut World, &mut Response));
    let cases: [Change; 9] = [
        ("twin", true, |_, _| {}),
        ("ranges", true, |_, response| response.headers.push("Accept-Ranges: bytes".to_owned())),
        ("no_ranges", false, |_, response| response.headers.push("Accept-Ranges: None".to_owned())),
        ("weak", false, |_, response| response.etag = Some("W/\"v1\"".to_owned())),
        ("no_tag", false, |_, response| response.etag = None),
        ("none", false, |world, _| world.access.lanes.number = 0),
        ("narrow_or_near", false, |world, _| world.access.lanes.in_flight_bytes = u64::MAX),
        ("no_part", false, |world, _| world.access.lanes.part_bytes = SIZE as u64),
        ("too_little_left", false, |world, _| world.access.lanes.window_bytes = 2 * SIZE as u64),
    ];
    // Where there are none, only a silence tells.
    std::thread::scope(|scope| {
        for (case, taken, change) in cases {
            scope.spawn(move || {
                let (mut world, mut response) = (world(3, []), Response::file(body()));
                change(&mut world, &mut response);
                world.server.serve(PATH, response, [Fault::StallAt(STALL)]);
                let world = world.once();
                let code = world.download().map(|bytes| assert!(bytes == body())).map_err(|error| error.code());
                assert_eq!(code, if taken { Ok(()) } else { Err(Code::Network) }, "{case}");
                assert_eq!(world.server.requests().len() > 1, taken, "{case}");
            });
        }
    });
}

#[test]
fn an_archive_that_is_to_be_new_comes_in_one_piece() {
    let world = world(3, [Fault::StallAt(STALL)]).once();
    let result = run(world.mirror().download(&world.file, None, &Watch::silent(), read_all));
    assert_eq!(result.unwrap_err().code(), Code::Network);
    assert_eq!(world.ranges(), [None]);
}

#[test]
fn several_archives_at_a_time_have_one_connection_each() {
    let world = world(3, [Fault::StallAt(STALL), Fault::StallAt(STALL)]).once();
    let (mirror, watch) = (world.mirror(), Watch::silent());
    let download = || mirror.download(&world.file, Some(world.folder.path()), &watch, read_all);
    let (one, other) = run(async { tokio::join!(download(), download()) });
    assert_eq!([one.unwrap_err().code(), other.unwrap_err().code()], [Code::Network; 2]);
    assert_eq!(world.ranges(), [None, None]);
}

#[test]
fn lanes_narrow_once_another_archive_is_on_its_way() {
    // Two segments, sixteen chunks in the bridge, and what is on either side of it.
    const NARROW: usize = 2_000 + 16_000 + 4_000;
    let mut world = world(6, [Fault::StallAt(STALL)]).once();
    world.access.lanes = Lanes { segment_bytes: 1_000, window_bytes: 50_000, ..lanes(6) };
    let world = Arc::new(world);
    let (mirror, watch, begin) = (world.mirror(), Watch::silent(), Arc::new(Notify::new()));
    // The other one is on its way for as long as its consumer waits.
    let (to_begin, begun) = mpsc::channel();
    let (to_end, end) = mpsc::channel::<()>();
    let (begun, end) = (Mutex::new(begun), Arc::new(Mutex::new(end)));
    let other = async {
        begin.notified().await;
        let consume = move |_: &mut dyn BufRead| {
            to_begin.send(()).unwrap();
            end.lock().unwrap().recv().unwrap();
        };
        mirror.download(&world.file, Some(world.folder.path()), &watch, consume).await
    };
    let (seen, first) = (Arc::clone(&world), (Arc::new(begun), Arc::clone(&begin)));
    let consume = move |reader: &mut dyn BufRead| {
        let asked = || segments(&seen).last().map_or(0, |(_, last)| last + 1);
        let mut bytes = vec![0; STALL];
        reader.read_exact(&mut bytes)?;
        wait_until(|| asked() > STALL + NARROW);
        first.1.notify_one();
        first.0.lock().unwrap().recv().unwrap();
        let before = asked();
        let mut part = [0; 500];
        loop {
            let length = reader.read(&mut part)?;
            if length == 0 {
                to_end.send(()).unwrap();
                return std::io::Result::Ok(bytes);
            }
            bytes.extend_from_slice(&part[..length]);
            let asked = asked();
            assert!(asked <= before.max(bytes.len() + NARROW), "{asked} at {}", bytes.len());
        }
    };
    let one = mirror.download(&world.file, Some(world.folder.path()), &watch, consume);
    let (one, other) = run(async { tokio::join!(one, other) });
    assert!(one.unwrap().unwrap() == body());
    other.unwrap();
}

#[test]
fn where_the_consumer_lags_there_are_no_lanes() {
    for lags in [true, false] {
        let mut world = world(3, [Fault::StallAt(STALL)]).once();
        world.access.lanes.backlog_bytes = if lags { 0 } else { u64::MAX };
        let arrived = Arc::new((Mutex::new(false), Condvar::new()));
        let told = Arc::clone(&arrived);
        let watch = Watch::new(move |event| {
            if matches!(event, Event::Received { bytes } if bytes >= STALL as u64) {
                *told.0.lock().unwrap() = true;
                told.1.notify_all();
            }
        });
        let consume = move |reader: &mut dyn BufRead| {
            drop(arrived.1.wait_while(arrived.0.lock().unwrap(), |arrived| !*arrived).unwrap());
            read_all(reader)
        };
        let result = run(world.mirror().download(&world.file, Some(world.folder.path()), &watch, consume));
        let code = result.map(|bytes| assert!(bytes.unwrap() == body())).map_err(|error| error.code());
        assert_eq!(code, if lags { Err(Code::Network) } else { Ok(()) }, "{lags}");
        assert_eq!(world.ranges().len() > 1, !lags);
    }
}

/// What can be odd with a lane's answer; none of it may be mixed with the first one's.
fn odd() -> Vec<Fault> {
    vec![
        Fault::HangUp,
        Fault::TruncateAt(0),
        Fault::TruncateAt(1),
        Fault::ResetAt(1),
        Fault::Status(404, None),
        Fault::Status(403, None),
        Fault::Status(503, None),
        Fault::IgnoreRange,
        Fault::RangeNotSatisfiable,
        Fault::ContentRange("bytes 0-9999/200000"),
        Fault::NoContentRange,
        Fault::MultipartRange,
        Fault::ShortRange,
        Fault::RangeOfMore,
        Fault::RangeOf("\"v2\""),
        Fault::RangeOf("W/\"v1\""),
        Fault::RangeOf(""),
        Fault::Surplus(1),
        Fault::Html,
        Fault::Encoding("gzip"),
        Fault::Redirect("ftp://127.0.0.1/x".to_owned()),
        Fault::Raw(b"HTTP/9 what\r\n\r\n".to_vec()),
    ]
}

#[test]
fn an_odd_lane_does_not_hinder_the_first_connection() {
    for fault in odd().into_iter().chain([Fault::Silence, Fault::StallAt(1)]) {
        let case = format!("{fault:?}");
        let world = world(1, [Fault::PauseAt(STALL, 2), fault]);
        succeeds(&world, 1, &case);
        assert_eq!(world.server.requests().len(), 2, "{case}");
    }
}

#[test]
fn an_odd_lane_after_the_first_connection_leaves_one_that_continues() {
    std::thread::scope(|scope| {
        for fault in odd().into_iter().chain([Fault::Silence, Fault::StallAt(1)]) {
            scope.spawn(move || {
                let case = format!("{fault:?}");
                let faults =
                    || [vec![Fault::StallAt(STALL)], vec![Fault::None; LATE - 1], vec![fault.clone()]].concat();
                let world = world(1, faults());
                succeeds(&world, 2, &case);
                let ranges = world.ranges();
                assert_eq!(ranges.len(), LATE + 2, "{case}: {ranges:?}");
                let from = ranges[LATE + 1].as_deref().unwrap().strip_prefix("bytes=").unwrap();
                let from = from.strip_suffix('-').unwrap().parse::<usize>().unwrap();
                assert!((STALL..SIZE).contains(&from), "{case}: {ranges:?}");
                let world = self::world(1, faults()).once();
                let error = download(&world).0.map(|bytes| bytes.len()).unwrap_err();
                assert!(matches!(error.code(), Code::Network | Code::TruncatedDownload), "{case}: {error}");
                let kept = std::fs::read(world.partial("partial")).unwrap();
                assert!(kept.len() >= STALL && body().starts_with(&kept), "{case}: {} bytes are kept", kept.len());
                succeeds(&world, 1, &case);
                assert_eq!(world.ranges()[LATE + 1], Some(format!("bytes={}-", kept.len())), "{case}");
            });
        }
    });
}

#[test]
fn an_odd_lane_among_others_is_met_wherever_it_is() {
    std::thread::scope(|scope| {
        for fault in odd() {
            scope.spawn(move || {
                for at in 0..8 {
                    let faults = [vec![Fault::PauseAt(STALL, 4)], vec![Fault::None; at], vec![fault.clone()]].concat();
                    let (bytes, attempts) = download(&world(3, faults));
                    assert!(bytes.unwrap() == body() && attempts <= 2, "{fault:?} at {at}: {attempts}");
                }
            });
        }
    });
}

#[test]
fn lanes_in_other_framings_fit() {
    for fault in [Fault::None, Fault::NoLength, Fault::Chunked] {
        let faults = [vec![Fault::StallAt(STALL)], vec![fault.clone(); 30]].concat();
        succeeds(&world(2, faults), 1, &format!("{fault:?}"));
    }
}

#[test]
fn an_entity_that_changes_restarts_with_the_new_one() {
    let world =
        world(1, [vec![Fault::StallAt(STALL)], vec![Fault::None; LATE - 1], vec![Fault::ETag("\"v2\"")]].concat());
    succeeds(&world, 2, "changed");
}

#[test]
fn an_interrupted_download_with_lanes_is_continued() {
    let world = world(3, [Fault::StallAt(STALL)]);
    let quiet = Watch::silent();
    let stop = quiet.clone();
    let watch = quiet.with(move |event| {
        if matches!(event, Event::Received { bytes } if *bytes > 150_000) {
            stop.cancel();
        }
    });
    let result = run(world.mirror().download(&world.file, Some(world.folder.path()), &watch, read_all));
    // Whoever is quicker: all may have arrived before the wish is noticed.
    if let Err(error) = result {
        assert_eq!(error.code(), Code::Interrupted);
        let kept = std::fs::read(world.partial("partial")).unwrap();
        assert!(kept.len() > 150_000 && body().starts_with(&kept), "{}", kept.len());
        let before = world.ranges().len();
        succeeds(&world, 1, "continued");
        assert_eq!(world.ranges()[before], Some(format!("bytes={}-", kept.len())));
    }
}

#[test]
fn no_more_than_a_window_is_asked_for_ahead_of_the_consumer() {
    // Sixteen chunks are in the bridge, one before it and one behind it.
    const IN_THE_BRIDGE: usize = 16 * 1000;
    let mut world = world(3, [Fault::StallAt(STALL)]);
    world.access.lanes = Lanes { segment_bytes: 1000, window_bytes: 3000, ..lanes(3) };
    let world = Arc::new(world);
    let seen = Arc::clone(&world);
    let consume = move |reader: &mut dyn BufRead| {
        let (mut bytes, mut part) = (Vec::new(), [0; 700]);
        loop {
            let length = reader.read(&mut part)?;
            if length == 0 {
                return std::io::Result::Ok(bytes);
            }
            bytes.extend_from_slice(&part[..length]);
            // All that may be asked for is, so the consumer is what is waited for.
            let least = SIZE.min(bytes.len() + IN_THE_BRIDGE + 1000);
            wait_until(|| {
                let asked = segments(&seen).last().map_or(0, |(_, last)| last + 1);
                assert!(
                    bytes.len() < STALL || asked <= bytes.len() + IN_THE_BRIDGE + 5000,
                    "{asked} at {}",
                    bytes.len()
                );
                bytes.len() < STALL || asked >= least
            });
        }
    };
    let bytes = run(world.mirror().download(&world.file, Some(world.folder.path()), &Watch::silent(), consume));
    assert!(bytes.unwrap().unwrap() == body());
}
