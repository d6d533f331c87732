//! A static HTTP/1.1 file server with the datecast page built in.

pub mod cache_control;
pub mod conditional;
pub mod csp;
pub mod date;
pub mod encoding;
pub mod etag;
pub mod mime;
pub mod path;
pub mod range;
pub mod root;
