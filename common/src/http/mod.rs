//! HTTP/1.1 as servers need it (RFC 9110, RFC 9112): request heads with limits, and checked response heads.
//!
//! ```text
//!  bytes ──▶ HeadScan::find ──▶ Head::of_scanned ──▶ handshake::detect, or an ordinary answer (both in one: Head::take)
//!              │ HeadError         │ HeadError
//!              └───────────────────┴──────▶ HeadError::status ──▶ error_response, close
//!  body ───▶ BodyReader::next ──▶ content, and where the next request begins
//! ```

mod body;
mod body_reader;
mod byte_class;
mod date;
mod error;
mod head;
mod list;
mod path;
mod plain;
mod query;
mod request_line;
mod response;
mod scan;
mod shown;
#[cfg(test)]
mod tests;

pub use body::Body;
pub use body_reader::{BodyError, BodyPiece, BodyReader};
pub use date::{format_date, parse_date};
pub use error::HeadError;
pub use head::Head;
pub use list::{elements, weighted};
pub use path::{is_path_within, is_same_path};
pub use plain::plain_run;
pub use query::query_param;
pub use request_line::{is_known_method, is_token, split_absolute};
pub use response::{
    Response, error_response, explained_response, is_field_value, put_field, reason, remove_body, status_body,
};
pub use scan::{HeadLimits, HeadScan, MAX_HEADERS, ScannedHead};
pub use shown::shown_target;
