//! Parsers for the values of options: durations and sizes with their unit, switches, levels and addresses.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use crate::resolve::{is_localhost, resolve};

/// 100 years: longer than any daemon runs, and short enough to be added to any instant.
const MAX_DURATION: Duration = Duration::from_hours(36_525 * 24);

/// Parses a duration with its unit: `1s`, `500ms`, `2m 30s`, or `0`.
///
/// # Errors
/// A sentence that shows how to write a duration.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) && text.bytes().any(|b| b != b'0') {
        return Err(format!("say the unit: `{text}s` or `{text}ms`"));
    }
    let duration = humantime::parse_duration(text)
        .map_err(|_| "a duration is written `1s`, `500ms`, `2m 30s` or `0`".to_owned())?;
    if duration > MAX_DURATION { Err("longer than 100 years".to_owned()) } else { Ok(duration) }
}

/// Parses a number of bytes: `4096`, `16KiB`, `1MiB`, `2GiB`, `16kB` (1,000), or `0`.
///
/// # Errors
/// A sentence that shows how to write a size.
pub fn size(text: &str) -> Result<usize, String> {
    let wrong = || "a size is written `4096`, `16KiB`, `1MiB` or `0` (bytes)".to_owned();
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "K" | "k" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    let bytes = number.checked_mul(factor).and_then(|bytes| usize::try_from(bytes).ok());
    bytes.ok_or_else(|| format!("{text} is too large"))
}

/// Parses a switch: `on` or `off` (also `true`/`false`, `yes`/`no`, `1`/`0`).
///
/// # Errors
/// A sentence that names the two values.
pub fn on_off(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("say `on` or `off`".to_owned()),
    }
}

/// Parses a log level: `off`, `error`, `warn`, `info`, `debug` or `trace`.
///
/// # Errors
/// A sentence that names the values.
pub(super) fn log_level(text: &str) -> Result<log::LevelFilter, String> {
    text.parse().map_err(|_| "say `off`, `error`, `warn`, `info`, `debug` or `trace`".to_owned())
}

/// An address to listen on: `[::]:40132`, `127.0.0.1:8080`, `localhost:8080` or `unix:/run/ws.sock`.
///
/// `[::]` accepts IPv4 as well (dual-stack).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address and a port; port 0 stands for any free one.
    Tcp(SocketAddr),
    /// A host name and a port. The daemon resolves the name when it starts, and binds every address.
    Name(String, u16),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

impl ListenAddress {
    /// True if only programs of this machine can connect.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Name(name, _) => is_localhost(name),
            Self::Unix(_) => true,
        }
    }

    /// As [`Self::is_loopback`], where a name counts by its addresses: it asks the system's resolver. A name without an address is not
    /// this machine's own.
    pub fn is_this_machines_own(&self) -> bool {
        let Self::Name(name, port) = self else { return self.is_loopback() };
        let addresses = resolve(name, *port).unwrap_or_default();
        !addresses.is_empty() && addresses.iter().all(|address| address.ip().to_canonical().is_loopback())
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("a Unix socket needs a path: `unix:/run/name.sock`".to_owned()),
                path if path.len() > 107 => Err("the path of a Unix socket has at most 107 bytes".to_owned()),
                path => Ok(Self::Unix(path.into())),
            };
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Tcp(address));
        }
        if let Some(mistake) = mistake(text) {
            return Err(mistake);
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(format!("the port is missing: `{text}:PORT`, or `[::]:PORT` for every address"));
        };
        let port: u16 = port
            .parse()
            .map_err(|_| format!("`{port}` is no port: a number from 0 (any free one) to 65535"))?;
        if host.is_empty() || host == "*" {
            return Err(format!(
                "say which address: `localhost:{port}` is this machine's own, `[::]:{port}` every one"
            ));
        }
        if !host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
            return Err(format!(
                "`{host}` is no address: `[::]:{port}`, `127.0.0.1:{port}`, `localhost:{port}`"
            ));
        }
        Ok(Self::Name(host.to_owned(), port))
    }
}

/// What is wrong with a text that is nearly an address.
fn mistake(text: &str) -> Option<String> {
    if let Ok(port) = text.parse::<u16>() {
        return Some(format!(
            "say which address, too: `localhost:{port}` is this machine's own, `[::]:{port}` every one"
        ));
    }
    if text.contains([',', ' ']) {
        let what = "say one address, and the others each with the flag again (in the file and the environment: [\"ONE\", \"TWO\"])";
        return Some(what.to_owned());
    }
    if let Some((scheme, path)) =
        text.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("unix"))
    {
        return Some(format!("`{scheme}` is written small: `unix:{path}`"));
    }
    if let Some((host, port)) = text.split_once(']').filter(|(_, port)| port.parse::<u16>().is_ok()) {
        return Some(format!("a colon stands before the port: `{host}]:{port}`"));
    }
    if text.starts_with('/') || text.starts_with("./") {
        return Some(format!("a Unix socket is written `unix:{text}`"));
    }
    if let Some((_, address)) = text.split_once("://") {
        return Some(format!("an address has no scheme: `{}`", address.trim_end_matches('/')));
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && host.parse::<Ipv6Addr>().is_ok()
        && port.parse::<u16>().is_ok()
    {
        return Some(format!("an IPv6 address stands in brackets: `[{host}]:{port}`"));
    }
    let bare = text.trim_end_matches(':').trim_start_matches('[').trim_end_matches(']');
    let example = match bare.parse() {
        Ok(IpAddr::V4(_)) => format!("{bare}:PORT"),
        Ok(IpAddr::V6(_)) => format!("[{bare}]:PORT"),
        Err(_) if bare.is_empty() => "[::]:PORT".to_owned(),
        Err(_) => return None,
    };
    Some(format!("the port is missing: `{example}`"))
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Name(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        for (text, wanted) in [("1s", 1000), ("500ms", 500), ("0", 0), ("2m 30s", 150_000), (" 5s ", 5000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(wanted)), "{text}");
        }
        for text in ["", "5", "-1s", "1 fortnight", "s", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("100y").is_ok());
        assert_eq!(duration("101y"), Err("longer than 100 years".to_owned()));
        assert_eq!(duration("5"), Err("say the unit: `5s` or `5ms`".to_owned()));
    }

    #[test]
    fn sizes_are_bytes_unless_a_unit_follows() {
        for (text, wanted) in [("0", 0), ("4096", 4096), ("16KiB", 16384), ("16 KiB", 16384), ("1kB", 1000)] {
            assert_eq!(size(text), Ok(wanted), "{text}");
        }
        for text in ["", "-1", "KiB", "1.5MiB", "1TiBx", "18446744073709551616", "18446744073709551615KiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_switch_is_on_or_off() {
        assert_eq!((on_off("on"), on_off("OFF"), on_off("true")), (Ok(true), Ok(false), Ok(true)));
        assert!(on_off("maybe").is_err());
    }

    #[test]
    fn listen_addresses_are_read_and_written_alike() {
        for text in ["[::]:40132", "127.0.0.1:0", "localhost:8080", "unix:/run/ws.sock"] {
            let address: ListenAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn a_wrong_listen_address_says_how_to_write_it() {
        for (text, part) in [
            ("8080", "`[::]:8080`"),
            ("localhost", "`localhost:PORT`"),
            ("/run/ws.sock", "`unix:/run/ws.sock`"),
            ("http://localhost:80/", "`localhost:80`"),
            (":8080", "`[::]:8080`"),
            ("", "`[::]:PORT`"),
            ("[fe80::1]", "`[fe80::1]:PORT`"),
            ("::", "`[::]:PORT`"),
            ("[::]", "`[::]:PORT`"),
            ("0.0.0.0:", "`0.0.0.0:PORT`"),
            ("*:8080", "`[::]:8080`"),
            ("::1:x", "`x` is no port"),
            ("::1:80", "`[::1]:80`"),
            ("a_b:80", "`127.0.0.1:80`"),
            ("localhost:99999", "65535"),
            ("unix:", "needs a path"),
            ("UNIX:/run/ws.sock", "`unix:/run/ws.sock`"),
            ("[::1]8080", "`[::1]:8080`"),
            ("[::1]:80,[::1]:81", "[\"ONE\", \"TWO\"]"),
            ("127.0.0.1:80 127.0.0.1:81", "[\"ONE\", \"TWO\"]"),
        ] {
            let error = text.parse::<ListenAddress>().expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
