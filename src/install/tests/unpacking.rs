use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use super::*;
use crate::error::{Code, Coded};
use crate::events::Event;
use crate::install::unpack::fill;
use crate::install::{Durability, Occupied};

/// Every path below `root` with its mode, sorted.
#[cfg(unix)]
fn modes(root: &Path) -> Vec<(String, u32)> {
    use std::os::unix::fs::MetadataExt;
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        found.push((relative, metadata.mode() & 0o7777));
        if metadata.is_dir() {
            open.extend(names(&path).iter().map(|name| path.join(name)));
        }
    }
    found.sort();
    found
}

/// Gives whatever is made in `directory` an access control list that lets everybody write, in the format of
/// acl(5)'s attribute (linux/posix_acl_xattr.h): a version, then a tag, permissions and an id for each entry.
#[cfg(target_os = "linux")]
fn let_everybody_write(directory: &Path) {
    const NO_ID: u32 = u32::MAX;
    const SOMEBODY: u32 = 65_534;
    let mut list = 2_u32.to_le_bytes().to_vec();
    // The owner, a user by name, the group, the mask and all others.
    for (tag, id) in [(1_u16, NO_ID), (2, SOMEBODY), (4, NO_ID), (0x10, NO_ID), (0x20, NO_ID)] {
        list.extend(tag.to_le_bytes());
        list.extend(7_u16.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(directory, "system.posix_acl_default", &list, flags).is_err() {
        std::io::stderr().write_all(b"skipped: this file system has no access control lists\n").unwrap();
    }
}

#[cfg(unix)]
#[test]
fn f05_modes_are_exact_whatever_the_umask_a_setgid_parent_and_its_access_control_list_say() {
    use std::os::unix::fs::PermissionsExt;
    const VARIABLE: &str = "GOVERIFY_TEST_UMASK";
    let Ok(umask) = std::env::var(VARIABLE) else {
        for umask in ["077", "022", "0"] {
            let name = "install::tests::unpacking::f05_modes_are_exact_whatever_the_umask_a_setgid_parent_and_its_access_control_list_say";
            let output = run_alone(name, VARIABLE, umask);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && text.contains("1 passed"), "umask {umask}: {text}");
        }
        return;
    };
    let home = home();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o2755)).unwrap();
    #[cfg(target_os = "linux")]
    let_everybody_write(home.path());
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(u32::from_str_radix(&umask, 8).unwrap() as _));
    let root = home.path().join("go");
    stage(&root).unwrap().commit(Occupied::Refuse, Durability::Unsynced).unwrap();
    let expected = [
        ("", 0o755),
        ("VERSION", 0o644),
        ("bin", 0o755),
        ("bin/go", 0o755),
        ("pkg", 0o755),
        ("pkg/empty", 0o755),
        ("src", 0o755),
        ("src/a.go", 0o644),
        ("src/cmd", 0o755),
        ("src/cmd-x", 0o755),
        ("src/cmd-x/empty", 0o644),
        ("src/cmd/go", 0o755),
        ("src/cmd/go.mod", 0o644),
        ("src/cmd/go/main.go", 0o644),
    ];
    assert_eq!(modes(&root), expected.map(|(path, mode)| (path.to_owned(), mode)));
}

#[test]
fn every_file_has_its_bytes_of_the_spool() {
    let home = home();
    let root = home.path().join("go");
    stage(&root).unwrap().commit(Occupied::Refuse, Durability::Synced).unwrap();
    let (manifest, spool) = sample();
    for entry in manifest.entries() {
        if let EntryKind::File { size_bytes, position, .. } = entry.kind {
            let mut content = Vec::new();
            File::open(root.join(entry.path.as_str())).unwrap().read_to_end(&mut content).unwrap();
            let (start, end) = (position as usize, (position + size_bytes) as usize);
            assert!(Some(&content[..]) == spool.get(start..end), "{}", entry.path);
        }
    }
}

#[test]
fn f03_a_staged_tree_is_private_until_it_is_published() {
    let home = home();
    let tree = stage(&home.path().join("go")).unwrap();
    let staging = home.path().join(tree.debris.name());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs::metadata(&staging).unwrap().mode() & 0o7777, 0o700);
    }
    assert_eq!(names(&staging), ["VERSION", "bin", "pkg", "src"]);
    assert!(!home.path().join("go").exists());
}

#[cfg(unix)]
#[test]
fn f03_nothing_planted_in_staging_is_written_through() {
    use std::os::unix::fs::symlink;
    let plants: [(&str, fn(&Path, &Path)); 5] = [
        ("VERSION", |at, outside| symlink(outside.join("VERSION"), at).unwrap()),
        ("VERSION", |at, outside| fs::hard_link(outside.join("kept"), at).unwrap()),
        ("bin", |at, outside| symlink(outside, at).unwrap()),
        ("bin", |at, _| fs::create_dir(at).unwrap()),
        ("bin", |at, _| fs::write(at, "file").unwrap()),
    ];
    for (name, plant) in plants {
        let (home, outside) = (home(), super::home());
        fs::write(outside.path().join("kept"), "kept").unwrap();
        let destination = Destination::prepare(&home.path().join("go"), PATIENCE, &Watch::silent()).unwrap();
        let tree = StagedTree::new(destination).unwrap();
        plant(&home.path().join(tree.debris.name()).join(name), outside.path());
        let (manifest, spool) = sample();
        let Err(InstallError::File(error)) = fill(&tree, &manifest, &spool_of(&spool)) else { panic!("{name}") };
        assert_eq!(error.source.kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(error.path, home.path().join("go").join(name));
        drop(tree);
        assert_eq!(names(outside.path()), ["kept"]);
        assert_eq!(fs::read_to_string(outside.path().join("kept")).unwrap(), "kept");
        assert_eq!(names(home.path()), [""; 0]);
    }
}

#[test]
fn f02_a_spool_that_changed_after_it_was_verified_is_rejected_and_nothing_is_left() {
    let (manifest, mut spool) = sample();
    let home = home();
    let root = home.path().join("made/too/go");
    let position_in_main_go = spool.windows(12).position(|bytes| bytes == b"package main").unwrap();
    *spool.get_mut(position_in_main_go).unwrap() ^= 1;
    let destination = Destination::prepare(&root, PATIENCE, &Watch::silent()).unwrap();
    let error = unpack(&manifest, spool_of(&spool), destination).unwrap_err();
    assert_eq!(error.code(), Code::DigestMismatch);
    let InstallError::Changed { path, expected, actual } = error else { panic!("{error}") };
    assert_eq!(path.as_str(), "src/cmd/go/main.go");
    assert_eq!(expected, <[u8; 32]>::from(Sha256::digest(b"package main\n")));
    assert_eq!(actual, Some(<[u8; 32]>::from(Sha256::digest(b"qackage main\n"))));
    assert_eq!(names(home.path()), [""; 0]);
}

#[test]
fn f02_a_spool_that_became_shorter_is_rejected() {
    let (manifest, spool) = sample();
    let home = home();
    let destination = Destination::prepare(&home.path().join("go"), PATIENCE, &Watch::silent()).unwrap();
    let cut = spool_of(spool.get(..100_000).unwrap());
    let error = unpack(&manifest, cut, destination).unwrap_err();
    assert!(matches!(error, InstallError::Changed { actual: None, .. }), "{error}");
    assert_eq!(names(home.path()), [""; 0]);
}

#[test]
fn dropping_a_staged_tree_leaves_nothing_not_even_the_parents_that_were_made() {
    let home = home();
    fs::create_dir(home.path().join("here")).unwrap();
    let tree = stage(&home.path().join("here/made/too/go")).unwrap();
    assert_eq!(names(&home.path().join("here/made")), ["too"]);
    drop(tree);
    assert_eq!(names(home.path()), ["here"]);
    assert_eq!(names(&home.path().join("here")), [""; 0]);
}

/// Cancels itself as soon as `when` happens.
fn cancelled_at(when: fn(&Event) -> bool) -> Watch {
    let own = Arc::new(OnceLock::<Watch>::new());
    let watch = Watch::new({
        let own = Arc::clone(&own);
        move |event| {
            if when(&event) {
                own.get().unwrap().cancel();
            }
        }
    });
    own.set(watch.clone()).unwrap();
    watch
}

#[test]
fn f16_a_cancel_leaves_nothing() {
    let home = home();
    let root = home.path().join("made/go");
    let early = Watch::silent();
    early.cancel();
    let while_unpacking = cancelled_at(|event| matches!(event, Event::Unpacking { .. }));
    for watch in [early, while_unpacking] {
        let error = stage_watched(&root, &watch).unwrap_err();
        assert!(matches!(error, InstallError::Interrupted), "{error}");
        assert_eq!(names(home.path()), [""; 0]);
    }
    let while_syncing = cancelled_at(|event| matches!(event, Event::Syncing));
    let tree = stage_watched(&root, &while_syncing).unwrap();
    let error = tree.commit(Occupied::Refuse, Durability::Synced).unwrap_err();
    assert!(matches!(error, InstallError::Interrupted), "{error}");
    assert_eq!(names(home.path()), [""; 0]);
}

#[test]
fn the_caller_hears_of_files_and_of_the_sync() {
    let home = home();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let watch = Watch::new({
        let heard = Arc::clone(&heard);
        move |event| heard.lock().unwrap().push(event)
    });
    let tree = stage_watched(&home.path().join("go"), &watch).unwrap();
    tree.commit(Occupied::Refuse, Durability::Synced).unwrap();
    let all = [Event::Unpacking { files: 6 }, Event::Unpacked { files: 6 }, Event::Syncing];
    assert_eq!(*heard.lock().unwrap(), all);
    heard.lock().unwrap().clear();
    let tree = stage_watched(&home.path().join("thrown-away"), &watch).unwrap();
    tree.commit(Occupied::Refuse, Durability::Unsynced).unwrap();
    assert_eq!(*heard.lock().unwrap(), all.get(..2).unwrap());
}
