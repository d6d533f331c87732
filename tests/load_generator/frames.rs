//! The frames that a client of the load generator sends.

use crate::dialect::Dialect;

/// A frame of at most 65,535 bytes, masked with zeros.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let long = u16::try_from(payload.len()).expect("a client sends 65,535 bytes at most");
    let len = match u8::try_from(long) {
        Ok(len @ ..=125) => vec![0x80 | len],
        // 126: the length is in the next two bytes (RFC 6455 §5.2).
        _ => [&[0xFE][..], &long.to_be_bytes()].concat(),
    };
    [&[first][..], &len, &[0; 4], payload].concat()
}

/// The answer to the server's Close, with its code or without one.
pub(crate) fn close_answer(dialect: Dialect, code: Option<u16>) -> Vec<u8> {
    match code {
        Some(code) => masked(0x88, &code.to_be_bytes()),
        None if dialect.is_hixie() => b"\xFF\0".to_vec(),
        None => masked(0x88, b""),
    }
}
