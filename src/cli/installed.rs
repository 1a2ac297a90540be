//! `goverify list --installed`: the trees of this machine, and the state of each.
//!
//! - `intact`: it has a receipt that nobody but us and root could have written, and is as the receipt says, by the look
//!   that `fetch` takes before it says `already`; that is no proof that it is genuine, which `audit` is for;
//! - `changed`: it has such a receipt, and is not;
//! - `no-receipt`: a `VERSION` and a `bin/go`, and no such receipt;
//! - `incomplete`: anything else.

use std::path::{Path, PathBuf};

use goverify::error::{FileError, printable};
use goverify::install::{Receipt, is_intact};
use goverify::release::{ArchiveName, Platform, Target, Version};
use serde_json::{Value, json};

use super::failure::Failure;
use super::json::{Listing, Outcome, Report};
use super::sdk;

struct Tree {
    path: PathBuf,
    version: Option<String>,
    target: Option<Target>,
    state: &'static str,
}

pub(crate) fn run(further: &[PathBuf]) -> Report {
    let (results, listing) = match list(further) {
        Ok(listing) => (Vec::new(), Some(listing)),
        Err(failure) => (vec![Outcome::failed("", failure)], None),
    };
    Report { command: "list", results, listing }
}

/// The trees in the default folder and those that `further` are or hold, in the order of their versions.
fn list(further: &[PathBuf]) -> Result<Listing, Failure> {
    let mut trees = Vec::new();
    // With no home there is no such folder.
    for path in sdk::folder().map_or(Ok(Vec::new()), |folder| sdk::directories_in(&folder))? {
        trees.push(look_at(path)?);
    }
    for path in further {
        let path = std::path::absolute(path).map_err(FileError::at(path, "make absolute"))?;
        path.metadata().map_err(FileError::at(&path, "examine"))?;
        let tree = look_at(path)?;
        match tree.state {
            "incomplete" => {
                for path in sdk::directories_in(&tree.path)? {
                    trees.push(look_at(path)?);
                }
            }
            _ => trees.push(tree),
        }
    }
    let version = |tree: &Tree| tree.version.as_ref().and_then(|version| version.parse::<Version>().ok());
    trees.sort_by(|a, b| version(b).cmp(&version(a)).then_with(|| a.path.cmp(&b.path)));
    trees.dedup_by(|a, b| a.path == b.path);
    let lines = trees.iter().map(Tree::line).collect();
    Ok(Listing { key: "installed", data: trees.iter().map(Tree::describe).collect(), lines })
}

fn look_at(path: PathBuf) -> Result<Tree, Failure> {
    let version = sdk::version_in(&path);
    let Some(receipt) = Receipt::read(&path)? else {
        let state = if version.is_some() { "no-receipt" } else { "incomplete" };
        let target = version.is_some().then(|| target_of(&path)).flatten();
        return Ok(Tree { version, target, state, path });
    };
    let name = receipt.origin.archive.filename.parse::<ArchiveName>().ok();
    let state = if is_intact(&path, &receipt)? { "intact" } else { "changed" };
    let version = name.as_ref().map(|name| name.version().to_string()).or(version);
    Ok(Tree { version, target: name.map(|name| name.target().clone()), state, path })
}

/// The platform that a tree has tools for, where that is one.
fn target_of(tree: &Path) -> Option<Target> {
    let tools = sdk::directories_in(&tree.join("pkg").join("tool")).ok()?;
    let [one] = tools.as_slice() else { return None };
    let (os, arch) = one.file_name()?.to_str()?.split_once('_')?;
    Platform::new(os, arch).ok().map(Target::Platform)
}

impl Tree {
    fn line(&self) -> String {
        let version = self.version.as_deref().unwrap_or("-");
        let target = self.target.as_ref().map_or_else(|| "-".to_owned(), Target::to_string);
        let (version, path) = (printable(version), printable(&self.path.display().to_string()));
        format!("{version}\t{target}\t{}\t{path}", self.state)
    }

    fn describe(&self) -> Value {
        json!({
            "version": self.version, "platform": self.target.as_ref().map(Target::to_string),
            "path": self.path.display().to_string(), "state": self.state,
        })
    }
}
