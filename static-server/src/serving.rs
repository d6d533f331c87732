//! What all workers serve by: a reload replaces it for all of them at once, so that no client meets two configurations.

use std::sync::{Arc, PoisonError, RwLock};

use crate::cache_control;
use crate::fields::SharedFields;
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
            &shared.block(&[("Cache-Control", cache_control::for_status(503)), ("Retry-After", "1")]),
            b"Content-Length: 0\r\nConnection: close\r\n\r\n",
        ]
        .concat();
        Serving { site, shared, limits, refusal }
    }
}

/// The place where the workers find what they serve by.
#[derive(Debug)]
pub struct Published(RwLock<Arc<Serving>>);

impl Published {
    /// What the workers begin with.
    pub fn new(serving: Serving) -> Self {
        Published(RwLock::new(Arc::new(serving)))
    }

    pub(crate) fn current(&self) -> Arc<Serving> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on every worker answers by this, also on connections that are open.
    pub fn replace(&self, serving: Serving) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(serving);
    }
}
