//! What packagers ship: completions, loaded by the shells themselves, and the manual page, as formatters see it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::io::Write;
use std::process::Command;

use support::binary::{Home, Run};

/// The commands that this build has.
const COMMANDS: &[&str] = if cfg!(feature = "net") {
    &["audit", "completions", "doctor", "env", "fetch", "help", "inspect", "keys", "list", "man", "mirror", "verify"]
} else {
    &["audit", "completions", "doctor", "env", "help", "inspect", "keys", "list", "man", "verify"]
};

/// What `script` says when this program runs it beside the completions, in a file; `None` where the program is missing.
fn under(program: &str, arguments: &[&str], script: &str) -> Option<String> {
    let home = Home::new();
    let run = home.run(["completions", program]).exits(0);
    assert!(run.stdout.len() > 1000, "{run:#?}");
    std::fs::write(home.work().join("completions"), &run.stdout).unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_goverify")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(binary.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut command = home.surround(Command::new(program));
    let output = command.args(arguments).arg(script).env("PATH", path.unwrap()).output();
    let Ok(output) = output else {
        skipped(program);
        return None;
    };
    let run = Run::of(output).exits(0);
    assert_eq!(run.stderr, "", "{program}");
    Some(run.stdout)
}

fn skipped(program: &str) {
    std::io::stderr().write_all(format!("skipped: {program} is not here\n").as_bytes()).unwrap();
}

/// The first words of all lines, sorted.
fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[test]
fn bash_completes() {
    let script = r#"
        . ./completions
        complete -p goverify >/dev/null
        completes() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            COMPREPLY=()
            _goverify goverify "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\n' "${COMPREPLY[@]}"
        }
        completes goverify ''
        echo
        completes goverify keys up
        completes goverify verify --unsi
        completes goverify completions po
    "#;
    let Some(stdout) = under("bash", &["--norc", "-c"], script) else { return };
    let (all, some) = stdout.split_once("\n\n").unwrap();
    let commands: Vec<_> = words(all).into_iter().filter(|word| !word.starts_with('-')).collect();
    assert_eq!(commands, COMMANDS);
    assert_eq!(words(some), ["--unsigned", "powershell", "update"]);
}

#[test]
fn zsh_completes() {
    // What the completion system would show is caught where it is handed over.
    let script = r#"
        autoload -Uz compinit && compinit -u -d ./dump
        . ./completions
        [[ $_comps[goverify] = _goverify ]] || exit 1
        _describe() { print -rl -- "${(@P)4}" "${(@P)@[-1]}" }
        functions _goverify_commands >/dev/null || exit 2
        compadd() { :; }
        _goverify_commands
    "#;
    let Some(stdout) = under("zsh", &["-f", "-c"], script) else { return };
    let commands: Vec<_> =
        words(&stdout).into_iter().filter_map(|word| word.split_once(':')).map(|(name, _)| name).collect();
    assert_eq!(commands, COMMANDS);
}

#[test]
fn fish_completes() {
    let script = r#"
        source ./completions
        complete -C 'goverify '
        echo
        complete -C 'goverify keys up'
        complete -C 'goverify verify --unsi'
    "#;
    let Some(stdout) = under("fish", &["--no-config", "-c"], script) else { return };
    let (all, some) = stdout.split_once("\n\n").unwrap();
    assert_eq!(words(all), COMMANDS);
    assert_eq!(words(some), ["--unsigned", "update"]);
}

#[test]
fn other_shells_have_completions_as_well_and_no_others() {
    let home = Home::new();
    for shell in ["elvish", "powershell"] {
        let script = home.run(["completions", shell]).exits(0).stdout;
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    home.run(["completions", "csh"]).exits(2);
    let document = home.run(["completions", "bash", "--json"]).exits(0).json();
    assert_eq!(document["script"], home.run(["completions", "bash"]).stdout);
    home.assert_untouched();
}

#[test]
fn the_manual_page_tells_of_every_command_and_flag() {
    let home = Home::new();
    let run = home.run(["man"]).exits(0);
    assert_eq!(run.stderr, "");
    let page = run.stdout;
    let plain = page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "");
    for command in COMMANDS.iter().filter(|command| **command != "help") {
        assert!(plain.contains(&format!("\n.SH \"GOVERIFY {}\"\n", command.to_uppercase())), "{command}");
        // Every flag of the help is in the page.
        let help = home.run([command, &"--help"]).exits(0).stdout;
        for flag in help.split_whitespace().filter(|word| word.starts_with("--")) {
            let flag = flag.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            assert!(plain.contains(flag), "{command} {flag}");
        }
    }
    assert!(!plain.contains("lock-timeout"), "what is hidden stays so");
    let path = home.work().join("goverify.1");
    std::fs::write(&path, &page).unwrap();
    for (program, arguments) in [("mandoc", &["-Tlint", "-Wwarning"][..]), ("groff", &["-ww", "-man", "-Tutf8", "-z"])]
    {
        let Ok(output) = home.surround(Command::new(program)).args(arguments).arg(&path).output() else {
            skipped(program);
            continue;
        };
        let run = Run::of(output);
        let mut complaints = run.stdout.lines().chain(run.stderr.lines());
        assert_eq!(complaints.find(|line| !line.contains("missing date")), None, "{program}");
    }
}
