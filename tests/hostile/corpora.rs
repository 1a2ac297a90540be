//! Archives that others have collected against readers of theirs; none of them is a Go release.
//!
//! `GOVERIFY_CORPORA` names a folder of corpora; without it the tests say that they were skipped. What each archive is
//! rejected for stands in a snapshot, so that a change of reason is seen:
//!
//! - the first line is the verdict on the file as it is, or, of a bare tar stream, on that stream compressed;
//! - since most attacks come after an entry that already has no place in an SDK, further lines tell what is found wrong
//!   with any later entry of a tar when it and all that follows come behind the entries of a genuine SDK.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use goverify::archive::{ArchiveError, Discard};
use goverify::error::Coded;
use goverify::release::ArchiveName;

#[cfg(all(feature = "net", target_os = "linux"))]
use crate::case::Case;
use crate::case::{verified, verified_from};
use crate::support::figures;
use crate::support::sdk::Sdk;
use crate::support::tar_entry::{TarEntry, gzip};

const TAR: &str = "go1.22.5.linux-amd64.tar.gz";
const ZIP: &str = "go1.22.5.windows-amd64.zip";
const BLOCK_BYTES: usize = 512;

/// One archive of the corpora.
struct Collected {
    /// Its path in the folder of corpora.
    path: String,
    name: ArchiveName,
    content: Content,
}

enum Content {
    /// A whole archive of its format.
    Archive(Vec<u8>),
    /// A tar stream that is not compressed.
    Stream(Vec<u8>),
    /// A file of gigabytes that is nearly all zeros.
    Sparse(Sparse),
}

/// The spans of a file that are not zero, by their offsets, and how long the file is.
struct Sparse {
    length: u64,
    spans: BTreeMap<u64, Vec<u8>>,
}

impl Sparse {
    /// Parses the format in which Go keeps its large zips (archive/zip, zip64_sparse_test.go).
    fn parse(compressed: &[u8]) -> Self {
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(compressed).read_to_end(&mut bytes).unwrap();
        let mut rest = &bytes[..];
        let length = u64::from_le_bytes(*take(&mut rest));
        let count = u32::from_le_bytes(*take(&mut rest));
        let mut spans = BTreeMap::new();
        for _ in 0..count {
            let offset = u64::from_le_bytes(*take(&mut rest));
            let size = u32::from_le_bytes(*take(&mut rest)) as usize;
            spans.insert(offset, rest[..size].to_vec());
            rest = &rest[size..];
        }
        assert!(rest.is_empty());
        Self { length, spans }
    }

    fn reader(&self) -> Box<dyn Read + '_> {
        let (mut position, mut reader): (u64, Box<dyn Read + '_>) = (0, Box::new(std::io::empty()));
        for (offset, span) in &self.spans {
            reader = Box::new(reader.chain(std::io::repeat(0).take(offset - position)).chain(&span[..]));
            position = offset + span.len() as u64;
        }
        Box::new(reader.chain(std::io::repeat(0).take(self.length - position)))
    }
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> &'a [u8; N] {
    let (first, rest) = bytes.split_first_chunk().unwrap();
    *bytes = rest;
    first
}

/// Every archive below the folder of corpora, or `None` and a word about it.
fn collected() -> Option<Vec<Collected>> {
    let Some(folder) = std::env::var_os("GOVERIFY_CORPORA").map(PathBuf::from) else {
        // Past the test harness, which would swallow what a passing test prints.
        std::io::stderr().write_all(b"skipped: GOVERIFY_CORPORA is not set\n").unwrap();
        return None;
    };
    let (mut folders, mut archives) = (vec![folder.clone()], Vec::new());
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                archives.extend(collect(&path, path.strip_prefix(&folder).unwrap()));
            }
        }
    }
    archives.sort_by(|one, other| one.path.cmp(&other.path));
    Some(archives)
}

/// The archive in a file, unless it holds something else.
fn collect(file: &Path, path: &Path) -> Option<Collected> {
    let extension = |name: &str| name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let path = path.to_str().unwrap();
    let (mut bytes, mut inner) = (fs::read(file).unwrap(), path);
    if let Some(stem) = inner.strip_suffix(".base64") {
        bytes.retain(|octet| !octet.is_ascii_whitespace());
        (bytes, inner) = (STANDARD.decode(bytes).unwrap(), stem);
    }
    if let Some(stem) = inner.strip_suffix(".bz2") {
        let mut decompressed = Vec::new();
        // Gigabytes of zeros are nothing that its own reader would see the end of.
        const MOST_BYTES: u64 = 4 << 20;
        bzip2::read::BzDecoder::new(&bytes[..]).take(MOST_BYTES).read_to_end(&mut decompressed).unwrap();
        (bytes, inner) = (decompressed, stem);
    }
    let (name, content) = match extension(inner)?.as_str() {
        "tar" => (TAR, Content::Stream(bytes)),
        "gz" | "tgz" => (TAR, Content::Archive(bytes)),
        "zip" | "notzip" => (ZIP, Content::Archive(bytes)),
        "zsparse" => (ZIP, Content::Sparse(Sparse::parse(&bytes))),
        _ => return None,
    };
    Some(Collected { path: path.to_owned(), name: name.parse().unwrap(), content })
}

impl Collected {
    fn judge(&self) -> ArchiveError {
        let error = match &self.content {
            Content::Archive(archive) => verified(&self.name, archive, Discard).err(),
            Content::Stream(stream) => verified(&self.name, &gzip(stream), Discard).err(),
            Content::Sparse(sparse) => verified_from(&self.name, sparse.reader(), Discard).err(),
        };
        error.unwrap_or_else(|| panic!("{} is accepted", self.path))
    }

    /// What is wrong with its parts where something else hides that.
    fn judge_parts(&self, sdk: &[TarEntry]) -> Vec<ArchiveError> {
        match &self.content {
            Content::Archive(_) => Vec::new(),
            // The size alone is too much; behind that, what is it?
            Content::Sparse(sparse) => {
                let spans: Vec<u8> = sparse.spans.values().flatten().copied().collect();
                verified(&self.name, &spans, Discard).err().into_iter().collect()
            }
            Content::Stream(stream) => {
                let genuine: Vec<u8> = sdk.iter().flat_map(TarEntry::blocks).collect();
                let judge = |start: usize| {
                    let archive = gzip(&[&genuine[..], &stream[start..]].concat());
                    verified(&self.name, &archive, Discard).err().unwrap_or_else(|| panic!("{}", self.path))
                };
                header_positions(stream).into_iter().map(judge).collect()
            }
        }
    }
}

/// Where a reader that knows of no extensions finds headers, up to a limit and to its first complaint.
fn header_positions(stream: &[u8]) -> Vec<usize> {
    const MOST: usize = 64;
    let mut archive = tar::Archive::new(Cursor::new(stream));
    let entries = archive.entries().unwrap().raw(true);
    let position = |entry: tar::Entry<'_, _>| usize::try_from(entry.raw_header_position()).unwrap();
    let found: Vec<usize> = entries.map_while(Result::ok).take(MOST).map(position).collect();
    assert!(found.iter().all(|at| at % BLOCK_BYTES == 0));
    found
}

/// What is wrong, without saying where: the places behind an SDK say nothing.
fn reason(error: &ArchiveError) -> String {
    let fault = match error {
        ArchiveError::Gzip { fault, .. } => fault.to_string(),
        ArchiveError::Tar { fault, .. } => fault.to_string(),
        ArchiveError::Zip { fault, .. } => fault.to_string(),
        other => other.to_string(),
    };
    format!("{}: {fault}", error.code().as_str())
}

#[test]
fn every_collected_archive_is_rejected_for_its_reason() {
    let sdk = Sdk::minimal("go1.22.5", "linux/amd64");
    assert!(verified(sdk.name(), &sdk.tar_gz(), Discard).is_ok());
    let Some(archives) = collected() else { return };
    let mut told = String::new();
    for archive in &archives {
        let error = archive.judge();
        assert!(error.code().is_rejection(), "{}: {error}", archive.path);
        writeln!(told, "{}\n  {}: {error}", archive.path, error.code().as_str()).unwrap();
        let mut reasons: Vec<String> = archive.judge_parts(&sdk.entries()).iter().map(reason).collect();
        reasons.dedup();
        for reason in reasons {
            writeln!(told, "  - {reason}").unwrap();
        }
    }
    figures::count("corpora-archives-tried", archives.len());
    figures::count("corpora-archives-rejected", archives.len());
    assert!(archives.len() > 150, "only {} archives", archives.len());
    insta::assert_snapshot!(told);
}

/// For whoever wants to see what these archives write; those that are too large to be carried are left out.
#[cfg(all(feature = "net", target_os = "linux"))]
pub(crate) fn cases() -> Vec<Case> {
    let case = |collected: Collected| {
        let code = collected.judge().code();
        let archive = match collected.content {
            Content::Archive(archive) => archive,
            Content::Stream(stream) => gzip(&stream),
            Content::Sparse(_) => return None,
        };
        Some(Case { name: collected.name, ..Case::rejected(collected.path, archive, code) })
    };
    collected().into_iter().flatten().filter_map(case).collect()
}
