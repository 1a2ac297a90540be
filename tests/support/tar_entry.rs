//! One tar entry, as releases have it or as nobody should: every byte of its header can be edited.

use std::io::Write;

/// Modification time of every entry: the `time` of `VERSION`, 2024-06-27T20:11:12Z.
pub const MODIFIED: u64 = 1_719_519_072;
/// The end of a tar stream.
pub const END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];
const BLOCK_BYTES: usize = 512;

/// An entry under construction. What a constructor makes fits the strict profile; the methods change that.
#[derive(Clone)]
pub struct TarEntry {
    extension: Option<Box<TarEntry>>,
    header: tar::Header,
    content: Vec<u8>,
    raw_checksum: bool,
}

impl TarEntry {
    /// A file of mode 0644. As in real releases, a path that is not ASCII or too long for ustar goes into a pax
    /// header; the path is not checked in any way.
    pub fn file(path: impl AsRef<[u8]>, content: impl Into<Vec<u8>>) -> Self {
        Self::new(path.as_ref(), b'0', 0o644, content.into())
    }

    /// A directory of mode 0755; releases write its path with a final slash.
    pub fn directory(path: impl AsRef<[u8]>) -> Self {
        Self::new(path.as_ref(), b'5', 0o755, Vec::new())
    }

    /// A symbolic link (type `2`) or, with [`Self::kind`], a hard one.
    pub fn link(path: impl AsRef<[u8]>, target: &str) -> Self {
        let link = Self::new(path.as_ref(), b'2', 0o755, Vec::new());
        link.header(|h| h.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes()))
    }

    /// An extended header of type `x`, `g`, `L` or the like with this data, which stands for itself.
    pub fn extension(kind: u8, data: impl Into<Vec<u8>>) -> Self {
        let extension = Self::new(b"go/PaxHeaders.0/x", kind, 0, data.into());
        extension.header(|h| h.set_mtime(0))
    }

    fn new(path: &[u8], kind: u8, mode: u32, content: Vec<u8>) -> Self {
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MODIFIED);
        header.set_size(content.len() as u64);
        header.as_old_mut().linkflag = [kind];
        header.set_device_major(0).unwrap();
        header.set_device_minor(0).unwrap();
        let mut entry = Self { extension: None, header, content, raw_checksum: false };
        entry.put_path(path);
        entry.header.set_cksum();
        entry
    }

    fn put_path(&mut self, path: &[u8]) {
        let ustar = self.header.as_ustar_mut().unwrap();
        if let Some((prefix, name)) = ustar_split(path) {
            ustar.prefix[..prefix.len()].copy_from_slice(prefix);
            ustar.name[..name.len()].copy_from_slice(name);
            return;
        }
        let mut ascii: Vec<u8> = path.iter().copied().filter(u8::is_ascii).take(ustar.name.len()).collect();
        // A file is not named like a directory, even if nothing of its name is ASCII.
        if ascii.ends_with(b"/") && !path.ends_with(b"/") {
            *ascii.last_mut().unwrap() = b'_';
        }
        ustar.name[..ascii.len()].copy_from_slice(&ascii);
        self.extension = Some(Box::new(Self::extension(b'x', pax_record("path", path))));
    }

    /// Edits the mode.
    pub fn mode(self, mode: u32) -> Self {
        self.header(|h| h.set_mode(mode))
    }

    /// Edits the type flag.
    pub fn kind(self, kind: u8) -> Self {
        self.header(|h| h.as_old_mut().linkflag = [kind])
    }

    /// Edits the header; the checksum is computed after all edits.
    pub fn header(mut self, edit: impl FnOnce(&mut tar::Header)) -> Self {
        edit(&mut self.header);
        self
    }

    /// Leaves the checksum as the edits left it; before them it is that of the constructor's header.
    pub fn raw_checksum(mut self) -> Self {
        self.raw_checksum = true;
        self
    }

    /// Puts `extension` before the entry, instead of the one that a path may have needed.
    pub fn after(mut self, extension: Self) -> Self {
        self.extension = Some(Box::new(extension));
        self
    }

    /// The entry's blocks: extension, header, content and padding.
    pub fn blocks(&self) -> Vec<u8> {
        let mut header = self.header.clone();
        if !self.raw_checksum {
            header.set_cksum();
        }
        let mut blocks = self.extension.as_ref().map(|e| e.blocks()).unwrap_or_default();
        blocks.extend_from_slice(header.as_bytes());
        blocks.extend_from_slice(&self.content);
        blocks.resize(blocks.len().next_multiple_of(BLOCK_BYTES), 0);
        blocks
    }
}

/// One pax record, with the length that it counts itself.
pub fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + " =\n".len();
    let length = (rest..).find(|length| length - length.to_string().len() == rest).unwrap();
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// A whole tar stream of these entries.
pub fn tar(entries: &[TarEntry]) -> Vec<u8> {
    let blocks = entries.iter().flat_map(TarEntry::blocks);
    blocks.chain(END).collect()
}

/// One gzip member whose header is that of real releases: no flags, no time, best compression.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// `prefix` and `name` for an ASCII path that fits a ustar header.
fn ustar_split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    const NAME_BYTES: usize = 100;
    const PREFIX_BYTES: usize = 155;
    if !path.is_ascii() {
        return None;
    }
    if path.len() <= NAME_BYTES {
        return Some((&[], path));
    }
    let slashes = (0..path.len().saturating_sub(1)).filter(|&at| path[at] == b'/');
    let fits = |&at: &usize| (1..=PREFIX_BYTES).contains(&at) && path.len() - at - 1 <= NAME_BYTES;
    slashes.rev().find(fits).map(|at| (&path[..at], &path[at + 1..]))
}
