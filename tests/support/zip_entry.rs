//! One zip entry, as releases have it or as nobody should: every field of both its headers can be edited.

use std::io::Write;

/// DOS time and date of every entry: the `time` of `VERSION`, 2024-06-27T20:11:12Z.
pub const DOS_TIME: u16 = 20 << 11 | 11 << 5 | 6;
pub const DOS_DATE: u16 = (2024 - 1980) << 9 | 6 << 5 | 27;
/// The extra field of every entry: an extended timestamp with the same time.
pub const EXTRA: [u8; 9] = [b'U', b'T', 5, 0, 1, 0x60, 0xc7, 0x7d, 0x66];

/// What a local header and a central directory header have in common, and what only the latter has.
#[derive(Clone)]
pub struct Header {
    pub version: u16,
    pub flags: u16,
    pub method: u16,
    pub time: u16,
    pub date: u16,
    pub crc: u32,
    pub compressed: u32,
    pub size: u32,
    pub name: Vec<u8>,
    pub extra: Vec<u8>,
    pub made_by: u16,
    pub comment: Vec<u8>,
    pub disk: u16,
    pub internal: u16,
    pub external: u32,
    /// Where the local header is said to be, if not where it is.
    pub offset: Option<u32>,
}

impl Header {
    fn shared(&self) -> Vec<u8> {
        let mut bytes = [self.version, self.flags, self.method, self.time, self.date].map(u16::to_le_bytes).concat();
        bytes.extend([self.crc, self.compressed, self.size].map(u32::to_le_bytes).concat());
        bytes.extend([self.name.len(), self.extra.len()].map(|n| u16::try_from(n).unwrap().to_le_bytes()).concat());
        bytes
    }

    fn local(&self) -> Vec<u8> {
        [b"PK\x03\x04", &self.shared()[..], &self.name, &self.extra].concat()
    }

    fn central(&self, offset: u32) -> Vec<u8> {
        let comment = u16::try_from(self.comment.len()).unwrap();
        let mut bytes = [b"PK\x01\x02", &self.made_by.to_le_bytes()[..], &self.shared()].concat();
        bytes.extend([comment, self.disk, self.internal].map(u16::to_le_bytes).concat());
        bytes.extend([self.external, self.offset.unwrap_or(offset)].map(u32::to_le_bytes).concat());
        [&bytes[..], &self.name, &self.extra, &self.comment].concat()
    }
}

/// An entry under construction. What the constructor makes fits the strict profile.
#[derive(Clone)]
pub struct ZipEntry {
    /// What lies before the local header.
    pub before: Vec<u8>,
    pub local: Header,
    /// The content, deflated.
    pub data: Vec<u8>,
    /// The data descriptor with its signature.
    pub descriptor: Vec<u8>,
    pub central: Header,
    /// Whether there is a local header, with what belongs to it.
    pub stored: bool,
    /// How often the central directory has it.
    pub listed: usize,
}

impl ZipEntry {
    /// A file of mode 0644; the path is not checked in any way.
    pub fn file(path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let size = u32::try_from(content.len()).unwrap();
        Self::deflated(path.as_ref(), deflate(content), crc32fast::hash(content), size)
    }

    /// A file whose content was deflated already.
    pub fn deflated(path: &[u8], data: Vec<u8>, crc: u32, size: u32) -> Self {
        let compressed = u32::try_from(data.len()).unwrap();
        let local = Header {
            version: 20,
            flags: if path.is_ascii() { 0x8 } else { 0x808 },
            method: 8,
            time: DOS_TIME,
            date: DOS_DATE,
            crc: 0,
            compressed: 0,
            size: 0,
            name: path.to_owned(),
            extra: EXTRA.to_vec(),
            made_by: 3 << 8 | 20,
            comment: Vec::new(),
            disk: 0,
            internal: 0,
            external: 0o100_644 << 16,
            offset: None,
        };
        let central = Header { crc, compressed, size, ..local.clone() };
        let descriptor = descriptor(crc, compressed, size);
        Self { before: Vec::new(), local, data, descriptor, central, stored: true, listed: 1 }
    }

    /// Edits the permissions, and leaves it a regular file.
    pub fn mode(self, mode: u32) -> Self {
        self.edit(|entry| entry.central.external = (0o100_000 | mode) << 16)
    }

    /// Edits anything.
    pub fn edit(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    /// Edits both headers alike.
    pub fn both(mut self, edit: impl Fn(&mut Header)) -> Self {
        edit(&mut self.local);
        edit(&mut self.central);
        self
    }

    fn front(&self) -> Vec<u8> {
        let entry = [self.local.local(), self.data.clone(), self.descriptor.clone()].concat();
        [&self.before[..], if self.stored { &entry } else { &[] }].concat()
    }
}

/// The end record, and what is around it.
#[derive(Clone)]
pub struct End {
    pub before: Vec<u8>,
    pub disk: u16,
    pub directory_disk: u16,
    pub entries_here: u16,
    pub entries: u16,
    pub directory_bytes: u32,
    pub directory_offset: u32,
    /// The length of the comment that follows, if not that of `after`.
    pub comment_bytes: u16,
    pub after: Vec<u8>,
}

impl End {
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = [&self.before[..], b"PK\x05\x06"].concat();
        bytes.extend([self.disk, self.directory_disk, self.entries_here, self.entries].map(u16::to_le_bytes).concat());
        bytes.extend([self.directory_bytes, self.directory_offset].map(u32::to_le_bytes).concat());
        bytes.extend(self.comment_bytes.to_le_bytes());
        bytes.extend(&self.after);
        bytes
    }
}

/// A data descriptor with its signature.
pub fn descriptor(crc: u32, compressed: u32, size: u32) -> Vec<u8> {
    [&b"PK\x07\x08"[..], &[crc, compressed, size].map(u32::to_le_bytes).concat()].concat()
}

/// A raw deflate stream.
pub fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A whole archive of these entries.
pub fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    zip_with(entries, |_| {})
}

/// The same with an edited end.
pub fn zip_with(entries: &[ZipEntry], edit: impl FnOnce(&mut End)) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = u32::try_from(archive.len() + entry.before.len()).unwrap();
        archive.extend(entry.front());
        directory.extend(entry.central.central(offset).repeat(entry.listed));
    }
    // An archive of more entries than the field can count has as many as it will.
    let listed = u16::try_from(entries.iter().map(|entry| entry.listed).sum::<usize>()).unwrap_or(u16::MAX);
    let mut end = End {
        before: Vec::new(),
        disk: 0,
        directory_disk: 0,
        entries_here: listed,
        entries: listed,
        directory_bytes: u32::try_from(directory.len()).unwrap(),
        directory_offset: u32::try_from(archive.len()).unwrap(),
        comment_bytes: 0,
        after: Vec::new(),
    };
    edit(&mut end);
    archive.extend(directory);
    archive.extend(end.bytes());
    archive
}

/// Where the local header of an entry is.
pub fn offset_of(entries: &[ZipEntry], index: usize) -> u32 {
    let front: usize = entries[..index].iter().map(|entry| entry.front().len()).sum();
    u32::try_from(front + entries[index].before.len()).unwrap()
}
