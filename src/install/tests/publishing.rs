use super::*;
use crate::error::{Code, Coded};
use crate::install::{Durability, Installation, Occupied};

/// Something that stands at the destination, and what one sees of it.
type Plant = (&'static str, fn(&Path, &Path));

fn plants() -> Vec<Plant> {
    let mut plants: Vec<Plant> = vec![
        ("empty directory", |at, _| fs::create_dir(at).unwrap()),
        ("file", |at, _| fs::write(at, "file").unwrap()),
        ("foreign directory", |at, _| {
            fs::create_dir_all(at.join("deep/er")).unwrap();
            fs::write(at.join("deep/er/mine"), "mine").unwrap();
        }),
        ("complete tree", |at, _| {
            stage(at).unwrap().commit(Occupied::Refuse, Durability::Unsynced).unwrap();
        }),
    ];
    #[cfg(unix)]
    plants.extend([
        ("link to a directory", (|at, outside| std::os::unix::fs::symlink(outside, at).unwrap()) as fn(&Path, &Path)),
        ("dangling link", |at, outside| std::os::unix::fs::symlink(outside.join("nothing"), at).unwrap()),
        ("directory with a link to another", |at, outside| {
            fs::create_dir(at).unwrap();
            std::os::unix::fs::symlink(outside, at.join("link")).unwrap();
        }),
    ]);
    plants
}

/// Kind, link target and names, enough to tell the plants and an installation apart.
fn look(at: &Path) -> String {
    let metadata = fs::symlink_metadata(at).unwrap();
    let inside = if metadata.is_dir() { names(at) } else { Vec::new() };
    format!("{:?} {:?} {:?} {inside:?}", metadata.file_type(), metadata.len(), fs::read_link(at).ok())
}

#[test]
fn f09_whatever_stands_at_the_destination_is_refused_and_stays_as_it_was() {
    for (what, plant) in plants() {
        let (home, outside) = (home(), super::home());
        let root = home.path().join("go");
        plant(&root, outside.path());
        let before = look(&root);
        assert!(Destination::prepare(&root, PATIENCE, &Watch::silent()).unwrap().is_occupied().unwrap(), "{what}");
        let error = stage(&root).unwrap().commit(Occupied::Refuse, Durability::Synced).unwrap_err();
        assert_eq!(error.code(), Code::DestinationExists, "{what}");
        assert!(matches!(error, InstallError::DestinationExists { path } if path == root), "{what}");
        assert_eq!(look(&root), before, "{what}");
        assert_eq!(names(home.path()), ["go"], "{what}");
        assert_eq!(names(outside.path()), [""; 0], "{what}");
    }
}

#[test]
fn f09_whatever_stands_at_the_destination_is_replaced_as_a_whole_without_following_links() {
    for (what, plant) in plants() {
        let (home, outside) = (home(), super::home());
        let root = home.path().join("go");
        plant(&root, outside.path());
        // Were a link followed when the old is removed, this would be gone.
        fs::write(outside.path().join("kept"), "kept").unwrap();
        let done = stage(&root).unwrap().commit(Occupied::Replace, Durability::Synced).unwrap();
        assert_eq!(
            done,
            Installation { path: root.clone(), files: 6, confinement: done.confinement, leftover: None },
            "{what}"
        );
        assert_eq!(names(&root), ["VERSION", "bin", "pkg", "src"], "{what}");
        assert!(fs::symlink_metadata(&root).unwrap().is_dir(), "{what}");
        assert_eq!(names(home.path()), ["go"], "{what}");
        assert_eq!(names(outside.path()), ["kept"], "{what}");
    }
}

#[test]
fn f09_a_free_destination_is_taken_with_and_without_leave_to_replace() {
    for occupied in [Occupied::Refuse, Occupied::Replace] {
        let home = home();
        let root = home.path().join("made/go");
        let destination = Destination::prepare(&root, PATIENCE, &Watch::silent()).unwrap();
        assert!(!destination.is_occupied().unwrap());
        drop(destination);
        let done = stage(&root).unwrap().commit(occupied, Durability::Synced).unwrap();
        assert_eq!(done, Installation { path: root.clone(), files: 6, confinement: done.confinement, leftover: None });
        assert_eq!(names(&home.path().join("made")), ["go"]);
    }
}

#[test]
fn f09_what_appears_at_the_destination_meanwhile_is_not_lost() {
    let home = home();
    let root = home.path().join("go");
    let tree = stage(&root).unwrap();
    fs::create_dir(&root).unwrap();
    let error = tree.commit(Occupied::Refuse, Durability::Unsynced).unwrap_err();
    assert_eq!(error.code(), Code::DestinationExists);
    assert_eq!(names(&root), [""; 0]);
}

#[cfg(unix)]
#[test]
fn f12_syncing_one_by_one_passes_links_and_pipes_by() {
    use crate::files::Directory;
    let home = home();
    let root = home.path().join("go");
    stage(&root).unwrap().commit(Occupied::Refuse, Durability::Unsynced).unwrap();
    std::os::unix::fs::symlink("nothing", root.join("link")).unwrap();
    let (open, fifo) = (rustix::fs::CWD, rustix::fs::FileType::Fifo);
    rustix::fs::mknodat(open, root.join("pipe"), fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    Directory::open(&root).unwrap().sync_each().unwrap();
}
