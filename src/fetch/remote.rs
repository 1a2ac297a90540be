//! A mirror on the web or in an object store: its index, archives and companions under one base URL, or the official
//! source.
//!
//! - The index is `BASE?mode=json&include=all`, as go.dev/dl and its sister serve it. A web server of files answers
//!   that with anything else: with a status from 400 on that no retry helps, or with a page. Then it is
//!   `BASE/index.json`, which is asked for at the same time.
//! - The official source has its index at go.dev/dl/ and all files at dl.google.com/go/, and no `index.json`.
//!   An object store has no queries, so there it is `index.json` alone.
//! - 404 and 410 for a companion mean that it was never published; no other answer does.

use std::io::BufRead;
use std::path::Path;
use std::pin::pin;

use futures_util::future::{Either, select};

use super::http::{Client, Url};
use super::object::Bucket;
use super::redirect::OFFICIAL_HOSTS;
use super::retry::Patience;
use super::source::Source;
use super::{Access, FetchError, component, transfer};
use crate::events::Watch;
use crate::release::{INDEX_SIZE_LIMIT_BYTES, ReleaseFile, ReleaseIndex};

pub(super) const OFFICIAL_INDEX: &str = "https://go.dev/dl/";
const OFFICIAL_FILES: &str = "https://dl.google.com/go/";
/// All releases, not only the newest two.
const INDEX_QUERY: &str = "mode=json&include=all";

/// A mirror that is reached by HTTP.
#[derive(Debug)]
pub struct HttpMirror {
    source: Box<Source>,
    index: Url,
    files: Url,
    official: bool,
}

impl HttpMirror {
    pub(super) fn official(access: &Access) -> Result<Self, FetchError> {
        let parse =
            |url: &str| url.parse().map_err(|_| FetchError::Location { location: url.to_owned(), reason: "not a URL" });
        let (index, files) = (parse(OFFICIAL_INDEX)?, parse(OFFICIAL_FILES)?);
        let source = Box::new(Source::Web(Client::new(access.clone(), Some(OFFICIAL_HOSTS))));
        Ok(Self { source, index, files, official: true })
    }

    pub(super) fn at(base: Url, access: &Access) -> Self {
        Self::within(None, base, access)
    }

    /// At a base URL, from which redirects lead to `hosts` alone, if they are given.
    pub(super) fn within(hosts: Option<&'static [&'static str]>, base: Url, access: &Access) -> Self {
        let source = Box::new(Source::Web(Client::new(access.clone(), hosts)));
        Self { source, index: base.clone(), files: base, official: false }
    }

    /// At an object store's URL.
    pub(super) fn in_bucket(bucket: Bucket, base: Url) -> Self {
        Self { source: Box::new(Source::Object(bucket)), index: base.clone(), files: base, official: false }
    }

    /// The folder at `path` below this one.
    pub(super) fn below(&self, path: &str, access: &Access) -> Result<Self, FetchError> {
        let base = self.join(&format!("{}/", component::path(path)?))?;
        Ok(match &*self.source {
            Source::Web(_) => Self::at(base, access),
            Source::Object(bucket) => Self::in_bucket(bucket.clone(), base),
        })
    }

    pub(super) async fn index(&self) -> Result<ReleaseIndex, FetchError> {
        let file = self.url("index.json")?;
        if matches!(*self.source, Source::Object(_)) {
            return self.index_from(&file).await;
        }
        let mut url = self.index.clone();
        url.set_query(Some(INDEX_QUERY));
        let first = pin!(self.index_from(&url));
        if self.official {
            return first.await;
        }
        let (first, second) = match select(first, pin!(self.index_from(&file))).await {
            Either::Left((Err(error), second)) if says_no_index(&error) => (error, second.await),
            Either::Left((done, _)) => return done,
            Either::Right((second, first)) => match first.await {
                Err(error) if says_no_index(&error) => (error, second),
                done => return done,
            },
        };
        match second {
            // A document that is no index tells more than the absence of another.
            Err(FetchError::Status { .. }) if matches!(first, FetchError::Index { .. }) => Err(first),
            done => done,
        }
    }

    pub(super) async fn index_from(&self, url: &Url) -> Result<ReleaseIndex, FetchError> {
        let bytes = self.document(url, INDEX_SIZE_LIMIT_BYTES).await?;
        ReleaseIndex::parse(&bytes).map_err(|source| FetchError::Index { location: url.to_string(), source })
    }

    pub(super) async fn companion(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FetchError> {
        self.nested(component::component(name)?, limit_bytes).await
    }

    /// A small file at a path below the base.
    pub(super) async fn nested(&self, path: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FetchError> {
        match self.document(&self.join(component::path(path)?)?, limit_bytes).await {
            Err(FetchError::Status { status: 404 | 410, .. }) => Ok(None),
            done => done.map(Some),
        }
    }

    pub(super) fn is_official(&self) -> bool {
        self.official
    }

    pub(super) fn location(&self, name: &str) -> String {
        format!("{}{name}", self.files)
    }

    pub(super) async fn download<T, F>(
        &self,
        file: &ReleaseFile,
        partials: Option<&Path>,
        watch: &Watch,
        consume: F,
    ) -> Result<T, FetchError>
    where
        F: Fn(&mut dyn BufRead) -> T + Send + Sync + Clone + 'static,
        T: Send + 'static,
    {
        let url = self.url(&file.name().to_string())?;
        transfer::download(&self.source, &url, file, partials, watch, consume).await
    }

    fn url(&self, name: &str) -> Result<Url, FetchError> {
        self.join(component::component(name)?)
    }

    fn join(&self, path: &str) -> Result<Url, FetchError> {
        self.files.join(path).map_err(|_| FetchError::Name(path.to_owned()))
    }

    /// A whole small file, or its first `limit_bytes` and one more.
    pub(super) async fn document(&self, url: &Url, limit_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let watch = Watch::silent();
        let patience = Patience::new(self.source.client().limits(), &watch, url.as_str());
        patience
            .persist(async || {
                patience
                    .bound(async {
                        let mut answer = self.source.open(url, &patience, None).await?;
                        if answer.status() != 200 {
                            return Err(answer.status_error());
                        }
                        answer.read(&patience, limit_bytes).await
                    })
                    .await
            })
            .await
    }
}

fn says_no_index(error: &FetchError) -> bool {
    match error {
        FetchError::Index { .. } => true,
        FetchError::Status { status, .. } => (400..500).contains(status) && !error.is_transient(),
        _ => false,
    }
}
