//! What a process holds: figures that stay what they are, however long it runs.

/// What all workers hold at a moment, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Entries of the tables of connections.
    pub connections: usize,
    /// Entries of the timers, those that count no more included.
    pub timers: usize,
    /// Connections on lists: ready, short of memory, to be closed, to make room.
    pub listed: usize,
    /// Bytes of unfinished input and of output that waits.
    pub bytes: u64,
    /// Mail that waits.
    pub mail: usize,
    /// Addresses with a connection.
    pub addresses: usize,
    /// Open descriptors.
    pub descriptors: usize,
}
