//! `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES`, and the values that options take.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use daemon::fuzzing::inherited;
use daemon::value::{duration, on_off, size};
use daemon::{Exit, ListenAddress};

use crate::{allocation, input::Choices};

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    if choices.byte() % 2 == 1 {
        values(&String::from_utf8_lossy(choices.rest()));
        return;
    }
    let is_ours = choices.mostly();
    let mut parts = choices.rest().splitn(2, |&byte| byte == b'\n');
    let (count, names) = (parts.next().unwrap_or_default(), parts.next());
    let most = 200 * 1024 + 8 * input.len() as u64;
    let result = allocation::within(most, || {
        inherited(|name| {
            let value = match name {
                "LISTEN_FDS" => Some(count.to_vec()),
                "LISTEN_PID" if !is_ours => Some(b"1".to_vec()),
                "LISTEN_FDNAMES" => names.map(<[u8]>::to_vec),
                _ => None,
            };
            value.map(OsString::from_vec)
        })
    });
    match result {
        Ok((listeners, metrics)) => {
            let number = String::from_utf8_lossy(count).parse().unwrap_or(0);
            assert!(listeners + metrics <= number, "{listeners} and {metrics} of {number}");
            assert!(is_ours || listeners + metrics == 0);
        }
        Err(error) => assert_eq!(error.exit, Exit::Config),
    }
}

/// Durations, sizes, switches and addresses.
fn values(text: &str) {
    if let Ok(address) = text.parse::<ListenAddress>() {
        assert_eq!(address.to_string().parse().as_ref(), Ok(&address), "{text:?}");
    }
    if let Ok(time) = duration(text) {
        assert!(time.as_secs() <= 36_525 * 86_400);
        assert_eq!(
            duration(&format!("{}ms", time.as_millis())).map(|it| it.as_millis()),
            Ok(time.as_millis())
        );
    }
    if let Ok(bytes) = size(text) {
        assert_eq!(size(&bytes.to_string()), Ok(bytes));
    }
    _ = on_off(text);
}
