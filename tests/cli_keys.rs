//! `goverify keys update` and what it leaves, run as its users do, with copies of the real certificate.
//!
//! Nobody here can make a subkey that Google's primary has bound; what happens then is tested in the library, with
//! primaries that are made there. Here the built-in certificate is known, so what is genuine is nothing new.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use sequoia_openpgp::cert::CertBuilder;
use sequoia_openpgp::packet::Packet;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::SerializeInto;
use sequoia_openpgp::types::KeyFlags;
use serde_json::json;
use support::binary::{Run, snapshot};
use support::desk::{Desk, NAME, PAGE};
use support::keys::{Cert, Signer};

const GOOGLE: &str = "EB4C1BFD4F042F6DDDCCEC917721F63BD38B4796";
const NEWEST: &str = "0E225917414670F4442C250DFD533C07C264648F";
const SUBKEYS: usize = 7;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn google() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("keys/google-linux-packages.asc")).unwrap()
}

fn armored(cert: &Cert) -> Vec<u8> {
    cert.armored().to_vec().unwrap()
}

/// An older copy: without the newest subkey.
fn older() -> Vec<u8> {
    let cert = Cert::from_bytes(&google()).unwrap();
    armored(&cert.retain_subkeys(|key| key.key().fingerprint().to_hex() != NEWEST))
}

/// A copy with a subkey that a stranger has bound.
fn forged(stranger: &Signer) -> Vec<u8> {
    let packets = stranger.cert().clone().strip_secret_key_material().into_packets();
    let subkey: Vec<Packet> = packets.skip_while(|packet| !matches!(packet, Packet::PublicSubkey(_))).collect();
    assert_eq!(subkey.len(), 2);
    let (cert, changed) = Cert::from_bytes(&google()).unwrap().insert_packets(subkey).unwrap();
    assert!(changed);
    armored(&cert)
}

/// Where what was learned is kept.
fn stored(desk: &Desk) -> PathBuf {
    desk.home.home().join(".config/goverify/google-linux-packages.asc")
}

fn store(desk: &Desk, content: impl AsRef<[u8]>) {
    fs::create_dir_all(stored(desk).parent().unwrap()).unwrap();
    fs::write(stored(desk), content).unwrap();
}

/// How many signing keys are trusted, and how many of them are not built in.
#[track_caller]
fn trusted(desk: &Desk) -> (usize, usize) {
    let document = desk.home.run(["keys", "list", "--json"]).exits(0).json();
    let [google] = &document["certificates"].as_array().unwrap()[..] else { panic!("{document:#}") };
    assert_eq!((&google["fingerprint"], &google["embedded"]), (&json!(GOOGLE), &json!(true)));
    let keys = google["signing_keys"].as_array().unwrap();
    (keys.len(), keys.iter().filter(|key| key["origin"] != "embedded").count())
}

#[track_caller]
fn update(desk: &Desk, copy: &[u8]) -> Run {
    desk.put("copy.asc", copy);
    desk.home.run(["keys", "update", "copy.asc", "--json"])
}

/// The code of a refusal, which has left everything as it was.
#[track_caller]
fn refusal(desk: &Desk, copy: &[u8]) -> String {
    let before = snapshot(&desk.home.home());
    let run = update(desk, copy);
    assert_eq!(snapshot(&desk.home.home()), before);
    run.error_code()
}

#[test]
fn a_genuine_copy_of_what_is_known_is_nothing_new() {
    let desk = Desk::new();
    let other = desk.signer.certificate();
    for (what, copy) in [
        ("the same", google()),
        ("an older one", older()),
        ("behind another", [&other[..], &google()].concat()),
        ("binary", Cert::from_bytes(&google()).unwrap().to_vec().unwrap()),
        ("with a forged subkey", forged(&desk.signer)),
    ] {
        let document = update(&desk, &copy).exits(0).json();
        assert_eq!([&document["command"], &document["verdict"]], ["keys update", "ok"], "{what}");
        let expected = json!({
            "certificate": GOOGLE, "added": [], "changed": [], "revoked": false, "written": false, "replaced": null,
            "path": stored(&desk),
        });
        assert_eq!(document["update"], expected, "{what}");
        assert!(!stored(&desk).exists(), "{what}");
        assert_eq!(trusted(&desk), (SUBKEYS, 0), "{what}");
        let run = desk.home.run(["keys", "update", "copy.asc"]).exits(0);
        assert_eq!(run.stdout, "nothing new\n", "{what}");
    }
    // What the forged subkey has signed is as untrusted as before.
    let run = desk.home.run(["verify", NAME, "--json"]).exits(1);
    assert_eq!(run.error_code(), "signature-untrusted-key");
    let mut child =
        desk.home.command(["keys", "update", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&google()).unwrap();
    assert_eq!(Run::of(child.wait_with_output().unwrap()).exits(0).stdout, "nothing new\n");
}

#[test]
fn p24_what_is_no_copy_is_refused_and_changes_nothing() {
    let desk = Desk::new();
    let other = desk.signer.certificate();
    let flood = [google(), other.repeat((10 << 20) / other.len())].concat();
    let cut = google();
    let keybox = [&[0, 0, 0, 32, 1, 1, 0, 2][..], b"KBXf", &[0; 20]].concat();
    for kept in [false, true] {
        if kept {
            store(&desk, google());
        }
        let refused: [&[u8]; 6] = [&other, PAGE.as_bytes(), b"", &flood, &cut[..cut.len() / 2], &keybox];
        for copy in refused {
            assert_eq!(refusal(&desk, copy), "key-update-refused");
            assert_eq!(update(&desk, copy).code, Some(1));
        }
        assert_eq!(stored(&desk).exists(), kept);
        assert!(!kept || fs::read(stored(&desk)).unwrap() == google());
        assert_eq!(trusted(&desk), (SUBKEYS, 0));
    }
    let page = update(&desk, PAGE.as_bytes()).exits(1).result();
    assert!(page["error"]["hint"].as_str().unwrap().contains("captive portal"), "{page:#}");
    let run = desk.home.run(["keys", "update", "missing.asc", "--json"]).exits(5);
    assert_eq!(run.error_code(), "io");
}

#[test]
fn what_is_kept_is_verified_again_and_damage_is_told_of() {
    let desk = Desk::new();
    // Whatever is in there, the built-in certificate is known as well.
    for good in [google(), older()] {
        store(&desk, good);
        assert_eq!(trusted(&desk), (SUBKEYS, 0));
        desk.home.run(["verify", NAME]).exits(1);
    }
    let mut changed = google();
    let middle = changed.len() / 2;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    for (what, content) in [
        ("changed", changed),
        ("cut off", google()[..middle].to_vec()),
        ("forged", forged(&desk.signer)),
        ("another", desk.signer.certificate()),
        ("empty", Vec::new()),
    ] {
        store(&desk, &content);
        for arguments in [&["keys", "list", "--json"][..], &["verify", NAME, "--json"]] {
            let result = desk.home.run(arguments).exits(5).result();
            assert_eq!(result["error"]["code"], "io", "{what}");
            let message = result["error"]["message"].as_str().unwrap();
            assert!(message.starts_with(stored(&desk).to_str().unwrap()), "{what}: {message}");
            assert!(result["error"]["hint"].as_str().unwrap().contains("keys update"), "{what}");
        }
        // Who has a keyring of his own does not depend on it.
        desk.home.run(["verify", NAME, "--keyring", "keyring.pgp"]).exits(0);
        assert_eq!(refusal(&desk, &desk.signer.certificate()), "key-update-refused", "{what}");
        assert!(fs::read(stored(&desk)).unwrap() == content, "{what}");
        let run = update(&desk, &older()).exits(0);
        let document = run.json();
        assert_eq!(document["update"]["written"], true, "{what}");
        assert!(document["update"]["replaced"].is_string() && run.stderr.contains("warning: "), "{what}");
        assert_eq!(trusted(&desk), (SUBKEYS, 0), "{what}");
        assert_eq!(update(&desk, &google()).exits(0).json()["update"]["written"], false, "{what}");
    }
    let folder = stored(&desk);
    assert_eq!(snapshot(folder.parent().unwrap()), ["google-linux-packages.asc", "lock"]);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_passed_over() {
    let desk = Desk::new();
    let path = stored(&desk);
    fs::create_dir_all(&path).unwrap();
    assert_eq!(desk.home.run(["keys", "list", "--json"]).exits(5).error_code(), "io");
    fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    assert_eq!(desk.home.run(["keys", "list", "--json"]).exits(5).error_code(), "io");
    fs::remove_file(&path).unwrap();
    // A folder of configuration of the user's choice, but no relative one.
    let elsewhere = desk.home.work().join("config");
    fs::create_dir_all(elsewhere.join("goverify")).unwrap();
    fs::write(elsewhere.join("goverify/google-linux-packages.asc"), "x").unwrap();
    for (value, exit) in [(elsewhere.as_path(), 5), (Path::new("config"), 0)] {
        let mut command = desk.home.command(["keys", "list"]);
        Run::of(command.env("XDG_CONFIG_HOME", value).output().unwrap()).exits(exit);
    }
}

#[test]
fn keys_that_end_soon_are_warned_of() {
    let desk = Desk::new();
    let signer = |lives: Duration| {
        let flags = KeyFlags::empty().set_signing();
        let builder = CertBuilder::new().add_userid("short").add_subkey(flags, lives, None);
        let created: jiff::Timestamp = (SystemTime::now() - 10 * DAY).try_into().unwrap();
        Signer::generate(builder, &created.to_string())
    };
    for (lives, warns) in [(9, true), (99, true), (101, false), (1000, false)] {
        let signer = signer(lives * DAY);
        desk.put("short.asc", signer.certificate());
        let run = desk.home.run(["keys", "list", "--json", "--keyring", "short.asc"]).exits(0);
        assert_eq!(run.stderr.contains("warning: no known key of "), warns, "{lives}");
        assert_eq!(run.json()["certificates"][0]["warning"].is_string(), warns, "{lives}");
        let run = desk.home.run(["keys", "list", "--quiet", "--keyring", "short.asc"]).exits(0);
        assert_eq!(run.stderr, "", "{lives}");
        assert!(run.stdout.contains(&signer.signing_fingerprint()), "{lives}");
    }
}

#[cfg(feature = "net")]
#[test]
fn a_copy_is_read_from_the_web() {
    use support::server::{Fault, Response, Server};

    let desk = Desk::new();
    let server = Server::start();
    let document = |content: &[u8]| Response::document("application/octet-stream", content);
    server.serve("/linux/key.pub", document(&google()), [Fault::Status(503, None)]);
    server.serve("/linux/key.pub?v=2", document(&older()), []);
    server.serve("/page", document(b""), [Fault::Html, Fault::Html]);
    server.serve("/flood", document(b""), [Fault::Endless("HTTP/1.1 200 X\r\n\r\n", "x")]);
    let at = |path: &str| format!("{}{path}", server.url());
    for path in ["linux/key.pub", "linux/key.pub?v=2"] {
        assert_eq!(desk.home.run(["keys", "update", &at(path)]).exits(0).stdout, "nothing new\n", "{path}");
    }
    for (path, exit, code) in
        [("page", 1, "key-update-refused"), ("flood", 1, "key-update-refused"), ("missing", 4, "network")]
    {
        let run = desk.home.run(["keys", "update", &at(path), "--json"]).exits(exit);
        assert_eq!(run.error_code(), code, "{path}");
        assert!(run.result()["error"]["message"].as_str().unwrap().starts_with(&at(path)), "{path}");
    }
    // It stops reading when it has had enough.
    assert!(server.flooded_bytes() < 32 << 20);
    let requests = server.requests().len();
    for location in [Some(at("linux/key.pub")), None] {
        let arguments = ["keys", "update", "--offline", "--json"].map(str::to_owned).into_iter().chain(location);
        let run = desk.home.run(arguments).exits(4);
        assert_eq!(run.error_code(), "transport-refused");
    }
    assert_eq!(server.requests().len(), requests);
    assert!(!stored(&desk).exists());
}

#[cfg(not(feature = "net"))]
#[test]
fn without_network_code_a_file_is_needed() {
    let desk = Desk::new();
    desk.home.run(["keys", "update"]).exits(2);
    desk.home.run(["keys", "update", "https://dl.google.com/linux/linux_signing_key.pub"]).exits(2);
}
