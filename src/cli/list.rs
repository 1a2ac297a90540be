//! `goverify list`: what a mirror offers.

use goverify::events::Watch;
use goverify::fetch::{Access, Mirror, index_at};
use goverify::release::{Release, ReleaseIndex, Selector, Target};
use serde_json::{Value, json};

use super::args::{Common, List, Source};
use super::failure::Failure;
use super::json::{Listing, Outcome, Report};
use super::runtime;

pub(crate) fn run(arguments: &List, common: &Common) -> Report {
    let watch = Watch::silent();
    let listing =
        arguments.version().and_then(|version| runtime::run(&watch, offered(version, arguments, common, &watch)));
    match listing {
        Ok(listing) => Report { command: "list", results: Vec::new(), listing: Some(listing) },
        Err(failure) => Report { command: "list", results: vec![Outcome::failed("", failure)], listing: None },
    }
}

async fn offered(
    version: Option<Selector>,
    arguments: &List,
    common: &Common,
    watch: &Watch,
) -> Result<Listing, Failure> {
    let mirror = mirror(&arguments.source, common)?;
    let index = index(&arguments.source, &mirror, common, watch).await?;
    match version {
        None => Ok(all(&index, common.json)),
        Some(selector) => Ok(one(index.select(&selector)?)),
    }
}

/// The mirror that was asked for.
pub(crate) fn mirror(source: &Source, common: &Common) -> Result<Mirror, Failure> {
    let access = access(common);
    Ok(match source.mirror.clone().map_or_else(mirror_of_environment, |location| Ok(Some(location)))? {
        Some(location) => Mirror::at(&location, &access)?,
        None => Mirror::official(&access)?,
    })
}

/// The index as it is now: the mirror's, or the one that was given in its place.
pub(crate) async fn index(
    source: &Source,
    mirror: &Mirror,
    common: &Common,
    watch: &Watch,
) -> Result<ReleaseIndex, Failure> {
    match &source.index {
        Some(location) => runtime::until_cancelled(watch, index_at(location, &access(common))).await,
        None => runtime::until_cancelled(watch, mirror.index()).await,
    }
}

fn access(common: &Common) -> Access {
    Access { offline: common.offline, ..Access::default() }
}

/// An empty variable is as good as none.
fn mirror_of_environment() -> Result<Option<String>, Failure> {
    let value = std::env::var_os("GOVERIFY_MIRROR").filter(|value| !value.is_empty());
    let text = value.map(|value| value.into_string().map_err(|_| Failure::usage("GOVERIFY_MIRROR: not UTF-8")));
    text.transpose()
}

/// What is told of each file, which is most of the work, is for the document alone.
fn all(index: &ReleaseIndex, as_json: bool) -> Listing {
    let mut releases: Vec<_> = index.releases().iter().collect();
    releases.sort_by_key(|release| std::cmp::Reverse(*release.version()));
    let line = |r: &&Release| format!("{}{}", r.version(), if r.is_stable() { "" } else { " (pre-release)" });
    let lines = releases.iter().map(line).collect();
    let data = if as_json { releases.iter().map(|release| describe(release)).collect() } else { Value::Null };
    Listing { key: "releases", data, lines }
}

fn one(release: &Release) -> Listing {
    let line = |target: Target| match release.file(&target) {
        Ok(file) => format!("{target}\t{}\t{}\t{}", file.name(), file.size_bytes(), hex::encode(file.sha256())),
        Err(error) => format!("{target}\t{error}"),
    };
    Listing { key: "releases", data: json!([describe(release)]), lines: release.targets().map(line).collect() }
}

fn describe(release: &Release) -> Value {
    let archive = |target: Target| match release.file(&target) {
        Ok(file) => json!({
            "target": target.to_string(), "filename": file.name().to_string(),
            "size": file.size_bytes(), "sha256": hex::encode(file.sha256()), "error": null,
        }),
        Err(error) => json!({"target": target.to_string(), "error": error.to_string()}),
    };
    json!({
        "version": release.version().to_string(), "stable": release.is_stable(),
        "archives": release.targets().map(archive).collect::<Vec<_>>(),
    })
}
