//! What a process holds: figures that stay what they are, however long it runs.

use super::Simulation;
use crate::Handler;

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

impl<H: Handler> Simulation<H> {
    /// What the process holds at this moment.
    pub fn held(&self) -> Held {
        let mut held =
            Held { addresses: self.taken_places().len(), descriptors: self.descriptors(), ..Held::default() };
        for (number, stepped) in self.workers.iter().enumerate() {
            let (table, state) = (&stepped.worker.connections.table, &stepped.worker.connections.state);
            held.connections += table.len();
            held.timers += state.deadlines.armed();
            held.listed +=
                state.ready.len() + state.short.len() + state.to_close.len() + state.eviction.listed();
            held.bytes +=
                table.iter().map(|entry| entry.io.tail.len() as u64 + entry.io.outbox.len()).sum::<u64>();
            held.mail += self.mailboxes.waiting(number);
        }
        held
    }
}
