//! Says in one line what is wrong with a command line: the option, its value, and what to write instead.

use std::{error::Error as _, ffi::OsString, num::IntErrorKind, num::ParseIntError, path::Path};

use clap::{
    Arg, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::suggest::hint;

/// Describes clap's error about these words, the first of which is the program's name.
pub(super) fn describe(error: &clap::Error, command: &Command, args: &[OsString]) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    // `--interval <TIME>`, or what stands where an option should.
    let argument = context(ContextKind::InvalidArg);
    let value = context(ContextKind::InvalidValue);
    let flag = argument.split(' ').next().unwrap_or_default();
    let prior = context(ContextKind::PriorArg);
    let other = prior.split(' ').next().unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => unknown(&argument, command, args),
        ErrorKind::UnknownArgument => stray(&argument, command, args),
        ErrorKind::InvalidValue if value.is_empty() => format!("{flag} needs a value: {argument}"),
        ErrorKind::InvalidValue => {
            format!("invalid value '{value}' for '{argument}': say {}", one_of(error))
        }
        ErrorKind::ValueValidation if find(command, &value).is_some() => {
            format!("{flag} needs a value: {argument}")
        }
        ErrorKind::ValueValidation => format!("invalid value '{value}' for '{argument}': {}", cause(error)),
        ErrorKind::InvalidUtf8 => match args.iter().find(|arg| arg.to_str().is_none()) {
            Some(arg) => format!("`{}` is not text in UTF-8", arg.to_string_lossy()),
            None => "a value is not text in UTF-8".to_owned(),
        },
        ErrorKind::TooManyValues => format!("{flag} takes no value; leave `{value}` out"),
        ErrorKind::ArgumentConflict if prior == argument => format!("{flag} is given twice; leave one out"),
        ErrorKind::ArgumentConflict => {
            format!("{flag} and {other} exclude each other; leave one of them out")
        }
        _ => error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

/// The values that an option takes: `auto, text or json`.
fn one_of(error: &clap::Error) -> String {
    let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue) else {
        return String::new();
    };
    match values.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// What is wrong with a value; numbers in words of ours.
fn cause(error: &clap::Error) -> String {
    let Some(source) = error.source() else { return String::new() };
    if let Some(number) = source.downcast_ref::<ParseIntError>() {
        return match number.kind() {
            IntErrorKind::PosOverflow => "the number is too large",
            _ => "say a whole number, 0 or more",
        }
        .to_owned();
    }
    let text = source.to_string();
    // clap: `70000 is not in 0..=65535`
    let range = text.split_once(" is not in ").and_then(|(_, range)| range.split_once("..="));
    range.map_or(text.clone(), |(first, last)| format!("say a whole number from {first} to {last}"))
}

/// Describes a word that begins like an option but names none.
fn unknown(argument: &str, command: &Command, args: &[OsString]) -> String {
    let name = argument.trim_start_matches('-').split('=').next().unwrap_or_default();
    let options = command.get_arguments().filter_map(Arg::get_long);
    let next = before_and_behind(argument, args).1.unwrap_or_default();
    let hint = hint(name, &next, options, |long| format!("--{long}"));
    format!("{argument} is no option{}", if hint.is_empty() { "; --help lists them" } else { &hint })
}

/// Describes a word that belongs to no option.
fn stray(word: &str, command: &Command, args: &[OsString]) -> String {
    let (before, _) = before_and_behind(word, args);
    let mut before = before.into_iter().rev();
    let (last, one_more) = (before.next().unwrap_or_default(), before.next().unwrap_or_default());
    if find(command, &last).is_some_and(|arg| !arg.get_action().takes_values()) {
        return format!("{last} takes no value; leave `{word}` out");
    }
    let takes_value = find(command, &one_more).is_some_and(|arg| arg.get_action().takes_values());
    if takes_value && find(command, &last).is_some() {
        return format!("{one_more} needs a value before {last}");
    }
    let runs = command.get_arguments().any(Arg::is_last_set);
    if takes_value {
        let quoted = format!("a value with a blank needs quotes: {one_more} '{last} {word}'");
        let or = if runs { runs_no(word, command, args) + "; or " } else { String::new() };
        return format!("`{word}` belongs to no option; {or}{quoted}");
    }
    let cure = match (runs, find(command, "--root").is_some()) {
        (true, _) => runs_no(word, command, args),
        (false, true) => format!("a folder to serve is --root {word}"),
        (false, false) => "each value stands behind its option".to_owned(),
    };
    format!("`{word}` belongs to no option; {cure}")
}

/// What was meant by a word in a program that runs a command: the page of help, a port, a file, or that command.
fn runs_no(word: &str, command: &Command, args: &[OsString]) -> String {
    let (program, listens) = (command.get_name(), find(command, "--listen").is_some());
    if word == "help" {
        return format!("`{program} --help` lists the options");
    }
    if let Ok(port) = word.parse::<u16>()
        && listens
    {
        return format!("a port is --listen localhost:{port}, or `[::]:{port}` for other machines, too");
    }
    let rest = args.iter().skip(1).map(|arg| arg.to_string_lossy()).skip_while(|arg| arg != word);
    let words: Vec<_> = rest.collect();
    if words.iter().any(|it| it == "--") {
        return "leave it out, or put it behind `--`".to_owned();
    }
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&b));
    if words.len() == 1 && is_plain(word) && Path::new(word).is_file() {
        return format!("a file is read by `{program} < {word}`, a command stands behind `--`");
    }
    let behind = match words.as_slice() {
        [_, rest @ ..] if rest.iter().all(|it| is_plain(it)) => words.join(" "),
        [_, ..] => format!("{word} …"),
        [] => word.to_owned(),
    };
    format!("a command stands behind `--`, as in `{program} -- {behind}`")
}

/// The option of this flag, if it is one.
fn find<'c>(command: &'c Command, flag: &str) -> Option<&'c Arg> {
    let long = flag.strip_prefix("--")?;
    command.get_arguments().find(|arg| arg.get_long() == Some(long))
}

/// The words before this one, and the value behind it: the next word, or what follows its `=`.
fn before_and_behind(word: &str, args: &[OsString]) -> (Vec<String>, Option<String>) {
    let words: Vec<String> = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let joined = format!("{word}=");
    let at = words.iter().position(|it| it == word || it.starts_with(&joined)).unwrap_or(words.len());
    let value = words.get(at).and_then(|it| it.strip_prefix(&joined)).map(str::to_owned);
    (words.get(..at).unwrap_or_default().to_vec(), value.or_else(|| words.get(at + 1).cloned()))
}
