//! Findings as the annotations of CI services.
//!
//! - GitHub: one workflow command a finding, with its escapes
//!   (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>);
//! - GitLab: a Code Quality report, for `artifacts:reports:codequality`
//!   (<https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>).

use goverify::doctor::{Finding, Severity};
use goverify::error::printable;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::args::Ci;

/// Where GitLab shows what is in no file of the project.
const LOCATION: &str = "environment";

/// What a service is to be told.
pub(crate) fn lines(service: Ci, findings: &[Finding]) -> Vec<String> {
    match service {
        Ci::Gitlab => vec![Value::from(findings.iter().map(gitlab).collect::<Vec<_>>()).to_string()],
        _ => findings.iter().map(github).collect(),
    }
}

fn github(finding: &Finding) -> String {
    let command = match finding.kind.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let text = if finding.fix.is_empty() {
        finding.message.clone()
    } else {
        format!("{}\nfix: {}", finding.message, finding.fix)
    };
    let text: Vec<_> = text.lines().map(printable).collect();
    let text = text.join("\n").replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    format!("::{command} title=goverify doctor%3A {}::{text}", finding.kind.code())
}

fn gitlab(finding: &Finding) -> Value {
    let severity = match finding.kind.severity() {
        Severity::Error => "critical",
        Severity::Warning => "minor",
        Severity::Info => "info",
    };
    let fingerprint =
        hex::encode(Sha256::digest(format!("{} {} {}", finding.kind.code(), finding.message, finding.evidence)));
    json!({
        "description": finding.message, "check_name": finding.kind.code(), "fingerprint": fingerprint,
        "severity": severity, "location": {"path": LOCATION, "lines": {"begin": 1}},
    })
}
