//! Who is connected from where: at the limit of an address, its oldest connection makes room for its newest.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
};

use reactor::network;

/// Open connections by address, oldest first. `C` names a connection.
#[derive(Debug)]
pub(crate) struct Crowd<C> {
    max_per_address: usize,
    addresses: HashMap<IpAddr, VecDeque<C>>,
}

impl<C: PartialEq> Crowd<C> {
    /// At most so many from one address; 0: no limit.
    pub(crate) fn new(max_per_address: usize) -> Self {
        Self { max_per_address, addresses: HashMap::new() }
    }

    /// Another limit, for those who come from now on.
    pub(crate) fn limit(&mut self, max_per_address: usize) {
        self.max_per_address = max_per_address;
    }

    /// Adds a connection; over the limit, the answer is the one that has to go. It is forgotten already.
    pub(crate) fn enter(&mut self, address: IpAddr, connection: C) -> Option<C> {
        let connections = self.addresses.entry(network(address)).or_default();
        connections.push_back(connection);
        if self.max_per_address > 0 && connections.len() > self.max_per_address {
            connections.pop_front()
        } else {
            None
        }
    }

    /// Forgets a connection that is gone.
    pub(crate) fn leave(&mut self, address: IpAddr, connection: &C) {
        let network = network(address);
        let Some(connections) = self.addresses.get_mut(&network) else { return };
        connections.retain(|known| known != connection);
        if connections.is_empty() {
            self.addresses.remove(&network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_an_address_makes_room_for_its_newest() {
        let (us, them): (IpAddr, IpAddr) = ([127, 0, 0, 2].into(), [127, 0, 0, 3].into());
        let mut crowd = Crowd::new(2);
        assert_eq!(crowd.enter(us, 1), None);
        assert_eq!(crowd.enter(us, 2), None);
        assert_eq!(crowd.enter(them, 3), None);
        assert_eq!(crowd.enter("::ffff:127.0.0.2".parse().expect("an address"), 4), Some(1));
        crowd.leave(us, &2);
        assert_eq!(crowd.enter(us, 5), None);
    }

    #[test]
    fn a_v6_network_is_one_address() {
        let mut crowd = Crowd::new(1);
        assert_eq!(crowd.enter("2001:db8::1".parse().expect("an address"), 1), None);
        assert_eq!(crowd.enter("2001:db8::2".parse().expect("an address"), 2), Some(1));
        assert_eq!(crowd.enter("2001:db8:0:1::1".parse().expect("an address"), 3), None);
    }

    #[test]
    fn nothing_is_kept_about_those_who_left() {
        let mut crowd = Crowd::new(1);
        crowd.enter([127, 0, 0, 1].into(), 1);
        crowd.leave([127, 0, 0, 1].into(), &1);
        assert!(crowd.addresses.is_empty());
    }
}
