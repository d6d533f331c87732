//! What the three daemons share: the protocols as a pure core, and (behind features) the event loop and the daemon's frame.

#[cfg(feature = "reactor")]
pub mod reactor;
