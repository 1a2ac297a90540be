//! What a healthy transfer looks like, and every way in which it can break or be stopped.

use std::io::{self, BufRead};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::support::server::Fault;
use super::support::world::{NAME, SIZE, World, body, read_all, run};
use goverify::error::{Code, Coded};
use goverify::events::{Event, Watch};

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
fn h05_transfers_that_break() {
    for fault in [Fault::HangUp, Fault::TruncateAt(0), Fault::ResetAt(0), Fault::ResetAt(60_000), Fault::Silence] {
        let world = World::faulty([fault.clone()]).hasty();
        assert!(world.download().unwrap() == body(), "{fault:?}");
        assert_eq!(world.server.requests().len(), 2, "{fault:?}");
        assert_eq!(world.files(), 0, "{fault:?}");
    }
}

#[test]
fn h05_transfers_that_stall() {
    // Whole is whole, whether the connection then ends or not.
    World::faulty([Fault::StallAt(SIZE)]).once().succeeds_with_ranges(&[None]);
    World::faulty([Fault::StallAt(70_000)]).hasty().succeeds_with_ranges(&[None, Some("bytes=70000-")]);
    World::faulty([Fault::StallAt(70_000)]).hasty().once().fails(Code::Network, 1);
}

#[test]
fn h05_a_trickle() {
    let mut world = World::faulty([Fault::Trickle(Duration::from_millis(5))]).once();
    world.access.limits.slowest_window = Duration::from_millis(100);
    let error = world.download().map(|bytes| bytes.len()).unwrap_err();
    assert!(error.to_string().contains("too little arrived"), "{error}");
    let kept = world.kept().unwrap();
    assert!(world.download().unwrap() == body());
    assert_eq!(world.ranges()[1], Some(format!("bytes={kept}-")));
}

#[test]
fn h05_the_overall_deadline_ends_everything() {
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
