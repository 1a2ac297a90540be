//! `goverify env`: the lines that let a shell use an installed tree.
//!
//! - a tree counts that has a `VERSION` and a `bin/go`; where a version was asked for, `VERSION` must name it. Whether its
//!   files are those of the release, `audit` tells;
//! - `PATH` gets `GOROOT/bin` before all else, and never an empty element, which would be the current folder; `GOROOT` is
//!   set, since another one in the environment would be used instead; GOTOOLCHAIN is the user's own matter;
//! - every path is quoted by the rules of the shell that will read it: POSIX `sh` (XCU §2.2.2), fish (Quotes), PowerShell
//!   (about_Quoting_Rules; its typographic quotes end a string, too). A path that the list of `PATH` cannot hold or that
//!   is not UTF-8 is refused, and so is one with a line break where a file of GitHub Actions is to hold it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use goverify::doctor::posix_quoted;
use goverify::error::{Code, FileError};
use goverify::release::{Selector, Version};
use serde_json::json;

use super::args::{Env, EnvTree, Shell};
use super::auto::{self, Chosen};
use super::failure::Failure;
use super::json::{Listing, Outcome, Report};
use super::sdk;

/// What separates the elements of `PATH`.
const SEPARATOR: char = if cfg!(windows) { ';' } else { ':' };

pub(crate) fn run(arguments: &Env) -> Report {
    let (results, listing) = match select(arguments) {
        Ok(listing) => (Vec::new(), Some(listing)),
        Err(failure) => (vec![Outcome::failed("", failure)], None),
    };
    Report { command: "env", results, listing }
}

/// A tree, as the shell is told of it.
struct Selected {
    goroot: String,
    bin: String,
    /// The project's file that asked for it.
    by: Option<String>,
}

fn select(arguments: &Env) -> Result<Listing, Failure> {
    let (path, by) = match &arguments.tree {
        EnvTree::Release(choice) => {
            let Chosen { selector, by } = auto::resolve(choice)?;
            (installed(&selector)?, by)
        }
        EnvTree::Folder(path) => (std::path::absolute(path).map_err(FileError::at(path, "make absolute"))?, None),
    };
    let Some(version) = sdk::version_in(&path) else {
        return Err(not_installed(&path, "no Go tree with a VERSION and a bin/go"));
    };
    let selected = Selected {
        goroot: listed(&path)?,
        bin: listed(&path.join("bin"))?,
        by: by
            .map(|path| path.into_os_string().into_string())
            .transpose()
            .map_err(|path| not_text(Path::new(&path)))?,
    };
    let shell = arguments.shell.unwrap_or_else(Shell::of_user);
    if shell == Shell::Github && selected.goroot.contains(['\n', '\r']) {
        let message = format!("{}: a path with a line break cannot stand in a file of lines", selected.goroot);
        return Err(Failure::usage(message));
    }
    let lines = lines(shell, &selected);
    if shell == Shell::Github {
        append("GITHUB_PATH", &selected.bin)?;
        append("GITHUB_ENV", &format!("GOROOT={}", selected.goroot))?;
    }
    let Selected { goroot, bin, by } = selected;
    let data = json!({"GOROOT": goroot, "PATH": bin, "version": version, "selected_by": by});
    Ok(Listing { key: "env", data, lines })
}

/// The default place of what `selector` names among the releases that are there.
fn installed(selector: &Selector) -> Result<PathBuf, Failure> {
    let folder = sdk::folder()?;
    let releases = sdk::releases_in(&folder)?;
    let offered: Vec<_> = releases.iter().map(|version: &Version| (*version, !version.is_prerelease())).collect();
    match selector.choose(&offered) {
        Some(version) => Ok(folder.join(version.to_string())),
        None => Err(not_installed(&folder, &format!("{selector} is not installed here"))
            .with_hint(format!("`goverify fetch {}` installs it", selector.to_string().trim_start_matches("go")))),
    }
}

fn not_installed(path: &Path, reason: &str) -> Failure {
    let failure = Failure::new(Code::ReleaseNotFound, format!("{}: {reason}", path.display()));
    failure.with_hint("`goverify fetch VERSION` installs one, `goverify list --installed` shows what there is")
}

fn not_text(path: &Path) -> Failure {
    Failure::usage(format!("{}: a path that is not UTF-8 cannot be passed on", path.display()))
}

fn listed(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().ok_or_else(|| not_text(path))?;
    if text.contains(SEPARATOR) {
        return Err(Failure::usage(format!("{text}: a path with {SEPARATOR} cannot stand in PATH")));
    }
    Ok(text.to_owned())
}

fn lines(shell: Shell, Selected { goroot, bin, by }: &Selected) -> Vec<String> {
    let fish = |text: &str| quoted(text, |c| if matches!(c, '\'' | '\\') { Some("\\") } else { None });
    let exports = [
        format!("export GOROOT={}", posix_quoted(goroot)),
        format!("export PATH={}\"${{PATH:+:$PATH}}\"", posix_quoted(bin)),
    ];
    match shell {
        Shell::Sh => exports.into(),
        Shell::Fish => vec![format!("set -gx GOROOT {}", fish(goroot)), format!("set -gx PATH {} $PATH", fish(bin))],
        Shell::Powershell => vec![
            format!("$env:GOROOT = {}", powershell(goroot)),
            format!("$env:PATH = {} + $(if ($env:PATH) {{ [IO.Path]::PathSeparator + $env:PATH }})", powershell(bin)),
        ],
        // It undoes what it did by itself when its file is read again, as after a change of what chose the release. Its own
        // PATH_add takes what it adds for a pattern.
        Shell::Direnv => {
            let watch = by.iter().map(|path| format!("watch_file {}", posix_quoted(path)));
            watch.chain(exports).collect()
        }
        Shell::Github => Vec::new(),
    }
}

/// Between single quotes, with `before` what it says stands before a character.
fn quoted(text: &str, before: impl Fn(char) -> Option<&'static str>) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        quoted.extend(before(c));
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        // Each of these is a quote to PowerShell, and is doubled to stand for itself.
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// Adds a line to the file that a variable of GitHub Actions names; one that somebody left unfinished is ended first.
fn append(variable: &str, line: &str) -> Result<(), Failure> {
    let path = std::env::var_os(variable).filter(|path| !path.is_empty());
    let path =
        path.ok_or_else(|| Failure::usage(format!("{variable} is not set: this is no job of GitHub Actions")))?;
    let path = Path::new(&path);
    let append = || {
        let mut file = File::options().read(true).append(true).open(path)?;
        let mut last = [b'\n'];
        if file.metadata()?.len() > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        let end = if last == [b'\n'] { "" } else { "\n" };
        file.write_all(format!("{end}{line}\n").as_bytes())
    };
    Ok(append().map_err(FileError::at(path, "append to"))?)
}
