//! The part of the transparency log that a mirror needs.

use goverify::error::Code;
use goverify::events::Watch;
use goverify::fetch::{AskError, Deposit, Heads, LATEST, LogCopy, LogPlace};
use goverify::trust::{LogKey, LogSource, NOTE_SIZE_LIMIT_BYTES, SignedTreeHead, Sumdb, ToolchainModule};

use super::super::failure::Failure;
use super::super::transparency::{self, Effort};
use super::Site;
use super::contents::{Contents, log_folder};

/// Largest file of a log that is compared before it is replaced.
const FILE_LIMIT_BYTES: usize = 64 << 10;
/// What a proxy has where it has a log (<https://go.dev/ref/mod#checksum-database>).
const SUPPORTED: &str = "supported";

/// Copies what proves `modules` from where `site` has its log. Returns those that the log holds, and what was not as it
/// should be.
pub(super) async fn copy(
    site: &Site,
    modules: &[ToolchainModule],
    deposit: &Deposit,
    watch: &Watch,
) -> Result<(Vec<ToolchainModule>, Vec<String>), Failure> {
    let Sumdb::Log(log) = &site.sumdb else { return Ok((Vec::new(), Vec::new())) };
    if modules.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let heads = transparency::cache().map(|cache| Heads::of(log.key(), &cache));
    let LogCopy { files, logged, forgotten } = proven(site, log, modules, heads.as_ref()).await?;
    let folder = log_folder(log.key());
    let put = async |path: String, content: Vec<u8>| {
        let merge = |_: Option<&[u8]>| Ok::<_, Failure>(content.clone());
        deposit.update(&format!("{folder}/{path}"), FILE_LIMIT_BYTES, watch, merge).await
    };
    // What proves comes before what it proves; the head that all of it stands under comes last.
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort_by_key(|(path, _)| (!path.starts_with("tile/"), path == LATEST));
    for (path, content) in files {
        put(path, content).await?;
    }
    if !logged.is_empty() {
        put(SUPPORTED.to_owned(), Vec::new()).await?;
    }
    let forgotten = forgotten.map(|error| format!("the log's tree head is not remembered: {error}"));
    Ok((logged, forgotten.into_iter().collect()))
}

/// From the mirror's own copy of the log, where it has one, else from the log.
async fn proven(
    site: &Site,
    log: &LogSource,
    modules: &[ToolchainModule],
    heads: Option<&Heads>,
) -> Result<LogCopy, Failure> {
    let access = transparency::access(&site.common, Effort::Persistent);
    if log.explicit_url().is_none() && !site.mirror.is_official() {
        let place = LogPlace::in_mirror(&site.mirror, log.key(), &access)?;
        match place.copy(modules, heads).await {
            Ok(copy) if !copy.logged.is_empty() => return Ok(copy),
            Ok(_) | Err(AskError::Fetch(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let place = LogPlace::at(&log.url(), log.key(), &access)?;
    place.copy(modules, heads).await.map_err(|error| match error {
        AskError::Fetch(error) => {
            let message = format!("the transparency log {} cannot be copied: {error}", log.key().name());
            Failure::new(Code::Network, message)
        }
        error => error.into(),
    })
}

/// Checks the tree head that a copy of the log shows by itself; the answers are checked with their archives.
///
/// # Errors
/// The file that is wrong, and how.
pub(super) async fn check(deposit: &Deposit, contents: &Contents, key: &LogKey) -> Result<(), (String, Failure)> {
    let path = format!("{}/{LATEST}", log_folder(key));
    if !contents.has(&path) {
        return Ok(());
    }
    let told = |failure| (path.clone(), failure);
    let note = deposit.read(&path, NOTE_SIZE_LIMIT_BYTES).await.map_err(|error| told(error.into()))?;
    SignedTreeHead::open(&note.unwrap_or_default(), key).map_err(|error| told(Failure::of(&path, &error)))?;
    Ok(())
}
