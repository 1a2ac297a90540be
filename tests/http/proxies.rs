//! Proxies of the environment: asked for everything, believed in nothing, and alone in seeing their credentials.

use std::process::Command;

use super::support::binary::{INDEX_QUERY, Run, assert_installed};
use super::support::depot::Depot;
use super::support::desk::flipped;
use super::support::refusal::assert_refused;
use super::support::server::{Fault, Response, Server};
use super::support::tls::{Authority, Front, LIVE, Tunnel};
use super::support::world::NAME;
use super::{NETWORK, REFUSED, sdk};

const MIRROR: &str = "http://mirror.invalid/";
const SECURE: &str = "https://mirror.invalid/";
/// What `me:secret` is on the wire (RFC 7617 §2).
const CREDENTIALS: &str = "Basic bWU6c2VjcmV0";

/// A proxy that is asked for whole URLs (RFC 9112 §3.2.2) and has a mirror's files.
fn proxy_for(depot: &Depot) -> Server {
    let proxy = Server::start();
    for (name, content) in &depot.files {
        proxy.serve(&format!("{MIRROR}{name}"), Response::file(content.clone()), []);
    }
    proxy
}

fn with_password(proxy: &Server) -> String {
    proxy.url().replacen("http://", "http://me:secret@", 1)
}

fn run(mut command: Command) -> Run {
    let run = Run::of(command.output().unwrap());
    assert!(!run.stderr.contains("secret") && !run.stdout.contains("secret"), "{run:#?}");
    run
}

#[test]
fn h12_a_proxy_is_asked_for_everything_and_believed_in_nothing() {
    let archive = format!("{MIRROR}{NAME}");
    let refused = [
        ("digest", Response::file(flipped(900)), vec![], (1, "digest-mismatch")),
        ("wants_a_password", Response::file(""), vec![Fault::Status(407, None)], NETWORK),
        ("does_not_want", Response::file(""), vec![Fault::Status(403, None)], NETWORK),
        ("a_coding", Response::file(""), vec![Fault::Encoding("gzip")], REFUSED),
        ("redirect", Response::file(""), vec![Fault::Redirect("http://127.0.0.1/x".to_owned())], REFUSED),
        ("page_of_the_proxy", Response::file(""), vec![Fault::Html], (1, "archive-malformed")),
    ];
    for (case, response, faults, expected) in refused {
        let mut depot = Depot::of(&[super::support::desk::genuine()]);
        let proxy = proxy_for(&depot);
        proxy.serve(&archive, response, faults);
        let mut command = depot.fetch_command(MIRROR, &["--json"]);
        command.env("http_proxy", proxy.url());
        assert_refused(&depot.home, run(command), expected, case);
        proxy.serve(&archive, Response::file(depot.files.remove(NAME).unwrap()), []);
        let mut command = depot.fetch_command(MIRROR, &[]);
        command.env("http_proxy", proxy.url());
        run(command).exits(0);
        assert_installed(&depot.destination(), &super::support::desk::genuine(), true);
    }
}

#[test]
fn h12_every_variable_of_a_proxy_is_heeded() {
    for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        let depot = Depot::of(&[sdk()]);
        let proxy = proxy_for(&depot);
        let mut command = depot.fetch_command(MIRROR, &[]);
        command.env(variable, proxy.url());
        run(command).exits(0);
        assert_installed(&depot.destination(), &sdk(), true);
        assert!(proxy.requests().iter().all(|request| request.path.starts_with(MIRROR)), "{variable}");
    }
}

#[test]
fn h12_a_proxy_that_cannot_be_used_is_not_gone_around() {
    let (depot, nobody) = (Depot::of(&[sdk()]), "127.0.0.1:9");
    let server = depot.serve();
    for value in [
        "socks5h://me:secret@127.0.0.1:9",
        "ftp://me:secret@127.0.0.1:9",
        "http://me:secret@[bad",
        "http://me:secret@127.0.0.1:99999",
        "http://s\u{e9}cret:secret@127.0.0.1:9",
        "http://",
        "http://me:sec^ret@127.0.0.1:9",
        "127.0.0.1:9/",
        "/path",
        ":::",
    ] {
        for variable in ["all_proxy", "HTTP_PROXY", "https_proxy"] {
            let mut command = depot.fetch_command(&server.url(), &["--json"]);
            command.env(variable, value).env("ALL_PROXY", nobody);
            assert_refused(&depot.home, run(command), NETWORK, value);
        }
    }
    assert!(server.requests().is_empty());
    for (variable, value) in [("all_proxy", String::new()), ("http_proxy", server.address().to_string())] {
        // Without a scheme it is http, and empty is none at all.
        let target = if value.is_empty() { server.url() } else { MIRROR.to_owned() };
        let mut command = depot.fetch_command(&target, &["--json", "--force"]);
        command.env(variable, &value);
        for (name, content) in &depot.files {
            server.serve(&format!("{MIRROR}{name}"), Response::file(content.clone()), []);
        }
        run(command).exits(0);
        assert_installed(&depot.destination(), &sdk(), true);
    }
}

#[test]
fn h12_credentials_of_a_proxy_stay_with_the_proxy() {
    // A server that is reached without the proxy, which redirects to it.
    let depot = Depot::of(&[sdk()]);
    let (proxy, origin) = (proxy_for(&depot), depot.serve());
    let direct = format!("http://localhost:{}/{NAME}", origin.address().port());
    proxy.serve(&format!("{MIRROR}{NAME}"), Response::file(""), [Fault::Redirect(direct)]);
    let mut command = depot.fetch_command(MIRROR, &[]);
    command.env("http_proxy", with_password(&proxy)).env("no_proxy", "localhost");
    run(command).exits(0);
    assert_installed(&depot.destination(), &sdk(), true);
    assert!(proxy.requests().iter().all(|request| request.header("proxy-authorization") == Some(CREDENTIALS)));
    assert_eq!(origin.requests().len(), 1);
    for request in origin.requests() {
        assert_eq!((request.header("proxy-authorization"), request.header("authorization")), (None, None));
        assert_eq!((request.header("cookie"), request.header("referer")), (None, None));
    }
}

/// Behind `CONNECT` the certificate is the mirror's to show, and what the proxy says in its place counts for nothing.
#[test]
fn h12_a_tunnel_is_no_end_of_trust() {
    let (authority, other) = (Authority::new(), Authority::new());
    let names: &[&str] = &["mirror.invalid"];
    const NO: Tunnel = Tunnel::Refused("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    const PASSWORD: Tunnel =
        Tunnel::Refused("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n");
    const PAGE: Tunnel = Tunnel::Refused("HTTP/1.1 302 X\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n");
    for (case, identity, tunnel) in [
        ("forged_certificate", other.identity(names, LIVE), Tunnel::Open),
        ("another_name", authority.identity(&["proxy.invalid"], LIVE), Tunnel::Open),
        ("refuses", authority.identity(names, LIVE), NO),
        ("wants_a_password", authority.identity(names, LIVE), PASSWORD),
        ("redirects", authority.identity(names, LIVE), PAGE),
    ] {
        let (depot, front, server) = tunnelled(&authority, identity, tunnel);
        assert_refused(&depot.home, run(through(&depot, &front, &["--json", "--quiet"])), NETWORK, case);
        assert!(server.requests().is_empty(), "{case}");
        let plain = front.arrivals().into_iter().filter(|arrival| arrival.contains("GET")).count();
        assert_eq!(plain, 0, "{case}: nothing is said without TLS");
    }
    let (depot, front, server) = tunnelled(&authority, authority.identity(names, LIVE), Tunnel::Open);
    run(through(&depot, &front, &[])).exits(0);
    assert_installed(&depot.destination(), &sdk(), true);
    // What was not needed in the end may have been let go in the middle of its handshake.
    let handshake = |arrival: &String| arrival == "succeeded" || arrival == "failed";
    let connects: Vec<_> = front.arrivals().into_iter().filter(|arrival| !handshake(arrival)).collect();
    assert!(
        connects.iter().all(|arrival| *arrival == format!("CONNECT mirror.invalid:443 as {CREDENTIALS}")),
        "{connects:?}"
    );
    assert!(server.requests().iter().any(|request| request.path == INDEX_QUERY));
    for request in server.requests() {
        assert_eq!((request.header("proxy-authorization"), request.header("authorization")), (None, None));
    }
}

fn tunnelled(trusted: &Authority, identity: super::support::tls::Identity, tunnel: Tunnel) -> (Depot, Front, Server) {
    let depot = Depot::of(&[sdk()]);
    let server = depot.serve();
    trusted.write(&depot.home.mirror().with_file_name("roots.pem"));
    let front = Front::start(identity, tunnel, server.address());
    (depot, front, server)
}

fn through(depot: &Depot, front: &Front, arguments: &[&str]) -> Command {
    let mut command = depot.fetch_command(SECURE, arguments);
    command.env("HTTPS_PROXY", format!("http://me:secret@{}", front.address()));
    command.env("SSL_CERT_FILE", depot.home.mirror().with_file_name("roots.pem"));
    command
}
