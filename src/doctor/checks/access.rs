//! Who may change what runs.
//!
//! - the tree, its `bin` and `pkg/tool`, the programs there, the folder of `go install`, and every folder above them: each
//!   has to belong to root or to the user, and nobody else may write to it. So has everything else in the tree, which is
//!   compiled into programs, and every file in the folder of `go install`; of these one finding stands for all;
//! - in a folder above, the sticky bit suffices: there nobody removes what is not theirs (POSIX XBD §4.5);
//! - paths are looked at with their links resolved, as the system will walk them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::super::finding::{Finding, Kind, word};
use super::super::surroundings::{Surroundings, clean};
use super::super::{AccessFault, Chain};

/// The sticky bit.
#[cfg(unix)]
const STICKY: u32 = 0o1000;
/// The most paths that are looked at in a folder; a release has 18,000.
const PATHS_LIMIT: usize = 100_000;
/// The deepest folder that is looked at; archives end at 64.
const DEPTH_LIMIT: usize = 64;

pub(super) fn check(surroundings: &Surroundings, chain: &Chain) -> (Vec<Finding>, Vec<AccessFault>) {
    let real = |path: &Path| surroundings.work().join(clean(path)).canonicalize().ok();
    let own: BTreeSet<PathBuf> = own_paths(surroundings, chain).iter().filter_map(|path| real(path)).collect();
    let above: BTreeSet<&Path> = own.iter().flat_map(|path| path.ancestors().skip(1)).collect();
    let above = above.into_iter().filter(|path| !own.contains(*path));
    let mut found: Vec<AccessFault> = above.flat_map(|path| faults(path, true)).collect();
    found.extend(own.iter().flat_map(|path| faults(path, false)));
    let mut findings: Vec<Finding> = found.iter().map(finding).collect();
    let folders = [chain.goroot(surroundings), chain.target.folder.clone().ok()];
    for folder in folders.into_iter().flatten().filter_map(|folder| real(&folder)) {
        let within = files_in(&folder).into_iter().filter(|path| !own.contains(path));
        let within: Vec<AccessFault> = within.flat_map(|path| faults(&path, false)).collect();
        let mut kinds: BTreeMap<Kind, Vec<&AccessFault>> = BTreeMap::new();
        within.iter().for_each(|fault| kinds.entry(fault.kind).or_default().push(fault));
        findings.extend(kinds.values().filter_map(|faults| all(&folder, faults)));
        found.extend(within);
    }
    (findings, found)
}

fn own_paths(surroundings: &Surroundings, chain: &Chain) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    if let Some(goroot) = chain.env.path("GOROOT") {
        let host = surroundings.host();
        let (bin, tools) = (goroot.join("bin"), goroot.join("pkg/tool"));
        let of_host = tools.join(format!("{}_{}", host.os(), host.arch()));
        paths.extend(["go", "gofmt"].map(|name| bin.join(surroundings.program(name))));
        paths.extend([goroot.to_owned(), bin, goroot.join("pkg"), tools, of_host]);
    }
    paths.extend(chain.gos.first().map(|go| go.resolved.clone()));
    paths.extend(chain.target.folder.clone().ok());
    paths
}

/// What is below a folder, without links.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![(folder.to_owned(), 0)]);
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_symlink() || files.len() >= PATHS_LIMIT {
                continue;
            }
            if kind.is_dir() && depth < DEPTH_LIMIT {
                folders.push((entry.path(), depth + 1));
            }
            files.push(entry.path());
        }
    }
    files.sort();
    files
}

#[cfg(unix)]
fn faults(path: &Path, is_above: bool) -> Vec<AccessFault> {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(found) = path.symlink_metadata() else { return Vec::new() };
    let (mode, owner) = (found.mode() & 0o7777, found.uid());
    let fault = |kind| AccessFault { kind, path: path.to_owned(), mode, owner };
    let mut faults = Vec::new();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        faults.push(fault(Kind::ForeignOwner));
    }
    if is_above && mode & STICKY != 0 {
        return faults;
    }
    if mode & 0o002 != 0 {
        faults.push(fault(Kind::WritableByOthers));
    } else if mode & 0o020 != 0 {
        faults.push(fault(Kind::WritableByGroup));
    }
    faults
}

/// Windows has lists of rights in the place of modes; they are not looked at.
#[cfg(not(unix))]
fn faults(_: &Path, _: bool) -> Vec<AccessFault> {
    Vec::new()
}

fn finding(fault: &AccessFault) -> Finding {
    let path = word(&fault.path);
    let (how, fix) = match fault.kind {
        Kind::ForeignOwner => (format!("belongs to user {}", fault.owner), format!("chown \"$(id -u)\" {path}")),
        Kind::WritableByOthers => ("may be written to by everybody".to_owned(), format!("chmod go-w {path}")),
        _ => ("may be written to by a group".to_owned(), format!("chmod go-w {path}")),
    };
    let message = format!("{} {how}, and lies on the way to what runs", fault.path.display());
    Finding::new(fault.kind, message, format!("mode {:04o}, owner {}", fault.mode, fault.owner), fix)
}

/// One finding for all faults of a kind in a folder.
fn all(folder: &Path, faults: &[&AccessFault]) -> Option<Finding> {
    let first = faults.first()?;
    let (how, change) = match first.kind {
        Kind::ForeignOwner => {
            (format!("do not belong to the user, but one to user {}", first.owner), "chown -R \"$(id -u)\"")
        }
        Kind::WritableByOthers => ("may be written to by everybody".to_owned(), "chmod -R go-w"),
        _ => ("may be written to by a group".to_owned(), "chmod -R go-w"),
    };
    let message = format!("{} paths in {} {how}, such as {}", faults.len(), folder.display(), first.path.display());
    let evidence = format!("mode {:04o}, owner {}", first.mode, first.owner);
    Some(Finding::new(first.kind, message, evidence, format!("{change} {}", word(folder))))
}
