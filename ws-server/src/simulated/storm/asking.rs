//! What a client says beside the way in which it wants the stream: how far it reads, with which token, and from where.

use std::net::{IpAddr, Ipv4Addr};

use common::{id::MessageId, proxy::SIGNATURE};

/// The last byte of the address at which the trusted proxy is.
pub(super) const PROXY: u8 = 9;

/// Who a client is: its own address, or that of the proxy and the one that the proxy tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) host: u8,
    pub(super) behind_proxy: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Every list of tokens has it.
    Lasting,
    /// Some lists lack it.
    Revocable,
}

/// The words of a query that are the same in each request of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asking {
    pub(super) until: Option<MessageId>,
    pub(super) token: Option<Token>,
}

impl Home {
    pub(super) fn of(host: u8) -> Self {
        Self { host, behind_proxy: 0 }
    }

    /// The address from which its connection comes.
    pub(super) fn peer(self) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 0, self.host)
    }

    /// The address at which its connection counts, once it has said what it wants.
    pub(super) fn address(self) -> IpAddr {
        if self.host == PROXY { self.customer().into() } else { self.peer().into() }
    }

    fn customer(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, self.behind_proxy)
    }

    /// What comes before its first request.
    pub(super) fn preface(self) -> Vec<u8> {
        if self.host != PROXY {
            return Vec::new();
        }
        let addresses = [self.customer().octets(), Ipv4Addr::LOCALHOST.octets()].concat();
        [&SIGNATURE[..], &[0x21, 0x11, 0, 12], &addresses, &[4, 0, 0, 80]].concat()
    }
}

impl Token {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Lasting => "0123456789abcdef",
            Self::Revocable => "fedcba9876543210",
        }
    }
}

impl Asking {
    pub(super) fn query(self) -> impl Iterator<Item = String> {
        let until = self.until.map(|until| format!("until={until}"));
        until.into_iter().chain(self.token.map(|token| format!("token={}", token.text())))
    }
}
