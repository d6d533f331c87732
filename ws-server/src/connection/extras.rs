//! What only some connections have: one box, which the others do without.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::{framing::Framing, token::Grant};
use reactor::{CompactInstant, Context};

use super::{
    document::Document,
    permission::ConnectionGrant,
    pulse::Pulse,
    rate::{Rate, RateLimiter},
};

/// What one connection has of these.
#[derive(Debug, Default)]
pub(crate) struct Extras(Option<Box<Boxed>>);

#[derive(Debug, Default)]
struct Boxed {
    /// Whose token has let it read or publish; `None`: no token was needed.
    grant: ConnectionGrant,
    /// The signs of life that its client has asked for.
    pulse: Pulse,
    /// The document that it fills.
    document: Document,
    /// Of what its client sends behind the request of a stream over HTTP.
    unwanted_rate: Option<RateLimiter>,
}

impl Extras {
    fn boxed(&mut self) -> &mut Boxed {
        self.0.get_or_insert_default()
    }

    pub(crate) fn grant(&self) -> Option<&Arc<Grant>> {
        self.0.as_ref()?.grant.as_ref()
    }

    pub(crate) fn set_grant(&mut self, grant: ConnectionGrant) {
        if grant.is_some() || self.0.is_some() {
            self.boxed().grant = grant;
        }
    }

    /// The signs of life, if its client has asked for any.
    pub(super) fn pulse(&self) -> Option<&Pulse> {
        self.0.as_ref().map(|boxed| &boxed.pulse).filter(|pulse| pulse.is_asked())
    }

    pub(super) fn set_pulse(&mut self, pulse: Pulse) {
        if pulse.is_asked() || self.0.is_some() {
            self.boxed().pulse = pulse;
        }
    }

    /// As [`Pulse::sent`].
    #[inline]
    pub(crate) fn sent(&mut self, now: Instant) {
        if let Some(boxed) = &mut self.0 {
            boxed.pulse.sent(now);
        }
    }

    /// As [`Pulse::set_timeout`].
    pub(super) fn set_timeout(&mut self, time: Duration, cx: &mut Context<'_>) {
        match &mut self.0 {
            Some(boxed) => boxed.pulse.set_timeout(time, cx),
            None => cx.set_timeout(time),
        }
    }

    /// As [`Pulse::beat`].
    pub(crate) fn beat(&mut self, framing: Framing, cx: &mut Context<'_>) -> bool {
        self.0.as_mut().is_none_or(|boxed| boxed.pulse.beat(framing, cx))
    }

    /// As [`Pulse::put_off`].
    pub(super) fn put_off(&mut self, time: Duration) {
        if let Some(boxed) = &mut self.0 {
            boxed.pulse.put_off(time);
        }
    }

    /// The document, if its framing is one.
    pub(super) fn document(&self) -> Option<&Document> {
        self.0.as_ref().map(|boxed| &boxed.document).filter(|document| document.is_one())
    }

    pub(super) fn set_document(&mut self, document: Document) {
        self.boxed().document = document;
    }

    /// Counts messages of the stream that were sent, in so many bytes.
    #[inline]
    pub(crate) fn count(&mut self, messages: u64, bytes: usize) {
        if let Some(boxed) = &mut self.0 {
            boxed.document.add(messages, bytes);
        }
    }

    /// True for a document that has grown long enough.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.0.as_ref().is_some_and(|boxed| boxed.document.is_full())
    }

    /// Counts what its client sends behind the request; false if that is more than the rate allows.
    pub(super) fn allows_unwanted(&mut self, rate: Rate, now: CompactInstant) -> bool {
        self.boxed().unwanted_rate.get_or_insert_with(|| RateLimiter::new(now)).take(rate, now)
    }
}
