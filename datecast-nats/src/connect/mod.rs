//! The connection to the nats-servers.

mod open;
mod options;
mod servers;

pub(crate) use async_nats::Client;
#[allow(unused_imports, reason = "follow is about to open its connection so")]
pub(crate) use open::open;
pub(crate) use open::{connect, connect_once};
pub(crate) use options::ConnectionOptions;
