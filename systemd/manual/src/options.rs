//! Makes docs/options.md: tables of what the command lines say, in the prose of `pages/options.md`.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};
use manual_writer::Page;

use crate::{FRONT, is_of_front};

/// The prose. A line `@NAME@` stands for the tables of that program, `@common@` for the options that all daemons have, and
/// `@of NAME@` for the flags of a daemon that `datecast` has, too.
const PROSE: &str = include_str!("pages/options.md");
/// The heading of options that have none.
const NO_HEADING: &str = "General";

/// One option, as the tables have it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    heading: String,
    /// `--listen ADDRESS`
    flag: String,
    /// In Markdown.
    default: String,
    meaning: String,
    /// `None` for an option that says what to do now, such as `--check`.
    variable: Option<String>,
}

impl Row {
    fn new(argument: &Arg, env_prefix: &str) -> Self {
        let text = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let (meaning, default) = split_default(&text);
        let variable = daemon::environment_variable(env_prefix, argument);
        let default = match default {
            Some(words) => escape(words),
            None if variable.is_none() => String::new(),
            None => default_of(argument),
        };
        let heading = argument.get_help_heading().unwrap_or(NO_HEADING).to_owned();
        Self { heading, flag: flag_of(argument), default, meaning: escape(meaning), variable }
    }

    /// True if the same option is among the rows, whatever its variable is called there.
    fn is_in(&self, rows: &[Self]) -> bool {
        let mine = (&self.flag, &self.default, &self.meaning);
        rows.iter().any(|row| mine == (&row.flag, &row.default, &row.meaning))
    }
}

/// Writes docs/options.md.
pub(crate) fn to_markdown(pages: &[Page]) -> String {
    let named = |page: &Page| {
        let command = manual_writer::complete((page.command)());
        (command.get_name().to_owned(), rows(&command, page.env_prefix))
    };
    let (front, others): (Vec<Program>, Vec<Program>) =
        pages.iter().map(named).partition(|(name, _)| name == FRONT);
    let (parts, daemons): (Vec<Program>, Vec<Program>) =
        others.into_iter().partition(|(name, _)| is_of_front(name));
    let common = common_to_all(&daemons);
    let mut text = PROSE.replace("@common@\n", &table(&common, &any_prefix));
    let front: Vec<Row> = without(front.iter().flat_map(|(_, rows)| rows), &common);
    let mut only_front = front.clone();
    for (name, rows) in &daemons {
        let own = without(rows, &common);
        let shared = front.iter().filter(|row| row.is_in(&own)).map(|row| row.flag.split(' ').next());
        let shared: Vec<String> = shared.flatten().map(code).collect();
        text = text.replace(&format!("@of {name}@\n"), &format!("{}\n", shared.join(", ")));
        text = text.replace(&format!("@{name}@\n"), &tables(&own));
        only_front = without(&only_front, &own);
    }
    for (name, rows) in &parts {
        text = text.replace(&format!("@{name}@\n"), &tables(&without(rows, &common)));
    }
    text.replace(&format!("@{FRONT}@\n"), &tables(&only_front))
}

/// A program's name, and its options.
type Program = (String, Vec<Row>);

/// The rows that are not among others.
fn without<'a>(rows: impl IntoIterator<Item = &'a Row>, others: &[Row]) -> Vec<Row> {
    rows.into_iter().filter(|row| !row.is_in(others)).cloned().collect()
}

fn rows(command: &Command, env_prefix: &str) -> Vec<Row> {
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    shown.map(|argument| Row::new(argument, env_prefix)).collect()
}

/// The options that every program has with the same meaning and default, as the first one has them.
fn common_to_all(programs: &[Program]) -> Vec<Row> {
    let Some(((_, first), others)) = programs.split_first() else { return Vec::new() };
    let in_all = |row: &&Row| others.iter().all(|(_, rows)| row.is_in(rows));
    first.iter().filter(in_all).cloned().collect()
}

/// A table for each heading, in the order in which `--help` has them; the limits, which few set, are the last one.
fn tables(rows: &[Row]) -> String {
    let mut headings: Vec<&str> = Vec::new();
    for row in rows {
        if !headings.contains(&row.heading.as_str()) {
            headings.push(&row.heading);
        }
    }
    headings.sort_by_key(|heading| *heading == "Limits");
    let mut text = String::new();
    for heading in headings {
        let rows: Vec<Row> = rows.iter().filter(|row| row.heading == heading).cloned().collect();
        let begin = if text.is_empty() { "" } else { "\n" };
        // Writing to a String does not fail.
        _ = write!(text, "{begin}### {heading}\n\n{}", table(&rows, &ToOwned::to_owned));
    }
    text
}

/// One table; `variable` is how it names an environment variable.
fn table(rows: &[Row], variable: &dyn Fn(&str) -> String) -> String {
    let mut text = "| flag | default | | variable |\n|---|---|---|---|\n".to_owned();
    for Row { flag, default, meaning, variable: name, .. } in rows {
        let name = name.as_deref().map(|name| code(&variable(name))).unwrap_or_default();
        _ = writeln!(text, "| {} | {default} | {meaning} | {name} |", code(flag));
    }
    text
}

/// `DATECAST_WS_LOG_LEVEL` as `*_LOG_LEVEL`, where each program has its own beginning.
fn any_prefix(variable: &str) -> String {
    let rest = crate::PAGES.iter().find_map(|page| variable.strip_prefix(page.env_prefix));
    rest.map_or_else(|| variable.to_owned(), |rest| format!("*_{rest}"))
}

/// `--listen ADDRESS`, or what stands where no flag does.
fn flag_of(argument: &Arg) -> String {
    let takes_values = argument.get_action().takes_values();
    let names = argument.get_value_names().filter(|_| takes_values).unwrap_or_default();
    let quoted = |name: &str| if name.contains(' ') { format!(" '{name}'") } else { format!(" {name}") };
    let values = names.iter().map(|name| quoted(name)).collect::<String>();
    match argument.get_long() {
        Some(long) => format!("--{long}{values}"),
        // Only behind `--` are there words without one.
        None => format!("--{values}..."),
    }
}

/// The default that clap knows.
fn default_of(argument: &Arg) -> String {
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        return "off".to_owned();
    }
    let values: Vec<String> =
        argument.get_default_values().iter().map(|value| code(&value.to_string_lossy())).collect();
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}

/// Divides `What it does [default: none]` into what it does and the default, where words say it.
fn split_default(text: &str) -> (&str, Option<&str>) {
    let parts = text.strip_suffix(']').and_then(|text| text.rsplit_once(" [default: "));
    parts.map_or((text, None), |(meaning, default)| (meaning, Some(default)))
}

/// A span of code in a cell of a table.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// Plain text with spans of code, as a cell of a table.
fn escape(text: &str) -> String {
    let mut is_code = false;
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '`' => is_code = !is_code,
            '|' => out.push('\\'),
            '*' | '_' | '<' if !is_code => out.push('\\'),
            _ => {}
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_what_the_command_lines_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/options.md");
        let document = std::fs::read_to_string(path).unwrap_or_default();
        let is_current = document == to_markdown(&crate::PAGES);
        assert!(
            is_current,
            "docs/options.md is not what the command lines say: `make options` writes it anew"
        );
    }

    #[test]
    fn every_option_of_every_program_is_in_the_document() {
        let document = to_markdown(&crate::PAGES);
        assert!(!document.lines().any(|line| line.starts_with('@')), "a placeholder was left over");
        for page in &crate::PAGES {
            let command = (page.command)();
            let section = document.split("\n## ").find(|it| it.starts_with(command.get_name()));
            let common =
                document.split("\n## ").find(|it| it.starts_with("All of them")).expect("the common options");
            let section = section.expect("its section");
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let flag = format!("--{}", argument.get_long().unwrap_or_default());
                let is_there =
                    |text: &str| text.contains(&format!("`{flag}`")) || text.contains(&format!("`{flag} "));
                assert!(is_there(section) || is_there(common), "{} {flag}", command.get_name());
            }
        }
    }

    #[test]
    fn the_exit_codes_are_those_of_the_manual_pages() {
        let codes = |lines: &str, begin: &str| {
            let numbers =
                lines.lines().filter_map(|line| line.strip_prefix(begin)?.split(' ').next()?.parse().ok());
            numbers.collect::<Vec<u8>>()
        };
        let of_manual = codes(manual_writer::EXIT_STATUS, ".B ");
        assert!(of_manual.len() > 5);
        assert_eq!(of_manual, codes(PROSE, "| "));
    }

    #[test]
    fn a_default_in_words_takes_the_place_of_a_number_of_this_machine() {
        let argument = Arg::new("max").long("max").value_name("N").default_value("524224");
        let row = Row::new(
            &argument.help("Open a|b, * of `*.c`; 0: no limit [default: open files, less 64]"),
            "X_",
        );
        assert_eq!(row.meaning, "Open a\\|b, \\* of `*.c`; 0: no limit");
        assert_eq!((row.flag.as_str(), row.default.as_str()), ("--max N", "open files, less 64"));
        assert_eq!(row.variable.as_deref(), Some("X_MAX"));
    }

    #[test]
    fn help_says_alike_what_may_be_repeated_and_what_the_default_is() {
        for page in &crate::PAGES {
            for argument in (page.command)().get_opts() {
                let text = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let is_list = matches!(argument.get_action(), ArgAction::Append);
                assert_eq!(is_list, text.contains("(repeatable"), "{text}");
                assert!(!text.contains("(default"), "a default in words is [default: …] at the end: {text}");
            }
        }
    }
}
