//! Somebody who exchanges directories of the staged tree while it is filled finds nothing written elsewhere. Landlock
//! would deny that, too; here it is the open handles alone that have to hold.

use std::os::unix::fs::symlink;

use rustix::io::Errno;

use super::*;
use crate::files::{Descent, Directory};
use crate::install::unpack::{create_directories, create_files};

/// Does something to `path`, a directory of the staged tree; the second path is `outside`.
type Exchange = fn(&Path, &Path);

/// Where an exchanged directory goes: beside its place.
fn aside(path: &Path) -> std::path::PathBuf {
    path.with_extension("aside")
}

fn exchange_for_link(path: &Path, target: &Path) {
    fs::rename(path, aside(path)).unwrap();
    symlink(target, path).unwrap();
}

const EXCHANGES: [(&str, &[Errno], Exchange); 9] = [
    ("nothing", &[], |_, _| {}),
    ("away_and_back", &[], |path, _| {
        fs::rename(path, aside(path)).unwrap();
        fs::rename(aside(path), path).unwrap();
    }),
    ("directory", &[], |path, _| {
        fs::rename(path, aside(path)).unwrap();
        fs::create_dir(path).unwrap();
        for below in ["go", "cmd", "cmd/go", "cmd-x"].into_iter().filter(|below| aside(path).join(below).is_dir()) {
            fs::create_dir(path.join(below)).unwrap();
        }
    }),
    // `openat2` and `openat` word it differently.
    ("link_to_what_it_was", &[Errno::LOOP, Errno::NOTDIR], |path, _| exchange_for_link(path, &aside(path))),
    ("absolute_link", &[Errno::LOOP, Errno::NOTDIR], |path, outside| exchange_for_link(path, outside)),
    ("relative_link", &[Errno::LOOP, Errno::NOTDIR], |path, outside| {
        let up: std::path::PathBuf = path.ancestors().skip(2).map(|_| "..").collect();
        exchange_for_link(path, &up.join(outside.strip_prefix("/").unwrap()));
    }),
    ("link_by_way_of_a_magic_link", &[Errno::LOOP, Errno::NOTDIR], |path, outside| {
        exchange_for_link(path, &Path::new("/proc/self/root").join(outside.strip_prefix("/").unwrap()));
    }),
    ("file", &[Errno::NOTDIR], |path, _| {
        fs::rename(path, aside(path)).unwrap();
        fs::write(path, "file").unwrap();
    }),
    ("gone", &[Errno::NOENT], |path, _| fs::rename(path, aside(path)).unwrap()),
];

/// A folder with the directories that the sample has, so that every path would lead somewhere through a link to it.
fn outside() -> TempDir {
    let outside = home();
    for directory in ["go", "cmd/go", "cmd-x"] {
        fs::create_dir_all(outside.path().join(directory)).unwrap();
    }
    outside
}

fn files_below(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| if e.file_type().unwrap().is_dir() { files_below(&e.path()) } else { 1 }).sum()
}

#[test]
fn f04_a_directory_exchanged_between_directories_and_files_is_not_written_through() {
    let (manifest, spool) = sample();
    for directory in ["bin", "src", "src/cmd", "src/cmd/go"] {
        for (what, refused, exchange) in EXCHANGES {
            let (home, outside) = (home(), outside());
            let destination = Destination::prepare(&home.path().join("go"), PATIENCE, &Watch::silent()).unwrap();
            let tree = StagedTree::new(destination).unwrap();
            create_directories(&tree, &manifest, 2).unwrap();
            exchange(&home.path().join(tree.debris.name()).join(directory), outside.path());
            let created = create_files(&tree, &manifest, &spool_of(&spool), 2);
            match created {
                Ok(()) => assert_eq!(refused, [], "{directory} {what}"),
                Err(InstallError::File(error)) => {
                    let errno = error.source.raw_os_error().map(Errno::from_raw_os_error).unwrap();
                    assert!(refused.contains(&errno), "{directory} {what}: {error}");
                    assert!(error.path.starts_with(home.path().join("go").join(directory)), "{error}");
                }
                Err(error) => panic!("{directory} {what}: {error}"),
            }
            assert_eq!(files_below(outside.path()), 0, "{directory} {what}");
            drop(tree);
            assert_eq!(names(home.path()), [""; 0], "{directory} {what}");
            assert_eq!(names(outside.path()), ["cmd", "cmd-x", "go"], "{directory} {what}");
        }
    }
}

#[test]
fn f04_a_directory_that_is_open_stays_the_one_that_is_written_to() {
    for (what, refused, exchange) in EXCHANGES {
        let (home, outside) = (home(), outside());
        let root = Directory::open(home.path()).unwrap();
        let mut descent = Descent::new(&root);
        descent.create("src", 0o755).unwrap();
        exchange(&home.path().join("src"), outside.path());
        // Both in what was opened, wherever it is by now.
        descent.create("src/new", 0o755).unwrap();
        descent.enter("src").unwrap().create_file("file".as_ref(), 0o644).unwrap();
        let moved = aside(&home.path().join("src"));
        let opened = if moved.exists() { moved } else { home.path().join("src") };
        assert_eq!(names(&opened), ["file", "new"], "{what}");
        let newcomer = Descent::new(&root).enter("src").map(drop);
        let errno = newcomer.err().and_then(|error| error.raw_os_error()).map(Errno::from_raw_os_error);
        assert_eq!(errno.is_some(), !refused.is_empty(), "{what}");
        assert!(errno.is_none_or(|errno| refused.contains(&errno)), "{what}: {errno:?}");
        assert_eq!((files_below(outside.path()), names(outside.path()).len()), (0, 3), "{what}");
    }
}

#[test]
fn f04_a_name_that_is_no_component_is_neither_opened_nor_made() {
    let home = home();
    fs::create_dir_all(home.path().join("root/directory")).unwrap();
    fs::write(home.path().join("file"), "file").unwrap();
    let root = Directory::open(&home.path().join("root")).unwrap();
    let absolute = home.path().join("root/directory");
    let absolute = absolute.to_str().unwrap();
    for name in ["", ".", "..", "../root", "directory/", "directory/.", "directory/..", "/", absolute] {
        assert!(root.child(name.as_ref()).is_err(), "{name}");
    }
    for name in ["..", "../new", "directory/new", "new/", "/", &format!("{absolute}/new"), "../file"] {
        assert!(root.create_directory(name.as_ref(), 0o755).is_err(), "{name}");
        assert!(root.create_file(name.as_ref(), 0o644).is_err(), "{name}");
        assert!(!matches!(root.read_file(name.as_ref()), Ok(Some(_))), "{name}");
    }
    assert_eq!((names(home.path()).len(), names(&home.path().join("root"))), (2, vec!["directory".to_owned()]));
    // The same as components.
    root.child("directory".as_ref()).unwrap().create_directory("new".as_ref(), 0o755).unwrap();
    root.create_file("file".as_ref(), 0o644).unwrap();
    assert!(root.read_file("file".as_ref()).unwrap().is_some());
}
