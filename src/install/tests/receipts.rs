use std::path::PathBuf;

use super::*;
use crate::archive::FileEntry;
use crate::install::{ArchiveRecord, Durability, Evidence, Occupied, Origin, Receipt, SignatureEvidence, is_intact};

fn origin() -> Origin {
    Origin {
        archive: ArchiveRecord {
            filename: "go1.22.5.linux-amd64.tar.gz".into(),
            version: "go1.22.5".into(),
            os: "linux".into(),
            arch: "amd64".into(),
            sha256: "00".repeat(32),
            size_bytes: 70,
        },
        trust: "signature".into(),
        evidence: Evidence {
            signature: Some(SignatureEvidence {
                armored: "-----BEGIN PGP SIGNATURE-----\n\n…".into(),
                certificate: "EB4C".into(),
                signing_key: "0E22".into(),
                created: "2026-08-28T20:09:44Z".into(),
                hash: "SHA256".into(),
            }),
            transparency: None,
        },
    }
}

/// An installed tree with a receipt.
fn installed() -> (TempDir, PathBuf) {
    let home = home();
    let root = home.path().join("go");
    let tree = stage(&root).unwrap();
    tree.write_receipt(&sample().0, &origin()).unwrap();
    tree.commit(Occupied::Refuse, Durability::Unsynced).unwrap();
    (home, root)
}

#[test]
fn a_receipt_is_read_as_it_was_written() {
    let (_home, root) = installed();
    let receipt = Receipt::read(&root).unwrap().unwrap();
    assert_eq!(receipt.origin, origin());
    let without_positions = |manifest: Manifest| -> Vec<_> {
        let file = |file: FileEntry<'_>| (file.path.clone(), file.size_bytes, *file.sha256, file.executable);
        manifest.file_entries().map(file).collect()
    };
    assert_eq!(without_positions(receipt.manifest), without_positions(sample().0));
    let text = fs::read_to_string(root.join(".goverify.json")).unwrap();
    assert!(text.starts_with(r#"{"schema":"goverify.receipt/1","archive":{"filename":"go1.22.5.linux-amd64.tar.gz","#));
    assert!(text.contains(r#"{"path":"VERSION","size":9,"mode":"0644","sha256":""#));
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs::metadata(root.join(".goverify.json")).unwrap().mode() & 0o7777, 0o644);
    }
}

#[test]
fn f18_what_is_not_exactly_a_receipt_is_none() {
    let (_home, root) = installed();
    let at = root.join(".goverify.json");
    let good = fs::read_to_string(&at).unwrap();
    let changes = [
        ("goverify.receipt/1", "goverify.receipt/2"),
        ("\"trust\":", "\"faith\":"),
        ("\"trust\":\"signature\"", "\"trust\":\"signature\",\"trust\":\"digest-only\""),
        ("\"trust\":\"signature\",", ""),
        ("\"path\":\"VERSION\"", "\"path\":\"../VERSION\""),
        ("\"path\":\"VERSION\"", "\"path\":\"/VERSION\""),
        ("\"mode\":\"0644\"", "\"mode\":\"4755\""),
        ("\"size\":9", "\"size\":-9"),
        ("\"sha256\":\"", "\"sha256\":\"0"),
        ("{\"schema\"", "[{\"schema\""),
    ];
    for (from, to) in changes {
        assert!(good.contains(from), "{from}");
        // The last: the archive's own digest is text.
        let at_last = good.rfind(from).unwrap();
        let (head, tail) = good.split_at(at_last);
        fs::write(&at, format!("{head}{to}{}", tail.strip_prefix(from).unwrap())).unwrap();
        assert_eq!(Receipt::read(&root).unwrap(), None, "{from} -> {to}");
    }
    fs::write(&at, format!("{good}x")).unwrap();
    assert_eq!(Receipt::read(&root).unwrap(), None);
    fs::write(&at, &good).unwrap();
    assert!(Receipt::read(&root).unwrap().is_some());
    File::options().write(true).open(&at).unwrap().set_len((64 << 20) + 1).unwrap();
    assert_eq!(Receipt::read(&root).unwrap(), None);
    fs::remove_file(&at).unwrap();
    assert_eq!(Receipt::read(&root).unwrap(), None);
    assert_eq!(Receipt::read(&root.join("nowhere")).unwrap(), None);
}

#[cfg(unix)]
#[test]
fn f18_a_receipt_is_not_read_through_a_link() {
    let (home, root) = installed();
    let other = home.path().join("other");
    std::os::unix::fs::symlink(&root, &other).unwrap();
    assert_eq!(Receipt::read(&other).unwrap(), None);
    fs::rename(root.join(".goverify.json"), home.path().join("receipt")).unwrap();
    std::os::unix::fs::symlink(home.path().join("receipt"), root.join(".goverify.json")).unwrap();
    assert_eq!(Receipt::read(&root).unwrap(), None);
}

#[test]
fn a_tree_is_intact_until_a_file_is_missing_or_of_another_size_mode_or_kind() {
    let changes: &[(&str, fn(&Path))] = &[
        ("missing file", |root| fs::remove_file(root.join("src/a.go")).unwrap()),
        ("missing directory", |root| fs::remove_dir_all(root.join("src")).unwrap()),
        ("other size", |root| fs::write(root.join("src/a.go"), "package ab\n").unwrap()),
        ("directory for a file", |root| {
            fs::remove_file(root.join("VERSION")).unwrap();
            fs::create_dir(root.join("VERSION")).unwrap();
        }),
        ("file for a directory", |root| {
            fs::remove_dir_all(root.join("src/cmd")).unwrap();
            fs::write(root.join("src/cmd"), "").unwrap();
        }),
        #[cfg(unix)]
        ("other mode", |root| {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(root.join("src/a.go"), fs::Permissions::from_mode(0o755)).unwrap();
        }),
        #[cfg(unix)]
        ("setuid", |root| {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(root.join("bin/go"), fs::Permissions::from_mode(0o4755)).unwrap();
        }),
        #[cfg(unix)]
        ("link for a file", |root| {
            fs::rename(root.join("src/a.go"), root.join("src/b.go")).unwrap();
            std::os::unix::fs::symlink("b.go", root.join("src/a.go")).unwrap();
        }),
        #[cfg(unix)]
        ("link for a directory", |root| {
            fs::rename(root.join("src"), root.join("elsewhere")).unwrap();
            std::os::unix::fs::symlink("elsewhere", root.join("src")).unwrap();
        }),
        #[cfg(unix)]
        ("link for the root", |root| {
            let moved = root.with_file_name("moved");
            fs::rename(root, &moved).unwrap();
            std::os::unix::fs::symlink(moved, root).unwrap();
        }),
        ("no tree", |root| fs::remove_dir_all(root).unwrap()),
    ];
    for (what, change) in changes {
        let (_home, root) = installed();
        let receipt = Receipt::read(&root).unwrap().unwrap();
        assert!(is_intact(&root, &receipt).unwrap());
        change(&root);
        assert!(!is_intact(&root, &receipt).unwrap(), "{what}");
    }
}

#[test]
fn a_tree_with_more_than_the_receipt_names_is_not_intact() {
    let (_home, root) = installed();
    let receipt = Receipt::read(&root).unwrap().unwrap();
    fs::create_dir_all(root.join("src/new/er")).unwrap();
    assert!(is_intact(&root, &receipt).unwrap(), "directories without files mean nothing");
    for extra in ["extra", "src/extra.go", "src/new/er/extra.go", "src/.goverify.json"] {
        fs::write(root.join(extra), "package a\n").unwrap();
        assert!(!is_intact(&root, &receipt).unwrap(), "{extra}");
        fs::remove_file(root.join(extra)).unwrap();
        assert!(is_intact(&root, &receipt).unwrap());
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("VERSION", root.join("src/new/link")).unwrap();
        assert!(!is_intact(&root, &receipt).unwrap());
    }
}

#[test]
fn content_that_was_changed_since_is_read_again() {
    let (_home, root) = installed();
    let receipt = Receipt::read(&root).unwrap().unwrap();
    let file = root.join("src/a.go");
    let (content, times) = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap());
    let times = fs::FileTimes::new().set_modified(times.modified().unwrap()).set_accessed(times.accessed().unwrap());
    for (content, intact) in [(content.to_ascii_uppercase(), false), (content, true)] {
        fs::write(&file, content).unwrap();
        // Whoever hides a change sets the times back that can be set.
        File::options().write(true).open(&file).unwrap().set_times(times).unwrap();
        assert_eq!(is_intact(&root, &receipt).unwrap(), intact);
    }
}

#[cfg(unix)]
#[test]
fn a_tree_that_others_may_change_is_not_intact_and_its_receipt_is_none() {
    use std::os::unix::fs::{PermissionsExt, chown};
    const NOBODY: u32 = 65_534;
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let (_home, root) = installed();
    let receipt = Receipt::read(&root).unwrap().unwrap();
    for mode in [0o775, 0o757, 0o1777] {
        set(&root.join("src"), mode);
        assert!(!is_intact(&root, &receipt).unwrap(), "{mode:o}");
    }
    set(&root.join("src"), 0o755);
    for (path, mode, lawful) in [("", 0o777, 0o755), (".goverify.json", 0o666, 0o644)] {
        set(&root.join(path), mode);
        assert_eq!(Receipt::read(&root).unwrap(), None, "{path}");
        set(&root.join(path), lawful);
        assert!(Receipt::read(&root).unwrap().is_some());
    }
    if chown(root.join("src/a.go"), Some(NOBODY), None).is_err() {
        std::io::stderr().write_all(b"skipped: only root can give files away\n").unwrap();
        return;
    }
    assert!(!is_intact(&root, &receipt).unwrap(), "another user's file");
    chown(root.join("src/a.go"), Some(0), None).unwrap();
    assert!(is_intact(&root, &receipt).unwrap());
    for path in ["", ".goverify.json"] {
        chown(root.join(path), Some(NOBODY), None).unwrap();
        assert_eq!(Receipt::read(&root).unwrap(), None, "another user's \"{path}\"");
        chown(root.join(path), Some(0), None).unwrap();
    }
}
