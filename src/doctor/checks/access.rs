//! Who may change what runs.
//!
//! - the tree with its `bin`, `src` and tools, `go`, the folder of `go install`, the file of GOENV, the folders of `PATH` up
//!   to the one that holds `go`, and every folder on the way to them: each has to belong to root or to the user, and
//!   nobody else may write to it. So has everything else in the tree, which is compiled into programs, and every file in
//!   the folder of `go install`; of these one finding stands for all;
//! - the way is walked as the system walks it, link by link: a link is as safe as the folder that it stands in;
//! - in a folder on the way the sticky bit suffices: there nobody removes what is not theirs (POSIX XBD §4.5);
//! - links inside the tree, beside those named above, are not followed. Lists of rights (ACLs) are not looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::finding::{Finding, Kind, set, word};
use super::super::surroundings::{Surroundings, clean};
use super::super::{AccessFault, Chain, STICKY};

/// The most paths that are looked at in a folder; a release has 18,000.
const PATHS_LIMIT: usize = 100_000;
/// The deepest folder that is looked at; archives end at 64.
const DEPTH_LIMIT: usize = 64;
/// Most links that are followed on one way, as Linux has it.
const LINKS_LIMIT: usize = 40;

pub(super) fn check(surroundings: &Surroundings, chain: &Chain) -> (Vec<Finding>, Vec<AccessFault>) {
    let real = |path: &Path| surroundings.work().join(clean(path)).canonicalize().ok();
    let named = own_paths(surroundings, chain);
    let own: BTreeSet<PathBuf> = named.iter().filter_map(|path| real(path)).collect();
    let way: BTreeSet<PathBuf> = named.iter().flat_map(|path| way(&surroundings.work().join(path))).collect();
    let mut found: Vec<AccessFault> =
        way.iter().filter(|path| !own.contains(*path)).flat_map(|path| faults(path, true)).collect();
    found.extend(own.iter().flat_map(|path| faults(path, false)));
    let mut findings: Vec<Finding> = found.iter().map(|fault| finding(fault, chain)).collect();
    let tree = chain.goroot(surroundings).and_then(|tree| real(&tree));
    let programs = chain.target.folder.as_ref().ok().and_then(|folder| real(folder)).filter(|folder| folder.is_dir());
    let within = [
        tree.map(|tree| (files_in(&tree, DEPTH_LIMIT), tree, true)),
        programs.map(|folder| (files_in(&folder, 0), folder, false)),
    ];
    for (files, folder, is_tree) in within.into_iter().flatten() {
        let within = files.into_iter().filter(|path| !own.contains(path));
        let within: Vec<AccessFault> = within.flat_map(|path| faults(&path, false)).collect();
        let mut kinds: BTreeMap<Kind, Vec<&AccessFault>> = BTreeMap::new();
        within.iter().for_each(|fault| kinds.entry(fault.kind).or_default().push(fault));
        findings.extend(kinds.values().filter_map(|faults| all(&folder, faults, is_tree)));
        found.extend(within);
    }
    (findings, found)
}

fn own_paths(surroundings: &Surroundings, chain: &Chain) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    if let Some(goroot) = chain.env.path("GOROOT") {
        let host = chain.env.host();
        let (bin, tools) = (goroot.join("bin"), goroot.join("pkg/tool"));
        let of_host = tools.join(format!("{}_{}", host.os(), host.arch()));
        paths.extend(["go", "gofmt"].map(|name| bin.join(surroundings.program(name))));
        paths.extend(["asm", "compile", "link"].map(|name| of_host.join(surroundings.program(name))));
        paths.extend([goroot.to_owned(), bin, goroot.join("src"), goroot.join("pkg"), tools, of_host]);
    }
    if let Some(go) = chain.gos.first() {
        paths.push(go.path.clone());
        paths.extend(surroundings.search_path().take(go.place));
    }
    paths.extend(chain.env.path("GOENV").map(Path::to_owned));
    // What is not there is made in the nearest folder that is.
    let folder = chain.target.folder.as_ref().ok();
    paths.extend(folder.and_then(|folder| folder.ancestors().find(|path| path.is_dir())).map(Path::to_owned));
    paths
}

/// The folders that are walked through on the way to `path`, those of links on the way too.
fn way(path: &Path) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    let mut left: Vec<OsString> = path.components().rev().map(|part| part.as_os_str().to_owned()).collect();
    let (mut at, mut links) = (PathBuf::new(), 0);
    while let Some(part) = left.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&part);
        match fs::read_link(&next) {
            Ok(target) if links < LINKS_LIMIT => {
                links += 1;
                left.extend(target.components().rev().map(|part| part.as_os_str().to_owned()));
            }
            _ => at = next,
        }
        if !left.is_empty() {
            folders.insert(at.clone());
        }
    }
    folders
}

/// What is in a folder, so many folders deep, without links; with no depth its files alone.
fn files_in(folder: &Path, deepest: usize) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![(folder.to_owned(), 0)]);
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_symlink() || files.len() >= PATHS_LIMIT {
                continue;
            }
            if kind.is_dir() && depth < deepest {
                folders.push((entry.path(), depth + 1));
            }
            if kind.is_file() || deepest > 0 {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

#[cfg(unix)]
fn faults(path: &Path, is_above: bool) -> Vec<AccessFault> {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(found) = path.symlink_metadata() else { return Vec::new() };
    // A link has no rights of its own.
    if found.is_symlink() {
        return Vec::new();
    }
    let (mode, owner) = (found.mode() & 0o7777, found.uid());
    let fault = |kind| AccessFault { kind, path: path.to_owned(), mode, owner, inode: (found.dev(), found.ino()) };
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

fn finding(fault: &AccessFault, chain: &Chain) -> Finding {
    let path = word(&fault.path);
    let (how, fix) = match fault.kind {
        Kind::ForeignOwner => (format!("belongs to user {}", fault.owner), format!("chown \"$(id -u)\" {path}")),
        Kind::WritableByOthers => ("may be written to by everybody".to_owned(), format!("chmod go-w {path}")),
        _ => ("may be written to by a group".to_owned(), format!("chmod go-w {path}")),
    };
    // A folder that is meant for everybody is no place for programs.
    let is_shared = fault.mode & STICKY != 0;
    let by = ["GOBIN", "GOPATH"].into_iter().filter_map(|name| chain.env.find(name)).find(|setting| setting.is_set());
    let fix = match by {
        _ if !is_shared => fix,
        Some(by) => set(by, None),
        None => String::new(),
    };
    let message = format!("{} {how}, and lies on the way to what runs", fault.path.display());
    Finding::new(fault.kind, message, evidence(fault), fix)
}

fn evidence(fault: &AccessFault) -> String {
    format!("{}: mode {:04o}, owner {}", fault.path.display(), fault.mode, fault.owner)
}

/// One finding for all faults of a kind in a folder.
fn all(folder: &Path, faults: &[&AccessFault], is_tree: bool) -> Option<Finding> {
    let first = faults.first()?;
    let (how, change) = match first.kind {
        Kind::ForeignOwner => {
            (format!("do not belong to the user, but one to user {}", first.owner), "chown \"$(id -u)\"")
        }
        Kind::WritableByOthers => ("may be written to by everybody".to_owned(), "chmod go-w"),
        _ => ("may be written to by a group".to_owned(), "chmod go-w"),
    };
    // Of a folder that is no tree, its files alone are programs.
    let kinds = if is_tree { "! -type l" } else { "! -name . -prune -type f" };
    let fix = format!("find {}/. {kinds} -exec {change} {{}} +", word(folder));
    let message = format!("{} paths in {} {how}, such as {}", faults.len(), folder.display(), first.path.display());
    Some(Finding::new(first.kind, message, evidence(first), fix))
}
