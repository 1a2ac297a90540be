//! One archive that was chosen from an index: how to get it, and the proofs that it needs.

use std::io::{BufRead, Read};
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use goverify::archive::{Keep, SignatureHash, UnverifiedArchive, receive};
use goverify::error::Code;
use goverify::events::{Event, Watch};
use goverify::fetch::Mirror;
use goverify::install::{Durability, Occupied};
use goverify::lockfile::{LockFile, Pin};
use goverify::release::{ArchiveFormat, ArchiveName, ReleaseFile, Selector};
use goverify::trust::{
    Absence, Authenticator, DetachedSignature, DigestSource, Expectation, ExpectedDigest, Keyring, Sumdb, Transparency,
    TrustError, VerifiedArchive, transparency_check, verify,
};

use super::args::{Common, RequiredCheck, Source};
use super::disagreement::{Disagreement, Setback};
use super::failure::Failure;
use super::json::{self, Outcome};
use super::signature::{self, Requested};
use super::transparency::{self, Answer, Effort, MIRROR_PATIENCE, cache};
use super::{list, lock, runtime};

/// The pause before a log that could not be reached is asked again.
const LOG_PAUSE: Duration = Duration::from_secs(1);
/// How long the log is waited for once the archive is there and does not depend on it: five seconds for itself, after
/// what a mirror may have taken before it.
const LOG_GRACE: Duration = MIRROR_PATIENCE.saturating_add(Duration::from_secs(5));
/// The same where it does depend on it.
const LOG_PATIENCE: Duration = Duration::from_secs(300);

/// What is asked of an archive beyond what always is, and what is not.
#[derive(Clone, Default)]
pub(crate) struct Demands {
    pub(crate) require: Vec<RequiredCheck>,
    pub(crate) unsigned: bool,
    pub(crate) sha256: Option<[u8; 32]>,
    /// What a lock file says of archives.
    pub(crate) lock: Option<Arc<LockFile>>,
}

/// How what was verified is put where it belongs.
#[derive(Clone, Copy)]
pub(crate) struct Placing {
    pub(crate) occupied: Occupied,
    pub(crate) durability: Durability,
    pub(crate) lock_timeout: Duration,
}

/// All that is known before the archive's first byte.
pub(crate) struct Order {
    pub(crate) demands: Demands,
    pub(crate) placing: Placing,
    pub(crate) source: Source,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) file: ReleaseFile,
    /// The signature, where it was asked for together with the index.
    pub(crate) requested: Option<Requested>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) sumdb: Sumdb,
    pub(crate) common: Common,
    pub(crate) watch: Watch,
}

impl Order {
    /// Looks the same archive up in the index as it is now.
    async fn look_up_again(&self) -> Result<ReleaseFile, Failure> {
        let index = list::index(&self.source, &self.mirror, &self.common, &self.watch).await?;
        let name = self.file.name();
        Ok(index.select(&Selector::Exact(*name.version()))?.file(name.target())?)
    }

    fn expect(&mut self, file: ReleaseFile, outcome: &mut Outcome) {
        self.file = file;
        if let Some(archive) = &mut outcome.archive {
            archive.expect(&self.file);
        }
    }

    pub(crate) fn requires(&self, check: RequiredCheck) -> bool {
        self.demands.require.contains(&check)
    }

    /// Whether the archive is nothing without the log's record.
    pub(crate) fn rests_on_log(&self) -> bool {
        let unsigned_format = self.file.name().format() == ArchiveFormat::Zip && !self.demands.unsigned;
        unsigned_format || self.requires(RequiredCheck::Transparency)
    }
}

/// What receiving an archive takes beside its bytes.
#[derive(Clone)]
pub(crate) struct Job {
    name: ArchiveName,
    /// Known when the signature is, which comes while the archive is asked for; `None` where it does not come.
    algorithms: Arc<OnceLock<Option<Vec<SignatureHash>>>>,
    watch: Watch,
}

impl Job {
    pub(crate) fn receive<K: Keep>(&self, input: &mut dyn Read, keep: K) -> Result<UnverifiedArchive<K>, Failure> {
        let Some(algorithms) = self.algorithms.wait() else {
            return Err(Failure::new(Code::Interrupted, "the signature could not be had"));
        };
        let received = receive(input, &self.name, algorithms, keep, &self.watch);
        received.map_err(|error| Failure::of(&self.name.to_string(), &error))
    }
}

/// Downloads the archive and checks it on the way; `consume` receives it, anew for each attempt. Meanwhile the log is
/// asked, so that it costs no time.
///
/// On the day of a release a mirror on the web may hold files of two moments: where they do not belong together, index,
/// signature and archive are fetched once more, and what is said of them then is final. So are bytes that an earlier
/// run kept and that may have suffered since, in a power cut for one: only what the mirror has now is ever called
/// rejected. Nothing that merely fails to arrive in the second round hides what the first one found; an archive that
/// does arrive is judged anew, whatever the first one was.
pub(crate) async fn download_and_verify<K: Send + 'static>(
    order: &mut Order,
    consume: impl Fn(&mut dyn Read, &Job) -> Result<UnverifiedArchive<K>, Failure> + Clone + Send + Sync + 'static,
    outcome: &mut Outcome,
) -> Result<VerifiedArchive<K>, Failure> {
    let resumed = Arc::new(AtomicBool::new(false));
    let saw = Arc::clone(&resumed);
    let watch = order.watch.with(move |event| {
        if matches!(event, Event::Resuming { .. }) {
            saw.store(true, Ordering::Relaxed);
        }
    });
    let partials = cache();
    let requested = order.requested.take().filter(|requested| requested.is_of(order.file.name()));
    let first = match round(order, requested, consume.clone(), partials.as_deref(), &watch, outcome).await {
        Ok(verified) => return Ok(verified),
        Err(setback) => setback,
    };
    let reason = match first.disagreement {
        _ if first.is_final => return Err(first.named()),
        Some(disagreement) if matches!(*order.mirror, Mirror::Http(_) | Mirror::Object(_)) => disagreement.to_string(),
        _ if first.failure.code.is_rejection() && resumed.load(Ordering::Relaxed) => {
            "the continued download is not the archive".to_owned()
        }
        _ => return Err(first.named()),
    };
    order.watch.tell(Event::Retrying { reason });
    let earlier = order.file.clone();
    let second = match order.look_up_again().await {
        Ok(file) => {
            order.expect(file, outcome);
            let watch = order.watch.clone();
            round(order, None, consume, None, &watch, outcome).await
        }
        Err(failure) => Err(failure.into()),
    };
    second.map_err(|second| {
        let counts = second.judged || second.failure.code.is_rejection();
        if counts || second.failure.code == Code::Interrupted {
            return second.named();
        }
        order.expect(earlier, outcome);
        first.named()
    })
}

/// Fetches signature, record and archive, and judges them.
async fn round<K: Send + 'static>(
    order: &Order,
    requested: Option<Requested>,
    consume: impl Fn(&mut dyn Read, &Job) -> Result<UnverifiedArchive<K>, Failure> + Clone + Send + Sync + 'static,
    partials: Option<&Path>,
    watch: &Watch,
    outcome: &mut Outcome,
) -> Result<VerifiedArchive<K>, Setback> {
    let download = signature_and_archive(order, requested, consume, partials, watch);
    let (received, answer) = beside_the_log(order, download).await?;
    for warning in &answer.warnings {
        if !outcome.warnings.contains(warning) {
            outcome.warnings.push(warning.clone());
        }
    }
    match received {
        Ok((signature, received)) => judge(order, &signature, received, &answer, outcome),
        Err(setback) => Err(outweigh(order, &answer, outcome, setback)),
    }
}

/// A log that contradicts itself is more than a failed download: nobody may try again as if nothing had been.
fn outweigh(order: &Order, answer: &Answer, outcome: &mut Outcome, setback: Setback) -> Setback {
    match &answer.transparency {
        Transparency::Failed(error) => {
            outcome.checks = vec![json::check(&transparency_check(&answer.transparency, None))];
            Failure::of(&order.file.name().to_string(), &TrustError::Log(error.clone())).into()
        }
        Transparency::Evidence(_) | Transparency::Absent(_) => setback,
    }
}

/// Awaits a download and the log's answer. Where nothing but the log can vouch for the archive, and it does not, no
/// more is downloaded.
async fn beside_the_log<T>(
    order: &Order,
    download: impl Future<Output = Result<T, Setback>>,
) -> Result<(Result<T, Setback>, Answer), Setback> {
    let effort = if order.rests_on_log() { Effort::Persistent } else { Effort::Once };
    let ask = async |pause| {
        tokio::time::sleep(pause).await;
        transparency::ask(&order.sumdb, order.file.name(), Some(&order.mirror), &order.common, effort).await
    };
    let mut asking = pin!(ask(Duration::ZERO));
    let mut download = pin!(download);
    let (mut answer, mut is_asking) = (None, true);
    let received = loop {
        tokio::select! {
            done = &mut download => break done,
            asked = &mut asking, if is_asking => {
                let refusal = |asked: &Answer| asked.refusal(order.file.name()).filter(|_| order.rests_on_log());
                match asked.and_then(|asked| refusal(&asked).map_or(Ok(asked), Err)) {
                    Ok(asked) => {
                        // What could not be had now may yet come while the archive does, but not any later.
                        is_asking = asked.failure.as_ref().is_some_and(|failure| failure.code == Code::Network);
                        if is_asking {
                            asking.set(ask(LOG_PAUSE));
                        }
                        answer = Some(asked);
                    }
                    Err(failure) => {
                        // It ends soon, and takes away what nobody could continue.
                        order.watch.cancel();
                        return Err(match download.await {
                            // What cannot be had of the mirror is told first, whoever was quicker.
                            Err(first) if first.is_final && first.failure.code != Code::Interrupted => first,
                            _ => Setback::last(failure),
                        });
                    }
                }
            }
        }
    };
    let answer = match answer {
        Some(answer) => answer,
        None if received.is_err() => Answer::absent(Absence::Unavailable),
        None => {
            let patience = if order.rests_on_log() { LOG_PATIENCE } else { LOG_GRACE };
            let late = || Failure::new(Code::Network, "the transparency log did not answer in time");
            let asked = tokio::time::timeout(patience, runtime::until_cancelled(&order.watch, asking)).await;
            asked.unwrap_or_else(|_| Ok(Answer::unavailable(late())))?
        }
    };
    Ok((received, answer))
}

/// Fetches both at once. Where the signature cannot be had, that is the error, and the download ends soon.
async fn signature_and_archive<K: Send + 'static>(
    order: &Order,
    requested: Option<Requested>,
    consume: impl Fn(&mut dyn Read, &Job) -> Result<UnverifiedArchive<K>, Failure> + Clone + Send + Sync + 'static,
    partials: Option<&Path>,
    watch: &Watch,
) -> Result<(Option<DetachedSignature>, UnverifiedArchive<K>), Setback> {
    let algorithms = Arc::new(OnceLock::new());
    let _settles = Settles(Arc::clone(&algorithms));
    let watch = watch.part();
    let job = Job { name: order.file.name().clone(), algorithms: Arc::clone(&algorithms), watch: watch.clone() };
    let consume = move |mut input: &mut dyn BufRead| consume(&mut input, &job);
    let download = order.mirror.download(&order.file, partials, &watch, consume);
    let signature = async {
        let signature = published_signature(order, requested).await;
        let hashes = |signature: &Option<_>| signature.as_ref().map(DetachedSignature::hashes).unwrap_or_default();
        let _ = algorithms.set(signature.as_ref().ok().map(hashes));
        signature.inspect_err(|_| watch.cancel())
    };
    let (signature, received) = tokio::join!(signature, download);
    Ok((signature.map_err(Setback::last)?, received??))
}

/// Whatever becomes of the signature, even by a panic, the thread that receives the archive does not wait in vain.
struct Settles(Arc<OnceLock<Option<Vec<SignatureHash>>>>);

impl Drop for Settles {
    fn drop(&mut self) {
        let _ = self.0.set(None);
    }
}

fn judge<K>(
    order: &Order,
    signature: &Option<DetachedSignature>,
    received: UnverifiedArchive<K>,
    answer: &Answer,
    outcome: &mut Outcome,
) -> Result<VerifiedArchive<K>, Setback> {
    let mut digests = vec![ExpectedDigest { sha256: *order.file.sha256(), source: DigestSource::Index }];
    digests.extend(order.demands.sha256.map(|sha256| ExpectedDigest { sha256, source: DigestSource::User }));
    let expectation = Expectation { digests, size_bytes: Some(order.file.size_bytes()) };
    let with_log = order.requires(RequiredCheck::Transparency);
    let by = match signature {
        Some(signature) if with_log => Authenticator::SignatureAndTransparency { signature, keyring: &order.keyring },
        Some(signature) => Authenticator::Signature { signature, keyring: &order.keyring },
        None if order.demands.unsigned && !with_log => Authenticator::DigestOnly,
        None => Authenticator::Transparency,
    };
    let verdict = verify(received, &expectation, by, &answer.transparency);
    let reason = answer.failure.as_ref().map(|failure| failure.message.as_str());
    outcome.checks = verdict.checks.iter().map(|check| json::check_for(check, reason)).collect();
    let name = order.file.name();
    let checks = &verdict.checks;
    let verified = verdict.outcome.map_err(|error| {
        let (failure, disagreement) = match (error, answer.refusal(name)) {
            (TrustError::NoLog(_), Some(refusal)) => (refusal, None),
            (error, _) => (Failure::of(&name.to_string(), &error), Disagreement::of(&error, checks)),
        };
        Setback { disagreement, judged: true, ..failure.into() }
    })?;
    outcome.trusted(&verified);
    if let Some(locked) = &order.demands.lock {
        let compared = lock::compare(locked, name, Pin::of(&verified), outcome);
        compared.map_err(|failure| Setback { judged: true, ..failure.into() })?;
    }
    Ok(verified)
}

/// The signature that the mirror has. `--unsigned` allows that there is none; one that is there still has to hold.
async fn published_signature(
    order: &Order,
    requested: Option<Requested>,
) -> Result<Option<DetachedSignature>, Failure> {
    let archive = order.file.name();
    let Some(requested) = requested.or_else(|| Requested::of(archive, &order.mirror)) else { return Ok(None) };
    let name = signature::file_name(archive);
    match runtime::until_cancelled(&order.watch, requested.answer()).await? {
        Some(text) => Ok(Some(DetachedSignature::parse(&text).map_err(|error| Failure::of(&name, &error))?)),
        None if order.demands.unsigned => Ok(None),
        None => {
            let message = format!("{archive}: no signature at {}", order.mirror.location(&name));
            Err(Failure::new(Code::SignatureNotPublished, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_becomes_of_the_signature_nobody_waits_for_it_in_vain() {
        let lost: Arc<OnceLock<Option<Vec<SignatureHash>>>> = Arc::default();
        let job = std::thread::spawn({
            let lost = Arc::clone(&lost);
            move || lost.wait().clone()
        });
        let unwound = std::panic::catch_unwind({
            let lost = Arc::clone(&lost);
            move || {
                let _settles = Settles(lost);
                panic!("the signature's own");
            }
        });
        assert!(unwound.is_err());
        assert!(matches!(job.join(), Ok(None)));
        let known = Arc::new(OnceLock::from(Some(vec![SignatureHash::Sha512])));
        drop(Settles(Arc::clone(&known)));
        assert_eq!(known.get(), Some(&Some(vec![SignatureHash::Sha512])));
    }
}
