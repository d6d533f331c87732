//! A command line in bash, and what it has printed so far.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Dropping it ends all processes of the command line.
pub(crate) struct Terminal {
    shell: Child,
    output: Receiver<Vec<u8>>,
    printed: Vec<u8>,
}

impl Terminal {
    pub(crate) fn run(command: &str) -> Self {
        let mut bash = Command::new("bash");
        bash.args(["-c", command]).process_group(0);
        bash.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = bash.spawn().expect("start bash");
        let mut pipe = shell.stdout.take().expect("stdout is piped");
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                if sender.send(chunk[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { shell, output, printed: Vec::new() }
    }

    /// What it has printed when this holds, its end has come, or so much time is over; true at its end.
    pub(crate) fn until(&mut self, patience: Duration, holds: impl Fn(&str) -> bool) -> (String, bool) {
        let deadline = Instant::now() + patience;
        loop {
            let text = String::from_utf8_lossy(&self.printed).into_owned();
            if holds(&text) {
                return (text, false);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left.min(Duration::from_secs(1))) {
                Ok(chunk) => self.printed.extend(chunk),
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(why) => return (text, why == RecvTimeoutError::Disconnected),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // All of its processes may have ended.
        kill_process_group(Pid::from_child(&self.shell), Signal::KILL).unwrap_or_default();
        drop(self.shell.wait());
    }
}
