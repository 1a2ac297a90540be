//! What each stage of a verification costs, beside what it cannot do without.
//!
//! `cargo bench --bench stages [-- FILTER]`. Every stage meets an archive that is made here, and, where
//! `GOVERIFY_REAL_RELEASES` names a folder that holds go1.27.1 for linux/amd64, that one too. Files are read and written
//! in the system's temporary folder (`TMPDIR`), and no sync is waited for.
//!
//! - the yardsticks do what a stage has to do, and check nothing: raw inflate, SHA-256, creating and filling files;
//! - a stage's throughput is of the bytes that go in: those of the archive, of the index, or of all files;
//! - raw inflate and SHA-256 of the archive are what `receive` has to do, and SHA-256 of every file beside them; unpacking
//!   has to create and fill the files, and an audit to read and hash them;
//! - what a stage needs from the one before is made before the clock runs, and a made tree is removed after it stopped.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and prints"
)]

#[path = "../bulk/mod.rs"]
mod bulk;
mod case;
#[path = "../../tests/support/mod.rs"]
mod support;
mod yardsticks;

use std::time::Duration;

use case::Case;
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, SamplingMode, Throughput};
use goverify::archive::{Discard, Spool};
use goverify::audit::{Modes, compare, walk};
use goverify::release::ReleaseIndex;
use goverify::trust::TreeForm;
use yardsticks::{Scratch, cores};

/// Measured for so long, or ten times, whichever is longer; Criterion warns where it is the latter, and that is meant.
const MEASUREMENT: Duration = Duration::from_secs(1);
/// Shorter than anything: where getting ready takes far longer than the stage, it is measured ten times and no more.
const TEN_TIMES: Duration = Duration::from_nanos(10);

fn main() {
    let mut criterion =
        Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(1)).configure_from_args();
    measure(&mut criterion, Case::generated());
    match Case::real() {
        Ok(case) => measure(&mut criterion, case),
        Err(reason) => println!("skipped: the stages with a real release, {reason}"),
    }
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, case: Case) {
    println!(
        "{}: {} bytes, {} files of {} bytes, {} cores",
        case.label,
        case.archive.len(),
        case.files.len(),
        case.files_bytes(),
        cores()
    );
    let mut group = criterion.benchmark_group(case.label);
    group.sampling_mode(SamplingMode::Flat).measurement_time(MEASUREMENT);
    verdict(&mut group, &case);
    index(&mut group, &case);
    of_the_archive(&mut group, &case);
    of_the_files(&mut group, &case);
    group.finish();
}

/// Before the others, since it has no throughput: once everything is read, its bytes are not looked at again.
fn verdict(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case) {
    group.measurement_time(TEN_TIMES);
    group.bench_function("verify: the verdict on what was received", |bencher| {
        bencher.iter_batched(|| case.receive(Discard), |received| case.verify(received), BatchSize::PerIteration);
    });
    group.measurement_time(MEASUREMENT);
}

fn index(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case) {
    group.throughput(Throughput::Bytes(case.index.len() as u64));
    group.bench_function("parse the index", |bencher| bencher.iter(|| ReleaseIndex::parse(&case.index).unwrap()));
}

fn of_the_archive(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case) {
    group.throughput(Throughput::Bytes(case.archive.len() as u64));
    group.bench_function("yardstick: raw inflate", |bencher| bencher.iter(|| yardsticks::inflate(&case.archive)));
    group.bench_function("yardstick: SHA-256 of the archive", |bencher| {
        bencher.iter(|| yardsticks::digest(&case.archive));
    });
    group.bench_function("receive, keeping nothing", |bencher| bencher.iter(|| case.receive(Discard)));
    let scratch = Scratch::new();
    group.bench_function("receive into a spool", |bencher| {
        bencher.iter_batched(
            || Spool::new_in(scratch.path()).unwrap(),
            |spool| case.receive(spool),
            BatchSize::PerIteration,
        );
    });
}

fn of_the_files(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case) {
    group.throughput(Throughput::Bytes(case.files_bytes()));
    let scratch = Scratch::new();
    for (share, threads) in [("one core", 1), ("all cores", cores())] {
        group.bench_function(format!("yardstick: SHA-256 of every file, {share}"), |bencher| {
            bencher.iter(|| yardsticks::digest_all(&case.files, threads));
        });
        group.bench_function(format!("yardstick: create and fill every file, {share}"), |bencher| {
            let create = |tree: Scratch| {
                yardsticks::create_all(&case.files, tree.path(), threads);
                tree
            };
            bencher.iter_batched(Scratch::new, create, BatchSize::PerIteration);
        });
    }
    group.measurement_time(TEN_TIMES);
    group.bench_function("unpack: from the spool to a staged tree", |bencher| {
        let unpack = |(verified, destination)| case::unpack(verified, destination);
        bencher.iter_batched(|| case.ready_to_unpack(&scratch), unpack, BatchSize::PerIteration);
    });
    group.measurement_time(MEASUREMENT);

    let root = case.install(&scratch);
    let manifest = walk(&root).unwrap().manifest().clone();
    group.bench_function("yardstick: read and SHA-256 of every file, all cores", |bencher| {
        bencher.iter(|| yardsticks::read_all(&case.files, &root, cores()));
    });
    group.bench_function("audit: walk, read, SHA-256, compare", |bencher| {
        bencher.iter(|| {
            let tree = walk(&root).unwrap();
            assert!(compare(&tree, &manifest, TreeForm::Sdk, Modes::Compared).is_empty());
        });
    });
}
