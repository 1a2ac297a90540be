//! How requests of an object store's protocol are sent: by our own client.
//!
//! - The answer to a request that carries a [`Slot`] is put there, its body unread. All others are read whole, at most
//!   [`ANSWER_SIZE_LIMIT_BYTES`] of them.
//! - The machine's metadata service, which may hand out credentials, is waited for [`METADATA_PATIENCE`] and asked once:
//!   most machines have none.
//! - Locations in errors have no query: it may be what grants access.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use tokio::time::timeout;

use super::super::http::{Answer, Client};
use super::super::retry::Patience;
use super::failure::Carried;
use crate::events::Watch;
use crate::fetch::FetchError;

/// The largest answer that is not a file: a page of a listing has a thousand names, of some hundred bytes each.
pub(super) const ANSWER_SIZE_LIMIT_BYTES: u64 = 16 << 20;
/// How long the machine's metadata service is waited for.
const METADATA_PATIENCE: Duration = Duration::from_secs(5);
/// How the crate writes its own patience with connections to that service, which nothing else has.
const METADATA_CONNECT: &str = "1s";

/// Makes services.
#[derive(Debug)]
pub(super) struct Connector(pub(super) Arc<Client>);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let is = |key, value: &str| options.get_config_value(&key).is_some_and(|found| found == value);
        Ok(HttpClient::new(Service {
            client: Arc::clone(&self.0),
            allow_http: is(ClientConfigKey::AllowHttp, "true"),
            metadata: is(ClientConfigKey::ConnectTimeout, METADATA_CONNECT),
        }))
    }
}

/// Where an answer waits for whoever asked.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    location: String,
    answer: Arc<Mutex<Option<Answer>>>,
}

impl Slot {
    pub(super) fn of(location: &str) -> Self {
        Self { location: location.to_owned(), answer: Arc::default() }
    }

    fn put(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    pub(super) fn take(&self) -> Option<Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[derive(Debug)]
struct Service {
    client: Arc<Client>,
    allow_http: bool,
    metadata: bool,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.exchange(request).await.map_err(|error| HttpError::new(HttpErrorKind::Unknown, Carried::from(error)))
    }
}

impl Service {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let slot = request.extensions().get::<Slot>().cloned();
        let location = slot.as_ref().map_or_else(|| without_query(request.uri()), |slot| slot.location.clone());
        if request.uri().scheme_str() != Some("https") && !self.allow_http {
            return Err(FetchError::Insecure { location });
        }
        let watch = Watch::silent();
        let patience = Patience::new(self.client.limits(), &watch, &location);
        let (head, body) = request.into_parts();
        // They are in memory as they are.
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let sent = self.client.send(http::Request::from_parts(head, body), &patience);
        let mut answer = match self.metadata {
            true => no_credentials(&location, timeout(METADATA_PATIENCE, sent).await.ok())?,
            false => sent.await?,
        };
        let head = answer.head().into_parts().0;
        if let Some(slot) = slot {
            slot.put(answer);
            return Ok(HttpResponse::from_parts(head, Vec::new().into()));
        }
        // The crate would tell of these in many words. What it acts upon is its own: absence, conditions, conflicts.
        let is_plain = !self.metadata && matches!(answer.status(), 401 | 403);
        if is_plain || answer.status_error().is_transient() {
            return Err(answer.status_error());
        }
        let body = answer.read(&patience, ANSWER_SIZE_LIMIT_BYTES).await?;
        if body.len() as u64 > ANSWER_SIZE_LIMIT_BYTES {
            return Err(FetchError::Overlong { location, expected: ANSWER_SIZE_LIMIT_BYTES });
        }
        Ok(HttpResponse::from_parts(head, body.into()))
    }
}

/// What the metadata service answered; that it did not is no reason to ask it again.
fn no_credentials(location: &str, asked: Option<Result<Answer, FetchError>>) -> Result<Answer, FetchError> {
    match asked {
        Some(Err(error @ FetchError::Offline { .. })) => Err(error),
        Some(Ok(answer)) => Ok(answer),
        Some(Err(_)) | None => Err(FetchError::Transport {
            location: location.to_owned(),
            reason: "the environment has no credentials, and this machine's metadata service does not answer"
                .to_owned(),
            transient: false,
        }),
    }
}

fn without_query(uri: &http::Uri) -> String {
    let (scheme, authority) = (uri.scheme_str().unwrap_or_default(), uri.authority());
    format!("{scheme}://{}{}", authority.map_or("", |authority| authority.as_str()), uri.path())
}
