//! The canary: every hostile archive through the binary, signed and listed as if it were genuine, in a root folder that
//! would show what it wrote; and the binary's system calls, which must not have tried.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;
use std::thread;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::case::Case;
use super::jail::{DESTINATION, Jail, MIRROR, Object, PARENT};
use super::support::binary::assert_installed;
use super::support::desk::KEY_CREATED;
use super::support::figures;
use super::support::keys::Signer;
use super::support::mirror::SIGNED;
use super::support::sdk::Sdk;
use super::trace::Change;

static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new("tester", KEY_CREATED));

/// A mirror whose only archive is the case's, with a good signature and the right digest.
fn write_mirror(jail: &Jail, case: &Case) {
    let folder = jail.at(MIRROR);
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    let (name, version) = (case.name.to_string(), case.name.version());
    let target = case.name.target().to_string();
    let (os, arch) = target.split_once('/').unwrap_or_default();
    let kind = if os.is_empty() { "source" } else { "archive" };
    let published = if (os, arch) == ("linux", "arm") { "armv6l" } else { arch };
    let file = json!({
        "filename": name, "os": os, "arch": published, "version": version.to_string(), "kind": kind,
        "sha256": hex::encode(Sha256::digest(&case.archive)), "size": case.archive.len(),
    });
    let index = json!([{ "version": version.to_string(), "stable": !version.is_prerelease(), "files": [file] }]);
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(folder.join(format!("{name}.asc")), SIGNER.sign(&case.archive, SIGNED)).unwrap();
    fs::write(folder.join(&name), &case.archive).unwrap();
    fs::write(folder.join("keyring.pgp"), SIGNER.certificate()).unwrap();
}

/// Installs the case's archive; a zip on its digest's word alone, since there is no log in here.
fn fetch(jail: &Jail, case: &Case) -> (Output, Vec<Change>) {
    write_mirror(jail, case);
    let (version, target) = (case.name.version().to_string(), case.name.target().to_string());
    let keyring = format!("{MIRROR}/keyring.pgp");
    let mut arguments = vec!["fetch", &version, &target, "--to", DESTINATION, "--mirror", MIRROR, "--sumdb", "off"];
    arguments.extend(["--keyring", &keyring, "--offline", "--no-sync", "--json"]);
    if target.starts_with("windows") {
        arguments.push("--unsigned");
    }
    jail.run(&arguments)
}

/// The names in an archive, as its most tolerant readers find them, and what its links point to.
fn names(case: &Case) -> Vec<Vec<u8>> {
    const MOST_NAMES: usize = 100;
    let mut names = Vec::new();
    if let Ok(zip) = zip::ZipArchive::new(std::io::Cursor::new(&case.archive)) {
        names.extend(zip.file_names().take(MOST_NAMES).flatten().map(|name| name.as_bytes().to_vec()));
    }
    let stream = flate2::read::MultiGzDecoder::new(&case.archive[..]).take(1 << 20);
    for entry in tar::Archive::new(stream).entries().into_iter().flatten().flatten().take(MOST_NAMES) {
        names.push(entry.path_bytes().into_owned());
        names.extend(entry.link_name_bytes().map(|name| name.into_owned()));
    }
    names
}

/// Whether a run may change what is at this path: a spool or a lock beside the destination and, of an archive that is
/// accepted, a staging folder and the destination.
fn is_ours(path: &Path, accepted: bool) -> bool {
    let plain = !path.components().any(|component| component.as_os_str() == "..");
    let name = path.strip_prefix(PARENT).ok().map(|path| path.iter().next().unwrap_or_default().to_str().unwrap());
    // "." is the unlinked spool; the folder itself is opened to be synced and locked.
    plain
        && name.is_some_and(|name| {
            matches!(name, "" | "." | ".go.goverify.lock")
                || accepted && (name == "go" || name.starts_with(".go.goverify-"))
        })
}

/// Asserts that nothing was written outside, and counts the octets that were.
#[track_caller]
fn assert_inside(case: &Case, jail: &Jail, before: &BTreeMap<PathBuf, Object>, changes: &[Change]) {
    let what = &case.what;
    let after = jail.snapshot();
    let outside = after.iter().filter(|(path, object)| before.get(*path) != Some(object)).map(|(_, object)| object.1);
    figures::count("octets-written-outside", usize::try_from(outside.sum::<u64>()).unwrap());
    let gone: Vec<_> = before.keys().filter(|path| !after.contains_key(*path)).collect();
    let new: Vec<_> = after.iter().filter(|(path, object)| before.get(*path) != Some(object)).collect();
    assert!(gone.is_empty() && new.is_empty(), "{what}: gone {gone:?}, new or changed {new:?}");
    let elsewhere: Vec<_> = changes.iter().filter(|change| !is_ours(&change.path, case.rejected.is_none())).collect();
    assert!(elsewhere.is_empty(), "{what}: {elsewhere:?}");
}

#[track_caller]
fn assert_rejected(case: &Case, output: &Output) {
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{}: {e}: {output:?}", case.what));
    let expected = case.rejected.unwrap();
    let result = &report["results"][0];
    assert_eq!(result["error"]["code"], expected.as_str(), "{}: {result:#}", case.what);
    assert_eq!((output.status.code(), &result["verdict"]), (Some(1), &json!("rejected")), "{}", case.what);
}

/// Every case in turn, in one jail: rejected ones leave no trace, accepted ones nothing but their tree.
fn run_all(cases: &[Case]) -> Option<()> {
    let jail = Jail::new()?;
    let (mut rejected, mut installed) = (0, 0);
    for case in cases {
        jail.plant_for(&names(case));
        let before = jail.snapshot();
        let (output, changes) = fetch(&jail, case);
        if case.rejected.is_some() {
            assert_rejected(case, &output);
            rejected += 1;
        } else {
            assert_eq!(output.status.code(), Some(0), "{}: {output:?}", case.what);
            fs::remove_dir_all(jail.at(DESTINATION)).unwrap();
            installed += 1;
        }
        assert_inside(case, &jail, &before, &changes);
    }
    figures::count("canary-archives-rejected", rejected);
    figures::count("canary-archives-installed", installed);
    Some(())
}

/// Some cases of every row, its first and its last among them, but for empty files, which no index lists.
fn cases() -> impl Iterator<Item = Case> {
    let stride = figures::stride(31);
    super::rows().flat_map(move |(_, row)| {
        let cases = row();
        let last = cases.len() - 1;
        let some = cases.into_iter().enumerate().filter(move |(n, _)| n % stride == 0 || *n == last);
        some.map(|(_, case)| case).filter(|case| !case.archive.is_empty())
    })
}

#[test]
fn no_hostile_archive_writes_outside_the_staging_folder() {
    let cases: Vec<Case> = cases().chain(super::corpora::cases()).collect();
    let (first, second) = cases.split_at(cases.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| run_all(second));
        run_all(first);
        other.join().unwrap();
    });
}

/// That the test above can fail: a trace of an installation shows the writing that is then looked for elsewhere.
#[test]
fn the_canary_sees_what_an_installation_writes() {
    let Some(jail) = Jail::new() else { return };
    let sdk = Sdk::minimal("go1.22.5", "linux/amd64");
    let before = jail.snapshot();
    let (output, changes) = fetch(&jail, &Case::accepted("genuine", sdk.tar_gz()));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_installed(&jail.at(DESTINATION), &sdk, true);
    let after = jail.snapshot();
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert!(new.len() > sdk.files().len() && new.iter().all(|path| path.starts_with(jail.at(DESTINATION))));
    // In a trace others are written with escapes.
    for path in sdk.files().keys().filter(|path| path.is_ascii()) {
        let name = path.rsplit('/').next().unwrap();
        assert!(changes.iter().any(|change| change.call.starts_with("open") && change.path.ends_with(name)), "{path}");
    }
    assert!(changes.iter().any(|change| change.call == "renameat2" && change.path == Path::new(DESTINATION)));
}
