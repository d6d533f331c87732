//! Writes the manual pages and shell completions of the bridge to NATS: `datecast-nats-manual FOLDER [DATE]`.
//!
//! A page for the program, and one for each of its commands. Options come from the program's own command lines, the other sections
//! from `pages/`.

use std::{env, fs, io, path::Path, process::ExitCode};

use clap::Command;
use manual_writer::{Page, write_completions};

const USAGE: &str = "usage: datecast-nats-manual FOLDER [DATE]";

const PAGES: [Page; 4] = [
    Page {
        command: datecast_nats::command,
        env_prefix: datecast_nats::ENV_PREFIX,
        usage: "COMMAND [OPTION]...",
        text: include_str!("pages/datecast-nats.man"),
    },
    Page {
        command: || of_command("follow"),
        env_prefix: datecast_nats::ENV_PREFIX,
        usage: "--stream NAME --to unix:PATH [OPTION]...",
        text: include_str!("pages/datecast-nats-follow.man"),
    },
    Page {
        command: || of_command("publish"),
        env_prefix: datecast_nats::ENV_PREFIX,
        usage: "--stream NAME [OPTION]...",
        text: include_str!("pages/datecast-nats-publish.man"),
    },
    Page {
        command: || of_command("create"),
        env_prefix: datecast_nats::ENV_PREFIX,
        usage: "--stream NAME [OPTION]...",
        text: include_str!("pages/datecast-nats-create.man"),
    },
];

/// The command line of a command, under the name that one calls it by.
fn of_command(name: &str) -> Command {
    let program = datecast_nats::command();
    let command = program.find_subcommand(name).cloned().unwrap_or_default();
    command.name(format!("{} {name}", program.get_name()))
}

#[allow(clippy::print_stderr, reason = "a build tool reports its errors there")]
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (folder, date) = match arguments[..] {
        [folder] => (folder, ""),
        [folder, date] => (folder, date),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(64);
        }
    };
    match write_all(Path::new(folder), date) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("datecast-nats-manual: {folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path, date: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for page in &PAGES {
        page.write(folder, date)?;
    }
    write_completions(datecast_nats::command(), folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_every_option() {
        let program = datecast_nats::command();
        for command in program.get_subcommands() {
            let name = format!("datecast-nats {}", command.get_name());
            let page = PAGES.iter().find(|page| (page.command)().get_name() == name).expect("a page");
            let text = page.to_roff("2026-01-01").expect("written");
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let flag = format!("--{}", argument.get_long().unwrap_or_default()).replace('-', "\\-");
                assert!(text.contains(&flag), "{name}: {flag}");
            }
        }
    }

    #[test]
    fn every_page_has_its_sections_and_no_placeholder() {
        for page in &PAGES {
            let text = page.to_roff("2026-01-01").expect("written");
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "\"EXIT STATUS\"", "EXAMPLES", "\"SEE ALSO\""]
            {
                assert!(text.contains(&format!(".SH {section}\n")), "{section}");
            }
            let is_left = |line: &str| line.starts_with('@') && line.ends_with('@');
            assert!(!text.lines().any(is_left), "a placeholder was left over");
            assert!(text.is_ascii());
        }
    }

    #[test]
    fn help_says_alike_what_may_be_repeated_and_what_the_default_is() {
        for command in datecast_nats::command().get_subcommands() {
            for argument in command.get_opts() {
                let text = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let is_list = matches!(argument.get_action(), clap::ArgAction::Append);
                assert_eq!(is_list, text.contains("(repeatable"), "{text}");
                assert!(!text.contains("(default"), "a default in words is [default: …] at the end: {text}");
            }
        }
    }
}
