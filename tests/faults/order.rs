//! The order in which an installation becomes durable, read from a log of its system calls.
//!
//! What a power cut leaves cannot be tried without cutting power; what it may leave follows from this order: data and
//! names reach the disk before the rename that publishes them, and the rename before the end of the run.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::ground::{Ground, Which};

/// One finished call, as strace writes it: its name, and all of its line.
struct Line {
    call: String,
    text: String,
}

/// The calls of a run that succeeds; `None` where there is no strace, or it is not allowed to trace.
fn traced(ground: &Ground, program: &Command) -> Option<Vec<Line>> {
    const CALLS: &str = "syncfs,fsync,fdatasync,sync,sync_file_range,openat,openat2,write,pwrite64,mkdirat,fchmod,\
                         linkat,rename,renameat,renameat2,unlinkat";
    let log = ground.depot.home.work().join("log");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "0", "-e", "signal=none", "-e", &format!("trace={CALLS}"), "-o"]).arg(&log);
    strace.arg(program.get_program()).args(program.get_args());
    let output = ground.depot.home.surround(strace).output().ok();
    let Some(output) = output.filter(|output| !output.stderr.starts_with(b"strace:")) else {
        std::io::stderr().write_all(b"skipped: there is no strace, or it may not trace\n").unwrap();
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(log).unwrap();
    let mut begun: Vec<(String, String)> = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        // Another thread came in between; the call counts where it has ended.
        if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            begun.push((thread.to_owned(), start.to_owned()));
            continue;
        }
        let text = if rest.starts_with("<... ") {
            let at = begun.iter().position(|(other, _)| other == thread).unwrap();
            begun.remove(at).1 + rest.split_once("resumed>").unwrap().1
        } else {
            rest.to_owned()
        };
        if let Some((call, _)) = text.split_once('(') {
            lines.push(Line { call: call.to_owned(), text });
        }
    }
    Some(lines)
}

fn is_sync(line: &Line) -> bool {
    line.call.contains("sync")
}

fn is_rename(line: &Line) -> bool {
    line.call.starts_with("rename") || line.call == "linkat"
}

/// Where the only such line is.
#[track_caller]
fn only(lines: &[Line], what: &str, is_meant: impl Fn(&Line) -> bool) -> usize {
    let found: Vec<usize> = (0..lines.len()).filter(|at| is_meant(&lines[*at])).collect();
    assert_eq!(found.len(), 1, "{what}");
    assert!(lines[found[0]].text.contains(" = 0"), "{}", lines[found[0]].text);
    found[0]
}

/// How strace names an open directory.
fn handle(directory: &Path) -> String {
    format!("<{}>)", directory.display())
}

#[test]
fn f12_data_are_durable_before_the_rename_and_the_rename_before_the_end() {
    for (further, occupied) in [(&[][..], false), (&["--force"], false), (&["--force"], true)] {
        let ground = Ground::new();
        if occupied {
            ground.completes(Which::Second, &[]);
        }
        let Some(lines) = traced(&ground, &ground.command(Which::First, further)) else { return };
        let destination = ground.depot.destination();
        let parent = destination.parent().unwrap();
        let is_staged = |line: &Line| line.text.contains("/.go.goverify-") || line.text.contains("\".go.goverify-");
        let synced = only(&lines, "the tree is synced", |line| line.call == "syncfs" && is_staged(line));
        // A replacement without anything to replace asks for an exchange first, in vain.
        let renamed = only(&lines, "the tree is published", |line| is_rename(line) && line.text.contains(" = 0"));
        let published =
            only(&lines, "its name is synced", |line| line.call == "fsync" && line.text.contains(&handle(parent)));
        assert!(synced < renamed && renamed < published, "{further:?}: {synced} {renamed} {published}");
        // openat(2) where the kernel has no openat2(2).
        let is_open = |line: &Line| line.call.starts_with("openat");
        let changes = ["write", "pwrite64", "openat", "openat2", "mkdirat", "fchmod"];
        let last = lines.iter().rposition(|line| {
            let creates = !is_open(line) || line.text.contains("O_CREAT");
            changes.contains(&line.call.as_str()) && creates && is_staged(line)
        });
        assert!(last.unwrap() < synced, "nothing is changed after the sync: {}", lines[last.unwrap()].text);
        let receipt = lines.iter().position(|line| is_open(line) && line.text.contains(".goverify.json\"")).unwrap();
        assert!(receipt < synced, "the receipt is in the tree before it is synced");
        if occupied {
            let removal = lines.iter().rposition(|line| line.call == "unlinkat" && line.text.contains(".go.goverify-"));
            assert!(removal.unwrap() > published, "the old tree goes when the new one cannot be lost any more");
        } else {
            let above = |line: &Line| line.call == "fsync" && line.text.contains(&handle(parent.parent().unwrap()));
            assert!(only(&lines, "the parent's own name is synced", above) > renamed);
        }
    }
}

#[test]
fn f12_the_weaker_mode_is_the_same_without_any_sync() {
    let ground = Ground::new();
    let Some(lines) = traced(&ground, &ground.command(Which::First, &["--no-sync"])) else { return };
    assert_eq!(lines.iter().filter(|line| is_sync(line)).count(), 0);
    only(&lines, "the tree is published", |line| is_rename(line) && line.text.contains(" = 0"));
}

#[test]
fn f12_an_archive_and_its_companions_are_durable_before_they_have_names() {
    let ground = Ground::new();
    let archive = ground.depot.home.home().join("go.tar.gz");
    let arguments = ["1.22.5", "linux/amd64", "--download-only", "-o", archive.to_str().unwrap()];
    let Some(lines) = traced(&ground, &ground.depot.command(&ground.mirror, &arguments)) else { return };
    let last_sync =
        lines.iter().rposition(|line| line.call == "fsync" && line.text.contains("/.go.tar.gz.goverify-")).unwrap();
    let named: Vec<usize> = (0..lines.len()).filter(|at| is_rename(&lines[*at])).collect();
    assert_eq!(named.len(), 3, "the archive, its digest and its signature");
    let files = lines.iter().filter(|line| line.call == "fsync" && line.text.contains("/.go.tar.gz.goverify-")).count();
    assert_eq!(files, 3);
    assert!(last_sync < named[0]);
    let folder = handle(archive.parent().unwrap());
    let published = only(&lines, "the names are synced", |line| line.call == "fsync" && line.text.contains(&folder));
    assert!(*named.last().unwrap() < published);
}
