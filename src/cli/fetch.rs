//! `goverify fetch`: download, verify, install; every release that is asked for, for every platform.
//!
//! The index is asked once. Then as many archives are worked on at the same time as there are processors, each with
//! checks, an error and a result of its own, which come in the order in which they were asked for. An archive that two
//! words choose is fetched once.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use futures_util::{StreamExt, stream};
use goverify::archive::Spool;
use goverify::error::{Code, FileError};
use goverify::events::Watch;
use goverify::fetch::Mirror;
use goverify::install::{Destination, Durability, Installation, Occupied, ReceiptChoice};
use goverify::release::{ArchiveFormat, ArchiveName, Platform, ReleaseFile, ReleaseIndex, Selector, Target};
use goverify::trust::{Keyring, Sumdb};

use super::already::already_installed;
use super::args::{Common, Fetch, RequiredCheck, Wanted};
use super::auto::{self, Chosen};
use super::failure::Failure;
use super::json::{ArchiveReport, Installed, Outcome, Report};
use super::lock::Lock;
use super::order::{Demands, Job, Order, Placing, download_and_verify};
use super::output::Output;
use super::progress::Progress;
use super::signature::{self, Requested};
use super::{download, keys, list, runtime, sdk};

pub(crate) fn run(arguments: Fetch, common: &Common, output: &Output) -> Report {
    #[cfg(unix)]
    if let Some(link) = &arguments.rollback {
        return super::switch::back(link, durability(&arguments), arguments.lock_timeout);
    }
    let mut outcomes = Vec::new();
    let watch = Watch::silent();
    // Before the runtime takes the signals: reading a file may wait for ever, as for the other end of a FIFO.
    let result = Call::new(&arguments, common).and_then(|call| {
        runtime::run(&watch, call.fetch(&watch, &mut outcomes))?;
        Ok(call.lock)
    });
    match result {
        Ok(lock) => lock.iter().for_each(|lock| lock.record(&mut outcomes)),
        // Which signal it was is known to the whole alone.
        Err(failure) if outcomes.iter_mut().any(|outcome| is_interrupted(outcome)) => {
            let interrupted = outcomes.iter_mut().filter(|outcome| is_interrupted(outcome));
            interrupted.for_each(|outcome| outcome.error = Some(failure.clone()));
        }
        Err(failure) => outcomes.push(Outcome::failed("", failure)),
    }
    outcomes.iter().for_each(|outcome| output.describe(outcome));
    Report { command: "fetch", results: outcomes, listing: None }
}

fn is_interrupted(outcome: &Outcome) -> bool {
    outcome.error.as_ref().is_some_and(|failure| failure.code == Code::Interrupted)
}

fn durability(arguments: &Fetch) -> Durability {
    if arguments.no_sync { Durability::Unsynced } else { Durability::Synced }
}

/// All that is the same for every archive.
struct Call<'a> {
    arguments: &'a Fetch,
    common: &'a Common,
    wanted: Vec<(Chosen, Target)>,
    keyring: Arc<Keyring>,
    sumdb: Sumdb,
    lock: Option<Lock>,
}

impl<'a> Call<'a> {
    fn new(arguments: &'a Fetch, common: &'a Common) -> Result<Self, Failure> {
        let keyring = Arc::new(keys::keyring(&arguments.keyring)?);
        if arguments.unsigned && arguments.require.contains(&RequiredCheck::Signature) {
            return Err(Failure::usage("--unsigned and --require signature contradict each other"));
        }
        let sumdb = keys::log(&arguments.sumdb)?;
        if matches!(sumdb, Sumdb::Off) && arguments.require.contains(&RequiredCheck::Transparency) {
            return Err(Failure::usage("--sumdb off and --require transparency contradict each other"));
        }
        let lock = Lock::of(&arguments.lock)?;
        let wanted = wanted(arguments)?;
        if wanted.len() > 1 {
            for (given, flag) in [
                (arguments.to.is_some(), "--to"),
                (arguments.output.is_some(), "-o"),
                (arguments.sha256.is_some(), "--sha256"),
                #[cfg(unix)]
                (arguments.switch.is_some(), "--switch"),
            ] {
                if given {
                    return Err(Failure::usage(format!("{flag} is about one archive, and several are asked for")));
                }
            }
        }
        #[cfg(unix)]
        arguments.switch.as_deref().map_or(Ok(()), super::switch::check)?;
        Ok(Self { arguments, common, wanted, keyring, sumdb, lock })
    }
}

/// Every release for every platform.
fn wanted(arguments: &Fetch) -> Result<Vec<(Chosen, Target)>, Failure> {
    let (mut releases, mut targets) = (Vec::new(), Vec::new());
    for word in &arguments.wanted {
        match word {
            Wanted::Release(choice) => releases.push(auto::resolve(choice)?),
            Wanted::Target(target) => targets.push(target.clone()),
        }
    }
    if releases.is_empty() {
        return Err(Failure::usage("a version is needed, and there are platforms alone"));
    }
    if targets.is_empty() {
        targets.push(Target::Platform(Platform::host()));
    }
    let for_each_target = |release: Chosen| targets.iter().map(move |target| (release.clone(), target.clone()));
    Ok(releases.into_iter().flat_map(for_each_target).collect())
}

impl Call<'_> {
    async fn fetch(&self, watch: &Watch, outcomes: &mut Vec<Outcome>) -> Result<(), Failure> {
        let mirror = Arc::new(list::mirror(&self.arguments.source, self.common)?);
        let mut requested = match self.wanted.as_slice() {
            [(chosen, target)] => {
                self.probable_archive(chosen, target).and_then(|archive| Requested::of(&archive, &mirror))
            }
            _ => None,
        };
        let index = list::index(&self.arguments.source, &mirror, self.common, watch);
        let (index, answer) = signature::beside_the_index(index, requested.take()).await;
        requested = answer;
        let found = self.find_all(&index?, &mirror);
        let progress = Progress::new(self.common);
        let work = found.into_iter().map(|(mut outcome, found)| {
            let (requested, mirror, progress) = (requested.take(), Arc::clone(&mirror), &progress);
            async move {
                let fetched = async {
                    let (bar, file) = (progress.bar(), found?);
                    let order = self.order(file, mirror, requested, bar.watch(watch));
                    self.fetch_one(order, &mut outcome).await
                };
                let fetched = fetched.await;
                outcome.error = fetched.err().map(|failure| self.named(failure, &outcome));
                outcome
            }
        });
        let shared = sdk::folder().ok().filter(|folder| self.wanted.len() > 1 && !folder.exists());
        let at_once = thread::available_parallelism().map_or(1, usize::from);
        outcomes.extend(stream::iter(work).buffered(at_once).collect::<Vec<_>>().await);
        // Whoever made it may have ended before the others, and left it to them.
        shared.iter().for_each(|folder| _ = std::fs::remove_dir(folder));
        let interrupted = outcomes.iter().filter(|outcome| is_interrupted(outcome));
        interrupted.filter_map(|outcome| outcome.error.clone()).next().map_or(Ok(()), Err)
    }

    /// What the index has of each, once; or why it has nothing that is wanted.
    fn find_all(&self, index: &ReleaseIndex, mirror: &Mirror) -> Vec<(Outcome, Result<ReleaseFile, Failure>)> {
        let mut all: Vec<(Outcome, Result<ReleaseFile, Failure>)> = Vec::new();
        for (chosen, target) in &self.wanted {
            let mut outcome = Outcome { selected_by: chosen.by.clone(), ..Outcome::default() };
            let found = self.find(index, chosen, target);
            if let Ok(file) = &found {
                if all.iter().any(|(_, other)| other.as_ref().is_ok_and(|other| other.name() == file.name())) {
                    continue;
                }
                let name = file.name().to_string();
                let mut archive = ArchiveReport::new(file.name(), mirror.location(&name));
                archive.expect(file);
                (outcome.archive, outcome.label) = (Some(archive), name);
            }
            all.push((outcome, found));
        }
        all
    }

    fn find(&self, index: &ReleaseIndex, chosen: &Chosen, target: &Target) -> Result<ReleaseFile, Failure> {
        Ok(index.select(&self.narrowed(chosen, target)?)?.file(target)?)
    }

    fn narrowed(&self, chosen: &Chosen, target: &Target) -> Result<Selector, Failure> {
        match &self.lock {
            Some(lock) => lock.narrow(chosen.selector.clone(), target),
            None => Ok(chosen.selector.clone()),
        }
    }

    /// Where several are fetched, an error says which of them it is about.
    fn named(&self, failure: Failure, outcome: &Outcome) -> Failure {
        if self.wanted.len() == 1 || outcome.archive.is_none() || failure.message.contains(&outcome.label) {
            return failure;
        }
        let message = format!("{}: {}", outcome.label, failure.message);
        Failure { message, ..failure }
    }

    /// The archive that will be downloaded, as far as that is known before the index: no series has to be looked up,
    /// and nothing is installed that may make it needless.
    fn probable_archive(&self, chosen: &Chosen, target: &Target) -> Option<ArchiveName> {
        let Ok(Selector::Exact(version)) = self.narrowed(chosen, target) else { return None };
        let archive = ArchiveName::new(version, target.clone());
        let vacant = || self.destination(&archive).is_ok_and(|path| path.symlink_metadata().is_err());
        (self.arguments.force || self.arguments.download_only || vacant()).then_some(archive)
    }

    fn destination(&self, archive: &ArchiveName) -> Result<PathBuf, Failure> {
        let hint = |failure: Failure| failure.with_hint("say where with --to DIR");
        let default = || Ok(sdk::folder().map_err(hint)?.join(sdk::directory_name(archive)));
        self.arguments.to.clone().map_or_else(default, Ok)
    }

    fn order(&self, file: ReleaseFile, mirror: Arc<Mirror>, requested: Option<Requested>, watch: Watch) -> Order {
        let arguments = self.arguments;
        let demands = Demands {
            require: arguments.require.clone(),
            unsigned: arguments.unsigned,
            sha256: arguments.sha256,
            lock: self.lock.as_ref().map(|lock| Arc::clone(&lock.file)),
        };
        let placing = Placing {
            occupied: if arguments.force { Occupied::Replace } else { Occupied::Refuse },
            durability: durability(arguments),
            lock_timeout: arguments.lock_timeout,
        };
        let (source, keyring) = (arguments.source.clone(), Arc::clone(&self.keyring));
        let (sumdb, common) = (self.sumdb.clone(), self.common.clone());
        Order { demands, placing, source, mirror, file, requested, keyring, sumdb, common, watch }
    }

    async fn fetch_one(&self, mut order: Order, outcome: &mut Outcome) -> Result<(), Failure> {
        if order.watch.is_cancelled() {
            return Err(Failure::new(Code::Interrupted, "interrupted"));
        }
        let name = order.file.name();
        if name.format() == ArchiveFormat::Zip && order.requires(RequiredCheck::Signature) {
            let message = format!("{name}: no signature is ever published for a .zip archive");
            return Err(Failure::new(Code::SignatureNotPublished, message));
        }
        self.lock.as_ref().map_or(Ok(()), |lock| lock.check_index(&order.file))?;
        if self.arguments.download_only {
            return download::run(&mut order, self.arguments.output.clone(), outcome).await;
        }
        let path = self.destination(name)?;
        let receipt = if self.arguments.no_receipt { ReceiptChoice::Omit } else { ReceiptChoice::Write };
        #[cfg(unix)]
        let (placing, watch) = (order.placing, order.watch.clone());
        install(order, path, receipt, outcome).await?;
        #[cfg(unix)]
        if let (Some(link), Some(installed)) = (self.arguments.switch.clone(), &outcome.installed) {
            let (target, Placing { durability, lock_timeout, .. }) = (installed.path.clone(), placing);
            let turn = move || super::switch::to(&link, &target, durability, lock_timeout, &watch);
            outcome.switched = Some(runtime::blocking(turn).await?);
        }
        Ok(())
    }
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
