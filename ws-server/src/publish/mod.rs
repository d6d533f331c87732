//! Requests that publish: what each has published, and under which key.

#![allow(dead_code, reason = "the requests themselves are still to come")]

mod account;
mod digest;
mod key;
mod keys;
mod shared_keys;
mod state;
#[cfg(test)]
mod tests;

#[allow(unused_imports, reason = "the requests themselves are still to come")]
pub(crate) use self::{
    account::{Account, Dropped, OtherBody, Receipt, Verdict},
    key::{BadKey, ScopedKey, parse as parse_key},
    keys::{Begin, Keys},
    shared_keys::SharedKeys,
    state::{put_account, put_keys, take_account, take_keys},
};
