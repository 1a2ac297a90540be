//! Records of a run for those who were not there: `--summary` for people, `--attest` for programs.
//!
//! - the summary is appended to what the file has. A file that was typed and cannot be written is an error; where the
//!   variable GITHUB_STEP_SUMMARY names it, a warning, since nobody asked;
//! - statements replace what the file has. An older one is removed before anything is verified, so that however a run
//!   ends, no earlier run's statement stands for it; the new one appears in one rename. What is there and is no statement
//!   is not removed: it may have been named by mistake;
//! - neither changes what was found: a rejection stays one whatever can be written.

mod attest;
mod summary;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use goverify::error::{Code, FileError, printable};
use goverify::files::{open_regular, read_bounded};

use super::args::WantedRecords;
use super::failure::Failure;
use super::json::{Outcome, Report};
use super::output::Output;

#[cfg(feature = "net")]
pub(crate) use attest::inputs;
pub(crate) use attest::inputs_of;

/// Makes room for statements.
///
/// # Errors
/// When they could not be written: better now than after a download.
pub(crate) fn prepare(wanted: &WantedRecords) -> Result<(), Failure> {
    let Some(path) = &wanted.files.attest else { return Ok(()) };
    if let Err(error) = path.symlink_metadata()
        && error.kind() == io::ErrorKind::NotFound
    {
        let folder = folder_of(path);
        return if folder.is_dir() { Ok(()) } else { Err(FileError::at(path, "create")(error).into()) };
    }
    let start = read_bounded(open_regular(path)?, path, attest::START.len() as u64)?;
    if !start.is_empty() && !start.starts_with(attest::START.as_bytes()) {
        let message = format!("{}: is no in-toto statement, and is not replaced by one", path.display());
        return Err(Failure::new(Code::Io, message));
    }
    Ok(fs::remove_file(path).map_err(FileError::at(path, "replace"))?)
}

/// Writes the records of what came of a command, and adds to that what could not be written.
pub(crate) fn keep(wanted: &WantedRecords, report: &mut Report, output: &Output) {
    if let Some(path) = &wanted.files.attest {
        let statements = attest::statements(report, wanted.sumdb.as_ref());
        if !statements.is_empty() {
            fail(report, path, write(path, statements.as_bytes()));
        }
    }
    let typed = wanted.files.summary.summary.as_deref();
    let variable = || std::env::var_os("GITHUB_STEP_SUMMARY").filter(|value| !value.is_empty()).map(PathBuf::from);
    match (typed, variable()) {
        (Some(path), _) => fail(report, path, append(path, &summary::of(report))),
        (None, Some(path)) => {
            if let Err(error) = append(&path, &summary::of(report)) {
                let warning = FileError::at(&path, "write")(error).to_string();
                output.warn(&warning);
                report.results.first_mut().into_iter().for_each(|result| result.warnings.push(warning.clone()));
            }
        }
        (None, None) => {}
    }
}

fn fail(report: &mut Report, path: &Path, written: io::Result<()>) {
    if let Err(error) = written {
        let failure = FileError::at(path, "write")(error).into();
        report.results.push(Outcome::failed(printable(&path.display().to_string()), failure));
    }
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    File::options().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut new = tempfile::Builder::new();
    #[cfg(unix)]
    new.permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666));
    let mut new = new.tempfile_in(folder_of(path))?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
