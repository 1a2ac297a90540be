//! An HTTP/1.1 server on 127.0.0.1 whose faults are values.
//!
//! One request a connection, threads of std. Each path has a [`Response`] and a queue of [`Fault`]s; every request
//! takes the first one left. All requests are recorded. No thread outlives the server.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a path holds.
#[derive(Clone, Debug)]
pub struct Response {
    pub body: Vec<u8>,
    pub content_type: Option<&'static str>,
    pub etag: Option<String>,
    /// Whether `Range` is understood.
    pub ranges: bool,
    /// Further header lines, without line ends.
    pub headers: Vec<String>,
}

impl Response {
    /// An archive or companion, with a strong entity tag and ranges.
    pub fn file(body: impl Into<Vec<u8>>) -> Self {
        let content_type = Some("application/octet-stream");
        Self { body: body.into(), content_type, etag: Some("\"v1\"".to_owned()), ranges: true, headers: Vec::new() }
    }

    /// A document without validator.
    pub fn document(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { content_type: Some(content_type), etag: None, ranges: false, ..Self::file(body) }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection closes before any answer.
    HangUp,
    /// No answer, until the client goes away.
    Silence,
    /// No answer before this path was asked for, too.
    After(String),
    /// No answer before so many requests were made.
    AfterRequests(usize),
    /// The body pauses after so many bytes, until so many requests were made.
    PauseAt(usize, usize),
    /// The connection closes after so many bytes of the body.
    TruncateAt(usize),
    /// The connection is reset after so many bytes of the body.
    ResetAt(usize),
    /// The body stops after so many bytes, until the client goes away.
    StallAt(usize),
    /// One byte of the body an interval.
    Trickle(Duration),
    /// Another `Content-Length` than the body's.
    ContentLength(u64),
    /// No `Content-Length`; the body ends with the connection.
    NoLength,
    /// The body in chunks.
    Chunked,
    /// No `Content-Length`, and bytes after the body.
    Surplus(usize),
    /// A status, with a `Retry-After` perhaps.
    Status(u16, Option<&'static str>),
    /// 206 with this `Content-Range`, whatever the body is.
    ContentRange(&'static str),
    /// 206 without `Content-Range`.
    NoContentRange,
    /// 206 with a multipart body.
    MultipartRange,
    /// 206 with the right head, but with fewer bytes announced and sent.
    ShortRange,
    /// 206 with the right range, but of one byte more.
    RangeOfMore,
    /// 206 with the right range of other bytes, whatever the validator is; with this entity tag, an empty one means none.
    RangeOf(&'static str),
    /// 416.
    RangeNotSatisfiable,
    /// 200 with the whole body, whatever was asked for.
    IgnoreRange,
    /// Another entity tag, from now on; an empty one means none.
    ETag(&'static str),
    /// A status 302.
    Redirect(String),
    /// A `Content-Encoding`.
    Encoding(&'static str),
    /// A page of a captive portal.
    Html,
    /// These bytes, head and all, and the end of the connection.
    Raw(Vec<u8>),
    /// This text, head and all, and then the other again and again, until the client goes away.
    Endless(&'static str, &'static str),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct State {
    routes: HashMap<String, (Response, VecDeque<Fault>)>,
    requests: Vec<Request>,
    streams: Vec<TcpStream>,
    flooded_bytes: u64,
    stopping: bool,
}

/// The server; it stops when dropped.
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let acceptor = std::thread::spawn(move || {
            let mut workers = Vec::new();
            for stream in listener.incoming().flatten() {
                let mut locked = shared.lock().unwrap();
                if locked.stopping {
                    break;
                }
                locked.streams.push(stream.try_clone().unwrap());
                let shared = Arc::clone(&shared);
                workers.push(std::thread::spawn(move || {
                    // A client that goes away is part of many tests.
                    let _ = answer(&stream, &shared);
                    // The clone that is kept for stopping must not keep the connection open.
                    let peer = stream.peer_addr().ok();
                    shared.lock().unwrap().streams.retain(|s| s.peer_addr().ok() != peer);
                }));
            }
            for worker in workers {
                worker.join().unwrap();
            }
        });
        Self { address, state, acceptor: Some(acceptor) }
    }

    /// `http://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Puts a response at a path, query included; the first requests meet the faults, one each.
    pub fn serve(&self, path: &str, response: Response, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().routes.insert(path.to_owned(), (response, faults.into_iter().collect()));
    }

    /// How much of [`Fault::Endless`] found its way out, be it into the system's buffers.
    pub fn flooded_bytes(&self) -> u64 {
        self.state.lock().unwrap().flooded_bytes
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            let mut state = self.state.lock().unwrap();
            state.stopping = true;
            for stream in &state.streams {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        let _ = TcpStream::connect(self.address);
        let joined = self.acceptor.take().unwrap().join();
        if !std::thread::panicking() {
            joined.unwrap();
        }
    }
}

/// Reads a request, all but its last byte: closing a socket with unread bytes is what makes a reset.
fn read_request(mut stream: &TcpStream) -> io::Result<Request> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap().split(' ');
    let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    Ok(Request { method, path, headers })
}

fn wait_for_the_client_to_go(mut stream: &TcpStream) -> io::Result<()> {
    io::copy(&mut stream, &mut io::sink()).map(|_| ())
}

fn wait_for(shared: &Mutex<State>, requests: impl Fn(&[Request]) -> bool) -> io::Result<()> {
    loop {
        let state = shared.lock().unwrap();
        if requests(&state.requests) {
            return Ok(());
        }
        if state.stopping {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        drop(state);
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn answer(mut stream: &TcpStream, shared: &Mutex<State>) -> io::Result<()> {
    let request = read_request(stream)?;
    let (mut response, fault) = {
        let mut state = shared.lock().unwrap();
        state.requests.push(request.clone());
        match state.routes.get_mut(&request.path) {
            Some((response, faults)) => {
                let fault = faults.pop_front().unwrap_or(Fault::None);
                if let Fault::ETag(etag) = fault {
                    response.etag = Some(etag.to_owned()).filter(|etag| !etag.is_empty());
                }
                (response.clone(), fault)
            }
            None => (Response::document("text/plain", "none"), Fault::Status(404, None)),
        }
    };
    if !matches!(fault, Fault::ResetAt(_)) {
        stream.read_exact(&mut [0])?;
    }

    let mut status = 200;
    let mut content_range = None;
    let whole = response.body.len();
    let asked = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let asked = asked.and_then(|(from, last)| Some((from.parse().ok()?, last.parse().unwrap_or(usize::MAX))));
    let unchanged = request.header("if-range").is_none_or(|etag| Some(etag) == response.etag.as_deref());
    if let Some((from, last)) = asked.filter(|_| response.ranges && unchanged && !matches!(fault, Fault::IgnoreRange)) {
        if from < whole {
            let last = last.min(whole - 1);
            (status, content_range) = (206, Some(format!("bytes {from}-{last}/{whole}")));
            response.body = response.body[from..=last].to_vec();
        } else {
            status = 416;
        }
    }
    let mut length = Some(response.body.len() as u64);
    match &fault {
        Fault::HangUp => return Ok(()),
        Fault::Silence => return wait_for_the_client_to_go(stream),
        Fault::After(other) => wait_for(shared, |requests| requests.iter().any(|request| request.path == *other))?,
        Fault::AfterRequests(number) => wait_for(shared, |requests| requests.len() >= *number)?,
        Fault::Raw(bytes) => return stream.write_all(bytes),
        Fault::Endless(first, again) => {
            stream.write_all(first.as_bytes())?;
            let again = again.repeat((1 << 14) / again.len());
            loop {
                stream.write_all(again.as_bytes())?;
                shared.lock().unwrap().flooded_bytes += again.len() as u64;
            }
        }
        Fault::ContentLength(other) => length = Some(*other),
        Fault::NoLength | Fault::Chunked => length = None,
        Fault::Surplus(bytes) => {
            length = None;
            response.body.extend(std::iter::repeat_n(b'x', *bytes));
        }
        Fault::Status(other, retry_after) => {
            (status, content_range) = (*other, None);
            response.headers.extend(retry_after.map(|value| format!("Retry-After: {value}")));
        }
        Fault::ContentRange(value) => (status, content_range) = (206, Some((*value).to_owned())),
        Fault::NoContentRange => (status, content_range) = (206, None),
        Fault::MultipartRange => response.content_type = Some("multipart/byteranges; boundary=x"),
        Fault::ShortRange => {
            response.body.pop();
            length = Some(response.body.len() as u64);
        }
        Fault::RangeOfMore => {
            content_range = content_range.map(|range| range.replace(&format!("/{whole}"), &format!("/{}", whole + 1)))
        }
        Fault::RangeOf(etag) => {
            response.etag = Some((*etag).to_owned()).filter(|etag| !etag.is_empty());
            response.body.iter_mut().for_each(|byte| *byte ^= 0xff);
        }
        Fault::RangeNotSatisfiable => (status, content_range) = (416, Some(format!("bytes */{whole}"))),
        Fault::Redirect(to) => {
            status = 302;
            response.headers.push(format!("Location: {to}"));
        }
        Fault::Encoding(coding) => response.headers.push(format!("Content-Encoding: {coding}")),
        Fault::Html => {
            let page = Response::document("text/html; charset=utf-8", "<!DOCTYPE html><title>Welcome</title>");
            (status, content_range) = (200, None);
            response = page;
            length = Some(response.body.len() as u64);
        }
        _ => {}
    }

    let mut head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
    let mut line = |name: &str, value: Option<String>| {
        head.extend(value.map(|value| format!("{name}: {value}\r\n")));
    };
    line("Content-Length", length.map(|length| length.to_string()));
    line("Content-Type", response.content_type.map(str::to_owned));
    line("ETag", response.etag.clone());
    line("Content-Range", content_range);
    line("Transfer-Encoding", matches!(fault, Fault::Chunked).then(|| "chunked".to_owned()));
    response.headers.iter().for_each(|further| head.push_str(&format!("{further}\r\n")));
    stream.write_all(format!("{head}\r\n").as_bytes())?;

    let body = &response.body;
    match fault {
        Fault::TruncateAt(at) | Fault::ResetAt(at) => stream.write_all(&body[..at.min(body.len())]),
        Fault::StallAt(at) => {
            stream.write_all(&body[..at.min(body.len())])?;
            wait_for_the_client_to_go(stream)
        }
        Fault::PauseAt(at, number) => {
            stream.write_all(&body[..at])?;
            wait_for(shared, |requests| requests.len() >= number)?;
            stream.write_all(&body[at..])
        }
        Fault::Trickle(interval) => {
            stream.set_read_timeout(Some(interval))?;
            body.chunks(1).try_for_each(|byte| {
                stream.write_all(byte)?;
                match stream.read(&mut [0]) {
                    Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(()),
                    _ => Err(io::ErrorKind::BrokenPipe.into()),
                }
            })
        }
        Fault::Chunked => {
            for chunk in body.chunks(1 << 14) {
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                stream.write_all(chunk)?;
                stream.write_all(b"\r\n")?;
            }
            stream.write_all(b"0\r\n\r\n")
        }
        _ => stream.write_all(body),
    }
}
