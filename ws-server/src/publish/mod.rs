//! Requests that publish: what each has published, under which key, and whose turn it is.
//!
//! ```text
//!  head ─▶ Wanted ─▶ Account, perhaps by its key in SharedKeys
//!                      │
//!  body ─▶ Inlet ─▶ Publication: BodyReader ─▶ Splitter ─▶ Account ─▶ Publisher ─▶ every worker
//!          (turns)                                           │
//!                                               answer ◀── Receipt
//! ```

mod account;
mod digest;
mod in_flight;
mod inlet;
mod key;
mod keys;
mod publication;
mod publications;
mod request;
mod shared_keys;
mod state;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::account::Verdict;
pub(crate) use self::{
    account::{Account, Receipt},
    inlet::{Inlet, Place},
    key::ScopedKey,
    keys::{Begin, Keys},
    publication::{End, Publication, Reply, Taken},
    publications::Publications,
    request::Wanted,
    shared_keys::SharedKeys,
    state::{put_keys, take_keys},
};
