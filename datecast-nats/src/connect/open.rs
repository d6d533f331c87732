//! Connects, and connects again for as long as the process runs.

use std::{error::Error as _, future::Future, path::Path, time::Duration};

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event};
use daemon::{DaemonError, Exit, describe_path_error, regular};

use super::options::ConnectionOptions;
use crate::problem::{LOGIN, Problem};

/// A server that says nothing for two of these is gone.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// How long a server may take for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause before the next server grows by this, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Bytes of the largest file that an option names: certificates, credentials, a secret.
const MOST_FILE: u64 = 1024 * 1024;

/// Opens a connection under this name, which `nats server report connections` shows, and waits until it is up. While no server answers it
/// tries again, and says so. `on_event` hears when the connection is lost, and made again at whichever server answers.
///
/// # Errors
/// The options cannot be used, or the servers do not let us in.
pub(crate) async fn connect<F>(
    options: &ConnectionOptions,
    name: &str,
    on_event: impl Fn(Event) -> F + Clone + Send + Sync + 'static,
) -> Result<Client, DaemonError>
where
    F: Future<Output = ()> + Send + Sync + 'static,
{
    let mut attempts: usize = 0;
    loop {
        let problem = match connect_once(options, name, on_event.clone()).await {
            Ok(client) => return Ok(client),
            Err(problem) if problem.passes => problem,
            Err(problem) => return Err(problem.into()),
        };
        if attempts == 0 {
            log::warn!("{}; trying again until one does", problem.message);
        }
        attempts = attempts.saturating_add(10);
        tokio::time::sleep(pause_after(attempts)).await;
    }
}

/// As [`connect`], and tries each server once.
///
/// # Errors
/// As [`connect`]; or no server answers, a problem that passes.
pub(crate) async fn connect_once<F>(
    options: &ConnectionOptions,
    name: &str,
    on_event: impl Fn(Event) -> F + Send + Sync + 'static,
) -> Result<Client, Problem>
where
    F: Future<Output = ()> + Send + Sync + 'static,
{
    let wrong = |error: DaemonError| Problem::lasting(error.exit, error.message);
    let addresses = options.server.addresses().map_err(wrong)?;
    let prepared = prepare(options, name).map_err(wrong)?.event_callback(on_event);
    prepared.connect(addresses).await.map_err(|error| explain(&error, options))
}

/// Turns the options into those of the client, and reads the files with the secrets.
fn prepare(options: &ConnectionOptions, name: &str) -> Result<ConnectOptions, DaemonError> {
    let prepared = ConnectOptions::new()
        .name(name)
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_TIMEOUT)
        .reconnect_delay_callback(pause_after)
        .require_tls(options.requires_tls());
    with_user(with_certificates(prepared, options)?, options)
}

fn with_certificates(
    mut prepared: ConnectOptions,
    options: &ConnectionOptions,
) -> Result<ConnectOptions, DaemonError> {
    if let Some(path) = &options.tls_ca {
        if !readable("tls-ca", path)?.contains("-----BEGIN CERTIFICATE-----") {
            let what = "the file must hold the certificates of signers, in the form PEM";
            return Err(DaemonError::option("tls-ca", path.display(), what));
        }
        prepared = prepared.add_root_certificates(path.clone());
    }
    if let (Some(certificate), Some(key)) = (&options.tls_certificate, &options.tls_key) {
        readable("tls-certificate", certificate)?;
        readable("tls-key", key)?;
        prepared = prepared.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(prepared)
}

fn with_user(prepared: ConnectOptions, options: &ConnectionOptions) -> Result<ConnectOptions, DaemonError> {
    if let Some(path) = &options.credentials {
        let what = "this is no credentials file, which has a JWT and a seed between lines of dashes";
        return prepared
            .credentials(&readable("credentials", path)?)
            .map_err(|_| DaemonError::option("credentials", path.display(), what));
    }
    if let Some(path) = &options.nkey {
        let seed = secret("nkey", path)?;
        if !seed.starts_with("SU") {
            let what = "the file must hold the seed of a user and nothing else; it begins with SU";
            return Err(DaemonError::option("nkey", path.display(), what));
        }
        return Ok(prepared.nkey(seed));
    }
    if let (Some(user), Some(path)) = (&options.user, &options.password_file) {
        return Ok(prepared.user_and_password(user.clone(), secret("password-file", path)?));
    }
    if let Some(path) = &options.token_file {
        return Ok(prepared.token(secret("token-file", path)?));
    }
    // The client takes no notice of what stands in an address.
    let addresses = options.server.addresses()?;
    let in_an_address = addresses.iter().find_map(|address| Some((address.username()?, address.password())));
    Ok(match in_an_address {
        Some((user, Some(password))) => prepared.user_and_password(decoded(user), decoded(password)),
        Some((token, None)) => prepared.token(decoded(token)),
        None => prepared,
    })
}

/// Undoes the percent signs of an address: `p%40ss` is `p@ss`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let byte = behind.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = byte.and(behind.get(2..)).unwrap_or(behind);
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a file that an option names.
fn readable(flag: &str, path: &Path) -> Result<String, DaemonError> {
    let wrong = |error: &std::io::Error| {
        DaemonError::new(
            Exit::NoInput,
            format!("--{flag} {}: {}", path.display(), describe_path_error(path, error)),
        )
    };
    let bytes = regular::read(path, MOST_FILE).map_err(|error| wrong(&error))?;
    String::from_utf8(bytes).map_err(|_| wrong(&std::io::ErrorKind::InvalidData.into()))
}

/// Reads a file that holds one secret, with or without a line end.
fn secret(flag: &str, path: &Path) -> Result<String, DaemonError> {
    let text = readable(flag, path)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() || secret.contains('\n') {
        return Err(DaemonError::option(
            flag,
            path.display(),
            "the file must hold the secret in one line, and nothing else",
        ));
    }
    Ok(secret.to_owned())
}

/// Says what a failed attempt means, and what to do about it.
fn explain(error: &ConnectError, options: &ConnectionOptions) -> Problem {
    let server = &options.server;
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation => {
            Problem::lasting(Exit::Permission, format!("--server {server}: {LOGIN}"))
        }
        ConnectErrorKind::Authentication => Problem::lasting(
            Exit::Permission,
            format!(
                "--server {server}: the server wants a user with a key, and the seed does not fit ({cause}); see --credentials and --nkey"
            ),
        ),
        ConnectErrorKind::ServerParse => Problem::lasting(
            Exit::Config,
            format!("--server {server}: the server gives an address that is none ({cause})"),
        ),
        ConnectErrorKind::Tls => explain_tls(&cause, options),
        ConnectErrorKind::Dns => {
            Problem::passing(format!("--server {server}: the name has no address ({cause})"))
        }
        ConnectErrorKind::TimedOut => Problem::passing(format!(
            "--server {server}: no answer within {} s; is that a nats-server's port for clients?",
            CONNECT_TIMEOUT.as_secs()
        )),
        // The client does not tell a failed TLS handshake from other errors of the socket.
        ConnectErrorKind::Io if is_of_tls(&cause) => explain_tls(&cause, options),
        ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => {
            Problem::passing(format!("--server {server}: no nats-server answers there ({cause})"))
        }
    }
}

fn is_of_tls(cause: &str) -> bool {
    let cause = cause.to_ascii_lowercase();
    ["certificate", "tls", "alert", "corrupt message"].iter().any(|word| cause.contains(word))
}

/// As [`explain`], for a failed TLS handshake.
fn explain_tls(cause: &str, options: &ConnectionOptions) -> Problem {
    let server = &options.server;
    let has = |words: &[&str]| words.iter().any(|word| cause.to_ascii_lowercase().contains(word));
    let what = if has(&["unknownissuer"]) {
        "nobody whom we trust has signed its certificate; name the file of its signer with --tls-ca"
    } else if has(&["not valid for name", "notvalidforname"]) {
        "its certificate is for another name; say the name that it is for in --server"
    } else if has(&["expired", "not valid yet", "notvalidyet"]) {
        "its certificate is out of date, or this machine's clock is wrong"
    } else if has(&[
        "certificaterequired",
        "certificate required",
        "badcertificate",
        "bad certificate",
        "unknownca",
    ]) {
        "it wants a certificate of ours that it trusts; see --tls-certificate and --tls-key"
    } else if has(&["invalidcontenttype"]) {
        "it does not speak TLS; leave the options of TLS out, or see `tls` in the server's configuration"
    } else {
        "the encrypted connection failed; see --tls-ca, --tls-certificate and --tls-key"
    };
    Problem::lasting(Exit::Config, format!("--server {server}: {what} ({cause})"))
}

/// How long to wait before this attempt.
fn pause_after(attempts: usize) -> Duration {
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    PAUSE.saturating_mul(attempts).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_have_letters_that_an_address_has_not() {
        for (text, expected) in
            [("plain", "plain"), ("p%40s%2fs", "p@s/s"), ("100%", "100%"), ("%zz%C3%A9", "%zzé")]
        {
            assert_eq!(decoded(text), expected);
        }
    }

    #[test]
    fn pauses_grow_to_a_second() {
        let millis = |attempts| pause_after(attempts).as_millis();
        assert_eq!([0, 1, 49, 50, 51, usize::MAX].map(millis), [0, 20, 980, 1000, 1000, 1000]);
    }
}
