//! Panics are lines of the log: they wait for no reader of standard error, keep the format, and flood nothing.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    thread,
};

/// From now on, panics of any thread are logged, one line a second for each place in the program; with a backtrace, if
/// `RUST_BACKTRACE` asks for it. `flush` writes what is logged.
pub(super) fn start(flush: fn()) {
    panic::set_hook(Box::new(move |panic| {
        log::error!(reason:% = place(panic); "{}", describe(panic));
        if thread::current().name() == Some("main") {
            // Nothing else may write the line before the process is gone.
            flush();
        }
    }));
}

fn place(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map(ToString::to_string).unwrap_or_default()
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let message = panic.payload_as_str().unwrap_or("no message");
    let backtrace = Backtrace::capture();
    let backtrace = match backtrace.status() {
        BacktraceStatus::Captured => format!("; backtrace: {backtrace}"),
        _ => String::new(),
    };
    format!("panic in thread {name} at {}: {message}; this is a bug{backtrace}", place(panic))
}

#[cfg(test)]
mod tests {
    use std::{env, process::Command};

    use log::LevelFilter;

    use super::super::{self as daemon_log, LogFormat, flush, log_panics};
    use super::*;

    /// A process in which this is set is the one that panics: what it does to panics would concern every test beside it.
    const PANICS: &str = "DATECAST_TEST_PANICS";

    #[test]
    fn panics_are_lines_of_the_log_one_a_second_and_the_rest_is_counted() {
        const NAME: &str =
            "log::panics::tests::panics_are_lines_of_the_log_one_a_second_and_the_rest_is_counted";
        if env::var_os(PANICS).is_some() {
            daemon_log::start(LevelFilter::Info, LogFormat::Json).expect("a thread for the log");
            log_panics();
            let panics = || (0..5).for_each(|_| _ = panic::catch_unwind(|| panic!("a\nb")));
            let worker = thread::Builder::new().name("worker-7".to_owned()).spawn(panics);
            worker.expect("a thread").join().expect("each one is caught");
            flush();
            return;
        }
        let mut child = Command::new(env::current_exe().expect("this program"));
        child.args(["--exact", NAME, "--nocapture"]).env(PANICS, "1").env("RUST_BACKTRACE", "0");
        let output = child.output().expect("it runs");
        let text = String::from_utf8(output.stderr).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert!(output.status.success(), "{text}");
        let [panic, more] = lines[..] else { panic!("{text}") };
        let message =
            "\"level\":\"error\",\"message\":\"panic in thread worker-7 at common/daemon/src/log/panics.rs:";
        assert!(panic.contains(message) && panic.contains(": a\\u000ab; this is a bug\""), "{text}");
        assert!(more.contains("4 more like the last one"), "{text}");
    }
}
