//! Other people's programs in Python, where they are at hand.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of programs, Python among them, that knows in-toto-attestation, PyYAML and Ansible; or `None` and a word.
pub fn programs() -> Option<PathBuf> {
    let folder = std::env::var_os("GOVERIFY_PYTHON_PROGRAMS").map(PathBuf::from);
    if folder.is_none() {
        // Past the test harness, which would swallow what a passing test prints.
        std::io::stderr().write_all(b"skipped: GOVERIFY_PYTHON_PROGRAMS is not set\n").unwrap();
    }
    folder
}

/// What a script says, given these arguments.
#[track_caller]
pub fn python(programs: &Path, script: &str, arguments: &[&str]) -> String {
    let output = Command::new(programs.join("python")).args(["-c", script]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
