//! The event loop, written once for the three daemons. It knows [`Handler`], and no protocol.
//!
//! ```text
//!            accept             on_open                 on_data / on_end / on_drain / on_deadline
//!  listener ────────▶ limits ──────────▶ OPEN ◀──────────────────────────────────────────────────┐
//!                       │                 │  Flow::Continue ──────────────────────────────────────┘
//!                       │ full            │  Flow::CloseWhenFlushed
//!                       ▼                 ▼
//!                  on_refuse          FLUSHING ──▶ shutdown(WR) ──▶ LINGERING ──▶ close ──▶ on_close
//!                                         │ Flow::Close, error, no progress               ▲
//!                                         └───────────────────────────────────────────────┘
//! ```
//!
//! - One worker per core, each with its own poll, connection table and listener. Nothing is shared on the hot
//!   path: workers exchange mail ([`Mailboxes`]) and process-wide counters ([`Counters`]).
//! - Readiness is edge-triggered. Events set flags on a connection; a system call that says `WouldBlock` clears them.
//!   Reads, writes and accepts are bounded per turn; what is left over waits on the "ready again" list.
//! - A worker has one receive buffer. A handler gets `&mut [u8]` and says how much of it it consumed; the reactor
//!   keeps the unconsumed tail. An idle connection owns no buffer at all.
//! - Every descriptor call and both clocks go through [`system::System`], which has two implementations:
//!   [`system::Kernel`], and `system::simulated` for the tests.

mod accept;
mod connection;
mod connections;
mod context;
mod deadlines;
mod eviction;
mod handing_over;
mod limits;
mod live;
mod mail;
mod outbox;
mod settings;
#[cfg(any(test, feature = "simulated"))]
pub mod simulation;
mod start;
mod stats;
pub mod system;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod worker;

use std::net::IpAddr;
use std::time::Instant;

pub use context::{Context, Turn};
pub use limits::{Counters, Snapshot, network};
pub use live::{Exported, ExportedConnection};
pub use mail::{Control, Mailboxes};
pub use settings::Settings;
pub use start::{Ended, Listener, Reactor};
pub use stats::{Stats, Traffic};
pub use token::Token;

/// What a daemon does with its connections. One handler per worker; it is never shared between threads.
///
/// Every callback may queue output through its [`Context`]; it leaves when the callback returns.
/// A panic in a callback closes that one connection.
pub trait Handler {
    /// What the handler keeps for one connection. It is dropped with the connection.
    type Conn;
    /// What other threads send to this worker.
    type Mail: Send;

    /// A connection was accepted. Must set a deadline ([`Context::set_deadline`]): no state is without one.
    fn on_open(&mut self, cx: &mut Context<'_>) -> (Self::Conn, Flow);

    /// Bytes arrived: the tail that was not consumed last time, and what is new behind it.
    ///
    /// It is called again with the rest at once while it consumes something and its output is not blocked, so one
    /// request per call is enough. With `consumed: 0` it waits for more (or for its output to drain); a tail of more
    /// than 64 KiB closes the connection.
    fn on_data(&mut self, conn: &mut Self::Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress;

    /// The peer finished sending (a half-close). `input` is the tail that was never consumed.
    fn on_end(&mut self, conn: &mut Self::Conn, input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        let _ = (conn, input, cx);
        Flow::CloseWhenFlushed
    }

    /// Everything that was queued has been handed to the kernel, after a time when it could not be.
    fn on_drain(&mut self, conn: &mut Self::Conn, cx: &mut Context<'_>) -> Flow {
        let _ = (conn, cx);
        Flow::Continue
    }

    /// The connection's deadline has passed. Must set a later one, or end the connection.
    fn on_deadline(&mut self, conn: &mut Self::Conn, cx: &mut Context<'_>) -> Flow;

    /// The daemon stops; called once for each open connection. `Continue` leaves it until the drain timeout.
    fn on_stop(&mut self, conn: &mut Self::Conn, stop: Stop, cx: &mut Context<'_>) -> Flow {
        let _ = (conn, stop, cx);
        Flow::CloseWhenFlushed
    }

    /// The connection is to outlive this process ([`Stop::HandOver`]): what the next one has to know of it, or `None` if
    /// it has to end here. What is queued on the way goes along. The last callback about it, then.
    ///
    /// `partial` is the number of bytes that were received and wait for more behind them.
    fn export(&mut self, conn: &mut Self::Conn, partial: usize, cx: &mut Context<'_>) -> Option<Exported> {
        let _ = (conn, partial, cx);
        None
    }

    /// A connection of the process before this one, as its `export` wrote it down; takes the place of `on_open`. Its
    /// deadline goes on. `None` if the state cannot be read: the peer gets the farewell that came with it.
    fn adopt(&mut self, state: &[u8], cx: &mut Context<'_>) -> Option<(Self::Conn, Flow)> {
        let _ = (state, cx);
        None
    }

    /// The connection is gone. The last callback about it; its token is not used again.
    fn on_close(&mut self, conn: Self::Conn, token: Token, why: CloseReason, now: Instant) {
        let _ = (conn, token, why, now);
    }

    /// True for the address of a proxy, whose connections are those of its clients: it is not counted by its own address
    /// before [`Context::set_real_peer`] names the client, so that its clients do not evict each other.
    fn is_proxy(&self, peer: IpAddr) -> bool {
        let _ = peer;
        false
    }

    /// There is no room for a newcomer and nobody to evict: what to send before closing (at most a few hundred bytes).
    fn on_refuse(&mut self) -> &'static [u8] {
        b""
    }

    /// Mail from another thread, in the order it was sent.
    fn on_mail(&mut self, mail: Self::Mail, turn: &mut Turn<'_, Self::Conn>) {
        let _ = (mail, turn);
    }

    /// Somebody wants numbers that are not kept all the time (a scrape of the metrics): a look at all connections.
    fn on_scrape(&mut self, connections: &mut dyn Iterator<Item = &Self::Conn>) {
        let _ = connections;
    }

    /// Called once per turn of the loop, after the events: the place for a schedule and for broadcasts.
    ///
    /// A long broadcast is cut: visit a few hundred connections, return [`Wake::Again`], and go on in the next
    /// turn, so that accepts and pongs never wait behind it.
    fn on_turn(&mut self, turn: &mut Turn<'_, Self::Conn>) -> Wake {
        let _ = turn;
        Wake::Idle
    }
}

/// How far [`Handler::on_data`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that are done with; the rest is shown again with what arrives next.
    pub consumed: usize,
    /// What becomes of the connection.
    pub flow: Flow,
}

/// What becomes of a connection after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It stays open.
    Continue,
    /// It gets what is queued, then the end of the stream; what it still sends is read and thrown away
    /// (bounded in time and bytes), so that no reset eats the answer.
    CloseWhenFlushed,
    /// It is closed now; what is queued is lost.
    Close,
}

/// When [`Handler::on_turn`] wants to be called next; mail and events call it earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// There is more to do now: after the next look at the events.
    Again,
    /// At this instant.
    At(Instant),
    /// Only with events.
    Idle,
}

/// Why the daemon stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It goes away (`SIGTERM`, `SIGINT`): WebSocket 1001.
    Shutdown,
    /// It will be back at once (`SIGUSR2`): WebSocket 1012.
    Restart,
    /// Another process takes the connections over ([`Handler::export`]); those that cannot be handed over end here.
    HandOver,
    /// The source has ended and everything was delivered: WebSocket 1000.
    Finished,
}

/// Why a connection was closed, for counters and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The handler said so.
    Handler,
    /// The peer finished sending, and was let go.
    Peer,
    /// A read or write failed (most often a reset).
    Error,
    /// The peer did not take one whole queued segment within the write timeout.
    Slow,
    /// The place was needed for a newcomer.
    Evicted,
    /// The drain timeout was over.
    Drained,
    /// The handler panicked.
    Panic,
    /// It lives on in the next process.
    HandedOver,
}
