//! Writes the manual pages and shell completions of the three daemons: `datecast-manual FOLDER [DATE]`.
//!
//! Options, their defaults and completions come from the daemons' own command lines, so none can be missing. `pages/` has
//! the other sections of each page in the language of man(7), with placeholders for the generated parts.

mod page;

use std::{env, fs, io, path::Path, process::ExitCode};

use clap_complete::Shell;

use page::Page;

const PAGES: [Page; 3] = [
    Page { command: ws_server::command, text: include_str!("pages/ws-server.man") },
    Page { command: policy_server::command, text: include_str!("pages/policy-server.man") },
    Page { command: static_server::command, text: include_str!("pages/static-server.man") },
];

#[allow(clippy::print_stderr, reason = "a build tool reports its errors there")]
fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: datecast-manual FOLDER [DATE]");
        return ExitCode::from(64);
    };
    let date = arguments.next().unwrap_or_default();
    match write_all(Path::new(&folder), &date) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("datecast-manual: {folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path, date: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for page in &PAGES {
        let mut command = (page.command)();
        let name = command.get_name().to_owned();
        fs::write(folder.join(format!("{name}.1")), page.to_roff(date)?)?;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            clap_complete::generate_to(shell, &mut command, &name, folder)?;
        }
    }
    Ok(())
}
