//! What the `go` command reads from a mirror: archives in their module form.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom};
use std::path::Path;

use goverify::archive::Spool;
use goverify::error::{Code, FileError};
use goverify::events::Watch;
use goverify::fetch::Deposit;
use goverify::install::{MODULE_FILE, check_module, module_info, module_of, module_path};
use goverify::release::ReleaseFile;
use goverify::trust::{ToolchainModule, VerifiedArchive};
use sha2::{Digest, Sha256};

use super::super::args::RequiredCheck;
use super::super::failure::Failure;
use super::super::json::Outcome;
use super::super::order::{Demands, Job, download_and_verify};
use super::super::runtime;
use super::companions::missing;
use super::contents::{Contents, MODULE_FILES};
use super::{Site, workspace};

/// Longest `.info` or `.mod` that is read.
const TEXT_LIMIT_BYTES: usize = 4 << 10;
const BUFFER_BYTES: usize = 256 << 10;

/// Makes the module of an archive that is in the mirror already, out of what is there and with the log's word for it.
pub(super) async fn put(
    site: &Site,
    file: ReleaseFile,
    deposit: &Deposit,
    contents: &Contents,
    watch: &Watch,
) -> Result<(), Failure> {
    let Some(module) = module_of(file.name()) else { return Ok(()) };
    let folder = workspace(deposit)?;
    let spool_folder = folder.clone();
    let consume = move |input: &mut dyn Read, job: &Job| {
        let spool = Spool::new_in(&spool_folder).map_err(FileError::at(&spool_folder, "make a spool in"))?;
        job.receive(input, spool)
    };
    let demands = Demands { require: vec![RequiredCheck::Transparency], ..Demands::default() };
    let part = watch.part();
    let mut order = site.order(file, demands, &part);
    let verified = download_and_verify(&mut order, consume, &mut Outcome::default()).await?;
    let (zip, sha256) = runtime::blocking(move || written(&verified, &folder)).await?;
    for (extension, text) in [("info", module_info(&module)), ("mod", MODULE_FILE.to_owned())] {
        contents.put(deposit.put(&module_path(&module, extension), text.into_bytes(), watch).await?);
    }
    contents.put(deposit.put_file(&module_path(&module, "zip"), zip, &sha256, watch).await?);
    Ok(())
}

/// Whether an archive's module is there, or is not asked for.
pub(super) fn is_there(file: &ReleaseFile, contents: &Contents) -> bool {
    let of = |module: ToolchainModule| MODULE_FILES.iter().all(|part| contents.has(&module_path(&module, part)));
    module_of(file.name()).is_none_or(of)
}

/// The module's zip in a file without a name, and its SHA-256.
fn written(verified: &VerifiedArchive<Spool>, folder: &Path) -> Result<(File, [u8; 32]), Failure> {
    let at = |verb| FileError::at(folder, verb);
    let out = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile_in(folder).map_err(at("make a file in"))?);
    let out = verified.write_module(out)?;
    let mut zip = out.into_inner().map_err(|error| at("write a module in")(error.into_error()))?;
    let mut sha256 = Sha256::new();
    zip.seek(SeekFrom::Start(0)).and_then(|_| hash(&mut zip, &mut sha256)).map_err(at("read a module in"))?;
    Ok((zip, sha256.finalize().into()))
}

fn hash(file: &mut File, sha256: &mut Sha256) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        sha256.update(buffer.get(..length).unwrap_or_default());
    }
}

/// Checks the module of a verified archive, if a file of it is there.
pub(super) async fn check<K: Send + Sync + 'static>(
    deposit: &Deposit,
    contents: &Contents,
    archive: VerifiedArchive<K>,
    watch: &Watch,
) -> Result<(), Failure> {
    let Some(module) = module_of(archive.name()) else { return Ok(()) };
    let paths = MODULE_FILES.map(|extension| module_path(&module, extension));
    if !paths.iter().any(|path| contents.has(path)) {
        return Ok(());
    }
    if let Some(path) = paths.iter().find(|path| !contents.has(path)) {
        return Err(missing(path));
    }
    for (extension, expected) in [("info", module_info(&module)), ("mod", MODULE_FILE.to_owned())] {
        let path = module_path(&module, extension);
        let found = deposit.read(&path, TEXT_LIMIT_BYTES).await?.ok_or_else(|| missing(&path))?;
        if found != expected.as_bytes() {
            let message = format!("{path}: expected {}, got {}", expected.trim_end(), String::from_utf8_lossy(&found));
            return Err(Failure::new(Code::TreeModified, message));
        }
    }
    let path = module_path(&module, "zip");
    let mut zip = deposit.open(&path, watch).await?.ok_or_else(|| missing(&path))?;
    runtime::blocking(move || check_module(&archive, &mut zip).map_err(|error| Failure::of(&path, &error))).await
}
