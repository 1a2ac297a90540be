//! The newer copies of the built-in certificate that this user has taken in: one file in a folder of the user's.
//!
//! - `google-linux-packages.asc` is the certificate as text, with all that was known when it was written. It is not
//!   trusted: every signature in it is verified whenever it is read, and what is built in is known beside it. Whoever can
//!   change the file can take away what it has brought, and add nothing;
//! - a file that is there and is not what was written, or cannot be read, is an error and not passed over: what it has
//!   lost may be a revocation. The next update puts that right, with what is still good in it; so does removing it;
//! - it is replaced under the lock of `lock` beside it, in one rename, when all of the new one is on disk. Processes that
//!   update at once wait for each other, and none loses what another has learned;
//! - a copy that is refused changes nothing.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Code, Coded, FileError};
use crate::files::{open_regular, read_bounded};
use crate::trust::{KEYRING_SIZE_LIMIT_BYTES, KeyChanges, KeyUpdateError, Keyring, KeyringError, PinnedCertificate};

const FILE: &str = "google-linux-packages.asc";
/// How long to wait for another update, which takes some milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Why what was learned of a certificate cannot be used, or no more be learned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// The file is not what was written.
    #[error("{}: {source}; was it damaged, or changed?", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyUpdateError,
    },
    /// The copy is none.
    #[error(transparent)]
    Refused(#[from] KeyUpdateError),
    /// Another process does not come to an end with it.
    #[error("{}: another process does not let go of it", .path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// What is built in.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Coded for KeystoreError {
    fn code(&self) -> Code {
        match self {
            Self::Damaged { .. } => Code::Io,
            Self::Refused(error) => error.code(),
            Self::Locked { .. } => Code::Locked,
            Self::Keyring(error) => error.code(),
            Self::File(error) => error.code(),
        }
    }
}

/// What an update came to.
#[derive(Debug)]
pub struct KeyUpdate {
    /// What is known now.
    pub certificate: PinnedCertificate,
    /// What was not known before.
    pub changes: KeyChanges,
    /// Whether the file was written: where nothing is new, it is not.
    pub written: bool,
    /// What was wrong with the file that was replaced.
    pub damage: Option<KeystoreError>,
}

/// The folder with what was learned.
#[derive(Clone, Debug)]
pub struct Keystore {
    folder: PathBuf,
    patience: Duration,
}

impl Keystore {
    /// In this folder, which need not exist.
    #[must_use]
    pub fn at(folder: PathBuf) -> Self {
        Self { folder, patience: LOCK_PATIENCE }
    }

    /// The file that holds the certificate, if anything was learned.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// The keyring that trusts the built-in certificate and what was learned of it.
    ///
    /// # Errors
    /// [`KeystoreError`] when there is a file and it is not as it was written.
    pub fn keyring(&self) -> Result<Keyring, KeystoreError> {
        match self.stored()? {
            // Nothing is verified here that is not used.
            None => Ok(Keyring::embedded()?),
            Some(stored) => Ok(self.restore(&PinnedCertificate::google()?, &stored)?.keyring()),
        }
    }

    /// Takes in what is new in a copy of the certificate.
    ///
    /// # Errors
    /// [`KeystoreError::Refused`] when it is no copy; nothing has changed then. Others when it cannot be kept.
    pub fn update(&self, copy: &[u8]) -> Result<KeyUpdate, KeystoreError> {
        self.update_of(PinnedCertificate::google()?, copy)
    }

    fn update_of(&self, built_in: PinnedCertificate, copy: &[u8]) -> Result<KeyUpdate, KeystoreError> {
        // Before anything is made on disk.
        built_in.update(copy)?;
        fs::create_dir_all(&self.folder).map_err(FileError::at(&self.folder, "create"))?;
        let _lock = self.lock()?;
        let (before, damage) = match self.stored() {
            Ok(None) => (built_in, None),
            Ok(Some(stored)) => match self.restore(&built_in, &stored) {
                Ok(known) => (known, None),
                Err(damage) => (built_in.update(&stored).unwrap_or(built_in), Some(damage)),
            },
            Err(damage) => (built_in, Some(damage.into())),
        };
        let certificate = before.update(copy)?;
        let written = damage.is_some() || !certificate.knows_the_same(&before);
        if written {
            self.write(&certificate.to_armored()?).map_err(FileError::at(&self.file(), "write"))?;
        }
        Ok(KeyUpdate { changes: certificate.changes_since(&before), certificate, written, damage })
    }

    fn stored(&self) -> Result<Option<Vec<u8>>, FileError> {
        let path = self.file();
        let is_absence = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        match open_regular(&path) {
            Err(error) if is_absence(error.source.kind()) && !path.is_symlink() => Ok(None),
            opened => read_bounded(opened?, &path, KEYRING_SIZE_LIMIT_BYTES).map(Some),
        }
    }

    fn restore(&self, built_in: &PinnedCertificate, stored: &[u8]) -> Result<PinnedCertificate, KeystoreError> {
        built_in.restore(stored).map_err(|source| KeystoreError::Damaged { path: self.file(), source })
    }

    fn lock(&self) -> Result<File, KeystoreError> {
        let path = self.folder.join("lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(FileError::at(&path, "open"))?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(FileError::at(&path, "lock")(error).into()),
                Err(TryLockError::WouldBlock) if start.elapsed() >= self.patience => {
                    return Err(KeystoreError::Locked { path: self.folder.clone() });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_POLL),
            }
        }
    }

    fn write(&self, content: &[u8]) -> io::Result<()> {
        let mut new = tempfile::NamedTempFile::new_in(&self.folder)?;
        new.write_all(content)?;
        readable_by_all(new.as_file())?;
        new.as_file().sync_all()?;
        new.persist(self.file())?;
        sync(&self.folder)
    }
}

/// It is no secret, and whoever updates as another user than the one who verifies would lock that one out.
#[cfg(unix)]
fn readable_by_all(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::pinned_tests::Owner;

    /// The names in the folder, sorted.
    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn store() -> (tempfile::TempDir, Keystore) {
        let folder = tempfile::tempdir().unwrap();
        let store = Keystore::at(folder.path().join("config/goverify"));
        (folder, store)
    }

    #[test]
    fn what_was_learned_is_there_for_the_next_process() {
        let ((_folder, store), owner) = (store(), Owner::new());
        let known = || store.restore(&owner.pinned, &store.stored().unwrap().unwrap()).unwrap();
        let (one, two) = (owner.renewed(), owner.renewed());
        for (copy, keys, written) in [(&one, 2, true), (&one, 2, false), (&two, 3, true), (&one, 3, false)] {
            let update = store.update_of(owner.pinned.clone(), copy).unwrap();
            assert_eq!((update.written, update.changes.added.len()), (written, usize::from(written)));
            assert!(update.damage.is_none() && known().knows_the_same(&update.certificate));
            assert_eq!(known().summary().signing_keys.len(), keys);
            assert_eq!(names(&store.folder), [FILE, "lock"]);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(store.file()).unwrap().permissions().mode() & 0o777, 0o644);
        }
    }

    #[test]
    fn p24_a_copy_that_is_refused_changes_nothing() {
        let ((folder, store), owner) = (store(), Owner::new());
        let refused = [Owner::new().renewed(), b"<html>".to_vec(), Vec::new(), owner.renewed().repeat(10_000)];
        for copy in &refused {
            let error = store.update_of(owner.pinned.clone(), copy).unwrap_err();
            assert_eq!(error.code(), Code::KeyUpdateRefused, "{error}");
        }
        assert_eq!(names(folder.path()), [""; 0], "nothing is made for what is refused");
        store.update_of(owner.pinned.clone(), &owner.renewed()).unwrap();
        let before = fs::read(store.file()).unwrap();
        for copy in &refused {
            store.update_of(owner.pinned.clone(), copy).unwrap_err();
            assert!(fs::read(store.file()).unwrap() == before);
        }
    }

    #[test]
    fn a_damaged_file_is_told_of_and_the_next_update_keeps_what_is_good_in_it() {
        let ((_folder, store), owner) = (store(), Owner::new());
        store.update_of(owner.pinned.clone(), &owner.renewed()).unwrap();
        let good = fs::read(store.file()).unwrap();
        let others = Owner::new().pinned.to_armored().unwrap();
        for (content, damaged, keys) in [
            (good[..good.len() / 2].to_vec(), true, 1),
            (Vec::new(), true, 1),
            ([&good[..], &others].concat(), true, 2),
            (good, false, 2),
        ] {
            fs::write(store.file(), &content).unwrap();
            let restored = store.restore(&owner.pinned, &content).map(drop).map_err(|error| error.code());
            assert_eq!(restored, if damaged { Err(Code::Io) } else { Ok(()) });
            let update = store.update_of(owner.pinned.clone(), &owner.renewed()).unwrap();
            assert_eq!((update.damage.is_some(), update.written), (damaged, true));
            assert_eq!(update.certificate.summary().signing_keys.len(), keys + 1);
            store.restore(&owner.pinned, &store.stored().unwrap().unwrap()).unwrap();
        }
    }

    #[test]
    fn f10_updates_at_once_lose_nothing() {
        let ((_folder, store), owner) = (store(), Owner::new());
        let copies: Vec<_> = (0..8).map(|_| owner.renewed()).collect();
        thread::scope(|scope| {
            for copy in &copies {
                scope.spawn(|| store.update_of(owner.pinned.clone(), copy).unwrap());
            }
        });
        let known = store.restore(&owner.pinned, &store.stored().unwrap().unwrap()).unwrap();
        assert_eq!(known.summary().signing_keys.len(), 1 + copies.len());
        let held = store.lock().unwrap();
        let hasty = Keystore { patience: Duration::ZERO, ..store.clone() };
        let error = hasty.update_of(owner.pinned.clone(), &owner.renewed()).unwrap_err();
        assert_eq!(error.code(), Code::Locked);
        drop(held);
        hasty.update_of(owner.pinned.clone(), &owner.renewed()).unwrap();
    }
}
