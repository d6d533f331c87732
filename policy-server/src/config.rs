//! The options, and the check of them before the daemon binds anything.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Parser;
use common::policy::{Grant, MAX_FILE, Policy, Ports, SiteControl, parse_file};
use daemon::{Common, DaemonError, Exit, ListenAddress, describe_path_error, value};
use reactor::{AddressEviction, Settings};

/// The most bytes that one call reads: a request is 22 bytes and its end.
const READ_SIZE: usize = 64;

/// Tells Flash clients which sockets they may open
#[derive(Parser, Debug)]
#[command(name = "policy-server", version)]
pub(crate) struct Options {
    /// Where to listen: ADDRESS:PORT, NAME:PORT or unix:PATH (repeatable)
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:843")]
    pub(crate) listen: Vec<ListenAddress>,

    /// Grants SWFs from this domain these ports, such as *.example.com:80,8000-8080 (repeatable)
    #[arg(long, value_name = "DOMAIN:PORTS", default_value = "*:40132", conflicts_with = "file")]
    allow: Vec<Grant>,

    /// Which policies count on this host: none, master-only or all
    #[arg(long, value_name = "WHICH", default_value = "master-only", conflicts_with = "file")]
    site_control: SiteControl,

    /// Serves this document (at most 20 KiB, checked at start) instead of one made from --allow
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// How long a connection may take from its beginning to its end
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = value::duration, default_value = "5s")]
    pub(crate) lifetime: Duration,

    /// Open connections of the whole process (0: no limit)
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = 4096)]
    max_connections: usize,

    /// Open connections from one IPv4 address or IPv6 /64; one more closes the oldest of them (0: no limit)
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = 32)]
    max_connections_per_ip: usize,

    /// How long to read on from a connection after its answer
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = value::duration, default_value = "1s")]
    linger: Duration,

    /// How long open connections may take when the daemon stops
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = value::duration, default_value = "1s")]
    drain_timeout: Duration,

    /// The kernel's send buffer of a connection, in bytes
    #[arg(long, help_heading = "Limits", value_name = "SIZE", value_parser = value::size, default_value = "4KiB")]
    send_buffer: usize,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// The options after the check, and what follows from them.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) options: Options,
    pub(crate) settings: Settings,
    /// The document and its NUL: one buffer for all connections.
    pub(crate) answer: Arc<[u8]>,
    policy: Policy,
    /// `--allow` or `--file PATH`: the errors about the policy name it.
    origin: String,
}

impl daemon::Options for Options {
    fn without_effect(&self) -> Vec<(&'static str, String)> {
        // On one command line clap refuses them; the environment and the file may still bring them together.
        let why = || "--file has a policy of its own".to_owned();
        if self.file.is_some() { vec![("allow", why()), ("site-control", why())] } else { Vec::new() }
    }
}

impl Config {
    /// Checks the options; reads the policy file.
    ///
    /// # Errors
    /// A sentence that names the flag and what is wrong with its value.
    pub(crate) fn check(options: Options) -> Result<Self, DaemonError> {
        if options.lifetime.is_zero() {
            return Err(DaemonError::option(
                "lifetime",
                "0",
                "no client could ask in that time; the default is 5s",
            ));
        }
        let (policy, answer, origin) = if let Some(path) = &options.file {
            let (policy, answer) = read_policy(path)?;
            (policy, answer, format!("--file {}:", path.display()))
        } else {
            let policy = Policy { site_control: Some(options.site_control), grants: options.allow.clone() };
            let answer = policy.to_bytes();
            (policy, answer, "--allow".to_owned())
        };
        for grant in policy.grants.iter().filter(|grant| grant.ports == Ports::All) {
            log::warn!("{origin} {grant} grants every port of this host, not only the stream's");
        }
        let config = Self { settings: settings(&options), options, answer: answer.into(), policy, origin };
        for address in &config.options.listen {
            match address {
                ListenAddress::Name(_, port) => config.check_served_from(*port)?,
                ListenAddress::Tcp(tcp) if tcp.port() != 0 => config.check_served_from(tcp.port())?,
                _ => {}
            }
        }
        Ok(config)
    }

    /// Checks that Flash would take this policy from a server on this port.
    ///
    /// # Errors
    /// Names the grant: "a file served from a port of 1024 or above may grant only ports of 1024 or above".
    pub(crate) fn check_served_from(&self, port: u16) -> Result<(), DaemonError> {
        self.policy
            .check_served_from(port)
            .map_err(|low| DaemonError::new(Exit::Config, format!("{} {low}", self.origin)))
    }
}

fn settings(options: &Options) -> Settings {
    Settings {
        max_connections: options.max_connections,
        max_per_address: options.max_connections_per_ip,
        address_eviction: AddressEviction::Oldest,
        max_heads: options.max_connections,
        read_size: READ_SIZE,
        write_timeout: options.lifetime,
        probe_after: options.lifetime,
        probe_timeout: options.lifetime,
        linger: options.linger,
        linger_bytes: READ_SIZE,
        drain_timeout: options.drain_timeout,
        stop_spread: Duration::ZERO,
        keeps_spares: false,
        send_buffer: Some(options.send_buffer),
    }
}

/// The policy in a file, and the file's own bytes with the NUL that ends them on the wire.
fn read_policy(path: &Path) -> Result<(Policy, Vec<u8>), DaemonError> {
    let flag = |exit, what: String| DaemonError::new(exit, format!("--file {}: {what}", path.display()));
    // Reading one byte more than allowed shows whether the file is too long or just fits.
    let mut bytes = daemon::regular::read(path, MAX_FILE as u64 + 1)
        .map_err(|error| flag(Exit::NoInput, describe_path_error(path, &error)))?;
    let policy = parse_file(&bytes).map_err(|error| flag(Exit::Config, error.to_string()))?;
    bytes.push(0);
    Ok((policy, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(args: &[&str]) -> Result<Config, DaemonError> {
        let args = std::iter::once(&"policy-server").chain(args);
        Config::check(Options::try_parse_from(args).expect("clap takes them"))
    }

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("written");
        file
    }

    #[test]
    fn the_default_grants_the_streams_port_and_nothing_else() {
        let config = config(&[]).expect("right");
        assert_eq!(
            String::from_utf8_lossy(&config.answer),
            "<?xml version=\"1.0\"?>\n<!DOCTYPE cross-domain-policy SYSTEM \
             \"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\">\n<cross-domain-policy>\n  \
             <site-control permitted-cross-domain-policies=\"master-only\"/>\n  \
             <allow-access-from domain=\"*\" to-ports=\"40132\"/>\n</cross-domain-policy>\n\0"
        );
    }

    #[test]
    fn a_low_port_granted_from_a_high_one_is_refused_with_the_flag() {
        let failure = config(&["--listen", "[::]:8843", "--allow", "*:80"]).expect_err("Flash refuses it");
        assert!(failure.message.starts_with("--allow `*:80` grants port 80"), "{failure}");
        assert_eq!(failure.exit, Exit::Config);
        assert!(config(&["--listen", "[::]:843", "--allow", "*:80"]).is_ok());
    }

    #[test]
    fn a_bad_grant_or_site_control_names_flag_and_value() {
        for (flag, value) in
            [("--allow", "*"), ("--allow", "ex ample:80"), ("--allow", "*:0"), ("--site-control", "some")]
        {
            let error =
                Options::try_parse_from(["policy-server", flag, value]).expect_err("wrong").to_string();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn a_file_is_served_byte_for_byte() {
        let text = b"<cross-domain-policy><!-- ours -->\n<allow-access-from domain=\"a.example\" to-ports=\"2000\"/>\
                     </cross-domain-policy>";
        let file = file(text);
        let config = config(&["--file", file.path().to_str().expect("a name")]).expect("right");
        assert_eq!(config.answer.strip_suffix(b"\0"), Some(&text[..]));
    }

    #[test]
    fn a_hostile_file_is_refused_with_its_name() {
        let long = vec![b' '; MAX_FILE + 1];
        for (text, part) in [
            (&b"not xml"[..], "line 1"),
            (b"<cross-domain-policy>\0</cross-domain-policy>", "NUL"),
            (&long, "20 KiB"),
            (b"<cross-domain-policy><allow-access-from domain=\"*\" to-ports=\"x\"/></cross-domain-policy>", "to-ports"),
        ] {
            let file = file(text);
            let path = file.path().to_str().expect("a name");
            let failure = config(&["--file", path]).expect_err(part);
            assert!(failure.message.contains(path) && failure.message.contains(part), "{failure}");
        }
        assert_eq!(config(&["--file", "/nowhere/policy.xml"]).expect_err("missing").exit, Exit::NoInput);
    }
}
