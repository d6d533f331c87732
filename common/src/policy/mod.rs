//! The Flash socket policy: the request, what is granted, and the document that says so.
//!
//! ```text
//!  <policy-file-request/> NUL ──▶ PolicyRequest ──▶ the document, one NUL, end of stream
//!  --allow DOMAIN:PORTS ──▶ Grant ──┐
//!  --site-control ──────────────────┴─▶ Policy::to_bytes
//!  --file policy.xml ──▶ parse_file ──▶ its own bytes
//! ```

mod document;
mod file;
mod grant;
mod ports;
mod request;
#[cfg(test)]
mod tests;
mod xml;

pub use document::{Policy, SiteControl, UnknownSiteControl};
pub use file::{FileError, FileFault, MAX_FILE, parse_file};
pub use grant::{Domain, Grant, GrantError, LowPort};
pub use ports::{PortError, PortRange, Ports};
pub use request::{NotARequest, PolicyRequest, REQUEST};
