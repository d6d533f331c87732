//! The place of a connection among those of its address, as the connection keeps it.

use std::net::IpAddr;

use super::per_address::Place;

/// Where a connection counts. Nearly all count at the address of their peer and make no room for others: these keep a flag, and
/// no second copy of the address.
#[derive(Debug, Default)]
pub(super) struct HeldPlace {
    is_at_peer: bool,
    /// A place elsewhere, or one that a newcomer may take.
    other: Option<Box<Place>>,
}

impl HeldPlace {
    /// Holds this place from now on, whose connection comes from `peer`.
    pub(super) fn set(&mut self, place: Place, peer: Option<IpAddr>) {
        self.is_at_peer = !place.is_offered() && Some(place.address) == peer;
        self.other = (!self.is_at_peer).then(|| Box::new(place));
    }

    /// Holds no place any more.
    pub(super) fn take(&mut self, peer: Option<IpAddr>) -> Option<Place> {
        match self.other.take() {
            Some(place) => Some(*place),
            None => std::mem::take(&mut self.is_at_peer).then(|| peer.map(Place::kept)).flatten(),
        }
    }

    /// The address at which the connection counts.
    pub(super) fn address(&self, peer: Option<IpAddr>) -> Option<IpAddr> {
        match &self.other {
            Some(place) => Some(place.address),
            None => peer.filter(|_| self.is_at_peer),
        }
    }
}
