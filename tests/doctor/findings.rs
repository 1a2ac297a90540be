//! Each finding is provoked on a sound machine, found, mended by the line that it advises, and gone.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use goverify::doctor::Kind;

use crate::support::audited::change_a_byte;
use crate::world::{OTHERS, VERSION, World, text};

type Break = fn(&mut World);

/// By codes.
const CASES: [(&str, Break); 44] = [
    ("go-not-found", |world| {
        let tools = world.at("tools");
        world.path(&[&tools]);
    }),
    ("go-is-script", |world| {
        let script = world.script("shims/go", "exec true\n");
        world.path_first(script.parent().unwrap());
    }),
    ("go-shadowed", |world| {
        let other = world.at("other");
        world.install(OTHERS[0], &other);
        let path = format!("{}:{}/bin", world.variables["PATH"], other.display());
        world.set("PATH", path);
    }),
    ("gofmt-of-another-tree", |world| {
        let other = world.at("other");
        world.install(OTHERS[0], &other);
        fs::create_dir(world.at("formatters")).unwrap();
        symlink(other.join("bin/gofmt"), world.at("formatters/gofmt")).unwrap();
        let folder = world.at("formatters");
        world.path_first(&folder);
    }),
    ("path-entry-relative", |world| world.path_first(".".as_ref())),
    ("goroot-unknown", |world| {
        fs::create_dir_all(world.at("alone/bin")).unwrap();
        fs::copy(world.tree().join("bin/go"), world.at("alone/bin/go")).unwrap();
        let folder = world.at("alone/bin");
        world.path_first(&folder);
    }),
    ("goroot-missing", |world| {
        let nowhere = world.at("nowhere");
        world.set("GOROOT", nowhere);
    }),
    ("goroot-not-an-sdk", |world| {
        let home = world.home();
        world.set("GOROOT", home);
    }),
    ("goroot-differs", |world| {
        let copy = world.at("copy");
        world.install(VERSION, &copy);
        world.set("GOROOT", copy);
    }),
    ("goroot-version-differs", |world| {
        let other = world.at("other");
        world.install(OTHERS[0], &other);
        world.set("GOROOT", other);
    }),
    ("tool-missing", |world| fs::remove_file(world.tools().join("compile")).unwrap()),
    ("tool-not-executable", |world| world.set_mode(&world.tools().join("link"), 0o644)),
    ("tool-of-another-platform", |world| fs::write(world.tools().join("asm"), "MZ").unwrap()),
    ("tree-mixed", |world| {
        let host = goverify::release::Platform::host();
        let folder = world.tree().join(format!("pkg/{}_{}", host.os(), host.arch()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("runtime.a"), "!<arch>\n").unwrap();
    }),
    ("tree-modified", |world| change_a_byte(&world.tree().join("src/make.bash"))),
    ("tree-not-audited", |world| fs::remove_file(world.tree().join(".goverify.json")).unwrap()),
    ("gobin-relative", |world| world.set("GOBIN", "bin")),
    ("gobin-across", |world| {
        let folder = world.home().join("go/bin");
        world.set("GOBIN", folder);
        world.set("GOOS", "plan9");
    }),
    ("gobin-missing", |world| fs::remove_dir(world.home().join("go/bin")).unwrap()),
    ("gobin-not-writable", |world| {
        let file = world.at("file");
        fs::write(&file, "").unwrap();
        world.set("GOBIN", file);
    }),
    ("gobin-not-on-path", |world| {
        let folder = world.at("elsewhere");
        fs::create_dir(&folder).unwrap();
        world.set("GOBIN", folder);
    }),
    ("gobin-shadowed", |world| {
        let own = world.script("mine/tool", "exec true\n");
        fs::copy(&own, world.home().join("go/bin/tool")).unwrap();
        world.path_first(own.parent().unwrap());
    }),
    ("gobin-in-cache", |world| {
        let folder = world.at("cache/bin");
        fs::create_dir_all(&folder).unwrap();
        world.set("GOBIN", &folder);
        world.set("GOCACHE", folder.parent().unwrap());
    }),
    ("gobin-in-goroot", |world| {
        let folder = world.tree().join("bin");
        world.set("GOBIN", folder);
    }),
    ("gopath-is-goroot", |world| {
        let tree = world.tree();
        world.set("GOPATH", tree);
    }),
    ("gopath-empty", |world| {
        world.variables.remove("HOME");
    }),
    ("gopath-invalid", |world| world.set("GOPATH", "gopath")),
    ("gocache-off", |world| world.set("GOCACHE", "cache")),
    ("writable-by-others", |world| world.set_mode(&world.tree().join("src"), 0o757)),
    ("writable-by-group", |world| world.set_mode(&world.home(), 0o775)),
    ("foreign-owner", |world| {
        std::os::unix::fs::chown(world.tree().join("bin/go"), Some(12_345), None).unwrap();
    }),
    ("sumdb-off", |world| world.set("GOSUMDB", "off")),
    ("sumdb-skipped", |world| world.set("GOPRIVATE", "*.example")),
    ("insecure-modules", |world| world.set("GOINSECURE", "*.example")),
    ("goflags-weak", |world| world.set("GOFLAGS", "-mod=mod -toolexec=/opt/wrap")),
    ("proxy-insecure", |world| world.set("GOPROXY", "http://proxy.example,direct")),
    ("proxy-direct", |world| world.set("GOPROXY", "direct")),
    ("toolchain-invalid", |world| world.set("GOTOOLCHAIN", "newest")),
    ("toolchain-not-found", |world| world.set("GOTOOLCHAIN", "go1.23.0+path")),
    ("toolchain-downloads", |world| {
        fs::write(world.at("go.mod"), "module m\n\ngo 1.23.0\n").unwrap();
        world.set("GOTOOLCHAIN", "auto");
    }),
    ("toolchain-switches", |world| {
        let other = world.at("other");
        world.install(OTHERS[0], &other);
        fs::create_dir(world.at("named")).unwrap();
        symlink(other.join("bin/go"), world.at("named").join(OTHERS[0])).unwrap();
        let path = format!("{}:{}", world.variables["PATH"], text(&world.at("named")));
        world.set("PATH", path);
        world.set("GOTOOLCHAIN", OTHERS[0]);
    }),
    ("release-unsupported", |world| {
        let other = world.at("other");
        world.install(OTHERS[0], &other);
        world.path_first(&other.join("bin"));
        with_index(world, &["go1.23.0", "go1.22.5", OTHERS[0]]);
    }),
    ("release-outdated", |world| with_index(world, &["go1.23.0", "go1.22.6", "go1.22.5"])),
    ("release-unknown", |world| with_index(world, &["go1.23.0", "go1.22.4"])),
];

/// An index that lists these versions as full releases.
fn with_index(world: &mut World, versions: &[&str]) {
    let releases: Vec<_> =
        versions.iter().map(|version| format!(r#"{{"version":"{version}","stable":true,"files":[]}}"#)).collect();
    fs::write(world.at("index.json"), format!("[{}]", releases.join(","))).unwrap();
    world.arguments = vec!["--index".to_owned(), "index.json".to_owned()];
}

/// What is found beside, where one thing follows from another.
const BESIDE: [(&str, &[&str]); 14] = [
    ("go-not-found", &["gobin-not-on-path"]),
    ("go-is-script", &["go-shadowed"]),
    ("goroot-unknown", &["go-shadowed"]),
    ("goroot-not-an-sdk", &["gobin-in-goroot"]),
    ("tool-missing", &["tree-modified"]),
    ("tool-not-executable", &["tree-modified"]),
    ("tool-of-another-platform", &["tree-modified"]),
    ("tree-mixed", &["tree-modified"]),
    ("gobin-not-writable", &["gobin-not-on-path"]),
    ("gobin-in-cache", &["gobin-not-on-path"]),
    ("gopath-is-goroot", &["gobin-in-goroot"]),
    ("gopath-invalid", &["gobin-not-writable", "gobin-not-on-path"]),
    ("writable-by-others", &["tree-modified"]),
    ("release-unsupported", &["go-shadowed"]),
];

/// What takes a real program to show, as tests/real_doctor.rs does.
const ELSEWHERE: [&str; 1] = ["version-denied"];

#[test]
fn a_sound_machine_has_no_findings() {
    let world = World::sound();
    assert_eq!(world.findings_after(""), [serde_json::Value::Null; 0]);
}

#[test]
fn each_finding_is_found_and_what_it_advises_mends_it() {
    let is_root = rustix::process::geteuid().is_root();
    for (code, break_it) in CASES {
        if code == "foreign-owner" && !is_root {
            crate::support::real::skipped("foreign-owner needs a user who may give a file away");
            continue;
        }
        let mut world = World::sound();
        break_it(&mut world);
        let findings = world.findings_after("");
        let found: Vec<_> = findings.iter().filter(|finding| finding["code"] == code).collect();
        assert!(!found.is_empty(), "{code} is not among {findings:#?}");
        let beside = BESIDE.iter().find(|(of, _)| *of == code).map_or(&[][..], |(_, beside)| *beside);
        let expected: BTreeSet<&str> = beside.iter().copied().chain([code]).collect();
        let codes: BTreeSet<&str> = findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
        assert_eq!(codes, expected, "{code}: {findings:#?}");
        let kind = Kind::ALL.iter().find(|kind| kind.code() == code).unwrap();
        let mut fixes = String::new();
        for finding in found {
            assert_eq!(finding["severity"], kind.severity().as_str());
            assert!(
                !finding["message"].as_str().unwrap().is_empty() && !finding["evidence"].as_str().unwrap().is_empty()
            );
            let fix = finding["fix"].as_str().unwrap();
            assert!(!fix.is_empty() && !fix.contains('\n'), "{finding:#}");
            fixes.push_str(fix);
            fixes.push('\n');
        }
        let left = world.findings_after(&fixes);
        assert!(!left.iter().any(|finding| finding["code"] == code), "{code}: after {fixes} there is {left:#?}");
    }
}

#[test]
fn a_release_that_is_supported_and_the_newest_of_its_series_is_no_finding() {
    let mut world = World::sound();
    with_index(&mut world, &["go1.23.0", "go1.22.5"]);
    assert_eq!(world.findings_after(""), [serde_json::Value::Null; 0]);
}

#[test]
fn every_code_has_a_case() {
    let cases: BTreeSet<_> = CASES.iter().map(|(code, _)| *code).chain(ELSEWHERE).collect();
    let all: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
    assert_eq!(cases, all);
}

/// Ways that lead through a folder to what runs.
const WAYS: [(&str, fn(&mut World, &std::path::Path)); 5] = [
    ("a folder before that of go", |world, folder| world.path_first(folder)),
    ("a link to go", |world, folder| {
        symlink(world.tree().join("bin/go"), folder.join("go")).unwrap();
        symlink(world.tree().join("bin/gofmt"), folder.join("gofmt")).unwrap();
        world.path_first(folder);
    }),
    ("a link to the tree", |world, folder| {
        symlink(world.tree(), folder.join("tree")).unwrap();
        world.set("GOROOT", folder.join("tree"));
    }),
    ("a link to a link", |world, folder| {
        symlink(world.tree(), folder.join("tree")).unwrap();
        symlink(folder.join("tree"), world.at("link")).unwrap();
        world.set("GOROOT", world.at("link"));
    }),
    ("a place for programs that is yet to be made", |world, folder| world.set("GOBIN", folder.join("deep/bin"))),
];

#[test]
fn a_link_is_as_safe_as_the_folder_that_it_stands_in() {
    for (name, lead) in WAYS {
        let mut world = World::sound();
        let folder = world.at("folder").canonicalize().unwrap_or_else(|_| {
            fs::create_dir(world.at("folder")).unwrap();
            world.at("folder").canonicalize().unwrap()
        });
        lead(&mut world, &folder);
        for (mode, expected) in [(0o755, None), (0o777, Some("writable-by-others")), (0o775, Some("writable-by-group"))]
        {
            world.set_mode(&folder, mode);
            let about = format!("{}: ", text(&folder));
            let findings = world.findings_after("");
            let found = findings.iter().find(|finding| finding["evidence"].as_str().unwrap().starts_with(&about));
            assert_eq!(found.map(|finding| finding["code"].as_str().unwrap()), expected, "{name}: {findings:#?}");
        }
    }
}

#[test]
fn what_a_tree_calls_itself_is_run_by_nobody() {
    let world = World::sound();
    fs::write(world.tree().join("VERSION"), "go1.22.5;touch${IFS}pwned #\n").unwrap();
    let findings = world.findings_after("");
    assert!(findings.iter().any(|finding| finding["code"] == "tree-modified"), "{findings:#?}");
    for finding in findings {
        world.shell(finding["fix"].as_str().unwrap());
    }
    assert!(!world.at("pwned").exists());
}
