//! Limits and timeouts, the same for every protocol.

use std::time::Duration;

/// Bytes that one connection may read, and write, in one turn before the others have theirs.
pub(super) const TURN_BUDGET: usize = 64 * 1024;
/// Connections that a worker serves in one turn before it looks at the schedule again.
pub(super) const TURN_CONNECTIONS: usize = 256;
/// Bytes that a worker writes to the connections that it serves in one turn before it looks at the schedule again; the last of them
/// may have its share of more. About a millisecond: many that read a long backlog hold up nobody who waits for what is new.
pub(super) const TURN_WRITES: u64 = 1024 * 1024;
/// Connections that a worker accepts in one turn from one listener.
pub(super) const TURN_ACCEPTS: usize = 64;
/// A worker does not read from a connection with more bytes than this queued.
pub(super) const READ_PAUSE: u64 = 64 * 1024;
/// The longest input a handler may leave unconsumed, in bytes.
pub(super) const MAX_TAIL: usize = 64 * 1024;
/// A longer unfinished input, in bytes, is one of the long ones, of which a worker keeps only so many.
pub(super) const LONG_TAIL: usize = 8 * 1024;
/// Long unfinished inputs that a worker keeps at the same time: slow clients with large requests take no more memory than
/// these. A request that arrives in one piece does not count.
pub(super) const MAX_LONG_TAILS: usize = 512;
/// Refused newcomers to which one worker sends the refusal at the same time; it closes more of them without a word.
pub(super) const MAX_REFUSED: usize = 64;
/// Clients of proxies that one worker lets in without a place until their proxy names them, where all places are taken.
pub(super) const MAX_UNNAMED: usize = 16;

/// Which connections of an address make room for its newcomer, once the address has as many as it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressEviction {
    /// The oldest one whose first request is not complete; without one, the reactor refuses the newcomer.
    #[default]
    OldestUnfinished,
    /// The oldest one, whatever it is doing.
    Oldest,
}

/// Limits and timeouts, the same for every worker; most are flags of the daemons.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Open connections of the whole process; 0: no limit.
    pub max_connections: usize,
    /// Open connections from one IPv4 address or IPv6 /64 network; 0: no limit.
    pub max_per_address: usize,
    /// Which connections make room for a newcomer at that limit.
    pub address_eviction: AddressEviction,
    /// Open connections whose first request is not complete yet, of the whole process; 0: no limit.
    pub max_heads: usize,
    /// The most bytes that one call reads: a protocol with short requests takes no more than those from the kernel.
    pub read_size: usize,
    /// How long a peer may take for one queued segment, or for 4 KiB of it, before it is reset.
    pub write_timeout: Duration,
    /// How long a peer may say nothing before the kernel asks its kernel for a sign of life (`TCP_KEEPIDLE`).
    pub probe_after: Duration,
    /// How long its kernel may take to answer; the connection is over then.
    pub probe_timeout: Duration,
    /// How long the reactor reads on after it has ended its side of a connection, so that no reset overtakes the answer.
    pub linger: Duration,
    /// How many bytes it reads in that time before it closes.
    pub linger_bytes: usize,
    /// How long connections may take to end when the daemon stops.
    pub drain_timeout: Duration,
    /// Over how long the reactor spreads the ends of the connections when the daemon goes away for good, so that its clients
    /// do not all look for another one at once; 0: it ends all at once.
    pub stop_spread: Duration,
    /// True to keep a few descriptors for newcomers that come when the process has no more: for one that answers why.
    pub keeps_spares: bool,
    /// `SO_SNDBUF` of accepted sockets, in bytes; `None` leaves it to the kernel.
    pub send_buffer: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_per_address: 0,
            address_eviction: AddressEviction::OldestUnfinished,
            max_heads: 256,
            read_size: TURN_BUDGET,
            write_timeout: Duration::from_secs(30),
            probe_after: Duration::from_secs(30),
            probe_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            linger_bytes: 64 * 1024,
            drain_timeout: Duration::from_secs(5),
            stop_spread: Duration::ZERO,
            keeps_spares: false,
            send_buffer: None,
        }
    }
}
