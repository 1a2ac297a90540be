//! A deposit in a folder.
//!
//! - The folder is made where it is missing, and those in it as they are needed, mode 0755; files are 0644.
//! - What arrives is written to `.NAME.goverify-incoming` beside NAME, synced, and renamed. The file is locked
//!   meanwhile, so one process at a time writes NAME; what a killed one left is written over by the next for the same
//!   NAME. The lock is waited for up to [`LOCK_PATIENCE`], and is no better than the file system's locks.
//! - Below the folder no link is followed on the way to what is written, and a file that is a link is replaced, not
//!   written through. Reading follows links, as a mirror in a folder does.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use super::super::component;
use super::{Deposited, LISTING_LIMIT, Stamp, blocking};
use crate::error::FileError;
use crate::events::{Event, Watch};
use crate::fetch::FetchError;
use crate::files::{Directory, open_regular, read_bounded};

/// How long another process that writes the same file is waited for; an archive takes seconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(600);
/// The pause between two looks at a lock.
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// The deepest folder that is listed; a log's tiles lie nine deep.
const DEPTH_LIMIT: usize = 32;
/// How much is copied at once.
const COPY_BYTES: usize = 256 << 10;

/// A deposit in a folder.
#[derive(Clone, Debug)]
pub struct FolderDeposit {
    root: PathBuf,
}

impl FolderDeposit {
    pub(super) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn location(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }

    pub(super) async fn list(&self, below: &str, watch: &Watch) -> Result<Vec<Deposited>, FetchError> {
        let top = if below.is_empty() { self.root.clone() } else { self.root.join(component::path(below)?) };
        let prefix = if below.is_empty() { String::new() } else { format!("{below}/") };
        let watch = watch.clone();
        blocking(move || {
            let mut listed = Vec::new();
            match walk(&top, &prefix, DEPTH_LIMIT, &watch, &mut listed) {
                Err(FetchError::File(error)) if error.path == top && is_absence(&error.source) => {}
                done => done?,
            }
            listed.sort_by(|one, other| one.path.cmp(&other.path));
            Ok(listed)
        })
        .await
    }

    pub(super) fn find(&self, path: &str) -> Result<Option<Deposited>, FetchError> {
        let file = self.root.join(component::path(path)?);
        match fs::metadata(&file) {
            Ok(metadata) if metadata.is_file() => Ok(Some(deposited(path.to_owned(), &metadata))),
            Ok(_) => Err(FileError::at(&file, "read")(io::ErrorKind::IsADirectory.into()).into()),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(FileError::at(&file, "examine")(error).into()),
        }
    }

    pub(super) fn open(&self, path: &str) -> Result<Option<File>, FetchError> {
        let file = self.root.join(component::path(path)?);
        match open_regular(&file) {
            Err(error) if is_absence(&error.source) && !file.is_symlink() => Ok(None),
            opened => Ok(Some(opened?)),
        }
    }

    pub(super) fn read(&self, path: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FetchError> {
        let Some(opened) = self.open(path)? else { return Ok(None) };
        Ok(Some(read_bounded(opened, &self.root.join(path), limit_bytes)?))
    }

    pub(super) async fn put(&self, path: &str, content: Vec<u8>, watch: &Watch) -> Result<Deposited, FetchError> {
        let incoming = self.incoming(path, watch).await?;
        blocking(move || incoming.write(&content)).await
    }

    pub(super) async fn put_file(
        &self,
        path: &str,
        content: File,
        sha256: [u8; 32],
        watch: &Watch,
    ) -> Result<Deposited, FetchError> {
        let incoming = self.incoming(path, watch).await?;
        let watch = watch.clone();
        blocking(move || incoming.copy(content, &sha256, &watch)).await
    }

    pub(super) async fn update<E: From<FetchError>>(
        &self,
        path: &str,
        limit_bytes: u64,
        watch: &Watch,
        mut merge: impl FnMut(Option<&[u8]>) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let incoming = self.incoming(path, watch).await?;
        let current = self.read(path, limit_bytes)?;
        let merged = merge(current.as_deref())?;
        if current.is_some_and(|current| current == merged) {
            return Ok(false);
        }
        blocking(move || incoming.write(&merged)).await?;
        Ok(true)
    }

    pub(super) async fn remove(&self, path: &str) -> Result<bool, FetchError> {
        if self.find(path)?.is_none() {
            return Ok(false);
        }
        // Its lock is taken first, so that what a killed process left of it goes, too.
        let incoming = self.incoming(path, &Watch::silent()).await?;
        blocking(move || incoming.remove()).await
    }

    /// Waits until nobody else writes the file at this path.
    async fn incoming(&self, path: &str, watch: &Watch) -> Result<Incoming, FetchError> {
        let path = component::path(path)?.to_owned();
        let start = Instant::now();
        loop {
            if watch.is_cancelled() {
                return Err(FetchError::Interrupted);
            }
            let (root, wanted) = (self.root.clone(), path.clone());
            if let Some(incoming) = blocking(move || Incoming::open(&root, wanted)).await? {
                return Ok(incoming);
            }
            if start.elapsed() > LOCK_PATIENCE {
                return Err(FetchError::Contended { location: self.location(&path) });
            }
            sleep(LOCK_PAUSE).await;
        }
    }
}

/// A file that has yet to get its name, locked. Dropping it removes it.
struct Incoming {
    // Dropped after the file is removed.
    parent: Directory,
    path: String,
    /// For messages.
    place: PathBuf,
    name: OsString,
    hidden: OsString,
    file: Option<File>,
}

impl Incoming {
    /// `None` where another process has it.
    fn open(root: &Path, path: String) -> Result<Option<Self>, FetchError> {
        let place = root.join(&path);
        let (parent, name) = parent(root, &path).map_err(FileError::at(&place, "make the folders of"))?;
        let mut hidden = OsString::from(".");
        hidden.push(&name);
        hidden.push(".goverify-incoming");
        let file = parent.lock_file(&hidden).map_err(FileError::at(&place, "make a file for"))?;
        Ok(file.map(|file| Self { parent, path, place, name, hidden, file: Some(file) }))
    }

    fn write(self, content: &[u8]) -> Result<Deposited, FetchError> {
        self.fill(|file| file.write_all(content)).map_err(FileError::at(&self.place, "write"))?;
        self.finish()
    }

    fn copy(self, mut content: File, sha256: &[u8; 32], watch: &Watch) -> Result<Deposited, FetchError> {
        let mut hash = Sha256::new();
        let copied = self.fill(|file| {
            content.seek(SeekFrom::Start(0))?;
            let (mut buffer, mut bytes) = (vec![0; COPY_BYTES], 0);
            loop {
                let length = content.read(&mut buffer)?;
                let chunk = buffer.get(..length).unwrap_or_default();
                if chunk.is_empty() || watch.is_cancelled() {
                    return Ok(());
                }
                hash.update(chunk);
                file.write_all(chunk)?;
                bytes += length as u64;
                watch.tell(Event::Deposited { bytes });
            }
        });
        copied.map_err(FileError::at(&self.place, "write"))?;
        if watch.is_cancelled() {
            return Err(FetchError::Interrupted);
        }
        if <[u8; 32]>::from(hash.finalize()) != *sha256 {
            return Err(FetchError::Changed { location: self.place.display().to_string() });
        }
        self.finish()
    }

    fn fill(&self, write: impl FnOnce(&mut &File) -> io::Result<()>) -> io::Result<()> {
        let mut file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        write(&mut file)
    }

    fn finish(mut self) -> Result<Deposited, FetchError> {
        let finished = self.rename().map_err(FileError::at(&self.place, "rename to"))?;
        self.file = None;
        Ok(finished)
    }

    fn rename(&self) -> io::Result<Deposited> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            file.set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.sync_all()?;
        self.parent.rename(&self.hidden, &self.name)?;
        self.parent.sync()?;
        Ok(deposited(self.path.clone(), &file.metadata()?))
    }

    fn remove(self) -> Result<bool, FetchError> {
        let removed = match self.parent.remove_file(&self.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            removed => removed.and_then(|()| self.parent.sync()),
        };
        removed.map_err(FileError::at(&self.place, "remove"))?;
        Ok(true)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // The name first: whoever waits for the lock must find that it is gone.
        if self.file.is_some() {
            let _ = self.parent.remove_file(&self.hidden);
        }
    }
}

/// The folder of what is at `path`, made where it is missing, and the name in it.
fn parent(root: &Path, path: &str) -> io::Result<(Directory, OsString)> {
    let mut folder = match Directory::open(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(root)?;
            if let Some(above) = root.parent().filter(|above| !above.as_os_str().is_empty()) {
                Directory::open(above)?.sync()?;
            }
            Directory::open(root)?
        }
        opened => opened?,
    };
    let (folders, name) = path.rsplit_once('/').map_or((None, path), |(folders, name)| (Some(folders), name));
    for below in folders.into_iter().flat_map(|folders| folders.split('/')).map(OsStr::new) {
        folder = match folder.child(below) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => match folder.create_directory(below, 0o755) {
                // Another process made it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => folder.child(below)?,
                made => {
                    folder.sync()?;
                    made?
                }
            },
            opened => opened?,
        };
    }
    Ok((folder, name.into()))
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    watch: &Watch,
    listed: &mut Vec<Deposited>,
) -> Result<(), FetchError> {
    let too_much = || FileError::at(folder, "list")(io::Error::other("more than a mirror holds"));
    let depth = depth.checked_sub(1).ok_or_else(too_much)?;
    for entry in fs::read_dir(folder).map_err(FileError::at(folder, "list"))? {
        if watch.is_cancelled() {
            return Err(FetchError::Interrupted);
        }
        let entry = entry.map_err(FileError::at(folder, "list"))?;
        let (kind, name) = (entry.file_type().map_err(FileError::at(folder, "list"))?, entry.file_name());
        // No mirror's file has such a name.
        let Some(name) = name.to_str().filter(|name| component::path(name).is_ok()) else { continue };
        let path = format!("{prefix}{name}");
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), depth, watch, listed)?;
            continue;
        }
        match fs::metadata(entry.path()) {
            Ok(metadata) if metadata.is_file() => listed.push(deposited(path, &metadata)),
            // Gone meanwhile, a link to nothing or to a folder, or no file at all.
            _ => {}
        }
        if listed.len() > LISTING_LIMIT {
            return Err(too_much().into());
        }
    }
    Ok(())
}

fn deposited(path: String, metadata: &Metadata) -> Deposited {
    #[cfg(unix)]
    let stamp = {
        use std::os::unix::fs::MetadataExt as _;
        let (mtime, ctime) = ((metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec()));
        format!("{}-{}.{:09}-{}.{:09}", metadata.ino(), mtime.0, mtime.1, ctime.0, ctime.1)
    };
    #[cfg(not(unix))]
    let stamp = format!("{:?}", metadata.modified().ok());
    Deposited { path, size_bytes: metadata.len(), stamp: Stamp(stamp) }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
