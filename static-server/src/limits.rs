//! The limits of one connection, as the operator sets them.

use std::time::Duration;

use common::http::{HeadLimits, MAX_HEADERS};
use daemon::DaemonError;
use daemon::value::{duration, size};

/// The limits that the handler keeps; those of the event loop are in [`reactor::Settings`].
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Longest request head
    #[arg(long, help_heading = "Limits", value_name = "SIZE", value_parser = size, default_value = "32KiB")]
    pub(crate) max_head: usize,

    /// Most header fields of a request, at most 64
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = 64)]
    pub(crate) max_headers: usize,

    /// Longest request target
    #[arg(long, help_heading = "Limits", value_name = "SIZE", value_parser = size, default_value = "8KiB")]
    pub(crate) max_target: usize,

    /// Longest time for a request head to arrive
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(crate) head_timeout: Duration,

    #[command(flatten)]
    pub(crate) keep_alive: KeepAlive,
}

/// How a connection goes on behind an answer.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct KeepAlive {
    /// Longest time between an answer and the next request
    #[arg(id = "keep_alive", long = "keep-alive", help_heading = "Limits", value_name = "TIME", value_parser = duration, default_value = "15s")]
    pub(crate) timeout: Duration,

    /// Most requests on one connection (0: no limit)
    #[arg(
        id = "keep_alive_requests",
        long = "keep-alive-requests",
        help_heading = "Limits",
        value_name = "N",
        default_value_t = 1000
    )]
    pub(crate) max_requests: u32,
}

impl KeepAlive {
    /// Refuses a timeout that makes no sense.
    ///
    /// # Errors
    /// It is 0, or longer than a day.
    pub fn check(&self) -> Result<(), DaemonError> {
        check_time("keep-alive", self.timeout)
    }

    /// True if a connection ends with its request number `requests`.
    pub(crate) fn is_last(&self, requests: u32) -> bool {
        self.max_requests > 0 && requests >= self.max_requests
    }
}

impl ConnectionLimits {
    /// The limits of connections whose heads another handler reads, by limits of its own.
    pub fn behind(heads: HeadLimits, head_timeout: Duration, keep_alive: KeepAlive) -> Self {
        let HeadLimits { max_bytes, max_headers, max_target } = heads;
        ConnectionLimits { max_head: max_bytes, max_headers, max_target, head_timeout, keep_alive }
    }

    pub(crate) fn check(&self) -> Result<(), DaemonError> {
        if self.max_headers == 0 || self.max_headers > MAX_HEADERS {
            return Err(DaemonError::option("max-headers", self.max_headers, "must be from 1 to 64"));
        }
        if !(64..=64 * 1024).contains(&self.max_head) {
            return Err(DaemonError::option("max-head", self.max_head, "must be from 64 bytes to 64KiB"));
        }
        if self.max_target == 0 {
            return Err(DaemonError::option("max-target", 0, "must be at least 1"));
        }
        check_time("head-timeout", self.head_timeout)?;
        self.keep_alive.check()
    }

    pub(crate) fn head(&self) -> HeadLimits {
        HeadLimits { max_bytes: self.max_head, max_headers: self.max_headers, max_target: self.max_target }
    }
}

pub(crate) fn check_time(flag: &str, time: Duration) -> Result<(), DaemonError> {
    if time.is_zero() || time > Duration::from_hours(24) {
        let value = if time.is_zero() { "0".to_owned() } else { format!("{time:?}") };
        return Err(DaemonError::option(flag, value, "must be more than 0 and at most a day"));
    }
    Ok(())
}
