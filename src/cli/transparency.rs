//! What the log has to say of a release: from a mirror's copy, a proof beside the archive, or itself.

use std::path::PathBuf;
use std::time::Duration;

use goverify::error::{Code, Coded};
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
/// What to do about an archive that nothing vouches for.
const ZIP_HINT: &str = "a .zip has no signature, so the transparency log must vouch for it: online, by a mirror's sumdb/, or by \
                        a .tlog-proof beside it; --unsigned accepts it on its digest alone";
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

    pub(crate) fn unavailable(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::absent(Absence::Unavailable) }
    }
}

/// How the log is reached.
fn access(common: &Common) -> Access {
    let limits = Limits { overall: PATIENCE, retries: RETRIES, ..Limits::default() };
    Access { limits, offline: common.offline }
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
) -> Result<Answer, Failure> {
    let Sumdb::Log(log) = choice else { return Ok(Answer::absent(Absence::NotRequested)) };
    let Target::Platform(platform) = name.target() else { return Ok(Answer::absent(Absence::NotLogged)) };
    let module = ToolchainModule::new(*name.version(), platform);
    let heads = cache().map(|cache| Heads::of(log.key(), &cache));
    let access = access(common);
    if let Some(mirror) = mirror.filter(|mirror| !mirror.is_official()) {
        if log.explicit_url().is_none()
            && let Ok(place) = LogPlace::in_mirror(mirror, log.key(), &access)
            && let Some(answer) = settled(place.ask(&module, heads.as_ref()).await)?
        {
            return Ok(answer);
        }
        if let Some(answer) = beside(mirror, name, log, heads.as_ref()).await? {
            return Ok(answer);
        }
    }
    let place = LogPlace::at(&log.url(), log.key(), &access)?;
    match place.ask(&module, heads.as_ref()).await {
        Ok(Asked::NotLogged) => Ok(Answer::absent(Absence::NotLogged)),
        Err(AskError::Fetch(error)) => Ok(Answer::unavailable(unreachable(log, &error))),
        asked => Ok(settled(asked)?.unwrap_or_else(|| Answer::absent(Absence::NotLogged))),
    }
}

/// Asks the log itself, for a command that has nothing else to do meanwhile.
///
/// # Errors
/// As for [`ask`], or when a signal ended the wait.
pub(crate) fn ask_alone(choice: &Sumdb, name: &ArchiveName, common: &Common) -> Result<Answer, Failure> {
    let watch = Watch::silent();
    runtime::run(&watch, async { runtime::until_cancelled(&watch, ask(choice, name, None, common)).await })
}

fn unreachable(log: &LogSource, error: &FetchError) -> Failure {
    let message = format!("the transparency log {} cannot be asked: {error}", log.key().name());
    Failure::new(error.code(), message)
}

/// An answer that nobody else need be asked after; `None` where there was none.
fn settled(asked: Result<Asked, AskError>) -> Result<Option<Answer>, Failure> {
    match asked {
        Ok(Asked::NotLogged) | Err(AskError::Fetch(_)) => Ok(None),
        Ok(Asked::Answer { answer, forgotten }) => {
            let mut answer = Answer::evidence(LogEvidence::Answer(*answer));
            answer.warnings.extend(forgotten.map(|error| format!("the log's tree head is not remembered: {error}")));
            Ok(Some(answer))
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
        error => Err(error.into()),
    }
}

/// The proof that a mirror has beside the archive.
async fn beside(
    mirror: &Mirror,
    name: &ArchiveName,
    log: &LogSource,
    heads: Option<&Heads>,
) -> Result<Option<Answer>, Failure> {
    let companion = mirror.companion(&format!("{name}.tlog-proof"), TLOG_PROOF_SIZE_LIMIT_BYTES).await;
    let Some(text) = companion.ok().flatten().filter(|text| !is_page(text)) else { return Ok(None) };
    let proof = match TlogProof::parse(&text, log.key()) {
        Ok(proof) => proof,
        Err(error) => return wrong(error.into()).map(Some),
    };
    match heads.map_or(Ok(()), |heads| heads.check(log.key(), proof.head())) {
        Ok(()) => Ok(Some(Answer::evidence(LogEvidence::Stored(proof)))),
        Err(error) => wrong(error).map(Some),
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
