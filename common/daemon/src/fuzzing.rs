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

/// What options are read from.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The command line, with the name of the program.
    pub args: Vec<OsString>,
    pub env: Vec<(OsString, OsString)>,
    /// The text of the configuration file.
    pub file: Vec<u8>,
}

/// What `--print-config` prints, or `None` for `--help` and its kind.
pub type Printed = Result<Option<String>, DaemonError>;

/// Reads options from their layers, as a program does whose variables have this prefix.
///
/// # Errors
/// As the daemon ends with.
pub fn options<T: Options>(env_prefix: &str, Layers { args, env, file }: Layers) -> Printed {
    FILE.set(file);
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
