//! The door to the handler for the fuzz targets (`fuzz/`).

use std::{
    ffi::OsString,
    sync::{Arc, OnceLock},
};

use clap::Parser as _;
use daemon::DaemonError;
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
pub fn options(
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    file: &[u8],
) -> Result<Option<String>, DaemonError> {
    daemon::fuzzing::options::<Options>(ENV_PREFIX, args, env, file)
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
