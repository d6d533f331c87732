//! Parses the layers of options into one struct.

use std::ffi::OsString;

use clap::{FromArgMatches, Parser, parser::ValueSource};

use super::{
    common::Common,
    consequences::Options,
    layers::{Layer, Layers, ReadFile},
    print,
    usage::describe,
};
use crate::{
    exit::{DaemonError, Exit},
    listen,
    value::ListenAddress,
};

/// The names of values that are numbers, durations and sizes.
const AMOUNTS: [&str; 5] = ["N", "TIME", "SIZE", "PERCENT", "PID"];

#[derive(Debug)]
pub(crate) enum Parsed<T> {
    /// To serve with these options, to check them, or to print them.
    Options(Box<InForce<T>>),
    /// To print this text to standard output and exit: `--help`, `--version`.
    Print(String),
}

#[derive(Debug)]
pub(crate) struct InForce<T> {
    pub(crate) options: T,
    /// A copy of those options that every daemon has.
    pub(crate) common: Common,
    /// The layer that gave `--listen` its value.
    pub(crate) listen: Layer,
    /// The layer that gave `--metrics` its value.
    pub(crate) metrics: Layer,
    /// The output of `--print-config`.
    pub(crate) printed: String,
    /// Environment variables with our prefix that are no option, but probably should be one.
    pub(crate) mistakes: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Parses the command line, the environment and the configuration file.
///
/// `env_prefix` begins the names of the environment variables: `DATECAST_WS_`.
///
/// # Errors
/// [`Exit::Usage`] for the command line, [`Exit::Config`] for the environment and the file, [`Exit::NoInput`] if
/// the file is unreadable. The message names the flag, the value and the layer that it came from.
pub(crate) fn parse<T: Options>(
    env_prefix: &str,
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    read_file: ReadFile,
) -> Result<Parsed<T>, DaemonError> {
    let args: Vec<OsString> = args.into_iter().collect();
    let command = command::<T>(env_prefix);
    let mut layers = Layers::new(&command, env_prefix, T::elsewhere(), env)?;
    if let Some(file) = layers.config_file(&command, &args) {
        layers.read_file(&command, &file, read_file)?;
    }
    let command = layers.apply(command);
    let matches = match command.clone().try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => return Ok(Parsed::Print(error.to_string())),
        Err(error) => return Err(DaemonError::new(Exit::Usage, describe(&error, &command, &args))),
    };
    let wrong = |error: clap::Error| DaemonError::new(Exit::Usage, describe(&error, &command, &args));
    let options = T::from_arg_matches(&matches).map_err(wrong)?;
    let common = Common::from_arg_matches(&matches).map_err(wrong)?;
    let addresses = matches.try_get_many::<ListenAddress>("listen").ok().flatten();
    let addresses: Vec<ListenAddress> = addresses.unwrap_or_default().cloned().collect();
    listen::check(&addresses, common.metrics.as_ref())?;
    let layer = |id: &str| match matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id)) {
        Some(ValueSource::CommandLine) => Layer::Flag,
        _ => layers.layer_of(id),
    };
    let (listen, metrics) = (layer("listen"), layer("metrics"));
    let printed = print::in_force(&command, &matches, layer, &options.defaults());
    let idle: Vec<String> = options
        .without_effect()
        .into_iter()
        .filter_map(|(long, why)| match layer(&long.replace('-', "_")) {
            Layer::Default => None,
            layer => Some(format!("--{long} ({layer}) has no effect: {why}")),
        })
        .collect();
    let Layers { mistakes, mut warnings, .. } = layers;
    warnings.extend(idle);
    Ok(Parsed::Options(Box::new(InForce { options, common, listen, metrics, printed, mistakes, warnings })))
}

/// What a command line asks for other than to serve, even if the options beside it are wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Errand {
    /// `--check`
    pub(crate) check: bool,
    /// `--reload PID`
    pub(crate) reload: Option<u32>,
}

/// Reads the errand from a command line that may be wrong behind it.
pub(crate) fn errand<T: Parser>(args: impl IntoIterator<Item = OsString>) -> Errand {
    let Ok(matches) = T::command().ignore_errors(true).try_get_matches_from(args) else {
        return Errand::default();
    };
    // Without the default where the parse ended early.
    Errand {
        check: matches.get_one("check").is_some_and(|asked: &bool| *asked),
        reload: matches.get_one("reload").copied(),
    }
}

/// Makes a daemon's command line; its help explains the other layers behind the options.
pub fn command<T: Parser>(env_prefix: &str) -> clap::Command {
    let command = T::command().mut_args(|arg| {
        // A negative number is a wrong value, not an unknown option.
        let is_amount = |name: &clap::builder::Str| AMOUNTS.contains(&name.as_str());
        let takes_amount = arg.get_value_names().is_some_and(|names| names.iter().any(is_amount));
        if takes_amount { arg.allow_hyphen_values(true) } else { arg }
    });
    command.after_help(format!(
        "Every option is also an environment variable ({env_prefix}LOG_LEVEL=debug) and a key of the --config file \
         (log-level = \"debug\"); the command line counts first, then the environment, then the file. An option that \
         may be repeated takes a list there: [\"one\", \"two\"]."
    ))
}
