//! The addresses that a worker has met last: a connection at one of them takes no lock.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::network::Network;

/// How many places are taken at one address. Running workers clone and drop it under the lock of the address only: where the table has
/// the last reference, nobody changes the count without that lock.
pub(super) type Taken = Arc<AtomicUsize>;

/// How many addresses a worker knows, each in the slot of its number, which it shares with others. A client that comes again soon is
/// among them. One with many addresses can make a worker forget others, which costs those a lock for a connection, as any newcomer.
pub(super) const KNOWN: usize = 512;

/// The counts of the addresses that a worker has met last.
#[derive(Debug)]
pub(super) struct KnownAddresses(Box<[Option<Known>]>);

#[derive(Debug)]
struct Known {
    network: Network,
    taken: Taken,
}

impl Default for KnownAddresses {
    fn default() -> Self {
        Self((0..KNOWN).map(|_| None).collect())
    }
}

impl KnownAddresses {
    /// The count of places that are taken at this address; `None` if the worker does not know it.
    #[inline]
    #[allow(clippy::indexing_slicing)] // there is a slot for each number
    pub(super) fn find(&self, network: Network) -> Option<&AtomicUsize> {
        let known = self.0[network.number_below(KNOWN)].as_ref()?;
        (known.network == network).then(|| &*known.taken)
    }

    /// The count of places that are taken at this address. A worker that does not know it has it from `learn`, which drops the count of
    /// the address that had the slot.
    #[inline]
    #[allow(clippy::indexing_slicing)] // there is a slot for each number
    pub(super) fn find_or_learn(
        &mut self,
        network: Network,
        learn: impl FnOnce(Option<(Network, Taken)>) -> Taken,
    ) -> &AtomicUsize {
        let slot = &mut self.0[network.number_below(KNOWN)];
        let known = match slot.take() {
            Some(known) if known.network == network => known,
            other => Known { network, taken: learn(other.map(|Known { network, taken }| (network, taken))) },
        };
        &slot.insert(known).taken
    }
}
