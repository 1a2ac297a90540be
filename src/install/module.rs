//! A verified archive as the module `golang.org/toolchain`, which the `go` command takes from a `GOPROXY` when it
//! switches to another release.
//!
//! - `golang.org/toolchain/@v/V.info`, `.mod` and `.zip` (the module proxy protocol, <https://go.dev/ref/mod>);
//! - the zip holds the files that the log's hash covers, by the names that they have there (`h1` in [`crate::trust`]),
//!   below `MODULE@VERSION/`, sorted. Only an archive that the log vouches for is made into one: the `go` command will
//!   ask the log for the same hash;
//! - every file is hashed once more on its way from the spool, so that the zip holds what was verified;
//! - each of the three has one text, as far as the compressor does, so that a file of another text is a fault.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::InstallError;
use super::unpack::read_exact_at;
use crate::archive::{FileEntry, Manifest, ReceiveError, Spool, ZipWriter, read_zip_within};
use crate::error::{Code, Coded, escaped};
use crate::release::{ArchiveName, Target};
use crate::trust::{ToolchainModule, TreeForm, VerifiedArchive, is_covered, name_in_module};

/// The text of every toolchain's `.mod`, whose hash is in the log's every record.
pub const MODULE_FILE: &str = "module golang.org/toolchain\n";

/// What is wrong with a module's zip.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleFault {
    /// It cannot be read, or breaks the profile.
    #[error(transparent)]
    Zip(#[from] ReceiveError),
    /// A file of the archive is not in it, or is another one.
    #[error("\"{}\": missing, or not the archive's", escaped(.0))]
    Differs(String),
    /// A file is in it that is not the archive's.
    #[error("\"{}\": not of the archive", escaped(.0))]
    Added(String),
}

impl Coded for ModuleFault {
    fn code(&self) -> Code {
        match self {
            Self::Zip(error) => error.code(),
            Self::Differs(_) | Self::Added(_) => Code::TreeModified,
        }
    }
}

/// The module that an archive is; `None` for source, which is in no log.
#[must_use]
pub fn module_of(name: &ArchiveName) -> Option<ToolchainModule> {
    match name.target() {
        Target::Platform(platform) => Some(ToolchainModule::new(*name.version(), platform)),
        Target::Source => None,
    }
}

/// Where a module's file is below a `GOPROXY`; `extension` is `info`, `mod` or `zip`.
#[must_use]
pub fn module_path(module: &ToolchainModule, extension: &str) -> String {
    format!("golang.org/toolchain/@v/{}.{extension}", module.module_version())
}

/// The text of a module's `.info`.
#[must_use]
pub fn module_info(module: &ToolchainModule) -> String {
    // A module version has no character that JSON would escape.
    format!("{{\"Version\":\"{}\"}}\n", module.module_version())
}

impl VerifiedArchive<Spool> {
    /// Writes the module's zip, and hands back what it was written to.
    ///
    /// # Errors
    /// [`InstallError::NoModule`] when the log does not vouch for the archive, others when the zip cannot be written or
    /// the spool no longer holds what was verified.
    pub fn write_module<W: Write>(&self, out: W) -> Result<W, InstallError> {
        let no_module = || InstallError::NoModule { archive: self.name().clone() };
        let module = self.transparency().map(|proof| proof.module().to_string()).ok_or_else(no_module)?;
        let failed = |source| InstallError::Module { archive: self.name().clone(), source };
        let mut zip = ZipWriter::new(out);
        for (name, file) in files(self.manifest()) {
            let mut content = Content::of(&file, self.kept().file());
            zip.file(&format!("{module}/{name}"), file.executable, &mut content).map_err(|error| {
                match content.end {
                    true => InstallError::Changed { path: file.path.clone(), expected: *file.sha256, actual: None },
                    false => failed(error),
                }
            })?;
            let actual = content.sha256.finalize().into();
            if actual != *file.sha256 {
                let path = file.path.clone();
                return Err(InstallError::Changed { path, expected: *file.sha256, actual: Some(actual) });
            }
        }
        zip.finish().map_err(failed)
    }
}

/// Checks that `zip` is the module that `archive` is.
///
/// # Errors
/// [`ModuleFault`] when it is not.
pub fn check_module<K>(archive: &VerifiedArchive<K>, zip: &mut dyn Read) -> Result<(), ModuleFault> {
    let Some(module) = module_of(archive.name()) else { return Err(ModuleFault::Added(String::new())) };
    let found = read_zip_within(&module.to_string(), zip)?;
    let mut found: BTreeMap<_, _> = found.file_entries().map(|file| (file.path.as_str(), file.sha256)).collect();
    for (name, file) in files(archive.manifest()) {
        if found.remove(&*name) != Some(file.sha256) {
            return Err(ModuleFault::Differs(name));
        }
    }
    found.into_keys().next().map_or(Ok(()), |added| Err(ModuleFault::Added(added.to_owned())))
}

/// The files that the module has, by their names there.
fn files(manifest: &Manifest) -> BTreeMap<String, FileEntry<'_>> {
    let covered = manifest.file_entries().filter(|file| is_covered(file.path.as_str(), TreeForm::Sdk));
    covered.map(|file| (name_in_module(file.path.as_str(), TreeForm::Sdk).into_owned(), file)).collect()
}

/// What one file has in the spool, hashed as it is read.
struct Content<'a> {
    spool: &'a File,
    position: u64,
    left: u64,
    sha256: Sha256,
    /// Whether the spool ended before the file did.
    end: bool,
}

impl<'a> Content<'a> {
    fn of(file: &FileEntry<'_>, spool: &'a File) -> Self {
        Self { spool, position: file.position, left: file.size_bytes, sha256: Sha256::new(), end: false }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let bytes = buffer.get_mut(..length).unwrap_or_default();
        read_exact_at(self.spool, bytes, self.position)
            .inspect_err(|error| self.end = error.kind() == io::ErrorKind::UnexpectedEof)?;
        self.sha256.update(&*bytes);
        self.position += length as u64;
        self.left -= length as u64;
        Ok(length)
    }
}
