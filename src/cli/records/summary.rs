//! What was verified, in Markdown as GitHub reads it (GFM 0.29).
//!
//! Names of archives, paths and reasons are other people's words. In them every character that could mean something, to
//! Markdown, to HTML or to what makes links of addresses, is written as a character reference, which means itself (GFM
//! §6.2).

use std::fmt::Write;

use goverify::error::printable;
use serde_json::Value;

use super::super::json::{Outcome, Report};

/// A heading and a table with a row for each result, and the reasons of those that failed.
pub(super) fn of(report: &Report) -> String {
    let mut text = format!("### goverify {}\n\n", report.command);
    text.push_str("| archive | verdict | trust | signing key | log record | SHA-256 |\n|---|---|---|---|---|---|\n");
    for outcome in &report.results {
        let signature = outcome.passed("signature").map(|check| word(check, "signing_key"));
        let record = |check| format!("{} of {}", word(check, "record"), word(check, "log"));
        let cells = [
            name(outcome).to_owned(),
            outcome.verdict().to_owned(),
            outcome.trust.unwrap_or_default().to_owned(),
            signature.unwrap_or_default(),
            outcome.passed("transparency").map(record).unwrap_or_default(),
            outcome.sha256().unwrap_or_default().to_owned(),
        ];
        text.push_str(&format!("| {} |\n", cells.map(|cell| literal(&cell)).join(" | ")));
    }
    text.push('\n');
    for failure in report.results.iter().filter_map(|outcome| outcome.error.as_ref()) {
        // Writing into a string does not fail.
        let _ = writeln!(text, "- {}: {}", literal(failure.code.as_str()), literal(&failure.message));
    }
    text + "\n"
}

fn name(outcome: &Outcome) -> &str {
    outcome.archive.as_ref().map_or(&outcome.label, |archive| &archive.filename)
}

fn word(check: &Value, field: &str) -> String {
    match check.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Text that means nothing but itself.
fn literal(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut previous = ' ';
    for c in printable(text).chars() {
        // `www.` would begin a link.
        let plain = c.is_ascii_alphanumeric() || c == '-' || c == ' ' || c == '.' && !matches!(previous, 'w' | 'W');
        if plain {
            written.push(c);
        } else {
            let _ = write!(written, "&#{};", u32::from(c));
        }
        previous = c;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_means_anything_to_markdown() {
        assert_eq!(literal("go1.22.5.linux-amd64.tar.gz"), "go1.22.5.linux-amd64.tar.gz");
        for text in [
            "a|b",
            "\\|",
            "`x`",
            "<img src=x>",
            "[a](b)",
            "*x*_y_",
            "www.a.example",
            "https://a.example",
            "a@b.c",
            "&lt;",
            "~~x~~",
            "#1",
            "!x",
            "é",
        ] {
            let written = literal(text);
            let rest: String =
                written.split('&').map(|part| part.split_once(';').map_or(part, |(_, rest)| rest)).collect();
            assert!(rest.chars().all(|c| c.is_ascii_alphanumeric() || " .-".contains(c)), "{text}: {written}");
            assert!(!written.to_lowercase().contains("www."), "{written}");
        }
        assert_eq!(literal("a\u{1b}\n\u{202e}"), "a&#92;u&#123;1b&#125;&#92;n&#92;u&#123;202e&#125;");
    }
}
