//! `goverify audit`: is this installed tree still the one that was released?
//!
//! The evidence, from the strongest: an archive that was named; the proof in the tree's own receipt, which is proven
//! again and then vouches for the receipt's list of files; a proof that was named, or the log. Where the log vouches
//! for the receipt's list, each file that differs can be named; where it speaks of the tree alone, only that one does.

use std::path::{Path, PathBuf};
use std::thread;

use goverify::archive::Manifest;
use goverify::audit::{Drift, Modes, Tree, compare, identify, in_form, is_built_elsewhere, strange, walk};
use goverify::doctor::is_program;
use goverify::error::{Code, printable};
use goverify::files::read_bounded;
use goverify::install::Receipt;
use goverify::release::{ArchiveName, Target};
use goverify::trust::{
    LogError, LogKey, LogProof, Sumdb, TLOG_PROOF_SIZE_LIMIT_BYTES, ToolchainModule, Transparency, TreeForm, Trust,
    TrustError, judge_tree, proof_check, transparency_check, unauthenticated_files,
};

use super::args::{Audit, Common, SumdbArguments};
use super::failure::Failure;
use super::json::{self, ArchiveReport, Outcome, Report};
use super::output::Output;
use super::{keys, verify};

pub(crate) fn run(arguments: &Audit, common: &Common, output: &Output) -> Report {
    let mut outcome = Outcome::default();
    let result = goroot(arguments).and_then(|root| {
        outcome.label = printable(&root.display().to_string());
        Examination { root: &root, arguments, common, outcome: &mut outcome }.run()
    });
    outcome.error = result.err();
    output.describe(&outcome);
    Report { command: "audit", results: vec![outcome], listing: None }
}

/// Compares a tree with the evidence in its own receipt, asking nobody; `None` where that proves nothing.
pub(crate) fn by_own_receipt(root: &Path, sumdb: &SumdbArguments, common: &Common) -> Option<Outcome> {
    let mut outcome = Outcome { label: printable(&root.display().to_string()), ..Outcome::default() };
    let has_proof = || {
        let Sumdb::Log(log) = keys::log(sumdb)? else { return Ok(false) };
        Ok(claim_of(root)?.is_some_and(|claim| claim.receipt.prove(log.key()).is_some()))
    };
    match has_proof() {
        Ok(false) => return None,
        Ok(true) => {
            let common = Common { offline: true, ..common.clone() };
            let arguments = Audit::of_receipt(root, sumdb);
            let examination = Examination { root, arguments: &arguments, common: &common, outcome: &mut outcome };
            outcome.error = examination.run().err();
        }
        Err(failure) => outcome.error = Some(failure),
    }
    Some(outcome)
}

/// The tree that was named, else the one that the `go` command would use: the variable GOROOT, or where `go` is.
fn goroot(arguments: &Audit) -> Result<PathBuf, Failure> {
    if let Some(root) = &arguments.root {
        return Ok(root.clone());
    }
    if let Some(root) = std::env::var_os("GOROOT").filter(|root| !root.is_empty()) {
        return Ok(root.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = format!("go{}", std::env::consts::EXE_SUFFIX);
    // What a shell would not run is not the `go` that is used.
    let program_in = |folder: PathBuf| folder.join(&program).canonicalize().ok().filter(|found| is_program(found));
    let found = std::env::split_paths(&path).find_map(program_in);
    let root = found.as_deref().and_then(Path::parent).and_then(Path::parent).map(Path::to_owned);
    root.ok_or_else(|| Failure::usage("no GOROOT was named, the variable is not set, and no go is in PATH"))
}

struct Examination<'a> {
    root: &'a Path,
    arguments: &'a Audit,
    common: &'a Common,
    outcome: &'a mut Outcome,
}

/// A receipt that can be understood, and the release that it names.
struct Claim {
    name: ArchiveName,
    receipt: Receipt,
}

impl Examination<'_> {
    fn run(mut self) -> Result<(), Failure> {
        let (tree, claim) = self.read()?;
        if let Some(archive) = &self.arguments.archive {
            return self.by_archive(&tree, archive);
        }
        let Sumdb::Log(log) = keys::log(&self.arguments.sumdb)? else {
            if self.arguments.proof.is_some() {
                return Err(Failure::usage("--proof and --sumdb off contradict each other"));
            }
            return Err(self.no_evidence("--sumdb off leaves nothing to compare with but --archive"));
        };
        if let Some(claim) = claim.as_ref().filter(|_| self.arguments.proof.is_none())
            && let Some(proven) = claim.receipt.prove(log.key())
        {
            return self.by_receipt(&tree, claim, proven);
        }
        let identity = identify(&tree).map_err(|error| Failure::of(&self.outcome.label, &error))?;
        let name = ArchiveName::new(identity.version, identity.target.clone());
        self.name(&name);
        let Target::Platform(platform) = &identity.target else {
            return Err(self.no_evidence("source trees are in no log"));
        };
        let module = ToolchainModule::new(identity.version, platform);
        let transparency = match &self.arguments.proof {
            Some(path) => proof_at(path, log.key())?,
            None => self.ask(&Sumdb::Log(log), &name).map_err(|failure| with_other_log(failure, claim.as_ref()))?,
        };
        let Transparency::Evidence(evidence) = &transparency else {
            self.outcome.checks = vec![json::check(&transparency_check(&transparency, None))];
            return match transparency {
                Transparency::Failed(error) => Err(Failure::of(&self.outcome.label, &TrustError::Log(error))),
                _ => Err(self.no_evidence("nothing vouches for it")),
            };
        };
        let claimed = claim.filter(|claim| claim.name == name).map(|claim| claim.receipt.manifest);
        if let Some(manifest) = claimed
            && let Ok(proof) = judge_tree(&module, &manifest, TreeForm::Sdk, evidence)
        {
            self.proven(&tree, TreeForm::Sdk, proof);
            return self.conclude(&name, &manifest, compare(&tree, &manifest, TreeForm::Sdk, Modes::Compared));
        }
        match judge_tree(&module, tree.manifest(), identity.form, evidence) {
            Ok(proof) => {
                self.proven(&tree, identity.form, proof);
                self.conclude(&name, tree.manifest(), strange(&tree, identity.form))
            }
            Err(error) => Err(self.not_this_tree(&name, &tree, identity.form, error)),
        }
    }

    fn name(&mut self, name: &ArchiveName) {
        self.outcome.archive = Some(ArchiveReport::new(name, self.outcome.label.clone()));
    }

    fn no_evidence(&self, reason: &str) -> Failure {
        Failure::new(Code::NoEvidence, format!("{}: {reason}", self.outcome.label))
    }

    /// The tree, and what its receipt says, read side by side: a receipt of a release has 2.5 MB.
    fn read(&self) -> Result<(Tree, Option<Claim>), Failure> {
        let (tree, claim) = thread::scope(|scope| {
            let claim = scope.spawn(|| claim_of(self.root));
            (walk(self.root), claim.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        Ok((tree?, claim?))
    }

    fn by_archive(&mut self, tree: &Tree, archive: &Path) -> Result<(), Failure> {
        let verified = verify::archive(archive, self.arguments, self.outcome)?;
        // A tree that says nothing of itself is compared as an archive's.
        let form = identify(tree).map_or(TreeForm::Sdk, |identity| identity.form);
        let modes = if form == TreeForm::Sdk { Modes::Compared } else { Modes::Harmless };
        let expected = in_form(verified.manifest(), form);
        self.conclude(verified.name(), &expected, compare(tree, &expected, form, modes))
    }

    /// By the proof in the receipt, which the receipt's own list of files has to fulfil.
    fn by_receipt(
        &mut self,
        tree: &Tree,
        Claim { name, receipt }: &Claim,
        proven: Result<LogProof, TrustError>,
    ) -> Result<(), Failure> {
        self.name(name);
        match proven {
            Ok(proof) => {
                self.proven(tree, TreeForm::Sdk, proof);
                let drift = compare(tree, &receipt.manifest, TreeForm::Sdk, Modes::Compared);
                self.conclude(name, &receipt.manifest, drift)
            }
            Err(error) => {
                let failure = Failure::of(&format!("{}: its receipt", self.outcome.label), &error);
                self.outcome.checks = vec![json::check(&proof_check(&Err(error)))];
                Err(failure)
            }
        }
    }

    fn proven(&mut self, tree: &Tree, form: TreeForm, proof: LogProof) {
        self.outcome.trust = Some(Trust::Transparency.as_str());
        self.outcome.unauthenticated_files = Some(unauthenticated_files(tree.manifest(), form));
        self.outcome.checks = vec![json::check(&proof_check(&Ok(proof)))];
    }

    fn conclude(&mut self, name: &ArchiveName, expected: &Manifest, drift: Vec<Drift>) -> Result<(), Failure> {
        let count = drift.len();
        let elsewhere = is_built_elsewhere(expected, &drift);
        self.outcome.drift = Some(drift);
        if count == 0 {
            return Ok(());
        }
        let what = if elsewhere {
            format!("not the released tree of {name}: somebody else built it, none of its programs is the release's")
        } else {
            format!("{count} paths are not as {name} has them")
        };
        Err(Failure::new(Code::TreeModified, format!("{}: {what}", self.outcome.label)))
    }

    /// The tree as a whole is not what the evidence is about.
    fn not_this_tree(&mut self, name: &ArchiveName, tree: &Tree, form: TreeForm, error: TrustError) -> Failure {
        let label = &self.outcome.label;
        let failure = match &error {
            TrustError::Log(LogError::Mismatch { expected, actual, .. }) => Failure::new(
                Code::TreeModified,
                format!(
                    "{label}: not as {name} was released: expected {expected}, got {actual}; it was changed, or somebody \
                     else built it"
                ),
            )
            .with_hint("--archive FILE, or a receipt, tells which files differ"),
            error => Failure::of(label, error),
        };
        self.outcome.checks = vec![json::check(&proof_check(&Err(error)))];
        self.outcome.drift = Some(strange(tree, form));
        failure
    }

    #[cfg(feature = "net")]
    fn ask(&mut self, choice: &Sumdb, name: &ArchiveName) -> Result<Transparency, Failure> {
        let answer = super::transparency::ask_alone(choice, name, self.common)?;
        self.outcome.warnings.extend(answer.warnings);
        self.outcome.checks = vec![json::check(&transparency_check(&answer.transparency, None))];
        match answer.failure {
            Some(failure) if self.common.offline && failure.code == Code::TransportRefused => {
                Err(self.no_evidence(&failure.message))
            }
            Some(failure) => Err(failure),
            None if answer.transparency == Transparency::Absent(goverify::trust::Absence::NotLogged) => {
                let message = format!("{}: the transparency log does not hold {name}", self.outcome.label);
                Err(Failure::new(Code::TransparencyNotLogged, message))
            }
            None => Ok(answer.transparency),
        }
    }

    #[cfg(not(feature = "net"))]
    fn ask(&mut self, _: &Sumdb, _: &ArchiveName) -> Result<Transparency, Failure> {
        let _ = self.common.offline;
        Err(self.no_evidence("this build of goverify cannot ask the log"))
    }
}

/// What a tree's receipt says, if it has one that can be understood.
fn claim_of(root: &Path) -> Result<Option<Claim>, Failure> {
    let understood = |receipt: Receipt| Some(Claim { name: receipt.origin.archive.filename.parse().ok()?, receipt });
    Ok(Receipt::read_claim(root)?.and_then(understood))
}

/// Says of which log a receipt has a proof, where that is not the log that is trusted.
fn with_other_log(failure: Failure, claim: Option<&Claim>) -> Failure {
    let stored = claim.and_then(|claim| claim.receipt.origin.evidence.transparency.as_ref());
    match stored.filter(|_| failure.code == Code::NoEvidence) {
        Some(stored) => {
            let log = printable(&stored.log);
            failure.with_hint(format!("the receipt has a proof of the log {log}; --sumdb KEY trusts that log instead"))
        }
        None => failure,
    }
}

fn proof_at(path: &Path, key: &LogKey) -> Result<Transparency, Failure> {
    let text = read_bounded(verify::open_named(path)?, path, TLOG_PROOF_SIZE_LIMIT_BYTES as u64)?;
    Ok(Transparency::stored(&text, key))
}
