//! Why the parser refuses a request head.

/// Why a server refuses a request head; [`Self::status`] is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "a message says what its variant means")]
pub enum HeadError {
    #[error("not a request line")]
    RequestLine,
    /// The request target has none of the forms that its method allows.
    #[error("bad request target")]
    Target,
    #[error("unknown method")]
    Method,
    #[error("unsupported HTTP version")]
    Version,
    /// A byte that a head must not contain, or a CR or LF alone.
    #[error("control byte in the head")]
    ControlByte,
    /// A line that is not a header field: a folded one, for example, or one with a blank before the colon.
    #[error("bad header field")]
    Field,
    /// No `Host`, several, or one whose value is not a host.
    #[error("bad Host")]
    Host,
    /// A body whose end another server might see elsewhere.
    #[error("ambiguous body length")]
    BodyLength,
    #[error("request target too long")]
    TargetTooLong,
    #[error("head too long")]
    TooLong,
    #[error("too many header fields")]
    TooManyFields,
}

impl HeadError {
    /// The status of the answer, after which the server closes the connection.
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
