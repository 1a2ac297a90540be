//! File systems that are full, read-only, or mounted in the way, in mount namespaces that nobody else sees.

use std::fs;
use std::io::Write;
use std::process::Command;

use serde_json::Value;

use crate::ground::{Case, Ground, Which};
use crate::support::audited::{Audited, drift};
use crate::support::binary::{Home, snapshot};
use crate::support::figures::{count, stride};
use crate::support::sdk::Sdk;
use crate::support::started::noise;

/// Runs a script as root of a user namespace of its own, where it may mount, with the binary's call as `"$0" "$@"`;
/// says so where that is forbidden.
fn in_a_namespace(home: &Home, script: &str, program: &Command) -> Option<String> {
    let mut unshare = Command::new("unshare");
    unshare.args([
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &format!("mount() {{ command mount \"$@\" || exit 99; }}\n{script}"),
    ]);
    unshare.arg(program.get_program()).args(program.get_args());
    let output = home.surround(unshare).output().ok();
    let Some(output) = output.filter(|out| out.status.code() != Some(99) && !out.stderr.starts_with(b"unshare:"))
    else {
        std::io::stderr().write_all(b"skipped: no file system may be mounted here\n").unwrap();
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// One run's end: its exit code, its report, and what it left.
struct End {
    exit: i32,
    result: Value,
    left: Vec<String>,
}

impl End {
    fn code(&self) -> Option<&str> {
        self.result["error"]["code"].as_str()
    }
}

/// Installs onto disks that are mounted with these options, one after the other.
fn on_disks(ground: &Ground, options: &[String]) -> Option<Vec<End>> {
    let (disk, notes) = (ground.depot.home.home(), ground.depot.home.work().join("notes"));
    let _ = fs::remove_dir_all(&notes);
    fs::create_dir(&notes).unwrap();
    let script = format!(
        "number=0
         for options in {options}; do
           mount -t tmpfs -o $options,mode=755 tmpfs '{disk}'
           \"$0\" \"$@\" >'{notes}'/$number.json 2>/dev/null
           echo $? >'{notes}'/$number.exit
           (cd '{disk}' && find . -mindepth 1 -maxdepth 2) >'{notes}'/$number.left
           if test -d '{disk}'/made/go; then cp -a '{disk}'/made/go '{notes}'/$number.tree; fi
           umount '{disk}'
           number=$((number+1))
         done",
        options = options.join(" "),
        disk = disk.display(),
        notes = notes.display(),
    );
    in_a_namespace(&ground.depot.home, &script, &ground.command(Which::First, &[]))?;
    assert_eq!(snapshot(&disk), [""; 0], "the disks were mounted in a namespace that is gone");
    let ends = (0..options.len()).map(|number| {
        let read = |kind: &str| fs::read_to_string(notes.join(format!("{number}.{kind}"))).unwrap();
        let _case = Case(options[number].clone());
        let end = End {
            exit: read("exit").trim().parse().unwrap(),
            result: serde_json::from_str::<Value>(&read("json")).unwrap()["results"][0].clone(),
            left: read("left").lines().map(str::to_owned).collect(),
        };
        if end.exit == 0 {
            assert_eq!(end.left, ["./made", "./made/go"]);
            assert!(ground.whole(&notes.join(format!("{number}.tree"))) == Which::First);
        } else {
            assert_eq!((end.exit, end.code(), &end.left[..]), (5, Some("no-space"), &[][..]), "{:#}", end.result);
            assert!(end.result["error"]["hint"].is_string());
        }
        end
    });
    Some(ends.collect())
}

/// Tries disks of growing size until the tree fits, and one more.
fn grow(ground: &Ground, quick: usize, option: impl Fn(usize) -> String) {
    const AT_ONCE: usize = 32;
    let (mut step, mut full, mut fitting) = (1, 0, 0);
    while fitting < 2 {
        let steps: Vec<usize> = (0..AT_ONCE).map(|number| step + number * stride(quick)).collect();
        let options: Vec<String> = steps.iter().map(|step| option(*step)).collect();
        let Some(ends) = on_disks(ground, &options) else { return };
        for end in &ends {
            full += usize::from(end.exit != 0);
            fitting += usize::from(end.exit == 0);
            assert!(fitting == 0 || end.exit == 0, "a larger disk is full where a smaller one was not");
        }
        step += AT_ONCE * stride(quick);
        assert!(step < 10_000, "nothing fits");
    }
    assert!(full > 0);
    count("full-disks", full);
}

/// With something in it, since most of the files take a page.
fn ground() -> Ground {
    Ground::of(|sdk| sdk.with_file("src/noise", noise(100_000, 1), 0o644))
}

#[test]
fn f07_a_disk_of_any_size_is_full_or_has_room_for_all() {
    grow(&ground(), 7, |step| format!("size={}k", step * 16));
}

#[test]
fn f07_a_disk_without_room_for_names_is_full() {
    grow(&ground(), 3, |step| format!("size=64m,nr_inodes={step}"));
}

/// Runs the binary once after `prepare`, in which `$disk` is the home and `$go` the destination, and `"$0" "$@"` the
/// call, and shows its exit code.
fn exits(ground: &Ground, which: Which, further: &[&str], prepare: &str) -> Option<i32> {
    let script = format!(
        "disk='{}'; go='{}'\n{prepare}\n\"$0\" \"$@\" >'{}' 2>&1; echo $?",
        ground.depot.home.home().display(),
        ground.depot.destination().display(),
        ground.depot.home.work().join("report").display(),
    );
    in_a_namespace(&ground.depot.home, &script, &ground.command(which, further))
        .map(|shown| shown.trim().parse().unwrap())
}

fn report(ground: &Ground) -> Value {
    let text = fs::read_to_string(ground.depot.home.work().join("report")).unwrap();
    // The report for people comes before the document.
    let at = text.find("{\"").or_else(|| text.find("{\n")).unwrap();
    serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>().next().unwrap().unwrap()["results"][0].clone()
}

#[test]
fn f06_a_mount_point_is_not_replaced_and_a_mounted_parent_is_as_good_as_any() {
    let cases: [(&str, &str, &[&str], Option<&str>); 6] = [
        ("mount_point", "mount -t tmpfs tmpfs \"$go\"", &[], Some("destination-exists")),
        ("forced_mount_point", "mount -t tmpfs tmpfs \"$go\"", &["--force"], Some("io")),
        ("bind_mount", "mount --bind \"$disk\" \"$go\"", &[], Some("destination-exists")),
        ("forced_bind_mount", "mount --bind \"$disk\" \"$go\"", &["--force"], Some("io")),
        ("forced_folder", "", &["--force"], None),
        ("mounted_parent", "mount --bind \"$go\"/.. \"$go\"/..", &["--force"], None),
    ];
    for (case, prepare, further, code) in cases {
        let ground = Ground::new();
        let go = ground.depot.destination();
        fs::create_dir_all(go.join("empty")).unwrap();
        let _case = Case(case.to_owned());
        let Some(exit) = exits(&ground, Which::First, further, prepare) else { return };
        let result = report(&ground);
        assert_eq!((exit, result["error"]["code"].as_str()), (code.map_or(0, |_| 5), code), "{result:#}");
        if code.is_none() {
            assert_eq!(ground.installed(), Some(Which::First));
        } else {
            assert_eq!(snapshot(&go), ["empty/"]);
        }
        ground.is_tidy();
    }
}

#[test]
fn f13_what_is_mounted_in_an_old_tree_is_not_removed_with_it() {
    let ground = Ground::new();
    ground.completes(Which::Second, &[]);
    let prepare = "mkdir \"$go\"/pkg/mnt; mount -t tmpfs tmpfs \"$go\"/pkg/mnt; echo 1 >\"$go\"/pkg/mnt/kept";
    let Some(exit) = exits(&ground, Which::First, &["--force"], prepare) else { return };
    assert_eq!(exit, 0);
    let result = report(&ground);
    assert!(result["warnings"][0].as_str().is_some_and(|text| text.contains("could not be removed")), "{result:#}");
    assert_eq!(ground.installed(), Some(Which::First));
    // The mount went with its namespace.
    ground.completes(Which::First, &[]);
}

#[test]
fn f15_a_read_only_destination_is_told_as_such() {
    let ground = Ground::new();
    let to = |options: &str| format!("mount -t tmpfs -o mode=755,{options} tmpfs \"$disk\"");
    for (options, exit) in [("ro", 5), ("rw", 0)] {
        let Some(found) = exits(&ground, Which::First, &[], &to(options)) else { return };
        assert_eq!(found, exit, "{options}");
        if exit == 5 {
            assert_eq!(report(&ground)["error"]["code"], "permission-denied");
        }
    }
}

#[test]
fn f17_what_is_mounted_over_a_tree_is_what_is_audited() {
    let audited = Audited::of(&Sdk::linux_amd64("go1.22.5"));
    let (home, root, key) = (&audited.logged.depot.home, audited.root(), audited.logged.key());
    fs::write(home.work().join("other"), "package greet\n").unwrap();
    fs::create_dir(home.work().join("folder")).unwrap();
    let program = home.command(["audit", "--offline", "--sumdb", &key, "--json", root.to_str().unwrap()]);
    let cases: [(&str, &str, &[&str]); 4] = [
        ("other_file", "mount --bind other \"$go\"/src/greet/greet.go", &["modified src/greet/greet.go"]),
        ("same_file", "mount --bind \"$go\"/src/greet/greet.go \"$go\"/src/greet/greet.go", &[]),
        ("empty_folder", "mount --bind folder \"$go\"/pkg/include", &["missing pkg/include/textflag.h"]),
        ("same_folder", "mount --bind \"$go\"/pkg/include \"$go\"/pkg/include", &[]),
    ];
    for (case, prepare, expected) in cases {
        let script = format!("go='{}'\n{prepare}\n\"$0\" \"$@\" 2>/dev/null || true", root.display());
        let Some(shown) = in_a_namespace(home, &script, &program) else { return };
        let report: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(drift(&report["results"][0]), expected, "{case}");
        assert_eq!(report["exit_code"], i32::from(!expected.is_empty()), "{case}");
    }
}
