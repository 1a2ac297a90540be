//! Lanes: further connections for an archive of which a single one carries too little.
//!
//! A connection carries at most a window a round trip, however wide the path is; several carry as many windows.
//!
//! - The first connection asks for all that is wanted, and is measured by parts of [`Lanes::part_bytes`]. Lanes are
//!   opened, once a download, after a part in which the consumer never lagged and [`Lanes::in_flight_bytes`] were under
//!   way at a time: the rate times the round trip. A path that is merely narrow or near cannot hold as much, and lanes
//!   would not widen it: 200 Mbit/s and 10 ms hold 0.25 MB. The round trip is what the head took, so it may be taken for
//!   the threefold, the set-up of a connection, but not for less. Where a distant path holds as much and is full, lanes
//!   share it and neither help nor harm.
//! - The answer must be a web server's, have a strong entity tag and not say `Accept-Ranges: none` (RFC 9110 §14.3); half
//!   a window must be left for lanes, and no other archive be on its way from there: several have several connections
//!   already.
//! - A lane asks for one segment after another, by `Range` and `If-Range`, at the URL whose answer was the first one's,
//!   after all redirects: a tag identifies bytes of one resource alone (RFC 9110 §8.8.3). Its answer must be 206 and from
//!   that URL, and bring that very segment of an entity with that very tag and size, whole. Segments begin two round
//!   trips ahead of the first connection, as long as lanes take to begin. The first ones are shorter, each by a share, so
//!   that lanes do not all wait for an answer at once.
//! - Nothing is asked for that ends more than [`Lanes::window_bytes`] ahead of the consumer, which gets all in order;
//!   once another archive is on its way from there, too, that ends more than two segments ahead. So of all downloads from
//!   one place a single one holds a window at most.
//! - The first connection carries on until something is there that continues what it brought, and is let go then.
//!   Whatever is odd with a lane until then ends the lanes, and nothing else; afterwards it fails the attempt, and the
//!   next ones have one connection.

use std::collections::BTreeMap;
use std::pin::pin;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll, try_unfold};
use tokio::time::{Duration, Instant};

use super::FetchError;
use super::http::{Answer, Url};
use super::resume::{Continuation, is_strong};
use super::retry::Patience;
use super::source::Source;

/// How much a lane hands over at a time.
const PIECE_BYTES: usize = 256 << 10;
/// How many lanes and segments ahead there are once another archive is on its way, too: one comes, one is asked for.
const IN_COMPANY: usize = 2;

/// When an archive is worth further connections, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// How many further connections there may be.
    pub number: usize,
    /// How much each asks for at a time.
    pub segment_bytes: u64,
    /// How far ahead of the consumer is asked for, and with it how much may wait in memory.
    pub window_bytes: u64,
    /// How much has to come over the first connection before it is judged.
    pub part_bytes: u64,
    /// How much must be under way at a time on average.
    pub in_flight_bytes: u64,
    /// How much may wait for the consumer before it counts as lagging.
    pub backlog_bytes: u64,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            number: 6,
            segment_bytes: 3 << 20,
            window_bytes: 24 << 20,
            part_bytes: 4 << 20,
            in_flight_bytes: 1 << 20,
            backlog_bytes: 256 << 10,
        }
    }
}

impl Lanes {
    /// The segments of `size` bytes from `offset` on.
    fn segments(&self, offset: u64, size: u64, etag: &str) -> Vec<Continuation> {
        let (mut segments, mut offset) = (Vec::new(), offset);
        while offset < size {
            let share = (segments.len() + 1).min(self.number) as u64;
            let length = (self.segment_bytes.saturating_mul(share) / self.number.max(1) as u64).clamp(1, size - offset);
            segments.push(Continuation { offset, end: Some(offset + length), etag: etag.to_owned() });
            offset += length;
        }
        segments
    }
}

/// What is downloaded, and by what means.
#[derive(Clone, Copy)]
pub(super) struct Download<'a> {
    pub(super) source: &'a Source,
    pub(super) url: &'a Url,
    pub(super) size: u64,
    pub(super) patience: &'a Patience<'a>,
}

impl Download<'_> {
    fn odd(&self, offset: u64) -> FetchError {
        FetchError::Range { location: self.patience.location(), offset }
    }
}

/// What is fetched ahead of the first connection; nothing, until that is worth it.
pub(super) struct Ahead<'a> {
    download: Download<'a>,
    lanes: &'a Lanes,
    round_trip: Duration,
    /// Where the first answer is from.
    target: Url,
    /// What identifies the entity; `None` when there must be no lanes, or are some already.
    etag: Option<String>,
    /// When the part that is measured began, and how much of it has come.
    part: Option<(Instant, u64)>,
    /// Where the consumer is.
    position: u64,
    /// What is to be asked for, the last first.
    segments: Vec<Continuation>,
    under_way: SelectAll<BoxStream<'a, Result<(u64, Bytes), FetchError>>>,
    landed: BTreeMap<u64, Bytes>,
    failure: Option<FetchError>,
}

impl<'a> Ahead<'a> {
    /// Ahead of the connection of the first answer; in one piece without lanes.
    pub(super) fn of(download: Download<'a>, first: &Answer, in_one_piece: bool) -> Self {
        let lanes = download.source.client().lanes();
        let takes_ranges = first.header("accept-ranges").is_none_or(|unit| !unit.eq_ignore_ascii_case("none"));
        let is_web = matches!(download.source, Source::Web(_));
        let may_have_lanes = is_web && takes_ranges && !in_one_piece && lanes.number > 0;
        let etag = first.header("etag").filter(|etag| may_have_lanes && is_strong(etag));
        Self {
            download,
            lanes,
            round_trip: first.round_trip(),
            target: first.url().clone(),
            etag: etag.map(str::to_owned),
            part: None,
            position: 0,
            segments: Vec::new(),
            under_way: SelectAll::new(),
            landed: BTreeMap::new(),
            failure: None,
        }
    }

    /// Judges the first connection by a chunk that makes the bytes `arrived`, and opens lanes if that is worth it: says
    /// whether it did. So many chunks wait for the consumer, about as large as this one.
    pub(super) fn judge(&mut self, chunk: usize, arrived: u64, backlog_chunks: usize) -> bool {
        let Self { lanes, download, .. } = *self;
        let now = Instant::now();
        let (began, bytes) = match self.part {
            _ if self.etag.is_none() => return false,
            Some((began, bytes)) if (chunk * backlog_chunks) as u64 <= lanes.backlog_bytes => {
                (began, bytes + chunk as u64)
            }
            // What came with a lag, or before the first chunk, tells nothing of the connection.
            _ => (now, 0),
        };
        self.part = Some((began, bytes));
        if bytes < lanes.part_bytes {
            return false;
        }
        self.part = Some((now, 0));
        let in_flight = bytes as f64 * self.round_trip.as_secs_f64() / (now - began).as_secs_f64().max(1e-9);
        let distance = ((2.0 * in_flight) as u64).min(lanes.window_bytes / 2);
        let left = download.size.saturating_sub(arrived);
        let is_distant = in_flight >= lanes.in_flight_bytes as f64;
        let has_company = download.source.client().has_several_downloads();
        if !is_distant || left < distance + lanes.window_bytes / 2 || has_company {
            return false;
        }
        let Some(etag) = self.etag.take() else { return false };
        self.segments = lanes.segments(arrived + distance, download.size, &etag);
        self.segments.reverse();
        true
    }

    /// Awaits what comes next from `position` on, where the consumer is: of the first connection, which is let go once
    /// lanes are ahead of it, or of lanes; `None` at the end.
    pub(super) async fn next(
        &mut self,
        first: &mut Option<Answer>,
        position: u64,
    ) -> Result<Option<Bytes>, FetchError> {
        let Download { size, patience, .. } = self.download;
        let Some(answer) = first else {
            return match self.landing(position).await {
                None if position < size => Err(self.failure.take().unwrap_or_else(|| self.download.odd(position))),
                piece => Ok(piece),
            };
        };
        tokio::select! {
            biased;
            Some(piece) = self.landing(position) => {
                *first = None;
                Ok(Some(piece))
            }
            chunk = answer.next_chunk(patience, position, size) => chunk,
        }
    }

    /// Awaits what lanes bring from `position` on; `None` when nothing will come.
    async fn landing(&mut self, position: u64) -> Option<Bytes> {
        self.position = position;
        loop {
            while let Some(piece) = self.landed.first_entry().filter(|piece| *piece.key() <= position) {
                let (offset, mut bytes) = piece.remove_entry();
                let overtaken = usize::try_from(position - offset).unwrap_or(usize::MAX);
                if overtaken < bytes.len() {
                    bytes.advance(overtaken);
                    return Some(bytes);
                }
            }
            self.ask();
            if self.under_way.is_empty() {
                return None;
            }
            let landed = self.under_way.next().await;
            self.land(landed);
        }
    }

    /// Awaits something else, while the lanes go on.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            self.ask();
            tokio::select! {
                done = &mut work => return done,
                landed = self.under_way.next(), if !self.under_way.is_empty() => self.land(landed),
            }
        }
    }

    fn ask(&mut self) {
        let Lanes { mut number, segment_bytes, mut window_bytes, .. } = *self.lanes;
        if self.download.source.client().has_several_downloads() {
            number = number.min(IN_COMPANY);
            window_bytes = window_bytes.min(segment_bytes.saturating_mul(IN_COMPANY as u64));
        }
        let reach = self.position.saturating_add(window_bytes);
        while self.under_way.len() < number
            && let Some(segment) = self.segments.pop_if(|segment| segment.end.is_some_and(|end| end <= reach))
        {
            if let Some(end) = segment.end.filter(|end| *end > self.position) {
                let (download, target, at) = (self.download, self.target.clone(), segment.offset);
                let lane = Lane { download, target, segment, end, at, answer: None, rest: Bytes::new() };
                self.under_way.push(try_unfold(lane, Lane::piece).boxed());
            }
        }
    }

    /// Takes what lanes brought; nothing, where all segments that were under way have ended, and the next may be asked for.
    fn land(&mut self, landed: Option<Result<(u64, Bytes), FetchError>>) {
        match landed {
            None => {}
            Some(Ok((offset, bytes))) => _ = self.landed.insert(offset, bytes),
            Some(Err(failure)) => {
                self.failure = Some(failure);
                self.segments.clear();
                self.under_way.clear();
                self.landed.clear();
            }
        }
    }
}

/// A segment that is asked for, or is arriving.
struct Lane<'a> {
    download: Download<'a>,
    target: Url,
    segment: Continuation,
    end: u64,
    /// How far it has come.
    at: u64,
    answer: Option<Answer>,
    /// What has come after the last piece.
    rest: Bytes,
}

impl Lane<'_> {
    /// The next piece with its offset, and what remains; `None` when the segment is whole.
    async fn piece(self) -> Result<Option<((u64, Bytes), Self)>, FetchError> {
        let odd = self.download.odd(self.at);
        // What is wrong with a lane may be right with a connection that is alone: no failure is final.
        self.bring().await.map_err(|error| if error.is_transient() { error } else { odd })
    }

    async fn bring(mut self) -> Result<Option<((u64, Bytes), Self)>, FetchError> {
        let Download { size, patience, .. } = self.download;
        let offset = self.at;
        let mut answer = match self.answer.take() {
            Some(answer) => answer,
            None => self.ask().await?,
        };
        if offset == self.end {
            let goes_on = !self.rest.is_empty() || answer.next_chunk(patience, offset, size).await?.is_some();
            return if goes_on { Err(self.download.odd(offset)) } else { Ok(None) };
        }
        let length = usize::try_from(self.end - offset).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut piece = Vec::with_capacity(length);
        while piece.len() < length {
            if self.rest.is_empty() {
                let chunk = answer.next_chunk(patience, offset + piece.len() as u64, size).await?;
                self.rest = chunk.ok_or_else(|| self.download.odd(offset))?;
            }
            // A copy, since the transport's buffer may be many times as large as what is in it.
            piece.extend_from_slice(&self.rest.split_to(self.rest.len().min(length - piece.len())));
        }
        self.at += length as u64;
        self.answer = Some(answer);
        Ok(Some(((offset, piece.into()), self)))
    }

    /// The head of the segment's answer. Where `target` may redirect to is judged as if the user had named it, which is
    /// never more lenient; but then the answer is not from there.
    async fn ask(&self) -> Result<Answer, FetchError> {
        let Self { download: Download { source, size, patience, .. }, target, segment, .. } = self;
        let answer = source.open(target, patience, Some(segment)).await?;
        let is_same = answer.url() == target && answer.header("etag") == Some(&segment.etag);
        match answer.status() {
            206 if is_same && answer.continues(segment, *size) => Ok(answer),
            206 => Err(self.download.odd(segment.offset)),
            _ => Err(answer.status_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_follow_each_other_to_the_end_and_the_first_are_shorter() {
        let lanes = Lanes { number: 3, segment_bytes: 30, ..Lanes::default() };
        let offsets = |offset, size| -> Vec<_> {
            let segments = lanes.segments(offset, size, "\"1\"");
            segments.iter().map(|segment| (segment.offset, segment.end.unwrap())).collect()
        };
        assert_eq!(offsets(100, 200), [(100, 110), (110, 130), (130, 160), (160, 190), (190, 200)]);
        assert_eq!(offsets(100, 105), [(100, 105)]);
        assert_eq!(offsets(100, 100), []);
    }
}
