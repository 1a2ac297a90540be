//! By which way, and with whose rights, an object store is asked.

use std::process::Command;

use crate::support::binary::Run;
use crate::support::depot::Depot;
use crate::support::sdk::Sdk;
use crate::support::server::{Fault, Response, Server};
use crate::support::tls::{Authority, Front, LIVE, Tunnel};
use crate::support::world::index_json;

const INDEX: &str = "/bucket/index.json";

/// A server with an index in a bucket, and a user who asks for it.
struct Site {
    server: Server,
    depot: Depot,
}

impl Site {
    fn new() -> Self {
        let server = Server::start();
        server.serve(INDEX, Response::file(index_json(b"")), []);
        Self { server, depot: Depot::of(&[Sdk::linux_amd64("go1.22.5")]) }
    }

    fn url(&self) -> String {
        self.server.url().trim_end_matches('/').to_owned()
    }

    fn list(&self, mirror: &str, further: &[&str]) -> Command {
        self.depot.home.command([&["list", "--json", "--mirror", mirror], further].concat())
    }

    /// Listing a bucket of this server's.
    fn list_s3(&self, further: &[&str]) -> Command {
        let mut command = self.list("s3://bucket", further);
        command.env("AWS_ENDPOINT_URL", self.url()).env("AWS_ALLOW_HTTP", "true");
        command
    }
}

#[track_caller]
fn ends(command: &mut Command, exit: i32, code: &str) -> Run {
    let run = Run::of(command.output().unwrap()).exits(exit);
    if exit != 0 {
        assert_eq!(run.error_code(), code, "{run:#?}");
    }
    run
}

#[test]
fn plain_http_and_a_network_at_all_need_leave() {
    let site = Site::new();
    let open = |further| {
        let mut command = site.list_s3(further);
        command.env("AWS_SKIP_SIGNATURE", "true");
        command
    };
    ends(&mut open(&[]), 0, "");
    let asked = site.server.requests().len();
    ends(open(&[]).env_remove("AWS_ALLOW_HTTP"), 4, "transport-refused");
    ends(open(&[]).env("AWS_ALLOW_HTTP", "false"), 4, "transport-refused");
    ends(&mut open(&["--offline"]), 4, "transport-refused");
    assert_eq!(site.server.requests().len(), asked);
}

#[test]
fn no_redirect_of_a_store_is_followed() {
    let site = Site::new();
    let to = format!("{}/elsewhere", site.url());
    site.server.serve(INDEX, Response::file(index_json(b"")), [Fault::Redirect(to)]);
    ends(site.list_s3(&[]).env("AWS_SKIP_SIGNATURE", "true"), 4, "network");
    assert_eq!(site.server.requests().len(), 1);
}

#[test]
fn a_location_that_is_no_bucket_is_a_usage_error() {
    let site = Site::new();
    for location in ["s3://", "s3://bucket:80/x", "s3://bucket/x?versionId=1", "s3://key:secret@bucket/x"] {
        let run = ends(&mut site.list(location, &[]), 2, "usage");
        assert!(!run.stdout.contains("secret"), "{run:#?}");
    }
    // Whose container it is must be said.
    let run = ends(&mut site.list("az://container", &[]), 2, "usage");
    assert!(run.stdout.contains("ccount"), "{run:#?}");
}

#[test]
fn a_machine_without_credentials_is_told_so_soon() {
    let site = Site::new();
    let closed = { Server::start().url() };
    let run = ends(site.list_s3(&[]).env("AWS_METADATA_ENDPOINT", closed), 4, "network");
    assert!(run.stdout.contains("the environment has no credentials"), "{run:#?}");
    assert_eq!(site.server.requests().len(), 0);
}

#[test]
fn a_machine_with_a_role_asks_with_its_credentials() {
    let site = Site::new();
    let role = "/latest/meta-data/iam/security-credentials/";
    let credentials = r#"{"AccessKeyId":"ROLE","SecretAccessKey":"x","Token":"t","Expiration":"2999-01-01T00:00:00Z"}"#;
    let text = |body: &str| Response::document("text/plain", body);
    site.server.serve("/latest/api/token", text("session"), []);
    site.server.serve(role, text("fleet"), []);
    site.server.serve(&format!("{role}fleet"), text(credentials), []);
    ends(site.list_s3(&[]).env("AWS_METADATA_ENDPOINT", site.url()), 0, "");
    let requests = site.server.requests();
    let signed = requests.iter().find(|request| request.path == INDEX).unwrap();
    assert!(signed.header("authorization").unwrap().contains("Credential=ROLE/"), "{signed:?}");
}

#[test]
fn what_grants_access_is_not_told() {
    let site = Site::new();
    let key = "sv=2024-01-01&sig=SECRET";
    let mut list = site.list("az://bucket", &["--verbose"]);
    let list = list
        .env("AZURE_STORAGE_ENDPOINT", site.url())
        .env("AZURE_ALLOW_HTTP", "true")
        .env("AZURE_STORAGE_ACCOUNT_NAME", "account")
        .env("AZURE_STORAGE_SAS_KEY", key);
    ends(list, 4, "network");
    let path = site.server.requests()[0].path.clone();
    assert!(path.contains("SECRET"), "it is in the query: {path}");
    site.server.serve(&path, Response::file(index_json(b"")), []);
    ends(list, 0, "");
    for fault in [Fault::Status(403, None), Fault::Status(400, None), Fault::Encoding("x"), Fault::Raw(b"?".to_vec())] {
        site.server.serve(&path, Response::file(index_json(b"")), std::iter::repeat_n(fault, 9));
        let run = Run::of(list.output().unwrap()).exits(4);
        assert!(!run.stdout.contains("SECRET") && !run.stderr.contains("SECRET"), "{run:#?}");
    }
}

#[test]
fn a_store_is_trusted_by_the_roots_that_any_mirror_is() {
    let site = Site::new();
    let (authority, other) = (Authority::new(), Authority::new());
    let front = Front::start(authority.identity(&["127.0.0.1"], LIVE), Tunnel::Open, site.server.address());
    let roots = site.depot.home.work().join("roots.pem");
    for (trusted, exit) in [(&authority, 0), (&other, 4)] {
        trusted.write(&roots);
        let mut list = site.list("s3://bucket", &[]);
        list.env("AWS_ENDPOINT_URL", format!("https://{}", front.address())).env("AWS_SKIP_SIGNATURE", "true");
        ends(list.env("SSL_CERT_FILE", &roots), exit, "network");
    }
    assert_eq!(site.server.requests().len(), 1);
}
