//! What a fetch costs over a slow or distant link, beside what the link itself must cost.
//!
//! `cargo bench --bench link -- [--runs N] [CELL...]`, where a cell is `10ms,100mbit`; without one, all of a grid.
//! GOVERIFY_REAL_RELEASES names a folder with go1.27.1.linux-amd64.tar.gz, its .asc, index.json and
//! keys/test-mirror.asc. Trees go to the folder for temporary files.
//!
//! - The link is simulated by the server (`server.rs`), on loopback. The transparency log is not asked.
//! - *link*: the archive's bytes at the link's rate.
//! - *limit*: the longer of that and the same fetch without a link, and one chain of round trips: a connection, the
//!   index, the archive. No fetch that learns from the index what it fetches can be faster.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot go on has failed, and prints")]
#![allow(unreachable_pub, reason = "a benchmark is a crate of its own")]

mod server;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use server::{Link, Server, serve};

const ARCHIVE: &str = "go1.27.1.linux-amd64.tar.gz";
const LATENCIES_MS: [u64; 3] = [1, 10, 100];
const RATES_MBIT: [u64; 4] = [20, 100, 200, 2000];
/// A connection, the index, the archive.
const CHAIN: u32 = 3;
const BITS_A_BYTE: f64 = 8.0;

/// What one fetch took, in seconds.
#[derive(Clone, Copy)]
struct Taken {
    whole: f64,
    to_first_byte: f64,
    after_last_byte: f64,
}

fn main() {
    let Some(releases) = env::var_os("GOVERIFY_REAL_RELEASES") else {
        println!("skipped: GOVERIFY_REAL_RELEASES is not set");
        return;
    };
    let releases = Path::new(&releases);
    let names = [ARCHIVE.to_owned(), format!("{ARCHIVE}.asc"), "index.json".to_owned()];
    let files: BTreeMap<_, _> = names.map(|name| (name.clone(), fs::read(releases.join(name)).unwrap())).into();
    let bytes = files.get(ARCHIVE).unwrap().len() as f64;
    let server = serve(files, ARCHIVE).unwrap();
    let (runs, cells) = arguments();
    let key = releases.join("keys/test-mirror.asc");

    let without = fetch(&server, &key, Link::default(), runs);
    println!("{bytes} bytes; without a link {:.0} ms; medians of {runs} runs\n", without.whole * 1e3);
    println!(
        "| round trip | rate | link | plain download | limit | fetch | of limit | over link | to first byte | after last |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (milliseconds, mbit) in cells {
        let link = Link { round_trip: Duration::from_millis(milliseconds), rate: mbit as f64 * 1e6 / BITS_A_BYTE };
        let own = bytes / link.rate;
        let limit = own.max(without.whole) + (link.round_trip * CHAIN).as_secs_f64();
        let plain = plain_download(&server, link);
        let taken = fetch(&server, &key, link, runs);
        let ms = |seconds: f64| format!("{:.0} ms", seconds * 1e3);
        println!(
            "| {milliseconds} ms | {mbit} Mbit/s | {} | {} | {} | {} | {:.2} | {:+.1} % | {} | {} |",
            ms(own),
            ms(plain),
            ms(limit),
            ms(taken.whole),
            taken.whole / limit,
            (taken.whole / own - 1.0) * 1e2,
            ms(taken.to_first_byte),
            ms(taken.after_last_byte),
        );
    }
}

fn arguments() -> (usize, Vec<(u64, u64)>) {
    let (mut runs, mut cells) = (3, Vec::new());
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        if argument == "--runs" {
            runs = arguments.next().unwrap().parse().unwrap();
        } else {
            let (latency, rate) = argument.split_once(',').unwrap();
            let number = |text: &str, unit| text.strip_suffix(unit).unwrap().parse().unwrap();
            cells.push((number(latency, "ms"), number(rate, "mbit")));
        }
    }
    if cells.is_empty() {
        cells = LATENCIES_MS.into_iter().flat_map(|ms| RATES_MBIT.map(|mbit| (ms, mbit))).collect();
    }
    (runs, cells)
}

/// The median of `runs` fetches.
fn fetch(server: &Server, key: &Path, link: Link, runs: usize) -> Taken {
    let mut all: Vec<Taken> = (0..runs).map(|_| fetch_once(server, key, link)).collect();
    all.sort_by(|one, other| one.whole.total_cmp(&other.whole));
    *all.get(runs / 2).unwrap()
}

fn fetch_once(server: &Server, key: &Path, link: Link) -> Taken {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_goverify"));
    command.args(["fetch", "1.27.1", "linux/amd64", "-q", "--sumdb", "off", "--mirror"]);
    command.arg(format!("http://{}/", server.address)).arg("--keyring").arg(key);
    command.arg("--to").arg(folder.path().join("go")).env("HOME", folder.path());
    server.set_link(link);
    let start = Instant::now();
    let done = command.output().unwrap();
    let end = Instant::now();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (first, last) = server.sent().unwrap();
    Taken {
        whole: (end - start).as_secs_f64(),
        to_first_byte: (first - start).as_secs_f64(),
        after_last_byte: (end - last).as_secs_f64(),
    }
}

/// How long the archive alone takes, to see that the link is as fast as it says.
fn plain_download(server: &Server, link: Link) -> f64 {
    server.set_link(link);
    let start = Instant::now();
    let mut stream = TcpStream::connect(server.address).unwrap();
    write!(stream, "GET /{ARCHIVE} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut head = Vec::new();
    let mut left = None::<usize>;
    while left != Some(0) {
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "the server went away");
        match &mut left {
            Some(left) => *left -= length,
            None => {
                head.extend_from_slice(buffer.get(..length).unwrap());
                left = body_left(&head);
            }
        }
    }
    start.elapsed().as_secs_f64()
}

/// How much of the body is still to come, once the head is complete.
fn body_left(received: &[u8]) -> Option<usize> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(received.get(..end)?).unwrap();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
    Some(length - (received.len() - end))
}
