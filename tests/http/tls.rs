//! Certificates, good and bad.

use std::path::PathBuf;

use goverify::error::Code;
use goverify::fetch::Mirror;

use super::support::binary::{Run, assert_installed};
use super::support::depot::Depot;
use super::support::refusal::assert_refused;
use super::support::server::{Fault, Server};
use super::support::tls::{Authority, Front, Identity, LIVE, Tunnel};
use super::support::world::{PATH, World, run};
use super::{NETWORK, REFUSED, sdk};

/// A mirror over HTTPS, whose user trusts one authority.
struct Secure {
    depot: Depot,
    server: Server,
    front: Front,
}

impl Secure {
    fn new(trusted: &Authority, identity: Identity) -> Self {
        let depot = Depot::of(&[sdk()]);
        let server = depot.serve();
        trusted.write(&roots(&depot));
        let front = Front::start(identity, Tunnel::Open, server.address());
        Self { depot, server, front }
    }

    fn fetch(&self) -> Run {
        let mut command = self.depot.fetch_command(&format!("https://{}/", self.front.address()), &["--json"]);
        Run::of(command.env("SSL_CERT_FILE", roots(&self.depot)).output().unwrap())
    }
}

fn roots(depot: &Depot) -> PathBuf {
    depot.home.mirror().with_file_name("roots.pem")
}

#[test]
fn h11_certificates_that_do_not_hold() {
    const HERE: &[&str] = &["127.0.0.1"];
    let (authority, other) = (Authority::new(), Authority::new());
    for (case, identity) in [
        ("self_signed", Identity::self_signed(HERE)),
        ("of_another_authority", other.identity(HERE, LIVE)),
        ("expired", authority.identity(HERE, (2020, 2021))),
        ("not_yet_valid", authority.identity(HERE, (2099, 2100))),
        ("another_address", authority.identity(&["127.0.0.2"], LIVE)),
        ("another_name", authority.identity(&["localhost", "mirror.example"], LIVE)),
        ("any_name", authority.identity(&["*", "*.0.0.1"], LIVE)),
        ("no_name", authority.identity(&[], LIVE)),
    ] {
        let secure = Secure::new(&authority, identity);
        assert_refused(&secure.depot.home, secure.fetch(), NETWORK, case);
        // Neither again, nor without TLS: once for each of the two places of an index and for the signature.
        let arrivals = secure.front.arrivals();
        let count = |what| arrivals.iter().filter(|arrival| *arrival == what).count();
        assert!(matches!((count("tls"), count("failed")), (1..=3, 1..)), "{case}: {arrivals:?}");
        assert_eq!(count("tls") + count("failed"), arrivals.len(), "{case}: {arrivals:?}");
        assert!(secure.server.requests().is_empty(), "{case}");
    }
    let secure = Secure::new(&authority, authority.identity(HERE, LIVE));
    secure.fetch().exits(0);
    assert_installed(&secure.depot.destination(), &sdk(), true);
    let requests = secure.server.requests().into_iter().filter(|request| request.path != "/index.json");
    assert_eq!(requests.count(), 3, "index, signature and archive");
    // What was not needed in the end may have been let go in the middle of its handshake.
    let known = ["tls", "succeeded", "failed"];
    assert!(secure.front.arrivals().iter().all(|arrival| known.contains(&arrival.as_str())));
}

#[test]
fn h11_a_server_without_tls() {
    let world = World::faulty([]).once().hasty();
    let location = world.server.url().replacen("http:", "https:", 1);
    let secure = Mirror::at(&location, &world.access).unwrap();
    // It never sees the end of a request in a TLS client's first words, so it is as if the handshake stood still.
    let error = run(secure.index()).unwrap_err();
    assert_eq!(goverify::error::Coded::code(&error), Code::Network, "{error}");
    assert!(world.server.requests().is_empty());
    world.succeeds_with_ranges(&[None]);

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let location = format!("https://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let mut hello = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut hello);
        listener.set_nonblocking(true).unwrap();
        (hello, listener.accept().is_err())
    });
    let error = run(Mirror::at(&location, &World::faulty([]).access).unwrap().companion("x", 1)).unwrap_err();
    assert!(matches!(error, goverify::fetch::FetchError::Transport { transient: false, .. }), "{error}");
    let (hello, alone) = server.join().unwrap();
    assert!(hello.starts_with(&[22, 3, 1]) && alone, "one TLS handshake, nothing else");
}

#[test]
fn h01_redirects_from_https_to_http() {
    let authority = Authority::new();
    let secure = Secure::new(&authority, authority.identity(&["127.0.0.1"], LIVE));
    secure.depot.break_path(&secure.server, PATH, [Fault::Redirect(format!("{}x", secure.server.url()))]);
    assert_refused(&secure.depot.home, secure.fetch(), REFUSED, "http");
    assert!(secure.server.requests().iter().all(|request| request.path != "/x"));
    let again = format!("https://{}{PATH}", secure.front.address());
    secure.depot.break_path(&secure.server, PATH, [Fault::Redirect(again)]);
    secure.fetch().exits(0);
    assert_installed(&secure.depot.destination(), &sdk(), true);
}

#[test]
fn h11_certificates_are_checked_after_a_redirect_from_http_to_https() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (identity, holds) in [(&other, false), (&authority, true)] {
        let secure = Secure::new(&authority, identity.identity(&["127.0.0.1"], LIVE));
        let to = format!("https://{}{PATH}", secure.front.address());
        secure.depot.break_path(&secure.server, PATH, [Fault::Redirect(to)]);
        let mut command = secure.depot.fetch_command(&secure.server.url(), &["--json"]);
        let run = Run::of(command.env("SSL_CERT_FILE", roots(&secure.depot)).output().unwrap());
        if holds {
            run.exits(0);
            assert_installed(&secure.depot.destination(), &sdk(), true);
        } else {
            assert_refused(&secure.depot.home, run, NETWORK, "of_another_authority");
        }
        let arrivals = secure.front.arrivals();
        assert_eq!(arrivals, ["tls", if holds { "succeeded" } else { "failed" }]);
    }
}

/// The library that checks certificates is at least the one without RUSTSEC-2026-0049, -0098, -0099 and -0104.
#[test]
fn h11_certificates_are_checked_by_a_library_without_known_bugs() {
    let lock = include_str!("../../Cargo.lock");
    let (_, found) = lock.split_once("name = \"rustls-webpki\"\nversion = \"").unwrap();
    let version: Vec<u32> = found.split('"').next().unwrap().split('.').map(|part| part.parse().unwrap()).collect();
    assert!(version >= vec![0, 103, 13], "{version:?}");
    assert_eq!(lock.matches("name = \"rustls-webpki\"").count(), 1);
}
