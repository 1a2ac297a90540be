//! Whom the files of a mirror are asked from. Both answer in HTTP's terms, so all that follows an answer is shared.

use super::FetchError;
use super::http::{Answer, Client, Url};
use super::object::Bucket;
use super::resume::Continuation;
use super::retry::Patience;

#[derive(Debug)]
pub(super) enum Source {
    /// A web server.
    Web(Client),
    /// An object store, by its own protocol.
    Object(Bucket),
}

impl Source {
    pub(super) fn client(&self) -> &Client {
        match self {
            Self::Web(client) => client,
            Self::Object(bucket) => &bucket.client,
        }
    }

    /// The head of the answer to a request for a file, or a part of one.
    pub(super) async fn open(
        &self,
        url: &Url,
        patience: &Patience<'_>,
        continuation: Option<&Continuation>,
    ) -> Result<Answer, FetchError> {
        match self {
            Self::Web(client) => client.open(url, patience, continuation).await,
            Self::Object(bucket) => bucket.open(url, continuation).await,
        }
    }
}
