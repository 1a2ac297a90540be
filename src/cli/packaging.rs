//! `goverify completions` and `goverify man`: what packagers ship beside the binary.

use goverify::error::Code;

use super::args::{self, Completions};
use super::failure::Failure;
use super::json::{Listing, Outcome, Report};

pub(crate) fn completions(arguments: &Completions) -> Report {
    text("completions", "script", &args::completions(arguments))
}

pub(crate) fn man() -> Report {
    match args::man() {
        Ok(page) => text("man", "page", &page),
        Err(error) => {
            let failure = Failure::new(Code::Io, format!("the page cannot be made: {error}"));
            Report { command: "man", results: vec![Outcome::failed("", failure)], listing: None }
        }
    }
}

fn text(command: &'static str, key: &'static str, text: &[u8]) -> Report {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(str::to_owned).collect();
    Report { command, results: Vec::new(), listing: Some(Listing { key, data: text.into(), lines }) }
}
