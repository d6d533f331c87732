//! What the workers count together: open connections, in all and by address, and what became of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::CloseReason;

/// Process-wide counters. They are touched when a connection opens or closes, never for a message.
#[derive(Debug, Default)]
pub struct Counters {
    open: AtomicUsize,
    heads: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    accept_errors: AtomicU64,
    adopted: AtomicU64,
    closed: [AtomicU64; 8],
    addresses: Mutex<HashMap<IpAddr, u32>>,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Connections that are open now.
    pub open: usize,
    /// Those of them whose first request is not complete.
    pub heads: usize,
    /// Connections that were accepted, refused ones included.
    pub accepted: u64,
    /// Connections that got the answer for "full".
    pub refused: u64,
    /// Connections that were taken over from the process before this one.
    pub adopted: u64,
    /// Failed calls of `accept`.
    pub accept_errors: u64,
    /// Closed connections, in the order of [`CloseReason`].
    pub closed: [u64; 8],
}

impl Counters {
    /// Reads all of them; each is exact, their sum may be off by what happens meanwhile.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            open: self.open.load(Relaxed),
            heads: self.heads.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
            refused: self.refused.load(Relaxed),
            adopted: self.adopted.load(Relaxed),
            accept_errors: self.accept_errors.load(Relaxed),
            closed: std::array::from_fn(|i| self.closed.get(i).map_or(0, |count| count.load(Relaxed))),
        }
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    pub(super) fn heads(&self) -> usize {
        self.heads.load(Relaxed)
    }

    pub(super) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(super) fn count_open(&self) {
        self.open.fetch_add(1, Relaxed);
        self.heads.fetch_add(1, Relaxed);
    }

    pub(super) fn count_established(&self) {
        self.heads.fetch_sub(1, Relaxed);
    }

    /// One that was open in the process before this one.
    pub(super) fn count_adopted(&self) {
        self.adopted.fetch_add(1, Relaxed);
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(super) fn count_accept_error(&self) {
        self.accept_errors.fetch_add(1, Relaxed);
    }

    pub(super) fn count_closed(&self, why: CloseReason, established: bool) {
        self.open.fetch_sub(1, Relaxed);
        if !established {
            self.heads.fetch_sub(1, Relaxed);
        }
        if let Some(count) = self.closed.get(why as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Counts one more connection of this address, unless it has `max` already (0: no limit).
    pub(super) fn enter(&self, address: IpAddr, max: usize) -> bool {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = addresses.entry(network(address)).or_default();
        if max > 0 && *count as usize >= max {
            return false;
        }
        *count = count.saturating_add(1);
        true
    }

    pub(super) fn leave(&self, address: IpAddr) {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(address);
        match addresses.get_mut(&network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(addresses.remove(&network)),
        }
    }
}

/// What counts as one address: an IPv4 address (also when it is mapped into IPv6), or the /64 of an IPv6 address.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_enter_as_often_as_the_limit_says_and_again_after_leaving() {
        let counters = Counters::default();
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert!(counters.enter(v4, 2) && counters.enter(mapped, 2));
        assert!(!counters.enter(v4, 2), "mapped and plain are one address");
        assert!(counters.enter("192.0.2.2".parse().unwrap(), 2));
        counters.leave(mapped);
        assert!(counters.enter(v4, 2));
    }

    #[test]
    fn a_v6_network_of_64_bits_counts_as_one_address() {
        let counters = Counters::default();
        assert!(counters.enter("2001:db8::1".parse().unwrap(), 1));
        assert!(!counters.enter("2001:db8::ffff:1".parse().unwrap(), 1));
        assert!(counters.enter("2001:db8:0:1::1".parse().unwrap(), 1));
    }
}
