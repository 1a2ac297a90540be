//! What the threads that handle an archive are denied on Linux, what the report says of it, and that everything is the
//! same where the kernel can deny nothing.

#![cfg(all(feature = "net", target_os = "linux"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::binary::{Run, assert_installed};
use support::depot::Depot;
use support::sdk::Sdk;

/// The newest version of Landlock's interface of which anything is denied.
const NEWEST: i64 = 10;
/// Threads that decode a `.tar.gz` and a `.zip`; one more unpacks, and those that it starts are as it is.
const DECODERS: [(&str, usize); 2] = [("linux/amd64", 2), ("windows/amd64", 1)];
const STAGING: &str = ".go.goverify-";

fn sdks() -> [Sdk; 2] {
    [Sdk::linux_amd64("go1.22.5"), Sdk::windows_amd64("go1.22.5")]
}

fn skipped(why: &str) {
    std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes()).unwrap();
}

/// What the kernel says that it can deny, asked by another program than ours.
fn kernels_level() -> Option<String> {
    const ASK: &str = "import ctypes as c; print(c.CDLL(None).syscall(444, None, c.c_size_t(0), c.c_uint(1)))";
    let output = Command::new("python3").args(["-c", ASK]).output().ok()?;
    let version: i64 = String::from_utf8(output.stdout).unwrap().trim().parse().ok()?;
    Some(if version > 0 { format!("landlock-{}", version.min(NEWEST)) } else { "none".to_owned() })
}

/// Lets another program start goverify.
fn start_by(depot: &Depot, program: impl AsRef<Path>, arguments: &[&str], goverify: &Command) -> Run {
    let mut outer = Command::new(program.as_ref());
    outer.args(arguments).arg(goverify.get_program()).args(goverify.get_args());
    Run::of(depot.home.surround(outer).output().unwrap())
}

#[test]
fn the_report_says_what_the_kernel_denied() {
    let Some(level) = kernels_level() else { return skipped("python3 is not there to ask the kernel") };
    let depot = Depot::of(&sdks());
    let mirror = depot.write();
    let installed = |further: &[&str]| depot.fetch(&mirror, further).exits(0).result()["installed"].clone();
    for further in [&["--json"][..], &["--json", "--force"], &["--json", "--force", "--no-sync", "--no-receipt"]] {
        assert_eq!(installed(further)["confinement"], level, "{further:?}");
    }
    depot.fetch(&mirror, &["--force"]).exits(0);
    // Nothing is unpacked then.
    let already = installed(&["--json"]);
    assert_eq!((&already["already"], already.get("confinement")), (&Value::Bool(true), None));

    let words = format!("(confinement: {level})");
    for (further, said) in [(&["--force", "-v"][..], true), (&["--force"], false), (&["-v"], false)] {
        let run = depot.fetch(&mirror, further).exits(0);
        assert_eq!(run.stderr.contains(&words), said, "{further:?} {run:#?}");
    }
}

#[test]
fn without_landlock_the_report_says_none_and_the_tree_is_the_same() {
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/without-landlock");
    if !Command::new(&runner).arg("true").status().is_ok_and(|status| status.success()) {
        return skipped(".ci/without-landlock does not run here");
    }
    let kernels: [&[&str]; 4] =
        [&[], &["--errno", "EOPNOTSUPP"], &["--errno", "EPERM"], &["--nor-openat2", "--errno", "ENOSYS"]];
    for kernel in kernels {
        let depot = Depot::of(&sdks());
        let result = start_by(&depot, &runner, kernel, &depot.fetch_command(&depot.write(), &["--json"]));
        let result = result.exits(0).result();
        assert_eq!([&result["trust"], &result["installed"]["confinement"]], ["signature", "none"], "{kernel:?}");
        assert_installed(&depot.destination(), &sdks()[0], true);
    }
}

/// The system calls of each thread, that of the process first; `None` where they cannot be seen.
fn traced(depot: &Depot, goverify: &Command) -> Option<Vec<Vec<String>>> {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("thread");
    let options = ["-ff", "-y", "-s", "4096", "-e", "trace=%file,?landlock_restrict_self", "-o", to.to_str().unwrap()];
    if !Command::new("strace").args(options).arg("true").output().is_ok_and(|output| output.status.success()) {
        return None;
    }
    fs::read_dir(folder.path()).unwrap().for_each(|entry| fs::remove_file(entry.unwrap().path()).unwrap());
    start_by(depot, "strace", &options, goverify).exits(0);
    let number = |path: &Path| path.extension().unwrap().to_str().unwrap().parse::<u32>().unwrap();
    let mut paths: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort_by_key(|path| number(path));
    let lines = |path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    Some(paths.into_iter().map(lines).collect())
}

fn is_restriction(line: &&String) -> bool {
    line.starts_with("landlock_restrict_self(") && line.ends_with(" = 0")
}

/// The names that a system call was given.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

#[test]
fn f04_everything_in_staging_is_named_by_one_component_relative_to_an_open_directory() {
    for (sdk, platform) in sdks().iter().zip(["linux/amd64", "windows/amd64"]) {
        let depot = Depot::of(&sdks());
        let to = depot.destination();
        let wanted = ["1.22.5", platform, "--unsigned", "--to", to.to_str().unwrap()];
        let Some(threads) = traced(&depot, &depot.command(&depot.write(), &wanted)) else {
            return skipped("strace does not run here");
        };
        assert_installed(&to, sdk, true);
        let there: Vec<&String> = threads.iter().flatten().filter(|line| line.contains(STAGING)).collect();
        // Linux before 5.6 has none.
        let has_openat2 = there.iter().any(|line| line.starts_with("openat2(") && !line.contains(" = -1"));
        let (mut files, mut directories) = (0, 0);
        for line in there {
            assert!(!line.contains("AT_FDCWD") && !line.contains("EACCES"), "{line}");
            assert!(names(line).all(|name| !name.contains('/') && name != ".."), "{line}");
            let call = line.split('(').next().unwrap();
            if matches!(call, "openat" | "openat2") {
                let beneath = ["RESOLVE_BENEATH", "RESOLVE_NO_SYMLINKS", "RESOLVE_NO_MAGICLINKS"];
                let is_beneath = call == "openat2" && beneath.iter().all(|flag| line.contains(flag));
                assert!(line.contains("O_NOFOLLOW") && (is_beneath || !has_openat2), "{line}");
                assert_eq!(line.contains("O_CREAT"), line.contains("O_EXCL"), "{line}");
                files += usize::from(line.contains("O_CREAT") && !line.contains(" = -1"));
            } else {
                assert!(matches!(call, "mkdirat" | "renameat2" | "newfstatat" | "statx"), "{line}");
                directories += usize::from(call == "mkdirat");
            }
        }
        // With the receipt, and at least `bin` and the staging directory itself.
        assert_eq!(files, sdk.files().len() + 1);
        assert!(directories > 1);
    }
}

#[test]
fn threads_that_decode_and_unpack_are_confined_and_never_want_what_they_are_denied() {
    let Some(level) = kernels_level() else { return skipped("python3 is not there to ask the kernel") };
    for (platform, decoders) in DECODERS {
        let depot = Depot::of(&sdks());
        let to = depot.destination();
        let wanted = ["1.22.5", platform, "--unsigned", "--to", to.to_str().unwrap()];
        let Some(threads) = traced(&depot, &depot.command(&depot.write(), &wanted)) else {
            return skipped("strace does not run here");
        };
        let confined: Vec<&Vec<String>> =
            threads.iter().filter(|lines| lines.iter().any(|line| is_restriction(&line))).collect();
        if level == "none" {
            assert_eq!(confined.len(), 0);
            return skipped("this kernel has no Landlock");
        }
        assert_eq!(confined.len(), decoders + 1, "{platform}");
        assert!(!threads[0].iter().any(|line| is_restriction(&line)), "who commits and cleans up stays free");
        let after = |lines: &Vec<String>| {
            let at = lines.iter().position(|line| is_restriction(&line)).unwrap();
            lines[at + 1..].to_vec()
        };
        let mut unpacking = 0;
        for lines in confined {
            let wants: Vec<String> = after(lines).into_iter().filter(|line| names(line).next().is_some()).collect();
            assert!(wants.iter().all(|line| line.contains(STAGING) && !line.contains("EACCES")), "{wants:#?}");
            unpacking += usize::from(!wants.is_empty());
        }
        assert_eq!(unpacking, 1, "{platform}: who decodes names no file at all");
    }
}
