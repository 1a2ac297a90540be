//! Where words go: data to stdout, everything else to stderr.
//!
//! A reader that goes away (`goverify list | head -1`) ends the output, not the command: the exit code stays that
//! of the verdict.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use super::args::{Color, Common};
use super::failure::Failure;
use super::human::{self, Style};
use super::json::{Outcome, Report, worst};
use goverify::error::{Code, printable};

/// The two streams, and how much goes there.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
    style: Style,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colored = match common.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => !no_color && io::stderr().is_terminal(),
        };
        Self { json: common.json, quiet: common.quiet, verbose: common.verbose, style: Style { colored } }
    }

    /// For a call that could not be understood.
    pub(crate) fn json() -> Self {
        Self { json: true, quiet: false, verbose: false, style: Style { colored: false } }
    }

    /// Prints what came of one archive, on stderr.
    pub(crate) fn describe(&self, outcome: &Outcome) {
        if !self.quiet {
            self.to_stderr(&human::outcome(outcome, self.style, self.verbose));
        }
    }

    /// Prints what went wrong without harm, or soon will.
    pub(crate) fn warn(&self, warning: &str) {
        if !self.quiet {
            self.to_stderr(&[format!("warning: {}", printable(warning))]);
        }
    }

    /// Prints the data, the errors and the hints, and says how to exit.
    pub(crate) fn finish(&self, report: Report) -> ExitCode {
        let exit_code = report.exit_code();
        for outcome in &report.results {
            // These have one line an archive or a tree on stdout, which names the reason.
            if let Some(failure) = &outcome.error
                && (self.json || !judges(report.command))
            {
                self.to_stderr(&self.error_lines(failure));
            } else if let Some(hint) = outcome.error.as_ref().and_then(|failure| failure.hint.as_ref())
                && !self.quiet
            {
                self.to_stderr(&[format!("{} {hint}", self.style.hint("hint:"))]);
            }
        }
        let written =
            if self.json { print(&[report.to_json().to_string().into()]) } else { print(&self.data(&report)) };
        match written {
            Ok(()) => ExitCode::from(exit_code),
            Err(error) => {
                let failure = Failure::new(Code::Io, format!("standard output: {error}"));
                self.to_stderr(&self.error_lines(&failure));
                ExitCode::from(worst(exit_code, failure.code.exit_code()))
            }
        }
    }

    fn error_lines(&self, failure: &Failure) -> Vec<String> {
        let mut lines = vec![format!("{} {}", self.style.error("error:"), failure.message)];
        lines.extend(failure.hint.as_ref().map(|hint| format!("{} {hint}", self.style.hint("hint:"))));
        lines
    }

    fn data(&self, report: &Report) -> Vec<OsString> {
        if let Some(listing) = &report.listing {
            return listing.lines.iter().map(OsString::from).collect();
        }
        let drift = |outcome: &Outcome| -> Vec<OsString> {
            outcome.drift.iter().flatten().map(|drift| human::drift(drift).into()).collect()
        };
        let lines = |outcome: &Outcome| -> Vec<OsString> {
            let told = outcome.lines.iter().map(OsString::from);
            self.data_line(report.command, outcome).into_iter().chain(drift(outcome)).chain(told).collect()
        };
        report.results.iter().flat_map(lines).collect()
    }

    fn data_line(&self, command: &str, outcome: &Outcome) -> Option<OsString> {
        let judges = judges(command);
        match (&outcome.error, &outcome.installed) {
            (None, _) if judges => (!self.quiet).then(|| format!("OK {}", outcome.label).into()),
            (Some(failure), _) if judges => {
                let word = if failure.code.is_rejection() { "REJECTED" } else { "ERROR" };
                let reason = failure.message.strip_prefix(&format!("{}: ", outcome.label)).unwrap_or(&failure.message);
                Some(format!("{word} {}: {reason}", outcome.label).into())
            }
            // The very bytes, for scripts that use them as a path.
            (None, Some(installed)) => Some(installed.path.clone().into()),
            #[cfg(feature = "net")]
            (None, None) if outcome.mirrored.is_some() => {
                outcome.mirrored.as_ref().map(|mirrored| OsString::from(&mirrored.location))
            }
            (None, None) => outcome.stored.clone().map(OsString::from),
            (Some(_), _) => None,
        }
    }

    /// Prints what a question is about, whatever else is wanted.
    pub(crate) fn tell(&self, lines: &[String]) {
        self.to_stderr(lines);
    }

    fn to_stderr(&self, lines: &[String]) {
        // There is nowhere left to complain to.
        let _ = lines.iter().try_for_each(|line| writeln!(io::stderr(), "{line}"));
    }
}

/// Whether a command has one line on stdout for each thing that it judges, good or not.
fn judges(command: &str) -> bool {
    matches!(command, "verify" | "audit" | "mirror check")
}

fn print(lines: &[OsString]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = lines.iter().try_for_each(|line| stdout.write_all(&[line.as_encoded_bytes(), b"\n"].concat()));
    let written = written.and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
