//! The signature that a mirror has for an archive, asked for as early as its name is known.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{Either, LocalBoxFuture, ready, select};
use goverify::fetch::{FetchError, Mirror};
use goverify::release::{ArchiveFormat, ArchiveName};
use goverify::trust::SIGNATURE_SIZE_LIMIT_BYTES;

/// How old a request may be that has rested since the index came, as while this process waits for another. Its patience
/// is counted from its beginning, and a server's, too.
const REST: Duration = Duration::from_secs(20);

/// An answer that is on its way: the signature's text, or that there is none.
pub(crate) struct Requested {
    archive: ArchiveName,
    since: Instant,
    answer: LocalBoxFuture<'static, Result<Option<Vec<u8>>, FetchError>>,
}

impl Requested {
    /// Will ask, once it is awaited, for the signature of `archive`; `None` for a `.zip`, for which none was ever published.
    pub(crate) fn of(archive: &ArchiveName, mirror: &Arc<Mirror>) -> Option<Self> {
        if archive.format() == ArchiveFormat::Zip {
            return None;
        }
        let (name, mirror) = (file_name(archive), Arc::clone(mirror));
        let answer = async move { mirror.companion(&name, SIGNATURE_SIZE_LIMIT_BYTES).await };
        Some(Self { archive: archive.clone(), since: Instant::now(), answer: answer.boxed_local() })
    }

    /// Whether it is this archive's, and can still be awaited.
    pub(crate) fn is_of(&self, archive: &ArchiveName) -> bool {
        self.archive == *archive && self.since.elapsed() < REST
    }

    /// Awaits what it says.
    pub(crate) async fn answer(self) -> Result<Option<Vec<u8>>, FetchError> {
        self.answer.await
    }
}

/// The name of the file that holds an archive's signature.
pub(crate) fn file_name(archive: &ArchiveName) -> String {
    format!("{archive}.asc")
}

/// Awaits `index`, while the signature is on its way, too; whatever has come of that until then.
pub(crate) async fn beside_the_index<T>(
    index: impl Future<Output = T>,
    requested: Option<Requested>,
) -> (T, Option<Requested>) {
    let index = pin!(index);
    let Some(Requested { archive, since, answer }) = requested else { return (index.await, None) };
    let (index, answer) = match select(index, answer).await {
        Either::Left((index, answer)) => (index, answer),
        Either::Right((answer, index)) => (index.await, ready(answer).boxed_local()),
    };
    (index, Some(Requested { archive, since, answer }))
}
