//! `--print-config`: the options in force, as a file that `--config` takes.

use std::fmt::Write as _;

use clap::{Arg, ArgMatches, Command};

use super::layers::{Layer, is_flag, is_list};

/// One line an option, sorted as `--help` has them, each with its source as a comment.
pub(super) fn in_force(command: &Command, matches: &ArgMatches, source: impl Fn(&str) -> Layer) -> String {
    let mut out = String::new();
    for arg in command.get_arguments() {
        let Some(long) = arg.get_long() else { continue };
        // These three say what to do now; they are not part of a configuration.
        if ["config", "print-config", "check", "help", "version"].contains(&long) {
            continue;
        }
        let id = arg.get_id().as_str();
        let from = source(id);
        match value(arg, matches) {
            // Writing to a String does not fail.
            Some(value) => _ = writeln!(out, "{long} = {value} # {from}"),
            None => _ = writeln!(out, "# {long} is not set"),
        }
    }
    out
}

/// The option's value as TOML.
fn value(arg: &Arg, matches: &ArgMatches) -> Option<String> {
    let id = arg.get_id().as_str();
    if is_flag(arg) {
        return Some(matches.get_flag(id).to_string());
    }
    let mut words = matches.get_raw(id)?.map(|word| word.to_string_lossy());
    if is_list(arg) {
        let quoted: Vec<String> = words.map(|word| quote(&word)).collect();
        return Some(format!("[{}]", quoted.join(", ")));
    }
    let word = words.next()?;
    Some(match word.parse::<i64>() {
        Ok(number) if number.to_string() == word => word.into_owned(),
        _ => quote(&word),
    })
}

/// A TOML string on one line.
fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => _ = write!(out, "\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
