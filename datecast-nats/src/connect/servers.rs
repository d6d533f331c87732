//! The addresses of the nats-servers.

use std::{convert::Infallible, fmt, str::FromStr};

use async_nats::ServerAddr;
use daemon::DaemonError;

/// One or more servers of one cluster; the connection goes to any of them. An address may hold a secret, which is never shown.
#[derive(Clone)]
pub(crate) struct Servers(String);

impl Servers {
    /// Each address.
    ///
    /// # Errors
    /// One of them is no address of a nats-server ([`daemon::Exit::Config`]).
    pub(crate) fn addresses(&self) -> Result<Vec<ServerAddr>, DaemonError> {
        let address = |text: &str| {
            if text.trim().is_empty() {
                let what = "an address is missing; say nats://HOST:4222 or tls://HOST:4222, and commas between several";
                return Err(DaemonError::option("server", self, what));
            }
            text.trim().parse::<ServerAddr>().map_err(|error| {
                let what =
                    format!("{error}; say nats://HOST:4222 or tls://HOST:4222, and commas between several");
                DaemonError::option("server", without_user(text.trim()), what)
            })
        };
        self.0.split(',').map(address).collect()
    }
}

impl Default for Servers {
    fn default() -> Self {
        Self("nats://127.0.0.1:4222".to_owned())
    }
}

/// Takes the user and the password out of an address.
fn without_user(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            let (scheme, host) = (address.get(..scheme + 3), address.get(at..));
            format!("{}…{}", scheme.unwrap_or_default(), host.unwrap_or_default())
        }
        (_, Some(at)) => format!("…{}", address.get(at..).unwrap_or_default()),
        (_, None) => address.to_owned(),
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, address) in self.0.split(',').enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}", without_user(address.trim()))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Servers {
    type Err = Infallible;

    /// Takes any text: a complaint of the command line's would show the secret.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_without_their_secrets() {
        let servers: Servers = "nats://me:secret@a:1, b,tls://token@c:4443".parse().unwrap();
        assert_eq!(servers.to_string(), "nats://…@a:1,b,tls://…@c:4443");
        assert_eq!(format!("{servers:?}"), servers.to_string());
        assert_eq!(servers.addresses().unwrap().len(), 3);
    }

    #[test]
    fn a_wrong_address_is_named_without_its_secret() {
        for text in [
            "",
            "a,,b",
            "http://me:secret@a",
            "nats://me:secret@a:99999",
            "me:secret@a b",
            "nats://me:secret@",
        ] {
            let Err(error) = text.parse::<Servers>().unwrap().addresses() else {
                panic!("{text:?} is taken")
            };
            assert!(
                !error.message.contains("secret") && error.message.contains("nats://HOST:4222"),
                "{error}"
            );
        }
    }
}
