//! A daemon's `main`: options, log, check, serve, exit code.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use crate::{
    clock,
    exit::{DaemonError, Exit},
    inherit, log as daemon_log, notify, open_files,
    options::{self, Errand, InForce, Layer, Options, Parsed},
    program::Program,
    regular,
    reload::{Reload, request_reload},
    signals,
};

/// Runs a daemon from its options to its exit code.
///
/// `check` turns the options into the daemon's configuration, or refuses them; it touches no socket, and is all that runs
/// for `--check`, `--print-config` and `--reload`. `serve` runs until the daemon is stopped.
pub fn main<T: Options + 'static, C: 'static>(
    program: &Program,
    check: fn(T) -> Result<C, DaemonError>,
    serve: impl FnOnce(C, Reload<C>) -> Result<(), DaemonError>,
) -> ExitCode {
    signals::unblock();
    open_files::raise();
    let Errand { check: checks, reload } = options::errand::<T>(program.args.iter().cloned());
    // The daemon reads no FIFO again, so we do not wait for the writer of one either.
    let read = if reload.is_some() { regular::read } else { regular::read_any };
    let mut outcome = try_main(program, read, check, serve);
    if let Some(pid) = reload {
        // Also with a wrong configuration: the daemon's own status and log then say what is wrong, too.
        outcome = outcome.and(request_reload(pid));
    }
    daemon_log::flush();
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    daemon_log::report_failure(T::command().get_name(), &failure);
    if failure.exit == Exit::Config && notify::is_unit() && !checks && reload.is_none() {
        // A client that waits on systemd's socket starts us again at once: not a thousand times a second.
        clock::wait_until(Duration::from_secs(1), || false);
    }
    failure.exit.into()
}

fn try_main<T: Options + 'static, C: 'static>(
    program: &Program,
    read: options::ReadFile,
    check: fn(T) -> Result<C, DaemonError>,
    serve: impl FnOnce(C, Reload<C>) -> Result<(), DaemonError>,
) -> Result<(), DaemonError> {
    let name = T::command().get_name().to_owned();
    let InForce { options, common, listen, metrics, printed, mistakes, warnings } =
        match program.parse::<T>(read)? {
            Parsed::Options(in_force) => *in_force,
            Parsed::Print(text) => {
                print(&text);
                return Ok(());
            }
        };
    daemon_log::start(common.log_level, common.log_format)
        .map_err(|error| DaemonError::system("starting the log", &error))?;
    daemon_log::log_panics();
    if let Some(mistake) = mistakes.first().filter(|_| common.check) {
        return Err(DaemonError::new(Exit::Config, mistake.as_str()));
    }
    for warning in mistakes.iter().chain(&warnings) {
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
    if common.reload.is_some() {
        return Ok(());
    }
    refuse_beside_inherited(&listen, &metrics)?;
    serve(checked, Reload::new(program.clone(), check, common))
}

/// Refuses an address beside an inherited socket for the same use: the mistake would show only when no client can connect.
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

fn print(text: &str) {
    // The reader may have closed standard output, which is no error of ours.
    _ = io::stdout().write_all(text.as_bytes());
}
