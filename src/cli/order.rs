//! One archive that was chosen from an index: how to get it, and the proofs that it needs.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use goverify::archive::{Keep, SignatureHash, UnverifiedArchive, receive};
use goverify::error::Code;
use goverify::events::{Event, Watch};
use goverify::fetch::Mirror;
use goverify::install::{Durability, Occupied};
use goverify::release::{ArchiveName, ReleaseFile};
use goverify::trust::{
    Authenticator, DetachedSignature, DigestSource, Expectation, ExpectedDigest, Keyring, SIGNATURE_SIZE_LIMIT_BYTES,
    VerifiedArchive, verify,
};

use super::args::Fetch;
use super::failure::Failure;
use super::json::{self, Outcome};
use super::runtime;

/// All that is known before the archive's first byte.
pub(crate) struct Order {
    pub(crate) arguments: Fetch,
    pub(crate) mirror: Mirror,
    pub(crate) file: ReleaseFile,
    pub(crate) keyring: Keyring,
    pub(crate) watch: Watch,
}

impl Order {
    pub(crate) fn choices(&self) -> (Occupied, Durability) {
        let occupied = if self.arguments.force { Occupied::Replace } else { Occupied::Refuse };
        let durability = if self.arguments.no_sync { Durability::Unsynced } else { Durability::Synced };
        (occupied, durability)
    }
}

/// What receiving an archive takes beside its bytes.
#[derive(Clone)]
pub(crate) struct Job {
    name: ArchiveName,
    algorithms: Vec<SignatureHash>,
    watch: Watch,
}

impl Job {
    pub(crate) fn receive<K: Keep>(&self, input: &mut dyn Read, keep: K) -> Result<UnverifiedArchive<K>, Failure> {
        let received = receive(input, &self.name, &self.algorithms, keep, &self.watch);
        received.map_err(|error| Failure::of(&self.name.to_string(), &error))
    }
}

/// Downloads the archive and checks it on the way; `consume` receives it, anew for each attempt.
///
/// Bytes kept from an earlier run may have suffered since, in a power cut for one. An archive that is made of them and
/// rejected is downloaded once more as a whole, so that only what the mirror has now is ever called rejected.
pub(crate) async fn download_and_verify<K: Send + 'static>(
    order: &Order,
    consume: impl Fn(&mut dyn Read, &Job) -> Result<UnverifiedArchive<K>, Failure> + Clone + Send + Sync + 'static,
    outcome: &mut Outcome,
) -> Result<VerifiedArchive<K>, Failure> {
    let signature = published_signature(order).await?;
    let resumed = Arc::new(AtomicBool::new(false));
    let saw = Arc::clone(&resumed);
    let watch = order.watch.with(move |event| {
        if matches!(event, Event::Resuming { .. }) {
            saw.store(true, Ordering::Relaxed);
        }
    });
    let partials = partials();
    let first = attempt(order, &signature, consume.clone(), partials.as_deref(), &watch, outcome).await;
    match first {
        Err(failure) if failure.code.is_rejection() && resumed.load(Ordering::Relaxed) => {
            order.watch.tell(Event::Retrying { reason: "the continued download is not the archive".to_owned() });
            attempt(order, &signature, consume, None, &order.watch, outcome).await
        }
        result => result,
    }
}

async fn attempt<K: Send + 'static>(
    order: &Order,
    signature: &Option<DetachedSignature>,
    consume: impl Fn(&mut dyn Read, &Job) -> Result<UnverifiedArchive<K>, Failure> + Clone + Send + Sync + 'static,
    partials: Option<&Path>,
    watch: &Watch,
    outcome: &mut Outcome,
) -> Result<VerifiedArchive<K>, Failure> {
    let algorithms = signature.as_ref().map(DetachedSignature::hashes).unwrap_or_default();
    let job = Job { name: order.file.name().clone(), algorithms, watch: order.watch.clone() };
    let consume = move |mut input: &mut dyn BufRead| consume(&mut input, &job);
    let received = order.mirror.download(&order.file, partials, watch, consume).await??;
    let mut digests = vec![ExpectedDigest { sha256: *order.file.sha256(), source: DigestSource::Index }];
    digests.extend(order.arguments.sha256.map(|sha256| ExpectedDigest { sha256, source: DigestSource::User }));
    let expectation = Expectation { digests, size_bytes: Some(order.file.size_bytes()) };
    let by = match signature {
        Some(signature) => Authenticator::Signature { signature, keyring: &order.keyring },
        None => Authenticator::DigestOnly,
    };
    let verdict = verify(received, &expectation, by);
    outcome.checks = verdict.checks.iter().map(json::check).chain([json::transparency_not_requested()]).collect();
    let verified = verdict.outcome.map_err(|error| Failure::of(&order.file.name().to_string(), &error))?;
    outcome.trust = Some(verified.trust().as_str());
    Ok(verified)
}

/// The signature that the mirror has. `--unsigned` allows that there is none; one that is there still has to hold.
async fn published_signature(order: &Order) -> Result<Option<DetachedSignature>, Failure> {
    let name = format!("{}.asc", order.file.name());
    let companion = order.mirror.companion(&name, SIGNATURE_SIZE_LIMIT_BYTES);
    match runtime::until_cancelled(&order.watch, companion).await? {
        Some(text) => Ok(Some(DetachedSignature::parse(&text).map_err(|error| Failure::of(&name, &error))?)),
        None if order.arguments.unsigned => Ok(None),
        None => {
            let message = format!("{}: no signature at {}", order.file.name(), order.mirror.location(&name));
            Err(Failure::new(Code::SignatureNotPublished, message))
        }
    }
}

/// Where interrupted downloads wait to be continued; nowhere when no such folder is known.
fn partials() -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(absolute);
    let cache = cache.or_else(|| std::env::home_dir().filter(absolute).map(|home| home.join(".cache")))?;
    Some(cache.join("goverify"))
}
