//! What all workers serve by: a reload replaces it for all of them at once, so that no client meets two configurations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::cache_control;
use crate::fields::SharedFields;
use crate::known_targets::KnownTargets;
use crate::limits::ConnectionLimits;
use crate::site::Site;

/// The site, and the limits of its connections.
#[derive(Debug)]
pub struct Serving {
    pub(crate) site: Site,
    pub(crate) shared: Arc<SharedFields>,
    pub(crate) limits: ConnectionLimits,
    /// The whole answer to a client for which there is no place.
    pub(crate) refusal: Vec<u8>,
}

impl Serving {
    pub(crate) fn new(site: Site, shared: Arc<SharedFields>, limits: ConnectionLimits) -> Self {
        let refusal = [
            b"HTTP/1.1 503 Service Unavailable\r\n".as_slice(),
            &shared.block([("Cache-Control", cache_control::for_status(503)), ("Retry-After", "1")]),
            b"Content-Length: 0\r\nConnection: close\r\n\r\n",
        ]
        .concat();
        Serving { site, shared, limits, refusal }
    }
}

/// The place where the workers find what they serve by.
#[derive(Debug)]
pub struct Published {
    serving: RwLock<Arc<Serving>>,
    /// How often it was replaced: a worker takes the lock only after that.
    replaced: AtomicU64,
}

impl Published {
    /// What the workers begin with.
    pub fn new(serving: Serving) -> Self {
        Published { serving: RwLock::new(Arc::new(serving)), replaced: AtomicU64::new(0) }
    }

    pub(crate) fn current(&self) -> Current {
        let replaced = self.replaced.load(Ordering::SeqCst);
        let serving = self.serving.read().unwrap_or_else(PoisonError::into_inner).clone();
        Current { serving, replaced, targets: KnownTargets::default() }
    }

    /// From now on every worker answers by this, also on connections that are open.
    pub fn replace(&self, serving: Serving) {
        let mut place = self.serving.write().unwrap_or_else(PoisonError::into_inner);
        *place = Arc::new(serving);
        // Counted while no worker can take the new one, so that none has it before all look for it.
        self.replaced.fetch_add(1, Ordering::SeqCst);
    }
}

/// What a worker serves by during a callback.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) serving: Arc<Serving>,
    /// How often it had been replaced before this one was taken.
    replaced: u64,
    /// Those of this site: they go with it.
    pub(crate) targets: KnownTargets,
}

impl Current {
    /// Takes what is published now.
    #[inline]
    pub(crate) fn renew(&mut self, published: &Published) {
        if self.replaced != published.replaced.load(Ordering::SeqCst) {
            self.replace(published);
        }
    }

    #[cold]
    fn replace(&mut self, published: &Published) {
        *self = published.current();
    }
}

impl std::ops::Deref for Current {
    type Target = Serving;

    fn deref(&self) -> &Serving {
        &self.serving
    }
}
