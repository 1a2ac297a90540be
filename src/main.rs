//! The command line program; see `goverify --help` and README.md.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
