//! What an earlier check saw, and what of it still holds.

use std::cell::RefCell;
use std::collections::BTreeMap;

use goverify::fetch::{Deposited, MirrorMemory, Seen};
use goverify::release::{ArchiveName, ReleaseFile};
use goverify::trust::{Keyring, LogKey, Sumdb, Trust, VerifiedArchive};
use sha2::{Digest, Sha256};

use super::super::transparency;
use super::contents::{Contents, log_folder, own_paths};

/// What was found of an archive that is good.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) trust: &'static str,
    pub(super) h1: Option<String>,
}

impl Known {
    pub(super) fn of<K>(verified: &VerifiedArchive<K>) -> Self {
        let h1 = verified.transparency().map(|proof| proof.h1().to_string());
        Self { trust: verified.trust().as_str(), h1 }
    }
}

/// The memory of a mirror, and what this run adds to it.
pub(super) struct Memory {
    /// `None` where there is no place for it.
    stored: Option<MirrorMemory>,
    /// Whether everything is to be looked at anew.
    fresh: bool,
    log: String,
    found: RefCell<BTreeMap<String, Known>>,
    /// Digests of archives, each with the number of changes that the mirror's files had seen by then.
    digests: RefCell<BTreeMap<String, (u64, String)>>,
}

impl Memory {
    /// What was seen of the mirror at `location`.
    pub(super) fn of(location: &str, keyring: &Keyring, sumdb: &Sumdb, contents: &Contents, fresh: bool) -> Self {
        // A folder is the same one from wherever it is named.
        let location = std::fs::canonicalize(location).map_or(location.to_owned(), |path| path.display().to_string());
        let stored = transparency::cache().map(|cache| MirrorMemory::of(&location, &context(keyring, sumdb), &cache));
        let log = match sumdb {
            Sumdb::Log(log) => log_state(contents, log.key()),
            Sumdb::Off => String::new(),
        };
        Self { stored, fresh, log, found: RefCell::default(), digests: RefCell::default() }
    }

    /// What was seen of an archive that is as it was.
    pub(super) fn recall(&self, file: &ReleaseFile, contents: &Contents) -> Option<Known> {
        let stored = self.stored.as_ref().filter(|_| !self.fresh)?;
        let (name, digest) = (file.name().to_string(), digest(file, contents));
        let seen = stored.recall(&name, &digest)?;
        self.digests.borrow_mut().insert(name, (contents.changes(), digest));
        let all = [Trust::Signature, Trust::Transparency, Trust::SignatureAndTransparency, Trust::DigestOnly];
        let trust = all.map(Trust::as_str).into_iter().find(|trust| *trust == seen.trust)?;
        Some(Known { trust, h1: seen.h1.clone() })
    }

    /// Whether the copy of the log is as it was when all this was seen.
    pub(super) fn has_same_log(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.has_log(&self.log))
    }

    /// Adds an archive that was found good.
    pub(super) fn add(&self, name: &ArchiveName, known: Known) {
        self.found.borrow_mut().insert(name.to_string(), known);
    }

    /// The copy of the log has changed, and was not yet read again.
    pub(super) fn forget_log(&mut self) {
        self.log = String::new();
    }

    /// Keeps what was found of these archives, in place of all that was seen before. A memory that cannot be kept costs
    /// time and no more.
    pub(super) fn keep<'a>(self, files: impl Iterator<Item = &'a ReleaseFile>, contents: &Contents) {
        let (found, mut digests) = (self.found.into_inner(), self.digests.into_inner());
        let seen = |file: &ReleaseFile| {
            let name = file.name().to_string();
            let Known { trust, h1 } = found.get(&name)?.clone();
            let same = digests.remove(&name).filter(|(changes, _)| *changes == contents.changes());
            let digest = same.map_or_else(|| digest(file, contents), |(_, digest)| digest);
            Some((name, Seen { digest, trust: trust.to_owned(), h1 }))
        };
        let archives = files.filter_map(seen).collect();
        if let Some(mut stored) = self.stored {
            let _ = stored.replace(self.log, archives);
        }
    }
}

/// One digest over all that makes the verdict of an archive, but for the log.
fn digest(file: &ReleaseFile, contents: &Contents) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{} {} {}\n", file.name(), hex::encode(file.sha256()), file.size_bytes()));
    for path in own_paths(file.name()) {
        contents.with(&path, |found| hash.update(line(found)));
    }
    hex::encode(hash.finalize())
}

/// One digest over the copy of a log.
fn log_state(contents: &Contents, key: &LogKey) -> String {
    let mut hash = Sha256::new();
    contents.below(&format!("{}/", log_folder(key))).iter().for_each(|found| hash.update(line(found)));
    hex::encode(hash.finalize())
}

fn line(found: &Deposited) -> String {
    format!("{} {} {}\n", found.path, found.size_bytes, found.stamp.as_str())
}

/// What decides a verdict beside the mirror: this program, the certificates and the log.
fn context(keyring: &Keyring, sumdb: &Sumdb) -> String {
    let log = match sumdb {
        Sumdb::Log(log) => log.key().to_string(),
        Sumdb::Off => "off".to_owned(),
    };
    let keys = keyring.summaries().iter().map(|certificate| format!("{certificate:?}")).collect::<String>();
    format!("{} {log} {}", env!("CARGO_PKG_VERSION"), hex::encode(Sha256::digest(keys)))
}
