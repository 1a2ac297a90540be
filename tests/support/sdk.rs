//! Release archives in code: small, with words of our own, and right by every rule of a release's layout.
//!
//! Paths of files are relative to GOROOT (`bin/go`), as in a manifest; paths of [`TarEntry`] values are those of the
//! archive (`go/bin/go`). To break a rule in a header, take [`Sdk::entries`], edit, and pack with
//! [`tar_entry::tar`] and [`tar_entry::gzip`]; or, for Windows, [`Sdk::zip_entries`] and [`zip_entry::zip`].

use std::collections::{BTreeMap, BTreeSet};

use goverify::release::{ArchiveFormat, ArchiveName, Platform, Target, Version};

use super::tar_entry::{self, TarEntry};
use super::zip_entry::{self, ZipEntry};

/// Content and mode of files by their paths relative to GOROOT.
pub type Files = BTreeMap<String, (Vec<u8>, u32)>;

/// A file whose name is not ASCII, as two of every real release are.
pub const NON_ASCII_PATH: &str = "test/fixedbugs/issue27836.dir/Þfoo.go";
/// `VERSION`'s second line, from go1.21 on.
pub const TIME_LINE: &str = "time 2024-06-27T20:11:12Z";

/// A release's archive.
#[derive(Clone)]
pub struct Sdk {
    name: ArchiveName,
    files: Files,
    appended: Vec<TarEntry>,
}

impl Sdk {
    /// The archive of `version` (`go1.22.5`) for `target` (`linux/amd64`, `windows/amd64` or `src`).
    pub fn new(version: &str, target: &str) -> Self {
        let version: Version = version.parse().unwrap();
        let target: Target = target.parse().unwrap();
        let mut files = common_files(version);
        if let Target::Platform(platform) = &target {
            files.extend(built_files(version, platform));
        }
        Self { name: ArchiveName::new(version, target), files, appended: Vec::new() }
    }

    /// The fewest files that the layout's rules permit, and one more whose path needs a pax header or a flag.
    pub fn minimal(version: &str, target: &str) -> Self {
        const NEEDED: [&str; 5] = ["VERSION", "go.env", "pkg/include/textflag.h", "src/make.bash", NON_ASCII_PATH];
        let mut sdk = Self::new(version, target);
        let built = |path: &str| path.starts_with("bin/") || path.starts_with("pkg/tool/");
        sdk.files.retain(|path, _| NEEDED.contains(&path.as_str()) || built(path));
        sdk
    }

    /// An SDK whose `bin/go` runs, if only to tell its version.
    pub fn linux_amd64(version: &str) -> Self {
        Self::new(version, "linux/amd64")
    }

    /// An SDK whose programs have a header and nothing to run.
    pub fn darwin_arm64(version: &str) -> Self {
        Self::new(version, "darwin/arm64")
    }

    /// An SDK that is published as a zip.
    pub fn windows_amd64(version: &str) -> Self {
        Self::new(version, "windows/amd64")
    }

    /// A source archive.
    pub fn source(version: &str) -> Self {
        Self::new(version, "src")
    }

    /// Adds or replaces a file.
    pub fn with_file(mut self, path: &str, content: impl Into<Vec<u8>>, mode: u32) -> Self {
        self.files.insert(path.to_owned(), (content.into(), mode));
        self
    }

    /// Leaves a file out, and its directory if nothing else is in there.
    pub fn without(mut self, path: &str) -> Self {
        assert!(self.files.remove(path).is_some(), "{path} is not there to be left out");
        self
    }

    /// Appends entries after all others; [`Self::files`] does not tell of them.
    pub fn with_entries(mut self, entries: impl IntoIterator<Item = TarEntry>) -> Self {
        self.appended.extend(entries);
        self
    }

    /// What the archive is called.
    pub fn name(&self) -> &ArchiveName {
        &self.name
    }

    /// What a tree must hold once the archive is installed.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// All entries: every directory before what is in it, bytewise sorted, and then the appended ones.
    pub fn entries(&self) -> Vec<TarEntry> {
        let mut paths = BTreeSet::new();
        for path in self.files.keys().map(|path| format!("go/{path}")) {
            paths.extend(path.match_indices('/').map(|(at, _)| path[..=at].to_owned()));
            paths.insert(path);
        }
        let entry = |path: &String| match self.files.get(&path["go/".len()..]) {
            Some((content, mode)) => TarEntry::file(path, content.clone()).mode(*mode),
            None => TarEntry::directory(path),
        };
        paths.iter().map(entry).chain(self.appended.iter().cloned()).collect()
    }

    /// The tar stream.
    pub fn tar(&self) -> Vec<u8> {
        tar_entry::tar(&self.entries())
    }

    /// The archive as it is published; the same bytes every time.
    pub fn tar_gz(&self) -> Vec<u8> {
        tar_entry::gzip(&self.tar())
    }

    /// All files as entries of a zip, bytewise sorted.
    pub fn zip_entries(&self) -> Vec<ZipEntry> {
        let entry = |(path, (content, mode)): (&String, &(Vec<u8>, u32))| {
            ZipEntry::file(format!("go/{path}"), content).mode(*mode)
        };
        self.files.iter().map(entry).collect()
    }

    /// The archive in the format that its name tells; the same bytes every time.
    pub fn archive(&self) -> Vec<u8> {
        match self.name.format() {
            ArchiveFormat::TarGz => self.tar_gz(),
            ArchiveFormat::Zip => {
                assert!(self.appended.is_empty(), "entries of a tar do not fit into a zip");
                zip_entry::zip(&self.zip_entries())
            }
        }
    }
}

fn common_files(version: Version) -> Files {
    let mut files: Files = [
        ("LICENSE", "Whoever finds this demo file may do with it as they please.\n"),
        ("api/README", "Here a release lists the names it promises to keep.\n"),
        ("doc/README", "Here a release keeps what people read.\n"),
        ("misc/README", "Here a release keeps what fits nowhere else.\n"),
        ("src/go.mod", "module goverify.invalid/demo\n"),
        (
            "src/greet/greet.go",
            "// Package greet says hello in tests.\npackage greet\n\nconst Words = \"hello from the demo\"\n",
        ),
        ("src/greet/testdata/empty", ""),
        (NON_ASCII_PATH, "package Þfoo\n"),
    ]
    .map(|(path, content)| (path.to_owned(), (content.as_bytes().to_vec(), 0o644)))
    .into();
    let script = b"#!/bin/sh\necho 'a real release would now build itself'\n".to_vec();
    files.insert("src/make.bash".to_owned(), (script, 0o755));
    let timed = version.series() >= (1, 21);
    let version = if timed { format!("{version}\n{TIME_LINE}\n") } else { version.to_string() };
    files.insert("VERSION".to_owned(), (version.into_bytes(), 0o644));
    if timed {
        files.insert("go.env".to_owned(), (b"# Demo settings: none.\n".to_vec(), 0o644));
    }
    files
}

fn built_files(version: Version, platform: &Platform) -> Files {
    let tools = format!("pkg/tool/{}_{}", platform.os(), platform.arch());
    let mut files = Files::new();
    files.insert("pkg/include/textflag.h".to_owned(), (b"/* The demo needs no flags. */\n".to_vec(), 0o644));
    let suffix = if platform.os() == "windows" { ".exe" } else { "" };
    let go = program(platform, &format!("go version {version} {platform}\n"));
    files.insert(format!("bin/go{suffix}"), (go, 0o755));
    for path in ["bin/gofmt", &format!("{tools}/asm"), &format!("{tools}/compile"), &format!("{tools}/link")] {
        let path = format!("{path}{suffix}");
        let program = program(platform, &format!("{path} of the demo\n"));
        files.insert(path, (program, 0o755));
    }
    files
}

/// What passes for an executable of `platform`; the one for linux/amd64 writes `says` and exits with 0.
///
/// # Panics
/// For platforms without a row.
pub fn program(platform: &Platform, says: &str) -> Vec<u8> {
    const MACH_O_64: [u8; 4] = [0xcf, 0xfa, 0xed, 0xfe];
    let head: &[u8] = match (platform.os(), platform.arch()) {
        ("linux", "amd64") => return linux_amd64_program(says),
        ("linux", "arm64") => &elf_start(2, 183),
        ("linux", "arm") => &elf_start(1, 40),
        ("linux" | "freebsd", "386") => &elf_start(1, 3),
        ("freebsd", "amd64") => &elf_start(2, 62),
        ("darwin", "amd64") => &[&MACH_O_64[..], &[7, 0, 0, 1]].concat(),
        ("darwin", "arm64") => &[&MACH_O_64[..], &[12, 0, 0, 1]].concat(),
        ("windows", "386") => &pe_start(0x14c),
        ("windows", "amd64") => &pe_start(0x8664),
        ("windows", "arm64") => &pe_start(0xaa64),
        _ => panic!("no program for {platform}"),
    };
    [head, b"\nnothing to run behind this header: ", says.as_bytes()].concat()
}

/// The start of a little-endian ELF header: `e_ident`, `e_type` and `e_machine`.
fn elf_start(class: u8, machine: u16) -> [u8; 20] {
    let mut start = [0; 20];
    start[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1, 1]);
    start[16] = 2;
    start[18..].copy_from_slice(&machine.to_le_bytes());
    start
}

/// The start of a PE file as Go's linker writes it: a DOS header that points behind itself, signature and machine.
fn pe_start(machine: u16) -> [u8; 0x86] {
    let mut start = [0; 0x86];
    start[..2].copy_from_slice(b"MZ");
    start[0x3c] = 0x80;
    start[0x80..0x82].copy_from_slice(b"PE");
    start[0x84..].copy_from_slice(&machine.to_le_bytes());
    start
}

/// A static ELF of one segment: headers, 33 bytes of code, the text (System V ABI, ELF-64; x86-64 system calls).
fn linux_amd64_program(says: &str) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS_BYTES: u64 = 64 + 56;
    let length = u32::try_from(says.len()).unwrap();
    let mut code = vec![0xbf, 1, 0, 0, 0]; // mov edi, 1: stdout
    code.extend([0x48, 0x8d, 0x35, 21, 0, 0, 0]); // lea rsi, [rip + 21]: the text, behind the code
    code.push(0xba); // mov edx, length
    code.extend(length.to_le_bytes());
    code.extend([0xb8, 1, 0, 0, 0]); // mov eax, 1: write
    code.extend([0x0f, 0x05]); // syscall
    code.extend([0x31, 0xff]); // xor edi, edi: status 0
    code.extend([0xb8, 60, 0, 0, 0]); // mov eax, 60: exit
    code.extend([0x0f, 0x05]); // syscall
    let size = HEADERS_BYTES + code.len() as u64 + u64::from(length);

    let mut elf = elf_start(2, 62).to_vec();
    elf.extend(1u32.to_le_bytes()); // e_version
    elf.extend([BASE + HEADERS_BYTES, 64, 0].map(u64::to_le_bytes).concat()); // e_entry, e_phoff, e_shoff
    elf.extend(0u32.to_le_bytes()); // e_flags
    elf.extend([64u16, 56, 1, 0, 0, 0].map(u16::to_le_bytes).concat()); // e_ehsize, e_phentsize, e_phnum, no sections
    elf.extend([1u32, 5].map(u32::to_le_bytes).concat()); // PT_LOAD, readable and executable
    elf.extend([0, BASE, BASE, size, size, 0x1000].map(u64::to_le_bytes).concat()); // offset, addresses, sizes, alignment
    elf.extend(code);
    elf.extend(says.as_bytes());
    elf
}
