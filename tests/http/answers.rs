//! Answers that are not the file: pages, content codings, wrong lengths, statuses.

use std::time::{Duration, SystemTime};

use goverify::error::{Code, Coded};

use super::support::binary::{INDEX_QUERY, assert_installed};
use super::support::depot::Depot;
use super::support::desk::PAGE;
use super::support::refusal::assert_refused;
use super::support::server::{Fault, Response};
use super::support::world::{NAME, PATH, SIZE, World, body, run};
use super::{ASC_PATH, NETWORK, REFUSED, Row, sdk, through_the_binary};

const SHORT: (i32, &str) = (4, "truncated-download");

#[test]
fn h02_a_page_in_place_of_a_file() {
    // A page need not say that it is one.
    let plain = |status: &str| {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
            PAGE.len()
        );
        Fault::Raw(format!("{head}{PAGE}").into_bytes())
    };
    let unsized_page = || Fault::Raw(format!("HTTP/1.1 200 OK\r\n\r\n{PAGE}").into_bytes());
    let length = sdk().archive().len();
    let same_length = || Fault::Raw(format!("HTTP/1.1 200 OK\r\n\r\n{PAGE:length$}").into_bytes());
    let rows: [Row; 5] = [
        ("page_as_archive", PATH, vec![Fault::Html], (1, "archive-malformed")),
        ("page_as_archive_without_type", PATH, vec![same_length()], (1, "archive-malformed")),
        ("page_as_signature", ASC_PATH, vec![Fault::Html], (1, "signature-malformed")),
        ("page_as_signature_without_type", ASC_PATH, vec![plain("200 OK")], (1, "signature-malformed")),
        // Its length gives it away first, and the index may be to blame for that.
        ("as_archive_of_another_length", PATH, vec![plain("200 OK"); 2], SHORT),
    ];
    through_the_binary(rows);
    for page in [Fault::Html, plain("200 OK"), unsized_page()] {
        let depot = Depot::of(&[sdk()]);
        let server = depot.serve();
        for path in [INDEX_QUERY, "/index.json"] {
            depot.break_path(&server, path, vec![page.clone()]);
        }
        let run = depot.fetch(&server.url(), &["--json"]);
        assert_refused(&depot.home, run, (4, "index-malformed"), "page_as_both_indices");
        // A file server answers the query with a page as well, and has its index in a file.
        depot.break_path(&server, INDEX_QUERY, vec![page]);
        depot.fetch(&server.url(), &[]).exits(0);
    }
}

#[test]
fn h03_content_codings() {
    let coded = |lines: &[&str]| {
        let headers = lines.iter().map(|line| (*line).to_owned()).collect();
        World::new(Response { headers, ..Response::file(body()) }, [])
    };
    for lines in [
        &["Content-Encoding: gzip"][..],
        &["Content-Encoding: x-gzip"],
        &["Content-Encoding: GZIP"],
        &["Content-Encoding: br"],
        &["Content-Encoding: deflate"],
        &["Content-Encoding: zstd"],
        &["Content-Encoding: compress"],
        &["Content-Encoding: identity, gzip"],
        &["Content-Encoding: identity", "Content-Encoding: gzip"],
        &["Content-Encoding: \u{ff}"],
        &["Content-Encoding:"],
        // The codings of a transfer are no better (RFC 9112 §6.1).
        &["Transfer-Encoding: gzip, chunked"],
    ] {
        coded(lines).fails(Code::TransportRefused, 1);
    }
    let world = coded(&["Content-Encoding: identity"]);
    world.succeeds_with_ranges(&[None]);
    coded(&["content-encoding: Identity"]).succeeds_with_ranges(&[None]);
    World::faulty([Fault::Chunked]).succeeds_with_ranges(&[None]);
    let rows: [Row; 3] = [
        ("archive", PATH, vec![Fault::Encoding("gzip")], REFUSED),
        ("signature", ASC_PATH, vec![Fault::Encoding("gzip")], REFUSED),
        ("index", INDEX_QUERY, vec![Fault::Encoding("gzip")], REFUSED),
    ];
    through_the_binary(rows);
    // Nobody was asked for one.
    let depot = Depot::of(&[sdk()]);
    let server = depot.serve();
    depot.fetch(&server.url(), &[]).exits(0);
    let requests = server.requests();
    assert!(requests.len() >= 3 && requests.iter().all(|r| r.header("accept-encoding") == Some("identity")));
}

#[test]
fn h04_a_body_of_another_length() {
    let body_in = |head: &str, bytes: &[u8]| Fault::Raw([head.as_bytes(), bytes].concat());
    const CLOSED: &str = "HTTP/1.1 200 OK\r\n\r\n";
    let chunked = |size: usize, end: &str| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        bytes.extend(format!("{size:x}\r\n").bytes());
        bytes.extend(body().into_iter().chain(*b"xx").take(size));
        bytes.extend(end.bytes());
        Fault::Raw(bytes)
    };
    for short in [
        body_in(CLOSED, &body()[..SIZE - 1]),
        body_in(CLOSED, b""),
        chunked(SIZE - 1, "\r\n0\r\n\r\n"),
        chunked(SIZE, ""),
        Fault::TruncateAt(SIZE - 1),
    ] {
        World::faulty([short.clone()]).once().fails(Code::TruncatedDownload, 1);
        let world = World::faulty([short]);
        assert!(world.download().unwrap() == body());
    }
    for wrong in [
        Fault::ContentLength(SIZE as u64 - 1),
        Fault::ContentLength(SIZE as u64 + 1),
        Fault::ContentLength(0),
        Fault::ContentLength(u64::MAX / 2),
        Fault::Surplus(1),
        chunked(SIZE + 1, "\r\n0\r\n\r\n"),
        // Read no further than the first byte too many, or this would not end.
        Fault::Endless("HTTP/1.1 200 OK\r\n\r\n", "endless "),
    ] {
        let world = World::faulty([wrong]);
        world.fails(Code::TruncatedDownload, 1);
        assert_eq!(world.files(), 0, "what contradicts the index is not kept");
    }
    for lawful in [
        Fault::ContentLength(SIZE as u64),
        Fault::NoLength,
        Fault::Chunked,
        body_in(CLOSED, &body()),
        chunked(SIZE, "\r\n0\r\n\r\n"),
    ] {
        World::faulty([lawful]).succeeds_with_ranges(&[None]);
    }
    for contradiction in ["x", "-1", "18446744073709551616", "1, 2"] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {contradiction}\r\n\r\n");
        World::faulty([body_in(&head, &body())]).once().fails(Code::Network, 1);
    }
    // What contradicts the index is asked for once more, with the index, and no more.
    let rows: [Row; 4] = [
        ("announced_longer", PATH, vec![Fault::ContentLength(1 << 40); 2], SHORT),
        ("announced_shorter", PATH, vec![Fault::ContentLength(7); 2], SHORT),
        ("longer_without_length", PATH, vec![Fault::Surplus(1); 2], SHORT),
        ("endless", PATH, vec![Fault::Endless("HTTP/1.1 200 OK\r\n\r\n\x1f", "x"); 2], SHORT),
    ];
    through_the_binary(rows);
}

#[test]
fn lawful_variants_of_an_answer_are_accepted() {
    for (case, fault) in [
        ("no_length", Fault::NoLength),
        ("chunked", Fault::Chunked),
        ("no_entity_tag", Fault::ETag("")),
        ("identity_coding", Fault::Encoding("identity")),
        ("redirect_within_the_server", Fault::Redirect("/elsewhere".to_owned())),
    ] {
        let depot = Depot::of(&[sdk()]);
        let server = depot.serve();
        server.serve("/elsewhere", Response::file(depot.files[NAME].clone()), []);
        depot.break_path(&server, PATH, vec![fault]);
        let run = depot.fetch(&server.url(), &[]);
        assert_eq!(run.code, Some(0), "{case}: {run:#?}");
        assert_installed(&depot.destination(), &sdk(), true);
    }
}

#[test]
fn h08_a_server_that_wants_to_be_left_alone() {
    for status in [408, 425, 429, 500, 502, 503, 504, 599] {
        World::faulty([Fault::Status(status, None)]).succeeds_with_ranges(&[None, None]);
        World::faulty([(); 3].map(|()| Fault::Status(status, None))).fails(Code::Network, 3);
    }
    let hour = Duration::from_secs(3600);
    let future = httpdate::fmt_http_date(SystemTime::now() + hour).leak();
    let past = httpdate::fmt_http_date(SystemTime::now() - hour).leak();
    for (asked, honoured) in [
        ("60", true),
        ("1000000000", true),
        ("99999999999999999999999999", true),
        (&*future, true),
        ("Fri, 31 Dec 9999 23:59:59 GMT", true),
        ("0", false),
        ("-60", false),
        ("+60", false),
        ("60.5", false),
        ("1e9", false),
        ("0x60", false),
        ("60, 60", false),
        ("soon", false),
        ("", false),
        (&*past, false),
        ("Thu, 01 Jan 1970 00:00:00 GMT", false),
        ("Fri, 31 Foo 9999 23:59:59 GMT", false),
    ] {
        for status in [429, 503] {
            // A wait of a minute would not end in time, so it shows without being waited for.
            let mut world = World::faulty([Fault::Status(status, Some(asked))]);
            world.access.limits.retry_after = Duration::from_secs(60);
            world.access.limits.overall = Duration::from_secs(55);
            if honoured {
                world.fails(Code::Network, 1);
            } else {
                world.succeeds_with_ranges(&[None, None]);
            }
            // And no wait is longer than the cap, whatever was asked for.
            let mut world = World::faulty([Fault::Status(status, Some(asked))]);
            world.access.limits.retry_after = Duration::from_millis(5);
            world.access.limits.overall = Duration::from_secs(55);
            world.succeeds_with_ranges(&[None, None]);
        }
    }
    // Who asks twice has not asked for anything that could be told.
    let twice = Response { headers: vec!["Retry-After: 60".to_owned(); 2], ..Response::file(body()) };
    let mut world = World::new(twice, [Fault::Status(503, None)]);
    world.access.limits.retry_after = Duration::from_secs(60);
    world.access.limits.overall = Duration::from_secs(55);
    world.succeeds_with_ranges(&[None, None]);
}

#[test]
fn h09_what_is_not_there_and_what_is_not_to_be_had() {
    const MISSING: (i32, &str) = (3, "release-not-found");
    const UNSIGNED: (i32, &str) = (3, "signature-not-published");
    let status = |status| vec![Fault::Status(status, None)];
    let rows: [Row; 10] = [
        ("archive_not_found", PATH, status(404), MISSING),
        ("archive_gone", PATH, status(410), MISSING),
        ("archive_unauthorised", PATH, status(401), NETWORK),
        ("archive_forbidden", PATH, status(403), NETWORK),
        ("archive_censored", PATH, status(451), NETWORK),
        ("archive_no_content", PATH, status(204), NETWORK),
        ("signature_not_found", ASC_PATH, status(404), UNSIGNED),
        ("signature_gone", ASC_PATH, status(410), UNSIGNED),
        ("signature_forbidden", ASC_PATH, status(403), NETWORK),
        ("signature_censored", ASC_PATH, status(451), NETWORK),
    ];
    through_the_binary(rows);
    // An index is looked for in a second place; where both say no, the network is what fails.
    for status in [403, 404, 410, 451] {
        let depot = Depot::of(&[sdk()]);
        let server = depot.serve();
        for path in [INDEX_QUERY, "/index.json"] {
            depot.break_path(&server, path, [Fault::Status(status, None)]);
        }
        assert_refused(&depot.home, depot.fetch(&server.url(), &["--json"]), NETWORK, "index");
        depot.break_path(&server, INDEX_QUERY, [Fault::Status(status, None)]);
        depot.fetch(&server.url(), &[]).exits(0);
    }
    // What cannot be had now was not therefore never published, whatever the user accepts.
    for (status, exit, code) in [(404, 0, None), (403, 4, Some("network")), (451, 4, Some("network"))] {
        let depot = Depot::of(&[sdk()]);
        let server = depot.serve();
        depot.break_path(&server, ASC_PATH, vec![Fault::Status(status, None)]);
        let result = depot.fetch(&server.url(), &["--unsigned", "--json"]).exits(exit).result();
        assert_eq!(result["error"]["code"].as_str(), code, "{status}: {result:#}");
    }
    // Nor is a page with such a status an index.
    let world = World::faulty([]);
    assert_eq!(run(world.mirror().index()).unwrap_err().code(), Code::Network);
}
