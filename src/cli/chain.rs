//! A machine's chain of Go paths, as data and in words.

use goverify::doctor::{
    Chain, Diagnosis, Finding, Found, GoEnv, InstallTarget, Origin, Place, Program, Refusal, Setting, Source, Step,
    Surroundings, Toolchain, origin, version_of, without_password,
};
use goverify::error::printable;
use serde_json::{Map, Value, json};

/// What is shown of `go env`, in this order.
const SHOWN: [&str; 18] = [
    "GOROOT",
    "GOPATH",
    "GOBIN",
    "GOCACHE",
    "GOMODCACHE",
    "GOTOOLCHAIN",
    "GOPROXY",
    "GOSUMDB",
    "GONOSUMDB",
    "GONOPROXY",
    "GOPRIVATE",
    "GOINSECURE",
    "GOFLAGS",
    "GOENV",
    "GOOS",
    "GOARCH",
    "GOTOOLDIR",
    "GOVERSION",
];
/// What is shown only where it is asked for, or where somebody has set it.
const DETAILS: [&str; 6] = ["GONOPROXY", "GOPRIVATE", "GOOS", "GOARCH", "GOTOOLDIR", "GOVERSION"];

fn shown(env: &GoEnv) -> impl Iterator<Item = &Setting> {
    SHOWN.into_iter().filter_map(|name| env.find(name))
}

/// The fields of the report.
pub(crate) fn data(surroundings: &Surroundings, diagnosis: &Diagnosis) -> Map<String, Value> {
    let chain = &diagnosis.chain;
    let goroot = chain.goroot(surroundings);
    let programs: Vec<_> = chain.gos.iter().chain(&chain.gofmts).map(program).collect();
    let trees = chain
        .trees
        .iter()
        .map(|tree| json!({"path": tree.path.display().to_string(), "version": tree.version, "manager": tree.manager}));
    let fields = json!({
        "findings": diagnosis.findings.iter().map(finding).collect::<Vec<_>>(),
        "programs": programs,
        "environment": shown(&chain.env).map(setting).collect::<Vec<_>>(),
        "goroot": {
            "path": chain.env.path("GOROOT").map(|path| path.display().to_string()),
            "version": goroot.as_deref().and_then(version_of),
            "holds_go": holds_go(surroundings, chain),
            "steps": chain.env.steps.iter().map(step).collect::<Vec<_>>(),
        },
        "toolchain": toolchain(&chain.toolchain),
        "install": install(&chain.target),
        "trees": trees.collect::<Vec<_>>(),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Whether the first `go`, with its links resolved, is the one in `bin` of GOROOT.
fn holds_go(surroundings: &Surroundings, chain: &Chain) -> Option<bool> {
    let go = chain.gos.first()?;
    let bin = chain.goroot(surroundings)?.join("bin").canonicalize().ok()?;
    Some(go.resolved.parent() == Some(bin.as_path()))
}

fn finding(finding: &Finding) -> Value {
    json!({
        "code": finding.kind.code(), "severity": finding.kind.severity().as_str(), "message": finding.message,
        "evidence": finding.evidence, "fix": finding.fix,
    })
}

fn program(program: &Program) -> Value {
    json!({
        "name": program.name, "path": program.path.display().to_string(),
        "resolved": program.resolved.display().to_string(), "path_element": program.place + 1,
        "version": program.version, "script": program.is_script, "manager": program.manager,
        "goroot": program.tree.as_ref().map(|tree| tree.display().to_string()),
        "tree_version": program.tree.as_deref().and_then(version_of),
    })
}

fn setting(setting: &Setting) -> Value {
    let mut data = json!({
        "name": setting.name, "value": without_password(&setting.value.to_string_lossy()), "origin": word(&setting.origin),
    });
    if let (Origin::Line { path, number, .. }, Some(fields)) = (&setting.origin, data.as_object_mut()) {
        fields.insert("path".to_owned(), path.display().to_string().into());
        fields.insert("line".to_owned(), (*number).into());
    }
    data
}

fn word(origin: &Origin) -> &'static str {
    match origin {
        Origin::Variable => "variable",
        Origin::Line { is_users: true, .. } => "file",
        Origin::Line { .. } => "go.env",
        Origin::Place => "place",
        Origin::BuiltIn => "built-in",
        Origin::Default => "default",
    }
}

fn step(step: &Step) -> Value {
    json!({
        "source": step.source.as_str(), "found": step.found.as_str(),
        "path": step.path.as_ref().map(|path| path.display().to_string()),
    })
}

fn toolchain(toolchain: &Toolchain) -> Value {
    match toolchain {
        Toolchain::Local => json!({"name": "local"}),
        Toolchain::Invalid { .. } => json!({"name": null}),
        Toolchain::Other { name, by, place } => {
            let (place, path) = match place {
                Place::Path(path) => ("path", Some(path)),
                Place::ModuleCache(path) => ("module-cache", Some(path)),
                Place::Download => ("download", None),
                Place::Nowhere => ("nowhere", None),
            };
            json!({
                "name": name, "by": by.as_ref().map(|path| path.display().to_string()), "place": place,
                "path": path.map(|path| path.display().to_string()),
            })
        }
    }
}

fn install(target: &InstallTarget) -> Value {
    let shadowed: Vec<_> = target
        .shadowed
        .iter()
        .map(|one| json!({"found": one.found.display().to_string(), "installed": one.installed.display().to_string()}))
        .collect();
    json!({
        "folder": target.folder.as_ref().ok().map(|folder| folder.display().to_string()),
        "refused": target.folder.as_ref().err().map(|refusal| refused(*refusal)),
        "across": {
            "folder": target.across.as_ref().ok().map(|folder| folder.display().to_string()),
            "refused": target.across.as_ref().err().map(|refusal| refused(*refusal)),
        },
        "path_element": target.place.map(|place| place + 1),
        "shadowed": shadowed,
    })
}

fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::RelativeGobin => "GOBIN is not absolute",
        Refusal::GobinAcross => "GOBIN is set, and the program would be for another platform",
        Refusal::NoGopath => "neither GOBIN nor GOPATH names a folder",
    }
}

/// The chain in words.
pub(crate) fn lines(surroundings: &Surroundings, chain: &Chain, explain: bool, verbose: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for program in chain.gos.iter().chain(&chain.gofmts) {
        let version = program.version.clone().or_else(|| program.tree.as_deref().and_then(version_of));
        let about: Vec<_> = [version, program.manager.map(str::to_owned)].into_iter().flatten().collect();
        let about = if about.is_empty() { String::new() } else { format!("  ({})", about.join(", ")) };
        lines.push(format!("{:11} {}{about}", program.name, program.path.display()));
        if program.path != program.resolved {
            lines.push(format!("{:11} -> {}", "", program.resolved.display()));
        }
    }
    for setting in shown(&chain.env) {
        let is_detail = DETAILS.contains(&setting.name) && !setting.is_set();
        if verbose || !(is_detail || setting.value.is_empty()) {
            let value = without_password(&setting.value.to_string_lossy());
            lines.push(format!("{:11} {value}  ({})", setting.name, origin(&setting.origin)));
        }
    }
    if explain {
        lines.extend(chain.env.steps.iter().map(explained));
    }
    if holds_go(surroundings, chain) == Some(false) {
        lines.push(format!(
            "{:11} not of GOROOT: {}",
            "go",
            chain.gos.first().map_or_else(String::new, |go| go.path.display().to_string())
        ));
    }
    if let Toolchain::Other { name, .. } = &chain.toolchain {
        lines.push(format!("{:11} {name}", "hands over"));
    }
    lines.push(match (&chain.target.folder, chain.target.place) {
        (Ok(folder), Some(place)) => format!("{:11} {}, element {} of PATH", "go install", folder.display(), place + 1),
        (Ok(folder), None) => format!("{:11} {}, which is not in PATH", "go install", folder.display()),
        (Err(refusal), _) => format!("{:11} refused: {}", "go install", refused(*refusal)),
    });
    lines.push(match &chain.target.across {
        Ok(folder) => format!("{:11} for another platform {}", "", folder.display()),
        Err(refusal) => format!("{:11} for another platform refused: {}", "", refused(*refusal)),
    });
    for tree in &chain.trees {
        let version = tree.version.as_deref().unwrap_or("?");
        let manager = tree.manager.map(|manager| format!(", {manager}")).unwrap_or_default();
        lines.push(format!("{:11} {}  ({version}{manager})", "tree", tree.path.display()));
    }
    lines.iter().map(|line| printable(line)).collect()
}

fn explained(step: &Step) -> String {
    let what = match step.source {
        Source::Variable => "the variable GOROOT",
        Source::UserFile => "GOROOT in the file of GOENV",
        Source::Place => "the place of go",
        Source::BuiltIn => "what is built into go",
    };
    let path = step.path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default();
    let found = match step.found {
        Found::Nothing => "says nothing",
        Found::NoTree => "has no pkg/tool",
        Found::Taken => "is taken",
    };
    format!("{:11} {what}:{path} {found}", "")
}

/// One finding in words.
pub(crate) fn finding_lines(finding: &Finding) -> Vec<String> {
    let mut lines = vec![
        format!("{}: {}: {}", finding.kind.severity().as_str(), finding.kind.code(), finding.message),
        format!("  evidence: {}", finding.evidence),
    ];
    if !finding.fix.is_empty() {
        lines.push(format!("  fix: {}", finding.fix));
    }
    lines.iter().map(|line| printable(line)).collect()
}
