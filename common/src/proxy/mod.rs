//! Who is really there when a proxy is in front: PROXY protocol version 2, and the `X-Forwarded-*` fields.
//!
//! All of it counts only from a peer that the operator trusts ([`Cidr`]); anybody else could write anything there.

mod cidr;
mod forwarded;
mod header_v2;
#[cfg(test)]
mod tests;

pub use cidr::{BadCidr, Cidr, is_trusted};
pub use forwarded::{forwarded_for, forwarded_secure};
pub use header_v2::{ProxyError, SIGNATURE, decode_v2};
