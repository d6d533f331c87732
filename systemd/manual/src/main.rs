//! Writes the manual pages and shell completions of the three daemons into the folder that is its argument.
//!
//! They are made from the daemons' own command lines, so no option can be missing from them.

fn main() -> std::io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else { panic!("FOLDER") };
    std::fs::create_dir_all(&folder)?;
    for command in [ws_server::command(), policy_server::command(), static_server::command()] {
        clap_mangen::generate_to(command.clone(), &folder)?;
        let name = command.get_name().to_owned();
        for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish] {
            clap_complete::generate_to(shell, &mut command.clone(), &name, &folder)?;
        }
    }
    Ok(())
}
