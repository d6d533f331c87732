//! The value of `--to`: the socket of a ws-server at which its producers connect.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

/// The socket of `--source unix:PATH`; clones share the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducersSocket(Arc<Path>);

impl ProducersSocket {
    /// What to say for `--to`.
    pub const SAY: &str = "say unix:PATH, the PATH of the server's --source unix:PATH";

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for ProducersSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix:{}", self.0.display())
    }
}

impl FromStr for ProducersSocket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("unix", path)) if path.len() > 107 => {
                Err("the path of a Unix socket has at most 107 bytes".to_owned())
            }
            Some(("unix", path)) if !path.is_empty() => Ok(Self(PathBuf::from(path).into())),
            _ if text.starts_with('/') => Err(format!("say unix:{text}")),
            _ => Err(Self::SAY.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_unix_socket_takes_lines() {
        let parsed = |text: &str| text.parse::<ProducersSocket>().map(|to| to.to_string());
        assert_eq!(parsed("unix:/run/lines"), Ok("unix:/run/lines".to_owned()));
        assert_eq!(parsed("/run/lines"), Err("say unix:/run/lines".to_owned()));
        for (text, part) in [
            ("unix:", ProducersSocket::SAY),
            ("", ProducersSocket::SAY),
            ("lines", ProducersSocket::SAY),
            ("tcp:127.0.0.1:1", ProducersSocket::SAY),
            (&format!("unix:/{}", "a".repeat(107)), "107 bytes"),
        ] {
            assert!(parsed(text).unwrap_err().contains(part), "{text}");
        }
    }
}
