//! The part of the transparency log that a mirror needs.

use goverify::error::Code;
use goverify::events::Watch;
use goverify::fetch::{AskError, Deposit, Heads, LATEST, LogPlace};
use goverify::trust::{LogKey, NOTE_SIZE_LIMIT_BYTES, SignedTreeHead, Sumdb, ToolchainModule};

use super::super::failure::Failure;
use super::super::transparency::{self, Effort};
use super::Site;
use super::companions::missing;
use super::contents::{Contents, log_folder};

/// Largest file of a log that is compared before it is replaced.
const FILE_LIMIT_BYTES: usize = 64 << 10;
/// What a proxy has where it has a log (<https://go.dev/ref/mod#checksum-database>).
const SUPPORTED: &str = "supported";
/// What the go command reads beside it.
const MODULES: &str = "golang.org/";

/// Copies what proves `modules` from where `site` has its log. Returns what was not as it should be.
pub(super) async fn copy(
    site: &Site,
    modules: &[ToolchainModule],
    deposit: &Deposit,
    watch: &Watch,
) -> Result<Vec<String>, Failure> {
    let Sumdb::Log(log) = &site.sumdb else { return Ok(Vec::new()) };
    let heads = transparency::cache().map(|cache| Heads::of(log.key(), &cache));
    let access = transparency::access(&site.common, Effort::Persistent);
    let told = |error| match error {
        AskError::Fetch(error) => {
            let message = format!("the transparency log {} cannot be copied: {error}", log.key().name());
            Failure::new(Code::Network, message)
        }
        error => Failure::from(error),
    };
    // The mirror's own copy, where it has one, else the log.
    let own = LogPlace::in_mirror(&site.mirror, log.key(), &access)?;
    let itself = LogPlace::at(&log.url(), log.key(), &access)?;
    let mut copy = None;
    if log.explicit_url().is_none() && !site.mirror.is_official() {
        copy = match own.copy(modules, heads.as_ref()).await {
            Err(AskError::Fetch(_)) => None,
            copied => copied?,
        };
    }
    if copy.is_none() {
        copy = itself.copy(modules, heads.as_ref()).await.map_err(told)?;
    }
    let Some(mut copy) = copy else { return Ok(Vec::new()) };
    let folder = log_folder(log.key());
    let put = async |(path, content): (String, Vec<u8>)| {
        let merge = |_: Option<&[u8]>| Ok::<_, Failure>(content.clone());
        deposit.update(&format!("{folder}/{path}"), FILE_LIMIT_BYTES, watch, merge).await
    };
    while let Some(files) = copy.next().await.map_err(told)? {
        for file in files {
            put(file).await?;
        }
    }
    put((SUPPORTED.to_owned(), Vec::new())).await?;
    put(copy.latest()).await?;
    let forgotten = copy.forgotten.map(|error| format!("the log's tree head is not remembered: {error}"));
    Ok(forgotten.into_iter().collect())
}

/// Where the tree head of a copy is.
pub(super) fn latest_path(key: &LogKey) -> String {
    format!("{}/{LATEST}", log_folder(key))
}

/// Checks what a copy of the log has beside its answers, which are checked with their archives.
///
/// # Errors
/// The file that is wrong, and how.
pub(super) async fn check(deposit: &Deposit, contents: &Contents, key: &LogKey) -> Result<(), (String, Failure)> {
    let (path, supported) = (latest_path(key), format!("{}/{SUPPORTED}", log_folder(key)));
    if contents.below(&format!("{}/lookup/", log_folder(key))).is_empty() {
        return Ok(());
    }
    let told = |failure| (path.clone(), failure);
    if !contents.below(MODULES).is_empty() && !contents.has(&supported) {
        return Err((supported.clone(), missing(&supported)));
    }
    let note = deposit.read(&path, NOTE_SIZE_LIMIT_BYTES).await.map_err(|error| told(error.into()))?;
    let note = note.ok_or_else(|| told(missing(&path)))?;
    SignedTreeHead::open(&note, key).map_err(|error| told(Failure::of(&path, &error)))?;
    Ok(())
}
