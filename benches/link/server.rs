//! An HTTP server at the end of a link: what it sends takes as long as the link would.
//!
//! - a connection's first answer comes a round trip later, for the handshake; every answer a round trip after its
//!   request;
//! - all connections share the link's rate;
//! - a connection carries at most a window a round trip: [`WINDOW_BYTES`];
//! - a file's entity tag is its SHA-256, and one range of it is sent where the tag still holds.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// What Linux lets a receive window grow to unless told otherwise (tcp_rmem).
const WINDOW_BYTES: f64 = 6_291_456.0;
/// What is sent at once: little enough to be even, enough for the clock to be exact.
const SLICE_BYTES: usize = 32 << 10;
/// A pause from which on the link counts as idle; what is shorter is the clock's doing and is made up for.
const IDLE: Duration = Duration::from_millis(20);

/// A link's two properties.
#[derive(Clone, Copy)]
pub struct Link {
    pub round_trip: Duration,
    /// Bytes a second; infinite for no limit.
    pub rate: f64,
}

impl Default for Link {
    /// No link at all.
    fn default() -> Self {
        Self { round_trip: Duration::ZERO, rate: f64::INFINITY }
    }
}

/// When the first and the last byte of a file were sent.
pub type Sent = Arc<Mutex<Option<(Instant, Instant)>>>;

struct Shared {
    /// With their entity tags.
    files: BTreeMap<String, (Vec<u8>, String)>,
    watched: String,
    sent: Sent,
    link: Mutex<State>,
}

/// The link as it is now, how far it is taken, and which one it is: what an earlier one still sends is not noted.
#[derive(Default)]
struct State {
    link: Link,
    pace: Pace,
    number: u64,
}

/// Serves `files` for ever, and notes when `watched` is sent.
pub fn serve(files: BTreeMap<String, Vec<u8>>, watched: &str) -> io::Result<Server> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let tagged = |content: Vec<u8>| {
        let etag = format!("\"{}\"", hex::encode(Sha256::digest(&content)));
        (content, etag)
    };
    let files = files.into_iter().map(|(name, content)| (name, tagged(content))).collect();
    let shared = Arc::new(Shared { files, watched: watched.to_owned(), sent: Sent::default(), link: Mutex::default() });
    let server = Server { address, shared: Arc::clone(&shared) };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&shared);
            // Whoever goes away has what it wanted.
            thread::spawn(move || _ = shared.converse(&stream));
        }
    });
    Ok(server)
}

pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Puts another link between the server and whoever connects from now on.
    pub fn set_link(&self, link: Link) {
        let mut state = self.shared.state();
        *state = State { link, pace: Pace::default(), number: state.number + 1 };
        *self.shared.sent.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// When the watched file was sent since then.
    pub fn sent(&self) -> Option<(Instant, Instant)> {
        *self.shared.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the next byte may go out.
#[derive(Default)]
struct Pace(Option<Instant>);

impl Pace {
    /// When so many bytes will have gone out.
    fn reserve(&mut self, bytes: usize, rate: f64) -> Instant {
        let now = Instant::now();
        let begin = self.0.filter(|free| *free + IDLE > now).unwrap_or(now);
        let end = begin + Duration::from_secs_f64(bytes as f64 / rate);
        self.0 = Some(end);
        end
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, number: u64) {
        let state = self.state();
        if state.number == number {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            *sent = Some((sent.map_or(now, |(first, _)| first), now));
        }
    }

    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (link, number) = {
            let state = self.state();
            (state.link, state.number)
        };
        let mut requests = BufReader::new(stream);
        let mut begun = false;
        let mut own = Pace::default();
        while let Some(Request { path, range, if_range }) = request(&mut requests)? {
            thread::sleep(link.round_trip * if begun { 1 } else { 2 });
            begun = true;
            let file = path.split('?').next().filter(|path| *path != "/").unwrap_or("/index.json");
            let Some((content, etag)) = self.files.get(file.trim_start_matches('/')) else {
                (&*stream).write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
                continue;
            };
            let holds = if_range.is_none_or(|tag| tag == *etag);
            let range = range.filter(|_| holds).map(|(first, last)| (first, last.unwrap_or(usize::MAX)));
            let part = range.map(|(first, last)| (first, last.min(content.len() - 1)));
            let (status, body) = match part.map(|(first, last)| (first, last, content.get(first..=last))) {
                Some((first, last, Some(body))) => {
                    let range = format!("Content-Range: bytes {first}-{last}/{}", content.len());
                    (format!("206 Partial Content\r\n{range}"), body)
                }
                _ => ("200 OK".to_owned(), content.as_slice()),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: {etag}\r\n\r\n", body.len());
            (&*stream).write_all(head.as_bytes())?;
            for slice in body.chunks(SLICE_BYTES) {
                self.wait(link, &mut own, slice.len());
                (&*stream).write_all(slice)?;
                if file.ends_with(&self.watched) {
                    self.note(number);
                }
            }
        }
        Ok(())
    }

    fn wait(&self, link: Link, own: &mut Pace, bytes: usize) {
        let of_window = WINDOW_BYTES / link.round_trip.as_secs_f64();
        let by_window = own.reserve(bytes, of_window);
        let by_link = self.state().pace.reserve(bytes, link.rate);
        thread::sleep(by_window.max(by_link).saturating_duration_since(Instant::now()));
    }
}

/// What of a request matters here.
#[derive(Default)]
struct Request {
    path: String,
    /// The first byte that is wanted, and the last.
    range: Option<(usize, Option<usize>)>,
    if_range: Option<String>,
}

/// The next request.
fn request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut request = Request { path: line.split(' ').nth(1).unwrap_or_default().to_owned(), ..Request::default() };
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let field = line.trim().to_ascii_lowercase();
        if field.is_empty() {
            return Ok(Some(request));
        }
        if let Some((first, last)) = field.strip_prefix("range: bytes=").and_then(|range| range.split_once('-')) {
            request.range = first.parse().ok().map(|first| (first, last.parse().ok()));
        }
        if let Some(etag) = field.strip_prefix("if-range: ") {
            request.if_range = Some(etag.to_owned());
        }
    }
}
