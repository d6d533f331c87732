//! The layers below the command line: the environment and the configuration file.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, Command};

use crate::exit::{DaemonError, Exit};

/// Where an option's value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Flag,
    /// The variable's name.
    Environment(String),
    /// The path of the `--config` file.
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
pub(super) struct Layers {
    values: BTreeMap<String, (Vec<OsString>, Layer)>,
    warnings: Vec<String>,
}

impl Layers {
    /// Reads the variables that begin with the prefix; an empty one counts as unset.
    pub(super) fn new(
        command: &Command,
        prefix: &str,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, DaemonError> {
        let mut layers = Self { values: BTreeMap::new(), warnings: Vec::new() };
        for (variable, value) in env {
            let Some(variable) = variable.to_str() else { continue };
            let Some(name) = variable.strip_prefix(prefix) else { continue };
            if value.is_empty() {
                continue;
            }
            let long = name.to_ascii_lowercase().replace('_', "-");
            let Some(arg) =
                option(command, &long).filter(|_| !name.contains(|c: char| c.is_ascii_lowercase()))
            else {
                // Not an error: container platforms put variables of their own (`..._SERVICE_HOST`) beside ours.
                layers.warnings.push(format!("environment variable {variable} is no option"));
                continue;
            };
            let values = list(arg, &value).unwrap_or_else(|| vec![value]);
            check(command, arg, &values).map_err(|wrong| {
                DaemonError::new(Exit::Config, format!("environment variable {variable}: {wrong}"))
            })?;
            layers.values.insert(arg.get_id().to_string(), (values, Layer::Environment(variable.to_owned())));
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
    pub(super) fn read_file(&mut self, command: &Command, path: &Path) -> Result<(), DaemonError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            DaemonError::new(Exit::NoInput, format!("--config {}: {error}", path.display()))
        })?;
        let wrong = |what: String| DaemonError::new(Exit::Config, format!("{}: {what}", path.display()));
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| wrong(place(&text, &error)))?;
        for (key, value) in &table {
            let Some(arg) = option(command, key).filter(|arg| arg.get_id() != "config") else {
                return Err(wrong(format!(
                    "`{key}` is no option; the keys are the flags' names, see --help"
                )));
            };
            let values = strings(arg, value).map_err(|what| wrong(format!("`{key}` {what}")))?;
            check(command, arg, &values).map_err(|what| wrong(format!("`{key}`: {what}")))?;
            let layer = Layer::File(path.to_owned());
            self.values.entry(arg.get_id().to_string()).or_insert((values, layer));
        }
        Ok(())
    }

    /// Returns the command with these values as its defaults.
    pub(super) fn apply(&self, command: Command) -> Command {
        command.mut_args(|arg| match self.values.get(arg.get_id().as_str()) {
            Some((values, _)) => arg.default_values(values.iter().map(clap::builder::OsStr::from)),
            None => arg,
        })
    }

    /// Returns the layer that gave this option its value; the command line is none of ours.
    pub(super) fn layer_of(&self, id: &str) -> Layer {
        self.values.get(id).map_or(Layer::Default, |(_, layer)| layer.clone())
    }

    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }
}

/// Finds the option of this long name, if the environment and the file may set it.
fn option<'c>(command: &'c Command, long: &str) -> Option<&'c Arg> {
    let only_flags = ["help", "version", "print-config", "check"];
    command.get_arguments().find(|arg| arg.get_long() == Some(long) && !only_flags.contains(&long))
}

/// True if the option may be repeated.
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

/// Converts a value of the file to the words that the command line would have.
fn strings(arg: &Arg, value: &toml::Value) -> Result<Vec<OsString>, &'static str> {
    match value {
        toml::Value::String(text) => Ok(vec![text.into()]),
        toml::Value::Integer(number) => Ok(vec![number.to_string().into()]),
        toml::Value::Float(number) => Ok(vec![number.to_string().into()]),
        toml::Value::Boolean(yes) => Ok(vec![yes.to_string().into()]),
        toml::Value::Array(items) if is_list(arg) => items
            .iter()
            .map(|item| {
                item.as_str().map(OsString::from).ok_or("takes a list of strings: [\"one\", \"two\"]")
            })
            .collect(),
        toml::Value::Array(_) => Err("takes one value, not a list"),
        toml::Value::Datetime(_) | toml::Value::Table(_) => Err("takes a string, a number, true or false"),
    }
}

/// Lets clap check the values as if they stood on the command line.
fn check(command: &Command, arg: &Arg, values: &[OsString]) -> Result<(), String> {
    let Some(long) = arg.get_long() else { return Ok(()) };
    let mut words = vec![OsString::from(command.get_name())];
    for value in values {
        if is_flag(arg) {
            match value.to_str() {
                Some("true") => words.push(format!("--{long}").into()),
                Some("false") => {}
                _ => return Err("say true or false".to_owned()),
            }
        } else {
            let mut word = OsString::from(format!("--{long}="));
            word.push(value);
            words.push(word);
        }
    }
    command.clone().try_get_matches_from(words).map(drop).map_err(|error| tidy(&error))
}

/// Describes a mistake in the file's syntax: line, column, message.
fn place(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {}", error.message())
}

/// Returns clap's message without its `error: ` and without the tip to try `--help`; the caller adds the daemon's name.
pub(super) fn tidy(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.split("\n\nFor more information").next().unwrap_or(text).trim_end().to_owned()
}
