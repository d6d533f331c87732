//! Serves: the source, one listener, and the handlers of two daemons behind it.

use std::sync::Arc;

use common::source_state::{SourcePhase, SourceState};
use daemon::{DaemonError, Endpoint, Exit, Hooks, Ready, Reload, Serve, Start, hand_over};
use reactor::Ended;
use static_server::{Published, StaticHandler};
use ws_server::{Mail, Service};

use crate::{
    command::{self, Command, Prepared},
    config::Config,
    handler::FrontHandler,
    metrics::FrontMetrics,
    route::is_for_stream,
    welcome,
};

/// Runs until we are stopped, or with `--at-eof exit` until the input ends. `code` becomes the exit code of a command, if one says how
/// we end.
///
/// # Errors
/// What keeps us from serving, or why the source could not be read.
#[allow(clippy::needless_pass_by_value, reason = "`daemon::main` passes it by value")]
pub(crate) fn serve(
    config: Config,
    reload: Reload<Config>,
    code: &mut Option<u8>,
) -> Result<(), DaemonError> {
    let listen = config.listen()?;
    let mut inherited = daemon::inherit(&hand_over::NONE)?;
    let (prepared, mut service) = match command::prepare(&config.command)? {
        Some((prepared, lines)) => (Some(prepared), Service::of_lines(config.stream.clone(), lines.into())),
        None => (None, Service::open(config.stream.clone(), &mut inherited)?),
    };
    let mut command = None;
    let ending = service.ending();
    let common = &config.stream.common;
    let serve = Serve {
        name: "datecast",
        listen: &listen,
        workers: common.workers(),
        settings: config.stream.reactor_settings(),
        endpoint: Endpoint { prefix: "datecast_", metrics: common.metrics.clone() },
    };
    let ended = daemon::run(&serve, inherited, |start| {
        config.stream.check_listeners(start.addresses)?;
        // Before the URL is printed: there may be nothing to see.
        command = prepared.map(|prepared| start_command(prepared, &mut service, code)).transpose()?;
        welcome::say(&listen, start.addresses);
        make_ready(&config, service, start, reload)
    })?;
    let of_stream = |Ended { handler, exported, watches }: Ended<FrontHandler>| Ended {
        handler: handler.stream,
        exported,
        watches,
    };
    ending.finish(ended.into_iter().map(of_stream).collect())?;
    *code = command.and_then(Command::end);
    Ok(())
}

/// Starts the command, and tells the stream how it is and how to end it.
fn start_command(
    prepared: Prepared,
    service: &mut Service,
    code: &mut Option<u8>,
) -> Result<Command, DaemonError> {
    let states = service.source_states();
    let tell = move |state: SourceState| match state.phase() {
        // Its last lines are still to be read.
        SourcePhase::Ended => states.say_at_end(state.said()),
        _ => states.set(state),
    };
    let command = prepared.start(Box::new(tell)).map_err(|failure| {
        *code = Some(failure.code);
        DaemonError::new(Exit::NoInput, failure.message)
    })?;
    service.end_source_by(command.ender());
    Ok(command)
}

fn make_ready(
    config: &Config,
    service: Service,
    start: Start<'_, Mail>,
    reload: Reload<Config>,
) -> Result<Ready<FrontHandler>, DaemonError> {
    let site = Arc::new(Published::new(config.serving()?));
    let (published, addresses) = (Arc::clone(&site), start.addresses.to_vec());
    let read_config = move || {
        let new = reload.read()?;
        // Before the site is replaced: a new configuration is in force as a whole, or not at all.
        new.stream.check_listeners(&addresses)?;
        published.replace(new.serving()?);
        Ok(new.stream)
    };
    let Ready { handlers, hooks } = service.make_ready(start, Box::new(read_config), is_for_stream)?;
    let with_site = |stream| FrontHandler { stream, site: StaticHandler::new(Arc::clone(&site)) };
    let handlers: Vec<_> = handlers.into_iter().map(with_site).collect();
    let metrics = FrontMetrics {
        stream: hooks.metrics,
        site: StaticHandler::metrics(handlers.iter().map(|handler| &handler.site)),
    };
    Ok(Ready { handlers, hooks: Hooks { metrics: Arc::new(metrics), ..hooks } })
}
