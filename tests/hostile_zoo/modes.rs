//! The table of attacks.

use std::time::Duration;

use crate::{other_modes, plan::Plan, stream_modes, victim::Settings};

#[derive(Clone, Debug)]
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    pub(crate) settings: Settings,
    /// The server ends the attackers' connections, though they hold on to them.
    pub(crate) is_ended: bool,
    /// As many as there are in full; a tenth of them in small.
    pub(crate) full: Plan,
}

impl Mode {
    pub(crate) fn new(name: &'static str, settings: Settings, full: Plan) -> Self {
        Self { name, settings, is_ended: true, full }
    }

    pub(crate) fn plan(&self, in_small: bool) -> Plan {
        let count = if in_small { self.full.count.div_ceil(10) } else { self.full.count };
        Plan { count, ..self.full.clone() }
    }
}

pub(crate) fn all() -> Vec<Mode> {
    [stream_modes::all(), other_modes::all()].concat()
}

/// A byte of an attacker that is slow on purpose.
pub(crate) const SLOW: Duration = Duration::from_millis(500);
/// The smallest receive buffer that the kernel gives.
pub(crate) const SMALL: Option<usize> = Some(2048);
