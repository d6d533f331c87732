//! The options, checked.

use daemon::{DaemonError, ListenAddress};
use static_server::{ConnectionLimits, KeepAlive, Serving, SiteOptions};

use crate::{
    address,
    command::CommandOptions,
    options::{HISTORY, Options},
};

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
        let stream = stream.keeping(HISTORY).private(&address::machine()).check()?;
        let site = site.with_fields(stream.admission().fields()).with_title(command.title());
        Ok(Self { command, stream, site, keep_alive })
    }

    /// Where to listen.
    ///
    /// # Errors
    /// No port is free.
    pub(crate) fn listen(&self) -> Result<Vec<ListenAddress>, DaemonError> {
        // An address that somebody has named is that one or none.
        if self.stream.listen.is_empty() {
            Ok(vec![address::first_free()?])
        } else {
            Ok(self.stream.listen.clone())
        }
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn config(options: &[&str]) -> Result<Config, DaemonError> {
        Config::check(Options::parse_from([&["datecast", "--source", "clock"], options].concat()))
    }

    #[test]
    fn an_address_that_somebody_has_named_is_that_one_or_none() {
        let named = config(&["--listen", address::DEFAULT]).unwrap().listen().unwrap();
        assert_eq!(named, [address::DEFAULT.parse().unwrap()]);
        let free = config(&[]).unwrap().listen().unwrap();
        assert!(!free.is_empty() && free.iter().all(ListenAddress::is_loopback), "{free:?}");
    }

    #[test]
    fn the_name_of_this_machine_counts_only_where_others_can_reach_it() {
        for (options, counts) in [
            (&[][..], false),
            (&["--listen", "localhost:9000"], false),
            (&["--listen", "unix:/run/x"], false),
            (&["--listen", "[::]:9000"], true),
            (&["--listen", "localhost:9000", "--listen", "192.0.2.1:9000"], true),
        ] {
            let has_name = config(options).unwrap().stream.admission().machine.is_some();
            assert_eq!(has_name, counts, "{options:?}");
        }
    }

    #[test]
    fn what_the_command_cannot_do_is_refused_by_its_flag() {
        for (options, flag) in [
            (&["--hand-over", "on"][..], "--hand-over on: "),
            (&["--", "vmstat"], "--source clock: "),
            (&["--keep-alive", "0"], "--keep-alive 0"),
        ] {
            let refusal = config(options).unwrap_err().to_string();
            assert!(refusal.starts_with(flag), "{refusal}");
        }
    }
}
