//! The options, checked.

use daemon::{DaemonError, ListenAddress};
use static_server::{ConnectionLimits, KeepAlive, Serving, SiteOptions};

use crate::{address, command::CommandOptions, options::Options};

/// What the command does.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) command: CommandOptions,
    pub(crate) stream: ws_server::Config,
    site: SiteOptions,
    keep_alive: KeepAlive,
}

impl Config {
    /// Checks the options.
    ///
    /// # Errors
    /// The first wrong option, by its flag.
    pub(crate) fn check(options: Options) -> Result<Self, DaemonError> {
        let Options { command, stream, site, keep_alive } = options;
        command.check()?;
        if let Some(other) = stream.other_source().filter(|_| command.is_given()) {
            return Err(DaemonError::option(
                "source",
                other,
                "the command is the source; leave one of them out",
            ));
        }
        site.check()?;
        keep_alive.check()?;
        if stream.hand_over {
            let what = "one restarts this command by hand; the service that keeps its clients is `datecast ws-server`";
            return Err(DaemonError::option("hand-over", "on", what));
        }
        let stream = stream.private(&address::machine()).check()?;
        let site = site.with_fields(stream.admission().fields()).with_title(command.title());
        Ok(Self { command, stream, site, keep_alive })
    }

    /// Where to listen.
    ///
    /// # Errors
    /// No port is free.
    pub(crate) fn listen(&self) -> Result<Vec<ListenAddress>, DaemonError> {
        let is_default =
            address::DEFAULT.parse().is_ok_and(|default: ListenAddress| self.stream.listen == [default]);
        if is_default { address::first_free() } else { Ok(self.stream.listen.clone()) }
    }

    /// The page and the files.
    ///
    /// # Errors
    /// We can no longer open the root.
    pub(crate) fn serving(&self) -> Result<Serving, DaemonError> {
        let (heads, head_timeout) = self.stream.head_limits();
        let limits = ConnectionLimits::behind(heads, head_timeout, self.keep_alive);
        self.site.serving_with_page(limits)
    }
}
