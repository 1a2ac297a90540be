//! The `go` that runs, and the tree that it works with.

use super::super::finding::{Finding, Kind, cut, fetch, posix_quoted, reinstall, set, stated, word};
use super::super::goroot::is_goroot;
use super::super::program::{Program, first_word, version_of};
use super::super::surroundings::{Surroundings, clean};
use super::super::{Chain, GoEnv, Origin};

/// What an SDK has, beside its tools.
const PARTS: [&str; 3] = ["src", "bin", "VERSION"];

pub(super) fn check(surroundings: &Surroundings, chain: &Chain) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(go) = chain.gos.first() else {
        let path = surroundings.variable("PATH").unwrap_or_default().to_string_lossy();
        let fix = fetch("stable");
        findings.push(Finding::new(Kind::GoNotFound, "no go is in PATH", format!("PATH={path}"), fix));
        return findings;
    };
    findings.extend(relative_elements(surroundings, go));
    if go.is_script {
        let manager = go.manager.unwrap_or("a version manager");
        let message = format!("{} is a script of {manager}: what it starts cannot be told here", go.path.display());
        findings.push(Finding::new(Kind::GoIsScript, message, go.path.display().to_string(), fetch("stable")));
    }
    findings.extend(chain.gos.iter().skip(1).filter(|other| other.resolved != go.resolved).map(|other| {
        let message = format!("{} stands before {} in PATH", described(go), described(other));
        Finding::new(Kind::GoShadowed, message, other.path.display().to_string(), without(go, other))
    }));
    findings.extend(gofmt(go, chain));
    findings.extend(tree(surroundings, &chain.started, go));
    findings
}

/// The line that takes a tree's own folder out of `PATH`, where another tree stands before it; other folders may be
/// needed for more than their `go`.
fn without(go: &Program, other: &Program) -> String {
    let folder = other
        .path
        .parent()
        .filter(|folder| go.tree.is_some() && other.tree.as_ref().is_some_and(|tree| tree.join("bin") == **folder));
    folder.map_or_else(String::new, |folder| {
        rest_of_path(&format!("grep -vxF {}", posix_quoted(&folder.display().to_string())))
    })
}

/// The line that keeps the elements of `PATH` that a command lets through, as `PATH` is by then.
fn rest_of_path(filter: &str) -> String {
    format!("PATH=$(printf '%s\\n' \"$PATH\" | tr : '\\n' | {filter} | paste -sd: -)")
}

fn described(program: &Program) -> String {
    let version = program.version.clone().or_else(|| version_of(program.tree.as_deref()?));
    match version {
        Some(version) => format!("{} ({version})", program.path.display()),
        None => program.path.display().to_string(),
    }
}

/// Elements of `PATH` before `go` that depend on the current folder: whoever may write there decides what runs.
fn relative_elements(surroundings: &Surroundings, go: &Program) -> Option<Finding> {
    let elements: Vec<_> = surroundings.search_path().collect();
    let relative = elements.iter().take(go.place + 1).find(|element| !element.is_absolute())?;
    let shown = if relative.as_os_str().is_empty() { ".".into() } else { relative.display().to_string() };
    let message = format!("the element {shown} of PATH is another folder wherever one stands, and comes before go");
    let evidence = format!("PATH={}", surroundings.variable("PATH").unwrap_or_default().to_string_lossy());
    Some(Finding::new(Kind::PathEntryRelative, message, evidence, rest_of_path("grep '^/'")))
}

fn gofmt(go: &Program, chain: &Chain) -> Option<Finding> {
    let tree = go.tree.as_ref()?;
    let own = tree.join("bin");
    let first = chain.gofmts.first();
    if first.is_none_or(|gofmt| gofmt.tree.as_ref() == Some(tree) || gofmt.is_script) {
        return None;
    }
    let first = first?;
    let message = format!("gofmt is {}, and go is of {}", described(first), tree.display());
    let fix = format!("export PATH={}:\"$PATH\"", word(&own));
    Some(Finding::new(Kind::GofmtOfAnotherTree, message, first.path.display().to_string(), fix))
}

/// The tree that GOROOT names, beside the one that `go` is of.
fn tree(surroundings: &Surroundings, env: &GoEnv, go: &Program) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some((setting, goroot)) = env.find("GOROOT").zip(env.path("GOROOT")) else {
        if !go.is_script {
            let message = format!("{} is in no tree, and none was built into it: it gives up", go.path.display());
            let fix = fetch("stable");
            findings.push(Finding::new(Kind::GorootUnknown, message, go.resolved.display().to_string(), fix));
        }
        return findings;
    };
    let is_set = setting.is_set();
    // What is not set follows from the program, and another program is the cure.
    let cure = match setting.origin {
        Origin::Variable => set(setting, None),
        _ if is_set => cut(setting),
        _ => fetch("stable"),
    };
    let folder = surroundings.work().join(clean(goroot));
    if !folder.is_dir() {
        let message = format!("GOROOT is {}, which is no folder", goroot.display());
        findings.push(Finding::new(Kind::GorootMissing, message, stated(setting), cure));
        return findings;
    }
    let lacking = PARTS.into_iter().find(|part| !folder.join(part).exists());
    if let Some(part) = lacking.or_else(|| (!is_goroot(&folder)).then_some("pkg/tool")) {
        let message = format!("GOROOT is {}, which has no {part}: no Go SDK is there", goroot.display());
        findings.push(Finding::new(Kind::GorootNotAnSdk, message, stated(setting), cure));
        return findings;
    }
    let version = version_of(&folder);
    let own = go.tree.as_ref();
    let is_other = own.is_some_and(|own| *own != folder && !folder.canonicalize().is_ok_and(|real| real == *own));
    if let (true, Some(own)) = (is_other, own) {
        let running = go.version.clone().or_else(|| version_of(own));
        let (kind, how) = if running.as_deref().map(first_word) == version.as_deref().map(first_word) {
            (Kind::GorootDiffers, "the same version")
        } else {
            (Kind::GorootVersionDiffers, "another version")
        };
        let named = |version: Option<&String>| version.map_or("?", String::as_str).to_owned();
        let message = format!(
            "GOROOT is {} ({}), and the go that runs is of {} ({}): {how}",
            goroot.display(),
            named(version.as_ref()),
            own.display(),
            named(running.as_ref()),
        );
        findings.push(Finding::new(kind, message, stated(setting), cure));
    }
    if let (Some(own), Some(said)) = (own, &go.version)
        && let Some(version) = version_of(own).filter(|version| first_word(version) != first_word(said))
    {
        let message =
            format!("{} says {version}, and the go there says that it is {said}", own.join("VERSION").display());
        findings.push(Finding::new(
            Kind::VersionDenied,
            message,
            go.resolved.display().to_string(),
            reinstall(own, said),
        ));
    }
    findings
}
