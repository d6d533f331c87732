//! The door to the options and the handler for the fuzz targets (`fuzz/`).

use std::sync::Arc;

use clap::Parser as _;
use daemon::fuzzing::{Layers, Printed};
use reactor::{Handler, simulation::Simulation};
use static_server::{Published, StaticHandler};
use ws_server::Mail;

use crate::{
    ENV_PREFIX, FEED_ENV_PREFIX, config::Config, feed, handler::FrontHandler, options::Options,
    route::is_for_stream,
};

/// As [`daemon::fuzzing::options`], of the command.
///
/// # Errors
/// As the command ends with.
pub fn options(layers: Layers) -> Printed {
    daemon::fuzzing::options::<Options>(ENV_PREFIX, layers)
}

/// As [`daemon::fuzzing::options`], of `datecast feed`.
///
/// # Errors
/// As the command ends with.
pub fn feed_options(layers: Layers) -> Printed {
    daemon::fuzzing::options::<feed::FeedOptions>(FEED_ENV_PREFIX, layers)
}

/// What a world of the command is made of: its configuration and its site.
pub struct Front {
    config: Arc<ws_server::Config>,
    site: Arc<Published>,
    settings: reactor::Settings,
}

impl Front {
    /// By these words; `None` if they are wrong, or the root is not there.
    pub fn new(args: &[&str]) -> Option<Self> {
        let words = ["datecast", "--workers", "1"].iter().chain(args);
        let config = Config::check(Options::try_parse_from(words).ok()?).ok()?;
        let site = Arc::new(Published::new(config.serving().ok()?));
        let settings = config.stream.reactor_settings();
        Some(Self { config: Arc::new(config.stream), site, settings })
    }

    /// The stream, the site and the policy behind one listener, in a simulated network.
    pub fn world(&self, seed: u64) -> Simulation<impl Handler<Mail = Mail> + use<>> {
        let Self { config, site, settings } = self;
        Simulation::new(seed, settings.clone(), |birth| FrontHandler {
            stream: ws_server::fuzzing::in_front(Arc::clone(config), birth, is_for_stream),
            site: StaticHandler::new(Arc::clone(site)),
        })
    }
}
