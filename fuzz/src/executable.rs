//! Go binaries: whatever is found in one is where it is said to be, and in the root that it is told under.

use goverify::inspect::{Occurrence, Source, fuzzing};

use crate::Seed;
use crate::support::executable::{
    BASE, BIG_32, BIG_64, Executable, LITTLE_32, LITTLE_64, file_table, framed, inline_info, pointer_info, zdebug, zlib,
};

const MODULES: &str =
    "path\tx\nmod\tx\tv1.0.0\th1:x=\ndep\ty\tv1\n=>\t/home/me/y\t(devel)\t\nbuild\t-ldflags=\"-X x=/opt/z\"\n";
const FILES: [&str; 3] = ["/opt/go/src/runtime/proc.go", "/home/me/go/pkg/mod/x@v1/x.go", "x/x.go"];
const STRINGS: &[u8] = b"\0/home/me/set\0text /opt/go/bin\0/opt/go\0";

pub fn seeds() -> Vec<Seed> {
    let inline = || inline_info("go1.22.5", &framed(MODULES));
    let pointers = |words| pointer_info(BASE, "go1.16.1", &framed(MODULES), words);
    let elf = |info: Vec<u8>, since, words| {
        let named =
            Executable::default().with(".go.buildinfo", info).with(".gopclntab", file_table(&FILES, since, words));
        named
            .with(".rodata", STRINGS)
            .with_packed(".debug_line", 1, zlib(STRINGS))
            .with(".debug_str", STRINGS)
            .elf(words)
    };
    let others =
        |info: Vec<u8>| Executable::default().with(".data", info).with(".rdata", file_table(&FILES, 20, LITTLE_64));
    let thin = Executable::default().with("__go_buildinfo", inline()).with("__zdebug_line", zdebug(STRINGS)).mach_o();
    let unframed = inline_info("go1.22.5", MODULES.as_bytes());
    vec![
        Seed::accepted("elf", elf(inline(), 20, LITTLE_64)),
        Seed::accepted("elf-32-big", elf(inline(), 18, BIG_32)),
        Seed::accepted("elf-pointers", elf(pointers(LITTLE_64), 16, LITTLE_64)),
        Seed::accepted("elf-pointers-32", elf(pointers(LITTLE_32), 2, LITTLE_32)),
        Seed::accepted("elf-pointers-big", elf(pointers(BIG_64), 2, BIG_64)),
        Seed::accepted("elf-without-section", others(inline()).elf(LITTLE_64)),
        Seed::accepted("mach-o", thin.clone()),
        Seed::accepted("universal", Executable::universal(&[thin.clone(), thin])),
        Seed::accepted("pe", others(inline()).with(".zdebug_line", zdebug(STRINGS)).pe()),
        Seed::rejected("unframed", others(unframed).elf(LITTLE_64)),
        Seed::rejected("no-info", others(b"x".to_vec()).elf(LITTLE_64)),
        Seed::rejected("script", "#!/bin/sh\n"),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Ok(inspection) = fuzzing::inspect(input) else { return false };
    assert!(!inspection.build_info.version.is_empty());
    for group in &inspection.leaks {
        assert!(!group.paths.is_empty() && group.paths.is_sorted_by(|one, other| one.path < other.path));
        for path in &group.paths {
            assert!(path.path.starts_with(&group.root), "{path:?} in {}", group.root);
            assert!(!path.found.is_empty());
            path.found.iter().for_each(|found| placed(input, &path.path, found));
        }
    }
    true
}

/// What is compressed is not in the file. Of a line of the build info that has escapes or other bytes than UTF-8, the
/// line is the place; of other names with such bytes, the bytes are others.
fn placed(input: &[u8], path: &str, found: &Occurrence) {
    let at = usize::try_from(found.offset).unwrap();
    let there = input.get(at..).unwrap_or_default();
    let lines: [&[u8]; 5] = [b"path\t", b"mod\t", b"dep\t", b"=>\t", b"build\t"];
    let is_line =
        matches!(found.source, Source::BuildInfo | Source::Flag) && lines.iter().any(|line| there.starts_with(line));
    let is_known = found.inside.is_some() || is_line || path.contains('\u{fffd}') || there.starts_with(path.as_bytes());
    assert!(found.times > 0 && at < input.len() && is_known, "{path:?}: {found:?}");
}
