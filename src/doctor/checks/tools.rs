//! The tools of a tree: there, executable, for this machine, and all of one release.
//!
//! - `asm`, `compile` and `link` are in every release, and `gofmt` beside `go`; the others came and went, and from go1.25
//!   on are built when they are needed;
//! - a tool tells by itself which Go made it. One that another Go made was unpacked over the tree, or left there by one
//!   that was (<https://go.dev/doc/install> says to remove the old tree first); so were archives of the standard library
//!   in a tree of go1.20 or later, which has none.

use std::fs;
use std::path::Path;

use super::super::Chain;
use super::super::finding::{Finding, Kind, reinstall, word};
use super::super::program::{first_word, is_program, start_of, version_of};
use super::super::surroundings::{Surroundings, clean};
use crate::archive::is_program_for;
use crate::inspect::program_facts;
use crate::release::{Platform, Version};

/// Tools that every release has.
const TOOLS: [&str; 3] = ["asm", "compile", "link"];
/// The most tools that are looked at.
const TOOLS_LIMIT: usize = 256;
/// The first series without archives of the standard library.
const FIRST_WITHOUT_ARCHIVES: (u32, u32) = (1, 20);

pub(super) fn check(surroundings: &Surroundings, chain: &Chain) -> Vec<Finding> {
    let Some(goroot) = chain.env.path("GOROOT").map(|path| surroundings.work().join(clean(path))) else {
        return Vec::new();
    };
    let host = chain.env.host();
    let folder = goroot.join("pkg/tool").join(format!("{}_{}", host.os(), host.arch()));
    if !goroot.join("pkg/tool").is_dir() {
        return Vec::new();
    }
    let version = version_of(&goroot);
    let cure = reinstall(&goroot, version.as_deref().unwrap_or("stable"));
    let mut findings = Vec::new();
    let required = TOOLS.map(|tool| folder.join(surroundings.program(tool)));
    let beside = ["go", "gofmt"].map(|program| goroot.join("bin").join(surroundings.program(program)));
    for path in required.iter().chain(&beside).filter(|path| !path.is_file()) {
        let message = format!("{} is not there", path.display());
        findings.push(Finding::new(Kind::ToolMissing, message, path.display().to_string(), cure.clone()));
    }
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten().take(TOOLS_LIMIT);
    let mut tools: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    tools.sort();
    tools.extend(beside.into_iter().filter(|path| path.is_file()));
    let mut strange = Vec::new();
    for tool in &tools {
        if !is_program(tool) {
            let message = format!("{} may not be executed", tool.display());
            let fix = format!("chmod 0755 {}", word(tool));
            findings.push(Finding::new(Kind::ToolNotExecutable, message, tool.display().to_string(), fix));
        }
        if !is_program_for(host, &start_of(tool)) || !runs(surroundings.host(), host) {
            let message = format!("{} is no program for {}", tool.display(), surroundings.host());
            let evidence = tool.display().to_string();
            findings.push(Finding::new(Kind::ToolOfAnotherPlatform, message, evidence, cure.clone()));
        } else if let Some(version) = &version
            && let Some(made_by) = program_facts(tool).ok().and_then(|facts| facts.version)
            // A tree whose own `go` denies VERSION has a finding for that.
            && first_word(&made_by) != first_word(version)
            && tool.parent() != Some(&goroot.join("bin"))
        {
            strange.push((tool, made_by));
        }
    }
    let archives = version.as_ref().and_then(|version| stale_archives(&goroot, host, version));
    if let Some((tool, made_by)) = strange.first() {
        let message = format!(
            "{} tools are not of {}, such as {}, which {made_by} made: one tree was unpacked over another",
            strange.len(),
            version.as_deref().unwrap_or("this release"),
            tool.display(),
        );
        findings.push(Finding::new(Kind::TreeMixed, message, tool.display().to_string(), cure.clone()));
    } else if let Some(path) = archives {
        let message = format!("{} is of an older release: this one was unpacked over it", path.display());
        findings.push(Finding::new(Kind::TreeMixed, message, path.display().to_string(), cure));
    }
    findings
}

/// Whether a machine may run programs for another one, too.
fn runs(machine: &Platform, other: &Platform) -> bool {
    let both = (machine.arch(), other.arch());
    machine == other || matches!(both, ("amd64", "386") | ("arm64", "arm" | "amd64"))
}

/// An archive of the standard library, where the release has none.
fn stale_archives(goroot: &Path, host: &Platform, version: &str) -> Option<std::path::PathBuf> {
    let version: Version = first_word(version).parse().ok()?;
    let path = goroot.join("pkg").join(format!("{}_{}", host.os(), host.arch())).join("runtime.a");
    (version.series() >= FIRST_WITHOUT_ARCHIVES && path.is_file()).then_some(path)
}
