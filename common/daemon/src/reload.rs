//! Reads the configuration again (`SIGHUP`).

use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process},
};

use crate::{
    exit::{DaemonError, Exit},
    options::{Common, InForce, Options, Parsed},
    program::Program,
    regular,
};

/// Reads the configuration again, with the same command line and environment and the same checks as at the start.
pub struct Reload<C>(Box<dyn Fn() -> Result<C, DaemonError> + Send>);

impl<C: 'static> Reload<C> {
    /// `started` are the common options that the process runs with.
    pub(super) fn new<T: Options + 'static>(
        program: Program,
        check: fn(T) -> Result<C, DaemonError>,
        started: Common,
    ) -> Self {
        Self(Box::new(move || {
            // A pipe of the shell was read at the start, and a FIFO would hold up every signal.
            let parsed = program.parse::<T>(regular::read)?;
            // A daemon that asks for help or the version does not run.
            let Parsed::Options(in_force) = parsed else {
                return Err(DaemonError::new(Exit::Usage, "no options"));
            };
            let InForce { options, common, .. } = *in_force;
            common.check()?;
            let config = check(options)?;
            warn_of_restart(&[
                ("metrics", common.metrics != started.metrics),
                ("log-format", common.log_format != started.log_format),
            ]);
            log::set_max_level(common.log_level);
            Ok(config)
        }))
    }

    /// Returns the configuration as the file says it now.
    ///
    /// # Errors
    /// The same as at the start.
    pub fn read(&self) -> Result<C, DaemonError> {
        (self.0)()
    }
}

/// Has the daemon of this process id read its configuration again (`--reload`).
///
/// # Errors
/// There is no such process, it is another user's, or another program: `SIGHUP` would end most of these.
pub(super) fn request_reload(pid: u32) -> Result<(), DaemonError> {
    if let (Some(own), Some(other)) = (program_of("self"), program_of(&pid.to_string()))
        && own != other
    {
        let what =
            format!("--reload {pid}: that process is {}, not {}", other.escape_debug(), own.escape_debug());
        return Err(DaemonError::new(Exit::Usage, what));
    }
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH);
    process.and_then(|process| kill_process(process, Signal::HUP)).map_err(|error| {
        let (exit, what) = match error {
            Errno::SRCH => (Exit::System, "no process has this id; `pidof` finds the daemon's".to_owned()),
            Errno::PERM => {
                let what = "the process is another user's; run this as that user, or as root";
                (Exit::Permission, what.to_owned())
            }
            error => (Exit::System, std::io::Error::from(error).to_string()),
        };
        DaemonError::new(exit, format!("--reload {pid}: {what}"))
    })
}

/// The program that a process runs, as the kernel calls it: at most 15 bytes of its file's name. `None` where that cannot be read.
fn program_of(process: &str) -> Option<String> {
    let name = std::fs::read(format!("/proc/{process}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

/// Warns of the options (flag, whether it changed) that take effect only with the next restart.
pub fn warn_of_restart(changes: &[(&str, bool)]) {
    let waiting: Vec<String> =
        changes.iter().filter(|(_, changed)| *changed).map(|(flag, _)| format!("--{flag}")).collect();
    if !waiting.is_empty() {
        log::warn!("{}: the change takes effect with the next restart", waiting.join(", "));
    }
}
