//! All that reads arguments and prints: one module a command, over the library.

#[cfg(feature = "net")]
mod already;
mod annotations;
mod args;
mod audit;
mod auto;
mod chain;
#[cfg(feature = "net")]
mod disagreement;
mod doctor;
#[cfg(feature = "net")]
mod download;
mod env;
mod failure;
#[cfg(feature = "net")]
mod fetch;
mod human;
mod inspect;
mod installed;
mod json;
mod keys;
mod keys_update;
#[cfg(feature = "net")]
mod list;
#[cfg(feature = "net")]
mod lock;
#[cfg(feature = "net")]
mod mirror;
#[cfg(feature = "net")]
mod order;
mod output;
mod packaging;
#[cfg(feature = "net")]
mod progress;
mod records;
#[cfg(feature = "net")]
mod runtime;
mod sdk;
#[cfg(feature = "net")]
mod signature;
#[cfg(all(feature = "net", unix))]
mod switch;
#[cfg(feature = "net")]
mod transparency;
mod verify;

use std::process::ExitCode;

use args::{Arguments, Command};
use json::Report;
use output::Output;

/// Parses the arguments, runs the command, and maps what came of it to an exit code.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::of_process() {
        Ok(arguments) => arguments,
        Err(reason) => return Output::json().finish(Report::of_usage_error(&reason)),
    };
    let output = Output::new(&arguments.common);
    let records = arguments.command.records();
    if let Some(failure) = records.as_ref().and_then(|wanted| records::prepare(wanted).err()) {
        return output.finish(Report::of_failure(failure));
    }
    let mut report = match arguments.command {
        Command::Verify(arguments) => verify::run(&arguments, &output),
        Command::Audit(command) => audit::run(&command, &arguments.common, &output),
        Command::Inspect(command) => inspect::run(&command, &arguments.common, &output),
        Command::Keys(args::Keys::List(arguments)) => keys::list(&arguments, &output),
        Command::Keys(args::Keys::Update(command)) => keys_update::run(&command, &arguments.common, &output),
        Command::Completions(arguments) => packaging::completions(&arguments),
        Command::Man => packaging::man(),
        #[cfg(feature = "net")]
        Command::Fetch(command) => fetch::run(command, &arguments.common, &output),
        Command::Env(arguments) => env::run(&arguments),
        Command::Doctor(command) => doctor::run(&command, &arguments.common, &output),
        #[cfg(feature = "net")]
        Command::Mirror(args::Mirror::Pull(command)) => mirror::pull(&command, &arguments.common, &output),
        #[cfg(feature = "net")]
        Command::Mirror(args::Mirror::Check(command)) => mirror::check(&command, &arguments.common, &output),
        #[cfg(feature = "net")]
        Command::List(command) if !command.installed => list::run(&command, &arguments.common),
        Command::List(command) => installed::run(&command.words),
    };
    if let Some(wanted) = &records {
        records::keep(wanted, &mut report, &output);
    }
    output.finish(report)
}
