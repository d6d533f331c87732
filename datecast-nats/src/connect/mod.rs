//! The connection to the nats-servers.

mod events;
mod open;
mod options;
mod servers;

pub(crate) use async_nats::Client;
pub(crate) use events::{LOST, REFUSED_AGAIN, is_refused_again, obstacle, of_event, refusal};
pub(crate) use open::{connect, connect_once};
pub(crate) use options::ConnectionOptions;
