//! Which connections get it: a broadcast takes one date, the new lines or one notice to many connections, a bounded number of
//! them in each turn, so that accepts and pongs wait for one slice of it at most.
//!
//! ```text
//!  Stream::Paced ── due ──▶ Task::Date ────┐
//!  Stream::Buffer ─ new ──▶ Task::Ring ────┼──▶ Cursor over Subscribers ──▶ Connection::{send_date, send_next, send_notice}
//!  NoticeBoard ── next ───▶ Task::Notice ──┘
//! ```

mod board;
mod cursor;
mod departures;
mod fanout;
mod state;
mod subscribers;

pub(crate) use self::{
    board::{NoticeBoard, NoticeReader, NoticeState},
    departures::{Departures, NoticeOptions},
    fanout::Fanout,
    state::{put_departures, put_notices, take_departures, take_notices},
};
