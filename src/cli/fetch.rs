//! `goverify fetch`: download, verify, install.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use goverify::archive::{Keep, SignatureHash, Spool, UnverifiedArchive, receive};
use goverify::error::{Code, FileError};
use goverify::events::Watch;
use goverify::fetch::Mirror;
use goverify::install::{Destination, Durability, Occupied, Receipt, ReceiptChoice, is_intact};
use goverify::release::{ArchiveFormat, ArchiveName, Platform, ReleaseFile, Target};
use goverify::trust::{
    Authenticator, DetachedSignature, DigestSource, Expectation, ExpectedDigest, Keyring, SIGNATURE_SIZE_LIMIT_BYTES,
    Trust, VerifiedArchive, verify,
};
use serde_json::json;

use super::args::{Common, Fetch, RequiredCheck};
use super::failure::Failure;
use super::json::{self, ArchiveReport, Installed, Outcome, Report};
use super::output::Output;
use super::progress::Progress;
use super::{download, keys, list, runtime};

pub(crate) fn run(arguments: Fetch, common: &Common, output: &Output) -> Report {
    let progress = Progress::new(common);
    let watch = progress.watch();
    let mut outcome = Outcome::default();
    let result = runtime::run(&watch, fetch(arguments, common, &watch, &mut outcome));
    progress.clear();
    outcome.error = result.err();
    output.describe(&outcome);
    Report { command: "fetch", results: vec![outcome], listing: None }
}

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

async fn fetch(arguments: Fetch, common: &Common, watch: &Watch, outcome: &mut Outcome) -> Result<(), Failure> {
    if arguments.unsigned && arguments.require.contains(&RequiredCheck::Signature) {
        return Err(Failure::usage("--unsigned and --require signature contradict each other"));
    }
    let keyring = keys::keyring(&arguments.keyring)?;
    let (mirror, index) = list::open(&arguments.source, common).await?;
    let target = arguments.target.clone().unwrap_or_else(|| Target::Platform(Platform::host()));
    let file = index.select(&arguments.version)?.file(&target)?;
    let name = file.name().to_string();
    let mut archive = ArchiveReport::new(file.name(), mirror.location(&name));
    archive.size = Some(file.size_bytes());
    archive.sha256 = Some(hex::encode(file.sha256()));
    outcome.archive = Some(archive);
    outcome.label.clone_from(&name);
    if file.name().format() == ArchiveFormat::Zip {
        let message = format!("{name}: .zip archives have no OpenPGP signature, and nothing else is checked yet");
        return Err(Failure::new(Code::SignatureNotPublished, message));
    }
    let order = Order { arguments, mirror, file, keyring, watch: watch.clone() };
    if order.arguments.download_only { download::run(&order, outcome).await } else { install(order, outcome).await }
}

async fn install(order: Order, outcome: &mut Outcome) -> Result<(), Failure> {
    let path = match &order.arguments.to {
        Some(path) => path.clone(),
        None => default_destination(order.file.name())?,
    };
    let (timeout, watch) = (order.arguments.lock_timeout, order.watch.clone());
    let destination = runtime::blocking(move || Destination::prepare(&path, timeout, &watch)).await?;
    if destination.is_occupied()? && !order.arguments.force {
        let installed = already_installed(&order, destination.path(), outcome)?;
        outcome.installed = Some(installed);
        return Ok(());
    }
    let parent = destination.parent_path().to_owned();
    let consume = move |input: &mut dyn Read, job: &Job| {
        let spool = Spool::new_in(&parent).map_err(FileError::at(&parent, "make a spool in"))?;
        job.receive(input, spool)
    };
    let verified = download_and_verify(&order, consume, outcome).await?;
    let receipt = if order.arguments.no_receipt { ReceiptChoice::Omit } else { ReceiptChoice::Write };
    let (occupied, durability) = order.choices();
    let installation =
        runtime::blocking(move || destination.unpack(verified, receipt)?.commit(occupied, durability)).await?;
    outcome.installed = Some(Installed { path: shown(&installation.path), files: installation.files, already: false });
    Ok(())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// `$HOME/sdk/goVERSION`, where golang.org/dl puts it; other platforms' trees get a longer name.
fn default_destination(name: &ArchiveName) -> Result<PathBuf, Failure> {
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    let home =
        home.ok_or_else(|| Failure::new(Code::Io, "no home directory is known").with_hint("say where with --to DIR"))?;
    let version = name.version();
    let directory = match name.target() {
        Target::Platform(platform) if *platform == Platform::host() => version.to_string(),
        Target::Platform(platform) => format!("{version}.{}-{}", platform.os(), platform.arch()),
        Target::Source => format!("{version}.src"),
    };
    Ok(home.join("sdk").join(directory))
}

/// Recognises an earlier installation of the very same archive by its receipt and its files' sizes and modes. A
/// receipt is only believed as far as its owner could have changed the files just as well; `audit` looks closer.
fn already_installed(order: &Order, path: &Path, outcome: &mut Outcome) -> Result<Installed, Failure> {
    let exists = |reason: &str| Failure::new(Code::DestinationExists, format!("{}: {reason}", path.display()));
    let Some(receipt) = Receipt::read(path)? else {
        return Err(exists("exists, and is not a tree that goverify installed"));
    };
    let record = &receipt.origin.archive;
    let sha256 = hex::encode(order.file.sha256());
    if record.filename != order.file.name().to_string() || record.sha256 != sha256 {
        return Err(exists(&format!(
            "exists, and holds {} ({})",
            record.filename.escape_debug(),
            record.sha256.escape_debug()
        )));
    }
    if order.arguments.sha256.is_some_and(|expected| expected != *order.file.sha256()) {
        return Err(Failure::new(
            Code::DigestMismatch,
            format!("{}: --sha256 is not the index's digest", record.filename),
        ));
    }
    let trusted = match &receipt.origin.evidence.signature {
        Some(signature) => order.keyring.trusts(&signature.certificate),
        None => order.arguments.unsigned,
    };
    if !trusted {
        return Err(exists("exists, and was verified by a certificate that is not trusted now, or by none"));
    }
    if !is_intact(path, &receipt)? {
        return Err(exists("exists, and its files are not those that were installed"));
    }
    let mut signature = json!({"check": "signature", "status": "not-published"});
    if let Some(found) = &receipt.origin.evidence.signature {
        outcome.trust = Some(Trust::Signature.as_str());
        signature = json!({
            "check": "signature", "status": "passed", "certificate": found.certificate, "signing_key": found.signing_key,
            "created": found.created, "hash": found.hash, "source": "receipt",
        });
    } else {
        outcome.trust = Some(Trust::DigestOnly.as_str());
    }
    let files = receipt.files.len() as u64;
    let unpacked_bytes: u64 = receipt.files.iter().map(|file| file.size_bytes).sum();
    outcome.checks = vec![
        json!({"check": "digest", "status": "passed", "expected": sha256, "actual": record.sha256, "source": "index"}),
        signature,
        json!({"check": "layout", "status": "passed", "files": files, "unpacked_bytes": unpacked_bytes, "source": "receipt"}),
        json::transparency_not_requested(),
    ];
    Ok(Installed { path: shown(path), files, already: true })
}

/// Downloads the archive and checks it on the way; `consume` receives it, anew for each attempt.
pub(crate) async fn download_and_verify<K: Send + 'static>(
    order: &Order,
    consume: impl Fn(&mut dyn Read, &Job) -> Result<UnverifiedArchive<K>, Failure> + Clone + Send + Sync + 'static,
    outcome: &mut Outcome,
) -> Result<VerifiedArchive<K>, Failure> {
    let signature = published_signature(order).await?;
    let algorithms = signature.as_ref().map(DetachedSignature::hashes).unwrap_or_default();
    let job = Job { name: order.file.name().clone(), algorithms, watch: order.watch.clone() };
    let consume = move |mut input: &mut dyn BufRead| consume(&mut input, &job);
    let partials = partials();
    let received = order.mirror.download(&order.file, partials.as_deref(), &order.watch, consume).await??;
    let mut digests = vec![ExpectedDigest { sha256: *order.file.sha256(), source: DigestSource::Index }];
    digests.extend(order.arguments.sha256.map(|sha256| ExpectedDigest { sha256, source: DigestSource::User }));
    let expectation = Expectation { digests, size_bytes: Some(order.file.size_bytes()) };
    let by = match &signature {
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
    match order.mirror.companion(&name, SIGNATURE_SIZE_LIMIT_BYTES).await? {
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
