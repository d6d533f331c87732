//! The names of connections.

/// Names a connection of one worker: its place in the table and the generation of that place, so that a late event
/// never reaches the next connection in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    /// Its place in the table, which a later connection may get.
    pub index: u32,
    /// Counts the connections of the worker; no two in one place have the same.
    pub generation: u32,
}

impl Token {
    /// No connection has this generation: it marks the listeners and the waker.
    pub(super) const RESERVED: u32 = u32::MAX;
}
