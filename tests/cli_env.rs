//! `goverify env`: what it prints is run by the shells that it is for, with paths that nobody should have.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use goverify::release::Platform;
use serde_json::json;
use support::binary::{Home, Run};
use support::sdk::{Files, Sdk};

/// Folder names that a shell could take for something else.
#[cfg(unix)]
const HOSTILE: [&str; 13] = [
    "go",
    "with space",
    "it's",
    "'; touch pwned; '",
    "$(touch pwned)",
    "`touch pwned`",
    "$HOME \"x\" %PATH%",
    "back\\slash\\",
    "-n",
    "a\u{2019}; touch pwned; \u{2018}b",
    "#!~*?[x]{a,b}&|<>",
    "\u{e9}t\u{e9} \u{4e16}",
    "line\nbreak\t",
];

fn host_sdk(version: &str) -> Sdk {
    Sdk::minimal(version, &Platform::host().to_string())
}

/// Puts a tree of these files at `path`.
fn put(path: &Path, files: &Files) {
    for (name, (content, _)) in files {
        let path = path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn put_release(home: &Home, version: &str) -> PathBuf {
    let path = home.home().join("sdk").join(version);
    put(&path, host_sdk(version).files());
    path
}

/// Lets a shell read what is printed for `tree`, and tell both variables, each between two bytes that no path has.
#[cfg(unix)]
fn read_back(home: &Home, shell: &[&str], printed: &str, tell: &str, path: Option<&str>) -> (String, String) {
    let script = format!("{printed}\n{tell}\n");
    let file = home.temporary().join("script.ps1");
    fs::write(&file, script).unwrap();
    let mut command = home.surround(Command::new(shell[0]));
    command.args(&shell[1..]).arg(&file);
    match path {
        Some(path) => command.env("PATH", path),
        None => command.env_remove("PATH"),
    };
    let run = Run::of(command.output().unwrap()).exits(0);
    let mut told = run.stdout.split('\u{1}').skip(1);
    let told = (told.next().unwrap().to_owned(), told.next().unwrap().to_owned());
    assert!(!home.work().join("pwned").exists(), "{printed}");
    told
}

#[cfg(unix)]
fn has(program: &str) -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join(program))
        .find(|p| p.is_file());
    if found.is_none() {
        std::io::stderr().write_all(format!("skipped: {program} is not here\n").as_bytes()).unwrap();
    }
    found
}

#[cfg(unix)]
#[test]
fn what_is_printed_selects_the_tree_whatever_its_path_is() {
    const POSIX: &str = r#"printf '\001%s\001%s\001' "$GOROOT" "$PATH""#;
    const FISH: &str = r"printf '\001%s\001%s\001' $GOROOT (string join : $PATH | string collect --no-trim-newlines)";
    const POWERSHELL: &str = "[Console]::Out.Write(\"`u{1}$env:GOROOT`u{1}$env:PATH`u{1}\")";
    let shells: [(&str, &str, &[&str], &str); 6] = [
        ("sh", "sh", &[], POSIX),
        ("sh", "dash", &[], POSIX),
        ("sh", "bash", &["--norc"], POSIX),
        ("sh", "zsh", &["-f"], POSIX),
        ("fish", "fish", &["--no-config"], FISH),
        ("powershell", "pwsh", &["-NoProfile", "-File"], POWERSHELL),
    ];
    for (format, program, flags, tell) in shells {
        let Some(shell) = has(program) else { continue };
        let shell = [&[shell.to_str().unwrap()], flags].concat();
        let home = Home::new();
        for name in HOSTILE {
            let tree = home.home().join(name);
            put(&tree, host_sdk("go1.22.5").files());
            let printed = home.run(["env", tree.to_str().unwrap(), "--shell", format]).exits(0).stdout;
            // `string join` puts a line break behind what it joins.
            let trimmed = |text: &str| text.strip_suffix('\n').filter(|_| program == "fish").unwrap_or(text).to_owned();
            let (goroot, path) = read_back(&home, &shell, &printed, tell, Some("/usr/bin:/bin"));
            assert_eq!(goroot, tree.to_str().unwrap(), "{program} {name:?}: {printed}");
            assert_eq!(
                trimmed(&path),
                format!("{}/bin:/usr/bin:/bin", tree.display()),
                "{program} {name:?}: {printed}"
            );
        }
        // Without a PATH there is no empty element, which would be the current folder. Other shells have a default.
        if program == "sh" {
            let tree = home.home().join("go");
            let printed = home.run(["env", tree.to_str().unwrap(), "--shell", format]).exits(0).stdout;
            let (_, path) = read_back(&home, &shell, &printed, tell, Some(""));
            assert_eq!(path, format!("{}/bin", tree.display()));
        }
    }
}

#[cfg(unix)]
#[test]
fn the_selected_go_runs_in_a_shell() {
    if Platform::host().to_string() != "linux/amd64" {
        std::io::stderr().write_all(b"skipped: the SDKs of these tests run on linux/amd64 alone\n").unwrap();
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let tree = put_release(&home, "go1.22.5");
    fs::set_permissions(tree.join("bin/go"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut shell = home.surround(Command::new("sh"));
    shell.args(["-c", "eval \"$($0 env 1.22.5)\" && go version", env!("CARGO_BIN_EXE_goverify")]);
    let run = Run::of(shell.env("SHELL", "/bin/sh").output().unwrap()).exits(0);
    assert_eq!(run.stdout, "go version go1.22.5 linux/amd64\n");
}

#[cfg(unix)]
#[test]
fn direnv_loads_it_and_watches_what_chose_it() {
    let home = Home::new();
    let tree = put_release(&home, "go1.22.5");
    fs::write(home.work().join("go.mod"), "module x\ngo 1.22.5\n").unwrap();
    let printed = home.run(["env", "auto", "--shell", "direnv"]).exits(0).stdout;
    assert!(printed.contains("watch_file '") && printed.contains("/go.mod'\n"), "{printed}");
    let watched = home.run(["env", "1.22.5", "--shell", "direnv"]).exits(0).stdout;
    assert!(!watched.contains("watch_file"), "{watched}");
    let Some(direnv) = has("direnv") else { return };
    for name in HOSTILE {
        let other = home.home().join("trees").join(name);
        put(&other, host_sdk("go1.22.5").files());
        for (printed, tree) in [
            (printed.clone(), &tree),
            (home.run(["env", other.to_str().unwrap(), "--shell", "direnv"]).exits(0).stdout, &other),
        ] {
            fs::write(home.work().join(".envrc"), printed).unwrap();
            let direnv = |arguments: &[&str]| {
                let mut command = home.surround(Command::new(&direnv));
                Run::of(command.args(arguments).env("XDG_DATA_HOME", home.cache()).output().unwrap()).exits(0)
            };
            direnv(&["allow"]);
            let run = direnv(&["exec", ".", "sh", "-c", r#"printf '%s\001%s' "$GOROOT" "$PATH""#]);
            let (goroot, path) = run.stdout.split_once('\u{1}').unwrap();
            assert_eq!(goroot, tree.to_str().unwrap());
            assert!(path.starts_with(&format!("{}/bin:", tree.display())), "{path}");
            assert!(!home.work().join("pwned").exists());
        }
    }
}

#[test]
fn github_gets_lines_in_its_files() {
    let home = Home::new();
    let (path_file, env_file) = (home.work().join("path"), home.work().join("env"));
    let run = |tree: &Path| {
        let mut command = home.command(["env", tree.to_str().unwrap(), "--shell", "github", "--json"]);
        Run::of(command.env("GITHUB_PATH", &path_file).env("GITHUB_ENV", &env_file).output().unwrap())
    };
    let tree = home.home().join(if cfg!(unix) { "it's $(touch x)<<EOF" } else { "it's" });
    put(&tree, host_sdk("go1.22.5").files());
    // Somebody before has not ended a line.
    fs::write(&path_file, "/opt/bin\n").unwrap();
    fs::write(&env_file, "A=1").unwrap();
    run(&tree).exits(0);
    run(&tree).exits(0);
    let (bin, goroot) = (tree.join("bin").display().to_string(), tree.display().to_string());
    assert_eq!(fs::read_to_string(&path_file).unwrap(), format!("/opt/bin\n{bin}\n{bin}\n"));
    assert_eq!(fs::read_to_string(&env_file).unwrap(), format!("A=1\nGOROOT={goroot}\nGOROOT={goroot}\n"));

    let before = (fs::read(&path_file).unwrap(), fs::read(&env_file).unwrap());
    if cfg!(unix) {
        for name in ["line\nLD_PRELOAD=/tmp/x", "line\rbreak"] {
            let tree = home.home().join(name);
            put(&tree, host_sdk("go1.22.5").files());
            assert_eq!(run(&tree).exits(2).error_code(), "usage", "{name:?}");
        }
    }
    assert_eq!(run(Path::new("missing")).exits(3).error_code(), "release-not-found");
    assert_eq!((fs::read(&path_file).unwrap(), fs::read(&env_file).unwrap()), before);
    // Elsewhere there are no such files.
    let mut command = home.command(["env", tree.to_str().unwrap(), "--shell", "github"]);
    Run::of(command.env_remove("GITHUB_PATH").env_remove("GITHUB_ENV").output().unwrap()).exits(2);
}

#[test]
fn a_release_is_chosen_among_those_that_are_here() {
    let home = Home::new();
    let versions = ["go1.21.13", "go1.22.4", "go1.22.5", "go1.23rc1"];
    versions.iter().for_each(|version| _ = put_release(&home, version));
    // None of these is a tree of that release.
    put(&home.home().join("sdk/go1.22.9"), host_sdk("go1.22.8").files());
    put(&home.home().join("sdk/go1.22.10"), host_sdk("go1.22.10").without("VERSION").files());
    fs::create_dir_all(home.home().join("sdk/go1.22.11")).unwrap();
    fs::write(home.work().join(".go-version"), "1.21\n").unwrap();
    for (word, version) in [
        ("1.22.4", "go1.22.4"),
        ("go1.22.4", "go1.22.4"),
        ("1.22", "go1.22.5"),
        ("stable", "go1.22.5"),
        ("oldstable", "go1.21.13"),
        ("1.23rc1", "go1.23rc1"),
        ("auto", "go1.21.13"),
    ] {
        let document = home.run(["env", word, "--json"]).exits(0).json();
        assert_eq!([&document["command"], &document["verdict"]], ["env", "ok"]);
        let tree = home.home().join("sdk").join(version);
        let by = if word == "auto" {
            json!(fs::canonicalize(home.work()).unwrap().join(".go-version"))
        } else {
            json!(null)
        };
        let expected = json!({"GOROOT": tree, "PATH": tree.join("bin"), "version": version, "selected_by": by});
        assert_eq!(document["env"], expected, "{word}");
    }
    for word in ["1.22.6", "1.24", "1.22.9", "1.22.10", "1.22.11"] {
        let run = home.run(["env", word, "--json"]).exits(3);
        assert_eq!(run.error_code(), "release-not-found", "{word}");
        let hint = format!("`goverify fetch {word}` installs it");
        assert_eq!(run.result()["error"]["hint"], hint);
        assert_eq!(home.run(["env", word]).exits(3).stdout, "");
    }
}

#[test]
fn a_folder_counts_that_has_a_version_and_a_program() {
    let home = Home::new();
    let sdk = host_sdk("go1.22.5");
    let program = format!("bin/go{}", std::env::consts::EXE_SUFFIX);
    let whole = home.home().join("whole");
    put(&whole, sdk.files());
    for missing in ["VERSION", &program] {
        let path = home.home().join("part");
        put(&path, sdk.clone().without(missing).files());
        for path in [path.to_str().unwrap(), "../home/part"] {
            assert_eq!(home.run(["env", path, "--json"]).exits(3).error_code(), "release-not-found", "{missing}");
        }
        fs::remove_dir_all(path).unwrap();
    }
    for path in ["../home/whole", "../home/whole/"] {
        let document = home.run(["env", path, "--json"]).exits(0).json();
        assert!(Path::new(document["env"]["GOROOT"].as_str().unwrap()).is_absolute());
    }
    home.run(["env"]).exits(2);
    home.run(["env", "auto"]).exits(2);
    // What PATH would take for two folders cannot stand in it.
    if cfg!(unix) {
        let colon = home.home().join("a:b");
        put(&colon, sdk.files());
        for shell in ["sh", "fish", "powershell", "direnv", "github"] {
            home.run(["env", colon.to_str().unwrap(), "--shell", shell]).exits(2);
        }
    }
}

#[cfg(unix)]
#[test]
fn the_users_own_shell_is_the_default() {
    let home = Home::new();
    let tree = put_release(&home, "go1.22.5");
    let printed = |shell: Option<&str>| {
        let mut command = home.command(["env", "1.22.5"]);
        match shell {
            Some(shell) => command.env("SHELL", shell),
            None => command.env_remove("SHELL"),
        };
        Run::of(command.output().unwrap()).exits(0).stdout
    };
    let sh = format!("export GOROOT='{0}'\nexport PATH='{0}/bin'\"${{PATH:+:$PATH}}\"\n", tree.display());
    for shell in [Some("/bin/sh"), Some("/bin/zsh"), Some(""), None] {
        assert_eq!(printed(shell), sh);
    }
    let fish = format!("set -gx GOROOT '{0}'\nset -gx PATH '{0}/bin' $PATH\n", tree.display());
    assert_eq!(printed(Some("/usr/bin/fish")), fish);
}
