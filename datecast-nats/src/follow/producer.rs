//! The connection to ws-server, as one of its producers.

use std::{io, path::Path, time::Duration};

use daemon::{ProducersSocket, describe_path_error, unix_socket};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use super::greeting::{self, LONGEST, Position};

/// How long ws-server may take to greet us. It may be busy, or another process may be about to take over its sockets.
const PATIENCE: Duration = Duration::from_secs(5);

/// EPROTOTYPE of Linux: a socket, but of datagrams, as the one of a log.
const WRONG_KIND: i32 = 91;

/// A connection whose other end has greeted us.
#[derive(Debug)]
pub(super) struct Producer {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
}

impl Producer {
    /// Connects, and hears what ws-server has.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub(super) async fn connect(to: &ProducersSocket) -> Result<(Self, Position), String> {
        let connected = unix_socket::connect(to.path()).and_then(UnixStream::from_std);
        let stream = connected.map_err(|error| format!("{to}: {}", why_not(to.path(), &error)))?;
        let (mut read, write) = stream.into_split();
        let line = timeout(PATIENCE, read_line(&mut read)).await.map_err(|_| {
            format!(
                "{to}: no greeting within {} s; does ws-server run with --numbers given?",
                PATIENCE.as_secs()
            )
        })?;
        let line = line.map_err(|error| format!("{to}: ws-server has closed the connection: {error}"))?;
        let position = greeting::parse(&line)
            .ok_or_else(|| format!("{to}: `{}` is no greeting; is that a ws-server?", line.escape_ascii()))?;
        Ok((Self { read, write }, position))
    }

    /// Writes all of it; waits while ws-server does not read.
    ///
    /// # Errors
    /// ws-server has closed the connection.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write.write_all(bytes).await
    }

    /// Returns once ws-server has closed the connection. What it says else is not for us.
    pub(super) async fn closed(&mut self) {
        while matches!(self.read.read(&mut [0; 256]).await, Ok(1..)) {}
    }
}

/// Reads up to the first line end, which it leaves out.
async fn read_line(read: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    while line.len() < LONGEST {
        match read.read_u8().await? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    Ok(line)
}

/// Why ws-server cannot be reached, and what to do.
fn why_not(path: &Path, error: &io::Error) -> String {
    let folder_is_there = path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.exists());
    match error.kind() {
        io::ErrorKind::NotFound if folder_is_there => {
            "nobody listens there yet; start `ws-server --source unix:PATH --numbers given`".to_owned()
        }
        io::ErrorKind::ConnectionRefused if unix_socket::is_socket(path) => {
            "nobody listens there any more".to_owned()
        }
        _ if error.raw_os_error() == Some(WRONG_KIND) || error.kind() == io::ErrorKind::ConnectionRefused => {
            "this is no socket that a ws-server reads; say the PATH of its --source unix:PATH".to_owned()
        }
        io::ErrorKind::WouldBlock => "too many wait there for the server".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "this user may not write to the socket; make it a member of the socket's group (in a unit by SupplementaryGroups=)"
                .to_owned()
        }
        _ => describe_path_error(path, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_cure() {
        let folder = tempfile::tempdir().unwrap();
        let (file, left_behind) = (folder.path().join("file"), folder.path().join("s"));
        std::fs::write(&file, "").unwrap();
        drop(std::os::unix::net::UnixListener::bind(&left_behind).unwrap());
        let datagrams = folder.path().join("d");
        let _receiver = std::os::unix::net::UnixDatagram::bind(&datagrams).unwrap();
        for (path, part) in [
            (datagrams, "say the PATH of its --source"),
            (file, "say the PATH of its --source"),
            (left_behind, "nobody listens there any more"),
            (folder.path().join("none"), "nobody listens there yet"),
            (folder.path().join("none/s"), "/none is missing"),
        ] {
            let error = unix_socket::connect(&path).unwrap_err();
            assert!(why_not(&path, &error).contains(part), "{}: {error}", path.display());
        }
    }
}
