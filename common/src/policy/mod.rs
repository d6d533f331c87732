//! The Flash socket policy: the request, the grants, and the document that states them.
//!
//! ```text
//!  <policy-file-request/> NUL ──▶ PolicyRequest ──▶ the document, one NUL, end of stream
//!  --allow DOMAIN:PORTS ──▶ Grant ──┐
//!  --site-control ──────────────────┴─▶ Policy::to_bytes
//!  --file policy.xml ──▶ parse_file ──▶ the file's own bytes
//! ```

mod document;
mod file;
mod grant;
mod request;
#[cfg(test)]
mod tests;
mod xml;

pub use document::{Policy, SiteControl, SiteControlError};
pub use file::{FileError, FileErrorKind, MAX_FILE, parse_file};
pub use grant::{Domain, Grant, GrantError, PortRange, Ports, PrivilegedPortError};
pub use request::{PolicyRequest, PolicyRequestError, REQUEST};
pub use xml::XmlError;
