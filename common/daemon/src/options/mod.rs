//! Options: flag > environment > `--config FILE` (TOML) > default, from one clap struct per daemon.
//!
//! A name is written once, in the struct: the field `drain_timeout` is the flag `--drain-timeout`, the variable
//! `DATECAST_WS_DRAIN_TIMEOUT` and the key `drain-timeout` of the file. The values of the outer layers become clap's
//! defaults before the command line is parsed, so every value passes the same parser with the same messages.

mod layers;
mod print;

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgMatches, Args, FromArgMatches, Parser};

use super::{
    exit::{DaemonError, Exit},
    log::LogFormat,
    value::{ListenAddress, log_level},
};
pub use layers::Layer;
use layers::Layers;

/// The options that every daemon has.
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

    /// How much to log: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    pub log_level: log::LevelFilter,

    /// How a line of the log is written: auto, text, journald or json (auto: journald where standard error goes there)
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub log_format: LogFormat,

    /// Where to tell metrics and health over HTTP: a loopback address and port, or unix:PATH [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<ListenAddress>,

    /// Number of threads that serve connections (0: one per core)
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub workers: u16,
}

impl Common {
    /// Judges what no other option depends on.
    ///
    /// # Errors
    /// [`Exit::Config`] for metrics that anybody could read.
    pub(super) fn check(&self) -> Result<(), DaemonError> {
        match &self.metrics {
            Some(address) if !address.is_loopback() => {
                let what = "anybody could read them there; say a loopback address such as 127.0.0.1:8432, or unix:PATH";
                Err(DaemonError::option("metrics", address, what))
            }
            _ => Ok(()),
        }
    }

    /// How many workers to start: as asked for, or one per core.
    pub fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => usize::from(n),
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Parsed<T> {
    /// To serve with these options, to check them, or to print them.
    Options(Box<InForce<T>>),
    /// To print this to standard output and be done: `--help`, `--version`.
    Print(String),
}

/// The options in force.
#[derive(Debug)]
pub struct InForce<T> {
    /// The daemon's options.
    pub options: T,
    /// Those that every daemon has.
    pub common: Common,
    /// Where the value of `--listen` came from.
    pub listen: Layer,
    /// Where the value of `--metrics` came from.
    pub metrics: Layer,
    /// All of them as TOML: the answer to `--print-config`.
    pub printed: String,
    /// Warnings: variables with our prefix that are no option.
    pub warnings: Vec<String>,
}

/// Parses the command line, the environment and the configuration file.
///
/// `env_prefix` begins the names of the environment variables: `DATECAST_WS_`.
///
/// # Errors
/// [`Exit::Usage`] for the command line, [`Exit::Config`] for the environment and the file, [`Exit::NoInput`] if
/// the file cannot be read. The message names the flag, the value and the place it came from.
pub fn parse<T: Parser>(
    env_prefix: &str,
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Parsed<T>, DaemonError> {
    let args: Vec<OsString> = args.into_iter().collect();
    let command = command::<T>(env_prefix);
    let mut layers = Layers::new(&command, env_prefix, env)?;
    if let Some(file) = layers.config_file(&command, &args) {
        layers.read_file(&command, &file)?;
    }
    let command = layers.apply(command);
    let matches = match command.clone().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => return Ok(Parsed::Print(error.to_string())),
        Err(error) => return Err(DaemonError::new(Exit::Usage, tidy(&error))),
    };
    let wrong = |error: clap::Error| DaemonError::new(Exit::Usage, tidy(&error));
    let options = T::from_arg_matches(&matches).map_err(wrong)?;
    let common = Common::from_arg_matches(&matches).map_err(wrong)?;
    let listen = source(&layers, &matches, "listen");
    let metrics = source(&layers, &matches, "metrics");
    let printed = print::in_force(&command, &matches, |id| source(&layers, &matches, id));
    Ok(Parsed::Options(Box::new(InForce {
        options,
        common,
        listen,
        metrics,
        printed,
        warnings: layers.into_warnings(),
    })))
}

/// A daemon's command line, with what is said behind its options.
pub fn command<T: Parser>(env_prefix: &str) -> clap::Command {
    T::command().after_help(after_help(env_prefix))
}

/// Where the option's value came from.
fn source(layers: &Layers, matches: &ArgMatches, id: &str) -> Layer {
    match matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id)) {
        Some(clap::parser::ValueSource::CommandLine) => Layer::Flag,
        _ => layers.source(id),
    }
}

/// The names of the other two ways to set an option, for `--help`.
fn after_help(env_prefix: &str) -> String {
    format!(
        "Every option is also an environment variable ({env_prefix}LOG_LEVEL=debug) and a key of the --config file \
         (log-level = \"debug\"); the command line counts first, then the environment, then the file. An option that \
         may be repeated takes a list there: [\"one\", \"two\"]."
    )
}

/// clap's message without its `error: ` and the tip to try `--help` (the caller adds the daemon's name).
fn tidy(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.split("\n\nFor more information").next().unwrap_or(text).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
