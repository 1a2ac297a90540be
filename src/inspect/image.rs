//! Where an executable's sections and segments are: the headers of ELF, Mach-O and PE, read by the `object` crate.
//!
//! Headers alone are read: no symbols, no content. Of a universal Mach-O file each architecture is a part of its own.

use std::cell::Cell;
use std::ops::Range;

use object::read::elf::{CompressionHeader as _, FileHeader, ProgramHeader as _, SectionHeader as _};
use object::read::macho::{FatArch, MachHeader, MachOFatFile, Section as _, Segment as _};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader as _, optional_header_magic};
use object::read::{ReadCache, ReadRef, StringTable};
use object::{Endianness, LittleEndian as LE, U32, elf, macho, pe};

use super::InspectError;
use super::input::Input;

/// Most bytes of headers, tables of sections and their names; real binaries have 10 KB.
const HEADERS_LIMIT_BYTES: u64 = 16 << 20;
/// Most architectures in one universal file; real ones have two.
const ARCHITECTURES_LIMIT: u32 = 16;

/// The format of an executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Linux, the BSDs and others.
    Elf,
    /// macOS and iOS.
    MachO,
    /// Windows.
    Pe,
}

impl Format {
    /// The word in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Elf => "ELF",
            Self::MachO => "Mach-O",
            Self::Pe => "PE",
        }
    }
}

/// How a section is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    /// A zlib stream (RFC 1950) behind so many bytes of a header.
    Zlib {
        header_bytes: u64,
    },
    /// Some other way, by ELF's `ch_type`.
    Unknown(u32),
}

/// A named part; its place is in the file, whatever the headers claim of its end.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) address: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) packing: Packing,
}

/// A part that is mapped at an address.
#[derive(Debug)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
    /// Writable data without code, where a linker puts the build info that has no section.
    is_data: bool,
}

/// One executable: the file, or an architecture in it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) format: Format,
    pub(super) sections: Vec<Section>,
    segments: Vec<Segment>,
}

impl Part {
    fn new(format: Format) -> Self {
        Self { format, sections: Vec::new(), segments: Vec::new() }
    }

    /// Where in the file an address is, and how many bytes there are from there to the end of its segment.
    pub(super) fn locate(&self, address: u64) -> Option<(u64, u64)> {
        self.segments.iter().find_map(|segment| {
            let within = address.checked_sub(segment.address)?;
            let rest = segment.size.checked_sub(within).filter(|rest| *rest > 0)?;
            Some((segment.offset.checked_add(within)?, rest))
        })
    }

    /// The section with one of these names.
    pub(super) fn section(&self, names: &[&str]) -> Option<&Section> {
        self.sections.iter().find(|section| names.contains(&section.name.as_str()))
    }

    /// Address and size of the first segment of writable data.
    pub(super) fn data(&self) -> Option<(u64, u64)> {
        self.segments.iter().find(|segment| segment.is_data).map(|segment| (segment.address, segment.size))
    }
}

/// What the crate sees of a file: one part of it, within the limit of bytes.
#[derive(Clone, Copy)]
struct Headers<'a, 'i> {
    cache: &'a ReadCache<&'i mut Input>,
    base: u64,
    size: u64,
    left: &'a Cell<u64>,
}

impl Headers<'_, '_> {
    fn charge(self, bytes: u64) -> Result<(), ()> {
        self.left.set(self.left.get().checked_sub(bytes).ok_or(())?);
        Ok(())
    }
}

impl<'a> ReadRef<'a> for Headers<'a, '_> {
    fn len(self) -> Result<u64, ()> {
        Ok(self.size)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        let within = offset.checked_add(size).is_some_and(|end| end <= self.size);
        if !within {
            return Err(());
        }
        self.charge(size)?;
        self.cache.read_bytes_at(self.base.checked_add(offset).ok_or(())?, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let at = |offset: u64| self.base.checked_add(offset.min(self.size)).ok_or(());
        let bytes = self.cache.read_bytes_at_until(at(range.start)?..at(range.end)?, delimiter)?;
        self.charge(bytes.len() as u64)?;
        Ok(bytes)
    }
}

/// Headers that cannot be followed.
struct Invalid(String);

impl From<object::read::Error> for Invalid {
    fn from(error: object::read::Error) -> Self {
        Self(error.to_string())
    }
}

/// The parts of an executable.
///
/// # Errors
/// Where it is none of a format that is read here, where its headers contradict themselves or leave the file, and where
/// it cannot be read.
pub(super) fn parts(input: &mut Input) -> Result<Vec<Part>, InspectError> {
    let magic = input.bytes(0, 16)?;
    let format = match magic.first_chunk() {
        Some([0x7f, b'E', b'L', b'F']) => Format::Elf,
        Some([b'M', b'Z', ..]) => Format::Pe,
        // Java's class files begin like universal ones, with a version where these have a number of architectures.
        Some([0xca, 0xfe, 0xba, 0xbe | 0xbf]) if architectures(&magic) > ARCHITECTURES_LIMIT => {
            return Err(InspectError::NotExecutable);
        }
        Some([0xfe, 0xed, 0xfa, 0xce | 0xcf] | [0xce | 0xcf, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe | 0xbf]) => {
            Format::MachO
        }
        _ => return Err(InspectError::NotExecutable),
    };
    let size = input.size();
    let cache = ReadCache::new(&mut *input);
    let left = Cell::new(HEADERS_LIMIT_BYTES);
    let parsed = parse(Headers { cache: &cache, base: 0, size, left: &left }, format, &magic);
    drop(cache);
    match (parsed, input.failure()) {
        (_, Some(error)) => Err(InspectError::reading(error)),
        (Ok(parts), None) => Ok(parts),
        (Err(Invalid(reason)), None) => Err(InspectError::Headers { format, reason }),
    }
}

/// How many a universal file has.
fn architectures(header: &[u8]) -> u32 {
    header.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |count| u32::from_be_bytes(*count))
}

fn parse(whole: Headers<'_, '_>, format: Format, magic: &[u8]) -> Result<Vec<Part>, Invalid> {
    const CLASS_32: Option<&u8> = Some(&1);
    Ok(match format {
        Format::Elf if magic.get(4) == CLASS_32 => vec![elf::<elf::FileHeader32<Endianness>>(whole)?],
        Format::Elf => vec![elf::<elf::FileHeader64<Endianness>>(whole)?],
        Format::MachO if magic.starts_with(&[0xca, 0xfe, 0xba, 0xbe]) => fat::<macho::FatArch32>(whole)?,
        Format::MachO if magic.starts_with(&[0xca, 0xfe, 0xba, 0xbf]) => fat::<macho::FatArch64>(whole)?,
        Format::MachO => vec![thin(whole)?],
        Format::Pe if optional_header_magic(whole)? == pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC => {
            vec![pe::<pe::ImageNtHeaders32>(whole)?]
        }
        Format::Pe => vec![pe::<pe::ImageNtHeaders64>(whole)?],
    })
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn elf<H: FileHeader<Endian = Endianness>>(data: Headers<'_, '_>) -> Result<Part, Invalid> {
    let header = H::parse(data)?;
    let endian = header.endian()?;
    let mut part = Part::new(Format::Elf);
    for program in header.program_headers(endian, data)? {
        let flags = program.p_flags(endian);
        part.segments.push(Segment {
            address: program.p_vaddr(endian).into(),
            offset: program.p_offset(endian).into(),
            size: program.p_filesz(endian).into(),
            is_data: program.p_type(endian) == elf::PT_LOAD && flags.contains(elf::PF_W) && !flags.contains(elf::PF_X),
        });
    }
    let sections = header.sections(endian, data)?;
    for section in sections.iter() {
        let Some((offset, size)) = section.file_range(endian) else { continue };
        let packing = match section.compression(endian, data)? {
            None => Packing::Plain,
            Some((header, content, _)) if header.ch_type(endian) == elf::ELFCOMPRESS_ZLIB => {
                Packing::Zlib { header_bytes: content.saturating_sub(offset) }
            }
            Some((header, ..)) => Packing::Unknown(header.ch_type(endian).0),
        };
        part.sections.push(Section {
            name: text(sections.section_name(endian, section)?),
            address: section.sh_addr(endian).into(),
            offset,
            size,
            packing,
        });
    }
    Ok(part)
}

fn fat<A: FatArch>(data: Headers<'_, '_>) -> Result<Vec<Part>, Invalid> {
    let file = MachOFatFile::<A>::parse(data)?;
    let mut parts = Vec::new();
    for arch in file.arches() {
        let (base, size) = arch.file_range();
        if base.checked_add(size).is_none_or(|end| end > data.size) {
            return Err(Invalid("an architecture leaves the file".to_owned()));
        }
        parts.push(thin(Headers { base, size, ..data })?);
    }
    Ok(parts)
}

fn thin(data: Headers<'_, '_>) -> Result<Part, Invalid> {
    // The first byte of a 64-bit magic is the last one of its other byte order.
    match data.read_bytes_at(0, 4) {
        Ok([0xfe, .., 0xcf] | [0xcf, ..]) => mach_o::<macho::MachHeader64<Endianness>>(data),
        _ => mach_o::<macho::MachHeader32<Endianness>>(data),
    }
}

fn mach_o<H: MachHeader<Endian = Endianness>>(data: Headers<'_, '_>) -> Result<Part, Invalid> {
    let header = H::parse(data, 0)?;
    let endian = header.endian()?;
    let in_file = |offset: u64| data.base.saturating_add(offset);
    let mut part = Part::new(Format::MachO);
    let mut commands = header.load_commands(endian, data, 0)?;
    while let Some(command) = commands.next()? {
        let Some((segment, sections)) = H::Segment::from_command(command)? else { continue };
        let writable = macho::VM_PROT_READ | macho::VM_PROT_WRITE;
        let (address, offset) = (segment.vmaddr(endian).into(), segment.fileoff(endian).into());
        part.segments.push(Segment {
            address,
            offset: in_file(offset),
            size: segment.filesize(endian).into(),
            is_data: segment.initprot(endian) == writable && segment.filesize(endian).into() > 0,
        });
        for section in segment.sections(endian, sections)? {
            // Its own offset has 32 bits.
            let within = Into::<u64>::into(section.addr(endian)).saturating_sub(address);
            part.sections.push(Section {
                name: text(section.name()),
                address: section.addr(endian).into(),
                offset: in_file(offset.saturating_add(within)),
                size: section.size(endian).into(),
                packing: Packing::Plain,
            });
        }
    }
    Ok(part)
}

fn pe<H: ImageNtHeaders>(data: Headers<'_, '_>) -> Result<Part, Invalid> {
    // What the Go linker gives `.data`, but for its alignment (debug/buildinfo).
    const DATA: u32 = pe::IMAGE_SCN_CNT_INITIALIZED_DATA.0 | pe::IMAGE_SCN_MEM_READ.0 | pe::IMAGE_SCN_MEM_WRITE.0;
    let mut offset = pe::ImageDosHeader::parse(data)?.nt_headers_offset().into();
    let (header, _) = H::parse(data, &mut offset)?;
    let sections = header.sections(data, offset)?;
    let names = section_names(header.file_header(), data);
    let base = header.optional_header().image_base();
    let mut part = Part::new(Format::Pe);
    for section in sections.iter() {
        let (offset, size) = (section.pointer_to_raw_data.get(LE).into(), section.size_of_raw_data.get(LE).into());
        let address = base.saturating_add(section.virtual_address.get(LE).into());
        let flags = section.characteristics.get(LE).0 & !pe::IMAGE_SCN_ALIGN_MASK;
        part.segments.push(Segment { address, offset, size, is_data: flags == DATA && size > 0 });
        let name = text(section.name(names)?);
        part.sections.push(Section { name, address, offset, size, packing: Packing::Plain });
    }
    Ok(part)
}

/// The table of names that are longer than 8 bytes. It stands behind the symbols, which are not read.
fn section_names<'a, 'i>(header: &pe::ImageFileHeader, data: Headers<'a, 'i>) -> StringTable<'a, Headers<'a, 'i>> {
    let symbols: u64 = header.pointer_to_symbol_table.get(LE).into();
    let count: u64 = header.number_of_symbols.get(LE).into();
    let start = symbols.saturating_add(count.saturating_mul(pe::IMAGE_SIZEOF_SYMBOL as u64));
    match data.read_at::<U32<LE>>(start) {
        Ok(length) if symbols > 0 => StringTable::new(data, start, start.saturating_add(length.get(LE).into())),
        _ => StringTable::default(),
    }
}
