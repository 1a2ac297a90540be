//! What the log has to say of a release: from a mirror's copy, a proof beside the archive, or itself.

use std::path::PathBuf;
use std::time::Duration;

use goverify::error::{Code, Coded, FileError};
use goverify::events::Watch;
use goverify::fetch::{Access, AskError, Asked, FetchError, Heads, Limits, LogPlace, Mirror, is_page};
use goverify::release::{ArchiveFormat, ArchiveName, Target};
use goverify::trust::{
    Absence, LogEvidence, LogSource, Sumdb, TLOG_PROOF_SIZE_LIMIT_BYTES, TlogProof, ToolchainModule, Transparency,
};

use super::args::Common;
use super::failure::Failure;
use super::runtime;

/// Longest time for one request of the log, retries included: its answers are small.
const PATIENCE: Duration = Duration::from_secs(60);
/// What to do about a memory of the log that cannot be used.
const MEMORY_HINT: &str = "the tree heads that were seen are kept in the cache, in goverify/sumdb; whoever deletes them there \
                           forgets what the log has shown so far";
/// What to do about an archive that nothing vouches for.
const ZIP_HINT: &str = "a .zip has no signature, so the transparency log must vouch for it: online, by a mirror's sumdb/, or by \
                        a .tlog-proof beside it; --unsigned accepts it on its digest alone";
/// How long a mirror may take to say what it has of the log, before the log itself is asked.
pub(crate) const MIRROR_PATIENCE: Duration = Duration::from_secs(5);
/// Retries of a request.
const RETRIES: u32 = 2;

/// What came of asking.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) transparency: Transparency,
    /// Why the log could not be asked, where it could not.
    pub(crate) failure: Option<Failure>,
    pub(crate) warnings: Vec<String>,
}

impl Answer {
    pub(crate) fn absent(absence: Absence) -> Self {
        Self { transparency: Transparency::Absent(absence), failure: None, warnings: Vec::new() }
    }

    fn evidence(evidence: LogEvidence) -> Self {
        Self { transparency: Transparency::Evidence(evidence), failure: None, warnings: Vec::new() }
    }

    fn warned(mut self, forgotten: Option<FileError>) -> Self {
        self.warnings.extend(forgotten.map(|error| format!("the log's tree head is not remembered: {error}")));
        self
    }

    pub(crate) fn unavailable(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::absent(Absence::Unavailable) }
    }
}

/// What the log's answer is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Requests are tried again: there is nothing without it.
    Persistent,
    /// Each is tried once, and whoever asks may ask again.
    Once,
}

/// How the log is reached.
pub(crate) fn access(common: &Common, effort: Effort) -> Access {
    let retries = if effort == Effort::Persistent { RETRIES } else { 0 };
    let limits = Limits { overall: PATIENCE, retries, ..Limits::default() };
    Access { limits, offline: common.offline, ..Access::default() }
}

/// The folder that holds what may be lost: interrupted downloads, and the last tree heads seen.
pub(crate) fn cache() -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(absolute);
    let cache = cache.or_else(|| std::env::home_dir().filter(absolute).map(|home| home.join(".cache")))?;
    Some(cache.join("goverify"))
}

/// Asks for the release `name`: the copy of the log in `mirror`, the proof beside the archive there, and then the log
/// itself. A mirror that knows nothing is no answer; one that answers wrongly is.
///
/// # Errors
/// When what is known of the log's history cannot be used.
pub(crate) async fn ask(
    choice: &Sumdb,
    name: &ArchiveName,
    mirror: Option<&Mirror>,
    common: &Common,
    effort: Effort,
) -> Result<Answer, Failure> {
    let Sumdb::Log(log) = choice else { return Ok(Answer::absent(Absence::NotRequested)) };
    let Target::Platform(platform) = name.target() else { return Ok(Answer::absent(Absence::NotLogged)) };
    let module = ToolchainModule::new(*name.version(), platform);
    let heads = cache().map(|cache| Heads::of(log.key(), &cache));
    let access = access(common, effort);
    let place = LogPlace::at(&log.url(), log.key(), &access)?;
    if let Some(mirror) = mirror.filter(|mirror| !mirror.is_official()) {
        // A mirror may not keep the log from being asked by keeping us waiting.
        let copies = in_mirror(mirror, name, &module, log, heads.as_ref(), &access);
        let found = tokio::time::timeout(MIRROR_PATIENCE, copies).await.unwrap_or(Ok(None))?;
        match found {
            Some(Found::Answer(answer)) => return Ok(answer),
            Some(Found::Proof(proof)) => return stored(proof, &place, heads.as_ref()).await,
            None => {}
        }
    }
    match place.ask(&module, heads.as_ref()).await {
        Ok(Asked::NotLogged) => Ok(Answer::absent(Absence::NotLogged)),
        Err(AskError::Fetch(error)) => Ok(Answer::unavailable(unreachable(log, &error))),
        asked => Ok(settled(asked)?.unwrap_or_else(|| Answer::absent(Absence::NotLogged))),
    }
}

/// What a mirror has of the log.
enum Found {
    Answer(Answer),
    Proof(TlogProof),
}

async fn in_mirror(
    mirror: &Mirror,
    name: &ArchiveName,
    module: &ToolchainModule,
    log: &LogSource,
    heads: Option<&Heads>,
    access: &Access,
) -> Result<Option<Found>, Failure> {
    if log.explicit_url().is_none()
        && let Ok(place) = LogPlace::in_mirror(mirror, log.key(), access)
        && let Some(answer) = settled(place.ask(module, heads).await)?
    {
        return Ok(Some(Found::Answer(answer)));
    }
    let companion = mirror.companion(&format!("{name}.tlog-proof"), TLOG_PROOF_SIZE_LIMIT_BYTES).await;
    let Some(text) = companion.ok().flatten().filter(|text| !is_page(text)) else { return Ok(None) };
    match TlogProof::parse(&text, log.key()) {
        Ok(proof) => Ok(Some(Found::Proof(proof))),
        Err(error) => wrong(error.into()).map(|answer| Some(Found::Answer(answer))),
    }
}

/// A proof whose tree head has to be of the history that is known. Where the log cannot be asked for that, the proof
/// stands for itself, as it does for `verify`.
async fn stored(proof: TlogProof, place: &LogPlace, heads: Option<&Heads>) -> Result<Answer, Failure> {
    let compared = match heads {
        Some(heads) => place.accept(proof.head(), heads).await,
        None => Ok(None),
    };
    match compared {
        Ok(forgotten) => Ok(Answer::evidence(LogEvidence::Stored(proof)).warned(forgotten)),
        Err(AskError::Fetch(_)) => Ok(Answer::evidence(LogEvidence::Stored(proof))),
        Err(error) => wrong(error),
    }
}

/// Asks the log itself, for a command that has nothing else to do meanwhile.
///
/// # Errors
/// As for [`ask`], or when a signal ended the wait.
pub(crate) fn ask_alone(choice: &Sumdb, name: &ArchiveName, common: &Common) -> Result<Answer, Failure> {
    let watch = Watch::silent();
    runtime::run(&watch, async {
        runtime::until_cancelled(&watch, ask(choice, name, None, common, Effort::Persistent)).await
    })
}

fn unreachable(log: &LogSource, error: &FetchError) -> Failure {
    let message = format!("the transparency log {} cannot be asked: {error}", log.key().name());
    // A folder that is not there is a log that cannot be reached, as a server is that is down.
    let code = if error.code() == Code::Io { Code::Network } else { error.code() };
    Failure::new(code, message)
}

/// An answer that nobody else need be asked after; `None` where there was none.
fn settled(asked: Result<Asked, AskError>) -> Result<Option<Answer>, Failure> {
    match asked {
        Ok(Asked::NotLogged) | Err(AskError::Fetch(_)) => Ok(None),
        Ok(Asked::Answer { answer, forgotten }) => {
            Ok(Some(Answer::evidence(LogEvidence::Answer(*answer)).warned(forgotten)))
        }
        Err(error) => wrong(error).map(Some),
    }
}

/// What the log or who answers for it did wrong, which no other evidence can heal.
fn wrong(error: AskError) -> Result<Answer, Failure> {
    match error {
        AskError::Log { error, kept } => {
            let warnings = kept.map(|path| format!("both notes of the fork are kept in {}", path.display()));
            let transparency = Transparency::Failed(error);
            Ok(Answer { transparency, failure: None, warnings: warnings.into_iter().collect() })
        }
        error => Err(Failure::from(error).with_hint(MEMORY_HINT)),
    }
}

impl Answer {
    /// Why this is not what a release needs that nothing else vouches for; `None` if it may yet be.
    pub(crate) fn refusal(&self, name: &ArchiveName) -> Option<Failure> {
        let Transparency::Absent(absence) = &self.transparency else { return None };
        let failure = match absence {
            Absence::NotLogged => Failure::new(Code::TransparencyNotLogged, format!("{name}: {absence}")),
            Absence::NotRequested => Failure::new(Code::SignatureNotPublished, format!("{name}: {absence}")),
            Absence::Unavailable => {
                self.failure.clone().unwrap_or_else(|| Failure::new(Code::Network, format!("{name}: {absence}")))
            }
        };
        Some(match name.format() {
            ArchiveFormat::Zip => failure.with_hint(ZIP_HINT),
            ArchiveFormat::TarGz => failure,
        })
    }
}
