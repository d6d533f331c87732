//! The addresses that a worker has met last: a connection at one of them takes no lock.

use std::sync::atomic::AtomicUsize;

use super::per_address::{Network, PerAddress, Taken};

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

    /// The count of places that are taken at this address. The worker knows it from now on, and no longer the one that had its slot.
    #[inline]
    #[allow(clippy::indexing_slicing)] // there is a slot for each number
    pub(super) fn find_or_learn(&mut self, network: Network, addresses: &PerAddress) -> &AtomicUsize {
        let slot = &mut self.0[network.number_below(KNOWN)];
        let known = match slot.take() {
            Some(known) if known.network == network => known,
            other => {
                if let Some(Known { network, taken }) = other {
                    addresses.forget(network, taken);
                }
                Known { network, taken: addresses.learn(network) }
            }
        };
        &slot.insert(known).taken
    }
}
