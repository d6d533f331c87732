//! The options of the connection, which every command has.

use std::path::PathBuf;

use clap::Args;
use daemon::DaemonError;

use super::servers::Servers;

/// Where the nats-servers are, and how they let us in. No secret stands on the command line, where every user of the machine could read
/// it: it stands in a file, or in the address where that comes from the environment or the configuration file.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConnectionOptions {
    /// The nats-servers of the cluster, any of which will do: nats://HOST:PORT or tls://HOST:PORT, with commas between several;
    /// `nats://USER:PASSWORD@HOST` or `nats://TOKEN@HOST` rather in the environment or the configuration file than here
    #[arg(
        long,
        value_name = "URL[,URL…]",
        default_value = "nats://127.0.0.1:4222",
        help_heading = "Connection"
    )]
    pub(crate) server: Servers,
    /// PEM file of those who may sign a server's certificate [default: the system's]
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// PEM file of our own certificate, where the servers want one; it needs --tls-key
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// PEM file of the key of --tls-certificate
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Credentials file (.creds) of a user
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) credentials: Option<PathBuf>,
    /// File with the seed of a user's nkey (SU…)
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) nkey: Option<PathBuf>,
    /// The user's name; it needs --password-file
    #[arg(long, value_name = "NAME", help_heading = "Connection")]
    pub(crate) user: Option<String>,
    /// File with the password of --user
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) password_file: Option<PathBuf>,
    /// File with a token that lets us in
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) token_file: Option<PathBuf>,
}

impl ConnectionOptions {
    /// Refuses options that contradict each other. It opens no file.
    ///
    /// # Errors
    /// The first wrong option, by its flag.
    pub(crate) fn check(&self) -> Result<(), DaemonError> {
        let addresses = self.server.addresses()?;
        let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        for (flag, value, other, is_there) in [
            ("user", self.user.clone(), "password-file", self.password_file.is_some()),
            ("password-file", shown(&self.password_file), "user", self.user.is_some()),
            ("tls-certificate", shown(&self.tls_certificate), "tls-key", self.tls_key.is_some()),
            ("tls-key", shown(&self.tls_key), "tls-certificate", self.tls_certificate.is_some()),
        ] {
            if let Some(value) = value.filter(|_| !is_there) {
                return Err(DaemonError::option(flag, value, format!("it needs --{other} beside it")));
            }
        }
        let in_the_address = addresses.iter().any(|address| address.username().is_some());
        let ways = [
            ("credentials", shown(&self.credentials)),
            ("nkey", shown(&self.nkey)),
            ("user", self.user.clone()),
            ("token-file", shown(&self.token_file)),
        ];
        let mut given = ways.into_iter().filter_map(|(flag, value)| value.map(|value| (flag, value)));
        let first = if in_the_address { Some("the user in --server".to_owned()) } else { None };
        let first = first.or_else(|| given.next().map(|(flag, _)| format!("--{flag}")));
        match (first, given.next()) {
            (Some(first), Some((flag, value))) => {
                let what = format!("beside {first}: a connection has one user; leave one of them out");
                Err(DaemonError::option(flag, value, what))
            }
            _ => Ok(()),
        }
    }

    /// True if the connection must be encrypted, whatever the server says.
    pub(crate) fn requires_tls(&self) -> bool {
        self.tls_ca.is_some() || self.tls_certificate.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(flags: &[(&str, &str)]) -> ConnectionOptions {
        let mut options = ConnectionOptions::default();
        for (flag, value) in flags {
            let path = Some(PathBuf::from(value));
            match *flag {
                "server" => options.server = value.parse().unwrap(),
                "tls-certificate" => options.tls_certificate = path,
                "tls-key" => options.tls_key = path,
                "credentials" => options.credentials = path,
                "nkey" => options.nkey = path,
                "user" => options.user = Some((*value).to_owned()),
                "password-file" => options.password_file = path,
                "token-file" => options.token_file = path,
                _ => panic!("{flag}"),
            }
        }
        options
    }

    #[test]
    fn one_way_to_log_in_is_right_and_two_are_refused() {
        let secret = ("server", "nats://me:secret@host");
        let right: [&[(&str, &str)]; 6] = [
            &[],
            &[("credentials", "a")],
            &[("user", "me"), ("password-file", "a")],
            &[("token-file", "a"), ("tls-certificate", "c"), ("tls-key", "k")],
            &[secret],
            &[secret, ("tls-certificate", "c"), ("tls-key", "k")],
        ];
        for flags in right {
            assert_eq!(options(flags).check(), Ok(()), "{flags:?}");
        }
        let wrong: [(&[(&str, &str)], &str); 6] = [
            (&[("user", "me")], "--user me: it needs --password-file beside it"),
            (&[("password-file", "a")], "--password-file a: it needs --user beside it"),
            (&[("tls-key", "k")], "--tls-key k: it needs --tls-certificate beside it"),
            (
                &[("credentials", "a"), ("nkey", "b")],
                "--nkey b: beside --credentials: a connection has one user",
            ),
            (&[secret, ("nkey", "b")], "--nkey b: beside the user in --server"),
            (&[("server", "nats://me:secret@a b")], "--server nats://…@a b: "),
        ];
        for (flags, words) in wrong {
            let error = options(flags).check().unwrap_err();
            assert!(error.message.starts_with(words) && !error.message.contains("secret"), "{error}");
        }
    }
}
