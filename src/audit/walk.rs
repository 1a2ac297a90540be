//! A tree on this machine, read whole, into the manifest that its archive would have.
//!
//! - by open directories: no link is followed below the root, whatever is exchanged meanwhile;
//! - by all processors: a directory is a task, and so is a large file;
//! - every file is read to its end, and looked at before and after: one that changes meanwhile is an error, since
//!   nothing can be said of it; so is one that cannot be read;
//! - what no manifest can say is kept beside it: links, devices, names that no archive may have, other modes, files
//!   with a second name;
//! - the receipt in the root is goverify's own, and in no archive: it is read like any file, and then left out;
//! - at most 500,000 entries and 32 MiB of their paths; directories as deep as an archive's paths may be. A file that is
//!   larger than an archive's may be is not read.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use sha2::{Digest, Sha256};

use super::AuditError;
use crate::archive::{Entry, EntryKind, EntryPath, FILE_SIZE_LIMIT_BYTES, Manifest};
use crate::error::FileError;
use crate::files::{Directory, FoundFile, Kind, Listed};

/// Most entries of a tree; a release has 17,353, and a tree with a module cache in it perhaps ten times as many.
const ENTRIES_LIMIT: usize = 500_000;
/// Most bytes of paths; a release has 0.7 MB.
const PATHS_LIMIT_BYTES: usize = 32 << 20;
/// Most threads; more of them wait for the memory.
const THREADS_LIMIT: usize = 16;
/// Size of a thread's buffer in bytes: most source files fit.
const BUFFER_BYTES: usize = 256 << 10;
/// From this size in bytes on, a file is a task of its own, which another thread may take.
const LARGE_FILE_BYTES: u64 = 1 << 20;
/// Most tasks that hold a file open.
const OPEN_FILES_LIMIT: usize = 32;
/// How much is set aside of the files that say what a tree is, in bytes.
const HEAD_BYTES: usize = 4096;
/// The receipt's name.
const RECEIPT: &str = ".goverify.json";
/// Bits of a mode that let the group or everybody write.
pub(super) const WRITABLE_BY_OTHERS: u32 = 0o022;
/// The files that say what a tree is.
pub(super) const TELLING: [&str; 3] = ["VERSION", "bin/go", "bin/go.exe"];

/// A tree as it was found.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub(super) manifest: Manifest,
    pub(super) oddities: Vec<Oddity>,
    /// How the files that say what a tree is begin.
    pub(super) heads: Vec<(&'static str, Vec<u8>)>,
}

impl Tree {
    /// Its files and directories, each of a name that an archive could have; the receipt is not among them.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

/// What a manifest cannot say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Oddity {
    pub(super) path: String,
    pub(super) kind: OddityKind,
}

/// In which way something is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OddityKind {
    /// A symbolic link.
    Link,
    /// A device, a FIFO, a socket.
    Special,
    /// A file or directory whose name no archive may have; what is in it is not looked at.
    Name,
    /// A file with other permissions than an archive's.
    Mode(u32),
    /// A directory with other permissions than 0755; the root's are its owner's affair unless others may write to it.
    DirectoryMode(u32),
    /// A file that has another name, through which it can be changed.
    SecondName,
    /// A file of a size that none in an archive may have.
    TooLarge,
}

/// Reads the tree at `root`, a directory or a link to one.
///
/// # Errors
/// [`AuditError`] when anything in it cannot be read, changes meanwhile, or there is too much of it.
pub fn walk(root: &Path) -> Result<Tree, AuditError> {
    let directory = Directory::open(root).map_err(FileError::at(root, "open"))?;
    let walk = Walk { root, queue: Mutex::default(), changed: Condvar::new() };
    walk.queue().tasks.push(Task::Root(directory));
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_LIMIT);
    let mut found = Vec::new();
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| walk.work())).collect();
        found.push(walk.work());
        for other in others {
            found.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    if let Some(error) = walk.queue().error.take() {
        return Err(error);
    }
    let mut entries = Vec::new();
    let mut tree = Tree::default();
    for part in found {
        entries.extend(part.entries);
        tree.oddities.extend(part.oddities);
        tree.heads.extend(part.heads);
    }
    entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    tree.oddities.sort_unstable();
    tree.manifest = Manifest::from_entries(entries);
    Ok(tree)
}

enum Task {
    Root(Directory),
    Directory { parent: Arc<Directory>, name: OsString, path: EntryPath },
    File { file: File, found: FoundFile, path: EntryPath },
}

#[derive(Default)]
struct Queue {
    tasks: Vec<Task>,
    /// Tasks in work, each of which may bring more.
    busy: usize,
    open_files: usize,
    entries: usize,
    path_bytes: usize,
    error: Option<AuditError>,
}

struct Walk<'a> {
    root: &'a Path,
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// A task in work; when it is done, or its thread panics, the others learn of it.
struct Busy<'a>(&'a Walk<'a>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.busy -= 1;
        if queue.busy == 0 || queue.error.is_some() {
            self.0.changed.notify_all();
        }
    }
}

/// What one thread found.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    oddities: Vec<Oddity>,
    heads: Vec<(&'static str, Vec<u8>)>,
}

impl Walk<'_> {
    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> Found {
        let mut found = Found::default();
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Some(task) = self.take() {
            let _busy = Busy(self);
            if let Err(error) = self.perform(task, &mut found, &mut buffer) {
                self.queue().error.get_or_insert(error);
            }
        }
        found
    }

    /// The next task; `None` when there will be no more.
    fn take(&self) -> Option<Task> {
        let mut queue = self.queue();
        loop {
            if queue.error.is_some() {
                return None;
            }
            if let Some(task) = queue.tasks.pop() {
                queue.busy += 1;
                queue.open_files -= usize::from(matches!(task, Task::File { .. }));
                return Some(task);
            }
            if queue.busy == 0 {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn perform(&self, task: Task, found: &mut Found, buffer: &mut [u8]) -> Result<(), AuditError> {
        match task {
            Task::Root(directory) => {
                let mode = directory.mode().map_err(self.failed("", "examine"))?;
                if let Some(mode) = mode.filter(|mode| mode & WRITABLE_BY_OTHERS != 0) {
                    found.oddities.push(Oddity { path: ".".to_owned(), kind: OddityKind::DirectoryMode(mode) });
                }
                self.directory(directory, "", found, buffer)
            }
            Task::File { file, found: before, path } => self.file(&file, &before, path, found, buffer),
            Task::Directory { parent, name, path } => {
                let at = |verb| self.failed(path.as_str(), verb);
                let directory = parent.child(&name).map_err(at("open"))?;
                if let Some(mode) = directory.mode().map_err(at("examine"))?.filter(|mode| *mode != 0o755) {
                    found.oddities.push(Oddity { path: path.to_string(), kind: OddityKind::DirectoryMode(mode) });
                }
                self.directory(directory, path.as_str(), found, buffer)?;
                found.entries.push(Entry { path, kind: EntryKind::Directory });
                Ok(())
            }
        }
    }

    fn directory(
        &self,
        directory: Directory,
        path: &str,
        found: &mut Found,
        buffer: &mut [u8],
    ) -> Result<(), AuditError> {
        let listed = directory.list().map_err(self.failed(path, "list"))?;
        self.count(&listed, path)?;
        let directory = Arc::new(directory);
        for Listed { name, kind } in listed {
            let text = name.to_string_lossy();
            let below = if path.is_empty() { text.into_owned() } else { format!("{path}/{text}") };
            let parsed = name.to_str().and_then(|_| EntryPath::parse(below.as_bytes()).ok());
            let odd = |kind| Oddity { path: below.clone(), kind };
            match (kind, parsed) {
                (Kind::Link, _) => found.oddities.push(odd(OddityKind::Link)),
                (Kind::Other, _) => found.oddities.push(odd(OddityKind::Special)),
                (_, None) => found.oddities.push(odd(OddityKind::Name)),
                (Kind::Directory, Some(path)) => {
                    self.offer(Task::Directory { parent: Arc::clone(&directory), name, path });
                }
                (Kind::File, Some(path)) => {
                    let opened = directory.open_file(&name).map_err(self.failed(&below, "open"))?;
                    // It was one when it was listed.
                    let (file, before) = opened.ok_or_else(|| AuditError::Moving { path: self.at(&below) })?;
                    if before.size_bytes > FILE_SIZE_LIMIT_BYTES {
                        found.oddities.push(odd(OddityKind::TooLarge));
                    } else if before.size_bytes >= LARGE_FILE_BYTES && self.has_room_for_file() {
                        self.offer(Task::File { file, found: before, path });
                    } else {
                        self.file(&file, &before, path, found, buffer)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// For `map_err`; the path is joined for errors alone.
    fn failed<'p>(&'p self, path: &'p str, verb: &'static str) -> impl FnOnce(io::Error) -> FileError + 'p {
        move |source| FileError { path: self.at(path), verb, source }
    }

    fn count(&self, listed: &[Listed], path: &str) -> Result<(), AuditError> {
        let path_bytes: usize = listed.iter().map(|listed| path.len() + 1 + listed.name.len()).sum();
        let mut queue = self.queue();
        queue.entries += listed.len();
        queue.path_bytes += path_bytes;
        if queue.entries > ENTRIES_LIMIT || queue.path_bytes > PATHS_LIMIT_BYTES {
            return Err(AuditError::TooMany);
        }
        Ok(())
    }

    fn has_room_for_file(&self) -> bool {
        self.queue().open_files < OPEN_FILES_LIMIT
    }

    fn offer(&self, task: Task) {
        let mut queue = self.queue();
        queue.open_files += usize::from(matches!(task, Task::File { .. }));
        queue.tasks.push(task);
        self.changed.notify_one();
    }

    fn file(
        &self,
        mut file: &File,
        before: &FoundFile,
        path: EntryPath,
        found: &mut Found,
        buffer: &mut [u8],
    ) -> Result<(), AuditError> {
        let at = |verb| self.failed(path.as_str(), verb);
        let telling = TELLING.iter().find(|telling| **telling == path.as_str());
        let mut sha256 = Sha256::new();
        let mut read = 0;
        // The second look tells whether there is more than the first one said.
        while read < before.size_bytes {
            let length = match file.read(buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(at("read")(error).into()),
            };
            let bytes = buffer.get(..length).unwrap_or_default();
            if let Some(telling) = telling.filter(|_| read == 0) {
                found.heads.push((telling, bytes.get(..HEAD_BYTES).unwrap_or(bytes).to_owned()));
            }
            sha256.update(bytes);
            read += length as u64;
        }
        let after = Directory::look_again(file).map_err(at("examine"))?;
        if read != before.size_bytes || (after.size_bytes, after.changed) != (before.size_bytes, before.changed) {
            return Err(AuditError::Moving { path: self.at(path.as_str()) });
        }
        if path.as_str() == RECEIPT {
            return Ok(());
        }
        let mode = before.mode.unwrap_or(0o644);
        if !matches!(mode, 0o644 | 0o755) {
            found.oddities.push(Oddity { path: path.to_string(), kind: OddityKind::Mode(mode) });
        }
        if before.names != 1 {
            found.oddities.push(Oddity { path: path.to_string(), kind: OddityKind::SecondName });
        }
        let (size_bytes, sha256) = (before.size_bytes, sha256.finalize().into());
        let kind = EntryKind::File { size_bytes, sha256, executable: mode & 0o111 != 0, position: 0 };
        found.entries.push(Entry { path, kind });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f17_a_file_that_changes_while_it_is_read_is_an_error() {
        type Change = fn(&Path);
        let changes: [(&str, bool, Change); 5] = [
            ("nothing", true, |_| {}),
            ("longer", false, |path| std::fs::write(path, "package abc\n").unwrap()),
            ("shorter", false, |path| std::fs::write(path, "").unwrap()),
            // The times of the file are the system's, which cannot be set back.
            #[cfg(unix)]
            ("second name", false, |path| std::fs::hard_link(path, path.with_extension("other")).unwrap()),
            #[cfg(unix)]
            ("mode", false, |path| {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
            }),
        ];
        for (what, accepted, change) in changes {
            let home = tempfile::tempdir().unwrap();
            let path = home.path().join("a.go");
            std::fs::write(&path, "package a\n").unwrap();
            let walk = Walk { root: home.path(), queue: Mutex::default(), changed: Condvar::new() };
            let opened = Directory::open(home.path()).unwrap().open_file("a.go".as_ref()).unwrap();
            let (file, before) = opened.unwrap();
            change(&path);
            let entry = EntryPath::parse(b"a.go").unwrap();
            let read = walk.file(&file, &before, entry, &mut Found::default(), &mut [0; 4]);
            assert_eq!(read.is_ok(), accepted, "{what}");
            assert!(matches!(read, Ok(()) | Err(AuditError::Moving { .. })), "{what}: {read:?}");
        }
    }
}
