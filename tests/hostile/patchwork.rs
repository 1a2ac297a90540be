//! Deflate streams patched together from pieces that are compressed once, so that large archives cost little to make.

use flate2::{Compress, Compression, FlushCompress};

use super::support::tar_entry::gzip;

/// Content with its compressed form, which ends on a byte and leaves the stream open (RFC 1951 §3.2.4).
pub(crate) struct Piece {
    pub(crate) compressed: Vec<u8>,
    pub(crate) crc: crc32fast::Hasher,
    pub(crate) size: u64,
}

impl Piece {
    pub(crate) fn new(content: &[u8]) -> Self {
        let mut compressed = Vec::with_capacity(content.len() + (1 << 16));
        let mut deflate = Compress::new(Compression::fast(), false);
        deflate.compress_vec(content, &mut compressed, FlushCompress::Full).unwrap();
        assert_eq!(deflate.total_in(), content.len() as u64);
        let mut crc = crc32fast::Hasher::new();
        crc.update(content);
        Self { compressed, crc, size: content.len() as u64 }
    }

    /// A mebibyte with just enough noise in it that the ratio does not matter.
    pub(crate) fn noisy_mebibyte() -> Self {
        let mut state = 1u32;
        let mut content = vec![0; 1 << 20];
        for byte in content.iter_mut().step_by(64) {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = state.to_le_bytes()[3];
        }
        Self::new(&content)
    }
}

/// A gzip member of pieces.
pub(crate) struct Patchwork {
    member: Vec<u8>,
    crc: crc32fast::Hasher,
    size: u64,
}

impl Patchwork {
    pub(crate) fn new() -> Self {
        Self { member: gzip(b"")[..10].to_vec(), crc: crc32fast::Hasher::new(), size: 0 }
    }

    pub(crate) fn add(&mut self, piece: &Piece, times: usize) {
        for _ in 0..times {
            self.member.extend(&piece.compressed);
            self.crc.combine(&piece.crc);
            self.size += piece.size;
        }
    }

    pub(crate) fn add_content(&mut self, content: &[u8]) {
        self.add(&Piece::new(content), 1);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        // The last block, and nothing in it.
        self.member.extend([3, 0]);
        self.member.extend(self.crc.finalize().to_le_bytes());
        // ISIZE is the length modulo 2^32.
        self.member.extend(&self.size.to_le_bytes()[..4]);
        self.member
    }
}

#[test]
fn a_patchwork_is_what_it_was_made_of() {
    let (piece, mut patchwork) = (Piece::noisy_mebibyte(), Patchwork::new());
    patchwork.add_content(b"in front");
    patchwork.add(&piece, 3);
    let mut content = Vec::new();
    std::io::copy(&mut flate2::read::GzDecoder::new(&patchwork.finish()[..]), &mut content).unwrap();
    assert_eq!(content.len(), 8 + (3 << 20));
    assert!(content.starts_with(b"in front") && content[8..][..1 << 20] == content[8 + (2 << 20)..]);
}
