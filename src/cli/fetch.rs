//! `goverify fetch`: download, verify, install.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use goverify::archive::Spool;
use goverify::error::{Code, FileError};
use goverify::events::Watch;
use goverify::install::{Destination, Durability, Installation, Occupied, ReceiptChoice};
use goverify::release::{ArchiveFormat, ArchiveName, Platform, Selector, Target};
use goverify::trust::{Keyring, Sumdb};

use super::already::already_installed;
use super::args::{Common, Fetch, RequiredCheck};
use super::failure::Failure;
use super::json::{ArchiveReport, Installed, Outcome, Report};
use super::order::{Demands, Job, Order, Placing, download_and_verify};
use super::output::Output;
use super::progress::Progress;
use super::signature::{self, Requested};
use super::{download, keys, list, runtime};

pub(crate) fn run(arguments: Fetch, common: &Common, output: &Output) -> Report {
    let progress = Progress::new(common);
    let watch = progress.watch();
    let mut outcome = Outcome::default();
    // Before the runtime takes the signals: reading a file may wait for ever, as for the other end of a FIFO.
    let result = keys::keyring(&arguments.keyring)
        .map(Arc::new)
        .and_then(|keyring| runtime::run(&watch, fetch(arguments, keyring, common, &watch, &mut outcome)));
    progress.clear();
    outcome.error = result.err();
    output.describe(&outcome);
    Report { command: "fetch", results: vec![outcome], listing: None }
}

async fn fetch(
    arguments: Fetch,
    keyring: Arc<Keyring>,
    common: &Common,
    watch: &Watch,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    if arguments.unsigned && arguments.require.contains(&RequiredCheck::Signature) {
        return Err(Failure::usage("--unsigned and --require signature contradict each other"));
    }
    let mirror = Arc::new(list::mirror(&arguments.source, common)?);
    let target = arguments.target.clone().unwrap_or_else(|| Target::Platform(Platform::host()));
    let requested = probable_archive(&arguments, &target).and_then(|archive| Requested::of(&archive, &mirror));
    let index = list::index(&arguments.source, &mirror, common, watch);
    let (index, requested) = signature::beside_the_index(index, requested).await;
    let file = index?.select(&arguments.version)?.file(&target)?;
    let name = file.name().to_string();
    let mut archive = ArchiveReport::new(file.name(), mirror.location(&name));
    archive.expect(&file);
    outcome.archive = Some(archive);
    outcome.label.clone_from(&name);
    if file.name().format() == ArchiveFormat::Zip && arguments.require.contains(&RequiredCheck::Signature) {
        let message = format!("{name}: no signature is ever published for a .zip archive");
        return Err(Failure::new(Code::SignatureNotPublished, message));
    }
    let (sumdb, common) = (keys::log(&arguments.sumdb)?, common.clone());
    if sumdb == Sumdb::Off && arguments.require.contains(&RequiredCheck::Transparency) {
        return Err(Failure::usage("--sumdb off and --require transparency contradict each other"));
    }
    let demands =
        Demands { require: arguments.require.clone(), unsigned: arguments.unsigned, sha256: arguments.sha256 };
    let placing = Placing {
        occupied: if arguments.force { Occupied::Replace } else { Occupied::Refuse },
        durability: if arguments.no_sync { Durability::Unsynced } else { Durability::Synced },
        lock_timeout: arguments.lock_timeout,
    };
    let (source, watch) = (arguments.source.clone(), watch.clone());
    let mut order = Order { demands, placing, source, mirror, file, requested, keyring, sumdb, common, watch };
    if arguments.download_only {
        return download::run(&mut order, arguments.output, outcome).await;
    }
    let path = destination(&arguments, order.file.name())?;
    let receipt = if arguments.no_receipt { ReceiptChoice::Omit } else { ReceiptChoice::Write };
    install(order, path, receipt, outcome).await
}

/// The archive that will be downloaded, as far as that is known before the index: no series has to be looked up, and
/// nothing is installed that may make it needless.
fn probable_archive(arguments: &Fetch, target: &Target) -> Option<ArchiveName> {
    let Selector::Exact(version) = arguments.version else { return None };
    let archive = ArchiveName::new(version, target.clone());
    let vacant = || destination(arguments, &archive).is_ok_and(|path| path.symlink_metadata().is_err());
    (arguments.force || arguments.download_only || vacant()).then_some(archive)
}

fn destination(arguments: &Fetch, archive: &ArchiveName) -> Result<PathBuf, Failure> {
    arguments.to.clone().map_or_else(|| default_destination(archive), Ok)
}

async fn install(
    mut order: Order,
    path: PathBuf,
    receipt: ReceiptChoice,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let Placing { occupied, durability, lock_timeout } = order.placing;
    let watch = order.watch.clone();
    let destination = runtime::blocking(move || Destination::prepare(&path, lock_timeout, &watch)).await?;
    if destination.is_occupied()? && occupied == Occupied::Refuse {
        let installed = already_installed(&order, destination.path(), outcome)?;
        outcome.installed = Some(installed);
        return Ok(());
    }
    let (parent, backlog) = (destination.parent_path().to_owned(), destination.backlog(durability));
    let consume = move |input: &mut dyn Read, job: &Job| {
        // Now that bytes arrive, and before the spool is among what is unwritten.
        backlog.write();
        let spool = Spool::new_in(&parent).map_err(FileError::at(&parent, "make a spool in"))?;
        job.receive(input, spool)
    };
    let verified = download_and_verify(&mut order, consume, outcome).await?;
    let installation =
        runtime::blocking(move || destination.unpack(verified, receipt)?.commit(occupied, durability)).await?;
    outcome.warnings.extend(installation.leftover.map(|old| format!("{}: could not be removed", old.display())));
    let Installation { path, files, confinement, .. } = installation;
    outcome.installed = Some(Installed { path, files, already: false, confinement: Some(confinement) });
    Ok(())
}

/// `$HOME/sdk/goVERSION`, where golang.org/dl puts it; other platforms' trees get a longer name.
fn default_destination(name: &ArchiveName) -> Result<PathBuf, Failure> {
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    let home =
        home.ok_or_else(|| Failure::new(Code::Io, "no home directory is known").with_hint("say where with --to DIR"))?;
    let version = name.version();
    let directory = match name.target() {
        Target::Platform(platform) if *platform == Platform::host() => version.to_string(),
        Target::Platform(platform) => format!("{version}.{}-{}", platform.os(), platform.arch()),
        Target::Source => format!("{version}.src"),
    };
    Ok(home.join("sdk").join(directory))
}
