//! What an attacker does, as data.

use std::time::Duration;

/// What each attacker of a swarm does.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How many attack at a time.
    pub(crate) count: usize,
    /// How many of them share an address.
    pub(crate) per_address: usize,
    /// `SO_RCVBUF`, for an attacker that wants the server to keep what it sends.
    pub(crate) receive_buffer: Option<usize>,
    /// Sent as soon as the connection is open.
    pub(crate) opening: Vec<u8>,
    /// The attack begins when all attackers have the head of an answer, instead of when they are connected.
    pub(crate) awaits_answer: bool,
    pub(crate) then: Then,
    pub(crate) reads: Reads,
    pub(crate) end: End,
    /// An attacker whose connection has ended begins anew; so many a second, all together.
    pub(crate) again: Option<u32>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            count: 1,
            per_address: 20,
            receive_buffer: None,
            opening: Vec::new(),
            awaits_answer: false,
            then: Then::Nothing,
            reads: Reads::All,
            end: End::Hold,
            again: None,
        }
    }
}

/// What an attacker sends in the attack.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    Nothing,
    Once(Vec<u8>),
    /// Again and again, as fast as it is taken.
    Repeat(Vec<u8>),
    /// A byte at a time.
    Dribble(Vec<u8>, Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    All,
    Never,
    /// One byte, once in a while.
    Slowly(Duration),
}

/// What an attacker does after it has sent all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It keeps the connection.
    Hold,
    Close,
    /// It closes its first connection, and keeps the next one.
    CloseOnce,
    /// A reset (`SO_LINGER` of 0).
    Reset,
    /// It ends its side and keeps the connection.
    Finish,
}
