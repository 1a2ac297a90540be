//! Heads and framing without end, or of more than any server has to say.

use goverify::error::Code;

use super::support::server::Fault;
use super::support::world::{SIZE, World, body};

/// The most that a client may take in before it gives up: its own limits and what the system's buffers hold.
const FLOOD_LIMIT_BYTES: u64 = 16 << 20;

/// A head with these many fields.
fn fields(number: usize) -> Fault {
    let mut head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n");
    (1..number).for_each(|n| head.push_str(&format!("X-{n}: y\r\n")));
    Fault::Raw([head.as_bytes(), b"\r\n", &body()].concat())
}

/// The body in one chunk, and these trailers.
fn trailers(text: &str) -> Fault {
    let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SIZE:x}\r\n");
    Fault::Raw([head.as_bytes(), &body(), b"\r\n0\r\n", text.as_bytes(), b"\r\n"].concat())
}

/// HTTP/2 and its frames are not spoken: nothing that could is linked.
#[test]
fn h10_floods_of_fields_frames_and_trailers() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (case, first, again) in [
        ("fields", "HTTP/1.1 200 OK\r\n", "X-More: and more\r\n"),
        ("one_field", "HTTP/1.1 200 OK\r\nX: ", "x"),
        ("one_name", "HTTP/1.1 200 OK\r\n", "x"),
        ("reason", "HTTP/1.1 200 ", "O"),
        ("no_status", "", "x"),
        ("empty_lines", "", "\r\n"),
        ("chunk_extension", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", "x"),
        ("chunk_extensions", CHUNKED, "1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n"),
        ("trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n"),
        ("one_trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", "x"),
    ] {
        let world = World::faulty([Fault::Endless(first, again)]).once().hasty();
        let code = world.download().map(|bytes| bytes.len()).map_err(|error| goverify::error::Coded::code(&error));
        assert!(matches!(code, Err(Code::Network | Code::TruncatedDownload)), "{case}: {code:?}");
        assert!(world.server.flooded_bytes() < FLOOD_LIMIT_BYTES, "{case}: {}", world.server.flooded_bytes());
        assert!(world.download().unwrap() == body(), "{case}: the same, once the flood is over");
    }
    World::faulty([fields(100_000)]).once().fails(Code::Network, 1);
    World::faulty([fields(101)]).once().fails(Code::Network, 1);
    World::faulty([fields(100)]).succeeds_with_ranges(&[None]);
    World::faulty([trailers(&"X: y\r\n".repeat(100_000))]).once().fails(Code::Network, 1);
    World::faulty([trailers("X: y\r\n")]).succeeds_with_ranges(&[None]);
    World::faulty([trailers("")]).succeeds_with_ranges(&[None]);
    // What follows a body is no part of it: no trailer speaks for the bytes (RFC 9110 §6.5.1).
    World::faulty([trailers("Content-Encoding: gzip\r\nContent-Length: 1\r\nETag: \"v2\"\r\n")])
        .succeeds_with_ranges(&[None]);

    let lock = include_str!("../../Cargo.lock");
    assert!(lock.contains("name = \"hyper\"") && !lock.contains("name = \"h2\"") && !lock.contains("name = \"h3\""));
}

/// Interim answers are read past (RFC 9110 §15.2), and so are a number's leading zeros, none of which is kept. Nothing
/// that counts arrives meanwhile, so patience ends.
#[test]
fn h10_words_that_say_nothing_without_end() {
    for (first, again) in [
        ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
    ] {
        World::faulty([Fault::Endless(first, again)]).once().hasty().fails(Code::Network, 1);
    }
    let head = format!("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
    World::faulty([Fault::Raw([head.as_bytes(), &body()].concat())]).succeeds_with_ranges(&[None]);
}
