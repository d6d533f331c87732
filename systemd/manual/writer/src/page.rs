//! Makes one manual page: puts what the command line knows into a text in the language of man(7).

use std::{fs, io, path::Path};

use clap_mangen::Man;

/// How values are written; replaces `@VALUES@`.
const VALUES: &str = include_str!("values.man");
/// The variables of the options; replaces `@ENVIRONMENT@`. It has the beginning of their names as `@PREFIX@`.
const ENVIRONMENT: &str = include_str!("environment.man");
/// The exit codes; replaces `@EXIT@`.
pub const EXIT_STATUS: &str = include_str!("exit-status.man");
/// The variables that systemd sets; replaces `@SYSTEMD@`.
const SYSTEMD: &str = include_str!("systemd.man");

/// A program and its page.
pub struct Page {
    /// Makes the program's command line.
    pub command: fn() -> clap::Command,
    /// The beginning of the names of its environment variables: `DATECAST_WS_`.
    pub env_prefix: &'static str,
    /// What follows the name in SYNOPSIS.
    pub usage: &'static str,
    /// The page from DESCRIPTION on, with the placeholders.
    pub text: &'static str,
}

impl Page {
    /// Writes the page into a folder, under its name.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, folder: &Path, date: &str) -> io::Result<()> {
        let name = file_name((self.command)().get_name());
        fs::write(folder.join(format!("{name}.1")), self.to_roff(date)?)
    }

    /// Returns the page in the language of man(7).
    ///
    /// # Errors
    /// Only those of writing into memory.
    pub fn to_roff(&self, date: &str) -> io::Result<String> {
        let command = for_a_page((self.command)(), self.usage);
        let source = format!("datecast {}", command.get_version().unwrap_or_default());
        let man = Man::new(command).date(date).source(source).manual("datecast");
        let mut head = Vec::new();
        man.render_title(&mut head)?;
        man.render_name_section(&mut head)?;
        man.render_synopsis_section(&mut head)?;
        let mut options = Vec::new();
        man.render_options_section(&mut options)?;
        let text = self
            .text
            .replace("@OPTIONS@\n", &group_options(&String::from_utf8_lossy(&options)))
            .replace("@VALUES@\n", VALUES)
            .replace("@ENVIRONMENT@\n", &ENVIRONMENT.replace("@PREFIX@", self.env_prefix))
            .replace("@SYSTEMD@\n", SYSTEMD)
            .replace("@EXIT@\n", EXIT_STATUS);
        Ok(to_ascii(&format!("{}{text}", String::from_utf8_lossy(&head))))
    }
}

/// What a page is called: `datecast-feed` for `datecast feed`, as `man` looks for it.
fn file_name(program: &str) -> String {
    program.replace(' ', "-")
}

/// Adapts the command line to a manual page.
fn for_a_page(command: clap::Command, usage: &str) -> clap::Command {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let usage = format!("{} {usage}", command.get_name());
    // Each option's text already names its values.
    let command = complete(command).mut_args(|argument| argument.hide_possible_values(true));
    let name = file_name(command.get_name());
    command.about(lower_first(about.trim_end_matches('.'))).override_usage(usage).name(name)
}

/// Adds `--help` and `--version`, as clap does when it runs.
pub fn complete(mut command: clap::Command) -> clap::Command {
    command.build();
    command.mut_args(|argument| match argument.get_id().as_str() {
        // clap's own text compares `-h` with `--help`.
        "help" => argument.help("Prints the options, and exits").long_help(None),
        "version" => argument.help("Prints the version, and exits").long_help(None),
        _ => argument,
    })
}

/// Turns the groups of options, which `clap_mangen` writes as sections, into subsections of OPTIONS.
fn group_options(sections: &str) -> String {
    let line = |line: &str| match line.strip_prefix(".SH ").map(|title| title.trim_matches('"')) {
        Some("OPTIONS") | None => format!("{line}\n"),
        Some(title) => {
            let (first, rest) = title.split_at_checked(1).unwrap_or_default();
            format!(".SS {first}{}\n", rest.to_lowercase())
        }
    };
    sections.lines().map(line).collect()
}

/// Writes every other character by its number: groff reads bytes of Latin-1.
fn to_ascii(text: &str) -> String {
    let escaped = |out: String, character: char| match character {
        character if character.is_ascii() => out + character.encode_utf8(&mut [0; 4]),
        _ => format!("{out}\\[u{:04X}]", u32::from(character)),
    };
    text.chars().fold(String::with_capacity(text.len()), escaped)
}

/// The text of NAME begins in the middle of a sentence.
fn lower_first(text: &str) -> String {
    let (first, rest) = text.split_at_checked(1).unwrap_or_default();
    first.to_lowercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_beyond_ascii_goes_by_its_number() {
        assert_eq!(to_ascii("2, 4, … \u{1F600}"), "2, 4, \\[u2026] \\[u1F600]");
    }

    #[test]
    fn groups_of_options_are_subsections() {
        assert_eq!(group_options(".SH OPTIONS\nx\n.SH LIMITS\ny\n"), ".SH OPTIONS\nx\n.SS Limits\ny\n");
    }
}
