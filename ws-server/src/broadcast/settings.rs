//! The options of notices.

use clap::ArgAction;
use daemon::value::on_off;

/// Which notices connections get, and how many.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Stream")]
pub(crate) struct NoticeOptions {
    /// Tells all others when a client leaves: on or off
    #[arg(long, value_name = "ON|OFF", default_value = "on", action = ArgAction::Set, value_parser = on_off)]
    pub(crate) leave_notices: bool,
    /// Leave notices that a client gets in a second; the rest is one `N disconnected`
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "Limits")]
    pub(crate) notice_rate: usize,
}
