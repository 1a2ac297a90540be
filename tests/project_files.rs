//! Which release a project's files ask for, and what they may not say; compared with what the `go` command makes of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use goverify::error::{Code, Coded};
use goverify::release::{PROJECT_FILE_SIZE_LIMIT_BYTES, ProjectFile, ReleaseError};

/// What a file says: a release in the words of a selector, nothing, or what is refused.
#[track_caller]
fn says(file: ProjectFile, content: &str) -> Result<Option<String>, String> {
    match file.wanted(content.as_bytes()) {
        Ok(wanted) => Ok(wanted.map(|selector| selector.to_string())),
        Err(error @ ReleaseError::Project { .. }) => {
            assert_eq!(error.code(), Code::Usage);
            Err(error.to_string())
        }
        Err(error) => panic!("{error}"),
    }
}

/// Lines of a `go.mod` behind its first, and the toolchain that they ask for.
const ACCEPTED: [(&str, Option<&str>); 29] = [
    ("", None),
    ("go 1.22.5", Some("go1.22.5")),
    ("go 1.22", Some("go1.22.0")),
    ("go 1.22.0", Some("go1.22.0")),
    ("go 1.21", Some("go1.21.0")),
    ("go 1.20", Some("go1.20")),
    ("go 1.20.3", Some("go1.20.3")),
    ("go 1.22rc1", Some("go1.22rc1")),
    ("go 1.22.5\ntoolchain go1.22.6", Some("go1.22.6")),
    ("toolchain go1.23.1\ngo 1.22.5", Some("go1.23.1")),
    ("toolchain go1.23.1", Some("go1.23.1")),
    ("toolchain go1.23rc1\ngo 1.23", Some("go1.23rc1")),
    ("toolchain go1.22.6\ngo 1.23", Some("go1.23.0")),
    ("toolchain go1.22.5\ngo 1.22.6", Some("go1.22.6")),
    ("toolchain default\ngo 1.22.5", Some("go1.22.5")),
    ("toolchain default", None),
    ("go 1.22.5 // toolchain go1.23.1", Some("go1.22.5")),
    ("go 1.22.5//none", Some("go1.22.5")),
    ("// go 1.23.1\ngo\t1.22.5\t", Some("go1.22.5")),
    ("  go   1.22.5  \r", Some("go1.22.5")),
    ("go 1.22.5\r\ntoolchain go1.22.6\r\n", Some("go1.22.6")),
    ("require (\n\tx.test/go v1.2.3 // )\n)\ngo 1.22.5", Some("go1.22.5")),
    ("require ( // go 1.23.1\n\tx.test/y v1.2.3\n) // x\ngo 1.22.5", Some("go1.22.5")),
    ("require ()\ngo 1.22.5", Some("go1.22.5")),
    ("exclude x.test/y v1.2.3\ngo 1.22.5", Some("go1.22.5")),
    ("replace x.test/y => \"./a (b\" // go 1.23.1\ngo 1.22.5", Some("go1.22.5")),
    ("replace x.test/y => \"./a\\\"//(\"\ngo 1.22.5", Some("go1.22.5")),
    ("require x.test/y v1.2.3 // \u{202e}\ngo 1.22.5", Some("go1.22.5")),
    ("retract [v1.0.0, v1.1.0]\ngo 1.22.5", Some("go1.22.5")),
];

/// Lines of a `go.mod` behind its first, none of which names a release; the `go` command takes none of them either.
const REFUSED: [&str; 32] = [
    "go",
    "go 1.22.5 1.22.6",
    "go go1.22.5",
    "go v1.22.5",
    "go \"1.22.5\"",
    "go 1.022.5",
    "go 1.22.5-rc1",
    "go 1.22.5+meta",
    "go 1",
    "go 1.22.5;rm",
    "go ../1.22.5",
    "go -x",
    "go 1.22.5\ngo 1.22.5",
    "go (\n\t1.22.5\n)",
    "go ( 1.22.5 )",
    "go ()",
    "toolchain",
    "toolchain go1.22.5 go1.22.6",
    "toolchain 1.22.5",
    "toolchain ../go1.22.5",
    "toolchain bash",
    "toolchain -x",
    "toolchain go1.22.5\ntoolchain go1.22.5",
    "toolchain (\n\tgo1.22.5\n)",
    "toolchain \"go1.22.5\"",
    "require (\n\tx.test/y v1.2.3\ngo 1.22.5",
    "require (\n\tx.test/y v1.2.3\n) go 1.22.5",
    "/* x */\ngo 1.22.5",
    "go 1.22.5 /* x */",
    "go\u{a0}1.22.5",
    "go 1.22.5\u{1b}",
    "replace x.test/y => \"./a\ngo 1.22.5",
];

/// What the `go` command would look for in PATH, or ask its proxy for, and what no release of the Go team is called.
const STRANGE_TOOLCHAINS: [&str; 5] = ["go1.22.5-custom", "go1.22", "go1.22.5;rm", "go1.22.5+meta", "go1.22.5-../../x"];

fn module(lines: &str) -> String {
    format!("module x.test/m\n{lines}\n")
}

#[test]
fn a_module_asks_for_its_toolchain_or_for_what_its_go_line_needs() {
    for (lines, wanted) in ACCEPTED {
        for file in [ProjectFile::GoMod, ProjectFile::GoWork] {
            assert_eq!(says(file, &module(lines)), Ok(wanted.map(str::to_owned)), "{lines:?}");
        }
    }
    let latin1 = b"module x.test/m // caf\xe9\ngo 1.22.5\n";
    assert!(ProjectFile::GoMod.wanted(latin1).unwrap().is_some(), "a comment may be in any encoding");
}

#[test]
fn j10_a_module_that_asks_for_no_release_is_refused_by_line() {
    for lines in REFUSED {
        let refusal = says(ProjectFile::GoMod, &module(lines)).unwrap_err();
        assert!(refusal.starts_with("line "), "{lines:?}: {refusal}");
        assert!(!refusal.contains(['\n', '\u{1b}']), "{lines:?}: {refusal}");
    }
    let long = "9".repeat(40);
    for toolchain in STRANGE_TOOLCHAINS.into_iter().chain([format!("go1.{long}").as_str()]) {
        let refusal = says(ProjectFile::GoMod, &module(&format!("go 1.21\ntoolchain {toolchain}"))).unwrap_err();
        assert!(refusal.starts_with("line 3: toolchain \"go1."), "{refusal}");
    }
    assert!(says(ProjectFile::GoMod, &module(&format!("go 1.{long}"))).unwrap_err().starts_with("line 2: "));
}

#[test]
fn other_tools_files_name_a_release_or_a_series() {
    use ProjectFile::{GoVersion, ToolVersions};
    for (file, content, wanted) in [
        (GoVersion, "1.22.5\n", Some("go1.22.5")),
        (GoVersion, "go1.22.5", Some("go1.22.5")),
        (GoVersion, "\r\n# ours\r\n  1.22.5 # since May\r\n1.21.0\r\n", Some("go1.22.5")),
        (GoVersion, "1.22", Some("go1.22")),
        (GoVersion, "latest", Some("stable")),
        (ToolVersions, "golang 1.22.5\n", Some("go1.22.5")),
        (ToolVersions, "go 1.22.5\n", Some("go1.22.5")),
        (ToolVersions, "# golang 1.20\nnodejs 20.1.0\ngolang  1.22.5 1.21.0 # two\n", Some("go1.22.5")),
        (ToolVersions, "golang 1.22\ngo 1.21.0", Some("go1.22")),
        (ToolVersions, "gopls 1.22.5\nnodejs 20.1.0\n", None),
        (ToolVersions, "", None),
    ] {
        assert_eq!(says(file, content), Ok(wanted.map(str::to_owned)), "{content:?}");
    }
    for version in
        ["system", "ref:main", "path:/x", "latest:1.22", "../x", "1.22.5;rm", "-x", "1.22.5-custom", "1.22.x"]
    {
        for (file, content) in [(GoVersion, version.to_owned()), (ToolVersions, format!("golang {version}"))] {
            assert!(says(file, &content).is_err(), "{content:?}");
        }
    }
    for (file, content) in
        [(GoVersion, ""), (GoVersion, "# 1.22.5\n"), (ToolVersions, "golang"), (ToolVersions, "go # 1")]
    {
        assert!(says(file, content).is_err(), "{content:?}");
    }
}

#[test]
fn a_file_that_is_longer_than_any_is_refused() {
    let limit = usize::try_from(PROJECT_FILE_SIZE_LIMIT_BYTES).unwrap();
    for file in ProjectFile::ALL {
        let line = if file == ProjectFile::GoVersion { "1.22.5\n" } else { "go 1.22.5\n" };
        let filled = |length: usize| format!("{line}{}", "\n".repeat(length - line.len()));
        assert!(says(file, &filled(limit)).is_ok(), "{}", file.name());
        assert!(says(file, &filled(limit + 1)).is_err(), "{}", file.name());
    }
}

/// The `go` of the real release, unpacked as far as it needs to be to choose a toolchain; `None`, with a word, if it is
/// not at hand or cannot run here.
fn real_go(folder: &Path) -> Option<PathBuf> {
    let archive =
        std::env::var_os("GOVERIFY_REAL_RELEASES").map(|folder| Path::new(&folder).join("go1.27.1.linux-amd64.tar.gz"));
    let archive = archive.filter(|archive| cfg!(all(target_os = "linux", target_arch = "x86_64")) && archive.is_file());
    let Some(archive) = archive else {
        std::io::stderr()
            .write_all(b"skipped: GOVERIFY_REAL_RELEASES names no go1.27.1.linux-amd64.tar.gz that runs here\n")
            .unwrap();
        return None;
    };
    let mut tar = Command::new("tar");
    let status =
        tar.arg("xzf").arg(archive).arg("-C").arg(folder).args(["go/bin/go", "go/VERSION", "go/go.env"]).status();
    if !status.is_ok_and(|status| status.success()) {
        std::io::stderr().write_all(b"skipped: tar cannot unpack the real release\n").unwrap();
        return None;
    }
    Some(folder.join("go/bin/go"))
}

#[test]
fn the_go_command_chooses_the_same_toolchain_and_refuses_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let Some(go) = real_go(folder.path()) else { return };
    let project = folder.path().join("project");
    fs::create_dir(&project).unwrap();
    let run = |toolchain: &str, arguments: &[&str]| {
        let mut command = Command::new(&go);
        command.args(arguments).current_dir(&project).env_clear();
        command.env("HOME", folder.path()).env("PATH", "").env("GOTOOLCHAIN", toolchain).env("GOPROXY", "off");
        command.env("GOROOT", folder.path().join("go"));
        let output = command.env("GODEBUG", "toolchaintrace=1").env("GOFLAGS", "-mod=mod").output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (lines, wanted) in ACCEPTED {
        fs::write(project.join("go.mod"), module(lines)).unwrap();
        let (edited, said) = run("local", &["mod", "edit", "-json"]);
        assert!(edited, "{lines:?}: {said}");
        // With the oldest toolchain as its own, it would have to switch to whatever is newer.
        let (_, said) = run("go1.1+auto", &["version"]);
        let mut upgrades = said.lines().filter_map(|line| line.strip_prefix("go: upgrading toolchain to "));
        let chosen = upgrades.next_back().and_then(|line| line.split(' ').next());
        // To the go command, `toolchain default` leaves the choice to the user, who has made none here.
        let expected = wanted.filter(|_| !lines.contains("toolchain default"));
        assert_eq!(chosen, expected, "{lines:?}: {said}");
    }
    for lines in REFUSED {
        fs::write(project.join("go.mod"), module(lines)).unwrap();
        let (edited, said) = run("local", &["mod", "edit", "-json"]);
        assert!(!edited, "{lines:?}: {said}");
    }
}
