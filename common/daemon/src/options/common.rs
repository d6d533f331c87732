//! The options that every daemon has.

use std::path::PathBuf;

use clap::{Args, value_parser};

use crate::{
    exit::DaemonError,
    log::LogFormat,
    value::{ListenAddress, log_level},
};

/// The options that every daemon has; each flattens them into its own.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Reads options from this TOML file; its keys are the flags' names
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Prints every option in force as TOML, with where it came from, and exits
    #[arg(long)]
    pub print_config: bool,

    /// Checks the configuration and exits: 0, or 78 with what is wrong
    #[arg(long)]
    pub check: bool,

    /// Checks the configuration, has the daemon that runs as this process read it, and exits as --check does: for
    /// `ExecReload=` of a unit
    #[arg(long, value_name = "PID", value_parser = value_parser!(u32).range(2..))]
    pub reload: Option<u32>,

    /// How much to log: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    pub log_level: log::LevelFilter,

    /// How a line of the log is written: auto, text, journald or json (auto: journald where standard error goes there)
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub log_format: LogFormat,

    /// Where to serve metrics (/metrics, for Prometheus) and health (/healthz) over HTTP: a loopback address and port, or unix:PATH
    /// [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<ListenAddress>,

    /// Number of threads that serve connections (0: one per core)
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub workers: u16,
}

impl Common {
    /// Refuses to serve the metrics on an address that other machines can reach.
    pub(crate) fn check(&self) -> Result<(), DaemonError> {
        match &self.metrics {
            Some(address) if !address.is_loopback() => {
                let what = "anybody could read them there; say a loopback address such as 127.0.0.1:8432, or unix:PATH";
                Err(DaemonError::option("metrics", address, what))
            }
            _ => Ok(()),
        }
    }

    /// Returns the number of workers to start: `--workers`, or one per core.
    pub fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => usize::from(n),
        }
    }
}
