//! The door to private parsers for the fuzz targets (`fuzz/`).

use std::{cell::RefCell, ffi::OsString};

use crate::{
    exit::DaemonError,
    hand_over::rewritten,
    inherit,
    options::{self, Options, Parsed},
};

thread_local! {
    /// The text of the configuration file of this thread's [`options`].
    static FILE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Parses a command line, an environment and a configuration file; what `--print-config` prints, or `None` for `--help` and its kind.
///
/// # Errors
/// As the daemon ends with.
pub fn options<T: Options>(
    env_prefix: &str,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    file: &[u8],
) -> Result<Option<String>, DaemonError> {
    FILE.set(file.to_vec());
    let parsed = options::parse::<T>(env_prefix, args, env, |_, most| {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(FILE.with_borrow(|file| file.get(..most).unwrap_or(file).to_vec()))
    })?;
    Ok(match parsed {
        Parsed::Options(in_force) => Some(in_force.printed),
        Parsed::Print(_) => None,
    })
}

/// How many listeners `LISTEN_FDS` brings for clients, and how many for the metrics.
///
/// # Errors
/// As the daemon ends with.
pub fn inherited(variable: impl Fn(&str) -> Option<OsString>) -> Result<(usize, usize), DaemonError> {
    inherit::count_by_use(variable)
}

/// A manifest as this process would write it again; `None` if it cannot be read.
pub fn manifest(bytes: &[u8]) -> Option<Vec<u8>> {
    rewritten(bytes)
}
