//! What a stream says at its end to a client that has no script to find out.

/// The last words of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// One sentence.
    pub said: &'static str,
    /// Where and when the client goes on; `None`: there is nothing more.
    pub go_on: Option<GoOn>,
    /// The client has all that it asked for. It may begin to draw only now, and scrolls through it.
    pub is_whole: bool,
}

/// A request that goes on with what comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoOn {
    /// Its address, relative to that of the stream.
    pub address: String,
    /// Seconds before the client makes it by itself.
    pub after: u16,
}
