//! Serves: the source, one listener, and the handlers of two daemons behind it.

use std::sync::Arc;

use daemon::{DaemonError, Endpoint, Hooks, Ready, Reload, Serve, Start, hand_over};
use reactor::Ended;
use static_server::{Published, StaticHandler};
use ws_server::{Mail, Service};

use crate::{config::Config, handler::FrontHandler, metrics::FrontMetrics, route::is_for_stream, welcome};

/// Runs until the command is stopped, or with `--at-eof exit` until its input ends.
///
/// # Errors
/// What keeps it from serving, or why the source could not be read.
#[allow(clippy::needless_pass_by_value, reason = "`daemon::main` passes it by value")]
pub(crate) fn serve(config: Config, reload: Reload<Config>) -> Result<(), DaemonError> {
    let listen = config.listen()?;
    let mut inherited = daemon::inherit(&hand_over::NONE)?;
    let service = Service::open(config.stream.clone(), &mut inherited)?;
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
        welcome::say(&listen, start.addresses);
        make_ready(&config, service, start, reload)
    })?;
    let of_stream =
        |Ended { handler, exported }: Ended<FrontHandler>| Ended { handler: handler.stream, exported };
    ending.finish(ended.into_iter().map(of_stream).collect())
}

fn make_ready(
    config: &Config,
    service: Service,
    start: Start<'_, Mail>,
    reload: Reload<Config>,
) -> Result<Ready<FrontHandler>, DaemonError> {
    let site = Arc::new(Published::new(config.serving()?));
    let published = Arc::clone(&site);
    let read_config = move || {
        let new = reload.read()?;
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
