//! `goverify inspect`: what Go binaries say of the machines that built them.
//!
//! A folder means every Go binary in it, as for `go version DIR`: it is walked, links to files are followed and links to
//! folders are not, and other files are passed over in silence, but for `-v`. What cannot be read there, and what has a
//! build info that contradicts itself, is a result nevertheless: nobody should take it for inspected.
//!
//! On stdout, what `go version -m` says of each comes first, so that the two can be compared.

use std::path::{Path, PathBuf};

use goverify::error::{Code, FileError, printable};
use goverify::inspect::{
    InspectError, Inspection, LeakGroup, LeakedPath, Module, Occurrence, Source, Standing, Toolchain, inspect,
};
use goverify::release::ReleaseIndex;
use serde_json::{Map, Value, json};

use super::args::{Common, FailOn, Inspect};
use super::failure::Failure;
use super::json::{Outcome, Report};
use super::output::Output;
use super::verify;

/// Most files and folders that are walked for one call.
const ENTRIES_LIMIT: usize = 1_000_000;

/// A file to inspect.
struct Candidate {
    path: PathBuf,
    /// Whether it was named in person, so that it has to be a Go binary.
    is_named: bool,
}

pub(crate) fn run(arguments: &Inspect, common: &Common, output: &Output) -> Report {
    let results = match prepare(arguments) {
        Ok((candidates, index)) => all(arguments, &candidates, index.as_ref(), common, output),
        Err(failure) => vec![Outcome::failed("", failure)],
    };
    Report { command: "inspect", results, listing: None }
}

fn prepare(arguments: &Inspect) -> Result<(Vec<Candidate>, Option<ReleaseIndex>), Failure> {
    let index = arguments.index.as_deref().map(verify::read_index);
    let mut candidates = Vec::new();
    for path in &arguments.binaries {
        if path.is_dir() {
            candidates.extend(walk(path)?.into_iter().map(|path| Candidate { path, is_named: false }));
        } else {
            candidates.push(Candidate { path: path.clone(), is_named: true });
        }
    }
    Ok((candidates, index.transpose()?))
}

/// The files below a folder, in the order of their names.
fn walk(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    let mut entries = 0;
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().map_err(FileError::at(&folder, "read"))? {
            entries += 1;
            if entries > ENTRIES_LIMIT {
                return Err(Failure::new(Code::Io, format!("{}: far too many files", folder.display())));
            }
            let entry = entry.map_err(FileError::at(&folder, "read"))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(FileError::at(&entry.path(), "examine"))?);
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() || kind.is_symlink() && path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Several at a time, with the results in the order of the arguments.
fn all(
    arguments: &Inspect,
    candidates: &[Candidate],
    index: Option<&ReleaseIndex>,
    common: &Common,
    output: &Output,
) -> Vec<Outcome> {
    let results = verify::side_by_side(candidates, |candidate| one(candidate, arguments, index, common, output));
    if results.is_empty() {
        let label = arguments.binaries.first().map(|path| printable(&path.display().to_string())).unwrap_or_default();
        let failure = Failure::new(Code::NotAGoBinary, format!("{label}: no Go binary in it"));
        return vec![Outcome::failed(label, failure)];
    }
    results
}

fn one(
    candidate: &Candidate,
    arguments: &Inspect,
    index: Option<&ReleaseIndex>,
    common: &Common,
    output: &Output,
) -> Option<Outcome> {
    let label = printable(&candidate.path.display().to_string());
    match inspect(&candidate.path) {
        Ok(inspection) => {
            let standing = match (Toolchain::of(&inspection.build_info.version), index) {
                (Toolchain::Release { version, .. }, Some(index)) => Some(Standing::of(&version, index)),
                _ => None,
            };
            let error = arguments.fail_on.and_then(|FailOn::Leak| refusal(&label, &inspection));
            // Either may be long, and one of the two is printed.
            let (mut further, mut told) = (Map::new(), Vec::new());
            if common.json {
                further.insert("binary".to_owned(), describe(&candidate.path, &inspection, standing));
            } else {
                told = lines(&label, &inspection, standing, common.verbose);
            }
            Some(Outcome { label, good: Some("ok"), further, lines: told, error, ..Outcome::default() })
        }
        Err(error @ (InspectError::NotExecutable | InspectError::NoBuildInfo | InspectError::Headers { .. }))
            if !candidate.is_named =>
        {
            if common.verbose {
                output.warn(&format!("{label}: passed over: {error}"));
            }
            None
        }
        Err(error) => {
            let failure = Failure::of(&label, &error);
            Some(Outcome::failed(label, failure))
        }
    }
}

/// Why a binary is not one without leaks.
fn refusal(label: &str, inspection: &Inspection) -> Option<Failure> {
    let paths = inspection.leaked_paths();
    if paths > 0 {
        let roots: Vec<_> = inspection.leaks.iter().take(3).map(|group| printable(&group.root)).collect();
        let more = if inspection.leaks.len() > roots.len() { " and others" } else { "" };
        let (paths, roots) = (counted(paths), roots.join(", "));
        return Some(Failure::new(
            Code::LeakFound,
            format!("{label}: {paths} of the machine that built it, in {roots}{more}"),
        ));
    }
    let unread = inspection.unread.first()?;
    let what = printable(&format!("{}: {}", unread.part, unread.reason));
    Some(Failure::new(Code::BinaryUnread, format!("{label}: it may hold paths where it cannot be read: {what}")))
}

fn describe(path: &Path, inspection: &Inspection, standing: Option<Standing>) -> Value {
    let info = &inspection.build_info;
    let toolchain = Toolchain::of(&info.version);
    let (release, experiments) = match &toolchain {
        Toolchain::Release { version, experiments } => (Some(version.to_string()), experiments.clone()),
        _ => (None, Vec::new()),
    };
    let settings = info.modules.settings.iter().map(|(key, value)| json!({"key": key, "value": value}));
    json!({
        "path": path.display().to_string(),
        "format": inspection.format.as_str(),
        "go": {
            "version": info.version, "kind": toolchain.as_str(), "release": release, "experiments": experiments,
            "standing": standing.map(|standing| standing.to_string()),
        },
        "main": info.modules.path,
        "module": info.modules.main.as_ref().map(module),
        "dependencies": info.modules.dependencies.iter().map(module).collect::<Vec<_>>(),
        "settings": settings.collect::<Vec<_>>(),
        "trimpath": inspection.trimpath,
        "leaks": inspection.leaks.iter().map(group).collect::<Vec<_>>(),
        "unread": inspection.unread.iter().map(|one| json!({"part": one.part, "reason": one.reason})).collect::<Vec<_>>(),
    })
}

fn module(module: &Module) -> Value {
    let replacement = module.replacement.as_deref().map(self::module);
    json!({"path": module.path, "version": module.version, "sum": module.sum, "replacement": replacement})
}

fn group(group: &LeakGroup) -> Value {
    let path =
        |one: &LeakedPath| json!({"path": one.path, "found": one.found.iter().map(occurrence).collect::<Vec<_>>()});
    json!({"kind": group.kind.as_str(), "root": group.root, "paths": group.paths.iter().map(path).collect::<Vec<_>>()})
}

fn occurrence(one: &Occurrence) -> Value {
    let mut fields = Map::from_iter([
        ("source".to_owned(), one.source.as_str().into()),
        ("offset".to_owned(), one.offset.into()),
        ("times".to_owned(), one.times.into()),
    ]);
    let detail = match one.source {
        Source::Flag => "setting",
        _ => "section",
    };
    fields.extend(one.detail.as_ref().map(|text| (detail.to_owned(), text.clone().into())));
    fields.extend(one.inside.map(|offset| ("inside".to_owned(), offset.into())));
    Value::Object(fields)
}

/// What `go version -m` prints, and then what it does not say, by two spaces.
fn lines(label: &str, inspection: &Inspection, standing: Option<Standing>, verbose: bool) -> Vec<String> {
    let info = &inspection.build_info;
    // Tabs stand between fields.
    let fields = |line: &str| line.split('\t').map(printable).collect::<Vec<_>>().join("\t");
    let mut lines = vec![format!("{label}: {}", printable(&info.version))];
    lines.extend(info.modules.lines().iter().map(|line| format!("\t{}", fields(line))));
    let toolchain = Toolchain::of(&info.version);
    let standing = standing.map(|standing| format!(", {standing}")).unwrap_or_default();
    let trimpath = match inspection.trimpath {
        Some(true) => "with -trimpath",
        Some(false) => "without -trimpath",
        None => "with or without -trimpath",
    };
    lines.push(format!("  toolchain: {}{standing}; built {trimpath}", toolchain.as_str()));
    if inspection.leaks.is_empty() {
        lines.push("  no path of the machine that built it found".to_owned());
    }
    for group in &inspection.leaks {
        let mut sources: Vec<_> = group.paths.iter().flat_map(|path| &path.found).map(|one| one.source).collect();
        sources.sort();
        sources.dedup();
        let sources: Vec<_> = sources.into_iter().map(Source::as_str).collect();
        let (kind, root, count) = (group.kind.as_str(), printable(&group.root), counted(group.paths.len()));
        lines.push(format!("  {kind} {root}: {count} ({})", sources.join(", ")));
        if verbose {
            lines.extend(group.paths.iter().flat_map(path_lines));
        }
    }
    let unread = |one: &goverify::inspect::Unread| format!("  not read: {}: {}", one.part, one.reason);
    lines.extend(inspection.unread.iter().map(|one| printable(&unread(one))));
    lines
}

fn counted(paths: usize) -> String {
    if paths == 1 { "1 path".to_owned() } else { format!("{paths} paths") }
}

fn path_lines(path: &LeakedPath) -> impl Iterator<Item = String> {
    let place = |one: &Occurrence| {
        let detail = one.detail.as_ref().map(|detail| format!(" {}", printable(detail))).unwrap_or_default();
        let inside = one.inside.map(|offset| format!(" + {offset:#x} decompressed")).unwrap_or_default();
        let times = if one.times > 1 { format!(", {} times", one.times) } else { String::new() };
        format!("      {}{detail} at {:#x}{inside}{times}", one.source.as_str(), one.offset)
    };
    [format!("    {}", printable(&path.path))].into_iter().chain(path.found.iter().map(place))
}
