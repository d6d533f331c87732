//! What the reactor is told at the start: limits and timeouts that are the same for every protocol.

use std::time::Duration;

/// Bytes that one connection may read, and write, in one turn before the others have theirs.
pub(super) const TURN_BUDGET: usize = 64 * 1024;
/// Connections that are served in one turn before the schedule is looked at again.
pub(super) const TURN_CONNECTIONS: usize = 256;
/// Connections that are accepted in one turn from one listener.
pub(super) const TURN_ACCEPTS: usize = 64;
/// A connection with more bytes than this queued is not read from until they are gone.
pub(super) const READ_PAUSE: u64 = 64 * 1024;
/// The longest input a handler may leave unconsumed, in bytes.
pub(super) const MAX_TAIL: usize = 64 * 1024;
/// Refused newcomers that one worker sends off politely at the same time; more are closed at once.
pub(super) const MAX_REFUSED: usize = 64;

/// Limits and timeouts, the same for every worker; each is a flag of the daemons.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Open connections of the whole process; 0: no limit.
    pub max_connections: usize,
    /// Open connections from one IPv4 address or IPv6 /64 network; 0: no limit.
    pub max_per_address: usize,
    /// Open connections whose first request is not complete yet, of the whole process; 0: no limit.
    pub max_heads: usize,
    /// The most bytes that one call reads; a protocol that never wants more than a few takes no more from the kernel.
    pub read_size: usize,
    /// How long a peer may take for one queued segment before it is reset; also its `TCP_USER_TIMEOUT`.
    pub write_timeout: Duration,
    /// How long a connection that was closed by us is read on, so that no reset eats the answer.
    pub linger: Duration,
    /// How many bytes are read on in that time.
    pub linger_bytes: usize,
    /// How long connections may take to end when the daemon stops.
    pub drain_timeout: Duration,
    /// Over how long the ends of the connections are spread when the daemon goes away for good, so that its clients do not
    /// all look for another one at once; 0: all are told at once.
    pub stop_spread: Duration,
    /// `SO_SNDBUF` of accepted sockets, in bytes; `None` leaves it to the kernel.
    pub send_buffer: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_per_address: 0,
            max_heads: 256,
            read_size: TURN_BUDGET,
            write_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            linger_bytes: 64 * 1024,
            drain_timeout: Duration::from_secs(5),
            stop_spread: Duration::ZERO,
            send_buffer: None,
        }
    }
}
