//! What goes to many: dates first, then the ring, then announcements. Cut into pieces, so that accepts and pongs never
//! wait behind a broadcast.

use std::{collections::VecDeque, time::Instant};

use reactor::{Flow, Token, Turn};

use crate::{
    announcement::{Announcement, Encodings},
    config::Config,
    connection::Conn,
    metrics::Counts,
    notices::{Left, Notices},
    ring::Position,
    room::{Room, Walk},
    stream::{Date, Stream},
};

/// Connections that are visited in one turn.
const VISITS: usize = 256;
/// Announcements that wait; more are dropped and counted.
const MAX_WAITING: usize = 1024;

/// One broadcast on its way.
#[derive(Debug)]
enum Task {
    /// A date, to one phase.
    Date(Date),
    /// Everything up to this position, to all; the oldest of it came up then.
    Ring(Option<Instant>),
    /// An announcement with its number, to all.
    Announce(u64, Announcement, Encodings),
}

/// The broadcasts of one worker.
#[derive(Debug)]
pub(crate) struct Fanout {
    task: Option<(Task, Walk)>,
    /// How far everybody who can be was brought.
    passed: Position,
    /// Where the ring ended when the pass that goes on began.
    target: Position,
    announcements: VecDeque<Announcement>,
    /// The number of the newest announcement that was begun.
    announced: u64,
    dropped: u64,
    notices: Notices,
}

impl Fanout {
    /// Nothing to send.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            task: None,
            passed: Position::default(),
            target: Position::default(),
            announcements: VecDeque::new(),
            announced: 0,
            dropped: 0,
            notices: Notices::new(config.notice_rate),
        }
    }

    /// What may change while it runs.
    pub(crate) fn configure(&mut self, config: &Config) {
        self.notices.limit(config.notice_rate);
    }

    /// Somebody left.
    pub(crate) fn left(&mut self, left: &Left) {
        self.notices.add(left);
    }

    /// Who left, and nobody was told yet.
    pub(crate) fn untold(&self) -> &Left {
        self.notices.waiting()
    }

    /// Adds an announcement; too many are dropped.
    pub(crate) fn announce(&mut self, announcement: Announcement) {
        if self.announcements.len() < MAX_WAITING {
            self.announcements.push_back(announcement);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Announcements that were dropped since the last question.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// The number of the newest announcement that was begun: a newcomer gets those after it.
    pub(crate) fn announced(&self) -> u64 {
        self.announced
    }

    /// When there is something to say again.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.notices.next()
    }

    /// Sends a piece of what is due; true if there is more.
    pub(crate) fn run(
        &mut self,
        config: &Config,
        stream: &mut Stream,
        room: &Room,
        counts: &mut Counts,
        turn: &mut Turn<'_, Conn>,
    ) -> bool {
        let mut visits = VISITS;
        loop {
            if self.task.is_none() {
                self.task = self.next_task(config, stream, room, turn.now());
            }
            let Some((task, walk)) = &mut self.task else { return false };
            let before = stream.sent.get();
            while let Some((token, framing)) = walk.next(room) {
                visit(task, stream, token, framing, turn);
                visits = visits.saturating_sub(1);
                if visits == 0 {
                    count(task, stream.sent.get().wrapping_sub(before), turn.now(), counts);
                    return true;
                }
            }
            count(task, stream.sent.get().wrapping_sub(before), turn.now(), counts);
            if matches!(task, Task::Ring(_)) {
                self.passed = self.target;
            }
            self.task = None;
        }
    }

    fn next_task(
        &mut self,
        config: &Config,
        stream: &mut Stream,
        room: &Room,
        now: Instant,
    ) -> Option<(Task, Walk)> {
        if let Some(task) = Self::next_date(config, stream, room, now) {
            return Some(task);
        }
        if self.passed != stream.ring.end() {
            self.target = stream.ring.end();
            return Some((Task::Ring(stream.due.take()), Walk::all(room)));
        }
        let Self { notices, announcements, .. } = self;
        notices.say(now, |text| announcements.push_back(Announcement::notice(text)));
        let announcement = self.announcements.pop_front()?;
        self.announced = self.announced.saturating_add(1);
        Some((Task::Announce(self.announced, announcement, Encodings::default()), Walk::all(room)))
    }

    fn next_date(config: &Config, stream: &mut Stream, room: &Room, now: Instant) -> Option<(Task, Walk)> {
        if stream.clock_in_ring {
            // The ring has a history: it is written for nobody, too.
            let slot = stream.clock.as_mut()?.take_due(now, |_| true)?;
            stream.taken = Some(slot);
            stream.publish_date(config, slot);
            return None;
        }
        let clock = stream.clock.as_mut()?;
        let slot = clock.take_due(now, |phase| room.has_phase(phase))?;
        stream.taken = Some(slot);
        let text = Stream::text_of(config, clock, slot);
        let due = clock.start_of(slot).unwrap_or(now);
        let date =
            Date { number: clock.number_of(slot), text, encodings: Encodings::default(), due, sent: 0 };
        Some((Task::Date(date), Walk::phase(clock.phase_of(slot))))
    }
}

/// Counts how many messages left in this turn, and how late; `lines` are those of the ring.
fn count(task: &mut Task, lines: u64, now: Instant, counts: &mut Counts) {
    let late = |due: Instant| now.saturating_duration_since(due);
    match task {
        Task::Date(date) => {
            let dates = std::mem::take(&mut date.sent);
            counts.messages(dates);
            counts.late(dates, late(date.due));
        }
        Task::Ring(Some(due)) => counts.late(lines, late(*due)),
        Task::Ring(None) | Task::Announce(..) => {}
    }
}

fn visit(
    task: &mut Task,
    stream: &Stream,
    token: Token,
    framing: common::framing::Framing,
    turn: &mut Turn<'_, Conn>,
) {
    turn.visit(token, |conn, cx| match task {
        Task::Date(date) => date.send(conn, framing, cx),
        Task::Ring(_) => stream.catch_up(conn, cx),
        Task::Announce(number, announcement, encodings) => {
            let met = std::mem::replace(&mut conn.member.announcement, *number) >= *number;
            let is_own = announcement.except != 0 && announcement.except == conn.member.id;
            if !met && !is_own && conn.is_open() && !cx.is_blocked() && cx.queued() == 0 {
                let bytes = encodings.get(framing, |out| announcement.encode(framing, out));
                cx.send_shared(&bytes, 0..bytes.len());
            }
            Flow::Continue
        }
    });
}
