//! Writes the manual pages and shell completions of the programs, `datecast-manual FOLDER [DATE]`, and the document of their
//! options, `datecast-manual --options FILE`.
//!
//! Options, their defaults and completions come from the programs' own command lines, so none can be missing. `pages/` has
//! the other sections of each page in the language of man(7), and the prose of the document, with placeholders for the
//! generated parts.

mod options;

use std::{env, fs, io, path::Path, process::ExitCode};

use manual_writer::{Page, write_completions};

/// The program that is made of the others.
const FRONT: &str = "datecast";

const PAGES: [Page; 5] = [
    Page {
        command: ws_server::command,
        env_prefix: ws_server::ENV_PREFIX,
        usage: "[OPTION]...",
        text: include_str!("pages/ws-server.man"),
    },
    Page {
        command: policy_server::command,
        env_prefix: policy_server::ENV_PREFIX,
        usage: "[OPTION]...",
        text: include_str!("pages/policy-server.man"),
    },
    Page {
        command: static_server::command,
        env_prefix: static_server::ENV_PREFIX,
        usage: "[OPTION]...",
        text: include_str!("pages/static-server.man"),
    },
    Page {
        command: datecast::command,
        env_prefix: datecast::ENV_PREFIX,
        usage: "[OPTION]... [-- COMMAND [ARGUMENT]...]",
        text: include_str!("pages/datecast.man"),
    },
    Page {
        command: datecast::feed_command,
        env_prefix: datecast::FEED_ENV_PREFIX,
        usage: "--to unix:PATH [OPTION]... [-- COMMAND [ARGUMENT]...]",
        text: include_str!("pages/datecast-feed.man"),
    },
];

const USAGE: &str = "usage: datecast-manual FOLDER [DATE]\n       datecast-manual --options FILE";

#[allow(clippy::print_stderr, reason = "a build tool reports its errors there")]
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (path, outcome) = match arguments[..] {
        ["--options", file] => (file, fs::write(file, options::to_markdown(&PAGES))),
        // A mistyped option must not become a folder.
        [word, ..] if word.starts_with('-') => {
            eprintln!(
                "datecast-manual: `{word}` begins with a dash and is not taken for a folder; `./{word}` is\n{USAGE}"
            );
            return ExitCode::from(64);
        }
        [folder] => (folder, write_all(Path::new(folder), "")),
        [folder, date] => (folder, write_all(Path::new(folder), date)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(64);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("datecast-manual: {path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path, date: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for page in &PAGES {
        page.write(folder, date)?;
        let mut command = (page.command)();
        let name = command.get_name().to_owned();
        if is_of_front(&name) {
            // It is no file of its own.
            continue;
        }
        if name == FRONT {
            // `datecast ws-server …` is that daemon.
            let others = PAGES.iter().map(|page| (page.command)()).filter(|other| other.get_name() != name);
            command = command.subcommands(others.map(as_subcommand));
        }
        write_completions(command, folder)?;
    }
    Ok(())
}

/// True for `datecast feed`, which only [`FRONT`] can be called for.
fn is_of_front(name: &str) -> bool {
    name.split_once(' ').is_some_and(|(program, _)| program == FRONT)
}

/// A program by the word that [`FRONT`] calls it by.
fn as_subcommand(command: clap::Command) -> clap::Command {
    let name = command.get_name().rsplit(' ').next().unwrap_or_default().to_owned();
    command.name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(page: &Page) -> String {
        page.to_roff("2026-01-01").expect("written")
    }

    #[test]
    fn every_option_and_every_section_is_on_the_page() {
        for each in &crate::PAGES {
            let text = page(each);
            for argument in (each.command)().get_arguments().filter(|argument| !argument.is_hide_set()) {
                let flag = format!("--{}", argument.get_long().unwrap_or_default()).replace('-', "\\-");
                assert!(text.contains(&flag), "{flag}");
            }
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "SIGNALS"] {
                assert!(text.contains(&format!(".SH {section}\n")), "{section}");
            }
            for section in ["\"EXIT STATUS\"", "EXAMPLES", "\"SEE ALSO\""] {
                assert!(text.contains(&format!(".SH {section}\n")), "{section}");
            }
            assert!(!text.contains('@'), "a placeholder was left over");
            assert!(text.is_ascii());
        }
    }

    #[test]
    fn a_page_is_the_same_on_every_machine() {
        let ws = page(&crate::PAGES[0]);
        let (_, after) = ws.split_once("max\\-connections\\fR").expect("the option");
        let (of_it, _) = after.split_once(".TP").expect("the next option");
        assert!(
            of_it.contains("[default: the limit of open files, less 64")
                && of_it.matches("default").count() == 1,
            "{of_it}"
        );
    }
}
