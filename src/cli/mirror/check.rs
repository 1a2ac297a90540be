//! `goverify mirror check`: is a mirror still what it was made to be?
//!
//! - every archive that the index names is verified as a fetch from here would verify it, asking nobody else; so are its
//!   `.sha256`, its `.tlog-proof` beside the copy of the log, and its module, if there is one;
//! - what the index says beside that must follow from the names;
//! - an archive that the index does not name, and what is missing, is told; other files are mentioned;
//! - a folder's and an object store's files that are as an earlier check has seen them are not read again; over HTTP all
//!   of them are, but for modules and certificates, which nothing there lists.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use futures_util::future::try_join;
use futures_util::stream::{self, StreamExt};
use goverify::archive::Discard;
use goverify::error::{Code, printable};
use goverify::events::Watch;
use goverify::fetch::{Access, AskError, Asked, Deposit, FetchError, LogPlace, Mirror};
use goverify::install::module_of;
use goverify::release::{ArchiveName, Release, ReleaseFile, ReleaseIndex};
use goverify::trust::{Keyring, Sumdb, VerifiedArchive};

use super::super::args::{Common, MirrorCheck};
use super::super::failure::Failure;
use super::super::json::{ArchiveReport, Outcome, Report};
use super::super::order::{Demands, Job, download_and_verify};
use super::super::output::Output;
use super::super::progress::Progress;
use super::super::transparency::{self, Effort};
use super::super::{keys, runtime};
use super::companions::{check_proof, check_sha256, missing};
use super::contents::{Contents, INDEX, lookup_path, own_paths};
use super::memory::{Known, Memory};
use super::{Site, log, module, side_by_side};

pub(crate) fn run(arguments: &MirrorCheck, common: &Common, output: &Output) -> Report {
    let progress = Progress::new(common);
    let watch = Watch::silent();
    let mut results = Vec::new();
    let result = keys::keyring(&arguments.keyring)
        .and_then(|keyring| runtime::run(&watch, check(arguments, keyring, common, &watch, &progress, &mut results)));
    progress.clear();
    results.extend(result.err().map(|failure| Outcome::failed(printable(&arguments.location), failure)));
    for outcome in results.iter().filter(|outcome| outcome.error.is_some()) {
        output.describe(outcome);
    }
    Report { command: "mirror check", results, listing: None }
}

async fn check(
    arguments: &MirrorCheck,
    keyring: Keyring,
    common: &Common,
    watch: &Watch,
    progress: &Progress,
    results: &mut Vec<Outcome>,
) -> Result<(), Failure> {
    let access = Access { offline: common.offline, ..Access::default() };
    let mirror = Mirror::at(&arguments.location, &access)?;
    let deposit = match &mirror {
        Mirror::Http(_) => None,
        _ => Some(Deposit::at(&arguments.location, &access)?),
    };
    let listing = async {
        match &deposit {
            Some(deposit) => Contents::of(deposit, watch).await,
            None => Ok(Contents::default()),
        }
    };
    let (contents, index) = try_join(listing, runtime::until_cancelled(watch, mirror.index())).await?;
    let (keyring, sumdb) = (Arc::new(keyring), keys::log(&arguments.sumdb)?);
    let site = Site::alone(&arguments.location, mirror, keyring, sumdb, common);
    let checker = Checker::new(&arguments.location, site, deposit, &contents, arguments.fresh);
    let (files, faults) = named(&index);
    results.extend(checker.all(&files, &contents, watch, progress).await);
    results.extend(faults);
    results.extend(checker.rest(&files, &contents).await);
    checker.keep(files.iter(), &contents, false);
    if watch.is_cancelled() { Err(Failure::new(Code::Interrupted, "interrupted")) } else { Ok(()) }
}

/// The archives that an index names, and what it should not say.
fn named(index: &ReleaseIndex) -> (Vec<ReleaseFile>, Vec<Outcome>) {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    let wrong = |release: &&Release| release.is_stable() == release.version().is_prerelease();
    for release in index.releases().iter().filter(wrong) {
        let message = format!("{INDEX}: {}: \"stable\" is {}", release.version(), release.is_stable());
        faults.push(Outcome::failed(INDEX, Failure::new(Code::IndexMalformed, message)));
    }
    for release in index.releases() {
        for target in release.targets() {
            match release.file(&target) {
                Ok(file) => files.push(file),
                Err(error) => faults.push(Outcome::failed(
                    ArchiveName::new(*release.version(), target).to_string(),
                    Failure::from(error),
                )),
            }
        }
    }
    (files, faults)
}

/// Checks archives where they are.
pub(super) struct Checker {
    site: Site,
    /// `None` where nothing can be listed.
    deposit: Option<Deposit>,
    memory: Memory,
}

impl Checker {
    pub(super) fn new(location: &str, site: Site, deposit: Option<Deposit>, contents: &Contents, fresh: bool) -> Self {
        let fresh = fresh || deposit.is_none();
        let memory = Memory::of(location, &site.keyring, &site.sumdb, contents, fresh);
        Self { site, deposit, memory }
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    async fn all(
        &self,
        files: &[ReleaseFile],
        contents: &Contents,
        watch: &Watch,
        progress: &Progress,
    ) -> Vec<Outcome> {
        progress.expect(files.len());
        let jobs = files.iter().enumerate().map(|(number, file)| async move {
            let bar = progress.bar();
            let mut outcome = Outcome::default();
            let result = self.one(file, contents, &bar.watch(watch), &mut outcome).await;
            outcome.error = result.err();
            progress.advance();
            if outcome.error.is_none() && !self.site.common.json {
                // Of what is good a line is said, and there may be thousands.
                outcome = Outcome { label: outcome.label, ..Outcome::default() };
            }
            (number, outcome)
        });
        let mut done: Vec<_> = stream::iter(jobs).buffer_unordered(side_by_side()).collect().await;
        done.sort_by_key(|(number, _)| *number);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Checks one archive and all that is its own. `watch` is its own, too: what calls it off is no matter of the others.
    pub(super) async fn one(
        &self,
        file: &ReleaseFile,
        contents: &Contents,
        watch: &Watch,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        let name = file.name();
        outcome.label = name.to_string();
        let mut report = ArchiveReport::new(name, self.site.mirror.location(&outcome.label));
        report.expect(file);
        outcome.archive = Some(report);
        if let Some(known) = self.memory.recall(file, contents)
            && (self.memory.has_same_log() || self.answer(name, contents).await.is_ok_and(|h1| h1 == known.h1))
        {
            outcome.trust = Some(known.trust);
            self.memory.add(name, known);
            return Ok(());
        }
        if watch.is_cancelled() {
            return Err(Failure::new(Code::Interrupted, "interrupted"));
        }
        let mut order = self.site.order(file.clone(), Demands::default(), watch);
        let consume = |input: &mut dyn Read, job: &Job| job.receive(input, Discard);
        let verified = download_and_verify(&mut order, consume, outcome).await?;
        check_sha256(&self.site, file).await?;
        let known = Known::of(&verified);
        if let (Sumdb::Log(source), Some(module)) = (&self.site.sumdb, module_of(name)) {
            let has_proof = check_proof(&self.site, &verified, &module, source.key()).await?;
            match self.answer(name, contents).await? {
                Some(_) if !has_proof => return Err(missing(&format!("{name}.tlog-proof"))),
                // Unless it agrees, the archive was verified by something else.
                Some(h1) if known.h1.as_ref() != Some(&h1) => {
                    let message = format!("{name}: the copy of the log says {h1}, which is not its hash");
                    return Err(Failure::new(Code::TransparencyMismatch, message));
                }
                None if has_proof && contents.has(&log::latest_path(source.key())) => {
                    return Err(missing(&lookup_path(name, &self.site.sumdb).unwrap_or_default()));
                }
                _ => {}
            }
        }
        self.memory.add(name, known);
        match &self.deposit {
            Some(deposit) => module::check(deposit, contents, verified, watch).await,
            None => Ok(()),
        }
    }

    /// The hash that the copy of the log has for an archive; `None` where it has no answer. One that cannot be proven out
    /// of the mirror alone is a fault of the mirror, though the archive may be verified otherwise.
    async fn answer(&self, name: &ArchiveName, contents: &Contents) -> Result<Option<String>, Failure> {
        let (Sumdb::Log(source), Some(module)) = (&self.site.sumdb, module_of(name)) else { return Ok(None) };
        let path = lookup_path(name, &self.site.sumdb).filter(|path| contents.has(path));
        let Some(path) = path else { return Ok(None) };
        let access = transparency::access(&self.site.common, Effort::Once);
        let place = LogPlace::in_mirror(&self.site.mirror, source.key(), &access)?;
        match place.ask(&module, None).await {
            Ok(Asked::Answer { answer, .. }) => Ok(Some(answer.h1().to_string())),
            Ok(Asked::NotLogged) => Err(missing(&path)),
            Err(AskError::Fetch(FetchError::NoTile { location })) => Err(missing(&location)),
            Err(error) => Err(Failure::of(&path, &error)),
        }
    }

    /// Remembers an archive that was verified before it was put there.
    pub(super) fn learn<K>(&self, verified: &VerifiedArchive<K>) {
        self.memory.add(verified.name(), Known::of(verified));
    }

    /// What the index does not speak of.
    async fn rest(&self, files: &[ReleaseFile], contents: &Contents) -> Vec<Outcome> {
        let Some(deposit) = &self.deposit else { return Vec::new() };
        let named: BTreeSet<String> = files.iter().flat_map(|file| own_paths(file.name())).collect();
        let mut outcomes = Vec::new();
        for path in contents.paths().into_iter().filter(|path| !named.contains(path)) {
            if path.parse::<ArchiveName>().is_ok() {
                let failure = Failure::new(Code::ReleaseNotFound, format!("{path}: {INDEX} does not name it"));
                outcomes.push(Outcome::failed(path, failure));
            }
        }
        let faults = super::keys::check(deposit, contents).await;
        outcomes.extend(faults.into_iter().map(|(path, failure)| Outcome::failed(path, failure)));
        outcomes.extend(self.log(deposit, contents).await);
        outcomes
    }

    /// The copy of the log: its own tree head, and answers about archives that are not here.
    async fn log(&self, deposit: &Deposit, contents: &Contents) -> Option<Outcome> {
        let Sumdb::Log(source) = &self.site.sumdb else { return None };
        log::check(deposit, contents, source.key()).await.err().map(|(path, failure)| Outcome::failed(path, failure))
    }

    /// Keeps what was found, for the next check.
    pub(super) fn keep<'a>(
        self,
        files: impl Iterator<Item = &'a ReleaseFile>,
        contents: &Contents,
        log_has_changed: bool,
    ) {
        let mut memory = self.memory;
        if log_has_changed {
            memory.forget_log();
        }
        if self.deposit.is_some() {
            memory.keep(files, contents);
        }
    }
}
