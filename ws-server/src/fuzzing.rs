//! The door to private parsers for the fuzz targets (`fuzz/`).

use std::{
    fmt::Write as _,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use clap::Parser as _;
use common::{
    http::Head,
    id::{Epoch, MessageId},
};
use daemon::clock::Moment;
use daemon::fuzzing::{Layers, Printed};
use reactor::simulation::{Birth, Simulation};

use crate::{
    ENV_PREFIX,
    config::Config,
    connection::{Connection, IsForStream, Predecessor},
    hand_over::{FORMAT, ProcessState},
    peers::Mail,
    publish::Wanted,
    source::SourceStates,
    start::{SharedStart, epoch_at},
    stream::Batch,
    worker::{WsHandler, export_states},
};

pub use crate::connection::fuzzing::{Asked, poll, stream_params};
pub use crate::source::fuzzing::{Given, given_line, lines};

/// A process's state as this process would write it again at this moment; `None` if it cannot be read.
pub fn process_state(bytes: &[u8], format: u32, now: Instant) -> Option<Vec<u8>> {
    let at = Moment { instant: now, since_boot: Duration::ZERO };
    ProcessState::from_bytes(bytes, format, Epoch::from_millis(1), at).map(|state| state.to_bytes(at))
}

/// A connection as this process would write it again at this moment; the inner `None` for one whose last bytes are queued, the
/// outer if it cannot be read.
#[allow(clippy::option_option)]
pub fn connection(bytes: &[u8], format: u32, now: Instant) -> Option<Option<Vec<u8>>> {
    let epoch = Epoch::from_millis(7);
    let connection = Connection::from_bytes(bytes, Predecessor { format, epoch }, now, now)?;
    Some(connection.to_bytes(epoch, now, now))
}

/// The idempotency key of a request that publishes.
///
/// # Errors
/// Status and sentence of the refusal.
pub fn publish_request(head: &Head<'_>) -> Result<Option<String>, (u16, String)> {
    let wanted = Wanted::of(head).map_err(|unusable| (unusable.status(), unusable.to_string()))?;
    Ok(wanted.key.map(|key| key.to_string()))
}

/// A configuration by these words, for a world.
pub fn configured(args: &[&str]) -> Option<Arc<Config>> {
    let limits = ["--workers", "1", "--max-connections", "50", "--max-connections-per-ip", "20"];
    let words = ["ws-server"].iter().chain(args).chain(&limits);
    Config::try_parse_from(words).ok()?.check().ok().map(Arc::new)
}

/// The whole server in a simulated network.
pub fn world(seed: u64, config: Arc<Config>) -> Simulation<WsHandler> {
    let settings = config.reactor_settings();
    Simulation::new(seed, settings, |birth| handler(config, None, birth))
}

/// Another process adopts everything, by way of the bytes that this one exports.
pub fn hand_over(world: Simulation<WsHandler>, config: Arc<Config>) -> Simulation<WsHandler> {
    world.hand_over(|mut old, birth| {
        let state = export_states(std::slice::from_mut(&mut old));
        let at = Moment { instant: birth.now, since_boot: Duration::ZERO };
        let state = ProcessState::from_bytes(&state.to_bytes(at), FORMAT, epoch_at(birth.wall), at);
        debug_assert!(state.is_some(), "a state of our own cannot be read");
        handler(config, state, birth)
    })
}

/// What stands before its number in the text of each line of a [`batch`]: a client may broadcast a number, too.
pub const LINE: &str = "line ";

/// Lines of these numbers, each of which is in its text behind [`LINE`].
pub fn batch(numbers: Range<u64>) -> Mail {
    let mut batch = Batch::new(MessageId { epoch: Epoch::from_millis(7), number: numbers.start });
    // Writing to a String cannot fail.
    numbers.for_each(|number| batch.push(|out| _ = write!(out, "{LINE}{number}")));
    Mail::Batch(Arc::new(batch))
}

/// A handler that answers the requests for which `is_for_stream` is true, and passes the others on.
pub fn in_front(config: Arc<Config>, birth: Birth<Mail>, is_for_stream: IsForStream) -> WsHandler {
    let mut handler = handler(config, None, birth);
    handler.is_for_stream = is_for_stream;
    handler
}

fn handler(config: Arc<Config>, previous: Option<ProcessState>, birth: Birth<Mail>) -> WsHandler {
    let Birth { mailboxes, now, wall, .. } = birth;
    let wall =
        if config.stream.is_clock() { wall } else { SystemTime::UNIX_EPOCH + Duration::from_millis(7) };
    let states = SourceStates::default();
    let posted = mailboxes.clone();
    states.connect(move |change| posted.send_all(|| Mail::Source(Arc::new(change.clone()))));
    let start = SharedStart::new(&config, 1, previous, states, now, wall);
    WsHandler::new(config, &start, 0, mailboxes)
}

/// As [`daemon::fuzzing::options`].
///
/// # Errors
/// As the daemon ends with.
pub fn options(layers: Layers) -> Printed {
    daemon::fuzzing::options::<Config>(ENV_PREFIX, layers)
}
