//! The report in words, for stderr.

use goverify::audit::Drift;
use goverify::error::printable;
use goverify::trust::Trust;
use serde_json::Value;

use super::json::Outcome;

/// ANSI colours, or none.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    pub(crate) colored: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colored { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(crate) fn error(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn hint(self, text: &str) -> String {
        self.paint("36", text)
    }
}

/// One line for the archive and one for each check: ✓ passed, ✗ failed, - neither.
pub(crate) fn outcome(outcome: &Outcome, style: Style, verbose: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(path) = &outcome.selected_by {
        lines.push(format!("as {} asks for", printable(&path.display().to_string())));
    }
    if let Some(archive) = &outcome.archive {
        lines.push(format!("{} from {}", archive.filename, printable(&archive.location)));
    }
    for check in &outcome.checks {
        let (name, status) = (text(check, "check"), text(check, "status"));
        let mark = match status.as_str() {
            "passed" => style.good("✓"),
            "failed" => style.error("✗"),
            "not-requested" if !verbose && name == "transparency" => continue,
            _ => "-".to_owned(),
        };
        let then = if text(check, "source") == "receipt" { " (when it was installed, says the receipt)" } else { "" };
        lines.push(format!("  {mark} {name}: {}{then}", rests_on(check, &name, &status, verbose)));
    }
    if outcome.trust == Some(Trust::DigestOnly.as_str()) {
        lines.push(
            "  - digest-only: nothing says that the Go team made it; it is what the index or --sha256 says".to_owned(),
        );
    }
    if let Some(files) = outcome.unauthenticated_files {
        lines.push(format!("  - {files} files are not in the log's record (api, doc, misc, test), nor are modes"));
    }
    if let Some(installed) = &outcome.installed {
        let how = if installed.already { "already installed" } else { "installed" };
        let confinement = installed.confinement.filter(|_| verbose).map(|level| format!(" (confinement: {level})"));
        let path = printable(&installed.path.display().to_string());
        lines.push(format!("{} files {how} in {path}{}", installed.files, confinement.unwrap_or_default()));
    }
    lines.extend(outcome.warnings.iter().map(|warning| format!("warning: {}", printable(warning))));
    lines
}

/// One line for a path that is not as it was released.
pub(crate) fn drift(drift: &Drift) -> String {
    let detail = drift.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("  {:8}  {}{detail}", drift.change.as_str(), printable(&drift.path))
}

fn rests_on(check: &Value, name: &str, status: &str, verbose: bool) -> String {
    match (name, status) {
        ("digest", "passed") if text(check, "source") == "receipt" => format!("SHA-256 {}", text(check, "actual")),
        ("digest", "passed") => format!("SHA-256 {} as the {} says", text(check, "actual"), text(check, "source")),
        ("digest", "not-requested") => format!("SHA-256 {}, with nothing to compare it with", text(check, "actual")),
        ("digest", "failed") => {
            format!("expected {} ({}), got {}", text(check, "expected"), text(check, "source"), text(check, "actual"))
        }
        ("signature", "passed") => {
            let exception = check.get("sha1_back_signature") == Some(&Value::Bool(true));
            let exception = if exception { ", a key whose back-signature uses SHA-1" } else { "" };
            let hash = if verbose { format!(" over {}", text(check, "hash")) } else { String::new() };
            format!(
                "made {}{hash} by {} of certificate {}{exception}",
                text(check, "created"),
                text(check, "signing_key"),
                text(check, "certificate")
            )
        }
        ("signature", "not-published") => "none published".to_owned(),
        ("layout", "passed") => {
            format!(
                "{} files, {} bytes, the version and platform asked for",
                text(check, "files"),
                text(check, "unpacked_bytes")
            )
        }
        ("transparency", "passed") => format!(
            "record {} of {}{}",
            text(check, "record"),
            text(check, "log"),
            if verbose {
                format!(", in a tree of {}: {}", text(check, "tree_size"), text(check, "h1"))
            } else {
                String::new()
            }
        ),
        ("transparency", "failed") if check.get("expected").is_some() => {
            format!("the log has {}, the files have {}", text(check, "expected"), text(check, "actual"))
        }
        ("transparency", "not-published") => "the log does not hold it".to_owned(),
        ("transparency", "unavailable") if check.get("reason").is_some() => text(check, "reason"),
        ("transparency", "unavailable") => "the log could not be asked".to_owned(),
        _ => status.to_owned(),
    }
}

fn text(check: &Value, field: &str) -> String {
    match check.get(field) {
        Some(Value::String(text)) => printable(text),
        Some(Value::Null) | None => "nothing".to_owned(),
        Some(other) => other.to_string(),
    }
}
