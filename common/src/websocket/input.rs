//! Where in a frame the input of a connection stands.

use crate::frame::hixie::Inside;

/// Where in a frame the input stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Hixie(Inside),
    /// `None` between two frames.
    Hybi(Option<OpenFrame>),
}

/// A data frame whose payload is arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenFrame {
    pub(super) fin: bool,
    pub(super) key: [u8; 4],
    /// Bytes of the payload that have arrived.
    pub(super) taken: u64,
    /// The whole payload in bytes.
    pub(super) len: u64,
}

/// Cuts `len` bytes off the front of the input; all of it if it has fewer.
pub(super) fn cut<'i>(input: &mut &'i mut [u8], len: usize) -> &'i mut [u8] {
    let whole = std::mem::take(input);
    let len = len.min(whole.len());
    let (front, rest) = whole.split_at_mut(len);
    *input = rest;
    front
}
