//! HTTP: one request, its redirects, and the head and chunks of the answer; for object stores, requests as they signed them. The only file that names reqwest.
//!
//! - TLS is rustls with ring; the roots are the system's, and the built-in Mozilla roots where it has none. Loading
//!   them takes longer than all else before the first request, so that is left for the first that needs TLS; what is
//!   sent before has no roots and can have no TLS.
//! - Proxies come from the environment; one that cannot be used is an error, never a reason to go around it.
//! - Compression is not compiled in, `Accept-Encoding: identity` is sent, and an answer in a content coding is refused,
//!   or in a transfer coding (RFC 9112 §7) other than `chunked`.
//! - HTTP/1.1 alone. The transport bounds a head to 100 fields and 0.4 MB (hyper's limits).
//! - The head must arrive within `connect` + `idle`, each chunk within `idle`.

use std::error::Error as _;
use std::ffi::OsString;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
pub(super) use reqwest::Url;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, IF_RANGE, LOCATION, RANGE, RETRY_AFTER,
    TRANSFER_ENCODING,
};
use rustls::RootCertStore;
use tokio::time::{Instant, timeout};

use super::redirect::{REDIRECT_LIMIT, forbidden, without_user};
use super::resume::{Continuation, content_range};
use super::retry::{Pace, Patience, retry_after};
use super::{Access, FetchError, Wait};

/// The fewest bytes that a second takes on their way to a server: a line that is worth waiting for.
const SLOWEST_UPLOAD_BYTES: u64 = 60 << 10;
/// The variables that can name a proxy.
const PROXY_VARIABLES: [&str; 6] = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// Makes requests.
#[derive(Debug)]
pub(super) struct Client {
    access: Access,
    /// The only hosts that it may be redirected to, where that is known.
    hosts: Option<&'static [&'static str]>,
    /// Without roots: for HTTP without TLS, to servers that no proxy is asked for.
    plain: OnceLock<reqwest::Client>,
    secure: OnceLock<reqwest::Client>,
    /// Held by every download that is on its way, and here.
    downloads: Arc<()>,
}

impl Client {
    /// A client that has not done anything yet.
    pub(super) fn new(access: Access, hosts: Option<&'static [&'static str]>) -> Self {
        Self { access, hosts, plain: OnceLock::new(), secure: OnceLock::new(), downloads: Arc::default() }
    }

    pub(super) fn limits(&self) -> &super::Limits {
        &self.access.limits
    }

    /// Counts as a download while it is held.
    pub(super) fn begin_download(&self) -> Arc<()> {
        Arc::clone(&self.downloads)
    }

    pub(super) fn has_several_downloads(&self) -> bool {
        Arc::strong_count(&self.downloads) > 2
    }

    pub(super) fn lanes(&self) -> &super::Lanes {
        &self.access.lanes
    }

    /// Sends a request and follows its redirects to the head of an answer. Errors name the location of `patience`.
    pub(super) async fn open(
        &self,
        url: &Url,
        patience: &Patience<'_>,
        continuation: Option<&Continuation>,
    ) -> Result<Answer, FetchError> {
        let location = patience.location();
        if self.access.offline {
            return Err(FetchError::Offline { location });
        }
        let limits = &self.access.limits;
        let mut target = url.clone();
        for _ in 0..=REDIRECT_LIMIT {
            let mut request = self.transport(&target)?.get(target.clone()).header(ACCEPT_ENCODING, "identity");
            if let Some(Continuation { offset, end, etag }) = continuation {
                let last = end.map(|end| end.saturating_sub(1).to_string()).unwrap_or_default();
                request = request.header(RANGE, format!("bytes={offset}-{last}")).header(IF_RANGE, etag.as_str());
            }
            let began = Instant::now();
            let response = timeout(limits.connect.saturating_add(limits.idle), request.send())
                .await
                .map_err(|_| patience.timed_out(Wait::Idle))?
                .map_err(|error| transport_error(&location, error))?;
            let round_trip = began.elapsed();
            let answer = Answer { response, location: location.clone(), round_trip, pace: Pace::default() };
            if !matches!(answer.status(), 301 | 302 | 303 | 307 | 308) {
                answer.refuse_coding()?;
                return Ok(answer);
            }
            let Some(next) = answer.header(LOCATION.as_str()) else { return Err(answer.status_error()) };
            let refuse = |to, reason| FetchError::Redirect { from: target.to_string(), to, reason };
            let next = target.join(next).map_err(|_| refuse(without_user(next), "not a URL"))?;
            if let Some(reason) = forbidden(url, self.hosts, &next) {
                return Err(refuse(without_user(next.as_str()), reason));
            }
            target = next;
        }
        Err(FetchError::Redirect { from: location, to: target.to_string(), reason: "too many redirects" })
    }

    /// Sends one request as it is, and follows no redirect. Its body may take as long as it would at
    /// [`SLOWEST_UPLOAD_BYTES`] a second.
    pub(super) async fn send(
        &self,
        request: http::Request<Bytes>,
        patience: &Patience<'_>,
    ) -> Result<Answer, FetchError> {
        let location = patience.location();
        if self.access.offline {
            return Err(FetchError::Offline { location });
        }
        let sending = Duration::from_secs(request.body().len() as u64 / SLOWEST_UPLOAD_BYTES);
        let mut request = reqwest::Request::try_from(request).map_err(|error| transport_error(&location, error))?;
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let sent = self.transport(request.url())?.execute(request);
        let began = Instant::now();
        let response =
            timeout(patience.limits.connect.saturating_add(patience.limits.idle).saturating_add(sending), sent)
                .await
                .map_err(|_| patience.timed_out(Wait::Idle))?
                .map_err(|error| transport_error(&location, error))?;
        let answer = Answer { response, location, round_trip: began.elapsed(), pace: Pace::default() };
        answer.refuse_coding()?;
        Ok(answer)
    }

    fn transport(&self, target: &Url) -> Result<&reqwest::Client, FetchError> {
        let broken = |reason: String| FetchError::Transport { location: target.to_string(), reason, transient: false };
        if let Some(variable) = unusable_proxy() {
            return Err(broken(format!("{variable} does not name an http or https proxy")));
        }
        // A proxy may be spoken to by TLS whatever it is asked for.
        let is_plain = target.scheme() == "http" && proxies().next().is_none();
        let made = if is_plain { &self.plain } else { &self.secure };
        if let Some(transport) = made.get() {
            return Ok(transport);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(error.to_string()))?
            .with_root_certificates(if is_plain { Arc::new(RootCertStore::empty()) } else { roots() })
            .with_no_client_auth();
        let built = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.access.limits.connect)
            .user_agent(concat!("goverify/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| broken(chain(&error)))?;
        Ok(made.get_or_init(|| built))
    }
}

/// The variables that name a proxy, with their values.
fn proxies() -> impl Iterator<Item = (&'static str, OsString)> {
    let value = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    PROXY_VARIABLES.into_iter().filter_map(move |name| Some((name, value(name)?)))
}

/// A variable that names a proxy which the transport would pass over in silence, or has no way to speak to. Its value
/// may hold a password, so it is not repeated.
fn unusable_proxy() -> Option<&'static str> {
    let usable = |value: &str| {
        value.parse().is_ok_and(|proxy: http::Uri| {
            matches!(proxy.scheme_str(), None | Some("http" | "https")) && proxy.host().is_some_and(|h| !h.is_empty())
        })
    };
    proxies().find(|(_, value)| !value.to_str().is_some_and(usable)).map(|(name, _)| name)
}

/// Read once for all clients.
fn roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Arc::new(roots)
    };
    Arc::clone(ROOTS.get_or_init(read))
}

/// The head of an answer, whose body is yet to be read.
#[derive(Debug)]
pub(super) struct Answer {
    response: reqwest::Response,
    location: String,
    round_trip: Duration,
    pace: Pace,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The status and the headers, without the body.
    pub(super) fn head(&self) -> http::Response<()> {
        let mut head = http::Response::new(());
        *head.status_mut() = self.response.status();
        head.headers_mut().clone_from(self.response.headers());
        head
    }

    /// A header's value, when it is there once and is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.response.headers().get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// Where it is from, after all redirects.
    pub(super) fn url(&self) -> &Url {
        self.response.url()
    }

    /// From the request, redirects not counted, to this head; a new connection is in it.
    pub(super) fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// Whether a 206 is what was asked for: one part, from its offset to its end in `size` bytes, of the same entity.
    pub(super) fn continues(&self, asked: &Continuation, size: u64) -> bool {
        let end = asked.end.unwrap_or(size);
        let range = self.header("content-range").and_then(content_range);
        range == end.checked_sub(1).map(|last| (asked.offset, last, size))
            && self.content_length().is_none_or(|length| Some(length) == end.checked_sub(asked.offset))
            && self.header("etag").is_none_or(|etag| etag == asked.etag)
            && !self.media_type().starts_with("multipart/")
    }

    /// The announced length of the body.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The media type, without parameters, in lower case.
    pub(super) fn media_type(&self) -> String {
        let value = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// What the status says, as an error.
    pub(super) fn status_error(&self) -> FetchError {
        let asked = self.header(RETRY_AFTER.as_str());
        FetchError::Status {
            location: self.location.clone(),
            status: self.status(),
            retry_after: asked.and_then(|value| retry_after(value, SystemTime::now())),
        }
    }

    fn refuse_coding(&self) -> Result<(), FetchError> {
        for (field, plain) in [(CONTENT_ENCODING, "identity"), (TRANSFER_ENCODING, "chunked")] {
            for value in self.response.headers().get_all(field) {
                if !value.as_bytes().eq_ignore_ascii_case(plain.as_bytes()) {
                    let coding = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    return Err(FetchError::ContentCoding { location: self.location.clone(), coding });
                }
            }
        }
        Ok(())
    }

    /// The body, or its first `limit_bytes` and one more.
    pub(super) async fn read(&mut self, patience: &Patience<'_>, limit_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let most = usize::try_from(limit_bytes).unwrap_or(usize::MAX).saturating_add(1);
        let expected = self.content_length().unwrap_or(limit_bytes);
        let mut bytes = Vec::new();
        while bytes.len() < most
            && let Some(chunk) = self.next_chunk(patience, bytes.len() as u64, expected).await?
        {
            bytes.extend_from_slice(&chunk);
        }
        bytes.truncate(most);
        Ok(bytes)
    }

    /// The next bytes of the body, or its end; `arrived` of `expected` bytes are there already.
    pub(super) async fn next_chunk(
        &mut self,
        patience: &Patience<'_>,
        arrived: u64,
        expected: u64,
    ) -> Result<Option<Bytes>, FetchError> {
        let began = Instant::now();
        let chunk = timeout(patience.limits.idle, self.response.chunk()).await;
        let chunk = chunk.map_err(|_| patience.timed_out(Wait::Idle))?.map_err(|error| {
            let ended = causes(&error).any(|cause| {
                cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
            });
            if ended {
                FetchError::Truncated { location: self.location.clone(), expected, actual: arrived }
            } else {
                transport_error(&self.location, error)
            }
        })?;
        if chunk.as_ref().is_some_and(|chunk| self.pace.too_slow(patience.limits, began.elapsed(), chunk.len())) {
            return Err(patience.timed_out(Wait::Slow));
        }
        Ok(chunk)
    }
}

fn transport_error(location: &str, error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let transient = !causes(&error).any(|cause| cause.is::<rustls::Error>());
    FetchError::Transport { location: location.to_owned(), reason: chain(&error), transient }
}

/// What caused an error; `io::Error::source` skips the error that it wraps, so that is looked into as well.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        }
    })
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        let cause = cause.to_string();
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    // A certificate's names are a stranger's words.
    text.retain(|c| !c.is_control());
    text
}
