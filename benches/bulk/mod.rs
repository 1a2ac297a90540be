//! A release of some size for what is measured: made in code, the same bytes every time, and about as compressible as
//! a real one.

use goverify::release::{Platform, Target, Version};
use serde_json::{Value, json};

use super::support::mirror;
use super::support::sdk::{Sdk, program};

/// Which release it says it is.
const VERSION: &str = "go1.22.5";
/// Files in a package, about as many as real ones have.
const PACKAGE_FILES: usize = 10;
/// The programs, with their shares of the bytes that all of them have.
const PROGRAMS: [(&str, usize); 5] = [
    ("bin/go", 30),
    ("bin/gofmt", 6),
    ("pkg/tool/linux_amd64/asm", 10),
    ("pkg/tool/linux_amd64/compile", 42),
    ("pkg/tool/linux_amd64/link", 12),
];

/// An SDK with so many source files of about 4.5 KB, and programs of so many bytes in all.
pub(crate) fn sdk(source_files: usize, program_bytes: usize) -> Sdk {
    let mut sdk = Sdk::linux_amd64(VERSION);
    for number in 0..source_files {
        let package = number / PACKAGE_FILES;
        let path = format!("src/area{}/package{package}/source_{number}.go", package % 20);
        let mut chance = Chance::new(number);
        let length = 500 + chance.below(8_000);
        sdk = sdk.with_file(&path, source(&mut chance, length), 0o644);
    }
    let Target::Platform(platform) = sdk.name().target().clone() else { return sdk };
    for (number, (path, share)) in PROGRAMS.into_iter().enumerate() {
        let content = code(&platform, &mut Chance::new(number), program_bytes / 100 * share);
        sdk = sdk.with_file(path, content, 0o755);
    }
    sdk
}

/// An index of this release and some hundreds of others, which nobody has: about as large as the real one.
pub(crate) fn index(sdk: &Sdk) -> Vec<u8> {
    let mut releases: Vec<Value> =
        serde_json::from_slice(&mirror::index(std::slice::from_ref(sdk))).unwrap_or_default();
    let versions = (5..28).flat_map(|minor| (1..13).map(move |patch| format!("go1.{minor}.{patch}")));
    releases.extend(versions.filter(|version| version != VERSION).map(|version| listed(&version)));
    serde_json::to_vec_pretty(&releases).unwrap_or_default()
}

fn listed(version: &str) -> Value {
    const SYSTEMS: [&str; 8] = ["aix", "darwin", "freebsd", "linux", "netbsd", "openbsd", "plan9", "solaris"];
    const ARCHITECTURES: [&str; 5] = ["386", "amd64", "arm64", "ppc64le", "riscv64"];
    let files = SYSTEMS.into_iter().flat_map(|os| ARCHITECTURES.into_iter().map(move |arch| (os, arch)));
    let file = |(number, (os, arch)): (usize, (&str, &str))| {
        let mut chance =
            Chance::new(number + version.parse::<Version>().map_or(0, |version| version.series().1 as usize));
        let digits = [(); 4].map(|()| format!("{:016x}", chance.next()));
        json!({
            "filename": format!("{version}.{os}-{arch}.tar.gz"), "os": os, "arch": arch, "version": version,
            "sha256": digits.concat(), "size": 60_000_000 + chance.below(10_000_000), "kind": "archive",
        })
    };
    json!({ "version": version, "stable": true, "files": files.enumerate().map(file).collect::<Vec<_>>() })
}

/// Text that looks like source code to a compressor.
fn source(chance: &mut Chance, length: usize) -> String {
    let mut text = String::with_capacity(length + 200);
    text.push_str("package measured\n\n");
    while text.len() < length {
        let [a, b, c, d] = [(); 4].map(|()| word(chance));
        text.push_str(&match chance.below(7) {
            0 => format!("// {a} {b} the {c} of a {d}, unless {b} is {a}.\n"),
            1 => format!("\tif {a}.{b} != nil {{\n\t\treturn {c}, {d}\n\t}}\n"),
            2 => format!("func ({a} *{b}) {c}({d} int) error {{\n"),
            3 => format!("\t{a} := {b}.{c}({d}, {})\n", chance.below(4096)),
            4 => format!("\tfor {a} := range {b} {{\n\t\t{c}[{a}] = {d}\n\t}}\n"),
            5 => format!("\treturn fmt.Errorf(\"{a} {b}: %w\", {c}.{d})\n}}\n\n"),
            _ => format!("\t{a}, {b} = append({a}, {c}), {d}\n"),
        });
    }
    text
}

/// A word of some 8,000, of which a few are used often.
fn word(chance: &mut Chance) -> String {
    const SYLLABLES: [&str; 20] = [
        "re", "con", "ty", "buf", "fer", "er", "in", "dex", "node", "val", "ue", "key", "pack", "age", "name", "ex",
        "pr", "map", "ctx", "opt",
    ];
    let often = chance.below(20).min(chance.below(20));
    let syllables = [often, chance.below(20).min(chance.below(20)), chance.below(20)];
    let count = 1 + chance.below(3);
    syllables.iter().take(count).filter_map(|&at| SYLLABLES.get(at)).copied().collect()
}

/// A program whose code, behind its header, is half opcodes and half numbers.
fn code(platform: &Platform, chance: &mut Chance, length: usize) -> Vec<u8> {
    let mut bytes = program(platform, "measured\n");
    while bytes.len() < length {
        let opcode = [0x48, 0x8b, 0x44, 0x24, 0x89, 0x0f, 0x85, 0xe8][chance.below(8)];
        let [low, high, ..] = chance.next().to_le_bytes();
        bytes.extend([0x48, opcode, low & 0x3c, high, 0, 0]);
    }
    bytes
}

/// Numbers that look random and are the same every time (xorshift, 64 bits).
struct Chance(u64);

impl Chance {
    fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from((self.next() >> 16) % end as u64).unwrap_or_default()
    }
}
