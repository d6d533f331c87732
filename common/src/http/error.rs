//! Why a request head is refused.

/// A fault of a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The first line is no request line.
    #[error("not a request line")]
    RequestLine,
    /// The request target is in no form that its method has.
    #[error("bad request target")]
    Target,
    /// A method longer than any known one.
    #[error("unknown method")]
    Method,
    /// A major version of HTTP other than 1.
    #[error("unsupported HTTP version")]
    Version,
    /// A byte that may not be in a head, or CR and LF that are not a pair.
    #[error("control byte in the head")]
    ControlByte,
    /// A line that is no header field: a folded one, or one with a blank before the colon, say.
    #[error("bad header field")]
    Field,
    /// No `Host`, several, or one that names no host.
    #[error("bad Host")]
    Host,
    /// A body whose end cannot be known for certain.
    #[error("ambiguous body length")]
    BodyLength,
    /// A target longer than the limit.
    #[error("request target too long")]
    TargetTooLong,
    /// A head longer than the limit.
    #[error("head too long")]
    TooLong,
    /// More header fields than the limit.
    #[error("too many header fields")]
    TooManyFields,
}

impl HeadError {
    /// The status of the answer; the connection is closed after it.
    pub fn status(self) -> u16 {
        match self {
            Self::RequestLine
            | Self::Target
            | Self::ControlByte
            | Self::Field
            | Self::Host
            | Self::BodyLength => 400,
            // RFC 9110 §15.5.15: "the target URI is longer than the server is willing to interpret"
            Self::TargetTooLong => 414,
            // RFC 6585 §5
            Self::TooLong | Self::TooManyFields => 431,
            // RFC 9112 §3: "A server that receives a method longer than any that it implements SHOULD respond with
            // a 501 (Not Implemented) status code."
            Self::Method => 501,
            Self::Version => 505,
        }
    }
}
