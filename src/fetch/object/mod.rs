//! Object stores: Amazon's S3 and what speaks its protocol, Google's and Azure's. The only folder that names object_store.
//!
//! - `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`; whoever is asked, and with whose rights, comes from
//!   the stores' usual variables (`AWS_*`, `GOOGLE_*`, `AZURE_*`), or from the machine's own metadata service.
//! - The crate knows how requests are written and signed; they are sent by `http.rs` (`transport.rs`), so TLS, proxies,
//!   codings, patience and `--offline` are as for any mirror, and no redirect is followed. Plain http needs the stores'
//!   own leave: `AWS_ALLOW_HTTP=true` and its kin.
//! - Its own retries are off: attempts are made as for any mirror.
//! - A file is read as from a web server, in ranges under `If-Match`; see `source.rs`.
//! - A store's listing, or any answer that is not a file, is at most [`transport::ANSWER_SIZE_LIMIT_BYTES`].

mod deposit;
mod failure;
mod transport;

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, RetryConfig};

pub use deposit::ObjectDeposit;

use super::http::{Answer, Client, Url};
use super::resume::Continuation;
use super::{Access, FetchError, Limits};
use failure::failure;
use transport::{Connector, Slot};

/// The schemes of locations in object stores.
pub(super) const SCHEMES: [&str; 3] = ["s3", "gs", "az"];

/// What is asked of a store.
trait Store: ObjectStore + MultipartStore {}
impl<T: ObjectStore + MultipartStore> Store for T {}

/// A bucket, or container, of an object store.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    store: Arc<dyn Store>,
    pub(super) client: Arc<Client>,
}

impl Bucket {
    /// The bucket that a URL names.
    ///
    /// # Errors
    /// [`FetchError::Store`] when the environment does not say enough of it, or nonsense. Nothing is asked for yet.
    pub(super) fn of(url: &Url, access: &Access) -> Result<Self, FetchError> {
        let client = Arc::new(Client::new(access.clone(), None));
        let store = build(url, Connector(Arc::clone(&client)));
        let refused = |error| FetchError::Store { location: url.to_string(), reason: failure::words(&error) };
        Ok(Self { store: store.map_err(refused)?, client })
    }

    pub(super) fn limits(&self) -> &Limits {
        self.client.limits()
    }

    /// The head of the answer to a request for a file, or the rest of the very one that was begun; 412 says that it is
    /// another one by now.
    pub(super) async fn open(&self, url: &Url, continuation: Option<&Continuation>) -> Result<Answer, FetchError> {
        let slot = Slot::of(url.as_str());
        let mut options = GetOptions::default();
        options.extensions.insert(slot.clone());
        if let Some(Continuation { offset, end, etag }) = continuation {
            options.range = Some(end.map_or(GetRange::Offset(*offset), |end| GetRange::Bounded(*offset..end)));
            options.if_match = Some(etag.clone());
        }
        // Whatever the crate makes of the answer: if one came, we read it ourselves.
        let asked = self.store.get_opts(&key(url)?, options).await;
        slot.take().ok_or_else(|| match asked {
            Err(error) => failure(url.as_str(), error),
            Ok(_) => FetchError::Transport {
                location: url.to_string(),
                reason: "answered by nobody".to_owned(),
                transient: false,
            },
        })
    }
}

fn build(url: &Url, connector: Connector) -> object_store::Result<Arc<dyn Store>> {
    let once = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    Ok(match url.scheme() {
        "gs" => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str());
            Arc::new(builder.with_retry(once).with_http_connector(connector).build()?)
        }
        "az" => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str());
            Arc::new(builder.with_retry(once).with_http_connector(connector).build()?)
        }
        _ => {
            let builder = AmazonS3Builder::from_env().with_url(url.as_str());
            Arc::new(builder.with_retry(once).with_http_connector(connector).build()?)
        }
    })
}

/// The key of an object in its bucket.
fn key(url: &Url) -> Result<Path, FetchError> {
    Path::from_url_path(url.path()).map_err(|_| FetchError::Name(url.to_string()))
}
