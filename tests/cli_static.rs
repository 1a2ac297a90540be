//! Mirrors that any web server serves: nginx and Python's http.server, as they come.

#![cfg(all(feature = "net", unix))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use support::binary::assert_installed;
use support::depot::Depot;
use support::real::skipped;
use support::started::{Started, heavy, kept_bytes, small, wait_until};
use support::world::NAME;

/// How often nginx is given a port that was free a moment ago.
const PORTS_TRIED: usize = 5;

/// A web server in front of a mirror's folder; it stops when dropped.
struct Web {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Web {
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Serves `root` by nginx, with `rules` for its server, and without any right that a user has not; `None` where the
    /// machine has no nginx.
    fn nginx(root: &str, rules: &str) -> Option<Self> {
        for _ in 0..PORTS_TRIED {
            let folder = tempfile::tempdir().unwrap();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let at = folder.path().display();
            let spools = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let spools: String = spools.iter().map(|name| format!("{name}_temp_path {at}/{name};\n")).collect();
            let configuration = format!(
                "daemon off; master_process off; pid {at}/pid; error_log {at}/error;\n\
                 events {{}}\n\
                 http {{ log_format short '$request_method $uri $status $http_range'; access_log {at}/access short;\n\
                 {spools} server {{ listen 127.0.0.1:{port}; root {root}; {rules} }} }}\n"
            );
            fs::write(folder.path().join("conf"), configuration).unwrap();
            let mut command = Command::new("nginx");
            command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("conf"));
            command.arg("-e").arg(folder.path().join("error")).stdout(Stdio::null()).stderr(Stdio::null());
            let Ok(child) = command.spawn() else {
                skipped("there is no nginx");
                return None;
            };
            let mut web = Self { child, port, folder };
            let mut ended = false;
            wait_until("nginx listens", || {
                ended = web.child.try_wait().unwrap().is_some();
                ended || TcpStream::connect(("127.0.0.1", port)).is_ok()
            });
            if !ended {
                return Some(web);
            }
        }
        panic!("nginx does not start: no port stays free");
    }

    /// Serves `root` by Python; `None` where the machine has none.
    fn python(root: &str) -> Option<Self> {
        let mut command = Command::new("python3");
        command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", root]);
        let Ok(mut child) = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            skipped("there is no python3");
            return None;
        };
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split_once(" port ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
        Some(Self { child, port, folder: tempfile::tempdir().unwrap() })
    }

    /// `METHOD PATH STATUS RANGE` of every request for the archive that nginx is done with, sorted.
    fn transfers(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("access")).unwrap();
        let mut lines: Vec<_> = log.lines().filter(|line| line.contains(NAME)).map(str::to_owned).collect();
        lines.retain(|line| !line.contains(".asc "));
        lines.sort();
        lines
    }
}

/// Kills a fetch while the archive arrives, and returns how much of it waits to be continued.
fn kill_half_way(depot: &Depot, mirror: &str) -> u64 {
    let started = Started::new(depot.fetch_command(mirror, &[]));
    wait_until("some bytes are kept", || kept_bytes(depot) > 0);
    started.signal(Signal::KILL);
    assert_eq!(started.end().code, None);
    kept_bytes(depot)
}

#[test]
fn nginx_serves_a_mirror_and_goes_on_with_a_broken_download() {
    let depot = Depot::of(&[heavy()]);
    // So slow that a download can be met half-way.
    let Some(web) = Web::nginx(&depot.write(), "limit_rate 150k;") else { return };
    let kept = kill_half_way(&depot, &web.url());
    assert!(kept < depot.files[NAME].len() as u64);
    depot.fetch(&web.url(), &[]).exits(0);
    assert_installed(&depot.destination(), &heavy(), true);
    wait_until("both are logged", || web.transfers().len() >= 2);
    assert_eq!(web.transfers()[0], format!("GET /{NAME} 200 -"));
    assert_eq!(web.transfers()[1..], [format!("GET /{NAME} 206 bytes={kept}-")]);
    assert_eq!(depot.home.cached(), []);
}

#[test]
fn nginx_has_another_archive_by_now_and_nothing_of_the_old_one_is_used() {
    let depot = Depot::of(&[heavy()]);
    let Some(web) = Web::nginx(&depot.write(), "limit_rate 150k;") else { return };
    kill_half_way(&depot, &web.url());
    // The same bytes, but nginx cannot know that.
    fs::write(depot.home.mirror().join(NAME), &depot.files[NAME]).unwrap();
    let file = fs::File::options().write(true).open(depot.home.mirror().join(NAME)).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    depot.fetch(&web.url(), &[]).exits(0);
    assert_installed(&depot.destination(), &heavy(), true);
    wait_until("both are logged", || web.transfers().len() >= 2);
    assert!(web.transfers()[1].starts_with(&format!("GET /{NAME} 200 bytes=")), "{:?}", web.transfers());
}

#[test]
fn python_serves_a_mirror_without_ranges() {
    let depot = Depot::of(&[small()]);
    let Some(web) = Web::python(&depot.write()) else { return };
    let list = depot.home.run(["list", "--mirror", &web.url()]).exits(0);
    assert_eq!(list.stdout, "go1.22.5\n");
    depot.fetch(&web.url(), &[]).exits(0);
    assert_installed(&depot.destination(), &small(), true);
    assert_eq!(depot.home.cached(), []);
}

#[test]
fn files_alone_are_a_mirror_where_the_index_is_elsewhere() {
    let mut depot = Depot::of(&[small()]);
    let index = depot.files.remove("index.json").unwrap();
    fs::write(depot.home.work().join("index.json"), &index).unwrap();
    let root = depot.write();
    let other = Web::python(depot.home.work().to_str().unwrap());
    for web in [Web::nginx(&root, ""), Web::python(&root)].into_iter().flatten() {
        depot.fetch(&web.url(), &[]).exits(4);
        let urls = other.as_ref().map(|other| [other.url(), format!("{}index.json", other.url())]);
        for place in urls.into_iter().flatten().chain(["index.json".to_owned()]) {
            depot.fetch(&web.url(), &["--index", &place]).exits(0);
            assert_installed(&depot.destination(), &small(), true);
            fs::remove_dir_all(depot.destination()).unwrap();
        }
    }
}

#[test]
fn a_site_like_golang_google_cn_is_a_mirror() {
    let depot = Depot::of(&[small()]);
    // The index is an answer to a query at /dl/, the files are elsewhere.
    let rules = "location = /dl/ { if ($args != mode=json&include=all) { return 404; } \
                 default_type application/json; rewrite ^ /index.json break; } \
                 location /dl/ { rewrite ^/dl/(.*)$ /golang/$1 redirect; } \
                 location /golang/ { rewrite ^/golang/(.*)$ /$1 break; }";
    let Some(web) = Web::nginx(&depot.write(), rules) else { return };
    let mirror = format!("{}dl/", web.url());
    let result = depot.fetch(&mirror, &["--json"]).exits(0).result();
    assert_eq!(result["trust"], "signature");
    assert_installed(&depot.destination(), &small(), true);
    wait_until("the redirect and the file are logged", || web.transfers().len() >= 2);
    assert_eq!(web.transfers()[0], format!("GET /dl/{NAME} 302 -"));
}
