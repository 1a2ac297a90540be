//! `goverify mirror pull`: verified archives and what verifies them, put where machines without a network find it.
//!
//! - an archive is put there once it is verified, its companions before it; the index, which names it, comes last;
//! - what is there already and still good is left alone, so that a second run moves what has changed;
//! - one archive's failure is its own: the others go on, and the index names what is there.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use goverify::error::Code;
use goverify::events::Watch;
use goverify::fetch::{Access, Deposit, Mirror};
use goverify::install::{ArchiveSpool, module_of};
use goverify::release::{
    ArchiveName, INDEX_SIZE_LIMIT_BYTES, Platform, Publication, Release, ReleaseFile, ReleaseIndex, Selection, Target,
};
use goverify::trust::{Keyring, Sumdb, VerifiedArchive};

use super::super::args::{Common, MirrorPull};
use super::super::failure::Failure;
use super::super::json::{ArchiveReport, Mirrored, Outcome, Report};
use super::super::order::{Demands, Job, download_and_verify};
use super::super::output::Output;
use super::super::progress::Progress;
use super::super::{keys, list, runtime};
use super::check::Checker;
use super::companions::sha256_text;
use super::contents::{Contents, INDEX, lookup_path, own_paths, published};
use super::{Site, log, module, side_by_side, workspace};

pub(crate) fn run(arguments: &MirrorPull, common: &Common, output: &Output) -> Report {
    let progress = Progress::new(common);
    let watch = Watch::silent();
    let mut results = Vec::new();
    // Before the runtime takes the signals, as for fetch.
    let result = keys::keyring(&arguments.keyring)
        .and_then(|keyring| runtime::run(&watch, pull(arguments, keyring, common, &watch, &progress, &mut results)));
    progress.clear();
    for outcome in &results {
        output.describe(outcome);
    }
    results.extend(result.err().map(|failure| Outcome::failed("", failure)));
    Report { command: "mirror pull", results, listing: None }
}

/// Where archives come from and where they go.
struct Haul<'a> {
    arguments: &'a MirrorPull,
    from: Site,
    to: Deposit,
    /// What is there, when this begins.
    contents: Contents,
    checker: Checker,
    watch: &'a Watch,
    progress: &'a Progress,
}

async fn pull(
    arguments: &MirrorPull,
    keyring: Keyring,
    common: &Common,
    watch: &Watch,
    progress: &Progress,
    results: &mut Vec<Outcome>,
) -> Result<(), Failure> {
    let (keyring, sumdb) = (Arc::new(keyring), keys::log(&arguments.sumdb)?);
    if arguments.goproxy && sumdb == Sumdb::Off {
        return Err(Failure::usage("--goproxy and --sumdb off contradict each other: the go command will ask the log"));
    }
    let access = Access { offline: common.offline, ..Access::default() };
    let mirror = Arc::new(list::mirror(&arguments.source, common)?);
    let to = Deposit::at(&arguments.to, &access)?;
    let destination = Mirror::at(&arguments.to, &access)?;
    let index = list::index(&arguments.source, &mirror, common, watch).await?;
    let wanted = chosen(&index, &arguments.selections, &arguments.targets)?;
    let contents = Contents::of(&to, watch).await?;
    let source = arguments.source.clone();
    let from = Site { source, mirror, keyring: Arc::clone(&keyring), sumdb: sumdb.clone(), common: common.clone() };
    let there = Site::alone(&arguments.to, destination, Arc::clone(&keyring), sumdb, common);
    let checker = Checker::new(&arguments.to, there, Some(to.clone()), &contents, false);
    let haul = Haul { arguments, from, to, contents, checker, watch, progress };

    let offered = haul.offered().await?;
    let (outcomes, here) = haul.archives(&wanted, &offered).await;
    results.extend(outcomes);
    haul.finish(&wanted, &here, offered, results).await
}

/// The archives that are asked for. One that several selections name counts once; where a selection names many releases,
/// one of them at least has to have an archive for each platform.
fn chosen(index: &ReleaseIndex, selections: &[Selection], targets: &[Target]) -> Result<Vec<ReleaseFile>, Failure> {
    let host = [Target::Platform(Platform::host())];
    let targets = if targets.is_empty() { &host[..] } else { targets };
    let (mut files, mut names) = (Vec::new(), BTreeSet::new());
    for selection in selections {
        let releases = index.select_all(selection)?;
        for target in targets {
            let offers = |release: &&&Release| {
                matches!(selection, Selection::One(_)) || release.targets().any(|offered| offered == *target)
            };
            let offering: Vec<_> = releases.iter().filter(offers).collect();
            if offering.is_empty() {
                let message = format!("{selection}: no archive for {target}");
                return Err(Failure::new(Code::PlatformNotFound, message));
            }
            for release in offering {
                let file = release.file(target)?;
                if names.insert(file.name().to_string()) {
                    files.push(file);
                }
            }
        }
    }
    Ok(files)
}

fn index_limit_bytes() -> usize {
    usize::try_from(INDEX_SIZE_LIMIT_BYTES).unwrap_or(usize::MAX)
}

impl Haul<'_> {
    async fn read_index(&self) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.to.read(INDEX, index_limit_bytes()).await?)
    }

    /// What the mirror offers so far.
    async fn offered(&self) -> Result<Publication, Failure> {
        published(&self.to.location(INDEX), self.read_index().await?.as_deref())
    }

    /// Sees to it that the archives are there, several at a time; returns those that are, with what came of each.
    async fn archives(&self, wanted: &[ReleaseFile], offered: &Publication) -> (Vec<Outcome>, Vec<ReleaseFile>) {
        self.progress.expect(wanted.len());
        let jobs = wanted.iter().enumerate().map(|(number, file)| async move {
            let bar = self.progress.bar();
            let mut outcome = Outcome { label: file.name().to_string(), ..Outcome::default() };
            let result = self.one(file, offered, &bar.watch(self.watch), &mut outcome).await;
            outcome.error = result.err();
            self.progress.advance();
            (number, outcome)
        });
        let mut done: Vec<_> = stream::iter(jobs).buffer_unordered(side_by_side()).collect().await;
        done.sort_by_key(|(number, _)| *number);
        let is_good = |(number, outcome): &(usize, Outcome)| outcome.error.is_none().then_some(*number);
        let here = done.iter().filter_map(is_good).filter_map(|number| wanted.get(number).cloned()).collect();
        (done.into_iter().map(|(_, outcome)| outcome).collect(), here)
    }

    async fn one(
        &self,
        file: &ReleaseFile,
        offered: &Publication,
        watch: &Watch,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        let name = file.name();
        let mut mirrored = Mirrored { location: self.to.location(&name.to_string()), already: true };
        if offered.file(name) == Some(file) && self.contents.has(&name.to_string()) {
            let mut found = Outcome::default();
            if self.checker.one(file, &self.contents, watch, &mut found).await.is_ok() {
                *outcome = Outcome { label: name.to_string(), mirrored: Some(mirrored), ..found };
                return Ok(());
            }
        }
        let mut report = ArchiveReport::new(name, self.from.mirror.location(&name.to_string()));
        report.expect(file);
        outcome.archive = Some(report);
        let folder = workspace(&self.to)?;
        let consume = move |input: &mut dyn Read, job: &Job| {
            let spool = ArchiveSpool::new_in(&folder)?;
            let mut input = spool.tee(input)?;
            job.receive(&mut input, spool)
        };
        let mut order = self.from.order(file.clone(), Demands::default(), watch);
        let verified = download_and_verify(&mut order, consume, outcome).await?;
        self.put(&verified, watch).await?;
        mirrored.already = false;
        outcome.mirrored = Some(mirrored);
        Ok(())
    }

    /// Puts an archive there, what verifies it first.
    async fn put(&self, verified: &VerifiedArchive<ArchiveSpool>, watch: &Watch) -> Result<(), Failure> {
        let name = verified.name();
        let texts = [
            (".sha256", Some(sha256_text(verified.sha256()))),
            (".asc", verified.signature().map(|(_, armored)| armored.to_owned())),
            (".tlog-proof", verified.transparency().map(|proof| proof.tlog_proof().to_string())),
        ];
        for (suffix, text) in texts {
            let path = format!("{name}{suffix}");
            match text {
                Some(text) => self.contents.put(self.to.put(&path, text.into_bytes(), watch).await?),
                // Evidence of other bytes would speak against these.
                None if self.contents.has(&path) => {
                    self.to.remove(&path).await?;
                    self.contents.remove(&path);
                }
                None => {}
            }
        }
        let bytes = verified.kept().file()?;
        self.contents.put(self.to.put_file(&name.to_string(), bytes, verified.sha256(), watch).await?);
        self.checker.learn(verified);
        Ok(())
    }

    /// What comes once the archives are there: the log, modules, certificates, and at last the index.
    async fn finish(
        self,
        wanted: &[ReleaseFile],
        here: &[ReleaseFile],
        offered: Publication,
        results: &mut [Outcome],
    ) -> Result<(), Failure> {
        let mut offers = offered.clone();
        here.iter().for_each(|file| offers.insert(file.clone()));
        let copied = self.copy_log(&offers, results).await?;
        if self.arguments.goproxy {
            self.put_modules(here, results).await;
        }
        super::keys::put(&self.to, &self.arguments.keyring, self.watch).await?;
        let complete = results.iter().all(|outcome| outcome.error.is_none());
        let wanted: BTreeSet<String> = wanted.iter().map(|file| file.name().to_string()).collect();
        // What could not be had is no reason to take away what is there.
        let pruned: Vec<ArchiveName> = offers
            .files()
            .map(|file| file.name().clone())
            .filter(|name| self.arguments.prune && complete && !wanted.contains(&name.to_string()))
            .collect();
        let location = self.to.location(INDEX);
        let merge = |found: Option<&[u8]>| {
            let mut publication = published(&location, found)?;
            here.iter().for_each(|file| publication.insert(file.clone()));
            pruned.iter().for_each(|name| publication.remove(name));
            Ok(publication.to_json().into_bytes())
        };
        if !(here.is_empty() && pruned.is_empty()) {
            self.to.update::<Failure>(INDEX, index_limit_bytes(), self.watch, merge).await?;
        }
        for name in &pruned {
            self.remove(name).await?;
        }
        let left = offers.files().filter(|file| !pruned.contains(file.name()));
        self.checker.keep(left, &self.contents, copied);
        Ok(())
    }

    /// Copies the log for all archives that the mirror offers, if one of them has no answer of it yet. Returns whether
    /// the copy may have changed.
    async fn copy_log(&self, offers: &Publication, results: &mut [Outcome]) -> Result<bool, Failure> {
        let sumdb = &self.from.sumdb;
        let lacks = |file: &ReleaseFile| lookup_path(file.name(), sumdb).is_some_and(|path| !self.contents.has(&path));
        if !offers.files().any(lacks) {
            return Ok(false);
        }
        let modules: Vec<_> = offers.files().filter_map(|file| module_of(file.name())).collect();
        match log::copy(&self.from, &modules, &self.to, self.watch).await {
            Ok(warnings) => {
                if let Some(first) = results.first_mut() {
                    first.warnings.extend(warnings);
                }
                Ok(true)
            }
            // The archives are verified without it, and say so.
            Err(failure) if failure.code == Code::Network && !self.arguments.goproxy => {
                if let Some(first) = results.first_mut() {
                    first.warnings.push(failure.message);
                }
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn put_modules(&self, here: &[ReleaseFile], results: &mut [Outcome]) {
        for file in here.iter().filter(|file| !module::is_there(file, &self.contents)) {
            let put = module::put(self.checker.site(), file.clone(), &self.to, &self.contents, self.watch).await;
            let name = file.name().to_string();
            if let (Err(failure), Some(outcome)) = (put, results.iter_mut().find(|outcome| outcome.label == name)) {
                outcome.error = Some(failure);
            }
        }
    }

    async fn remove(&self, name: &ArchiveName) -> Result<(), Failure> {
        let mut paths = own_paths(name);
        paths.extend(lookup_path(name, &self.from.sumdb));
        for path in paths.iter().filter(|path| self.contents.has(path)) {
            self.to.remove(path).await?;
        }
        Ok(())
    }
}
