//! Partial downloads: what is continued, what is dropped, and what stays for the next process.

use std::fs;

use super::support::server::{Fault, Response};
use super::support::world::{NAME, PATH, SIZE, World, body, read_all, run};
use goverify::error::Code;
use goverify::events::Watch;
use goverify::fetch::{FetchError, Mirror};
use sha2::{Digest, Sha256};

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
fn another_process_continues_what_one_left() {
    let world = World::faulty([Fault::TruncateAt(100_000)]).once();
    world.fails(Code::TruncatedDownload, 1);
    assert_eq!(world.kept(), Some(100_000));
    world.succeeds_with_ranges(&[None, Some("bytes=100000-")]);
}

#[test]
fn a_partial_of_another_url_is_not_continued() {
    let world = World::faulty([Fault::TruncateAt(100_000)]).once();
    world.fails(Code::TruncatedDownload, 1);
    world.server.serve(&format!("/other{PATH}"), Response::file(body()), []);
    let other = Mirror::at(&format!("{}other", world.server.url()), &world.access).unwrap();
    let bytes = run(other.download(&world.file, Some(world.folder.path()), &Watch::silent(), read_all));
    assert!(bytes.unwrap().unwrap() == body());
    assert_eq!(world.ranges(), [None, None]);
}

#[test]
fn h07_a_changed_entity_tag_restarts_with_that_very_answer() {
    let world = World::faulty([Fault::TruncateAt(100_000), Fault::ETag("\"v2\"")]);
    world.succeeds_with_ranges(&[None, Some("bytes=100000-")]);
}

#[test]
fn h07_weak_or_absent_entity_tags_keep_nothing() {
    for etag in [Some("W/\"v1\""), Some("unquoted"), None] {
        let response = Response { etag: etag.map(str::to_owned), ..Response::file(body()) };
        World::new(response.clone(), [Fault::TruncateAt(100_000)]).succeeds_with_ranges(&[None, None]);
        let world = World::new(response, [Fault::TruncateAt(100_000)]).once();
        world.fails(Code::TruncatedDownload, 1);
        assert_eq!(world.files(), 0, "{etag:?}");
    }
}

#[test]
fn h06_a_whole_answer_to_a_range() {
    World::faulty([Fault::TruncateAt(100_000), Fault::IgnoreRange])
        .succeeds_with_ranges(&[None, Some("bytes=100000-")]);
    let plain = Response { ranges: false, ..Response::file(body()) };
    World::new(plain, [Fault::TruncateAt(100_000)]).succeeds_with_ranges(&[None, Some("bytes=100000-")]);
}

#[test]
fn h06_partial_answers_that_do_not_fit() {
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
fn h07_partial_answers_with_another_entity_tag() {
    // The tag changes, but the server heeds no If-Range: it sends the rest of another entity.
    let world = World::faulty([Fault::TruncateAt(100_000)]).once();
    world.fails(Code::TruncatedDownload, 1);
    let changed =
        Response { headers: vec!["ETag: \"v2\"".to_owned()], etag: None, ..Response::file(&body()[100_000..]) };
    world.server.serve(PATH, changed, [Fault::ContentRange("bytes 100000-199999/200000")]);
    let error = world.download().map(|bytes| bytes.len()).unwrap_err();
    assert!(matches!(error, FetchError::Range { offset: 100_000, .. }), "{error}");
    assert_eq!(world.files(), 0);
}

#[test]
fn h06_partial_answers_to_a_plain_request() {
    let range = || Fault::ContentRange("bytes 0-199999/200000");
    World::faulty([range()]).once().fails(Code::Network, 1);
    World::faulty([range()]).succeeds_with_ranges(&[None, None]);
}

#[test]
fn h07_kept_bytes_are_read_again_from_the_first() {
    let world = World::faulty([Fault::TruncateAt(100_000)]).once();
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
        let world = World::faulty([Fault::TruncateAt(100_000)]).once();
        world.fails(Code::TruncatedDownload, 1);
        fs::write(world.partial("partial"), vec![0; length]).unwrap();
        world.succeeds_with_ranges(&[None, None]);
    }
}

#[cfg(unix)]
#[test]
fn a_partial_that_is_a_link_is_not_followed() {
    for extension in ["partial", "etag"] {
        let world = World::faulty([Fault::TruncateAt(100_000)]).once();
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
fn attempts_are_limited_and_their_bytes_stay() {
    let world = World::faulty([Fault::TruncateAt(10), Fault::TruncateAt(10), Fault::TruncateAt(10)]);
    world.fails(Code::TruncatedDownload, 3);
    assert_eq!(world.kept(), Some(30));
    assert_eq!(fs::read_to_string(world.partial("etag")).unwrap(), format!("\"v1\"\n{}{NAME}\n", world.server.url()));
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
