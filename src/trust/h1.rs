//! The hash of an SDK that Go's checksum database holds: `h1` of the module `golang.org/toolchain`.
//!
//! From `cmd/distpack`, which makes the module out of the SDK, and `golang.org/x/mod/sumdb/dirhash`, which hashes it:
//!
//! 1. every regular file of the SDK counts; modes, times, order and directories do not;
//! 2. but for those whose first element is `api`, `doc`, `misc` or `test`, which the module leaves out;
//! 3. a last element `go.mod` is called `_go.mod` there; an SDK that has such a name already has no hash, since the file
//!    could have been the other one;
//! 4. one line a file, sorted bytewise by name: `hex(SHA-256(content))`, two spaces,
//!    `golang.org/toolchain@VERSION/NAME`, newline;
//! 5. `h1:` and the base64 of the SHA-256 of all lines.
//!
//! The copy that the `go` command keeps in its module cache has the module's names already, and beside
//! `src/_go.mod` a copy of it under its own name, made so that the tree works as a GOROOT.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

use crate::archive::{FileEntry, Manifest};
use crate::error::escaped;

/// Top-level directories that the module leaves out.
const LEFT_OUT: [&str; 4] = ["api", "doc", "misc", "test"];
/// The one file that the `go` command adds to its copy, and what it is a copy of.
const ADDED_TO_COPY: (&str, &str) = ("src/go.mod", "src/_go.mod");

/// A hash in the checksum database's first and only scheme.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct H1([u8; 32]);

/// Why a text is no `h1` hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an h1: hash")]
pub struct NotH1;

impl H1 {
    /// The `h1` whose SHA-256 this is.
    #[must_use]
    pub fn new(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }
}

impl fmt::Display for H1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "h1:{}", BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for H1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for H1 {
    type Err = NotH1;

    fn from_str(text: &str) -> Result<Self, NotH1> {
        let hash = text.strip_prefix("h1:").and_then(|digest| BASE64_STANDARD.decode(digest).ok()).ok_or(NotH1)?;
        hash.try_into().map(Self).map_err(|_| NotH1)
    }
}

/// The two forms in which an SDK stands on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeForm {
    /// As its archive has it.
    Sdk,
    /// As the `go` command unpacks the module: `$GOMODCACHE/golang.org/toolchain@…`.
    ModuleCopy,
}

/// Why a tree has no `h1`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum H1Fault {
    /// A file has the name that another has in the module, so that the hash could not tell the one from the other.
    #[error("{}: no SDK has a file of this name, which stands for go.mod in the module", escaped(.0))]
    ModuleName(String),
    /// Two files have one path.
    #[error("{}: two files have this path", escaped(.0))]
    Duplicate(String),
}

/// The `h1` of the SDK in `manifest`, as the module whose name and version are `module` (`golang.org/toolchain@v0…`).
///
/// # Errors
/// [`H1Fault`] when the files of the tree do not follow from the names in the module.
pub fn h1(manifest: &Manifest, module: &str, form: TreeForm) -> Result<H1, H1Fault> {
    let renamed = |file: &FileEntry<'_>| form == TreeForm::Sdk && file.path.split().1 == "_go.mod";
    if let Some(file) = manifest.file_entries().find(renamed) {
        return Err(H1Fault::ModuleName(file.path.to_string()));
    }
    let mut files: Vec<(Cow<'_, str>, &[u8; 32])> = manifest
        .file_entries()
        .filter(|file| is_covered(file.path.as_str(), form) && !is_added_copy(file, manifest, form))
        .map(|file| (name_in_module(file.path.as_str(), form), file.sha256))
        .collect();
    files.sort_unstable();
    let mut hash = Sha256::new();
    let mut previous = None;
    let (mut digits, mut line) = ([0; 64], Vec::new());
    for (name, sha256) in &files {
        if previous.replace(name) == Some(name) {
            return Err(H1Fault::Duplicate(name.to_string()));
        }
        // There is room for 64 digits.
        let _ = hex::encode_to_slice(sha256, &mut digits);
        line.clear();
        for part in [&digits[..], b"  ", module.as_bytes(), b"/", name.as_bytes(), b"\n"] {
            line.extend_from_slice(part);
        }
        hash.update(&line);
    }
    Ok(H1(hash.finalize().into()))
}

/// Whether the module holds the file at `path`.
#[must_use]
pub fn is_covered(path: &str, form: TreeForm) -> bool {
    form == TreeForm::ModuleCopy || !LEFT_OUT.contains(&path.split('/').next().unwrap_or_default())
}

/// What the module calls the file at `path`.
#[must_use]
pub fn name_in_module(path: &str, form: TreeForm) -> Cow<'_, str> {
    match path.rsplit_once('/') {
        _ if form == TreeForm::ModuleCopy => path.into(),
        Some((directory, "go.mod")) => format!("{directory}/_go.mod").into(),
        None if path == "go.mod" => "_go.mod".into(),
        _ => path.into(),
    }
}

/// Whether `file` is what the `go` command adds to its copy, and is a copy indeed.
#[must_use]
pub fn is_added_copy(file: &FileEntry<'_>, manifest: &Manifest, form: TreeForm) -> bool {
    let (added, original) = ADDED_TO_COPY;
    form == TreeForm::ModuleCopy
        && file.path.as_str() == added
        && manifest.file_entries().any(|other| other.path.as_str() == original && other.sha256 == file.sha256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Entry, EntryKind, EntryPath};

    const MODULE: &str = "golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64";

    fn manifest(files: &[(&str, &str)]) -> Manifest {
        let entry = |(path, content): &(&str, &str)| {
            let (size_bytes, sha256) = (content.len() as u64, Sha256::digest(content).into());
            let kind = EntryKind::File { size_bytes, sha256, executable: false, position: 0 };
            Entry { path: EntryPath::parse(path.as_bytes()).unwrap(), kind }
        };
        Manifest::from_entries(files.iter().map(entry).collect())
    }

    fn h1_of(files: &[(&str, &str)], form: TreeForm) -> String {
        h1(&manifest(files), MODULE, form).unwrap().to_string()
    }

    /// The scheme written down once more, without our code: names as they are in the module.
    fn by_hand(files: &[(&str, &str)]) -> String {
        let mut lines: Vec<_> = files.iter().map(|(name, content)| (format!("{MODULE}/{name}"), content)).collect();
        lines.sort();
        let line = |(name, content): &(String, &&str)| format!("{}  {name}\n", hex::encode(Sha256::digest(content)));
        let text: String = lines.iter().map(line).collect();
        format!("h1:{}", BASE64_STANDARD.encode(Sha256::digest(text)))
    }

    #[test]
    fn l11_names_are_the_modules_and_sorted_by_bytes() {
        let sdk = [("src/z.go", "z"), ("src/go.mod", "module std"), ("VERSION", "go1.22.5"), ("src/Z.go", "Z")];
        let module = [("VERSION", "go1.22.5"), ("src/Z.go", "Z"), ("src/_go.mod", "module std"), ("src/z.go", "z")];
        assert_eq!(h1_of(&sdk, TreeForm::Sdk), by_hand(&module));
        assert_eq!(h1_of(&module, TreeForm::ModuleCopy), by_hand(&module));
        assert_eq!(h1_of(&[("go.mod", "1"), ("x", "2")], TreeForm::Sdk), by_hand(&[("_go.mod", "1"), ("x", "2")]));
        // No locale sorts these so.
        let bytewise = ["src/B", "src/_", "src/a", "src/a b", "src/a-b", "src/a.b", "src/a/b", "src/ab", "src/é"];
        let rotated = |by: usize| {
            let mut files = bytewise.map(|path| (path, path));
            files.rotate_left(by);
            files
        };
        for by in 0..bytewise.len() {
            assert_eq!(h1_of(&rotated(by), TreeForm::Sdk), by_hand(&rotated(0)));
        }
    }

    #[test]
    fn l11_contents_count_as_they_are_and_names_have_one_line() {
        let of = |content| h1_of(&[("VERSION", content)], TreeForm::Sdk);
        for content in ["go1.22.5\n", "go1.22.5\r\n", "go1.22.5", "go1.22.5\n\n"] {
            assert_eq!(of(content), by_hand(&[("VERSION", content)]));
        }
        assert_ne!(of("go1.22.5\n"), of("go1.22.5\r\n"));
        // A name with a newline could stand for two lines; no path of ours has one.
        for path in ["src/a\nb", "src/a\rb", "src/a\0b"] {
            assert!(EntryPath::parse(path.as_bytes()).is_err(), "{path:?}");
        }
        assert!(EntryPath::parse(b"src/a b").is_ok());
    }

    #[test]
    fn l12_what_the_module_leaves_out_does_not_count_and_its_neighbours_do() {
        let base = [("VERSION", "go1.22.5"), ("src/test/x", "1"), ("tests/x", "2"), ("doc.go", "3")];
        for left_out in ["test/x", "api/go1.txt", "doc/a/b", "misc/x", "doc"] {
            let with = [&base[..], &[(left_out, "anything")]].concat();
            assert_eq!(h1_of(&with, TreeForm::Sdk), h1_of(&base, TreeForm::Sdk), "{left_out}");
            assert_ne!(h1_of(&with, TreeForm::ModuleCopy), h1_of(&base, TreeForm::ModuleCopy), "{left_out}");
        }
        for counts in ["src/test/y", "tests/y", "docs/x", "lib/doc/x"] {
            let with = [&base[..], &[(counts, "anything")]].concat();
            assert_ne!(h1_of(&with, TreeForm::Sdk), h1_of(&base, TreeForm::Sdk), "{counts}");
        }
    }

    #[test]
    fn the_go_commands_copy_of_one_file_does_not_count_and_any_other_does() {
        let copy = [("VERSION", "go1.22.5"), ("src/_go.mod", "module std")];
        let base = h1_of(&copy, TreeForm::ModuleCopy);
        let with = |added| h1_of(&[&copy[..], &[added]].concat(), TreeForm::ModuleCopy);
        assert_eq!(with(("src/go.mod", "module std")), base);
        for other in [("src/go.mod", "module evil"), ("src/cmd/go.mod", "module std"), ("go.mod", "module std")] {
            assert_ne!(with(other), base, "{other:?}");
        }
    }

    #[test]
    fn l11_name_that_the_module_gives_to_another_file_and_duplicates_have_no_hash() {
        for path in ["src/_go.mod", "_go.mod", "src/cmd/_go.mod", "test/_go.mod"] {
            let renamed = manifest(&[("VERSION", "go1.22.5"), (path, "module std")]);
            assert_eq!(h1(&renamed, MODULE, TreeForm::Sdk), Err(H1Fault::ModuleName(path.to_owned())));
            assert!(h1(&renamed, MODULE, TreeForm::ModuleCopy).is_ok(), "{path}");
            let neighbour = path.replace("_go.mod", "_go.mods");
            assert!(h1(&manifest(&[(&neighbour, "1")]), MODULE, TreeForm::Sdk).is_ok(), "{neighbour}");
        }
        let twice = manifest(&[("src/a.go", "1"), ("src/a.go", "2")]);
        assert_eq!(h1(&twice, MODULE, TreeForm::Sdk), Err(H1Fault::Duplicate("src/a.go".to_owned())));
    }

    #[test]
    fn a_hash_is_read_as_it_is_written_and_strictly() {
        let text = "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M=";
        let hash: H1 = text.parse().unwrap();
        assert_eq!((hash.to_string().as_str(), format!("{hash:?}").as_str()), (text, text));
        for other in [
            "",
            "h1:",
            "h2:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M=",
            "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M",
            "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0N=",
            "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M=\n",
            "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFB",
        ] {
            assert_eq!(other.parse::<H1>(), Err(NotH1), "{other:?}");
        }
    }
}
