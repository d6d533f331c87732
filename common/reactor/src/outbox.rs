//! What a connection still has to send: own bytes, shared memory, ranges of copies and of files, in order.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use super::pages::Pages;
use super::settings::TURN_BUDGET;
use super::system::Watched;
use super::{CompactInstant, Token};

/// The sending side of a connection, whatever the system below.
pub(super) trait Wire {
    /// `more`: a file follows, whose bytes may leave in one packet with these.
    fn write(&mut self, bytes: &[IoSlice<'_>], more: bool) -> io::Result<usize>;
    fn send_file(&mut self, file: &File, offset: u64, len: usize) -> io::Result<usize>;
    fn send_pages(&mut self, pages: &Pages, offset: u64, len: usize) -> io::Result<usize>;
    /// Asks the poll to report, from now on, when the kernel has room again; `watched`: what it reports by now.
    fn watch_writable(&mut self, token: Token, watched: Watched) -> io::Result<()>;
    fn shutdown(&mut self) -> io::Result<()>;
    /// The address of ours to which the peer connected.
    fn local(&self) -> Option<SocketAddr>;
}

/// Slices that go out in one vectored write.
pub(super) const MAX_SLICES: usize = 16;

/// The most bytes of one vectored write: about what a turn has for a connection. More would let the others wait.
const MAX_WRITE: usize = 2 * TURN_BUDGET;
/// The most bytes of copies that are sent at once: no byte is touched, so they take no longer.
const MAX_PAGES: usize = 4 * TURN_BUDGET;

/// A shorter range is copied: a reference and its segment would take as much memory.
const SMALL: usize = 256;
/// A range of at most so many bytes is copied where it would keep [`MAX_PINNED`] times as much alive.
const MAX_COPY: usize = 16 * 1024;
const MAX_PINNED: usize = 4;
/// Copies share a segment up to this length. It is short, because a peer has to take whole segments in time.
const MAX_JOINED: usize = 1024;

/// A worker keeps no more bytes than these for the next outbox.
const MAX_SPARE: usize = 64 * 1024;

/// So many bytes of a segment are progress as its end is: it may stand for many messages.
const STEP: u64 = 4 * 1024;

enum Segment {
    Own { bytes: Vec<u8>, sent: usize },
    Shared { bytes: Arc<[u8]>, range: Range<usize> },
    Pages { pages: Arc<Pages>, offset: u64, left: u64 },
    File { file: Arc<File>, offset: u64, left: u64 },
}

impl Segment {
    fn memory(&self) -> &[u8] {
        match self {
            Self::Own { bytes, sent } => bytes.get(*sent..).unwrap_or_default(),
            Self::Shared { bytes, range } => bytes.get(range.clone()).unwrap_or_default(),
            Self::Pages { .. } | Self::File { .. } => &[],
        }
    }

    fn is_memory(&self) -> bool {
        matches!(self, Self::Own { .. } | Self::Shared { .. })
    }

    fn left(&self) -> u64 {
        match self {
            Self::Pages { left, .. } | Self::File { left, .. } => *left,
            memory => memory.memory().len() as u64,
        }
    }
}

/// Why [`Outbox::flush`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    All,
    /// The kernel takes no more: wait for writability. `progress`: a whole segment, a step of it, or a part of a
    /// file went out;
    /// `moved`: at least a byte did.
    Blocked {
        progress: bool,
        moved: bool,
    },
    /// The turn's budget is used up, and more is queued.
    Budget,
}

/// A queue of segments. Empty, it owns no memory.
#[derive(Default)]
pub(super) struct Outbox(Option<Box<Queue>>);

/// The memory of an outbox that was emptied at once, for the worker's next one: most answers leave as soon as they are written.
#[derive(Default)]
pub(super) struct Spare {
    queue: Option<Box<Queue>>,
    bytes: Vec<u8>,
}

impl Spare {
    fn keep_bytes(&mut self, mut bytes: Vec<u8>) {
        if (self.bytes.capacity()..=MAX_SPARE).contains(&bytes.capacity()) {
            bytes.clear();
            self.bytes = bytes;
        }
    }

    fn keep_queue(&mut self, mut queue: Box<Queue>) {
        if queue.segments.capacity() <= MAX_SLICES {
            queue.stalled_at = None;
            self.queue = Some(queue);
        }
    }
}

#[derive(Default)]
struct Queue {
    segments: VecDeque<Segment>,
    /// When the first segment has to be gone.
    stalled_at: Option<CompactInstant>,
}

impl Outbox {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Bytes left to send, those of files included.
    #[inline]
    pub(super) fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, |queue| queue.len())
    }

    /// Begins an empty outbox, which is to be flushed at once, with own bytes in this memory.
    #[inline]
    pub(super) fn begin(&mut self, spare: &mut Spare) {
        let mut queue = spare.queue.take().unwrap_or_default();
        queue.segments.push_back(Segment::Own { bytes: std::mem::take(&mut spare.bytes), sent: 0 });
        self.0 = Some(queue);
    }

    /// The own bytes at the end, to append to.
    pub(super) fn own(&mut self) -> &mut Vec<u8> {
        self.queue().own()
    }

    /// Queues a range of shared memory: by reference, unless that would hold much more than it stands for.
    pub(super) fn push_shared(&mut self, bytes: &Arc<[u8]>, range: Range<usize>) {
        if !range.is_empty() {
            self.queue().push_shared(bytes, range);
        }
    }

    pub(super) fn push_pages(&mut self, pages: Arc<Pages>, offset: u64, len: u64) {
        if len > 0 {
            self.queue().segments.push_back(Segment::Pages { pages, offset, left: len });
        }
    }

    pub(super) fn push_file(&mut self, file: Arc<File>, offset: u64, len: u64) {
        if len > 0 {
            self.queue().segments.push_back(Segment::File { file, offset, left: len });
        }
    }

    /// When the first segment has to be gone; `None` while the kernel takes it.
    #[inline]
    pub(super) fn stalled_at(&self) -> Option<CompactInstant> {
        self.0.as_ref()?.stalled_at
    }

    /// Sets when the first segment has to be gone, if there is one.
    pub(super) fn set_stalled_at(&mut self, at: Option<CompactInstant>) {
        if let Some(queue) = &mut self.0 {
            queue.stalled_at = at;
        }
    }

    /// Writes what the kernel takes, at most about a turn's budget. What it empties becomes `spare`.
    pub(super) fn flush(&mut self, wire: &mut dyn Wire, spare: &mut Spare) -> io::Result<Flushed> {
        let Some(queue) = &mut self.0 else { return Ok(Flushed::All) };
        let flushed = queue.flush(wire, spare);
        if !queue.segments.is_empty() {
            queue.trim();
        } else if let Some(queue) = self.0.take() {
            spare.keep_queue(queue);
        }
        flushed
    }

    /// Takes everything that is left, if all of it is in memory.
    pub(super) fn take_memory(&mut self) -> Option<Vec<u8>> {
        let Some(queue) = &self.0 else { return Some(Vec::new()) };
        let memory = queue.memory()?;
        self.0 = None;
        Some(memory)
    }

    fn queue(&mut self) -> &mut Queue {
        self.0.get_or_insert_default()
    }
}

impl Queue {
    fn len(&self) -> u64 {
        self.segments.iter().map(Segment::left).sum()
    }

    fn own(&mut self) -> &mut Vec<u8> {
        if !matches!(self.segments.back(), Some(Segment::Own { .. })) {
            self.segments.push_back(Segment::Own { bytes: Vec::new(), sent: 0 });
        }
        match self.segments.back_mut() {
            Some(Segment::Own { bytes, .. }) => bytes,
            _ => unreachable!("own bytes were just put there"),
        }
    }

    fn push_shared(&mut self, bytes: &Arc<[u8]>, range: Range<usize>) {
        let Some(slice) = bytes.get(range.clone()).filter(|slice| !slice.is_empty()) else { return };
        let pins = slice.len() <= MAX_COPY && slice.len().saturating_mul(MAX_PINNED) < bytes.len();
        if slice.len() >= SMALL && !pins {
            return self.segments.push_back(Segment::Shared { bytes: Arc::clone(bytes), range });
        }
        match self.segments.back_mut() {
            Some(Segment::Own { bytes, sent: 0 })
                if bytes.len().saturating_add(slice.len()) <= MAX_JOINED =>
            {
                bytes.extend_from_slice(slice);
            }
            _ => self.segments.push_back(Segment::Own { bytes: slice.to_vec(), sent: 0 }),
        }
    }

    fn flush(&mut self, wire: &mut dyn Wire, spare: &mut Spare) -> io::Result<Flushed> {
        let mut budget = TURN_BUDGET;
        let mut progress = false;
        self.advance(0, spare); // a callback may have queued nothing
        while let Some(front) = self.segments.front_mut() {
            let sent = match front {
                Segment::File { file, offset, left } => {
                    wire.send_file(file, *offset, at_most(TURN_BUDGET, *left))
                }
                Segment::Pages { pages, offset, left } => {
                    wire.send_pages(pages, *offset, at_most(MAX_PAGES, *left))
                }
                _ => self.write_memory(wire),
            };
            let sent = match sent {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()), // the file is shorter than announced
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Flushed::Blocked { progress, moved: budget < TURN_BUDGET });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            progress |= self.advance(sent, spare);
            budget = budget.saturating_sub(sent);
            if budget == 0 && !self.segments.is_empty() {
                return Ok(Flushed::Budget);
            }
        }
        Ok(Flushed::All)
    }

    /// One write of the memory at the front.
    fn write_memory(&self, wire: &mut dyn Wire) -> io::Result<usize> {
        if let (1, Some(only)) = (self.segments.len(), self.segments.front()) {
            let bytes = only.memory(); // most answers
            return wire.write(&[IoSlice::new(bytes.get(..MAX_WRITE).unwrap_or(bytes))], false);
        }
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut count = 0;
        let memory = self.segments.iter().take_while(|segment| segment.is_memory());
        let mut room = MAX_WRITE;
        for (slice, segment) in slices.iter_mut().zip(memory) {
            let bytes = segment.memory();
            let bytes = bytes.get(..room).unwrap_or(bytes);
            *slice = IoSlice::new(bytes);
            count += 1;
            room -= bytes.len();
            if room == 0 {
                break;
            }
        }
        let more = self.segments.get(count).is_some_and(|next| !next.is_memory());
        wire.write(slices.get(..count).unwrap_or_default(), more)
    }

    /// Takes `sent` bytes off the front; true when a segment was finished, came past a step, or is a file that moved on.
    fn advance(&mut self, mut sent: usize, spare: &mut Spare) -> bool {
        let mut progress = false;
        while let Some(front) = self.segments.front_mut() {
            let before = front.left();
            let is_file = matches!(front, Segment::File { .. });
            let taken = sent.min(usize::try_from(before).unwrap_or(usize::MAX));
            match front {
                Segment::Own { sent: done, .. } => *done += taken,
                Segment::Shared { range, .. } => range.start += taken,
                Segment::Pages { offset, left, .. } | Segment::File { offset, left, .. } => {
                    *offset += taken as u64;
                    *left -= taken as u64;
                }
            }
            sent -= taken;
            progress |= (is_file && taken > 0) || before / STEP > front.left() / STEP;
            if front.left() > 0 {
                break;
            }
            if let Some(Segment::Own { bytes, .. }) = self.segments.pop_front() {
                spare.keep_bytes(bytes);
            }
            progress = true;
        }
        progress
    }

    /// What waits takes no more than a few times its length, though it may have begun in memory of a longer one.
    fn trim(&mut self) {
        for segment in &mut self.segments {
            if let Segment::Own { bytes, .. } = segment
                && bytes.capacity() > bytes.len().saturating_mul(MAX_PINNED)
            {
                bytes.shrink_to_fit();
            }
        }
    }

    /// Everything that is left; `None` if part of it is a file.
    fn memory(&self) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::File { .. } => return None,
                Segment::Pages { pages, offset, left } => {
                    let start = all.len();
                    all.resize(start.saturating_add(usize::try_from(*left).ok()?), 0);
                    pages.read(*offset, all.get_mut(start..)?).ok()?;
                }
                memory => all.extend_from_slice(memory.memory()),
            }
        }
        Some(all)
    }
}

/// How many of the bytes of a file are sent at a time.
fn at_most(most: usize, left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(most)
}

#[cfg(test)]
mod tests;
