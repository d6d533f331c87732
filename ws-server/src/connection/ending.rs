//! Why a connection ends, as far as the server knows.

/// One of the reasons of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Peer,
    Slow,
    Timeout,
    Protocol,
    Policy,
    Revoked,
    Stopped,
    Restarted,
    Finished,
    Renewed,
    Server,
}

impl Ending {
    /// As the metrics name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Slow => "slow",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Policy => "policy",
            Self::Revoked => "revoked",
            Self::Stopped => "stopped",
            Self::Restarted => "restarted",
            Self::Finished => "finished",
            Self::Renewed => "renewed",
            Self::Server => "server",
        }
    }
}
