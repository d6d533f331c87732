//! What the three daemons share: the protocols as a pure core, and (behind features) the event loop and the daemon's frame.

#[cfg(feature = "daemon")]
pub mod daemon;
pub mod frame;
pub mod handshake;
pub mod http;
pub mod origin;
mod parsed;
pub mod policy;
pub mod proxy;
#[cfg(feature = "reactor")]
pub mod reactor;
pub mod stream;
pub mod utf8;
mod version;
pub mod websocket;

pub use parsed::Parsed;
pub use version::Version;
