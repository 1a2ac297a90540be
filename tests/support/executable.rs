//! Minimal executables of each format: headers around sections, and what the Go linker puts into these.

/// Where the first section is mapped; each further one has a page range of its own.
pub const BASE: u64 = 0x40_0000;
const SPAN: u64 = 0x10_0000;
pub const START: [u8; 16] = *b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
pub const END: [u8; 16] = *b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";

/// One section, which is a segment, too, unless it is debug information.
#[derive(Clone)]
pub struct Section {
    pub name: &'static str,
    pub content: Vec<u8>,
    /// ELF's `ch_type`, behind whose header the content stands.
    pub packed: Option<u32>,
}

/// Sections, the first of which is writable data.
#[derive(Clone, Default)]
pub struct Executable {
    pub sections: Vec<Section>,
}

/// How numbers are written.
#[derive(Clone, Copy)]
pub struct Words {
    pub bytes: usize,
    pub big_endian: bool,
}

pub const LITTLE_64: Words = Words { bytes: 8, big_endian: false };
pub const BIG_64: Words = Words { bytes: 8, big_endian: true };
pub const LITTLE_32: Words = Words { bytes: 4, big_endian: false };
pub const BIG_32: Words = Words { bytes: 4, big_endian: true };

impl Words {
    pub fn number(self, bytes: usize, number: u64) -> Vec<u8> {
        let mut written = number.to_le_bytes()[..bytes].to_vec();
        if self.big_endian {
            written.reverse();
        }
        written
    }

    fn word(self, number: u64) -> Vec<u8> {
        self.number(self.bytes, number)
    }
}

impl Executable {
    pub fn with(mut self, name: &'static str, content: impl Into<Vec<u8>>) -> Self {
        self.sections.push(Section { name, content: content.into(), packed: None });
        self
    }

    pub fn with_packed(mut self, name: &'static str, kind: u32, content: impl Into<Vec<u8>>) -> Self {
        self.sections.push(Section { name, content: content.into(), packed: Some(kind) });
        self
    }

    /// Where a section is mapped.
    pub fn address(number: usize) -> u64 {
        BASE + number as u64 * SPAN
    }

    pub fn elf(&self, words: Words) -> Vec<u8> {
        let is_64 = words.bytes == 8;
        let (header, program, section) = if is_64 { (64, 56, 64) } else { (52, 32, 40) };
        let mapped = self.sections.iter().filter(|section| !section.name.contains("debug_")).count();
        let names: Vec<&str> = self.sections.iter().map(|section| section.name).chain([".shstrtab"]).collect();
        let name_table = format!("\0{}\0", names.join("\0")).into_bytes();
        let mut contents = Vec::new();
        let start = header + mapped * program;
        let (mut programs, mut sections) = (Vec::new(), vec![0; section]);
        let mut put = |name: &str, kind: u64, flags: u64, address: u64, content: &[u8], contents: &mut Vec<u8>| {
            contents.resize(contents.len().next_multiple_of(16), 0);
            let offset = (start + contents.len()) as u64;
            let name_at =
                name_table.windows(name.len() + 1).position(|at| at == [name.as_bytes(), &[0]].concat()).unwrap()
                    as u64;
            let size = content.len() as u64;
            sections.extend([words.number(4, name_at), words.number(4, kind)].concat());
            sections.extend([flags, address, offset, size].map(|number| words.word(number)).concat());
            sections.extend([words.number(4, 0), words.number(4, 0), words.word(1), words.word(0)].concat());
            contents.extend_from_slice(content);
            (offset, size)
        };
        for (number, one) in self.sections.iter().enumerate() {
            let is_debug = one.name.contains("debug_");
            let (flags, address) = if is_debug { (0, 0) } else { (2, Self::address(number)) };
            let content = match one.packed {
                None => one.content.clone(),
                Some(kind) => {
                    let reserved = if is_64 { words.number(4, 0) } else { Vec::new() };
                    let sizes = [words.word(1 << 20), words.word(1)].concat();
                    [words.number(4, kind.into()), reserved, sizes, one.content.clone()].concat()
                }
            };
            let packed = if one.packed.is_some() { 1 << 11 } else { 0 };
            let (offset, size) = put(one.name, 1, flags | packed, address, &content, &mut contents);
            if is_debug {
                continue;
            }
            let rights = words.number(4, if number == 0 { 6 } else { 4 });
            programs.extend(words.number(4, 1));
            if is_64 {
                programs.extend_from_slice(&rights);
            }
            programs.extend([offset, address, address, size, size].map(|number| words.word(number)).concat());
            if !is_64 {
                programs.extend_from_slice(&rights);
            }
            programs.extend(words.word(16));
        }
        // The table of names, which holds its own name.
        put(".shstrtab", 3, 0, 0, &name_table, &mut contents);
        let count = self.sections.len() as u64 + 2;
        let table = (start + contents.len()) as u64;
        let class = if is_64 { 2 } else { 1 };
        let mut file = vec![0x7f, b'E', b'L', b'F', class, 1 + u8::from(words.big_endian), 1];
        file.resize(16, 0);
        file.extend([words.number(2, 2), words.number(2, 62), words.number(4, 1), words.word(0)].concat());
        file.extend([words.word(header as u64), words.word(table), words.number(4, 0)].concat());
        let counts = [header as u64, program as u64, mapped as u64, section as u64, count, count - 1];
        file.extend(counts.map(|number| words.number(2, number)).concat());
        [file, programs, contents, sections].concat()
    }

    pub fn mach_o(&self) -> Vec<u8> {
        let words = LITTLE_64;
        let size = 72 + 80;
        let start = 32 + self.sections.len() * size;
        let padded = |name: &str| {
            let mut name = name.as_bytes().to_vec();
            name.resize(16, 0);
            name
        };
        let (mut commands, mut contents) = (Vec::new(), Vec::new());
        for (number, one) in self.sections.iter().enumerate() {
            contents.resize((start + contents.len()).next_multiple_of(16) - start, 0);
            let (offset, length) = ((start + contents.len()) as u64, one.content.len() as u64);
            let rights = words.number(4, if number == 0 { 3 } else { 1 });
            commands.extend([words.number(4, 0x19), words.number(4, size as u64), padded("__SEGMENT")].concat());
            let numbers = [Self::address(number), length, offset, length].map(|number| words.word(number)).concat();
            commands.extend([numbers, rights.clone(), rights, words.number(4, 1), words.number(4, 0)].concat());
            commands.extend([padded(one.name), padded("__SEGMENT")].concat());
            commands.extend([words.word(Self::address(number)), words.word(length), words.number(4, offset)].concat());
            commands.extend(vec![0; 28]);
            contents.extend_from_slice(&one.content);
        }
        let mut file = vec![0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1, 3, 0, 0, 0, 2, 0, 0, 0];
        file.extend([self.sections.len() as u64, commands.len() as u64, 0, 0].map(|n| words.number(4, n)).concat());
        [file, commands, contents].concat()
    }

    pub fn pe(&self) -> Vec<u8> {
        let words = LITTLE_64;
        let start = 0x80 + 24 + 112 + self.sections.len() * 40;
        let mut names = vec![0; 4];
        let (mut headers, mut contents) = (Vec::new(), Vec::new());
        for (number, one) in self.sections.iter().enumerate() {
            contents.resize((start + contents.len()).next_multiple_of(16) - start, 0);
            let mut name = one.name.as_bytes().to_vec();
            if name.len() > 8 {
                name = format!("/{}", names.len()).into_bytes();
                names.extend([one.name.as_bytes(), &[0]].concat());
            }
            name.resize(8, 0);
            let (offset, size) = ((start + contents.len()) as u64, one.content.len() as u64);
            let flags = if number == 0 { 0xc060_0040 } else { 0x4000_0040 };
            let numbers = [size, Self::address(number) - BASE + 0x1000, size, offset, 0, 0, 0, flags];
            headers.extend([name, numbers.map(|number| words.number(4, number)).concat()].concat());
            contents.extend_from_slice(&one.content);
        }
        names.splice(..4, (names.len() as u32).to_le_bytes());
        let mut file = b"MZ".to_vec();
        file.resize(0x3c, 0);
        file.extend([0x80, 0, 0, 0]);
        file.resize(0x80, 0);
        file.extend(b"PE\0\0\x64\x86");
        file.extend(words.number(2, self.sections.len() as u64));
        file.extend([0, (start + contents.len()) as u64, 0].map(|number| words.number(4, number)).concat());
        file.extend([words.number(2, 112), words.number(2, 0x22)].concat());
        let mut optional = vec![0x0b, 0x02];
        optional.resize(24, 0);
        optional.extend(words.word(BASE - 0x1000));
        optional.resize(112, 0);
        [file, optional, headers, contents, names].concat()
    }

    /// A universal file of these.
    pub fn universal(parts: &[Vec<u8>]) -> Vec<u8> {
        let words = Words { bytes: 4, big_endian: true };
        let mut file = [words.word(0xcafe_babe), words.word(parts.len() as u64)].concat();
        let mut at = (8 + parts.len() * 20).next_multiple_of(16) as u64;
        for (number, part) in parts.iter().enumerate() {
            let numbers = [7, number as u64, at, part.len() as u64, 4];
            file.extend(numbers.map(|number| words.word(number)).concat());
            at = (at + part.len() as u64).next_multiple_of(16);
        }
        for part in parts {
            file.resize(file.len().next_multiple_of(16), 0);
            file.extend_from_slice(part);
        }
        file
    }
}

/// The text of modules between its sentinels.
pub fn framed(modules: &str) -> Vec<u8> {
    [&START[..], modules.as_bytes(), &END[..]].concat()
}

pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Magic, size of pointers and flags, and 16 bytes more.
pub fn info_header(pointer_bytes: u8, flags: u8) -> Vec<u8> {
    let mut header = [b"\xff Go buildinf:", &[pointer_bytes, flags][..]].concat();
    header.resize(32, 0);
    header
}

/// Build info as Go 1.18 and later have it.
pub fn inline_info(version: &str, modules: &[u8]) -> Vec<u8> {
    let string = |text: &[u8]| [varint(text.len() as u64), text.to_vec()].concat();
    [info_header(8, 2), string(version.as_bytes()), string(modules)].concat()
}

/// Build info as older ones have it, mapped at an address.
pub fn pointer_info(address: u64, version: &str, modules: &[u8], words: Words) -> Vec<u8> {
    let mut header = info_header(words.bytes as u8, words.big_endian.into());
    let strings = address + 32;
    let texts = strings + 4 * words.bytes as u64;
    let pointers = [words.word(strings), words.word(strings + 2 * words.bytes as u64)].concat();
    header.splice(16..16 + pointers.len(), pointers);
    let numbers = [texts, version.len() as u64, texts + version.len() as u64, modules.len() as u64];
    [header, numbers.map(|number| words.word(number)).concat(), version.as_bytes().to_vec(), modules.to_vec()].concat()
}

/// A table of program counters of the version that began with Go 1.2, 1.16, 1.18 or 1.20, with these names of files.
pub fn file_table(names: &[&str], since: u32, words: Words) -> Vec<u8> {
    let magic = match since {
        2 => 0xffff_fffb,
        16 => 0xffff_fffa,
        18 => 0xffff_fff0,
        _ => 0xffff_fff1,
    };
    let mut table = [words.number(4, magic), vec![0, 0, 1, words.bytes as u8]].concat();
    let row: Vec<u8> = names.iter().flat_map(|name| [name.as_bytes(), &[0]].concat()).collect();
    if since == 2 {
        // One function: two pointers, and the one behind the last.
        table.extend([1, 0, 0, 0].map(|number| words.word(number)).concat());
        let list = table.len() as u64 + 4;
        table.extend(words.number(4, list));
        let mut at = list + 4 * (names.len() as u64 + 1);
        table.extend(words.number(4, names.len() as u64 + 1));
        for name in names {
            table.extend(words.number(4, at));
            at += name.len() as u64 + 1;
        }
        return [table, row].concat();
    }
    let count = if since == 16 { 7 } else { 8 };
    let start = (8 + count * words.bytes) as u64;
    let mut numbers = vec![1, names.len() as u64];
    if since != 16 {
        numbers.push(0);
    }
    numbers.extend([start, start, start, start + row.len() as u64, start + row.len() as u64]);
    table.extend(numbers.into_iter().flat_map(|number| words.word(number)));
    [table, row].concat()
}

/// A zlib stream of this.
pub fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, content).unwrap();
    encoder.finish().unwrap()
}

/// As the Go linker writes it where a format has no header for compression.
pub fn zdebug(content: &[u8]) -> Vec<u8> {
    [b"ZLIB", &(content.len() as u64).to_be_bytes()[..], &zlib(content)].concat()
}
