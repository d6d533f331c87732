//! `--print-config`: the options in force, as a file that `--config` accepts.

use std::fmt::Write as _;

use clap::{Arg, ArgMatches, Command};

use super::layers::{Layer, is_flag, is_list, options};
use crate::quote::quote;

/// Writes one line per option in the order of `--help`, each with its layer as a comment.
/// `defaults` are those that follow from other options.
pub(super) fn in_force(
    command: &Command,
    matches: &ArgMatches,
    layer_of: impl Fn(&str) -> Layer,
    defaults: &[(&str, String)],
) -> String {
    let mut out = String::new();
    for (long, arg) in options(command).filter(|(long, _)| *long != "config") {
        let layer = layer_of(arg.get_id().as_str());
        let default = || {
            defaults
                .iter()
                .find(|(name, _)| *name == long)
                .map(|(_, word)| text(arg, std::slice::from_ref(word)))
        };
        match value(arg, matches).or_else(default) {
            // Writing to a String does not fail.
            Some(value) => _ = writeln!(out, "{long} = {value} # {layer}"),
            None => _ = writeln!(out, "# {long} is not set"),
        }
    }
    out
}

/// Returns the option's value as TOML; `None` if it has none.
fn value(arg: &Arg, matches: &ArgMatches) -> Option<String> {
    let id = arg.get_id().as_str();
    if is_flag(arg) {
        return Some(matches.get_flag(id).to_string());
    }
    let words: Vec<String> =
        matches.get_raw(id)?.map(|word| without_secret(&word.to_string_lossy())).collect();
    (is_list(arg) || !words.is_empty()).then(|| text(arg, &words))
}

/// Writes the words of an option as TOML: a list, or the first one.
fn text(arg: &Arg, words: &[String]) -> String {
    if is_list(arg) {
        let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
        return format!("[{}]", quoted.join(", "));
    }
    words.first().map(|word| literal(word)).unwrap_or_default()
}

/// Takes the user and the password out of each URL: what we print may be shown to others.
fn without_secret(word: &str) -> String {
    let shown = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split('/').next()?;
        let (user, _) = authority.rsplit_once('@')?;
        Some(format!("{scheme}://…{}", rest.strip_prefix(user)?))
    };
    let shown = |url: &str| shown(url).unwrap_or_else(|| url.to_owned());
    word.split(',').map(shown).collect::<Vec<_>>().join(",")
}

fn literal(word: &str) -> String {
    match word.parse::<i64>() {
        Ok(number) if number.to_string() == word => word.to_owned(),
        _ => quote(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_not_printed() {
        for (word, shown) in [
            ("nats://me:secret@a:4222,tls://token@b,nats://c", "nats://…@a:4222,tls://…@b,nats://c"),
            ("https://host/@x", "https://host/@x"),
            ("me@host", "me@host"),
            ("a, b", "a, b"),
        ] {
            assert_eq!(without_secret(word), shown);
        }
    }
}
