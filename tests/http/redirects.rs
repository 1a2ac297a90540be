//! Where a server may send a client.

use goverify::error::{Code, Coded};

use super::support::binary::{INDEX_QUERY, Run, assert_installed};
use super::support::depot::{Depot, WANTED};
use super::support::refusal::assert_refused;
use super::support::server::{Fault, Response, Server};
use super::support::tls::{Authority, Front, LIVE, Tunnel};
use super::support::world::{NAME, PATH, World, body};
use super::{ASC_PATH, REFUSED, Row, sdk, through_the_binary};

fn to(location: &str) -> Fault {
    Fault::Redirect(location.to_owned())
}

#[test]
fn h01_redirects_that_lead_elsewhere() {
    // Five hops are followed, relative and absolute ones.
    let chain = |hops: usize| {
        let world = World::faulty([to("/hop1")]);
        for hop in 1..hops {
            let next =
                if hop % 2 == 0 { format!("/hop{}", hop + 1) } else { format!("{}hop{}", world.server.url(), hop + 1) };
            world.server.serve(&format!("/hop{hop}"), Response::file(""), [Fault::Redirect(next)]);
        }
        world.server.serve(&format!("/hop{hops}"), Response::file(body()), []);
        world
    };
    let world = chain(5);
    assert!(world.download().unwrap() == body());
    assert_eq!(world.server.requests().len(), 6);
    chain(6).fails(Code::TransportRefused, 6);
    World::faulty((0..9).map(|_| to(PATH))).fails(Code::TransportRefused, 6);

    for location in [
        "http://127.0.0.2/x",
        "http://[::1]/x",
        "https://[::1]/x",
        "http://2130706434/x",
        "http://0x7f.0.0.2/x",
        "//127.0.0.2/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "data:,x",
        "javascript:x",
        "http://",
        "http://[bad/x",
        "http://127.0.0.1:99999/x",
    ] {
        World::faulty([to(location)]).fails(Code::TransportRefused, 1);
    }
    // Nor twice, nor nowhere.
    let nowhere = Response { headers: vec!["Location: /a".to_owned(); 2], ..Response::file("") };
    World::new(nowhere, [Fault::Status(302, None)]).fails(Code::Network, 1);
    World::faulty([Fault::Status(302, None)]).fails(Code::Network, 1);
}

#[test]
fn h01_a_password_in_a_redirect_is_neither_sent_nor_repeated() {
    for location in ["http://me:secret@127.0.0.1/x", "http://me:secret@[bad/x", "//:secret@127.0.0.1/x"] {
        let world = World::faulty([to(location)]);
        let error = world.download().unwrap_err();
        assert_eq!((error.code(), world.server.requests().len()), (Code::TransportRefused, 1), "{location}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    World::faulty([to(PATH)]).succeeds_with_ranges(&[None, None]);
}

#[test]
fn h01_redirects_as_a_user_meets_them() {
    let rows: [Row; 6] = [
        ("another_address", PATH, vec![to("http://127.0.0.2/x")], REFUSED),
        ("of_the_signature", ASC_PATH, vec![to("http://127.0.0.2/x")], REFUSED),
        ("of_the_index", INDEX_QUERY, vec![to("http://127.0.0.2/x")], REFUSED),
        ("a_file", PATH, vec![to("file:///etc/passwd")], REFUSED),
        ("a_password", PATH, vec![to("http://user:secret@127.0.0.1/x")], REFUSED),
        ("a_loop", PATH, vec![to(PATH); 6], REFUSED),
    ];
    through_the_binary(rows);
}

/// The official source behind a proxy of ours, whose authority the user's machine trusts.
struct Official {
    depot: Depot,
    server: Server,
    front: Front,
}

impl Official {
    fn new() -> Self {
        let (depot, server) = (Depot::of(&[sdk()]), Server::start());
        let authority = Authority::new();
        authority.write(&depot.home.mirror().with_file_name("roots.pem"));
        let identity = authority.identity(&["go.dev", "dl.google.com", "evil.example", "127.0.0.1"], LIVE);
        let front = Front::start(identity, Tunnel::Open, server.address());
        let official = Self { depot, server, front };
        official.serve("/dl/?mode=json&include=all", "index.json", []);
        official.serve(&format!("/go/{NAME}.asc"), &format!("{NAME}.asc"), []);
        official.serve(&format!("/go/{NAME}"), NAME, []);
        official
    }

    fn serve(&self, path: &str, name: &str, faults: impl IntoIterator<Item = Fault>) {
        self.server.serve(path, Response::file(self.depot.files[name].clone()), faults);
    }

    fn fetch(&self) -> Run {
        let destination = self.depot.destination();
        let mut command = self.depot.home.command(["fetch", "--keyring", "keyring.pgp", "--sumdb", "off", "--json"]);
        command.args(WANTED).arg("--to").arg(destination);
        command.env("HTTPS_PROXY", format!("http://{}", self.front.address()));
        command.env("HTTP_PROXY", format!("http://{}", self.front.address()));
        command.env("SSL_CERT_FILE", self.depot.home.mirror().with_file_name("roots.pem"));
        Run::of(command.output().unwrap())
    }
}

#[test]
fn h01_the_official_source_leads_to_its_own_hosts_alone() {
    const INDEX: &str = "/dl/?mode=json&include=all";
    let archive = format!("/go/{NAME}");
    for (path, name, location) in [
        (archive.as_str(), NAME, "https://evil.example/go/x"),
        (archive.as_str(), NAME, "https://127.0.0.1/go/x"),
        (archive.as_str(), NAME, "https://dl.google.com:8443/go/x"),
        (archive.as_str(), NAME, "http://dl.google.com/go/x"),
        (archive.as_str(), NAME, "https://dl.google.com.evil.example/go/x"),
        (archive.as_str(), NAME, "https://dl.google.com@evil.example/go/x"),
        (&format!("{archive}.asc"), &format!("{NAME}.asc"), "https://evil.example/go/x"),
        (INDEX, "index.json", "https://evil.example/dl"),
        (INDEX, "index.json", "http://go.dev/dl/?mode=json&include=all"),
    ] {
        let official = Official::new();
        official.serve(path, name, [to(location)]);
        assert_refused(&official.depot.home, official.fetch(), REFUSED, location);
        let asked = official.front.arrivals();
        // What was not needed in the end may have been let go in the middle of its handshake.
        let known = ["CONNECT go.dev:443", "CONNECT dl.google.com:443", "succeeded", "failed"];
        assert!(asked.iter().all(|arrival| known.contains(&arrival.as_str())), "{location}: {asked:?}");
    }
    for location in ["https://dl.google.com/go/other", "https://go.dev/go/other", "/go/other"] {
        let official = Official::new();
        official.serve(&archive, NAME, [to(location)]);
        official.serve("/go/other", NAME, []);
        official.fetch().exits(0);
        assert_installed(&official.depot.destination(), &sdk(), true);
    }
}
