//! A zip archive in the profile of `zip_record.rs`, as releases have it: what this makes, [`super::zip`] reads.
//!
//! - entries are written as they come, deflated, each with a data descriptor; then the central directory;
//! - every time is the first of January 1980, the earliest that zip knows: the same files make the same archive, as far
//!   as the compressor does;
//! - no zip64: fewer than 65,535 entries and less than 4 GiB, which no SDK comes near; more is an error.

use std::io::{self, Read, Write};

use flate2::{Compress, Compression, FlushCompress, Status};

use super::zip_record;

/// Sizes of the two buffers that a file goes through.
const BUFFER_BYTES: usize = 64 << 10;
/// What `zip`, `gzip` and Go's own archives use.
const LEVEL: u32 = 6;

/// Writes one archive.
#[derive(Debug)]
pub struct ZipWriter<W> {
    out: W,
    position: u64,
    directory: Vec<u8>,
    entries: u64,
    compress: Compress,
    content: Vec<u8>,
    deflated: Vec<u8>,
}

impl<W: Write> ZipWriter<W> {
    /// An archive without entries.
    pub fn new(out: W) -> Self {
        let compress = Compress::new(Compression::new(LEVEL), false);
        let (content, deflated) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
        Self { out, position: 0, directory: Vec::new(), entries: 0, compress, content, deflated }
    }

    /// Adds a file with all that `content` reads.
    ///
    /// # Errors
    /// When `content` cannot be read or the archive cannot be written, or has grown beyond what zip can say.
    pub fn file(&mut self, name: &str, executable: bool, content: &mut dyn Read) -> io::Result<()> {
        let start = number(self.position)?;
        let header = zip_record::Written { name, executable, ..zip_record::Written::default() };
        self.write(&header.local())?;
        self.compress.reset();
        let mut crc = crc32fast::Hasher::new();
        loop {
            let length = read_up_to(content, &mut self.content)?;
            let bytes = self.content.get(..length).unwrap_or_default();
            crc.update(bytes);
            let last = length < self.content.len();
            self.deflate(length, if last { FlushCompress::Finish } else { FlushCompress::None })?;
            if last {
                break;
            }
        }
        let compressed_bytes = number(self.compress.total_out())?;
        let size_bytes = number(self.compress.total_in())?;
        let written = zip_record::Written { crc: crc.finalize(), compressed_bytes, size_bytes, start, ..header };
        self.write(&written.descriptor())?;
        self.directory.extend(written.central());
        self.entries += 1;
        Ok(())
    }

    /// Writes what stands at the end, and hands back what it was written to.
    ///
    /// # Errors
    /// As for [`Self::file`].
    pub fn finish(mut self) -> io::Result<W> {
        let entries = u16::try_from(self.entries).ok().filter(|&entries| entries < u16::MAX).ok_or_else(too_large)?;
        let end = zip_record::written_end(entries, number(self.directory.len() as u64)?, number(self.position)?);
        let directory = std::mem::take(&mut self.directory);
        self.write(&directory)?;
        self.write(&end)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn deflate(&mut self, length: usize, flush: FlushCompress) -> io::Result<()> {
        let mut rest = 0..length;
        loop {
            let (before_in, before_out) = (self.compress.total_in(), self.compress.total_out());
            let input = self.content.get(rest.clone()).unwrap_or_default();
            let status = self.compress.compress(input, &mut self.deflated, flush).map_err(io::Error::other)?;
            rest.start += usize::try_from(self.compress.total_in() - before_in).unwrap_or(usize::MAX);
            let made = usize::try_from(self.compress.total_out() - before_out).unwrap_or(usize::MAX);
            self.out.write_all(self.deflated.get(..made).unwrap_or_default())?;
            self.position += made as u64;
            let done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => rest.is_empty(),
            };
            if done {
                return Ok(());
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.position += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// Fills `buffer` as far as there is something to fill it with.
fn read_up_to(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match content.read(rest) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn number(count: u64) -> io::Result<u32> {
    u32::try_from(count).ok().filter(|&count| count < u32::MAX).ok_or_else(too_large)
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "more than a zip archive without zip64 can hold")
}

#[cfg(test)]
mod tests {
    use super::super::{EntryKind, Manifest, read_zip_within};
    use super::*;

    fn written(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Vec::new());
        for (name, content) in files {
            writer.file(name, name.ends_with("go"), &mut &content[..]).unwrap();
        }
        writer.finish().unwrap()
    }

    fn found(manifest: &Manifest) -> Vec<(&str, u64)> {
        let files = manifest.entries().iter().map(|entry| match entry.kind {
            EntryKind::File { size_bytes, .. } => (entry.path.as_str(), size_bytes),
            EntryKind::Directory => panic!("{entry:?}"),
        });
        files.collect()
    }

    #[test]
    fn what_is_written_is_read_by_the_strict_profile() {
        let long: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        let full = vec![7; BUFFER_BYTES];
        let files: [(&str, &[u8]); 5] =
            [("m@v1/a", b""), ("m@v1/bin/go", b"x"), ("m@v1/full", &full), ("m@v1/long", &long), ("m@v1/ä", b"utf-8")];
        let archive = written(&files);
        let manifest = read_zip_within("m@v1", &mut &archive[..]).unwrap();
        let expected = [("a", 0), ("bin/go", 1), ("full", full.len() as u64), ("long", 400_000), ("ä", 5)];
        assert_eq!(found(&manifest), expected);
        assert_eq!(archive, written(&files), "the same files, the same bytes");
    }

    #[test]
    fn another_reader_finds_the_same() {
        let archive = written(&[("m@v1/bin/go", b"first"), ("m@v1/ä", b"second")]);
        let mut other = zip::ZipArchive::new(io::Cursor::new(archive)).unwrap();
        let mut content = String::new();
        let mut file = other.by_name("m@v1/bin/go").unwrap();
        assert_eq!(file.unix_mode(), Some(0o100_755));
        file.read_to_string(&mut content).unwrap();
        drop(file);
        assert_eq!((content.as_str(), other.len()), ("first", 2));
        assert_eq!(other.by_name("m@v1/ä").unwrap().unix_mode(), Some(0o100_644));
    }

    #[test]
    fn no_byte_of_it_can_be_changed_unseen() {
        let archive = written(&[("m@v1/a", b"first"), ("m@v1/b", b"second")]);
        assert!(read_zip_within("m@v1", &mut &archive[..]).is_ok());
        for at in 0..archive.len() {
            let mut changed = archive.clone();
            changed[at] ^= 1;
            assert!(read_zip_within("m@v1", &mut &changed[..]).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_lies_elsewhere_is_refused() {
        let archive = written(&[("m@v2/a", b"first")]);
        assert!(read_zip_within("m@v1", &mut &archive[..]).is_err());
        assert!(read_zip_within("m@v2", &mut &archive[..]).is_ok());
    }
}
