use std::fs::{self, File};
use std::path::Path;

use super::*;
use crate::archive::{EntryKind, Manifest};
use crate::trust::TreeForm;

/// A small SDK on disk: content and mode of its files.
fn sdk(root: &Path) {
    for (path, content, mode) in [
        ("VERSION", "go1.22.5\ntime 2024-06-27T20:11:12Z\n", 0o644),
        ("bin/go", "#!/bin/sh\n", 0o755),
        ("pkg/tool/linux_amd64/compile", "compile", 0o755),
        ("src/go.mod", "module std\n", 0o644),
        ("src/runtime/proc.go", "package runtime\n", 0o644),
        ("test/a.go", "package a\n", 0o644),
    ] {
        write(&root.join(path), content, mode);
    }
}

fn write(path: &Path, content: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    set_mode(path, mode);
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

fn released(root: &Path) -> Manifest {
    sdk(root);
    walk(root).unwrap().manifest().clone()
}

fn changes(root: &Path, expected: &Manifest) -> Vec<(String, Change)> {
    let drift = compare(&walk(root).unwrap(), expected, TreeForm::Sdk, Modes::Compared);
    drift.into_iter().map(|drift| (drift.path, drift.change)).collect()
}

#[test]
fn a_tree_is_read_into_the_manifest_of_its_archive() {
    let home = tempfile::tempdir().unwrap();
    let manifest = released(home.path());
    let files: Vec<_> = manifest.file_entries().map(|file| (file.path.as_str(), file.size_bytes)).collect();
    assert_eq!(files.len(), 6);
    assert!(files.contains(&("src/runtime/proc.go", 16)));
    let directories = manifest.entries().iter().filter(|entry| entry.kind == EntryKind::Directory).count();
    assert_eq!(directories, 7);
    assert_eq!(changes(home.path(), &manifest), []);
}

#[test]
fn f17_every_change_of_a_file_is_told_and_no_other() {
    let at = |root: &Path, path: &str| root.join(path);
    type Case = (&'static str, fn(&Path), &'static [(&'static str, Change)]);
    let cases: &[Case] = &[
        ("content", |root| write(&root.join("VERSION"), "go1.22.6\n", 0o644), &[("VERSION", Change::Modified)]),
        ("same size", |root| write(&root.join("bin/go"), "#!/bin/ls\n", 0o755), &[("bin/go", Change::Modified)]),
        ("missing", |root| fs::remove_file(root.join("test/a.go")).unwrap(), &[("test/a.go", Change::Missing)]),
        (
            "missing directory",
            |root| fs::remove_dir_all(root.join("src/runtime")).unwrap(),
            &[("src/runtime/proc.go", Change::Missing)],
        ),
        ("added", |root| write(&root.join("src/b.go"), "", 0o644), &[("src/b.go", Change::Added)]),
        ("empty directory", |root| fs::create_dir(root.join("src/new")).unwrap(), &[]),
        ("receipt", |root| write(&root.join(".goverify.json"), "{}", 0o600), &[]),
        (
            "receipt elsewhere",
            |root| write(&root.join("src/.goverify.json"), "{}", 0o644),
            &[("src/.goverify.json", Change::Added)],
        ),
        (
            "directory for a file",
            |root| {
                fs::remove_file(root.join("bin/go")).unwrap();
                fs::create_dir(root.join("bin/go")).unwrap();
            },
            &[("bin/go", Change::Modified)],
        ),
        (
            "case",
            |root| fs::rename(root.join("test/a.go"), root.join("test/A.go")).unwrap(),
            &[("test/A.go", Change::Added), ("test/a.go", Change::Missing)],
        ),
        #[cfg(unix)]
        ("executable", |root| set_mode(&root.join("src/go.mod"), 0o755), &[("src/go.mod", Change::Mode)]),
        #[cfg(unix)]
        ("setuid", |root| set_mode(&root.join("bin/go"), 0o4755), &[("bin/go", Change::Mode)]),
        #[cfg(unix)]
        ("writable root", |root| set_mode(root, 0o757), &[(".", Change::Mode)]),
        #[cfg(unix)]
        ("private root", |root| set_mode(root, 0o700), &[]),
        #[cfg(unix)]
        ("writable directory", |root| set_mode(&root.join("src"), 0o777), &[("src", Change::Mode)]),
        #[cfg(unix)]
        (
            "mode and content",
            |root| write(&root.join("src/go.mod"), "module evil\n", 0o600),
            &[("src/go.mod", Change::Modified)],
        ),
        #[cfg(unix)]
        (
            "link to itself",
            |root| {
                fs::remove_file(root.join("src/go.mod")).unwrap();
                std::os::unix::fs::symlink("go.mod", root.join("src/go.mod")).unwrap();
            },
            &[("src/go.mod", Change::Modified)],
        ),
        #[cfg(unix)]
        (
            "link for a directory",
            |root| {
                fs::rename(root.join("src/runtime"), root.join("src/moved")).unwrap();
                std::os::unix::fs::symlink("moved", root.join("src/runtime")).unwrap();
            },
            &[
                ("src/moved/proc.go", Change::Added),
                ("src/runtime", Change::Added),
                ("src/runtime/proc.go", Change::Missing),
            ],
        ),
        #[cfg(unix)]
        (
            "hard link outside",
            |root| fs::hard_link(root.join("bin/go"), root.parent().unwrap().join("other")).unwrap(),
            &[("bin/go", Change::Modified)],
        ),
        #[cfg(unix)]
        (
            "hard link inside",
            |root| fs::hard_link(root.join("bin/go"), root.join("bin/other")).unwrap(),
            &[("bin/go", Change::Modified), ("bin/other", Change::Added)],
        ),
        #[cfg(unix)]
        (
            "FIFO",
            |root| {
                use rustix::fs::{CWD, FileType, Mode, mknodat};
                mknodat(CWD, root.join("src/pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
            },
            &[("src/pipe", Change::Added)],
        ),
        #[cfg(unix)]
        (
            "name that no archive has",
            |root| write(&root.join("src/a:b/c.go"), "package c\n", 0o644),
            &[("src/a:b", Change::Added)],
        ),
    ];
    for (what, change, expected) in cases {
        let home = tempfile::tempdir().unwrap();
        let root = at(home.path(), "go");
        let manifest = released(&root);
        change(&root);
        let expected: Vec<_> = expected.iter().map(|(path, change)| ((*path).to_owned(), *change)).collect();
        assert_eq!(changes(&root, &manifest), expected, "{what}");
    }
}

#[cfg(unix)]
#[test]
fn f17_dangerous_modes_are_told_where_the_others_are_anybodys_choice() {
    for (path, mode, told) in [
        ("src/go.mod", 0o444, false),
        ("src/go.mod", 0o755, false),
        ("src/go.mod", 0o640, false),
        ("src/go.mod", 0o664, true),
        ("src/go.mod", 0o646, true),
        ("bin/go", 0o4755, true),
        ("bin/go", 0o2555, true),
        ("src", 0o555, false),
        ("src", 0o2755, false),
        ("src", 0o775, true),
    ] {
        let home = tempfile::tempdir().unwrap();
        sdk(home.path());
        set_mode(&home.path().join(path), mode);
        let tree = walk(home.path()).unwrap();
        let drift: Vec<_> = strange(&tree, TreeForm::Sdk).into_iter().map(|drift| (drift.path, drift.change)).collect();
        let expected = if told { vec![(path.to_owned(), Change::Mode)] } else { Vec::new() };
        assert_eq!(drift, expected, "{path} {mode:o}");
    }
}

#[test]
fn a_large_tree_is_read_whole() {
    let home = tempfile::tempdir().unwrap();
    // More files than one listing holds, more directories than threads, and large files among them.
    for directory in 0..40 {
        for file in 0..50 {
            write(&home.path().join(format!("src/package{directory}/a_source_file_{file}.go")), "package a\n", 0o644);
        }
    }
    for large in 0..40 {
        let file = home.path().join(format!("pkg/large{large}"));
        write(&file, "", 0o755);
        File::options().write(true).open(file).unwrap().set_len(3 << 20).unwrap();
    }
    let tree = walk(home.path()).unwrap();
    assert_eq!(tree.manifest().files(), 2_040);
    assert_eq!(tree.manifest().unpacked_bytes(), 2_000 * 10 + 40 * (3 << 20));
    let mut sorted = tree.manifest().entries().to_vec();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(sorted, tree.manifest().entries());
}

#[test]
fn f17_what_cannot_be_read_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let error = walk(&home.path().join("nowhere")).unwrap_err();
    assert_eq!(error.code(), Code::Io, "{error}");
    write(&home.path().join("file"), "", 0o644);
    assert!(walk(&home.path().join("file")).is_err());
}

#[test]
fn a_tree_says_which_release_it_is() {
    let identity = |files: &[(&str, &str)]| {
        let home = tempfile::tempdir().unwrap();
        files.iter().for_each(|(path, content)| write(&home.path().join(path), content, 0o644));
        identify(&walk(home.path()).unwrap())
    };
    let release = |version: &str, target: &str, form| {
        Ok(Identity { version: version.parse().unwrap(), target: target.parse().unwrap(), form })
    };
    let tool = ("pkg/tool/linux_amd64/compile", "");
    let elf = "\u{7f}ELF\u{2}\u{1}\u{1}\0\0\0\0\0\0\0\0\0\u{2}\0\u{3e}\0";
    let (two, go) = (("pkg/tool/linux_arm64/compile", ""), ("bin/go", elf));
    for (files, expected) in [
        (&[("VERSION", "go1.22.5\ntime x\n"), tool][..], release("go1.22.5", "linux/amd64", TreeForm::Sdk)),
        (&[("VERSION", "go1.20"), tool], release("go1.20", "linux/amd64", TreeForm::Sdk)),
        (&[("VERSION", "go1.22.5\n"), ("src/make.bash", "")], release("go1.22.5", "src", TreeForm::Sdk)),
        (&[("VERSION", "go1.22.5\n"), tool, two, go], release("go1.22.5", "linux/amd64", TreeForm::Sdk)),
        (
            &[("VERSION", "go1.22.5\n"), tool, ("src/_go.mod", "")],
            release("go1.22.5", "linux/amd64", TreeForm::ModuleCopy),
        ),
        (&[tool], Err(NotReleased::NoVersion)),
        (&[("VERSION", ""), tool], Err(NotReleased::NoVersion)),
        (
            &[("VERSION", "go1.22.5\n"), ("bin/go", "")],
            Err(NotReleased::NoPlatform { version: "go1.22.5".parse().unwrap() }),
        ),
        (
            &[("VERSION", "go1.22.5\n"), tool, two],
            Err(NotReleased::NoPlatform { version: "go1.22.5".parse().unwrap() }),
        ),
    ] {
        assert_eq!(identity(files), expected, "{files:?}");
    }
    for (line, nearest) in [
        ("devel go1.28-0123456789 Mon Nov 23 05:13:32 2026", None),
        ("go1.22.5 X:boringcrypto", Some("go1.22.5")),
        ("go1.19.8-1~deb12u1", Some("go1.19.8")),
        ("go1.23rc1-custom", Some("go1.23rc1")),
        ("go1.28", None),
        ("1.22.5", None),
    ] {
        let nearest = nearest.map(|version| version.parse().unwrap());
        let expected = Err(NotReleased::Version { found: line.to_owned(), nearest });
        assert_eq!(identity(&[("VERSION", line), tool]), expected, "{line}");
    }
}

#[test]
fn a_tree_of_other_programs_was_built_elsewhere() {
    let home = tempfile::tempdir().unwrap();
    let manifest = released(home.path());
    let drift = |root| compare(&walk(root).unwrap(), &manifest, TreeForm::Sdk, Modes::Compared);
    write(&home.path().join("bin/go"), "#!/bin/sh\necho other\n", 0o755);
    assert!(!is_built_elsewhere(&manifest, &drift(home.path())));
    write(&home.path().join("pkg/tool/linux_amd64/compile"), "other", 0o755);
    assert!(is_built_elsewhere(&manifest, &drift(home.path())));
    assert!(!is_built_elsewhere(&Manifest::default(), &[]), "without programs nothing can be told");
}

#[test]
fn the_module_caches_copy_is_compared_by_its_own_names() {
    let (sdk_home, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let manifest = released(sdk_home.path());
    sdk(copy.path());
    fs::remove_dir_all(copy.path().join("test")).unwrap();
    write(&copy.path().join("src/_go.mod"), "module std\n", 0o444);
    let compared = || {
        let tree = walk(copy.path()).unwrap();
        let expected = in_form(&manifest, TreeForm::ModuleCopy);
        let drift = compare(&tree, &expected, TreeForm::ModuleCopy, Modes::Harmless);
        drift.into_iter().map(|drift| (drift.path, drift.change)).collect::<Vec<_>>()
    };
    assert_eq!(compared(), []);
    write(&copy.path().join("src/go.mod"), "module evil\n", 0o444);
    assert_eq!(compared(), [("src/go.mod".to_owned(), Change::Added)]);
}
