//! What a Go binary says of the machine that built it.
//!
//! [`inspect()`] reads an executable (ELF, Mach-O, PE; no program is run) and tells its build info, the toolchain that it
//! names, and every absolute path that leaked into it:
//!
//! | source | what counts |
//! |---|---|
//! | `build-info` | a field of the list of modules that is an absolute path, such as that of a local replacement |
//! | `flag` | absolute paths in settings, `-ldflags`, `CGO_CFLAGS`, `-pgo` and the like |
//! | `file-table` | names of source files in the table for tracebacks, in every Go binary, stripped or not |
//! | `dwarf` | strings of debug information that are an absolute path, compressed or not; and home folders in its other strings |
//! | `goroot` | the tree that the file table shows, as a string by itself: what `runtime.GOROOT` says |
//! | `data` | anywhere else: paths in a root that the sources above show, and, in strings between two NULs, home folders |
//!
//! The first four are made by `go build` and its compilers, so that what they name was on the building machine. Other
//! strings may be the program's own: `/etc/resolv.conf` and `/usr/share/zoneinfo/` are in every Go program. Hence the rule
//! of the last row. The linker ends what `-X` sets with NULs, and so does a C compiler with `__FILE__`; Go's own literals
//! stand one behind another without ends. There, and in C strings, a path
//!
//! - is not seen where a letter stands before it, and may be told longer than it is where letters stand behind it;
//! - is not seen where it is in no known root and no home folder, such as `-X main.x=/srv/secret` together with
//!   `-trimpath`, which keeps flags out of the build info.
//!
//! A root is, in this order: the tree of Go (which holds `src/runtime/proc.go`), the module cache (`…/pkg/mod`), `bin`
//! beside that, a build's folder (`go-build` and a number), a home folder (`/home/X`, `/Users/X`, `/root`, `C:\Users\X`),
//! a folder for temporary files, or a path's first two components. What `-trimpath` writes in place of paths (`/_/…`,
//! `/tmp/go-build`) is none.
//!
//! What cannot be read (another compression than zlib, a table of an obfuscator's) is listed, so that nobody takes its
//! silence for an absence. What the binary says may be false: whoever builds it can have it say anything.
//!
//! Limits: headers and each string of the build info have limits, tables and content are read piece by piece, what they
//! expand to is counted, and so are the bytes of paths that are kept. The time is linear in the file's size and in what its
//! debug information expands to.

mod build_info;
mod dwarf;
mod facts;
mod file_table;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod image;
mod input;
mod leaks;
mod modules;
mod paths;
mod text;
mod toolchain;

use std::io;
use std::ops::Range;
use std::path::Path;

pub use build_info::BuildInfoFault;
pub use facts::{ProgramFacts, program_facts};
pub use image::Format;
pub use leaks::{LeakGroup, LeakedPath, Occurrence, Source};
pub use modules::{Module, ModuleFault, Modules};
pub use paths::RootKind;
pub use toolchain::{Standing, Toolchain};

use crate::error::{Code, Coded, FileError};
use crate::files::open_regular;
use image::Part;
use input::Input;
use leaks::{Leaks, Spot};
use text::Runs;

/// Largest file in bytes; the offsets of 32-bit headers reach no further, and no real binary is near.
const FILE_SIZE_LIMIT_BYTES: u64 = 4 << 30;

/// Why nothing can be said of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// A file operation failed.
    #[error("cannot {verb}: {source}")]
    File {
        /// What was tried, as a verb.
        verb: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is no executable of a format that is read here.
    #[error("not a Go binary: neither ELF, Mach-O nor PE")]
    NotExecutable,
    /// An executable without build info: not Go's, or from before Go 1.13, or packed.
    #[error("not a Go binary: it has no build info")]
    NoBuildInfo,
    /// The headers of an executable lead out of the file or contradict themselves.
    #[error("{} headers: {reason}", .format.as_str())]
    Headers {
        /// What it claims to be.
        format: Format,
        /// What is wrong.
        reason: String,
    },
    /// The build info contradicts itself.
    #[error("build info: {0}")]
    BuildInfo(#[from] BuildInfoFault),
    /// Its parts overlap, so that reading all of them would have no end.
    #[error("its parts overlap each other without end")]
    Overlap,
    /// The file is larger than any real binary.
    #[error("it has {0} bytes")]
    TooLarge(u64),
}

impl InspectError {
    fn reading(source: io::Error) -> Self {
        Self::File { verb: "read", source }
    }
}

impl Coded for InspectError {
    fn code(&self) -> Code {
        match self {
            Self::File { source, .. } => Code::of_io(source),
            Self::NotExecutable | Self::NoBuildInfo => Code::NotAGoBinary,
            Self::Headers { .. } | Self::BuildInfo(_) | Self::Overlap | Self::TooLarge(_) => Code::BinaryMalformed,
        }
    }
}

/// What the linker wrote down of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// The toolchain's version, as it calls itself.
    pub version: String,
    /// Modules and settings; empty where the build knew of none.
    pub modules: Modules,
    /// Where the modules are in the file.
    place: Range<u64>,
}

/// A part of a binary that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The part.
    pub part: String,
    /// Why.
    pub reason: String,
}

/// What a binary says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The format of the executable.
    pub format: Format,
    /// The build info; of a universal file, that of its first architecture.
    pub build_info: BuildInfo,
    /// Whether `-trimpath` was given: by the settings, or, where there are none, by whether the file table has no absolute
    /// path. `None` where neither can be read.
    pub trimpath: Option<bool>,
    /// Every absolute path that leaked, by its root.
    pub leaks: Vec<LeakGroup>,
    /// What could not be read, and may hide more.
    pub unread: Vec<Unread>,
}

impl Inspection {
    /// How many different paths leaked.
    #[must_use]
    pub fn leaked_paths(&self) -> usize {
        self.leaks.iter().map(|group| group.paths.len()).sum()
    }
}

/// Inspects a file; links to it are followed.
///
/// # Errors
/// Where it cannot be read, is no Go binary, or contradicts itself.
pub fn inspect(path: &Path) -> Result<Inspection, InspectError> {
    examine(&mut open(path)?)
}

fn open(path: &Path) -> Result<Input, InspectError> {
    let file = open_regular(path).map_err(|FileError { verb, source, .. }| InspectError::File { verb, source })?;
    Input::new(file)
}

fn examine(input: &mut Input) -> Result<Inspection, InspectError> {
    if input.size() > FILE_SIZE_LIMIT_BYTES {
        return Err(InspectError::TooLarge(input.size()));
    }
    let parts = image::parts(input)?;
    let first = parts.first().ok_or(InspectError::NoBuildInfo)?;
    let build_info = build_info::read(input, first)?;
    let mut search =
        Search { input, leaks: Leaks::default(), unread: Vec::new(), read: vec![build_info.place.clone()] };
    search.build_info(&build_info.modules);
    let mut has_table = true;
    let mut left = dwarf::expansion_limit_bytes(search.input.size());
    for part in &parts {
        has_table &= search.file_table(part)?;
        search.debug(part, &mut left)?;
    }
    search.rest()?;
    let Search { leaks, mut unread, .. } = search;
    if leaks.is_cut {
        unread.push(Unread { part: "paths".to_owned(), reason: "there are more than are kept".to_owned() });
    }
    let trimpath = match build_info.modules.setting("-trimpath") {
        Some(value) => Some(value == "true"),
        None if !build_info.modules.settings.is_empty() => Some(false),
        None => has_table.then(|| !leaks.has_absolute_files()),
    };
    Ok(Inspection { format: first.format, build_info, trimpath, leaks: leaks.groups(), unread })
}

/// A search on its way.
struct Search<'a> {
    input: &'a mut Input,
    leaks: Leaks,
    unread: Vec<Unread>,
    /// The parts of the file that need not be searched again.
    read: Vec<Range<u64>>,
}

impl Search<'_> {
    fn build_info(&mut self, modules: &Modules) {
        let mut settings = modules.settings.iter();
        for line in &modules.lines {
            let spot = Spot { source: Source::BuildInfo, detail: None, offset: line.offset, inside: None };
            // Where bytes were replaced or escaped, the line is the place.
            let mut is_exact = !line.text.contains(char::REPLACEMENT_CHARACTER);
            let mut at = 0;
            if line.text.starts_with("build\t") {
                let Some((key, value)) = settings.next() else { continue };
                let spot = Spot { source: Source::Flag, detail: Some(key), ..spot };
                for (_, path) in paths::mentioned(value) {
                    let found = line.text.get(at..).filter(|_| is_exact).and_then(|rest| rest.find(path));
                    is_exact = found.is_some();
                    at += found.unwrap_or_default();
                    self.leaks.mentioned(path, if is_exact { spot.further(at) } else { spot });
                }
            } else {
                for field in line.text.split('\t') {
                    self.leaks.whole(field, if is_exact { spot.further(at) } else { spot });
                    at += field.len() + 1;
                }
            }
        }
    }

    /// Returns whether there is a table.
    fn file_table(&mut self, part: &Part) -> Result<bool, InspectError> {
        let leaks = &mut self.leaks;
        let found = file_table::read(self.input, part, &mut |name, offset| {
            let spot = Spot { source: Source::FileTable, detail: None, offset, inside: None };
            leaks.whole(&String::from_utf8_lossy(name), spot);
        })?;
        match found {
            Some(range) => self.read.push(range),
            None => {
                let reason = "there is none of a known form".to_owned();
                self.unread.push(Unread { part: "file table".to_owned(), reason });
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn debug(&mut self, part: &Part, left: &mut u64) -> Result<(), InspectError> {
        for debug in dwarf::sections(part) {
            let section = debug.section;
            let leaks = &mut self.leaks;
            let read = debug.runs(self.input, left, &mut |run| {
                let (offset, inside) =
                    if debug.is_packed() { (section.offset, Some(run.offset)) } else { (run.offset, None) };
                let spot = Spot { source: Source::Dwarf, detail: Some(&section.name), offset, inside };
                leaks.debug(&run, spot, debug.has_rare_strings);
            })?;
            self.read.push(section.offset..section.offset.saturating_add(section.size));
            if let Err(reason) = read {
                self.unread.push(Unread { part: section.name.clone(), reason: reason.to_string() });
            }
        }
        Ok(())
    }

    /// All that was not read yet.
    fn rest(&mut self) -> Result<(), InspectError> {
        let roots = self.leaks.roots();
        let end = self.input.size();
        self.read.push(end..end);
        self.read.sort_by_key(|range| range.start);
        let mut at = 0;
        for range in &self.read {
            let leaks = &mut self.leaks;
            let mut each = |run: text::Run<'_>| {
                let spot = Spot { source: Source::Data, detail: None, offset: run.offset, inside: None };
                leaks.data(&run, spot, &roots);
            };
            let mut runs = Runs::new();
            self.input.pieces(at, range.start.saturating_sub(at), |at, piece| {
                runs.push(at, piece, &mut each);
                true
            })?;
            runs.finish(&mut each);
            at = at.max(range.end);
        }
        Ok(())
    }
}
