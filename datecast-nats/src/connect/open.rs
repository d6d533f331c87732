//! Connects, and connects again for as long as the process runs.

use std::{future::Future, time::Duration};

use async_nats::{Client, ConnectOptions, Event};
use daemon::{DaemonError, Exit};

use super::options::ConnectionOptions;

/// A server that says nothing for two of these is gone.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// How long a server may take for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause before the next server grows by this, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Opens a connection under this name, which `nats server report connections` shows. It may not be up yet; `on_event` hears when it is,
/// and of each failure. A lost one is made again, at whichever server answers.
///
/// # Errors
/// The options cannot be used: [`Exit::Config`].
pub(crate) async fn open<F>(
    options: &ConnectionOptions,
    name: &str,
    on_event: impl Fn(Event) -> F + Send + Sync + 'static,
) -> Result<Client, DaemonError>
where
    F: Future<Output = ()> + Send + Sync + 'static,
{
    ConnectOptions::new()
        .name(name)
        .retry_on_initial_connect()
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_TIMEOUT)
        .reconnect_delay_callback(pause_after)
        .event_callback(on_event)
        .connect(options.server.addresses())
        .await
        .map_err(|error| DaemonError::new(Exit::Config, format!("--server {}: {error}", options.server)))
}

/// How long to wait before this attempt.
fn pause_after(attempts: usize) -> Duration {
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    PAUSE.saturating_mul(attempts).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_second() {
        let millis = |attempts| pause_after(attempts).as_millis();
        assert_eq!([0, 1, 49, 50, 51, usize::MAX].map(millis), [0, 20, 980, 1000, 1000, 1000]);
    }
}
