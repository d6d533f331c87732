//! The frame of a daemon's `main`: options, log, check, serve, exit code.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::mpsc,
    time::Duration,
};

use clap::Parser;

use super::{
    exit::{DaemonError, Exit},
    inherit, log as daemon_log, open_files,
    options::{self, Common, InForce, Layer, Parsed},
    run::warn_of_restart,
};

/// Runs a daemon from its options to its exit code.
///
/// `check` turns the options into what the daemon serves with and refuses what is wrong; it touches no socket, and is
/// all that runs for `--check` and `--print-config`. `serve` runs until the daemon is told to stop.
pub fn main<T: Parser + 'static, C: 'static>(
    env_prefix: &'static str,
    check: fn(T) -> Result<C, DaemonError>,
    serve: impl FnOnce(C, Reload<C>) -> Result<(), DaemonError>,
) -> ExitCode {
    open_files::raise();
    let outcome = try_main(env_prefix, check, serve);
    daemon_log::flush();
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    daemon_log::last_words(T::command().get_name(), &failure);
    if failure.exit == Exit::Config && is_set("INVOCATION_ID") {
        // Under systemd a client that waits on the socket starts us again at once: not a thousand times a second.
        pause(Duration::from_secs(1));
    }
    failure.exit.into()
}

/// Reads the configuration again, with the same command line and environment, and judges it as at the start.
pub struct Reload<C>(Box<dyn Fn() -> Result<C, DaemonError> + Send>);

impl<C: 'static> Reload<C> {
    /// `started` are the options of all daemons that the process runs with.
    fn new<T: Parser + 'static>(
        env_prefix: &'static str,
        check: fn(T) -> Result<C, DaemonError>,
        started: Common,
    ) -> Self {
        Self(Box::new(move || {
            let parsed = options::parse::<T>(env_prefix, std::env::args_os(), std::env::vars_os())?;
            // Help and version are no options that a daemon runs with.
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
            ::log::set_max_level(common.log_level);
            Ok(config)
        }))
    }

    /// The configuration as the file says it now.
    ///
    /// # Errors
    /// What is wrong with it, as at the start.
    pub fn read(&self) -> Result<C, DaemonError> {
        (self.0)()
    }
}

fn try_main<T: Parser + 'static, C: 'static>(
    env_prefix: &'static str,
    check: fn(T) -> Result<C, DaemonError>,
    serve: impl FnOnce(C, Reload<C>) -> Result<(), DaemonError>,
) -> Result<(), DaemonError> {
    let name = T::command().get_name().to_owned();
    let InForce { options, common, listen, metrics, printed, warnings } =
        match options::parse::<T>(env_prefix, std::env::args_os(), std::env::vars_os())? {
            Parsed::Options(in_force) => *in_force,
            Parsed::Print(text) => {
                print(&text);
                return Ok(());
            }
        };
    daemon_log::start(common.log_level, common.log_format)
        .map_err(|error| DaemonError::system("starting the log", &error))?;
    for warning in warnings {
        log::warn!("{warning}");
    }
    common.check()?;
    let checked = check(options)?;
    if common.print_config {
        print(&printed);
        return Ok(());
    }
    if common.check {
        print(&format!("{name}: the configuration is right\n"));
        return Ok(());
    }
    refuse_beside_inherited(&listen, &metrics)?;
    serve(checked, Reload::new(env_prefix, check, common))
}

/// Two answers to "where" are a mistake that would show only when nobody can connect.
fn refuse_beside_inherited(listen: &Layer, metrics: &Layer) -> Result<(), DaemonError> {
    let (inherited, for_metrics) = inherit::count_by_use(|name| std::env::var_os(name))?;
    let refuse = |what: String| Err(DaemonError::new(Exit::Config, what));
    if inherited > 0 && *listen != Layer::Default {
        return refuse(format!(
            "--listen ({listen}) beside {inherited} inherited sockets (LISTEN_FDS): leave one of them out"
        ));
    }
    if for_metrics > 0 && *metrics != Layer::Default {
        return refuse(format!(
            "--metrics ({metrics}) beside an inherited socket `metrics` (LISTEN_FDNAMES): leave one of them out"
        ));
    }
    Ok(())
}

/// Standard output may be closed; that is the reader's choice.
fn print(text: &str) {
    _ = io::stdout().write_all(text.as_bytes());
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn pause(time: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    _ = never.recv_timeout(time);
}
