//! The layers below the command line: the environment and the configuration file.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, Command};

use super::{suggest::hint, usage::describe};
use crate::{
    exit::{DaemonError, Exit},
    path_error::describe_path_error,
    value::on_off,
};

/// How the configuration file is read: at most so many bytes.
pub(crate) type ReadFile = fn(&Path, u64) -> io::Result<Vec<u8>>;

/// How the names of the variables of all our programs begin, and of those of the one that is no daemon.
const VENDOR: &str = "DATECAST_";
/// How the names of the variables of the daemons, of `datecast feed` and of `datecast-nats` go on.
const DAEMONS: [&str; 5] = ["WS_", "STATIC_", "POLICY_", "FEED_", "NATS_"];
/// Bytes of a configuration file.
const MAX_FILE: u64 = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Flag,
    /// The environment variable of this name.
    Environment(String),
    /// The `--config` file at this path.
    File(PathBuf),
    Default,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("command line"),
            Self::Environment(name) => write!(f, "environment: {name}"),
            Self::File(path) => write!(f, "file: {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Values by the option's id, each with the layer it came from. The environment takes precedence over the file.
#[derive(Default)]
pub(super) struct Layers {
    values: BTreeMap<String, (Vec<OsString>, Layer)>,
    /// One line for each environment variable that has our prefix and names no option.
    pub(super) mistakes: Vec<String>,
    /// One line for each of them that a container platform has put there.
    pub(super) warnings: Vec<String>,
    /// The options of other commands that share the environment and the file.
    elsewhere: &'static [&'static str],
    /// Parses one option at a time: the command without its defaults.
    checker: Command,
}

impl Layers {
    /// Reads the variables that begin with the prefix; an empty one counts as unset.
    pub(super) fn new(
        command: &Command,
        prefix: &str,
        elsewhere: &'static [&'static str],
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, DaemonError> {
        let without_default = |arg: Arg| arg.default_values(Vec::<clap::builder::OsStr>::new());
        let checker = command.clone().mut_args(without_default);
        let mut layers = Self { elsewhere, checker, ..Self::default() };
        for (variable, value) in env {
            let Some(variable) = variable.to_str().filter(|_| !value.is_empty()) else { continue };
            let Some(name) = variable.strip_prefix(prefix) else {
                layers.mistakes.extend(without_its_daemon(command, prefix, variable));
                continue;
            };
            if prefix == VENDOR && DAEMONS.iter().any(|daemon| name.starts_with(daemon)) {
                continue;
            }
            let has_name = |(long, _): &(&str, _)| variable_of(prefix, long) == variable;
            let Some((_, arg)) = options(command).find(has_name) else {
                if elsewhere.iter().any(|long| variable_of(prefix, long) == variable) {
                    continue;
                }
                let what = format!("environment variable {variable} is no option");
                if is_of_platform(name, &value) {
                    layers.warnings.push(what);
                } else {
                    layers.mistakes.push(
                        what + &hint(name, &value.to_string_lossy(), names(command), |long| {
                            variable_of(prefix, long)
                        }),
                    );
                }
                continue;
            };
            let values = list(arg, &value).unwrap_or_else(|| vec![value]);
            layers.check(command, arg, &values).map_err(|wrong| {
                DaemonError::new(Exit::Config, format!("environment variable {variable}: {wrong}"))
            })?;
            let layer = Layer::Environment(variable.to_owned());
            layers.values.insert(arg.get_id().to_string(), (canonical(arg, values), layer));
        }
        Ok(layers)
    }

    /// Returns the configuration file that the command line or the environment names.
    pub(super) fn config_file(&self, command: &Command, args: &[OsString]) -> Option<PathBuf> {
        // The real parse reports other mistakes of the command line.
        let flags = command.clone().ignore_errors(true).try_get_matches_from(args).ok();
        let flag = flags.and_then(|matches| matches.get_one::<PathBuf>("config").cloned());
        flag.or_else(|| self.values.get("config").and_then(|(values, _)| values.first()).map(PathBuf::from))
    }

    /// Adds the file's values for options that the environment does not set.
    pub(super) fn read_file(
        &mut self,
        command: &Command,
        path: &Path,
        read: ReadFile,
    ) -> Result<(), DaemonError> {
        let unreadable = |what: &dyn fmt::Display| {
            DaemonError::new(Exit::NoInput, format!("--config {}: {what}", path.display()))
        };
        let bytes =
            read(path, MAX_FILE + 1).map_err(|error| unreadable(&describe_path_error(path, &error)))?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(unreadable(&"longer than 1 MiB"));
        }
        let not_text = |_| unreadable(&describe_path_error(path, &io::ErrorKind::InvalidData.into()));
        let text = String::from_utf8(bytes).map_err(not_text)?;
        let wrong = |what: String| DaemonError::new(Exit::Config, format!("{}: {what}", path.display()));
        let table: toml::Table = text.parse().map_err(|error| wrong(place(&text, &error)))?;
        for (key, value) in &table {
            let Some((_, arg)) = options(command).find(|(long, _)| *long != "config" && long == key) else {
                if self.elsewhere.contains(&key.as_str()) {
                    continue;
                }
                return Err(wrong(not_a_key(command, key, value)));
            };
            let values = strings(arg, value).map_err(|what| wrong(format!("`{key}` {what}")))?;
            self.check(command, arg, &values).map_err(|what| wrong(format!("`{key}`: {what}")))?;
            let layer = Layer::File(path.to_owned());
            self.values.entry(arg.get_id().to_string()).or_insert((canonical(arg, values), layer));
        }
        Ok(())
    }

    /// Lets clap check the values as if they stood on the command line.
    fn check(&mut self, command: &Command, arg: &Arg, values: &[OsString]) -> Result<(), String> {
        let Some(long) = arg.get_long() else { return Ok(()) };
        // Printed as not set, it would be read back as the default; and a daemon that listens nowhere serves nobody.
        if values.is_empty() && !arg.get_default_values().is_empty() {
            return Err("the list is empty; leave it out for the default".to_owned());
        }
        let mut words = vec![OsString::from(command.get_name())];
        for value in values {
            if is_flag(arg) {
                match on_off(&value.to_string_lossy()) {
                    Ok(true) => words.push(format!("--{long}").into()),
                    Ok(false) => {}
                    Err(_) => return Err(format!("say true or false, not {}", value.to_string_lossy())),
                }
            } else {
                let mut word = OsString::from(format!("--{long}="));
                word.push(value);
                words.push(word);
            }
        }
        let wrong = |error| describe(&error, command, &words);
        self.checker.try_get_matches_from_mut(&words).map(drop).map_err(wrong)
    }

    /// Returns the command with these values as its defaults.
    pub(super) fn apply(&self, command: Command) -> Command {
        command.mut_args(|arg| match self.values.get(arg.get_id().as_str()) {
            Some((values, _)) => arg.default_values(values.iter().map(clap::builder::OsStr::from)),
            None => arg,
        })
    }

    /// Returns the layer that gave this option its value, unless the command line did.
    pub(super) fn layer_of(&self, id: &str) -> Layer {
        self.values.get(id).map_or(Layer::Default, |(_, layer)| layer.clone())
    }
}

/// The long names of [`options`].
fn names(command: &Command) -> impl Iterator<Item = &str> {
    options(command).map(|(long, _)| long)
}

/// Returns the options that are part of a configuration, and `--config` itself, by their long names. The others say what to
/// do now.
pub(super) fn options(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    command.get_arguments().filter_map(|arg| Some((name_in_configuration(arg)?, arg)))
}

fn name_in_configuration(arg: &Arg) -> Option<&str> {
    arg.get_long().filter(|long| !["help", "version", "print-config", "check", "reload"].contains(long))
}

/// Returns the environment variable of an option; `None` for one that says what to do now, such as `--check`.
pub fn environment_variable(env_prefix: &str, arg: &Arg) -> Option<String> {
    name_in_configuration(arg).map(|long| variable_of(env_prefix, long))
}

/// Says what is wrong with a key of the file that names no option.
fn not_a_key(command: &Command, key: &str, value: &toml::Value) -> String {
    if value.is_table() {
        return format!("`[{key}]`: this file has no sections; write the keys without this line");
    }
    if key == "config" {
        return "`config` names this very file; leave the line out".to_owned();
    }
    // Written as on the command line or in the environment, perhaps.
    let name = key.trim_start_matches('-');
    let name = name.strip_prefix(VENDOR).and_then(|rest| rest.split_once('_')).map_or(name, |(_, name)| name);
    let hint = hint(name, &value.to_string(), names(command), |long| format!("`{long}`"));
    let keys = "; the keys are the flags' names, see --help";
    format!("`{key}` is no option{}", if hint.is_empty() { keys } else { &hint })
}

/// The mistake of a variable that names an option but not whose it is: `DATECAST_INTERVAL`.
fn without_its_daemon(command: &Command, prefix: &str, variable: &str) -> Option<String> {
    let (long, _) = options(command).find(|(long, _)| variable_of(VENDOR, long) == variable)?;
    let meant = variable_of(prefix, long);
    Some(format!("environment variable {variable} is no option; did you mean {meant}?"))
}

/// The environment variable of an option.
fn variable_of(prefix: &str, long: &str) -> String {
    format!("{prefix}{}", long.to_ascii_uppercase().replace('-', "_"))
}

/// True for a variable that Kubernetes, or Docker with links, makes for a service with a name such as `datecast-ws`.
fn is_of_platform(name: &str, value: &OsStr) -> bool {
    name.starts_with("SERVICE_")
        || name.starts_with("PORT_")
        || value.as_encoded_bytes().starts_with(b"tcp://")
}

pub(super) fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// True if the option is a flag without a value.
pub(super) fn is_flag(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// Parses a variable's value as the list `["one", "two"]`, for an option that may be repeated.
fn list(arg: &Arg, value: &OsStr) -> Option<Vec<OsString>> {
    if !is_list(arg) {
        return None;
    }
    // `[::]:80` also begins with a bracket, but is not TOML.
    let table: toml::Table = format!("list = {}", value.to_str()?).parse().ok()?;
    table.get("list").filter(|list| list.is_array()).and_then(|list| strings(arg, list).ok())
}

/// What an option takes that may be repeated.
const LIST: &str = "takes a list of strings: [\"one\", \"two\"]";

/// Converts a value of the file to the words that the command line would have.
fn strings(arg: &Arg, value: &toml::Value) -> Result<Vec<OsString>, &'static str> {
    match value {
        toml::Value::String(text) => Ok(vec![text.into()]),
        toml::Value::Integer(number) => Ok(vec![number.to_string().into()]),
        toml::Value::Float(number) => Ok(vec![number.to_string().into()]),
        toml::Value::Boolean(yes) => Ok(vec![yes.to_string().into()]),
        toml::Value::Array(items) if is_list(arg) => {
            let strings = items.iter().map(|item| item.as_str().map(OsString::from));
            strings.collect::<Option<_>>().ok_or(LIST)
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) if is_list(arg) => Err(LIST),
        toml::Value::Array(_) => Err("takes one value, not a list"),
        toml::Value::Datetime(_) | toml::Value::Table(_) => Err("takes a string, a number, true or false"),
    }
}

/// A switch in the words of clap, which takes only `true` and `false` for a default.
fn canonical(arg: &Arg, values: Vec<OsString>) -> Vec<OsString> {
    let in_words_of_clap = |value: OsString| match on_off(&value.to_string_lossy()) {
        Ok(is_on) => is_on.to_string().into(),
        Err(_) => value,
    };
    if is_flag(arg) { values.into_iter().map(in_words_of_clap).collect() } else { values }
}

/// Describes a mistake in the file's syntax: where it is, the line, and what is wrong.
fn place(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default().trim();
    // toml: `invalid type: integer `99999999999999999999` as i128, expected any valid TOML value`
    let is_too_large = error.message().starts_with("invalid type: integer");
    let what = if is_too_large { "the number is too large" } else { error.message() };
    format!("line {}, `{line}`: {what}", number + 1)
}
