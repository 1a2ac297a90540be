//! `goverify doctor`: is this machine's chain of Go paths sound?
//!
//! - what is found is told with a code, what it rests on, and a line that mends it; an error is exit 1;
//! - the tree is audited by its own receipt, if it has one that proves something, asking nobody;
//! - `--fix` shows each change, asks, and then looks again.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use goverify::doctor::{Diagnosis, Finding, Repair, Severity, Surroundings, repairs};
use goverify::error::{Code, FileError, printable};
use goverify::release::ReleaseIndex;

use super::args::{Ci, Common, Doctor};
use super::failure::Failure;
use super::json::{Outcome, Report};
use super::output::Output;
use super::{annotations, audit, chain, verify};

pub(crate) fn run(arguments: &Doctor, common: &Common, output: &Output) -> Report {
    let outcome = match examine(arguments, common, output) {
        Ok(outcome) => outcome,
        Err(failure) => Outcome::failed("", failure),
    };
    Report { command: "doctor", results: vec![outcome], listing: None }
}

fn examine(arguments: &Doctor, common: &Common, output: &Output) -> Result<Outcome, Failure> {
    let surroundings = Surroundings::of_process().map_err(FileError::at(Path::new("."), "find"))?;
    let index = arguments.index.as_deref().map(verify::read_index).transpose()?;
    let mut diagnosis = diagnose(&surroundings, index.as_ref(), arguments, common);
    let mut outcome = Outcome { good: Some("ok"), ..Outcome::default() };
    if arguments.fix {
        let wanted = repairs(&surroundings, &diagnosis, user());
        let (changed, failures) = repair(&wanted, arguments.yes, output)?;
        outcome.lines.extend(failures.iter().map(|failure| format!("not changed: {}", failure.message)));
        outcome.error = failures.into_iter().next();
        outcome.lines.extend(changed.iter().map(|change| format!("changed: {}", printable(change))));
        outcome.further.insert("changed".to_owned(), changed.into());
        diagnosis = diagnose(&surroundings, index.as_ref(), arguments, common);
    }
    let findings = &diagnosis.findings;
    outcome.further.extend(chain::data(&surroundings, &diagnosis));
    match ci(arguments.ci)? {
        Some(service) => outcome.lines = annotations::lines(service, findings),
        None => {
            if !common.quiet {
                outcome.lines.extend(chain::lines(&surroundings, &diagnosis.chain, arguments.explain, common.verbose));
            }
            let shown = |finding: &&Finding| !common.quiet || finding.kind.severity() == Severity::Error;
            outcome.lines.extend(findings.iter().filter(shown).flat_map(chain::finding_lines));
        }
    }
    let errors = findings.iter().filter(|finding| finding.kind.severity() == Severity::Error);
    let codes: Vec<_> = errors.map(|finding| finding.kind.code()).collect();
    if !codes.is_empty() {
        let message = format!("the chain of Go paths is not sound: {}", codes.join(", "));
        outcome.error = Some(Failure::new(Code::ChainUnsound, message));
    }
    Ok(outcome)
}

fn diagnose(
    surroundings: &Surroundings,
    index: Option<&ReleaseIndex>,
    arguments: &Doctor,
    common: &Common,
) -> Diagnosis {
    let mut diagnosis = Diagnosis::of(surroundings, index);
    if let Some(goroot) = diagnosis.chain.goroot(surroundings) {
        let audited = audit::by_own_receipt(&goroot, &arguments.sumdb, common);
        match audited.map(|outcome| (outcome.error, outcome.drift)) {
            Some((None, _)) => {}
            Some((Some(failure), drift)) if failure.code.is_rejection() => {
                let first = drift.iter().flatten().next().map(|drift| format!(", such as {}", drift.path));
                diagnosis.add_changed(&goroot, format!("{}{}", failure.message, first.unwrap_or_default()));
            }
            _ => diagnosis.add_unaudited(surroundings, &goroot),
        }
    }
    diagnosis
}

fn user() -> u32 {
    #[cfg(unix)]
    {
        rustix::process::geteuid().as_raw()
    }
    #[cfg(not(unix))]
    {
        0
    }
}

/// The service whose annotations are wanted.
fn ci(wanted: Option<Ci>) -> Result<Option<Ci>, Failure> {
    let is_set = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    match wanted {
        Some(Ci::Auto) if is_set("GITHUB_ACTIONS") => Ok(Some(Ci::Github)),
        Some(Ci::Auto) if is_set("GITLAB_CI") => Ok(Some(Ci::Gitlab)),
        Some(Ci::Auto) => Err(Failure::usage("neither GITHUB_ACTIONS nor GITLAB_CI is set: name the service")),
        wanted => Ok(wanted),
    }
}

/// Shows the changes, asks, and makes them. Returns those that were made, and why others were not.
fn repair(wanted: &[Repair], yes: bool, output: &Output) -> Result<(Vec<String>, Vec<Failure>), Failure> {
    if wanted.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    output.tell(&wanted.iter().map(|repair| printable(&repair.to_string())).collect::<Vec<_>>());
    if !yes && !agreed(wanted.len())? {
        return Ok((Vec::new(), Vec::new()));
    }
    let (mut made, mut failures) = (Vec::new(), Vec::new());
    for repair in wanted {
        match repair.apply() {
            Ok(()) => made.push(repair.to_string()),
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    Ok((made, failures))
}

fn agreed(count: usize) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("--fix asks before it changes anything, and there is nobody to ask; --yes agrees"));
    }
    let mut answer = String::new();
    let asked = write!(io::stderr(), "make these {count} changes? [y/N] ").and_then(|()| io::stderr().flush());
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    read.map_err(FileError::at(Path::new("standard input"), "read"))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
