//! The connection to the nats-servers.

mod open;
mod options;
mod servers;

pub(crate) use open::open;
pub(crate) use options::ConnectionOptions;
