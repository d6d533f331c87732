//! What clients hear beside the stream, leave notices and the messages of other clients: one numbered list for all workers.
//!
//! ```text
//!  worker 0 ── News ──▶ ┌──── NoticeBoard ────┐ ──▶ NoticeReader of worker 0 ──▶ its subscribers
//!  worker 1 ── News ──▶ │ … 41 42 43 44       │ ──▶ NoticeReader of worker 1 ──▶ its subscribers
//!                       └─────────────────────┘      a subscriber has all up to its own number
//! ```
//!
//! What not all workers have passed on stays on the board, and goes to the next process with it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use super::departures::{Departures, LeaveNotices};
use crate::connection::Notice;

/// Most notices that wait for a worker; the oldest make room.
const MAX_NOTICES: usize = 1024;
/// Most bytes that they hold; the newest one stays even if it alone is larger.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Departures and client messages of one turn of a worker.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) departures: Departures,
    pub(crate) notices: Vec<Notice>,
}

impl News {
    fn is_empty(&self) -> bool {
        self.departures.is_empty() && self.notices.is_empty()
    }
}

/// The board as plain data, for the next process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NoticeState {
    /// The number of the next notice; those of `notices` end before it.
    pub(crate) next: u64,
    /// Notices that not all clients have, the oldest first.
    pub(crate) notices: Vec<Notice>,
    /// Departures that no notice has announced yet.
    pub(crate) departures: Departures,
    /// When the leave notices of the last second went out.
    pub(crate) sent_at: Vec<Instant>,
}

/// Shared by all workers.
#[derive(Debug)]
pub(crate) struct NoticeBoard {
    /// The number of the newest notice: with it, a turn without news takes no lock.
    newest: AtomicU64,
    /// Departures wait for the next second.
    has_departures: AtomicBool,
    /// Workers that still adopt connections of the previous process. Until all are there, nobody hears anything.
    adopting: AtomicUsize,
    list: Mutex<List>,
}

#[derive(Debug)]
struct List {
    /// The number of `notices[0]`.
    first: u64,
    notices: VecDeque<Arc<Notice>>,
    bytes: usize,
    /// By worker: the newest notice that all its subscribers have passed.
    passed: Vec<u64>,
    /// One limit for all clients: they hear the same notices.
    leave_notices: LeaveNotices,
}

impl NoticeBoard {
    /// The board of so many workers, which goes on where that of the previous process stopped.
    pub(crate) fn new(workers: usize, per_second: usize, previous: Option<&NoticeState>) -> Self {
        let mut list = List {
            first: 1,
            notices: VecDeque::new(),
            bytes: 0,
            passed: Vec::new(),
            leave_notices: LeaveNotices::new(per_second),
        };
        if let Some(previous) = previous {
            list.first = previous.next.saturating_sub(previous.notices.len() as u64).max(1);
            previous.notices.iter().for_each(|notice| list.push(notice.clone()));
            list.leave_notices.resume(&previous.departures, &previous.sent_at);
        }
        list.passed = vec![list.first.saturating_sub(1); workers];
        Self {
            newest: AtomicU64::new(list.next().saturating_sub(1)),
            has_departures: AtomicBool::new(!list.leave_notices.waiting().is_empty()),
            adopting: AtomicUsize::new(if previous.is_some() { workers } else { 0 }),
            list: Mutex::new(list),
        }
    }

    /// A thread that panicked leaves nothing half done behind this lock.
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over another limit of leave notices.
    pub(crate) fn limit(&self, per_second: usize) {
        self.list().leave_notices.limit(per_second);
    }

    /// The number of the newest notice: a newcomer gets those after it.
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    fn is_ready(&self) -> bool {
        self.adopting.load(Ordering::Acquire) == 0
    }

    /// A worker has adopted all its connections; true for the last one.
    pub(crate) fn finish_adopting(&self) -> bool {
        let one_less = |count: usize| count.checked_sub(1);
        self.adopting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less) == Ok(1)
    }

    /// Puts up the news of one worker, and the leave notices that may go out now. True if this concerns the other workers:
    /// they have to be woken.
    pub(crate) fn post(&self, news: &mut News, now: Instant) -> bool {
        if news.is_empty() && !self.has_departures.load(Ordering::Acquire) {
            return false;
        }
        let mut list = self.list();
        let next = list.next();
        list.add(std::mem::take(news));
        if self.is_ready() {
            let mut texts = Vec::new();
            list.leave_notices.take_texts(now, |text| texts.push(text));
            for text in texts {
                list.push(Notice::from_server(text));
            }
        }
        let waits = !list.leave_notices.waiting().is_empty();
        let began_to_wait = waits && !self.has_departures.swap(waits, Ordering::AcqRel);
        self.has_departures.store(waits, Ordering::Release);
        self.newest.store(list.next().saturating_sub(1), Ordering::Release);
        began_to_wait || list.next() != next
    }

    /// Puts up what a worker that has ended has left.
    pub(crate) fn post_last(&self, news: News) {
        self.list().add(news);
    }

    /// When the next leave notice may go out, if one waits.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let waits = self.has_departures.load(Ordering::Acquire) && self.is_ready();
        waits.then(|| self.list().leave_notices.next()).flatten()
    }

    /// The notices after `number` that are still up, and their numbers.
    pub(super) fn after(&self, number: u64) -> Vec<(u64, Arc<Notice>)> {
        if number >= self.newest() {
            return Vec::new();
        }
        let list = self.list();
        let later = |(number, _): &(u64, Arc<Notice>)| Some(list.after(*number)).flatten();
        std::iter::successors(list.after(number), later).collect()
    }

    /// Everything that not all clients have heard. No worker runs any more.
    pub(crate) fn state(&self) -> NoticeState {
        let list = self.list();
        NoticeState {
            next: list.next(),
            notices: list.notices.iter().map(|notice| Notice::clone(notice)).collect(),
            departures: list.leave_notices.waiting().clone(),
            sent_at: list.leave_notices.sent_at().collect(),
        }
    }
}

impl List {
    /// The number of the next notice.
    fn next(&self) -> u64 {
        self.first.saturating_add(self.notices.len() as u64)
    }

    fn add(&mut self, news: News) {
        self.leave_notices.add(&news.departures);
        news.notices.into_iter().for_each(|notice| self.push(notice));
    }

    fn push(&mut self, notice: Notice) {
        self.bytes = self.bytes.saturating_add(notice.held());
        self.notices.push_back(Arc::new(notice));
        while self.notices.len() > 1 && (self.notices.len() > MAX_NOTICES || self.bytes > MAX_BYTES) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(gone) = self.notices.pop_front() {
            self.first = self.first.saturating_add(1);
            self.bytes = self.bytes.saturating_sub(gone.held());
        }
    }

    /// All subscribers of this worker have passed the notices up to `number`.
    fn pass(&mut self, worker: usize, number: u64) {
        if let Some(passed) = self.passed.get_mut(worker) {
            *passed = number;
        }
        let all = self.passed.iter().copied().min().unwrap_or(number);
        while self.first <= all && !self.notices.is_empty() {
            self.pop();
        }
    }

    /// The first notice after `number` that is still there, and its number.
    fn after(&self, number: u64) -> Option<(u64, Arc<Notice>)> {
        let next = number.saturating_add(1).max(self.first);
        let at = usize::try_from(next.saturating_sub(self.first)).ok()?;
        self.notices.get(at).map(|notice| (next, Arc::clone(notice)))
    }
}

/// How far one worker is with the notices.
#[derive(Debug)]
pub(crate) struct NoticeReader {
    board: Arc<NoticeBoard>,
    worker: usize,
    /// The number of the newest notice that [`NoticeReader::next`] has given.
    begun: u64,
    /// What the board knows as passed.
    passed: u64,
    /// Notices that had made room before this worker came to them.
    dropped: u64,
}

impl NoticeReader {
    /// The place of worker `worker`, at the oldest notice.
    pub(crate) fn new(board: Arc<NoticeBoard>, worker: usize) -> Self {
        let begun = board.list().first.saturating_sub(1);
        Self { board, worker, begun, passed: begun, dropped: 0 }
    }

    pub(crate) fn board(&self) -> &NoticeBoard {
        &self.board
    }

    /// The next notice and its number; the one before has gone to all subscribers of this worker.
    pub(crate) fn next(&mut self) -> Option<(u64, Arc<Notice>)> {
        let has_news = self.begun < self.board.newest() && self.board.is_ready();
        if !has_news && self.passed == self.begun {
            return None;
        }
        let mut list = self.board.list();
        list.pass(self.worker, self.begun);
        self.passed = self.begun;
        let (number, notice) = if has_news { list.after(self.begun)? } else { return None };
        let missed = number.saturating_sub(self.begun).saturating_sub(1);
        self.dropped = self.dropped.saturating_add(missed);
        self.begun = number;
        Some((number, notice))
    }

    /// How many notices were dropped since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connection::Payload;

    const MILLI: Duration = Duration::from_millis(1);

    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
    fn start() -> Instant {
        Instant::now() + Duration::from_secs(1_000_000)
    }

    fn left(ids: impl IntoIterator<Item = u64>) -> News {
        let mut news = News::default();
        ids.into_iter().for_each(|id| news.departures.push(id, 20));
        news
    }

    fn said(text: &str) -> News {
        let notice = Notice { from: 7, payload: Payload::Text(text.to_owned()) };
        News { notices: vec![notice], ..News::default() }
    }

    /// What a worker gives its subscribers now.
    fn heard(reader: &mut NoticeReader) -> Vec<(u64, String)> {
        let text = |(number, notice): (u64, Arc<Notice>)| match &notice.payload {
            Payload::Text(text) => (number, text.clone()),
            Payload::Binary(_) => unreachable!("only texts are posted here"),
        };
        std::iter::from_fn(|| reader.next()).map(text).collect()
    }

    fn board(workers: usize, previous: Option<&NoticeState>) -> (Arc<NoticeBoard>, Vec<NoticeReader>) {
        let board = Arc::new(NoticeBoard::new(workers, 20, previous));
        let readers = (0..workers).map(|worker| NoticeReader::new(Arc::clone(&board), worker)).collect();
        (board, readers)
    }

    #[test]
    fn every_worker_hears_all_in_one_order_and_what_all_have_passed_is_gone() {
        let (board, mut readers) = board(2, None);
        assert!(board.post(&mut left([5]), start()));
        assert!(board.post(&mut said("hello"), start()));
        let expected = [(1, "5 disconnected".to_owned()), (2, "hello".to_owned())];
        assert_eq!(heard(&mut readers[0]), expected);
        assert_eq!(board.state().notices.len(), 2, "the other worker has not passed them");
        assert_eq!(heard(&mut readers[1]), expected);
        assert_eq!(board.state().notices.len(), 0);
        assert!(!board.post(&mut News::default(), start()));
    }

    #[test]
    fn one_limit_holds_for_all_workers_and_over_a_restart() {
        let t0 = start();
        let (board, mut readers) = board(2, None);
        board.post(&mut left(0..15), t0);
        board.post(&mut left(20..40), t0 + MILLI);
        let first = heard(&mut readers[0]);
        assert_eq!(first.len(), 20);
        assert_eq!(first[19].1, "16 disconnected");
        assert!(board.post(&mut left([50]), t0 + MILLI), "the others have to know when it is due");
        assert!(!board.post(&mut left([51]), t0 + MILLI), "they know it");
        let (board, mut readers) = self::board(3, Some(&board.state()));
        assert_eq!([(); 3].map(|()| board.finish_adopting()), [false, false, true]);
        assert!(!board.post(&mut News::default(), t0 + 999 * MILLI));
        assert_eq!(board.next_due(), Some(t0 + 1000 * MILLI));
        assert!(board.post(&mut News::default(), t0 + 1000 * MILLI));
        let heard = heard(&mut readers[2]);
        assert_eq!(heard[20..], [(21, "50 disconnected".to_owned()), (22, "51 disconnected".to_owned())]);
    }

    #[test]
    fn nobody_hears_anything_before_all_workers_have_adopted_their_connections() {
        let state = NoticeState { next: 42, notices: said("old").notices, ..NoticeState::default() };
        let (board, mut readers) = board(2, Some(&state));
        board.post(&mut left([5]), start());
        assert!(!board.finish_adopting());
        assert_eq!(heard(&mut readers[0]), []);
        assert_eq!(board.next_due(), None);
        assert!(board.finish_adopting());
        assert!(board.post(&mut News::default(), start()));
        let expected = [(41, "old".to_owned()), (42, "5 disconnected".to_owned())];
        assert_eq!(heard(&mut readers[0]), expected);
        assert_eq!(heard(&mut readers[1]), expected);
        assert_eq!(board.newest(), 42);
    }

    #[test]
    fn a_worker_that_stands_still_loses_the_oldest_and_costs_the_others_nothing() {
        let (board, mut readers) = board(2, None);
        for _ in 0..MAX_NOTICES + 10 {
            board.post(&mut said("x"), start());
            assert_eq!(heard(&mut readers[0]).len(), 1);
        }
        assert_eq!(heard(&mut readers[1]).len(), MAX_NOTICES);
        assert_eq!((readers[0].take_dropped(), readers[1].take_dropped()), (0, 10));
    }

    #[test]
    fn the_list_is_bounded_in_bytes_and_the_newest_always_stays() {
        let (board, mut readers) = board(1, None);
        for _ in 0..100 {
            board.post(&mut said(&"x".repeat(MAX_BYTES / 10)), start());
        }
        board.post(&mut said(&"y".repeat(MAX_BYTES * 2)), start());
        assert_eq!(heard(&mut readers[0]).len(), 1);
    }

    #[test]
    fn what_a_worker_has_left_at_its_end_goes_to_the_next_process() {
        let (board, _readers) = board(2, None);
        board.post_last(left([5]));
        board.post_last(said("bye"));
        let state = board.state();
        assert_eq!((state.next, state.notices.len(), state.departures.ids.as_slice()), (2, 1, &[5][..]));
    }
}
