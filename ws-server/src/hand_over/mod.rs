//! What ws-server hands to the next process, and takes up from the one before: the connections, the numbers, the beat of
//! the dates, and the source.
//!
//! The bytes have a format with a number. A process that does not know it closes the connections with 1012, by the farewell
//! that each brings along; what stands in `format-1.txt` must be read for ever.

mod connection;
mod state;
#[cfg(test)]
mod tests;

use std::{
    ops::RangeInclusive,
    sync::Arc,
    time::{Duration, Instant},
};

use common::frame::CloseCode;
use daemon::{
    HandedOver,
    hand_over::{self, DaemonState},
};
use reactor::{CloseReason, Context, Ended, Exported, Flow};

pub(crate) use state::{Moment, State};

use crate::{
    clock::{Beat, Schedule},
    config::Config,
    connection::{self as conn, Conn},
    handler::{RESTARTING, WsHandler},
    source::{self, Producer, SourceKind},
};

/// The format that is written.
const FORMAT: u32 = 1;
/// The formats that can be read.
pub(crate) const FORMATS: RangeInclusive<u32> = 1..=FORMAT;

/// Gives everything to the service manager; if it does not take it, the clients are told to come back.
pub(crate) fn store(ended: Vec<Ended<WsHandler>>, source: &SourceKind, left: Vec<Producer>) {
    let legacy = legacy(ended, source, left);
    match hand_over::store(&legacy) {
        Ok(()) => log::info!("{} live connections wait for the next process", legacy.connections.len()),
        Err(error) => {
            log::error!("the live connections cannot be handed over and are closed (1012): {error}");
            hand_over::send_closing_bytes(legacy);
        }
    }
}

/// Puts together what the next process gets.
fn legacy(ended: Vec<Ended<WsHandler>>, source: &SourceKind, left: Vec<Producer>) -> HandedOver {
    let mut state = State { source: source.to_string(), ..State::default() };
    let mut connections = Vec::new();
    for Ended { handler, exported } in ended {
        handler.write_down(&mut state);
        connections.extend(exported);
    }
    let mut others = Vec::new();
    for Producer { descriptor, partial } in left {
        others.push(descriptor);
        state.partials.push(partial);
    }
    let writer = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned();
    let stream = DaemonState { format: FORMAT, writer, state: state.to_bytes(moment()) };
    HandedOver { stream, others, connections }
}

/// What the process before this one left: its state, and of the source what is still the same.
pub(crate) fn past(legacy: Option<&mut HandedOver>, config: &Config) -> (Option<State>, Vec<Producer>) {
    let Some(legacy) = legacy else { return (None, Vec::new()) };
    let Some(mut state) = State::from_bytes(&legacy.stream.state, moment()) else {
        // A connection's place in a stream that is not known means nothing: it gets its farewell.
        for connection in &mut legacy.connections {
            connection.exported.state = Vec::new();
        }
        return (None, Vec::new());
    };
    let descriptors = std::mem::take(&mut legacy.others);
    let partials = std::mem::take(&mut state.partials);
    if state.source != config.source.to_string() {
        // Another source now: nobody is to connect to the old one.
        _ = state.source.parse().map(|kind| source::remove_socket(&kind));
        return (Some(state), Vec::new());
    }
    let producer = |(descriptor, partial)| Producer { descriptor, partial };
    (Some(state), descriptors.into_iter().zip(partials).map(producer).collect())
}

/// The two readings of the monotonic clock at once.
#[allow(clippy::disallowed_methods, reason = "outside of the event loop nobody tells the time")]
fn moment() -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default());
    let nanos = Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default());
    Moment { instant: Instant::now(), since_boot: seconds.saturating_add(nanos) }
}

/// Of the beats of two workers the one that has more to do: what one of them sent last, the other may still have to send.
fn behind(one: Option<Beat>, other: Option<Beat>) -> Option<Beat> {
    one.into_iter().chain(other).min_by_key(|beat| beat.next)
}

impl WsHandler {
    /// Adds what this worker knows.
    pub(crate) fn write_down(&self, state: &mut State) {
        state.next_id = state.next_id.max(self.next_id);
        state.next_line = self.shared.progress.next();
        state.beat = behind(state.beat, self.stream.clock.as_ref().map(Schedule::beat));
        let has_more = self.stream.ring.next() > state.ring.last().map(|batch| batch.next());
        if has_more {
            state.ring = self.stream.ring.batches().map(Arc::clone).collect();
        }
        // Every worker is told about everybody, but the last words may not have come.
        state.left.merge(self.fanout.untold());
        state.left.merge(&self.left);
    }

    /// What the next process has to know of a connection.
    pub(crate) fn write_connection(
        &mut self,
        conn: &mut Conn,
        partial: usize,
        cx: &mut Context<'_>,
    ) -> Option<Exported> {
        if let conn::State::WebSocket(socket) = &mut conn.state
            && socket.protocol.is_open()
            && (partial > 0 || socket.protocol.is_amid_frame())
        {
            // Its client is told to come back; the next process sees its closing handshake through.
            socket.protocol.close(CloseCode::RESTART, RESTARTING, cx.out());
            cx.set_deadline(crate::handler::after(cx.now(), self.config.close_timeout));
        }
        let state = connection::to_bytes(conn, self.stream.has(conn), cx.now())?;
        self.counts.closed(CloseReason::HandedOver, None);
        Some(Exported { state, closing_bytes: connection::farewell(conn) })
    }

    /// A connection of the process before this one goes on.
    pub(crate) fn read_connection(&mut self, bytes: &[u8], cx: &mut Context<'_>) -> Option<(Conn, Flow)> {
        let mut conn = connection::from_bytes(bytes, cx.now())?;
        if let conn::State::WebSocket(socket) = &mut conn.state {
            socket.protocol.limit(self.config.messages);
        }
        let has_joined = match &conn.state {
            conn::State::Opening { .. } => false,
            conn::State::WebSocket(socket) => !socket.protocol.is_awaiting_key(),
            _ => true,
        };
        if conn.member.id == 0 || !has_joined {
            return Some((conn, Flow::Continue));
        }
        let flow = self.rejoin(&mut conn, cx);
        Some((conn, flow))
    }
}
