//! `goverify verify`: archives that are already here.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use goverify::archive::{Discard, receive};
use goverify::error::{Code, FileError, printable};
use goverify::events::Watch;
use goverify::files::{open_regular, read_bounded};
use goverify::release::{ArchiveFormat, ArchiveName, INDEX_SIZE_LIMIT_BYTES, ReleaseIndex, Selector};
use goverify::trust::{
    Absence, Authenticator, DetachedSignature, DigestSource, Expectation, ExpectedDigest, Keyring,
    SIGNATURE_SIZE_LIMIT_BYTES, Sumdb, TLOG_PROOF_SIZE_LIMIT_BYTES, Transparency, VerifiedArchive, verify,
};

use super::args::{Audit, RecordFiles, Verify};
use super::failure::Failure;
use super::json::{self, ArchiveReport, Outcome, Report};
use super::keys;
use super::output::Output;

/// The index of a mirror's folder.
const INDEX: &str = "index.json";

pub(crate) fn run(arguments: &Verify, output: &Output) -> Report {
    let results = match prepare(arguments) {
        Ok((archives, context)) => verify_all(&archives, &context),
        Err(failure) => vec![Outcome::failed(label(arguments), failure)],
    };
    for outcome in &results {
        output.describe(outcome);
    }
    Report { command: "verify", results, listing: None }
}

/// What failed when the call as a whole could not be carried out.
fn label(arguments: &Verify) -> String {
    arguments.archives.first().map(|path| printable(&path.display().to_string())).unwrap_or_default()
}

struct Context<'a> {
    arguments: &'a Verify,
    keyring: Keyring,
    sumdb: Sumdb,
    index: Option<ReleaseIndex>,
}

fn prepare(arguments: &Verify) -> Result<(Vec<PathBuf>, Context<'_>), Failure> {
    let mut archives = Vec::new();
    for path in &arguments.archives {
        if path.is_dir() { archives.extend(archives_in(path)?) } else { archives.push(path.clone()) }
    }
    let from_stdin = archives.iter().any(|path| is_stdin(path));
    if from_stdin && (arguments.version.is_none() || arguments.platform.is_none()) {
        return Err(Failure::usage("-: standard input has no name; --version and --platform are needed"));
    }
    let of_one = arguments.signature.is_some() || arguments.proof.is_some() || arguments.sha256.is_some();
    if archives.len() > 1 && (from_stdin || of_one) {
        return Err(Failure::usage("--signature, --proof, --sha256 and - go with a single archive"));
    }
    if arguments.unsigned && arguments.sha256.is_none() && arguments.index.is_none() {
        return Err(Failure::usage("--unsigned needs --sha256 or --index: something must vouch for the archive"));
    }
    let index = arguments.index.as_deref().map(read_index).transpose()?;
    let keyring = keys::keyring(&arguments.keyring)?;
    let sumdb = keys::log(&arguments.sumdb)?;
    if arguments.proof.is_some() && sumdb == Sumdb::Off {
        return Err(Failure::usage("--proof and --sumdb off contradict each other"));
    }
    Ok((archives, Context { arguments, keyring, sumdb, index }))
}

fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn archives_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut archives = Vec::new();
    for entry in folder.read_dir().map_err(FileError::at(folder, "read"))? {
        let path = entry.map_err(FileError::at(folder, "read"))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let lower_case = name.to_ascii_lowercase();
        if [".tar.gz", ".tgz", ".zip"].iter().any(|extension| lower_case.ends_with(extension)) {
            archives.push(path);
        }
    }
    archives.sort();
    if archives.is_empty() {
        return Err(Failure::new(Code::ReleaseNotFound, format!("{}: no archive in it", folder.display())));
    }
    Ok(archives)
}

/// An index, or that of a mirror's folder.
pub(crate) fn read_index(path: &Path) -> Result<ReleaseIndex, Failure> {
    let path = if path.is_dir() { path.join(INDEX) } else { path.to_owned() };
    let bytes = read_bounded(open_named(&path)?, &path, INDEX_SIZE_LIMIT_BYTES)?;
    ReleaseIndex::parse(&bytes).map_err(|error| Failure::of(&path.display().to_string(), &error))
}

/// A file that was named in person may be anything that can be read, a `<(command)` too.
pub(crate) fn open_named(path: &Path) -> Result<File, FileError> {
    File::open(path).map_err(FileError::at(path, "open"))
}

fn verify_all(archives: &[PathBuf], context: &Context<'_>) -> Vec<Outcome> {
    side_by_side(archives, |path| Some(verify_one(path, context)))
}

/// Does `work` on several items at a time; what comes of them is in their order.
pub(crate) fn side_by_side<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> Option<T> + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(number) else { return };
                    if let Some(result) = work(item) {
                        results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((number, result));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

fn verify_one(path: &Path, context: &Context<'_>) -> Outcome {
    let label = printable(&path.display().to_string());
    let mut outcome = Outcome { label: label.clone(), ..Outcome::default() };
    if let Err(failure) = judge(path, &label, context, &mut outcome) {
        outcome.error = Some(failure);
    }
    outcome
}

fn judge(path: &Path, label: &str, context: &Context<'_>, outcome: &mut Outcome) -> Result<(), Failure> {
    verified(path, label, context, outcome).map(|_| ())
}

/// The verified archive at `path`, with what there is to report of it in `outcome`.
fn verified(
    path: &Path,
    label: &str,
    context: &Context<'_>,
    outcome: &mut Outcome,
) -> Result<VerifiedArchive<Discard>, Failure> {
    let name = claimed_name(path, context.arguments)?;
    outcome.archive = Some(ArchiveReport::new(&name, label.to_owned()));
    let expectation = expectation(&name, context)?;
    // The archive first: where there is none, its signature is not what is missing.
    let mut input: Box<dyn Read> = if is_stdin(path) {
        Box::new(io::stdin())
    } else if context.arguments.archives.iter().any(|named| named == path) {
        Box::new(open_named(path)?)
    } else {
        Box::new(open_regular(path)?)
    };
    let signature = signature(path, context.arguments)?;
    let transparency = transparency(path, context)?;
    let by = match &signature {
        Some(signature) => Authenticator::Signature { signature, keyring: &context.keyring },
        None if !matches!(transparency, Transparency::Absent(_)) => Authenticator::Transparency,
        None if context.arguments.unsigned => Authenticator::DigestOnly,
        None => return Err(nothing_vouches(path, label, &name)),
    };
    let algorithms = signature.as_ref().map(DetachedSignature::hashes).unwrap_or_default();
    let received = receive(&mut *input, &name, &algorithms, Discard, &Watch::silent());
    let received = received.map_err(|error| Failure::of(label, &error))?;
    if let Some(report) = &mut outcome.archive {
        report.size = Some(received.size_bytes());
        report.sha256 = Some(hex::encode(received.sha256()));
    }
    let verdict = verify(received, &expectation, by, &transparency);
    outcome.checks = verdict.checks.iter().map(json::check).collect();
    let verified = verdict.outcome.map_err(|error| Failure::of(label, &error))?;
    outcome.trusted(&verified);
    Ok(verified)
}

/// The archive at `path`, verified by what is beside it, for a command that needs what it holds.
pub(crate) fn archive(path: &Path, of: &Audit, outcome: &mut Outcome) -> Result<VerifiedArchive<Discard>, Failure> {
    let arguments = Verify {
        archives: vec![path.to_owned()],
        signature: None,
        proof: None,
        sumdb: of.sumdb.clone(),
        sha256: None,
        index: None,
        keyring: of.keyring.clone(),
        version: None,
        platform: None,
        unsigned: false,
        records: RecordFiles::default(),
    };
    let (_, context) = prepare(&arguments)?;
    verified(path, &printable(&path.display().to_string()), &context, outcome)
}

fn nothing_vouches(path: &Path, label: &str, name: &ArchiveName) -> Failure {
    let reason = match (is_stdin(path), name.format()) {
        (true, _) => "nothing vouches for standard input; --signature FILE or --proof FILE names what does".to_owned(),
        (false, ArchiveFormat::Zip) => format!("no proof beside it ({})", beside(path, ".tlog-proof").display()),
        (false, ArchiveFormat::TarGz) => format!("no signature beside it ({})", beside(path, ".asc").display()),
    };
    Failure::new(Code::SignatureNotPublished, format!("{label}: {reason}"))
}

/// What the archive must be: what was asked for, else what its file name says.
fn claimed_name(path: &Path, arguments: &Verify) -> Result<ArchiveName, Failure> {
    if let (Some(version), Some(target)) = (arguments.version, &arguments.platform) {
        return Ok(ArchiveName::new(version, target.clone()));
    }
    let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let named: ArchiveName = file_name.parse().map_err(|error| {
        Failure::of(&path.display().to_string(), &error).with_hint("say what it must be with --version and --platform")
    })?;
    let version = arguments.version.unwrap_or(*named.version());
    let target = arguments.platform.clone().unwrap_or_else(|| named.target().clone());
    Ok(ArchiveName::new(version, target))
}

fn expectation(name: &ArchiveName, context: &Context<'_>) -> Result<Expectation, Failure> {
    let mut expectation = Expectation::default();
    if let Some(index) = &context.index {
        let file = index.select(&Selector::Exact(*name.version()))?.file(name.target())?;
        expectation.digests.push(ExpectedDigest { sha256: *file.sha256(), source: DigestSource::Index });
        expectation.size_bytes = Some(file.size_bytes());
    }
    if let Some(sha256) = context.arguments.sha256 {
        expectation.digests.push(ExpectedDigest { sha256, source: DigestSource::User });
    }
    Ok(expectation)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(suffix);
    beside.into()
}

/// What a companion file holds: the one that was named, or the one beside the archive, if there is one. One that is
/// there and cannot be read is an error.
fn companion(
    path: &Path,
    named: Option<&Path>,
    suffix: &str,
    limit_bytes: usize,
) -> Result<Option<(PathBuf, Vec<u8>)>, Failure> {
    let (path, file) = match named {
        Some(named) => (named.to_owned(), open_named(named)?),
        None if is_stdin(path) => return Ok(None),
        None => {
            let path = beside(path, suffix);
            match open_regular(&path) {
                // A link that leads nowhere is a companion that cannot be read, not one that was never there.
                Err(_) if is_missing(&path) => return Ok(None),
                opened => (path, opened?),
            }
        }
    };
    let content = read_bounded(file, &path, limit_bytes as u64)?;
    Ok(Some((path, content)))
}

/// The signature at hand; one that is there still has to hold where none is needed.
fn signature(path: &Path, arguments: &Verify) -> Result<Option<DetachedSignature>, Failure> {
    let found = companion(path, arguments.signature.as_deref(), ".asc", SIGNATURE_SIZE_LIMIT_BYTES)?;
    let Some((path, text)) = found else { return Ok(None) };
    let signature = DetachedSignature::parse(&text);
    signature.map(Some).map_err(|error| Failure::of(&path.display().to_string(), &error))
}

/// The log's proof at hand; like a signature, one that is there has to hold.
fn transparency(path: &Path, context: &Context<'_>) -> Result<Transparency, Failure> {
    let Sumdb::Log(log) = &context.sumdb else { return Ok(Transparency::Absent(Absence::NotRequested)) };
    let proof = context.arguments.proof.as_deref();
    Ok(match companion(path, proof, ".tlog-proof", TLOG_PROOF_SIZE_LIMIT_BYTES)? {
        None => Transparency::Absent(Absence::NotRequested),
        Some((_, text)) => Transparency::stored(&text, log.key()),
    })
}
