//! Which platform an executable is for, from its first bytes.
//!
//! One row a GOOS/GOARCH pair that is or was published. ELF: class, byte order and `e_machine`; Mach-O: magic
//! and `cputype`; PE: `MZ`, the position of the COFF header at 0x3c (`e_lfanew`; Go writes 0x80), its signature and
//! `Machine` (learn.microsoft.com/windows/win32/debug/pe-format); XCOFF and Plan 9 a.out: the magic alone tells the
//! machine. ELF does not tell the BSDs from Linux reliably, so GOOS rests on `pkg/tool/GOOS_GOARCH` as well.

use crate::release::Platform;

/// Bytes that suffice for every format here; a PE whose COFF header lies behind them matches nothing.
pub(crate) const HEADER_BYTES: usize = 512;

/// Whether `header` begins an executable for `platform`; no platform without a rule is ever matched.
pub(crate) fn matches(platform: &Platform, header: &[u8]) -> bool {
    match platform.os() {
        "darwin" => mach_o(platform.arch()).is_some_and(|start| header.starts_with(&start)),
        "plan9" => plan9(platform.arch()).is_some_and(|magic| header.starts_with(&magic)),
        "aix" => platform.arch() == "ppc64" && header.starts_with(&[0x01, 0xf7]),
        "windows" => pe(platform.arch()).is_some_and(|machine| pe_machine(header) == Some(machine)),
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

/// `Machine`.
fn pe(arch: &str) -> Option<u16> {
    Some(match arch {
        "386" => 0x14c,
        "amd64" => 0x8664,
        "arm" => 0x1c4,
        "arm64" => 0xaa64,
        _ => return None,
    })
}

/// The machine that a PE file says it is for.
fn pe_machine(header: &[u8]) -> Option<u16> {
    const POSITION_AT: usize = 0x3c;
    let header = header.get(..HEADER_BYTES).unwrap_or(header);
    let position = header.strip_prefix(b"MZ").and(header.get(POSITION_AT..))?.first_chunk()?;
    let coff = header.get(usize::try_from(u32::from_le_bytes(*position)).ok()?..)?;
    Some(u16::from_le_bytes(*coff.strip_prefix(b"PE\0\0")?.first_chunk()?))
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

    fn pe_header(position: u8, machine: [u8; 2]) -> Vec<u8> {
        let mut header = b"MZ".to_vec();
        header.resize(0x3c, 0);
        header.extend([position, 0, 0, 0]);
        header.resize(position.into(), 0);
        header.extend([b'P', b'E', 0, 0, machine[0], machine[1]]);
        header
    }

    #[test]
    fn a_pe_file_says_where_its_machine_is() {
        let windows = "windows/amd64".parse().unwrap();
        let good = pe_header(0x80, [0x64, 0x86]);
        assert!(matches(&windows, &good) && matches(&windows, &pe_header(0x40, [0x64, 0x86])));
        for length in 0..good.len() {
            assert!(!matches(&windows, &good[..length]), "{length}");
        }
        for at in (0..2).chain(0x3c..0x40).chain(0x80..0x86) {
            let mut other = good.clone();
            other[at] ^= 1;
            other.resize(HEADER_BYTES, 0);
            assert!(!matches(&windows, &other), "{at}");
        }
        // The last place for it, and the first beyond.
        for (position, found) in [(HEADER_BYTES - 6, true), (HEADER_BYTES - 5, false)] {
            let mut far = good[..0x3c].to_vec();
            far.extend(u32::try_from(position).unwrap().to_le_bytes());
            far.resize(position, 0);
            far.extend(b"PE\0\0\x64\x86");
            assert_eq!(matches(&windows, &far), found, "{position}");
        }
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
            ("linux/ppc64", elf_header(2, 2, [0, 21])),
            ("linux/loong64", elf_header(2, 1, [2, 1])),
            ("linux/mips", elf_header(1, 2, [0, 8])),
            ("linux/mipsle", elf_header(1, 1, [8, 0])),
            ("linux/mips64", elf_header(2, 2, [0, 8])),
            ("linux/mips64le", elf_header(2, 1, [8, 0])),
            ("linux/riscv64", elf_header(2, 1, [243, 0])),
            ("darwin/386", vec![0xce, 0xfa, 0xed, 0xfe, 7, 0, 0, 0]),
            ("darwin/amd64", vec![0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1]),
            ("darwin/arm64", vec![0xcf, 0xfa, 0xed, 0xfe, 12, 0, 0, 1]),
            ("plan9/386", vec![0, 0, 0x01, 0xeb]),
            ("plan9/amd64", vec![0, 0, 0x8a, 0x97]),
            ("plan9/arm", vec![0, 0, 0x06, 0x47]),
            ("aix/ppc64", vec![1, 0xf7]),
            ("windows/386", pe_header(0x80, [0x4c, 1])),
            ("windows/amd64", pe_header(0x80, [0x64, 0x86])),
            ("windows/arm", pe_header(0x80, [0xc4, 1])),
            ("windows/arm64", pe_header(0x80, [0x64, 0xaa])),
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
