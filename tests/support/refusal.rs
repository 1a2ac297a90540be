//! What a refused `goverify fetch` looks like: a code, an exit code, a hint, and nothing left.

use super::binary::{Home, Run, snapshot};

/// Asserts that a run with `--json` failed as it should, said what to do, and left nothing.
#[track_caller]
pub fn assert_refused(home: &Home, run: Run, (exit, code): (i32, &str), case: &str) {
    let run = run.exits(exit);
    let result = run.result();
    let error = &result["error"];
    assert_eq!(error["code"], code, "{case}: {result:#}");
    assert_eq!(result["verdict"], if exit == 1 { "rejected" } else { "error" }, "{case}: {result:#}");
    assert!(result["trust"].is_null() && result["installed"].is_null(), "{case}: {result:#}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{case}: {result:#}");
    let hint = error["hint"].as_str();
    let expected = if case.starts_with("page_") { Some("captive portal") } else { hint_of(code) };
    assert!(expected.is_none_or(|word| hint.is_some_and(|hint| hint.contains(word))), "{case}: {result:#}");
    assert_eq!(run.stderr.contains("hint: "), hint.is_some(), "{case}: {run:#?}");
    assert!(run.stderr.contains("error: "), "{case}: {run:#?}");
    home.assert_untouched();
    assert_eq!(snapshot(&home.work()), ["keyring.pgp"], "{case}");
    assert_eq!(home.cached(), [], "{case}: nothing that was refused is worth keeping");
}

/// Words of the next step that everybody who meets this code is told.
fn hint_of(code: &str) -> Option<&'static str> {
    Some(match code {
        "digest-mismatch" | "size-mismatch" | "signature-bad" => "do not use",
        "signature-untrusted-key" => "keys list",
        "signature-time" => "clock",
        "signature-not-published" => "--unsigned",
        "layout-invalid" => "another release",
        "release-not-found" | "platform-not-found" => "goverify list",
        "truncated-download" | "network" => "try again",
        _ => return None,
    })
}
