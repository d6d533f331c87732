//! The addresses of the nats-servers.

use std::{fmt, str::FromStr};

use async_nats::ServerAddr;

/// One or more servers of one cluster; the connection goes to any of them.
#[derive(Clone, Debug)]
pub(crate) struct Servers(Vec<ServerAddr>);

impl Servers {
    /// Each address.
    pub(crate) fn addresses(&self) -> Vec<ServerAddr> {
        self.0.clone()
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, address) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}:{}", address.host(), address.port())?;
        }
        Ok(())
    }
}

impl FromStr for Servers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = |text: &str| {
            let text = text.trim();
            text.parse::<ServerAddr>().map_err(|error| {
                format!(
                    "`{text}`: {error}; say nats://HOST:4222, or tls://HOST:4222, and commas between several"
                )
            })
        };
        text.split(',').map(address).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_without_their_secrets() {
        let servers: Servers = "nats://me:secret@a:1, b,tls://c:4443".parse().unwrap();
        assert_eq!(servers.to_string(), "a:1,b:4222,c:4443");
        for text in ["", "a,,b", "nats://a:99999"] {
            assert!(text.parse::<Servers>().is_err(), "{text:?}");
        }
    }
}
