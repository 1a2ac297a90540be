//! What a mirror holds, and what belongs to which archive.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use goverify::error::Code;
use goverify::events::Watch;
use goverify::fetch::{Deposit, Deposited};
use goverify::install::{module_of, module_path};
use goverify::release::{ArchiveName, INDEX_SIZE_LIMIT_BYTES, Publication, ReleaseIndex};
use goverify::trust::{LogKey, Sumdb};

use super::super::failure::Failure;

/// The file that says what a mirror offers.
pub(super) const INDEX: &str = "index.json";
/// What stands beside an archive.
pub(super) const COMPANIONS: [&str; 3] = [".asc", ".sha256", ".tlog-proof"];
/// The extensions of a module's files.
pub(super) const MODULE_FILES: [&str; 3] = ["info", "mod", "zip"];

/// A mirror's files, as they were listed, and as this run has written them since.
#[derive(Default)]
pub(super) struct Contents {
    files: RefCell<BTreeMap<String, Deposited>>,
    changes: Cell<u64>,
}

impl Contents {
    pub(super) async fn of(deposit: &Deposit, watch: &Watch) -> Result<Self, Failure> {
        let files = deposit.list("", watch).await?;
        let files = files.into_iter().map(|file| (file.path.clone(), file)).collect();
        Ok(Self { files: RefCell::new(files), changes: Cell::new(0) })
    }

    /// Looks at one of them.
    pub(super) fn with<T>(&self, path: &str, look: impl FnOnce(&Deposited) -> T) -> Option<T> {
        self.files.borrow().get(path).map(look)
    }

    /// How often something of it has been changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes.get()
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.files.borrow().contains_key(path)
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.files.borrow().keys().cloned().collect()
    }

    /// Those whose paths begin so.
    pub(super) fn below(&self, prefix: &str) -> Vec<Deposited> {
        let files = self.files.borrow();
        let from = files.range(prefix.to_owned()..).map(|(_, file)| file);
        from.take_while(|file| file.path.starts_with(prefix)).cloned().collect()
    }

    /// Notes what was written.
    pub(super) fn put(&self, file: Deposited) {
        self.changes.update(|changes| changes + 1);
        self.files.borrow_mut().insert(file.path.clone(), file);
    }

    pub(super) fn remove(&self, path: &str) {
        self.changes.update(|changes| changes + 1);
        self.files.borrow_mut().remove(path);
    }
}

/// The paths of an archive and of what is its own, but for the log's answer about it.
pub(super) fn own_paths(name: &ArchiveName) -> Vec<String> {
    let archive = name.to_string();
    let mut paths: Vec<_> = COMPANIONS.map(|suffix| [&archive, suffix].concat()).into();
    paths.push(archive);
    paths
        .extend(module_of(name).iter().flat_map(|module| MODULE_FILES.map(|extension| module_path(module, extension))));
    paths
}

/// Where the copy of a log is in a mirror.
pub(super) fn log_folder(key: &LogKey) -> String {
    format!("sumdb/{}", key.name())
}

/// Where the log's answer about an archive is, if it is of those that a log can hold.
pub(super) fn lookup_path(name: &ArchiveName, sumdb: &Sumdb) -> Option<String> {
    let Sumdb::Log(log) = sumdb else { return None };
    module_of(name).map(|module| format!("{}/{}", log_folder(log.key()), module.lookup_path()))
}

/// What a mirror offers so far; nothing, where it has no index yet.
///
/// # Errors
/// When there is an index that cannot be carried on.
pub(super) fn published(location: &str, index: Option<&[u8]>) -> Result<Publication, Failure> {
    let Some(bytes) = index else { return Ok(Publication::default()) };
    if bytes.len() as u64 > INDEX_SIZE_LIMIT_BYTES {
        return Err(Failure::new(Code::IndexMalformed, format!("{location}: larger than any index")));
    }
    // An index of which everything was taken out.
    if bytes.trim_ascii() == b"[]" {
        return Ok(Publication::default());
    }
    let index = ReleaseIndex::parse(bytes).map_err(|error| Failure::of(location, &error))?;
    Publication::of(&index).map_err(|error| Failure::of(location, &error))
}
