//! The file that a team commits to say which archives, to the byte, it uses: TOML, schema `goverify.lock/1`.
//!
//! ```toml
//! schema = "goverify.lock/1"
//!
//! [[archive]]
//! version = "go1.22.5"
//! platform = "linux/amd64"
//! sha256 = "904b924d435eaea086515bc63235b192ea441bd8c9b198c507e85009e6e4c7f0"
//! size = 68964131
//! h1 = "h1:…"
//! signer = "0E225917414670F4442C250DFD533C07C264648F"
//! ```
//!
//! - `h1` is the hash of the archive's files as the transparency log has it, whether the log was asked or not; source has
//!   none. `signer` is the fingerprint of the key whose signature vouched; what was accepted on less has none;
//! - read strictly, at most 1 MiB: another schema, an unknown, repeated or missing key, a value that is not in the one
//!   form in which it is written here, an archive that stands there twice: all of it is refused as a whole;
//! - written in the order of versions and platforms, by a rename, so that it is as it was or complete; two processes that
//!   write at the same moment can lose each other's additions, which are then missing, never wrong;
//! - an entry is never changed but to learn what it did not say: whoever means to change it removes it first.
//!
//! A lock is an expectation beside all other checks and takes the place of none.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::archive::Manifest;
use crate::error::{Code, Coded, FileError, escaped};
use crate::files::{open_regular, read_bounded};
use crate::release::{ArchiveName, Selector, Target, Version};
use crate::trust::{H1, ToolchainModule, TreeForm, VerifiedArchive, h1};

/// Largest lock file in bytes; an archive takes 300.
const SIZE_LIMIT_BYTES: u64 = 1 << 20;
/// What stands above the first archive.
const HEAD: &str = "# The Go archives that are used here. `goverify fetch --lock FILE` adds to it, `goverify fetch --locked` accepts \
                    nothing else.\nschema = \"goverify.lock/1\"\n";

/// Why a lock file does not allow what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockFileError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not a lock file.
    #[error("{}: not a lock file: {reason}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It names another archive.
    #[error("{name}: expected {what} {expected} (lock), got {actual}")]
    Mismatch {
        /// The archive.
        name: Box<ArchiveName>,
        /// What differs.
        what: &'static str,
        /// What the lock says.
        expected: String,
        /// What was found.
        actual: String,
    },
}

impl Coded for LockFileError {
    fn code(&self) -> Code {
        match self {
            Self::File(error) => error.code(),
            Self::Malformed { .. } => Code::Usage,
            Self::Mismatch { .. } => Code::LockMismatch,
        }
    }
}

/// What one archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// SHA-256 of the archive.
    pub sha256: [u8; 32],
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The hash of its files.
    pub h1: Option<H1>,
    /// Fingerprint of the key that signed it.
    pub signer: Option<String>,
}

impl Pin {
    /// What a verified archive is.
    #[must_use]
    pub fn of<K>(archive: &VerifiedArchive<K>) -> Self {
        Self {
            sha256: *archive.sha256(),
            size_bytes: archive.size_bytes(),
            h1: h1_of(archive.name(), archive.manifest()),
            signer: archive.signature().map(|(proof, _)| proof.signing_key().to_owned()),
        }
    }

    /// Whether nothing that is known of both differs, and all is known of `found` that is known here.
    ///
    /// # Errors
    /// [`LockFileError::Mismatch`] names the first difference.
    fn check(&self, name: &ArchiveName, found: &Self) -> Result<(), LockFileError> {
        let h1 = |pin: &Self| pin.h1.map(|h1| h1.to_string());
        let differs = |what, expected: Option<String>, actual: Option<String>| match expected {
            Some(expected) if Some(&expected) != actual.as_ref() => {
                let actual = actual.unwrap_or_else(|| "none".to_owned());
                Err(LockFileError::Mismatch { name: Box::new(name.clone()), what, expected, actual })
            }
            _ => Ok(()),
        };
        differs("SHA-256", Some(hex::encode(self.sha256)), Some(hex::encode(found.sha256)))?;
        differs("size", Some(self.size_bytes.to_string()), Some(found.size_bytes.to_string()))?;
        differs("h1", h1(self), h1(found))?;
        differs("signing key", self.signer.clone(), found.signer.clone())
    }
}

/// The hash of an archive's files; `None` where the log can have none.
#[must_use]
pub fn h1_of(name: &ArchiveName, manifest: &Manifest) -> Option<H1> {
    let Target::Platform(platform) = name.target() else { return None };
    h1(manifest, &ToolchainModule::new(*name.version(), platform).to_string(), TreeForm::Sdk).ok()
}

/// The archives of a lock file, by version and platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockFile {
    archives: BTreeMap<(Version, Target), Pin>,
}

impl LockFile {
    /// Reads the file at `path`; `None` if there is none.
    ///
    /// # Errors
    /// [`LockFileError`] when it cannot be read, or is not a lock file.
    pub fn read(path: &Path) -> Result<Option<Self>, LockFileError> {
        let file = match open_regular(path) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound && !path.is_symlink() => return Ok(None),
            opened => opened?,
        };
        let content = read_bounded(file, path, SIZE_LIMIT_BYTES)?;
        let parsed = Self::parse(&content);
        parsed.map(Some).map_err(|reason| LockFileError::Malformed { path: path.to_owned(), reason })
    }

    /// Understands the text of a lock file.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(content: &[u8]) -> Result<Self, String> {
        if content.len() as u64 > SIZE_LIMIT_BYTES {
            return Err(format!("longer than {SIZE_LIMIT_BYTES} bytes"));
        }
        let text = std::str::from_utf8(content).map_err(|_| "not UTF-8".to_owned())?;
        let document: Document = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count());
            format!("line {line}: {}", escaped(error.message()))
        })?;
        let mut archives = BTreeMap::new();
        for line in document.archive {
            let (version, platform) = (escaped(&line.version), escaped(&line.platform));
            let (key, pin) = line.read().map_err(|what| format!("{version} for {platform}: {what}"))?;
            if archives.insert(key, pin).is_some() {
                return Err(format!("{version} for {platform}: stands there twice"));
            }
        }
        Ok(Self { archives })
    }

    /// The version that `selector` names among those that have an archive for `target` here.
    #[must_use]
    pub fn choose(&self, selector: &Selector, target: &Target) -> Option<Version> {
        let for_target = self.archives.keys().filter(|(_, locked)| locked == target);
        let offered: Vec<_> = for_target.map(|(version, _)| (*version, !version.is_prerelease())).collect();
        selector.choose(&offered)
    }

    /// What the archive is; `None` if the file does not name it.
    #[must_use]
    pub fn pin(&self, name: &ArchiveName) -> Option<&Pin> {
        self.archives.get(&(*name.version(), name.target().clone()))
    }

    /// Whether `found` is what the file says of the archive, or it says nothing.
    ///
    /// # Errors
    /// [`LockFileError::Mismatch`] when it is something else.
    pub fn check(&self, name: &ArchiveName, found: &Pin) -> Result<(), LockFileError> {
        self.pin(name).map_or(Ok(()), |pin| pin.check(name, found))
    }

    /// Adds what `found` says to the file at `path`, as it is by then.
    ///
    /// # Errors
    /// [`LockFileError`] when the file says something else, is no lock file, or cannot be written.
    pub fn add<'a>(
        path: &Path,
        found: impl IntoIterator<Item = (&'a ArchiveName, &'a Pin)>,
    ) -> Result<(), LockFileError> {
        // A link to the file stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let _turn = turn(&path);
        let before = Self::read(&path)?;
        let mut after = before.clone().unwrap_or_default();
        for (name, pin) in found {
            after.check(name, pin)?;
            after.archives.insert((*name.version(), name.target().clone()), pin.clone());
        }
        if before.as_ref() == Some(&after) { Ok(()) } else { Ok(after.write(&path)?) }
    }

    fn write(&self, path: &Path) -> Result<(), FileError> {
        let folder = folder_of(path);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".goverify-lock-");
        // What the umask leaves of it: people read it, and a version control system.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let written = builder.tempfile_in(folder).and_then(|mut new| {
            new.write_all(self.text().as_bytes())?;
            new.as_file().sync_all()?;
            Ok(new.persist(path)?)
        });
        written.map(drop).map_err(FileError::at(path, "write"))
    }

    /// The text of the lock file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for ((version, target), Pin { sha256, size_bytes, h1, signer }) in &self.archives {
            let sha256 = hex::encode(sha256);
            // Into a string, which cannot fail.
            let _ = write!(
                text,
                "\n[[archive]]\nversion = \"{version}\"\nplatform = \"{target}\"\nsha256 = \"{sha256}\"\nsize = {size_bytes}\n"
            );
            let _ = h1.iter().try_for_each(|h1| writeln!(text, "h1 = \"{h1}\""));
            let _ = signer.iter().try_for_each(|signer| writeln!(text, "signer = \"{signer}\""));
        }
        text
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The turn of one writer among those of the same folder, until it is dropped. The file itself is replaced, so that a
/// lock of it would be of one that nobody reads any more. Where folders cannot be locked, two writers at once may lose
/// what one of them has added, and `--locked` then refuses it.
fn turn(path: &Path) -> Option<fs::File> {
    let folder = fs::File::open(folder_of(path)).ok()?;
    folder.lock().ok().map(|()| folder)
}

#[derive(Deserialize)]
enum Schema {
    #[serde(rename = "goverify.lock/1")]
    One,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "schema")]
    _schema: Schema,
    #[serde(default)]
    archive: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    version: String,
    platform: String,
    sha256: String,
    size: u64,
    h1: Option<String>,
    signer: Option<String>,
}

impl Line {
    fn read(self) -> Result<((Version, Target), Pin), &'static str> {
        let version = self.version.parse().ok().filter(|version: &Version| version.to_string() == self.version);
        let target = self.platform.parse().ok().filter(|target: &Target| target.to_string() == self.platform);
        let key = (version.ok_or("not a version")?, target.ok_or("not a platform")?);
        let mut sha256 = [0; 32];
        let is_digest = hex::decode_to_slice(&self.sha256, &mut sha256).is_ok() && hex::encode(sha256) == self.sha256;
        if !is_digest {
            return Err("sha256 is not 64 lower-case hex digits");
        }
        let h1 = self.h1.map(|text| text.parse().map_err(|_| "h1 is not an h1: hash")).transpose()?;
        let is_fingerprint = |text: &String| {
            matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
        };
        if self.signer.as_ref().is_some_and(|text| !is_fingerprint(text)) {
            return Err("signer is not a fingerprint in upper-case hex digits");
        }
        Ok((key, Pin { sha256, size_bytes: self.size, h1, signer: self.signer }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "[[archive]]\nversion = \"go1.22.5\"\nplatform = \"linux/amd64\"\nsize = 3\n";
    const SHA256: &str = "sha256 = \"0000000000000000000000000000000000000000000000000000000000000001\"\n";
    const SIGNER: &str = "signer = \"0E225917414670F4442C250DFD533C07C264648F\"\n";
    const H1: &str = "h1 = \"h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M=\"\n";

    fn locked(archives: &[&str]) -> String {
        format!("schema = \"goverify.lock/1\"\n{}", archives.concat())
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let good = locked(&[ONE, SHA256, H1, SIGNER]);
        let lock = LockFile::parse(good.as_bytes()).unwrap();
        assert_eq!(LockFile::parse(lock.text().as_bytes()), Ok(lock.clone()));
        assert_eq!(LockFile::parse(locked(&[]).as_bytes()), Ok(LockFile::default()));
        assert!(LockFile::parse(locked(&[ONE, SHA256]).as_bytes()).is_ok());
        let twice = locked(&[ONE, SHA256, ONE, SHA256]);
        let other = locked(&[ONE, SHA256, &ONE.replace("22.5", "22.6"), SHA256]);
        assert_eq!(LockFile::parse(other.as_bytes()).unwrap().archives.len(), 2);
        for bad in [
            "",
            "\u{feff}",
            "schema = 1",
            &twice,
            &good.replace("lock/1", "lock/2"),
            &good.replace("schema", "Schema"),
            &format!("{good}{SIGNER}"),
            &format!("{good}owner = \"me\"\n"),
            &format!("owner = \"me\"\n{good}"),
            &locked(&[ONE]),
            &locked(&[SHA256]),
            &good.replace("\"go1.22.5", "\"1.22.5"),
            &good.replace("\"go1.22.5", "\"go1.22"),
            &good.replace("\"go1.22.5", "\"go1.22.5;rm"),
            &good.replace("linux/amd64", "linux-amd64"),
            &good.replace("linux/amd64", "linux/armv6l"),
            &good.replace("linux/amd64", "../amd64"),
            &good.replace("size = 3", "size = -3"),
            &good.replace("size = 3", "size = 3.0"),
            &good.replace("size = 3", "size = \"3\""),
            &good.replace("0001\"", "001\""),
            &good.replace("0001\"", "00A1\""),
            &good.replace("h1:M", "h2:M"),
            &good.replace("\"0E", "\"0e"),
            &good.replace("\"0E2", "\"0E"),
            &good.replace("[[archive]]", "[archive]"),
            &good.replace("[[archive]]", "[[archives]]"),
        ] {
            assert!(LockFile::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let long = format!("{good}#{}", "x".repeat(1 << 20));
        assert!(LockFile::parse(long.as_bytes()).is_err());
        let deep = format!("{good}x = {}", "[".repeat(100_000));
        assert!(LockFile::parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn each_difference_is_one_and_more_than_was_known_is_none() {
        let name: ArchiveName = "go1.22.5.linux-amd64.tar.gz".parse().unwrap();
        let lock = LockFile::parse(locked(&[ONE, SHA256, H1, SIGNER]).as_bytes()).unwrap();
        let pin = lock.pin(&name).unwrap().clone();
        assert!(lock.check(&name, &pin).is_ok());
        let differs = |found: Pin| match lock.check(&name, &found) {
            Err(LockFileError::Mismatch { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(differs(Pin { sha256: [0; 32], ..pin.clone() }), "SHA-256");
        assert_eq!(differs(Pin { size_bytes: 4, ..pin.clone() }), "size");
        for h1 in [None, Some(crate::trust::H1::new([1; 32]))] {
            assert_eq!(differs(Pin { h1, ..pin.clone() }), "h1");
        }
        for signer in [None, Some("0".repeat(40))] {
            assert_eq!(differs(Pin { signer, ..pin.clone() }), "signing key");
        }
        let less = LockFile::parse(locked(&[ONE, SHA256]).as_bytes()).unwrap();
        assert!(less.check(&name, &pin).is_ok());
        let source: ArchiveName = "go1.22.5.src.tar.gz".parse().unwrap();
        assert!(lock.pin(&source).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn writers_of_one_file_lose_nothing_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = &folder.path().join("goverify.lock");
        let pin = LockFile::parse(locked(&[ONE, SHA256]).as_bytes()).unwrap().archives.into_values().next().unwrap();
        let pin = &pin;
        let names: Vec<ArchiveName> =
            (0..32).map(|patch| format!("go1.22.{patch}.linux-amd64.tar.gz").parse().unwrap()).collect();
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(move || LockFile::add(path, [(name, pin)]).unwrap());
            }
        });
        let lock = LockFile::read(path).unwrap().unwrap();
        assert_eq!(names.iter().filter(|name| lock.pin(name).is_some()).count(), names.len());
    }
}
