//! The options of the connection, which every command has.

use clap::Args;

use super::servers::Servers;

/// Where the nats-servers are.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConnectionOptions {
    /// The nats-servers of the cluster, any of which will do: nats://HOST:PORT, with commas between several
    #[arg(long, value_name = "URL[,URL…]", default_value = "nats://127.0.0.1:4222")]
    pub(crate) server: Servers,
}
