//! The real client behind a proxy: PROXY protocol version 2, and the `X-Forwarded-*` fields.
//!
//! All of it counts only from a peer that the operator trusts ([`Cidr`]), because any client can send it.

mod cidr;
mod forwarded;
mod header_v2;
#[cfg(test)]
mod tests;

pub use cidr::{Cidr, CidrError, is_trusted};
pub use forwarded::{forwarded_for, forwarded_secure};
pub use header_v2::{ProxyError, SIGNATURE, decode_v2};
