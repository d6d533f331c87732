//! Reads a bounded amount into the worker's one buffer, and keeps what the handler does not consume as the tail.

use std::io;

use super::serving::Served;
use crate::connection::Lifecycle;
use crate::eviction::EvictionClass;
use crate::settings::{MAX_TAIL, TURN_BUDGET, TURN_CONNECTIONS};
use crate::system::{System, is_shortage};
use crate::{CloseReason, Flow, Handler, Progress};

impl<H: Handler, S: System> Served<'_, H, S> {
    /// Reads and delivers, at most a turn's budget, and what a handler takes in [`TURN_CONNECTIONS`] calls.
    pub(super) fn read(&mut self) {
        let mut buffer = std::mem::take(self.buffer);
        let mut budget = TURN_BUDGET;
        while let Some((len, fresh)) = self.fill(&mut buffer) {
            self.deliver(buffer.get_mut(..len).unwrap_or_default());
            budget = budget.saturating_sub(fresh);
            // What the handler would take at once, but for its share of the turn, has the next one.
            if budget == 0 || self.io.resume_tail || !self.io.readable {
                break;
            }
        }
        *self.buffer = buffer;
        let io = &mut *self.io;
        // After the end, an edge of the other direction still says readable: there is nothing to come back for.
        if (io.readable && !io.ended || io.resume_tail) && io.takes_input() {
            self.state.list_ready(io);
        }
    }

    /// Puts the tail and what is new into the buffer; `None` when there is nothing to deliver.
    fn fill(&mut self, buffer: &mut [u8]) -> Option<(usize, usize)> {
        let Self { system, state, socket, io, .. } = self;
        if !io.takes_input() {
            return None;
        }
        let tail = io.tail.len();
        if tail > 0 {
            // seldom: most requests come whole
            buffer.get_mut(..tail)?.copy_from_slice(io.tail.bytes());
        }
        let mut fresh = 0;
        let space = buffer.get_mut(tail..)?;
        // While input waits that the handler could take, no more of it is read than a tail holds.
        let most = if io.resume_tail { MAX_TAIL.saturating_sub(tail) } else { TURN_BUDGET };
        let per_call = state.settings.read_size.clamp(1, TURN_BUDGET);
        let room = space.len().min(most).min(per_call);
        if io.readable && !io.ended && room > 0 {
            match system.read(socket, space.get_mut(..room)?) {
                Ok(0) => (io.ended, io.readable) = (true, false),
                Ok(read) => {
                    fresh = read;
                    // A short read: nothing is left, and the end would have been announced.
                    io.readable = read == room || io.read_closed;
                    if io.eviction_class == EvictionClass::Silent {
                        io.eviction_class = EvictionClass::Head;
                        state.eviction.has_spoken(io.linked);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => io.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_shortage(&error) => {
                    io.readable = false;
                    state.retry_later(io);
                }
                Err(_) => {
                    state.schedule_close(io, CloseReason::Error);
                    return None;
                }
            }
        }
        let something = fresh > 0 || io.resume_tail || io.ended && !io.end_delivered;
        io.resume_tail = false;
        something.then_some((tail + fresh, fresh))
    }

    /// Shows the input to the handler until it consumes no more, and keeps the rest.
    fn deliver(&mut self, input: &mut [u8]) {
        let mut at = 0;
        let mut resume = false;
        for call in 0.. {
            let rest = input.get_mut(at..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let mut progress = Progress { consumed: 0, flow: Flow::Continue };
            let alive = self.call(|handler, conn, cx| {
                progress = handler.on_data(conn, rest, cx);
                match progress.flow {
                    Flow::Finish if progress.consumed < rest.len() => Flow::CloseWhenFlushed,
                    flow => flow,
                }
            });
            at = (at + progress.consumed).min(input.len());
            let io = &self.io;
            if !alive || io.lifecycle != Lifecycle::Open {
                return;
            }
            if io.blocked || io.is_paused || !io.has_room() || call >= TURN_CONNECTIONS {
                resume = at < input.len();
                break;
            }
            if progress.consumed == 0 {
                break;
            }
        }
        self.keep(input.get_mut(at..).unwrap_or_default(), resume);
    }

    /// Keeps what the handler did not consume; at the end of the peer's stream, calls `on_end`.
    fn keep(&mut self, rest: &mut [u8], resume: bool) {
        let io = &mut *self.io;
        io.resume_tail = resume;
        if rest.len() > MAX_TAIL && !resume {
            log::error!(reason = "unconsumed"; "a handler left {} bytes unconsumed", rest.len());
            return self.state.schedule_close(io, CloseReason::Handler);
        }
        if io.ended && !io.end_delivered && !resume {
            io.end_delivered = true;
            io.tail.clear();
            self.call(|handler, conn, cx| handler.on_end(conn, rest, cx));
            if self.io.lifecycle == Lifecycle::Open {
                self.system.probe(self.socket);
            }
            return;
        }
        if !self.state.keep_tail(io, rest, resume) {
            self.state.schedule_close(io, CloseReason::Evicted);
        }
    }

    /// Reads on after the end of our own side, and throws the bytes away.
    pub(super) fn discard(&mut self) {
        let Self { system, state, buffer, socket, io, .. } = self;
        let Lifecycle::Lingering { bytes_left } = io.lifecycle else { return };
        if !io.readable || io.listed_ready {
            return; // until an event, or the next turn
        }
        let left = bytes_left as usize;
        let room = left.saturating_add(1).min(TURN_BUDGET);
        let read = system.read(socket, buffer.get_mut(..room).unwrap_or_default());
        match read {
            Ok(0) => state.schedule_close(io, CloseReason::Handler),
            Ok(read) if read > left => state.schedule_close(io, CloseReason::Handler),
            Ok(read) => {
                let read = u32::try_from(read).unwrap_or(bytes_left); // it is no more than that
                io.lifecycle = Lifecycle::Lingering { bytes_left: bytes_left - read };
                state.list_ready(io);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => io.readable = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => state.list_ready(io),
            Err(error) if is_shortage(&error) => {
                io.readable = false;
                state.retry_later(io);
            }
            Err(_) => state.schedule_close(io, CloseReason::Error),
        }
    }

    /// Closes when both directions are over and the worker has read what had arrived, where it reads.
    pub(super) fn notice_hang_up(&mut self) {
        let io = &mut *self.io;
        // The end of a peer whose input is paused comes behind that input.
        let reads_on = io.is_paused && io.lifecycle == Lifecycle::Open
            || io.readable
                && !io.ended
                && !io.ignores_input
                && !matches!(io.lifecycle, Lifecycle::Flushing { .. });
        if io.hung_up && !reads_on {
            let why = if io.ended { CloseReason::Peer } else { CloseReason::Error };
            self.state.schedule_close(io, why);
        }
    }
}
