//! `--switch` and `--rollback`: the link that leads to the tree in use.

use std::path::{Path, PathBuf};
use std::time::Duration;

use goverify::error::Code;
use goverify::events::Watch;
use goverify::install::{Destination, Durability, InstallError, Turned};
use serde_json::{Value, json};

use super::failure::Failure;
use super::json::{Listing, Outcome, Report};

/// Whether `link` could be made to lead to a tree, as far as that can be told before there is one.
pub(crate) fn check(link: &Path) -> Result<(), Failure> {
    match link.symlink_metadata() {
        Ok(found) if !found.is_symlink() => Err(InstallError::NotALink { path: link.to_owned() }.into()),
        _ => Ok(()),
    }
}

/// Lets `link` lead to the tree at `target`.
pub(crate) fn to(
    link: &Path,
    target: &Path,
    durability: Durability,
    patience: Duration,
    watch: &Watch,
) -> Result<Value, InstallError> {
    Destination::prepare(link, patience, watch)?.turn_to(target, durability).map(|turned| describe(&turned))
}

/// Lets `link` lead where it led before.
pub(crate) fn back(link: &Path, durability: Durability, patience: Duration) -> Report {
    let turned = turn_back(link, durability, patience);
    let (results, listing) = match turned {
        Ok(turned) => {
            let lines = vec![turned.target.display().to_string()];
            (Vec::new(), Some(Listing { key: "switched", data: describe(&turned), lines }))
        }
        Err(failure) => (vec![Outcome::failed("", failure)], None),
    };
    Report { command: "fetch", results, listing }
}

/// A tree that is gone is nothing to go back to.
fn turn_back(link: &Path, durability: Durability, patience: Duration) -> Result<Turned, Failure> {
    let hint = |failure: Failure| failure.with_hint("`goverify fetch VERSION --switch LINK` lets it lead to a release");
    let destination = Destination::prepare(link, patience, &Watch::silent())?;
    let target = destination.linked()?.1.map(|target| destination.parent_path().join(target));
    if let Some(target) = target.filter(|target| !target.join("VERSION").is_file()) {
        let message = format!("{}: no Go tree any more", target.display());
        return Err(hint(Failure::new(Code::ReleaseNotFound, message)));
    }
    destination.turn_back(durability).map_err(|error| match error {
        error @ InstallError::NoPrevious { .. } => hint(error.into()),
        error => error.into(),
    })
}

fn describe(turned: &Turned) -> Value {
    let path = |path: &PathBuf| path.display().to_string();
    json!({"link": path(&turned.link), "target": path(&turned.target), "previous": turned.previous.as_ref().map(path)})
}
