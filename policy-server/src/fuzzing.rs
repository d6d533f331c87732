//! The door to the handler for the fuzz targets (`fuzz/`).

use std::sync::{Arc, OnceLock};

use clap::Parser as _;
use daemon::fuzzing::{Layers, Printed};
use reactor::{Handler, simulation::Simulation};

use crate::{
    ENV_PREFIX,
    config::{Config, Options},
    handler::PolicyHandler,
};

/// As [`daemon::fuzzing::options`].
///
/// # Errors
/// As the daemon ends with.
pub fn options(layers: Layers) -> Printed {
    daemon::fuzzing::options::<Options>(ENV_PREFIX, layers)
}

/// The whole server in a simulated network, and what it answers; `None` if its defaults are wrong.
pub fn world(seed: u64) -> Option<(Simulation<impl Handler>, Vec<u8>)> {
    static CONFIG: OnceLock<Option<Arc<Config>>> = OnceLock::new();
    let read = || {
        let options = Options::try_parse_from(["policy-server", "--max-connections-per-ip", "3"]).ok()?;
        Config::check(options).ok().map(Arc::new)
    };
    let config = CONFIG.get_or_init(read).clone()?;
    let answer = config.answer.to_vec();
    Some((Simulation::new(seed, config.settings.clone(), |_| PolicyHandler::new(config)), answer))
}
