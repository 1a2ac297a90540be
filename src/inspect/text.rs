//! Text in streams of bytes: names that end with a NUL, and runs of printable characters.

/// Longest run that is held; what is longer is handed over in pieces that overlap.
const RUN_LIMIT_BYTES: usize = 16 << 10;
/// How much of a piece the next one repeats: longer than a path may be.
pub(super) const OVERLAP_BYTES: usize = 4096;
/// Shortest run of interest, which is also that of `strings`.
const SHORTEST_BYTES: usize = 4;

/// Names one behind another. One that is longer than the limit is passed over, and so is one without an end.
pub(super) struct Names {
    limit_bytes: usize,
    name: Vec<u8>,
    start: u64,
    is_too_long: bool,
}

impl Names {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, name: Vec::new(), start: 0, is_too_long: false }
    }

    /// Takes the next piece, which stands at `offset`, and tells each name that ends in it, and where it began.
    pub(super) fn push(&mut self, offset: u64, piece: &[u8], each: &mut dyn FnMut(&[u8], u64)) {
        let mut at = offset;
        for part in piece.split_inclusive(|&byte| byte == 0) {
            let (text, ends) = part.strip_suffix(&[0]).map_or((part, false), |text| (text, true));
            if self.name.is_empty() && !self.is_too_long {
                self.start = at;
            }
            at = at.saturating_add(part.len() as u64);
            self.is_too_long |= self.name.len() + text.len() > self.limit_bytes;
            if !self.is_too_long {
                self.name.extend_from_slice(text);
            }
            if ends {
                if !self.is_too_long && !self.name.is_empty() {
                    each(&self.name, self.start);
                }
                self.name.clear();
                self.is_too_long = false;
            }
        }
    }
}

/// Printable ASCII without a break, or a piece of it.
#[derive(Debug)]
pub(super) struct Run<'a> {
    /// Where it begins.
    pub(super) offset: u64,
    pub(super) text: &'a str,
    /// What begins from here on is for the next piece to tell.
    pub(super) fresh_bytes: usize,
    /// Whether it is all that stands between a NUL and a NUL; either may be an end of the stream.
    pub(super) is_whole: bool,
    /// Whether a NUL ends it, whatever it begins behind.
    pub(super) is_ended: bool,
}

/// Finds runs.
pub(super) struct Runs {
    run: Vec<u8>,
    start: u64,
    /// Whether the run follows a NUL, or the stream's start.
    after_nul: bool,
    last_was_nul: bool,
    /// Whether the run's beginning was handed over already.
    is_continued: bool,
}

impl Runs {
    pub(super) fn new() -> Self {
        Self { run: Vec::new(), start: 0, after_nul: true, last_was_nul: true, is_continued: false }
    }

    /// Takes the next piece, which stands at `offset`.
    pub(super) fn push(&mut self, offset: u64, piece: &[u8], each: &mut dyn FnMut(Run<'_>)) {
        let printable = |byte: &u8| matches!(byte, b' '..=b'~');
        let mut rest = piece;
        let mut at = offset;
        while let Some(&first) = rest.first() {
            if !printable(&first) {
                self.end(first == 0, each);
                let length = rest.iter().position(printable).unwrap_or(rest.len());
                let (passed, further) = rest.split_at_checked(length).unwrap_or((rest, &[]));
                self.last_was_nul = passed.last() == Some(&0);
                at = at.saturating_add(passed.len() as u64);
                rest = further;
                continue;
            }
            if self.run.is_empty() {
                (self.start, self.after_nul, self.is_continued) = (at, self.last_was_nul, false);
            }
            let length = rest.iter().position(|byte| !printable(byte)).unwrap_or(rest.len());
            let length = length.min(RUN_LIMIT_BYTES.saturating_sub(self.run.len())).max(1);
            let (text, further) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            self.run.extend_from_slice(text);
            at = at.saturating_add(text.len() as u64);
            rest = further;
            if self.run.len() >= RUN_LIMIT_BYTES {
                let fresh_bytes = self.run.len() - OVERLAP_BYTES;
                self.tell(fresh_bytes, false, each);
                self.run.drain(..fresh_bytes);
                self.start = self.start.saturating_add(fresh_bytes as u64);
                self.is_continued = true;
            }
        }
    }

    /// The stream ends here.
    pub(super) fn finish(mut self, each: &mut dyn FnMut(Run<'_>)) {
        self.end(true, each);
    }

    fn end(&mut self, before_nul: bool, each: &mut dyn FnMut(Run<'_>)) {
        if self.run.len() >= SHORTEST_BYTES {
            self.tell(self.run.len(), before_nul && !self.is_continued, each);
        }
        self.run.clear();
    }

    fn tell(&self, fresh_bytes: usize, is_ended: bool, each: &mut dyn FnMut(Run<'_>)) {
        // Printable ASCII is UTF-8.
        let text = std::str::from_utf8(&self.run).unwrap_or_default();
        let is_whole = is_ended && self.after_nul;
        each(Run { offset: self.start, text, fresh_bytes, is_whole, is_ended });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pieces(stream: &[u8], size: usize, mut push: impl FnMut(u64, &[u8])) {
        for (number, piece) in stream.chunks(size).enumerate() {
            push((number * size) as u64 + 10, piece);
        }
    }

    #[test]
    fn names_are_the_same_in_pieces_of_any_size() {
        let stream = b"\0\0one\0toolong\0two\0\0cut";
        for size in 1..=stream.len() {
            let mut names = Names::new(5);
            let mut found = Vec::new();
            in_pieces(stream, size, |offset, piece| {
                names.push(offset, piece, &mut |name, at| found.push((String::from_utf8_lossy(name).into_owned(), at)));
            });
            assert_eq!(found, [("one".to_owned(), 12), ("two".to_owned(), 24)], "{size}");
        }
    }

    #[test]
    fn runs_are_the_same_in_pieces_of_any_size_and_say_whether_nuls_are_around_them() {
        let stream = b"first\0whole\0abc\0\x01after\0before\nlast";
        for size in 1..=stream.len() {
            let (mut runs, mut found) = (Runs::new(), Vec::new());
            let mut each = |run: Run<'_>| found.push((run.text.to_owned(), run.offset, run.is_whole));
            in_pieces(stream, size, |offset, piece| runs.push(offset, piece, &mut each));
            runs.finish(&mut each);
            let expected = [
                ("first", 10, true),
                ("whole", 16, true),
                ("after", 27, false),
                ("before", 33, false),
                ("last", 40, false),
            ];
            let expected = expected.map(|(text, at, whole)| (text.to_owned(), at, whole));
            assert_eq!(found, expected, "{size}");
        }
    }

    #[test]
    fn every_byte_of_a_long_run_is_fresh_in_one_piece() {
        let stream = vec![b'x'; 3 * RUN_LIMIT_BYTES + 7];
        for size in [1000, RUN_LIMIT_BYTES, stream.len()] {
            let (mut runs, mut fresh) = (Runs::new(), Vec::new());
            let mut each = |run: Run<'_>| {
                assert!(!run.is_whole || run.text.len() == stream.len());
                fresh.push(run.offset..run.offset + run.fresh_bytes as u64);
            };
            in_pieces(&stream, size, |offset, piece| runs.push(offset, piece, &mut each));
            runs.finish(&mut each);
            assert!(fresh.windows(2).all(|pair| pair[0].end == pair[1].start), "{fresh:?}");
            assert_eq!(fresh.first().unwrap().start..fresh.last().unwrap().end, 10..stream.len() as u64 + 10);
        }
    }
}
