//! The door to the parameters of requests for the fuzz targets (`fuzz/`).

use std::{num::NonZeroU16, time::Duration};

use common::{http::Head, id::Since};

use super::{poll_request::PollRequest, request::StreamParams};

/// `since`, `until` and `heartbeat`.
pub type Asked = (Option<Since>, Option<Since>, Option<u16>);

/// `since`, `until` and `heartbeat` of a request.
///
/// # Errors
/// The sentence of the refusal.
pub fn stream_params(head: &Head<'_>) -> Result<Asked, String> {
    let params = StreamParams::of(head).map_err(|bad| bad.to_string())?;
    Ok((params.since, params.until, params.heartbeat.map(NonZeroU16::get)))
}

/// How long a poll waits, and which function gets its answer; `None` if it is no poll.
///
/// # Errors
/// The sentence of the refusal.
#[allow(clippy::type_complexity)]
pub fn poll(head: &Head<'_>) -> Result<Option<(Duration, Option<String>)>, String> {
    let poll = PollRequest::of(head).map_err(|bad| bad.to_string())?;
    Ok(poll.map(|poll| (poll.wait, poll.callback.map(Into::into))))
}
