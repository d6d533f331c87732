//! The place of a connection among those of its address, as the connection keeps it.
//!
//! Nearly all count at the address of their peer and make no room for others: these keep a flag, and no second copy of the address.

use super::connection::Io;
use super::network::Network;
#[cfg(any(test, feature = "simulated"))]
use super::per_address::PerAddress;
use super::per_address::Place;

impl Io {
    /// Holds this place from now on.
    pub(super) fn set_place(&mut self, place: Place) {
        self.counts_at_peer = !place.is_offered() && Some(place.network) == self.peer_network();
        self.tail.set_place((!self.counts_at_peer).then_some(place));
    }

    /// Holds no place any more.
    pub(super) fn take_place(&mut self) -> Option<Place> {
        let at_peer = std::mem::take(&mut self.counts_at_peer);
        match self.tail.take_place() {
            Some(place) => Some(place),
            None => self.peer_network().filter(|_| at_peer).map(Place::kept),
        }
    }

    /// True while a newcomer of its address may take its place.
    pub(super) fn offers_place(&self) -> bool {
        self.tail.place().is_some_and(Place::is_offered)
    }

    /// The address at which the connection counts.
    pub(super) fn counted(&self) -> Option<Network> {
        match self.tail.place() {
            Some(place) => Some(place.network),
            None => self.peer_network().filter(|_| self.counts_at_peer),
        }
    }

    fn peer_network(&self) -> Option<Network> {
        self.peer_ip().map(Network::of)
    }

    /// False once a newcomer has taken its place.
    #[cfg(any(test, feature = "simulated"))]
    pub(super) fn is_place_held(&self, addresses: &PerAddress) -> bool {
        self.counts_at_peer || self.tail.place().is_some_and(|place| addresses.is_held(place))
    }
}
