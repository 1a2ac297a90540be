//! One archive over HTTP: attempts, each of which feeds a fresh consumer from the first byte.
//!
//! - Exactly the index's size must arrive. An announced length that differs is final before the body is read; a body
//!   that goes on is final at its first byte too many; one that ends early is tried again, or continued.
//! - The consumer's result counts when the transfer is complete, or when the consumer wants no more; a failed transfer
//!   throws it away. Its thread is always awaited, and its panic is passed on.
//! - A partial download is removed once it is complete or refused, and stays when the network failed or the job was
//!   stopped. Where this part of the job was called off, only what an earlier run had left stays.

use std::io::BufRead;
use std::path::Path;

use tokio::sync::mpsc::Sender;
use tokio::task::spawn_blocking;

use super::FetchError;
use super::bridge::{Frame, bridge};
use super::http::{Answer, Url};
use super::lanes::{Ahead, Download};
use super::resume::Partial;
use super::retry::Patience;
use super::source::Source;
use crate::events::{Event, Watch};
use crate::release::ReleaseFile;

/// Downloads `file` from `url` through `consume`.
pub(super) async fn download<T, F>(
    source: &Source,
    url: &Url,
    file: &ReleaseFile,
    partials: Option<&Path>,
    watch: &Watch,
    consume: F,
) -> Result<T, FetchError>
where
    F: Fn(&mut dyn BufRead) -> T + Send + Sync + Clone + 'static,
    T: Send + 'static,
{
    let _download = source.client().begin_download();
    let patience = Patience::new(source.client().limits(), watch, url.as_str());
    let partial = partials.and_then(|folder| Partial::open(folder, file.sha256(), url.as_str()));
    let download = Download { source, url, size: file.size_bytes(), patience: &patience };
    let mut attempt = Attempt { download, partial, in_one_piece: partials.is_none() };
    let result = patience
        .persist(async || {
            watch.tell(Event::Receiving { name: file.name().to_string(), size_bytes: Some(file.size_bytes()) });
            attempt.run(consume.clone()).await
        })
        .await;
    if let Some(partial) = attempt.partial {
        let wanted = partial.is_found() || !watch.is_called_off();
        partial.close(wanted && result.as_ref().is_err_and(FetchError::leaves_partial));
    }
    result
}

/// What all attempts share.
struct Attempt<'a> {
    download: Download<'a>,
    partial: Option<Partial>,
    /// Whether there must be no lanes: they are not wished for, or there were some.
    in_one_piece: bool,
}

impl Attempt<'_> {
    async fn run<T, F>(&mut self, consume: F) -> Result<T, FetchError>
    where
        F: Fn(&mut dyn BufRead) -> T + Send + 'static,
        T: Send + 'static,
    {
        let patience = self.download.patience;
        let (answer, kept) = patience.bound(self.open()).await?;
        let (sender, mut reader) = bridge();
        let consumer = spawn_blocking(move || consume(&mut reader));
        let pumped = patience.bound(self.pump(answer, kept, &sender)).await;
        if pumped.is_err() {
            // Where the channel is full, its closing says the same.
            let _ = sender.try_send(Frame::Failed);
        }
        drop(sender);
        match consumer.await {
            Ok(value) => pumped.map(|()| value),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(FetchError::Interrupted),
            },
        }
    }

    /// The head of an answer that can be used, and how many kept bytes it continues.
    async fn open(&mut self) -> Result<(Answer, u64), FetchError> {
        let Download { source, url, size, patience } = self.download;
        let continuation = self.partial.as_ref().and_then(|partial| partial.continuation(size));
        let answer = source.open(url, patience, continuation.as_ref()).await?;
        let location = patience.location();
        match (answer.status(), continuation) {
            (200, _) => {}
            (206, Some(continuation)) if answer.continues(&continuation, size) => {
                patience.watch.tell(Event::Resuming { bytes: continuation.offset });
                return Ok((answer, continuation.offset));
            }
            // An object store is asked for a range of this very entity, and has another one.
            (206 | 412 | 416, continuation) => {
                self.forget(None);
                return Err(FetchError::Range { location, offset: continuation.map_or(0, |c| c.offset) });
            }
            (404 | 410, _) => return Err(FetchError::NotPublished { location }),
            _ => return Err(answer.status_error()),
        }
        if matches!(answer.media_type().as_str(), "text/html" | "application/xhtml+xml") {
            return Err(FetchError::Html { location });
        }
        if let Some(announced) = answer.content_length().filter(|length| *length != size) {
            return Err(FetchError::AnnouncedSize { location, expected: size, announced });
        }
        self.forget(answer.header("etag"));
        Ok((answer, 0))
    }

    fn forget(&mut self, etag: Option<&str>) {
        if let Some(partial) = &mut self.partial {
            partial.restart(etag);
        }
    }

    /// Sends the kept bytes and the body across the bridge, until the end or until nobody listens any more.
    async fn pump(&mut self, answer: Answer, kept: u64, sender: &Sender<Frame>) -> Result<(), FetchError> {
        let Download { size, patience, .. } = self.download;
        let mut ahead = Ahead::of(self.download, &answer, self.in_one_piece);
        let mut first = Some(answer);
        let mut arrived = 0;
        loop {
            let chunk = match &mut self.partial {
                Some(partial) if arrived < kept => partial.kept(arrived).map(Some).map_err(|_| {
                    partial.restart(None);
                    FetchError::Range { location: patience.location(), offset: kept }
                })?,
                _ => tokio::select! {
                    chunk = ahead.next(&mut first, arrived) => chunk?,
                    () = sender.closed() => return self.deserted(),
                },
            };
            let Some(chunk) = chunk else { break };
            let after = arrived + chunk.len() as u64;
            if after > size {
                return Err(FetchError::Overlong { location: patience.location(), expected: size });
            }
            if arrived >= kept {
                let backlog = sender.max_capacity() - sender.capacity();
                self.in_one_piece |= ahead.judge(chunk.len(), after, backlog);
                if let Some(partial) = &mut self.partial {
                    partial.append(&chunk);
                }
            }
            arrived = after;
            if ahead.beside(sender.send(Frame::Chunk(chunk))).await.is_err() {
                return self.deserted();
            }
            patience.watch.tell(Event::Received { bytes: arrived });
        }
        if arrived < size {
            return Err(FetchError::Truncated { location: patience.location(), expected: size, actual: arrived });
        }
        // Whether somebody still waits for the end is the consumer's business.
        let _ = sender.send(Frame::End).await;
        Ok(())
    }

    /// The consumer wants no more: since it has seen enough, or since it noticed a wish to stop before we did.
    fn deserted(&self) -> Result<(), FetchError> {
        if self.download.patience.watch.is_cancelled() { Err(FetchError::Interrupted) } else { Ok(()) }
    }
}
