//! Which platform an executable is for, from its first bytes.
//!
//! One row a GOOS/GOARCH pair that is or was published. ELF: class, byte order and `e_machine`; Mach-O: magic
//! and `cputype`; XCOFF and Plan 9 a.out: the magic alone tells the machine. ELF does not tell the BSDs from
//! Linux reliably, so GOOS rests on `pkg/tool/GOOS_GOARCH` as well.

use crate::release::Platform;

/// Bytes that suffice for every format here.
pub(super) const HEADER_BYTES: usize = 64;

/// Whether `header` begins an executable for `platform`; no platform without a rule is ever matched.
pub(crate) fn matches(platform: &Platform, header: &[u8]) -> bool {
    match platform.os() {
        "darwin" => mach_o(platform.arch()).is_some_and(|start| header.starts_with(&start)),
        "plan9" => plan9(platform.arch()).is_some_and(|magic| header.starts_with(&magic)),
        "aix" => platform.arch() == "ppc64" && header.starts_with(&[0x01, 0xf7]),
        "windows" => false,
        _ => elf(platform.arch()).is_some_and(|(class, order, machine)| {
            let at_18 = header.get(18..20).and_then(|m| <[u8; 2]>::try_from(m).ok());
            let found = at_18.map(|m| if order == 1 { u16::from_le_bytes(m) } else { u16::from_be_bytes(m) });
            header.starts_with(&[0x7f, b'E', b'L', b'F', class, order, 1]) && found == Some(machine)
        }),
    }
}

/// `EI_CLASS`, `EI_DATA` and `e_machine`.
fn elf(arch: &str) -> Option<(u8, u8, u16)> {
    const CLASS32: u8 = 1;
    const CLASS64: u8 = 2;
    const LITTLE: u8 = 1;
    const BIG: u8 = 2;
    Some(match arch {
        "386" => (CLASS32, LITTLE, 3),
        "amd64" => (CLASS64, LITTLE, 62),
        "arm" => (CLASS32, LITTLE, 40),
        "arm64" => (CLASS64, LITTLE, 183),
        "loong64" => (CLASS64, LITTLE, 258),
        "mips" => (CLASS32, BIG, 8),
        "mipsle" => (CLASS32, LITTLE, 8),
        "mips64" => (CLASS64, BIG, 8),
        "mips64le" => (CLASS64, LITTLE, 8),
        "ppc64" => (CLASS64, BIG, 21),
        "ppc64le" => (CLASS64, LITTLE, 21),
        "riscv64" => (CLASS64, LITTLE, 243),
        "s390x" => (CLASS64, BIG, 22),
        _ => return None,
    })
}

/// Magic and `cputype`, little-endian.
fn mach_o(arch: &str) -> Option<[u8; 8]> {
    Some(match arch {
        "386" => [0xce, 0xfa, 0xed, 0xfe, 7, 0, 0, 0],
        "amd64" => [0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1],
        "arm64" => [0xcf, 0xfa, 0xed, 0xfe, 12, 0, 0, 1],
        _ => return None,
    })
}

/// The magic of a.out(6), big-endian.
fn plan9(arch: &str) -> Option<[u8; 4]> {
    Some(match arch {
        "386" => [0, 0, 0x01, 0xeb],
        "amd64" => [0, 0, 0x8a, 0x97],
        "arm" => [0, 0, 0x06, 0x47],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf_header(class: u8, order: u8, machine: [u8; 2]) -> Vec<u8> {
        let mut header = vec![0x7f, b'E', b'L', b'F', class, order, 1];
        header.resize(18, 0);
        header.extend(machine);
        header
    }

    #[test]
    fn a_header_fits_its_own_platform_alone() {
        let headers = [
            ("linux/amd64", elf_header(2, 1, [62, 0])),
            ("linux/arm64", elf_header(2, 1, [183, 0])),
            ("linux/arm", elf_header(1, 1, [40, 0])),
            ("linux/386", elf_header(1, 1, [3, 0])),
            ("linux/s390x", elf_header(2, 2, [0, 22])),
            ("linux/ppc64le", elf_header(2, 1, [21, 0])),
            ("linux/loong64", elf_header(2, 1, [2, 1])),
            ("darwin/amd64", vec![0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1]),
            ("darwin/arm64", vec![0xcf, 0xfa, 0xed, 0xfe, 12, 0, 0, 1]),
            ("plan9/amd64", vec![0, 0, 0x8a, 0x97]),
            ("aix/ppc64", vec![1, 0xf7]),
        ];
        for (platform, _) in &headers {
            for (owner, header) in &headers {
                assert_eq!(matches(&platform.parse().unwrap(), header), platform == owner, "{platform} {owner}");
            }
            assert!(!matches(&platform.parse().unwrap(), b""));
            assert!(!matches(&platform.parse().unwrap(), b"#!/bin/sh\n"));
        }
        assert!(!matches(&"linux/vax".parse().unwrap(), &headers[0].1));
    }
}
