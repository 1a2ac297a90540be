//! A deposit in an object store.
//!
//! - What is up to [`PART_BYTES`] is one request. What is larger goes up in parts of that size, [`PARTS_IN_FLIGHT`] at once,
//!   and appears when the upload is completed, which it is only after the last byte was hashed and found to be the
//!   verified one's. A failed upload is taken back; one that was killed is never completed, and costs room until the
//!   store's own rule for incomplete uploads removes it.
//! - [`ObjectDeposit::update`] writes under the condition that the object is still the one that was read (`If-Match`, on
//!   Google's store its generation), or that there is none (`If-None-Match`), and starts over where it is not.
//! - Attempts are made and patience ends as for what is fetched. A request that was on its way when the job was stopped
//!   may still have its effect, which is a whole one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{
    Error as StoreError, ObjectMeta, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, PutResult, UpdateVersion,
};
use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout};

use super::super::component;
use super::super::deposit::{Deposited, LISTING_LIMIT, Stamp, blocking};
use super::super::http::{Answer, Url};
use super::super::retry::Patience;
use super::{Bucket, failure, key};
use crate::events::{Event, Watch};
use crate::fetch::FetchError;

/// The size of a part: stores take no smaller one than 5 MiB, and ten thousand of them.
const PART_BYTES: usize = 8 << 20;
/// How many parts are on their way at once, each of them in memory.
const PARTS_IN_FLIGHT: usize = 3;
/// How often an object is read and written again, since others did so in between.
const UPDATE_TRIES: u32 = 32;
/// The longest pause before that; it is a random part of it, so that two do not meet for ever.
const UPDATE_PAUSE: Duration = Duration::from_millis(500);
/// How long is tried to take back an upload.
const ABORT_PATIENCE: Duration = Duration::from_secs(10);

/// A deposit below a prefix of an object store's bucket.
#[derive(Clone, Debug)]
pub struct ObjectDeposit {
    bucket: Bucket,
    base: Url,
}

impl ObjectDeposit {
    pub(in crate::fetch) fn at(bucket: Bucket, base: Url) -> Self {
        Self { bucket, base }
    }

    pub(in crate::fetch) fn location(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// An object's URL.
    fn url(&self, path: &str) -> Result<Url, FetchError> {
        self.base.join(component::path(path)?).map_err(|_| FetchError::Name(path.to_owned()))
    }

    pub(in crate::fetch) async fn list(&self, below: &str, watch: &Watch) -> Result<Vec<Deposited>, FetchError> {
        let url = if below.is_empty() { self.base.clone() } else { self.url(below)? };
        let (root, prefix) = (key(&self.base)?, key(&url)?);
        self.persist(&url, watch, async || {
            let mut listed = Vec::new();
            let mut found = self.bucket.store.list(Some(&prefix));
            while let Some(meta) = found.next().await {
                let meta = meta.map_err(|error| failure(url.as_str(), error))?;
                let Some(path) = below_root(&root, &meta.location) else { continue };
                listed.push(Deposited { path, size_bytes: meta.size, stamp: stamp(&meta) });
                if listed.len() > LISTING_LIMIT {
                    let reason = "more than a mirror holds".to_owned();
                    return Err(FetchError::Transport { location: url.to_string(), reason, transient: false });
                }
            }
            listed.sort_by(|one, other| one.path.cmp(&other.path));
            Ok(listed)
        })
        .await
    }

    pub(in crate::fetch) async fn find(&self, path: &str) -> Result<Option<Deposited>, FetchError> {
        let url = self.url(path)?;
        let key = key(&url)?;
        let quiet = Watch::silent();
        let found = self.persist(&url, &quiet, async || match self.bucket.store.head(&key).await {
            Err(StoreError::NotFound { .. }) => Ok(None),
            found => found.map(Some).map_err(|error| failure(url.as_str(), error)),
        });
        let deposited =
            |meta: ObjectMeta| Deposited { path: path.to_owned(), size_bytes: meta.size, stamp: stamp(&meta) };
        Ok(found.await?.map(deposited))
    }

    pub(in crate::fetch) async fn read(&self, path: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FetchError> {
        Ok(self.read_version(path, limit_bytes, &Watch::silent()).await?.map(|(bytes, _)| bytes))
    }

    /// A small object, and what tells it from those that may come after it.
    async fn read_version(
        &self,
        path: &str,
        limit_bytes: u64,
        watch: &Watch,
    ) -> Result<Option<(Vec<u8>, UpdateVersion)>, FetchError> {
        let url = self.url(path)?;
        let patience = Patience::new(self.bucket.limits(), watch, url.as_str());
        self.persist(&url, watch, async || {
            let Some(mut answer) = self.opened(&url).await? else { return Ok(None) };
            let header = |name| answer.header(name).map(str::to_owned);
            let version = UpdateVersion { e_tag: header("etag"), version: header("x-goog-generation") };
            Ok(Some((answer.read(&patience, limit_bytes).await?, version)))
        })
        .await
    }

    /// The answer that an object comes with, if there is one.
    async fn opened(&self, url: &Url) -> Result<Option<Answer>, FetchError> {
        let answer = self.bucket.open(url, None).await?;
        match answer.status() {
            200 => Ok(Some(answer)),
            404 => Ok(None),
            _ => Err(answer.status_error()),
        }
    }

    pub(in crate::fetch) async fn open(&self, path: &str, watch: &Watch) -> Result<Option<File>, FetchError> {
        let url = self.url(path)?;
        let patience = Patience::new(self.bucket.limits(), watch, url.as_str());
        self.persist(&url, watch, async || {
            let Some(mut answer) = self.opened(&url).await? else { return Ok(None) };
            let unwritable = |error: io::Error| FetchError::spool(&url, error);
            let (mut file, mut arrived) = (tempfile::tempfile().map_err(unwritable)?, 0);
            let expected = answer.content_length().unwrap_or_default();
            while let Some(chunk) = answer.next_chunk(&patience, arrived, expected).await? {
                file.write_all(&chunk).map_err(unwritable)?;
                arrived += chunk.len() as u64;
            }
            file.seek(SeekFrom::Start(0)).map_err(unwritable)?;
            Ok(Some(file))
        })
        .await
    }

    pub(in crate::fetch) async fn put(
        &self,
        path: &str,
        content: Vec<u8>,
        watch: &Watch,
    ) -> Result<Deposited, FetchError> {
        let size_bytes = content.len() as u64;
        let result = self.put_whole(&self.url(path)?, content.into(), watch).await?;
        Ok(put_at(path, size_bytes, result))
    }

    async fn put_whole(&self, url: &Url, content: Bytes, watch: &Watch) -> Result<PutResult, FetchError> {
        let key = key(url)?;
        self.persist(url, watch, async || {
            let put = self.bucket.store.put(&key, PutPayload::from(content.clone())).await;
            put.map_err(|error| failure(url.as_str(), error))
        })
        .await
    }

    pub(in crate::fetch) async fn put_file(
        &self,
        path: &str,
        content: File,
        sha256: [u8; 32],
        watch: &Watch,
    ) -> Result<Deposited, FetchError> {
        let url = self.url(path)?;
        let parts = Parts::of(content, sha256);
        let (first, parts) = parts.next(&url).await?;
        if first.len() < PART_BYTES {
            parts.check(&url)?;
            let size_bytes = first.len() as u64;
            watch.tell(Event::Deposited { bytes: size_bytes });
            let result = self.put_whole(&url, first, watch).await?;
            return Ok(put_at(path, size_bytes, result));
        }
        let key = key(&url)?;
        let id = self.persist(&url, watch, async || {
            self.bucket.store.create_multipart(&key).await.map_err(|error| failure(url.as_str(), error))
        });
        let id = id.await?;
        let upload = Upload { deposit: self, url: &url, key: &key, id: &id, watch };
        let done = upload.run(first, parts).await;
        if done.is_err() {
            // What is not taken back was not completed either.
            let _ = timeout(ABORT_PATIENCE, self.bucket.store.abort_multipart(&key, &id)).await;
        }
        let (result, size_bytes) = done?;
        Ok(put_at(path, size_bytes, result))
    }

    pub(in crate::fetch) async fn update<E: From<FetchError>>(
        &self,
        path: &str,
        limit_bytes: u64,
        watch: &Watch,
        mut merge: impl FnMut(Option<&[u8]>) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let url = self.url(path)?;
        let key = key(&url)?;
        for _ in 0..UPDATE_TRIES {
            let found = self.read_version(path, limit_bytes, watch).await?;
            let (current, mode) = match found {
                Some((bytes, version)) => (Some(bytes), PutMode::Update(version)),
                None => (None, PutMode::Create),
            };
            let merged = merge(current.as_deref())?;
            if current.is_some_and(|current| current == merged) {
                return Ok(false);
            }
            let payload = PutPayload::from(merged);
            let written = self.persist(&url, watch, async || {
                let options = PutOptions::from(mode.clone());
                match self.bucket.store.put_opts(&key, payload.clone(), options).await {
                    Ok(_) => Ok(true),
                    Err(StoreError::Precondition { .. } | StoreError::AlreadyExists { .. }) => Ok(false),
                    Err(error) => Err(failure(url.as_str(), error)),
                }
            });
            if written.await? {
                return Ok(true);
            }
            sleep(UPDATE_PAUSE.mul_f64(fastrand::f64())).await;
        }
        Err(FetchError::Contended { location: url.to_string() }.into())
    }

    pub(in crate::fetch) async fn remove(&self, path: &str) -> Result<bool, FetchError> {
        if self.find(path).await?.is_none() {
            return Ok(false);
        }
        let url = self.url(path)?;
        let key = key(&url)?;
        self.persist(&url, &Watch::silent(), async || match self.bucket.store.delete(&key).await {
            Ok(()) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(failure(url.as_str(), error)),
        })
        .await
    }

    /// Makes attempts, as [`Patience::persist`] does, each of them bounded.
    async fn persist<T>(
        &self,
        url: &Url,
        watch: &Watch,
        attempt: impl AsyncFn() -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let patience = Patience::new(self.bucket.limits(), watch, url.as_str());
        patience
            .persist(async || match watch.is_cancelled() {
                true => Err(FetchError::Interrupted),
                false => patience.bound(attempt()).await,
            })
            .await
    }
}

/// An upload in parts.
struct Upload<'a> {
    deposit: &'a ObjectDeposit,
    url: &'a Url,
    key: &'a Path,
    id: &'a String,
    watch: &'a Watch,
}

impl Upload<'_> {
    /// Returns what the store says of the whole object, and its size in bytes.
    async fn run(&self, first: Bytes, mut parts: Parts) -> Result<(PutResult, u64), FetchError> {
        let (mut sending, mut sent, mut bytes) = (FuturesOrdered::new(), Vec::new(), 0);
        let (mut next, mut number) = (first, 0);
        loop {
            while sending.len() < PARTS_IN_FLIGHT && !next.is_empty() {
                sending.push_back(self.send(number, next));
                (next, parts) = parts.next(self.url).await?;
                number += 1;
            }
            let Some(part) = sending.next().await else { break };
            let (part, size_bytes) = part?;
            sent.push(part);
            bytes += size_bytes;
            self.watch.tell(Event::Deposited { bytes });
        }
        parts.check(self.url)?;
        let completed = self.deposit.persist(self.url, self.watch, async || {
            let completed = self.deposit.bucket.store.complete_multipart(self.key, self.id, sent.clone()).await;
            completed.map_err(|error| failure(self.url.as_str(), error))
        });
        Ok((completed.await?, bytes))
    }

    async fn send(&self, number: usize, part: Bytes) -> Result<(PartId, u64), FetchError> {
        let sent = self.deposit.persist(self.url, self.watch, async || {
            let payload = PutPayload::from(part.clone());
            let sent = self.deposit.bucket.store.put_part(self.key, self.id, number, payload).await;
            sent.map_err(|error| failure(self.url.as_str(), error))
        });
        Ok((sent.await?, part.len() as u64))
    }
}

/// A file on its way up, hashed as it is read.
struct Parts {
    file: File,
    hash: Sha256,
    sha256: [u8; 32],
    begun: bool,
}

impl Parts {
    fn of(file: File, sha256: [u8; 32]) -> Self {
        Self { file, hash: Sha256::new(), sha256, begun: false }
    }

    /// The next part; a short one is the last, and an empty one is none.
    async fn next(mut self, url: &Url) -> Result<(Bytes, Self), FetchError> {
        let unreadable = url.clone();
        blocking(move || {
            let mut part = Vec::with_capacity(PART_BYTES);
            let rewound =
                if std::mem::replace(&mut self.begun, true) { Ok(0) } else { self.file.seek(SeekFrom::Start(0)) };
            let read = rewound.and_then(|_| (&self.file).take(PART_BYTES as u64).read_to_end(&mut part));
            read.map_err(|error| FetchError::spool(&unreadable, error))?;
            self.hash.update(&part);
            Ok((part.into(), self))
        })
        .await
    }

    /// Whether what was read is what was verified.
    fn check(self, url: &Url) -> Result<(), FetchError> {
        if <[u8; 32]>::from(self.hash.finalize()) == self.sha256 {
            return Ok(());
        }
        Err(FetchError::Changed { location: url.to_string() })
    }
}

fn below_root(root: &Path, location: &Path) -> Option<String> {
    let path = match root.as_ref() {
        "" => location.as_ref(),
        root => location.as_ref().strip_prefix(root)?.strip_prefix('/')?,
    };
    component::path(path).ok().map(str::to_owned)
}

fn stamp(meta: &ObjectMeta) -> Stamp {
    Stamp(meta.e_tag.clone().unwrap_or_else(|| meta.last_modified.to_rfc3339()))
}

fn put_at(path: &str, size_bytes: u64, result: PutResult) -> Deposited {
    Deposited { path: path.to_owned(), size_bytes, stamp: Stamp(result.e_tag.unwrap_or_default()) }
}
