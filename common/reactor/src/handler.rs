//! The one trait that a daemon implements.

use std::net::IpAddr;
use std::time::Instant;

use super::{CloseReason, CompactInstant, Context, Exported, Flow, Progress, Stop, Token, Turn, Wake};

/// What a daemon does with its connections. Each worker has a handler of its own; no two threads share one.
///
/// Every callback may queue output through its [`Context`]; the reactor sends it when the callback returns.
/// A panic in a callback closes that one connection.
#[allow(unused_variables)] // a default implementation looks at nothing
pub trait Handler {
    /// What the handler keeps for one connection. It is dropped with the connection.
    type Conn;
    /// What other threads send to this worker.
    type Mail: Send;

    /// The reactor has accepted a connection. The handler must set a deadline ([`Context::set_timeout`]): no state is without one.
    fn on_open(&mut self, cx: &mut Context<'_>) -> (Self::Conn, Flow);

    /// Bytes arrived: the tail that the handler did not consume last time, and what is new behind it.
    ///
    /// The reactor calls again with the rest at once while the handler consumes something and its output is not blocked,
    /// so one request per call is enough. With `consumed: 0` the handler waits for more input (or for its output to
    /// drain); a tail of more than 64 KiB closes the connection.
    fn on_data(&mut self, conn: &mut Self::Conn, input: &mut [u8], cx: &mut Context<'_>) -> Progress;

    /// The peer finished sending (a half-close). `input` is the tail that the handler never consumed. Usually it is gone
    /// altogether: if the connection goes on, the kernel probes every few seconds whether its peer still exists.
    fn on_end(&mut self, conn: &mut Self::Conn, input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        Flow::CloseWhenFlushed
    }

    /// The kernel has taken everything that was queued, after a time when it could not, or after [`Context::want_drain`].
    fn on_drain(&mut self, conn: &mut Self::Conn, cx: &mut Context<'_>) -> Flow {
        Flow::Continue
    }

    /// The connection's deadline has passed, and all input that came in time was delivered. The handler must set a later one,
    /// or end the connection.
    fn on_deadline(&mut self, conn: &mut Self::Conn, cx: &mut Context<'_>) -> Flow;

    /// The daemon stops; called once for each open connection, except at a hand-over, which calls `export`. `Continue` leaves
    /// the connection until the drain timeout.
    fn on_stop(&mut self, conn: &mut Self::Conn, stop: Stop, cx: &mut Context<'_>) -> Flow {
        Flow::CloseWhenFlushed
    }

    /// The connection is to outlive this process ([`Stop::HandOver`]): returns what the next process has to know of it, or
    /// `None` if it has to end here. What the handler queues here goes along. `on_close` follows, with
    /// [`CloseReason::HandedOver`] unless it has to end here after all: the last flush fails, another worker evicts it, or
    /// part of a file is unsent.
    ///
    /// `partial` is the number of bytes that have arrived and wait for more behind them.
    fn export(&mut self, conn: &mut Self::Conn, partial: usize, cx: &mut Context<'_>) -> Option<Exported> {
        None
    }

    /// Every connection that goes along has left this process, and no `on_turn` follows: the place to publish what the
    /// handler counts.
    fn on_exported(&mut self, now: Instant) {}

    /// Adopts a connection of the previous process from what `export` wrote there at `written_at`; this call takes the place of
    /// `on_open`. As much is left until the deadline as there was then. `None` if the handler cannot read the state: the reactor
    /// sends the closing bytes that came with it.
    fn adopt(
        &mut self,
        state: &[u8],
        written_at: Instant,
        cx: &mut Context<'_>,
    ) -> Option<(Self::Conn, Flow)> {
        None
    }

    /// The system refuses a connection of the previous process, which is gone: all that is left is what `export` wrote there at
    /// `written_at`.
    fn on_lost(&mut self, state: &[u8], written_at: Instant, now: Instant) {}

    /// The connection is gone. The last callback about it; no later connection has its token.
    fn on_close(&mut self, conn: Self::Conn, token: Token, why: CloseReason, now: CompactInstant) {}

    /// True for the address of a proxy (`None`: a Unix socket), whose connections are those of its clients. The limit per
    /// address does not count them until [`Context::set_real_peer`] names the client, so that its clients do not evict each
    /// other; and where all places are taken they have none until then. The handler calls it for each of them.
    fn is_proxy(&self, peer: Option<IpAddr>) -> bool {
        false
    }

    /// Every place is taken and no connection may make room: returns what to send to the newcomer before closing it (at
    /// most a few hundred bytes).
    fn on_refuse(&mut self) -> &[u8] {
        b""
    }

    /// Mail from another thread, in the order in which it was sent.
    fn on_mail(&mut self, mail: Self::Mail, turn: &mut Turn<'_, Self::Conn>) {}

    /// A scrape of the metrics wants numbers that the handler does not keep all the time: it may look at all connections.
    fn on_scrape(&mut self, connections: &mut dyn Iterator<Item = &Self::Conn>) {}

    /// Called once per turn of the loop, after the events: the place for a schedule and for broadcasts.
    ///
    /// A handler cuts a long broadcast: it visits a few hundred connections, returns [`Wake::Again`], and goes on in the
    /// next turn, so that accepts and pongs never wait behind it.
    fn on_turn(&mut self, turn: &mut Turn<'_, Self::Conn>) -> Wake {
        Wake::Idle
    }
}
